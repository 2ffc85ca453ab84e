"""A model run by sentence-transformers, and its export to OpenVINO. Importing torch takes seconds.

The only importer of torch.
"""

import logging
import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from qa.errors import ModelError
from qa.locations import cache_folder
from qa.models.openvino_encoder import INPUTS, MODEL, TOKENIZER, OpenVinoEncoder, runtime, seal

# By default torch creates a folder in the temporary folder that all users share.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "torch"))

import torch
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

# Lowest cosine allowed between the vectors of the export and the original, by precision.
_CLOSEST = {"bf16": 0.999, "f32": 0.9999}
_SAMPLES = Path(__file__).with_name("samples.txt").read_text(encoding="utf-8").splitlines()


class TorchEncoder:
    """A sentence-transformers model. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Raises:
            ModelError: The folder holds no such model.
        """
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self.model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder} does not hold a sentence-transformers model that can be loaded: "
                f"{error}. Name another with --model, or leave --model out for the built-in one."
            ) from error
        self.dimension = int(self.model.get_embedding_dimension() or 0)
        self.token_limit = int(self.model.get_max_seq_length() or 512)
        # Their warnings while the model is traced do not matter: the vectors are compared later.
        for library in ("sentence_transformers", "transformers"):
            logging.getLogger(library).setLevel(logging.ERROR)
        self._lock = Lock()  # guards the tokenizer, which fails if two threads use it at once

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, special tokens included."""
        with self._lock:
            return len(self.model.tokenizer.encode(text, verbose=False))

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of questions, float32 of shape ``(len(texts), dimension)``."""
        return self._encoded(self.model.encode_query, texts)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        return self._encoded(self.model.encode_document, texts)

    def _encoded(self, encode: Callable[..., Any], texts: Sequence[str]) -> NDArray[np.float32]:
        with self._lock:
            vectors = encode(list(texts), show_progress_bar=False, normalize_embeddings=True)
        return np.asarray(vectors).reshape(-1, self.dimension)

    def export(self, folder: Path) -> None:
        """Write the model for OpenVINO to `folder`, completely or not at all.

        Raises:
            OSError: The folder cannot be written.
            AttributeError, KeyError, RuntimeError, TypeError, ValueError: The model is of a kind
                that cannot be exported, or the vectors of the export differ.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):  # processes that start together export the model once
            if folder.exists():
                return
            draft = folder.with_name(f".{folder.name}")
            draft.mkdir(exist_ok=True)  # it may be left by a process that was killed
            try:
                runtime().save_model(_trace(self.model), draft / MODEL, compress_to_fp16=False)
                self.model.tokenizer.backend_tokenizer.save(str(draft / TOKENIZER))
                self._choose_precision(draft)
                draft.replace(folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def _choose_precision(self, folder: Path) -> None:
        """Complete the export with the first precision whose vectors are close to the original's.

        Raises:
            ValueError: There is none.
        """
        expected = _sample_vectors(self)
        cosine = 0.0
        for precision, closest in _CLOSEST.items():
            seal(
                folder,
                dimension=self.dimension,
                token_limit=self.token_limit,
                query_prompt=self.model.prompts["query"],
                passage_prompt=self.model.prompts["document"],
                precision=precision,
            )
            exported = OpenVinoEncoder(folder)
            cosine = float((_sample_vectors(exported) * expected).sum(axis=1).min())
            if exported.precision == precision and cosine >= closest:
                return
        raise ValueError(f"the vectors of the export differ: cosine {cosine:.4f}")


class _Pipeline(torch.nn.ModuleList):
    """A sentence-transformers model with positional inputs, as tracing needs."""

    def forward(self, *inputs: torch.Tensor) -> Any:
        """Return vectors, ``(batch, dimension)``."""
        [model] = self
        return model(dict(zip(INPUTS, inputs, strict=True)))["sentence_embedding"]


def _trace(model: SentenceTransformer) -> Any:
    ones = torch.ones(2, 8, dtype=torch.int64)
    pipeline = _Pipeline([model]).eval()
    # The tracer's warnings do not matter: the vectors are compared afterwards.
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        return runtime().convert_model(pipeline, example_input=(ones, ones, 0 * ones))


def _sample_vectors(encoder: TorchEncoder | OpenVinoEncoder) -> NDArray[np.float32]:
    """Return unit vectors of the samples, as questions and as passages."""
    return np.concatenate([encoder.queries(_SAMPLES), encoder.passages(_SAMPLES)])
