"""README and docs: their examples run, and they name every command, option, limit and module."""

import ast
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest

import qa
from qa.cli import main
from qa.reading.formats import SUFFIXES, max_bytes
from tests.conftest import ROOT, SEEDS

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = [
    *PAGES, *sorted((ROOT / "docs" / "decisions").glob("*.md")), ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md", ROOT / "embeddings" / "README.md",
]  # fmt: skip
SKIPPED = {"installs", "serves", "measures"}  # reasons not to run a block
_BLOCK = re.compile(
    r"^(?:<!-- not run: (\w+) -->\n)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_MODULE = re.compile(r"`([a-z_0-9]+(?:/[a-z_]+)?)`")


class Block(NamedTuple):
    """A fenced block: its language, its text, and why it is not run ("" if it is)."""

    language: str
    text: str
    skipped: str


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    return [Block(language, text, why or "") for why, language, text in _BLOCK.findall(read(page))]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """What a fresh clone has once `make serve` has indexed the sample articles."""
    place = tmp_path_factory.mktemp("clone")
    shutil.copytree(SEEDS, place / "seeds")
    (place / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "floor.jsonl", place / "tests")
    qa.Corpus.open(place / "seeds", place / "embeddings").close()
    return place


@pytest.fixture
def home(clone: Path, models: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables for a command in the clone; what the command writes there is deleted again."""
    before = set(clone.iterdir())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    yield {
        **os.environ,
        "PATH": path,
        "XDG_CACHE_HOME": str(models.parent.parent),
        "XDG_DATA_HOME": str(tmp_path),
        "COLUMNS": "200",
    }
    for new in set(clone.iterdir()) - before:
        new.unlink()


def run(arguments: list[str], where: Path, variables: dict[str, str]) -> str:
    done = subprocess.run(
        arguments, cwd=where, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_commands(text: str, where: Path, variables: dict[str, str]) -> str:
    """Run lines that are plain `qa` commands in this process, which is quicker than a shell."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        for key, value in variables.items():
            patch.setenv(key, value)
        for line in text.splitlines():
            command, *arguments = shlex.split(line, comments=True)
            assert command == "qa", line
            patch.setattr(sys, "argv", ["qa", *arguments])
            code: object = 0
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    main()
                except SystemExit as end:
                    code = end.code
            assert not code, f"{line}\n{out.getvalue()}\n{err.getvalue()}"
    return out.getvalue()


def check_output(expected: str, output: str) -> None:
    """Check that the output has the expected lines, in order.

    A line ``…`` stands for any lines; ``…`` at the end of a line for the rest of the line.
    """
    lines = iter(output.splitlines())
    for line in expected.splitlines():
        if line == "…" or not line.strip():
            continue
        start = line.removesuffix("…")
        assert any(found.startswith(start) for found in lines), f"{line!r} is not in\n{output}"


def with_language(language: str) -> list[Path]:
    """Return the pages that have a block of this language to run."""
    return [
        page
        for page in PAGES
        if any(b.language == language and not b.skipped for b in blocks(page))
    ]


@pytest.mark.parametrize("page", with_language("shell"), ids=name)
def test_shell_examples_run_and_print_what_the_page_says(
    page: Path, clone: Path, home: dict[str, str]
) -> None:
    output = ""
    for block in blocks(page):
        if block.language == "shell" and not block.skipped:
            in_shell = page.name == "README.md"  # as a newcomer runs it
            output = (
                run(["bash", "-e", "-c", block.text], clone, home)
                if in_shell
                else run_commands(block.text, clone, home)
            )
        elif block.language == "text" and output:
            check_output(block.text, output)
        else:
            output = ""


@pytest.mark.parametrize("page", with_language("python"), ids=name)
def test_python_examples_run_and_print_what_the_page_says(
    page: Path, clone: Path, home: dict[str, str]
) -> None:
    """The blocks of a page run in one fresh process, in order."""
    code, expected, after = [], [], False
    for block in blocks(page):
        if block.language == "python" and not block.skipped:
            code.append(block.text)
        elif block.language == "text" and after:
            expected.append(block.text)
        after = block.language == "python" and not block.skipped
    output = run([sys.executable, "-c", "\n".join(code)], clone, home)
    check_output("\n".join(expected), output)


def test_blocks_are_left_out_only_for_a_known_reason() -> None:
    for page in PAGES:
        for block in blocks(page):
            assert block.skipped in {"", *SKIPPED}, f"{name(page)}: {block.skipped}"
            if block.skipped == "installs":
                assert "make" in block.text or "pip" in block.text
            elif block.skipped == "serves":
                assert "qa serve" in block.text
            elif block.skipped == "measures":
                assert "benchmarks/" in block.text or "make " in block.text


def help_of(command: str) -> str:
    return run_commands(f"qa {command} --help", ROOT, {"COLUMNS": "200", "NO_COLOR": "1"})


def test_every_command_and_option_is_described() -> None:
    text = read(ROOT / "docs" / "commands.md")
    sections = dict(re.findall(r"^## (.+?)$\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    shared = sections["Which articles, and which index"]
    commands = re.findall(r"^│ ([a-z]+) ", help_of("").partition("Commands")[2], re.MULTILINE)
    assert len(commands) >= 8
    for command in commands:
        described = sections[f"qa {command}"] + shared
        for option in set(re.findall(r"(?<!\S)--[a-z-]+", help_of(command))) - {"--help"}:
            assert f"`{option}" in described, f"docs/commands.md: qa {command} {option}"


def test_every_public_name_is_described() -> None:
    text = read(ROOT / "docs" / "python.md")
    for public in qa.__all__:
        assert re.search(rf"\b{public}\b", text), f"docs/python.md: qa.{public}"
    for attribute in vars(qa.Corpus):
        if not attribute.startswith("_"):
            assert re.search(rf"\b{attribute}\b", text), f"docs/python.md: Corpus.{attribute}"


def test_every_format_is_described_with_its_limit() -> None:
    rows = read(ROOT / "docs" / "formats.md").splitlines()
    for suffix in SUFFIXES:
        [row] = [row for row in rows if row.startswith("| `.") and f"`{suffix}`" in row]
        assert row.endswith(f"| {max_bytes(suffix) // 1_000_000} MB |"), suffix


def constant(module: str, wanted: str) -> int:
    """Return a constant of a module without importing it: the page's modules take seconds."""
    for node in ast.parse(read(ROOT / "qa" / module)).body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                for found, value in zip(names, values, strict=False):
                    if isinstance(found, ast.Name) and found.id == wanted:
                        return int(ast.literal_eval(value))
    raise AssertionError(f"{module} has no {wanted}")


@pytest.mark.parametrize(
    ("row", "module", "names", "unit"),
    [
        ("length of a question", "answering/question.py", ["MAX_LENGTH"], 1),
        ("a request that is not an upload", "web/guard.py", ["LARGEST_BODY"], 10**6),
        ("an upload, all its files", "web/guard.py", ["LARGEST_UPLOAD"], 10**9),
        ("uploads at the same time", "web/guard.py", ["UPLOADS"], 1),
        ("that wait", "web/page.py", ["WAITING"], 1),
        ("events of one kind", "web/page.py", ["AT_ONCE"], 1),
        ("from one user", "web/access.py", ["BURST", "REQUESTS_PER_SECOND"], 1),
        ("wrong passwords", "web/access.py", ["ATTEMPTS"], 1),
        ("| open connections |", "web/server.py", ["CONNECTIONS"], 1),
        ("open connections from", "web/server.py", ["CONNECTIONS_EACH"], 1),
        ("the headers", "web/server.py", ["HEADERS_WITHIN"], 1),
        ("pause", "web/guard.py", ["_READ_TIMEOUT"], 1),
        ("conversations in memory", "web/page.py", ["CONVERSATIONS"], 1),
        ("reopens or exports", "web/service.py", ["MAX_LINKS"], 1),
        ("when the server ends", "web/server.py", ["GRACE"], 1),
    ],
)
def test_limits_of_the_server_are_those_of_the_code(
    row: str, module: str, names: list[str], unit: int
) -> None:
    rows = [line for line in read(ROOT / "docs" / "server.md").splitlines() if line[:1] == "|"]
    [line] = [line for line in rows if row in line]
    value = line.split("|")[2]
    for wanted in names:
        shown = f"{constant(module, wanted) // unit:,}"
        assert re.search(rf"\b{shown}\b", value), f"{wanted} is {shown}; the page says {value}"


def test_every_room_and_module_is_in_the_architecture() -> None:
    package = ROOT / "qa"
    text = read(ROOT / "docs" / "architecture.md")
    described: set[str] = set()
    tables = {"## The rooms": "", "### Inside reading": "reading/", "### Inside index": "index/"}
    for title, place in tables.items():
        table = re.split(r"\n##+ ", text.partition(f"{title}\n")[2])[0]
        for line in table.splitlines():
            if line.startswith("| `"):
                _, first, *_, modules, _ = line.split("|")
                [room] = _MODULE.findall(first)
                if place or not (package / room).is_dir():
                    described.add(f"{place}{room}.py")
                else:
                    described |= {f"{room}/{module}.py" for module in _MODULE.findall(modules)}
    there = {
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if not file.name.startswith("__")
    }
    assert described - there == set(), "named, but not there"
    assert there - described == set(), "there, but not named"


def test_every_table_of_the_database_is_described() -> None:
    schema = read(ROOT / "qa" / "index" / "schema.sql")
    text = read(ROOT / "docs" / "architecture.md").partition("## What lies on disk")[2]
    tables = re.findall(r"CREATE TABLE (\w+)", schema)
    assert tables
    for table in tables:
        assert f"| `{table}` |" in text, table


def test_files_that_the_docs_name_are_there() -> None:
    ours = re.compile(r"(?<![\w/.])((?:qa|tests|benchmarks|docs)/[\w./-]+\.\w+)")
    for page in DOCUMENTS:
        for path in ours.findall(read(page)):
            assert "NAME" in path or (ROOT / path).exists(), f"{name(page)} names {path}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)
    plain = (re.sub(r"[^\w\s-]", "", h.lower()).strip() for h in _HEADING.findall(text))
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for pair in _LINK.findall(re.sub(r"```.*?```", "", read(page), flags=re.DOTALL)):
        link = "".join(pair)
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name(page)}: {link}"
        assert not anchor or anchor in anchors(target), f"{name(page)}: {link}"


def test_readme_is_short() -> None:
    assert len(read(ROOT / "README.md").splitlines()) <= 130
