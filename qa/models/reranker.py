"""An optional cross-encoder: it reads question and passage together."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from qa.errors import ModelError

_HINT = "Name another with --reranker, or leave --reranker out."


class Reranker:
    """A sentence-transformers CrossEncoder, from a folder or by name. Threads may share it."""

    def __init__(self, model: str) -> None:
        """Load it.

        Args:
            model: A folder, or a name that sentence-transformers knows. A model is downloaded only
                if it is not on this machine yet.

        Raises:
            ModelError: The model is not there, or is not a cross-encoder with a single score.
        """
        from sentence_transformers import CrossEncoder

        name = Path(model).expanduser().as_posix()
        try:
            self._model = CrossEncoder(name, local_files_only=Path(name).is_dir())
        except (OSError, ValueError, KeyError) as error:
            message = f"{model} is not a cross-encoder that can be loaded: {error}. {_HINT}"
            raise ModelError(message) from error
        if (count := self._model.num_labels) != 1:
            message = f"{model} gives {count} scores for a passage, but a reranker gives one. "
            raise ModelError(message + _HINT)
        self._lock = Lock()  # guards the tokenizer, which fails if two threads use it at once

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers: float32 of shape ``(len(texts),)``, higher is better.

        Args:
            query: The question.
            texts: The passages to compare.
        """
        pairs = [(query, text) for text in texts]
        with self._lock:
            found = self._model.predict(pairs, show_progress_bar=False)
        return np.asarray(found, dtype=np.float32).reshape(-1)
