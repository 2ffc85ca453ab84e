"""A model run by sentence-transformers. Its import takes seconds: only where it is needed."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray

from qa.locations import cache_folder

# Nothing of ours needs a hub once the folder is known, and none of it may report home; and torch
# makes a folder of its own where all users share one, unless it is told where.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "torch"))

from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from qa.errors import ModelError


class TorchEncoder:
    """A sentence-transformers model. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Load it, onto a GPU if there is one.

        Raises:
            ModelError: The folder holds no such model.
        """
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
        try:
            self.model = SentenceTransformer(str(folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder} does not hold a sentence-transformers model that can be loaded: "
                f"{error}. Name another with --model, or leave --model out for the built-in one."
            ) from error
        self.dimension = int(self.model.get_embedding_dimension() or 0)
        self.token_limit = int(self.model.get_max_seq_length() or 512)
        self._lock = RLock()  # the tokenizers refuse to be used by two threads at once

    @property
    def on_cuda(self) -> bool:
        """Whether it runs on an NVIDIA GPU."""
        return str(self.model.device.type) == "cuda"

    def count_tokens(self, text: str) -> int:
        """Return the length of `text` in the model's tokens, special tokens counted."""
        with self._lock:
            encoded = self.model.tokenizer(text, truncation=False, padding=False, verbose=False)
        return len(encoded["input_ids"])

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of questions, float32 of shape ``(len(texts), dimension)``."""
        with self._lock:
            return np.asarray(self.model.encode_query(list(texts), show_progress_bar=False))

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        with self._lock:
            return np.asarray(self.model.encode_document(list(texts), show_progress_bar=False))

    def prompt(self, *names: str) -> str:
        """Return what the model puts before a text, by the first of these names that it has."""
        prompts = self.model.prompts
        chosen = next((n for n in names if n in prompts), self.model.default_prompt_name)
        return str(prompts[chosen]) if chosen else ""
