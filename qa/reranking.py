"""An optional cross-encoder that reads question and passage together."""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import RLock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qa.errors import ModelError


class Reranker(Protocol):
    """What the rest of the program knows of it."""

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers: float32, ``(len(texts),)``, higher is better."""


class CrossEncoderReranker:
    """A sentence-transformers CrossEncoder, from a folder or by name."""

    def __init__(self, model: str) -> None:
        """Load it.

        Args:
            model: A folder, or a name that sentence-transformers knows; a name is fetched only
                if it is not on this machine yet.

        Raises:
            ModelError: It is not there, or is no cross-encoder with a single score.
        """
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from sentence_transformers import CrossEncoder

        folder = Path(model).expanduser()
        try:
            self._model = CrossEncoder(
                str(folder) if folder.is_dir() else model, local_files_only=folder.is_dir()
            )
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{model} is no cross-encoder that can be loaded: {error}. Name another with "
                "--reranker, or leave it out."
            ) from error
        if self._model.num_labels != 1:
            raise ModelError(
                f"{model} gives {self._model.num_labels} scores for a passage; a reranker gives "
                "one. Name another with --reranker, or leave it out."
            )
        self._lock = RLock()

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return how well each text answers, float32 of shape ``(len(texts),)``."""
        with self._lock:
            found = self._model.predict(
                [(query, text) for text in texts], show_progress_bar=False, convert_to_numpy=True
            )
        return np.asarray(found, dtype=np.float32).reshape(-1)
