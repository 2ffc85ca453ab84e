"""A model run by OpenVINO from its export: several times as fast as torch, and soon there.

The only importer of openvino and tokenizers.
"""

import hashlib
import json
import os
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import openvino

MODEL, WEIGHTS, TOKENIZER, SETTINGS = "model.xml", "model.bin", "tokenizer.json", "settings.json"
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# A question is soonest done by all cores together, a heap of passages by each core on its own.
_CORES = os.cpu_count() or 1
# Tokens in one batch, padding included. More fall out of the processor's cache: measured.
_BATCH_TOKENS = 800
# Questions in one batch.
_QUESTIONS = 16
# Lengths are padded to a multiple of the tile of the processor's matrix unit, which also keeps the
# number of shapes low that kernels are made for.
_TILE = 16


class Settings(NamedTuple):
    """What else a model needs to run. `sha256` is that of the other files, in their order."""

    dimension: int
    token_limit: int
    query_prompt: str
    passage_prompt: str
    precision: str
    sha256: str


@dataclass(slots=True)
class _Question:
    tokens: list[int]
    vector: NDArray[np.float32] | None = None


class OpenVinoEncoder:
    """An exported model. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
            OSError, ValueError, TypeError, RuntimeError: The export is missing or damaged, or
                OpenVINO cannot run it on this processor.
        """
        from tokenizers import Tokenizer

        self._folder = folder
        self.settings = Settings(**json.loads((folder / SETTINGS).read_text(encoding="utf-8")))
        if checksum(folder) != self.settings.sha256:
            raise ValueError("the export is damaged")
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.settings.token_limit)
        self._request = self._compiled(streams=1).create_infer_request()
        self._waiting: deque[_Question] = deque()
        self._one_question, self._one_batch = Lock(), Lock()

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.settings.dimension

    @property
    def token_limit(self) -> int:
        """Most tokens the model reads."""
        return self.settings.token_limit

    def count_tokens(self, text: str) -> int:
        """Return the length of `text` in the model's tokens, special tokens counted."""
        return len(self._counter.encode(text).ids)

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of questions, float32 of shape ``(len(texts), dimension)``.

        Whoever's turn it is takes along what others wait for: most of the time goes into fetching
        the model's weights from memory, which is done once for a batch.
        """
        prompt = self.settings.query_prompt
        asked = [_Question(self._tokenizer.encode(prompt + text).ids) for text in texts]
        self._waiting.extend(asked)
        with self._one_question:
            while any(question.vector is None for question in asked):
                count = min(_QUESTIONS, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(count)]
                self._request.infer(_padded([question.tokens for question in batch]))
                found = self._request.get_output_tensor(0).data.copy()
                for question, vector in zip(batch, found, strict=True):
                    question.vector = vector
        return np.array([question.vector for question in asked]).reshape(-1, self.dimension)

    def passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        prompt = self.settings.passage_prompt
        tokens = [one.ids for one in self._tokenizer.encode_batch([prompt + t for t in texts])]
        order = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)

        def keep(request: "openvino.InferRequest", rows: list[int]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        with self._one_batch:
            self._queue.set_callback(keep)
            start = 0
            while start < len(order):
                longest = -(-len(tokens[order[start]]) // _TILE) * _TILE
                rows = order[start : start + max(1, _BATCH_TOKENS // longest)]
                self._queue.start_async(_padded([tokens[row] for row in rows]), rows)
                start += len(rows)
            self._queue.wait_all()
        return vectors

    @cached_property
    def _counter(self) -> Any:
        from tokenizers import Tokenizer

        counter = Tokenizer.from_file(str(self._folder / TOKENIZER))
        counter.no_padding()
        counter.no_truncation()
        return counter

    @cached_property
    def _queue(self) -> "openvino.AsyncInferQueue":
        # Of its own: a question never waits behind a batch of passages.
        return runtime().AsyncInferQueue(self._compiled(streams=_CORES), 2 * _CORES)

    def _compiled(self, streams: int) -> "openvino.CompiledModel":
        core = runtime().Core()
        options = {
            "INFERENCE_PRECISION_HINT": precision(core, self.settings.precision),
            "NUM_STREAMS": str(streams),
            "INFERENCE_NUM_THREADS": str(_CORES),
        }
        return core.compile_model(self._folder / MODEL, "CPU", options)


def checksum(folder: Path) -> str:
    """Return the SHA-256 of an export: of model, weights and tokenizer, one after the other."""
    whole = hashlib.sha256()
    for name in (MODEL, WEIGHTS, TOKENIZER):
        with (folder / name).open("rb") as stream:
            whole.update(hashlib.file_digest(stream, "sha256").digest())
    return whole.hexdigest()


def runtime() -> Any:
    """Return the module `openvino`, imported so that it reports to nobody.

    It sends a message at every import if `openvino_telemetry` can be imported; with None in its
    place it takes a stub.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def precision(core: "openvino.Core", wanted: str = "bf16") -> str:
    """Return "bf16" if that is wanted and this processor computes with it, else "f32"."""
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if wanted == "bf16" and "BF16" in able else "f32"


def _padded(tokens: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
    """Return the model's inputs, each int64 of shape ``(len(tokens), longest)``."""
    longest = -(-max(map(len, tokens)) // _TILE) * _TILE
    ids = np.zeros((len(tokens), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, known in enumerate(tokens):
        ids[row, : len(known)] = known
        mask[row, : len(known)] = 1
    return [ids, mask, np.zeros_like(ids)]
