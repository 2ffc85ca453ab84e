"""Text to unit vectors, on this machine: by OpenVINO, or by torch where that cannot be."""

import ctypes
import logging
import shutil
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from qa.embedding.files import (
    BUILT_IN,
    BUILT_IN_DIMENSION,
    BUILT_IN_SHA256,
    find,
    identity,
    verify_built_in,
)
from qa.embedding.openvino_encoder import OpenVinoEncoder
from qa.locations import cache_folder

if TYPE_CHECKING:
    from qa.embedding.torch_encoder import TorchEncoder

Vectors = NDArray[np.float32]

_EXPORT = 2
"""Raised when exports come out differently: old ones are left alone and made anew."""
# What tracing, converting or compiling a model that does not suit can end in.
_UNSUITED = (AttributeError, ImportError, KeyError, OSError, RuntimeError, TypeError, ValueError)
_log = logging.getLogger("qa")


class Embedder(Protocol):
    """What the rest of the program knows of a model."""

    @property
    def model_id(self) -> str:
        """Name and hash: two embedders with one id give the same vectors."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes of the languages that it was made for; empty if that is not known."""

    @property
    def token_limit(self) -> int:
        """Most tokens of a text, the model's own special tokens counted, that it reads."""

    def count_tokens(self, text: str) -> int:
        """Return the tokens of `text` by the model's own tokenizer, special ones counted."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of questions, float32 of shape ``(len(texts), dimension)``."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of passages, float32 of shape ``(len(texts), dimension)``."""


class LocalEmbedder:
    """A sentence-transformers model on this machine. Loaded when first used, not when made.

    It is exported to OpenVINO when it is first used; from then on torch is not imported any more.
    """

    def __init__(self, model: str | None = None) -> None:
        """Choose a model.

        Args:
            model: A folder, or a name that sentence-transformers knows; None is the model that the
                install brought along. A name is fetched only if it is not on this machine yet.

        Raises:
            ModelError: The model is not there.
        """
        self._folder = find(model)
        self._built_in = model in (None, BUILT_IN)
        self._lock = RLock()

    @cached_property
    def model_id(self) -> str:
        """Name and hash. The hash covers every file that shapes a vector."""
        if self._built_in:  # its hash is known here and checked when the weights are loaded
            return f"{BUILT_IN}@{BUILT_IN_SHA256[:16]}"
        return identity(self._folder)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        if self._built_in:  # known, so that opening an index does not load the model
            return BUILT_IN_DIMENSION
        return self._encoder.dimension

    @property
    def languages(self) -> frozenset[str]:
        """The languages of the built-in model; not known of any other."""
        return frozenset({"en"} if self._built_in else ())

    @property
    def token_limit(self) -> int:
        """Most tokens the model reads; what lies beyond is cut off silently by the model."""
        return self._encoder.token_limit

    def count_tokens(self, text: str) -> int:
        """Return the length of `text` in the model's tokens, special tokens counted."""
        return self._encoder.count_tokens(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of questions, float32 of shape ``(len(texts), dimension)``."""
        return self._unit(self._encoder.queries(texts))

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        return self._unit(self._bulk_encoder.passages(texts))

    def _unit(self, vectors: NDArray[np.float32]) -> Vectors:
        """Normalise: the one place where it is done, so that inner product is cosine."""
        vectors = np.asarray(vectors, dtype=np.float32).reshape(-1, self.dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        return unit

    @property
    def _encoder(self) -> "OpenVinoEncoder | TorchEncoder":
        with self._lock:
            return self._loaded

    @property
    def _bulk_encoder(self) -> "OpenVinoEncoder | TorchEncoder":
        """What embeds passages: a GPU, if there is one that torch can use."""
        with self._lock:
            return self._on_gpu or self._loaded

    @cached_property
    def _loaded(self) -> "OpenVinoEncoder | TorchEncoder":
        folder = export_folder(self.model_id)
        try:
            if (encoder := self._exported(folder)) is not None:
                return encoder
            from qa.embedding.export import export

            export(self._original(), folder)
            return OpenVinoEncoder(folder)
        except _UNSUITED as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            _log.warning("OpenVINO cannot run the model (%s): torch does, slower.", reason[0])
            return self._original()

    def _exported(self, folder: Path) -> OpenVinoEncoder | None:
        """Return the export that lies there; None if it is not there, or was damaged and is not."""
        try:
            return OpenVinoEncoder(folder)
        except (FileNotFoundError, TypeError, ValueError):
            shutil.rmtree(folder, ignore_errors=True)
            return None

    @cached_property
    def _on_gpu(self) -> "TorchEncoder | None":
        if not _nvidia_driver():
            return None
        original = self._original()
        return original if original.on_cuda else None

    def _original(self) -> "TorchEncoder":
        if self._built_in:
            verify_built_in(self._folder)
        from qa.embedding.torch_encoder import TorchEncoder

        return TorchEncoder(self._folder)


def export_folder(model_id: str) -> Path:
    """Return where the export of a model lies: in the user's cache."""
    return cache_folder() / "models" / f"{model_id}-{_EXPORT}"


def _nvidia_driver() -> bool:
    """Say whether there is one; to ask torch would take the seconds of its import."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True
