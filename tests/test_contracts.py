"""The rules of the architecture: layers, sizes, public names, records, the wheel."""

import ast
import dataclasses
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import qa
from qa import errors, records
from qa.index import reports
from tests import count_lines
from tests.conftest import ROOT, SEEDS

# The rooms, lowest first. Each may import only from those above it in this list.
ROOMS = [
    "errors",
    "files",
    "records",
    "text",
    "locations",
    "reading",
    "models",
    "index",
    "answering",
    "corpus",
    "default",
    "status",
    "watch",
    "__init__",
    "evidence",
    "evaluation",
    "web",
    "cli",
    "__main__",
]
ONLY_IN = {
    "tiktoken": {"text/chunking"},
    "sentence_transformers": {"models/torch_encoder", "models/reranker"},
    "transformers": {"models/torch_encoder"},
    "huggingface_hub": {"models/files"},
    "torch": {"models/torch_encoder"},
    "openvino": {"models/openvino_encoder"},
    "tokenizers": {"models/openvino_encoder"},
    "sqlite3": set(),
    "faiss": {"index/vector_index"},
    "tantivy": {"index/term_index"},
    "apsw": {"index/database"},
    "cachetools": {"index/caches"},
    "filelock": {"index/folder", "index/term_index", "models/torch_encoder"},
    "datasketch": {"index/duplicates"},
    "gradio": {"web/page", "web/handlers"},
    "jinja2": {"cli/output", "evidence/pack", "web/views"},
    "typer": {"cli"},
    "rich": {"cli"},
    "sentencex": {"text/sentences"},
    "Stemmer": {"text/terms"},
    "py3langid": {"text/language"},
    "yaml": {"reading"},
    "charset_normalizer": {"reading/formats"},
    "trafilatura": {"reading/formats"},
    "lxml": {"reading/formats"},
    "pypdfium2": {"reading/formats/pdf"},
    "docx": {"reading/formats/docx"},
    "watchfiles": {"watch"},
    "platformdirs": {"locations"},
}
"""The modules, or the rooms, that may import a library: replacing it changes nothing else."""


def modules() -> dict[str, Path]:
    """Return the modules by name: the path inside the package, without the suffix."""
    package = ROOT / "qa"
    return {
        file.relative_to(package).with_suffix("").as_posix(): file
        for file in sorted(package.rglob("*.py"))
    }


def imports(file: Path) -> set[str]:
    """Return every name that a module imports, also inside functions and for types."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports name their module in full"
            module = node.module or ""
            names |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return names


def test_every_room_has_its_place_in_the_order() -> None:
    assert {name.split("/")[0] for name in modules()} == set(ROOMS)


@pytest.mark.parametrize("name", modules())
def test_a_module_imports_only_from_lower_rooms(name: str) -> None:
    room = name.split("/", maxsplit=1)[0]
    lower = set(ROOMS[: ROOMS.index(room)]) | {room}
    for imported in imports(modules()[name]):
        outer, *inner = imported.split(".")
        if outer == "qa" and inner and inner[0] in ROOMS:
            assert inner[0] in lower, f"{name} imports {imported}"


@pytest.mark.parametrize("room", sorted({name.split("/")[0] for name in modules()}))
def test_modules_of_a_room_do_not_import_each_other_in_a_circle(room: str) -> None:
    inside = {
        name: {
            other
            for imported in imports(file)
            for other in [imported.removeprefix("qa.").replace(".", "/")]
            if imported.startswith("qa.") and other in modules() and other != name
        }
        for name, file in modules().items()
        if name.split("/")[0] == room
    }
    while inside:
        free = [name for name, needs in inside.items() if not needs & inside.keys()]
        assert free, f"a circle among {sorted(inside)}"
        inside = {name: needs for name, needs in inside.items() if name not in free}


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_is_imported_only_where_it_is_wrapped(library: str) -> None:
    for name, file in modules().items():
        if library in {imported.split(".")[0] for imported in imports(file)}:
            assert any(
                name == place or name.startswith(f"{place}/") for place in ONLY_IN[library]
            ), f"{name} imports {library}"


def test_the_package_is_small_and_no_module_is_long() -> None:
    assert count_lines.by_room().total() <= count_lines.MOST_LINES_OF_CODE
    assert count_lines.long_modules() == {}


def test_lines_of_code_are_counted_without_blanks_comments_and_docstrings() -> None:
    source = '"""Docstring\n\nof three lines."""\n\nimport os  # why\n\n\ndef f(\n    a,\n):\n'
    source += (
        '    """One."""\n    # a comment\n    text = """two\n\nand more"""\n    return os, text\n'
    )
    assert count_lines.lines_of_code(source) == 8


def test_public_names_are_complete_sorted_and_documented() -> None:
    assert qa.__all__ == sorted(qa.__all__)
    for module in (records, errors, reports):
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__.startswith(module.__name__):
                assert getattr(qa, name) is value, f"qa.{name} is missing"
                assert name in qa.__all__
    for name in qa.__all__:
        assert getattr(qa, name).__doc__, f"qa.{name} has no docstring"


@pytest.mark.parametrize(
    "record",
    [
        value
        for value in vars(records).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value)
    ],
)
def test_records_are_frozen_and_slotted(record: type) -> None:
    assert record.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(record)


def test_quotes_are_computed_and_spans_are_checked() -> None:
    article = records.Article("0" * 64, "a.txt", "Ten chars.", "A")
    citation = records.Citation(1, records.Passage(article, 4, 9), ((4, 6),))
    assert citation.quote == "chars"
    with pytest.raises((AttributeError, TypeError)):
        citation.quote = "other"  # type: ignore[misc]
    for start, end in [(0, 11), (-1, 3), (5, 5), (6, 2)]:
        with pytest.raises(ValueError, match="does not lie"):
            records.Passage(article, start, end)
    with pytest.raises(ValueError, match="outside"):
        records.Citation(1, records.Passage(article, 4, 9), ((3, 6),))


def test_lines_count_every_kind_of_line_end() -> None:
    article = records.Article("0" * 64, "a.txt", "one\r\ntwo\rthree\nfour\n\nsix", "A")
    spans = {"one": (1, 1), "two": (2, 2), "three\nfour": (3, 4), "six": (6, 6)}
    for quote, lines in spans.items():
        start = article.text.index(quote)
        passage = records.Passage(article, start, start + len(quote))
        assert records.Citation(1, passage).lines == lines


def test_wheel_carries_the_sample_and_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for seed in SEEDS.iterdir():
            assert archive.read(f"qa/sample/{seed.name}") == seed.read_bytes()
        archive.extractall(tmp_path / "installed")
    files = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "qa").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert files <= names
    assert {"qa/py.typed", "qa/index/schema.sql", "qa/web/page.css"} <= names
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
