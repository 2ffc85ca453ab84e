"""A model run by OpenVINO from its export: several times as fast as torch, and loaded sooner.

The only importer of openvino and tokenizers.
"""

import json
import os
import sys
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.models.files import digest

Vectors = NDArray[np.float32]
MODEL, TOKENIZER, _SETTINGS = "model.xml", "tokenizer.json", "settings.txt"
_CHECKED = (".xml", ".bin", ".json")  # what `_SETTINGS` has the hash of
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_CORES = os.cpu_count() or 1
# Questions in one batch.
_QUERIES = 16
# Tokens in one batch of passages, padding included: measured. More exceed the processor's cache.
_BATCH_TOKENS = 800
# Lengths are padded to a multiple of the tile of the processor's matrix unit. That also keeps the
# number of shapes low for which OpenVINO generates code.
_TILE = 16


class OpenVinoEncoder:
    """An exported model. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Load the export in a folder.

        Raises:
            ImportError: OpenVINO is not installed.
            OSError, KeyError, ValueError, TypeError, RuntimeError: The export is missing or
                damaged, or OpenVINO cannot run it on this processor.
        """
        from tokenizers import Tokenizer

        settings = self._settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
        if settings["sha256"] != digest(folder, _CHECKED):
            raise ValueError("the export is damaged")
        self.dimension: int = settings["dimension"]
        self.token_limit: int = settings["token_limit"]
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.token_limit)
        self._model = folder / MODEL
        self._core = runtime().Core()
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = settings["precision"] if has_bf16 else "f32"
        # One question is fastest with all cores together, many passages with one core for each.
        self._request = self._compile(streams=1).create_infer_request()
        self._query_lock = Lock()  # guards `_request`: each inference overwrites its output
        self._passage_lock = Lock()  # guards `_queue`: its callback belongs to one call

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, special tokens included."""
        encoding = self._tokenizer.encode(text)
        beyond = [part.special_tokens_mask.count(0) for part in encoding.overflowing]
        return len(encoding.ids) + sum(beyond)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of questions, float32 of shape ``(len(texts), dimension)``."""
        tokens = self._tokens(self._settings["query_prompt"], texts)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for start in range(0, len(texts), _QUERIES):
            rows = slice(start, start + _QUERIES)
            with self._query_lock:
                self._request.infer(_padded(tokens[rows]))
                vectors[rows] = self._request.get_output_tensor(0).data
        return _unit(vectors)

    def passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of passages, float32 of shape ``(len(texts), dimension)``."""
        tokens = self._tokens(self._settings["passage_prompt"], texts)
        longest_first = sorted(range(len(tokens)), key=lambda row: -len(tokens[row]))
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)

        def store(request: Any, rows: list[int]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        with self._passage_lock:
            self._queue.set_callback(store)
            start = 0
            while start < len(tokens):
                size = max(1, _BATCH_TOKENS // _padded_length(tokens[longest_first[start]]))
                rows = longest_first[start : start + size]
                self._queue.start_async(_padded([tokens[row] for row in rows]), rows)
                start += size
            self._queue.wait_all()
        return _unit(vectors)

    def _tokens(self, prompt: str, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch([prompt + text for text in texts])
        return [encoding.ids for encoding in encodings]

    @cached_property
    def _queue(self) -> Any:
        # Separate from `_request`, so that a question never waits for a batch of passages.
        return runtime().AsyncInferQueue(self._compile(streams=_CORES), 2 * _CORES)

    def _compile(self, streams: int) -> Any:
        options = {"NUM_STREAMS": str(streams), "INFERENCE_NUM_THREADS": str(_CORES)}
        options["INFERENCE_PRECISION_HINT"] = self.precision
        return self._core.compile_model(self._model, "CPU", options)


def runtime() -> Any:
    """Return the module `openvino`, imported so that it reports nothing over the network.

    It sends a message at every import if it can import `openvino_telemetry`. None in its place
    makes that import fail, and openvino uses a stub.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def seal(folder: Path, **settings: object) -> None:
    """Complete an export: write its settings with a checksum of its other files."""
    content = json.dumps({**settings, "sha256": digest(folder, _CHECKED)})
    (folder / _SETTINGS).write_text(content, encoding="utf-8")


def _unit(vectors: Vectors) -> Vectors:
    """Scale vectors to length 1, so that the inner product of two is their cosine."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = vectors / np.maximum(norms, np.finfo(np.float32).tiny)
    return unit


def _padded(tokens: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
    """Return the model's inputs, each int64 of shape ``(len(tokens), padded length)``."""
    ids = np.zeros((len(tokens), max(map(_padded_length, tokens))), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, known in enumerate(tokens):
        ids[row, : len(known)] = known
        mask[row, : len(known)] = 1
    return [ids, mask, np.zeros_like(ids)]


def _padded_length(tokens: Sequence[int]) -> int:
    return -(-len(tokens) // _TILE) * _TILE
