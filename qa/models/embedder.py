"""Text to unit vectors on this machine: with OpenVINO, or with torch where OpenVINO fails."""

import logging
import shutil
from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from qa.locations import cache_folder
from qa.models.files import BUILT_IN, DIMENSION, MODEL_ID, digest, find, verify_built_in
from qa.models.openvino_encoder import OpenVinoEncoder, Vectors

if TYPE_CHECKING:
    from qa.models.torch_encoder import TorchEncoder

# Version of the export format. With a new one, models are exported again.
_EXPORT = 2
# The errors of tracing, converting or compiling a model that OpenVINO does not support.
_UNSUPPORTED = (AttributeError, ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError)
_log = logging.getLogger("qa")


class Embedder:
    """A sentence-transformers model on this machine, loaded when it is first used.

    The first use also exports the model to OpenVINO. After that torch is not imported any more.
    """

    def __init__(self, model: str | None = None) -> None:
        """Choose a model.

        Args:
            model: A folder, or a name that sentence-transformers knows; None for the built-in
                model. A model is downloaded only if it is not on this machine yet.

        Raises:
            ModelError: The model is not there.
        """
        self._folder = find(model)
        self._built_in = model in (None, BUILT_IN)
        self.languages = frozenset({"en"} if self._built_in else ())
        """ISO 639-1 codes of the languages it was made for; empty if they are not known."""
        self._loaded: OpenVinoEncoder | TorchEncoder | None = None
        # Guards `_loaded`: two threads must not load or export the model at the same time.
        self._lock = Lock()

    @cached_property
    def model_id(self) -> str:
        """Name and hash: two embedders with the same id give the same vectors."""
        if self._built_in:  # its hash is known, and checked when its weights are loaded
            return MODEL_ID
        return f"{self._folder.name}@{digest(self._folder)[:16]}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        # Known for the built-in model, so that opening an index does not load it.
        return DIMENSION if self._built_in else self._encoder.dimension

    @property
    def token_limit(self) -> int:
        """Most tokens of a text that the model reads, special tokens included."""
        return self._encoder.token_limit

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text` in the model's own tokenizer, specials included."""
        return self._encoder.count_tokens(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of questions, float32 of shape ``(len(texts), dimension)``."""
        return self._encoder.queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        return self._encoder.passages(texts)

    @property
    def _encoder(self) -> "OpenVinoEncoder | TorchEncoder":
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> "OpenVinoEncoder | TorchEncoder":
        """Return the exported model, exporting it if necessary; if that fails, the original."""
        folder = cache_folder() / "models" / f"{self.model_id}-{_EXPORT}"
        try:
            try:
                return OpenVinoEncoder(folder)
            except (FileNotFoundError, KeyError, TypeError, ValueError):  # missing or damaged
                shutil.rmtree(folder, ignore_errors=True)
            self._original().export(folder)
            return OpenVinoEncoder(folder)
        except _UNSUPPORTED as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            _log.warning("OpenVINO cannot run the model (%s): torch does, slower.", reason[0])
            return self._original()

    def _original(self) -> "TorchEncoder":
        if self._built_in:
            verify_built_in(self._folder)
        from qa.models.torch_encoder import TorchEncoder

        return TorchEncoder(self._folder)
