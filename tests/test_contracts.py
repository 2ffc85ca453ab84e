"""What the design promises, held against the code: imports, names, records, the wheel."""

import ast
import dataclasses
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import qa
from qa import datatypes
from tests.conftest import ROOT, SEEDS

# Each module may import only what stands above it.
ORDER = [
    "datatypes",
    "errors",
    "lexical",
    "values",
    "sentences",
    "languages",
    "duplicates",
    "boilerplate",
    "metadata",
    "readers",
    "readers.encodings",
    "readers.plain",
    "readers.tables",
    "readers.facts",
    "readers.html",
    "readers.pdf",
    "readers.docx",
    "readers.worker",
    "readers.isolated",
    "readers.archive",
    "articles",
    "intake",
    "chunking",
    "locations",
    "embedding.files",
    "embedding.openvino_encoder",
    "embedding.torch_encoder",
    "embedding.export",
    "embedding",
    "reranking",
    "store",
    "store.folder",
    "store.seal",
    "store.schema",
    "store.shared_lock",
    "store.memory",
    "store.database",
    "store.vectors",
    "store.scores",
    "store.terms",
    "store.search",
    "store.writing",
    "store.local",
    "ranking",
    "conversation",
    "retrieval",
    "differences",
    "answering",
    "indexing",
    "corpus",
    "__init__",
    "watching",
    "suggestions",
    "evidence.markdown",
    "evidence.pack",
    "evidence.verification",
    "evidence",
    "evaluation.metrics",
    "evaluation.questions",
    "evaluation.feedback",
    "evaluation",
    "web",
    "web.words",
    "web.links",
    "web.markup",
    "web.answers",
    "web.reader",
    "web.library",
    "web.desk",
    "web.handlers",
    "web.page",
    "web.users",
    "web.access",
    "web.guard",
    "web.server",
    "output",
    "cli.options",
    "cli.commands",
    "cli.serving",
    "cli",
    "__main__",
]
ONLY_IN = {
    "tiktoken": {"chunking"},
    "sentence_transformers": {"embedding.torch_encoder", "reranking"},
    "transformers": {"embedding.torch_encoder"},
    "huggingface_hub": {"embedding.files"},
    "torch": {"embedding.export"},
    "openvino": {"embedding.openvino_encoder"},
    "tokenizers": {"embedding.openvino_encoder"},
    "sqlite3": set(),
    "faiss": {"store.vectors"},
    "tantivy": {"store.terms"},
    "apsw": {"store.database"},
    "gradio": {"web.page", "web.handlers"},
    "typer": {"cli.options", "cli.commands", "cli.serving"},
    "rich": {"cli", "cli.options", "cli.commands", "cli.serving", "output"},
    "sentencex": {"sentences"},
    "Stemmer": {"lexical"},
    "py3langid": {"languages"},
    "yaml": {"readers.plain"},
    "charset_normalizer": {"readers.encodings"},
    "trafilatura": {"readers.html", "readers.facts"},
    "lxml": {"readers.html", "readers.facts", "readers.docx"},
    "pypdfium2": {"readers.pdf"},
    "docx": {"readers.docx"},
    "datasketch": {"duplicates"},
    "watchfiles": {"watching"},
    "platformdirs": {"locations"},
    "filelock": {"store.folder", "store.terms"},
}


def modules() -> dict[str, Path]:
    found = {}
    for file in sorted((ROOT / "qa").rglob("*.py")):
        parts = file.relative_to(ROOT / "qa").with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
        found[name] = file
    return found


def imports(file: Path) -> set[str]:
    """Every name that a module imports, in functions and for types as well."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports name their module in full"
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_module_has_its_place() -> None:
    assert set(modules()) == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_module_imports_only_what_stands_above_it(name: str) -> None:
    above = set(ORDER[: ORDER.index(name)])
    for imported in imports(modules()[name]):
        inner = imported.removeprefix("qa.")
        if imported.startswith("qa.") and inner in ORDER and inner != name:
            assert inner in above, f"{name} imports {inner}"
        outer = imported.split(".")[0]
        assert name in ONLY_IN.get(outer, {name}), f"{name} imports {outer}"


def test_public_names_are_complete_and_sorted() -> None:
    assert qa.__all__ == sorted(qa.__all__)
    for name in qa.__all__:
        assert getattr(qa, name).__doc__, f"qa.{name} says nothing of itself"


@pytest.mark.parametrize(
    "record",
    [
        value
        for value in vars(datatypes).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value)
    ],
)
def test_records_are_frozen_and_slotted(record: type) -> None:
    assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(record)


def test_misquote_cannot_be_represented() -> None:
    article = datatypes.Article("0" * 64, "a.txt", "Ten chars.", "A")
    citation = datatypes.Citation(1, article, 4, 9, ((4, 6),))
    assert citation.quote == "chars"
    with pytest.raises((AttributeError, TypeError)):
        citation.quote = "other"  # type: ignore[misc]
    for start, end in [(0, 11), (-1, 3), (5, 5), (6, 2)]:
        with pytest.raises(ValueError, match="does not lie"):
            datatypes.Citation(1, article, start, end)
        with pytest.raises(ValueError, match="does not lie"):
            datatypes.Passage(article, start, end)
    with pytest.raises(ValueError, match="outside"):
        datatypes.Citation(1, article, 4, 9, ((3, 6),))


def test_lines_count_every_kind_of_line_end() -> None:
    article = datatypes.Article("0" * 64, "a.txt", "one\r\ntwo\rthree\nfour\n\nsix", "A")
    spans = {"one": (1, 1), "two": (2, 2), "three\nfour": (3, 4), "six": (6, 6)}
    for quote, lines in spans.items():
        start = article.text.index(quote)
        assert datatypes.Citation(1, article, start, start + len(quote)).lines == lines


def test_wheel_carries_the_sample_and_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for seed in SEEDS.iterdir():
            assert archive.read(f"qa/sample/{seed.name}") == seed.read_bytes()
        archive.extractall(tmp_path / "installed")
    assert {"qa/web/page.css", "qa/cli/__init__.py"} <= names
    scripts = {file.name for file in (ROOT / "qa" / "web").glob("*.js")}
    assert len(scripts) == 6
    assert {f"qa/web/{name}" for name in scripts} <= names
    code = "import qa.locations; print(qa.locations.articles_folder())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / "installed" / "qa" / "sample")
