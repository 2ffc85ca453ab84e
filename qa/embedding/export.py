"""From torch to OpenVINO, once for a model; what comes out is held against what went in."""

import json
import logging
import shutil
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qa.embedding.openvino_encoder import (
    INPUTS,
    MODEL,
    SETTINGS,
    TOKENIZER,
    OpenVinoEncoder,
    Settings,
    checksum,
    precision,
    runtime,
)
from qa.embedding.torch_encoder import TorchEncoder

# What the vectors of export and original must agree to: in float32, and in bf16, whose use is
# given up where it falls below.
_SAME, _CLOSE = 0.9999, 0.999
# Seconds after which an export that is not done is nobody's any more.
_FORGOTTEN = 3600
_SAMPLES = (
    "Who?",
    "What did the minister say about the talks in Geneva?",
    "On Tuesday the council voted 7 to 2 to close the old bridge, which 40,000 people cross a day.",
    "Überschwemmung in Köln: 1.200 Menschen in Notunterkünften, sagte der Bürgermeister.",
    "The report runs to several hundred pages and names no one. " * 40,
)


def export(source: TorchEncoder, folder: Path) -> None:
    """Write the exported model to `folder`, all of it or nothing.

    Raises:
        OSError: The folder cannot be written.
        AttributeError, RuntimeError, TypeError, ValueError: The model is of a kind that cannot be
            exported, or its vectors come out differently.
    """
    tokenizer = source.model.tokenizer.backend_tokenizer
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(".*"):  # by one that was killed
        if time.time() - left.stat().st_mtime > _FORGOTTEN:
            shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        ov = runtime()
        ov.save_model(_traced(source), draft / MODEL, compress_to_fp16=False)
        tokenizer.save(str(draft / TOKENIZER))
        settings = Settings(
            source.dimension,
            source.token_limit,
            source.prompt("query"),
            source.prompt("document", "passage", "corpus"),
            "f32",
            checksum(draft),
        )
        _write(draft, settings)
        if (closest := _agreement(source, draft)) < _SAME:
            raise ValueError(f"its vectors come out differently (cosine {closest:.4f})")
        if precision(ov.Core()) == "bf16":
            _write(draft, settings._replace(precision="bf16"))
            if _agreement(source, draft) < _CLOSE:
                _write(draft, settings)
        if not folder.exists():  # another process may have been quicker
            draft.replace(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


class _Whole(torch.nn.Module):
    """All modules of a sentence-transformers model as one."""

    def __init__(self, source: TorchEncoder) -> None:
        super().__init__()
        self.model = source.model

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """Return vectors, ``(batch, dimension)``."""
        found: torch.Tensor = self.model(dict(zip(INPUTS, inputs, strict=True)))[
            "sentence_embedding"
        ]
        return found


def _traced(source: TorchEncoder) -> Any:
    example = torch.ones(2, 8, dtype=torch.int64, device=source.model.device)
    # What the tracer warns of is of no use to anyone: whether it went well is seen afterwards.
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            return runtime().convert_model(
                _Whole(source).eval(), example_input=(example, example, 0 * example)
            )
    finally:
        logging.disable(logging.NOTSET)


def _agreement(source: TorchEncoder, folder: Path) -> float:
    """Return the lowest cosine between the vectors of the original and of the export."""
    one, other = (
        np.concatenate([encoder.queries(_SAMPLES), encoder.passages(_SAMPLES)])
        for encoder in (OpenVinoEncoder(folder), source)
    )
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return float(((one * other).sum(axis=1) / lengths).min())


def _write(folder: Path, settings: Settings) -> None:
    (folder / SETTINGS).write_text(json.dumps(settings._asdict()), encoding="utf-8")
