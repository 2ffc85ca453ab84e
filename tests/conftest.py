"""Shared fixtures: the models, and the sample corpus indexed once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

# Nothing may be downloaded.
os.environ["HF_HUB_OFFLINE"] = "1"

from qa import Article, Corpus
from qa.models.embedder import Embedder
from qa.reading.articles import read_file
from qa.reading.folder import read_bytes

ROOT = Path(__file__).parent.parent
SEEDS = ROOT / "seeds"


def read_article(file: Path, path: str, known: dict[str, str] | None = None) -> Article:
    """Read a file that holds one article."""
    [article] = read_file(read_bytes(file), path, {path: known or {}})
    assert isinstance(article, Article)
    return article


def read_only(database: Path) -> apsw.Connection:
    """Open the database of an index beside the program.

    Through the program's own SQLite: a second library in one process would release its locks.
    """
    return apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)


settings.register_profile(
    "qa",
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("qa")


@pytest.fixture(scope="session", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the exported model, shared by all processes: it takes seconds to make."""
    cache = _shared(tmp_path_factory) / "cache"
    (cache / "qa" / "models").mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:  # for fixtures that last the session
        patch.setenv("XDG_CACHE_HOME", str(cache))
        yield cache / "qa" / "models"


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for all processes of this run."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True)
def _own_places(
    models: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give every test its own cache and settings, apart from the user's."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "qa").mkdir()
    (cache / "qa" / "models").symlink_to(models, target_is_directory=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
    monkeypatch.delenv("QA_ARTICLES", raising=False)
    monkeypatch.delenv("QA_INDEX", raising=False)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return Embedder()


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    """The sample corpus; tests must not change it."""
    with Corpus.open(SEEDS, tmp_path_factory.mktemp("seeds") / "index") as corpus:
        yield corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two short articles in a new folder."""
    place = tmp_path / "articles"
    place.mkdir()
    (place / "harbour.txt").write_text(
        "Harbour reopens\n\nThe harbour of Varna reopened on Monday after the storm. "
        "Ferries to Burgas left at noon.\n",
        encoding="utf-8",
    )
    (place / "budget.md").write_text(
        "---\ntitle: Council passes budget\noutlet: The Varna Post\ndate: 2025-03-04\n---\n"
        "The city council passed a budget of 90 million euros. Mayor Petrova opposed it.\n",
        encoding="utf-8",
    )
    return place


@pytest.fixture
def seeds_copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SEEDS, tmp_path / "seeds"))


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an embedding model with random weights: it is exported and runs fast."""
    place = _shared(tmp_path_factory) / "tiny-model"
    with FileLock(place.with_suffix(".lock")):
        if not (place / "tiny").exists():
            from sentence_transformers import SentenceTransformer
            from transformers import BertModel

            BertModel(_tiny_bert(place / "bert")).save_pretrained(place / "bert")
            SentenceTransformer(str(place / "bert")).save_pretrained(str(place / "draft"))
            (place / "draft").rename(place / "tiny")
    return place / "tiny"


@pytest.fixture(scope="session")
def tiny_embedder(tiny_model: Path) -> Embedder:
    return Embedder(str(tiny_model))


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a cross-encoder with random weights."""
    from sentence_transformers import CrossEncoder
    from transformers import BertForSequenceClassification

    place = tmp_path_factory.mktemp("cross-encoder")
    config = _tiny_bert(place / "bert", num_labels=1)
    BertForSequenceClassification(config).save_pretrained(place / "bert")
    CrossEncoder(str(place / "bert")).save_pretrained(str(place / "model"))
    return place / "model"


def _tiny_bert(place: Path, **more: int) -> Any:
    """Save the built-in model's tokenizer; return a configuration: two layers, 32 wide."""
    import torch
    from transformers import AutoTokenizer, BertConfig

    from qa.models.files import find

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(find(None))
    tokenizer.save_pretrained(place)
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        **more,
    )
