"""Evidence packs: what is written, and what verifying them says."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import qa
from qa.datatypes import Answer, Citation, Difference, Passage, Scope, StatedValue
from qa.errors import QaError
from qa.evidence import answer_to_json, verify, write_pack
from qa.evidence.markdown import blockquote, escape_line, unescape, unquote
from tests.conftest import read_article

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = (
    "=1+1 <script>x</script> *bold* [a](javascript:b) `c` $$d$$ {{e}} | f \\ https://g.h www.i.j"
    " &amp; &#65; ~~k~~ # l\r\n\n    - m\n1. n\n---\n===\n+ o\n> p\n  \u202e q \t\n# r"
)
TEXTS = st.text(alphabet="ab1 \t\n\r\\`*_[]<>&|~${}^#+-=.)(!:/@;0x\u202e\u3000é日", max_size=40)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text(f"Before it. The bill was 3 million euros. {HOSTILE}. After.")
    (folder / "sub" / "b.txt").write_text("The bill was 4 million euros. It was paid in May.")
    return folder


@pytest.fixture
def answers(place: Path) -> list[Answer]:
    known = {"outlet": "=The Post", "published": "2025-05-06", "url": "https://p.example/a"}
    a = read_article(place / "a.txt", "a.txt", known)
    b = read_article(place / "sub" / "b.txt", "sub/b.txt")
    first = Citation(1, a, 11, len(a.text) - 7, ((11, 41),), ((24, 33),), (Passage(b, 0, 30),))
    second = Citation(2, b, 0, len(b.text), ((0, 29),))
    values = (StatedValue(a, 24, 33, (1,)), StatedValue(b, 13, 22, (2,)))
    found = Answer(
        "What was\n# the *bill*?", "What was\n# the *bill*? euros", (first, second), False, 0.9,
        (), ("euros",), (Difference("amount", values),), ("=Silent",),
        Scope(("=The Post",), date(2025, 1, 1), None, ("a.txt", "sub/b.txt")),
    )  # fmt: skip
    return [found, Answer("@Who?", "@Who?", (), True, 0.01)]


@given(TEXTS)
@example(HOSTILE)
def test_markdown_can_be_taken_back(text: str) -> None:
    assert unquote(blockquote(text).split("\n")) == text
    assert unescape(escape_line(text)) == text


@given(TEXTS)
@example(HOSTILE)
def test_markdown_shows_the_text_and_nothing_else(text: str) -> None:
    """The oracle is a CommonMark parser, with GitHub's tables, links and strikethrough."""
    parser = MarkdownIt("gfm-like", {"linkify": False})
    shown = []
    for token in parser.parse(blockquote(text)):
        assert token.type in {
            "blockquote_open", "blockquote_close", "paragraph_open", "paragraph_close", "inline",
        }  # fmt: skip
        for part in token.children or ():
            assert part.type in {"text", "text_special", "hardbreak", "softbreak"}
            shown.append("\n" if part.type.endswith("break") else part.content)
        if token.type == "paragraph_close":
            shown.append("\n")
    lines = [line for line in text.split("\n") if line]
    assert "".join(shown).split("\n")[: len(lines)] == lines


@pytest.mark.parametrize("format", ["json", "csv", "md"])
def test_pack_verifies_against_the_folder_it_was_made_from(
    format: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = tmp_path / f"pack.{format}"
    pack.write_text(write_pack(answers, format, "9.9", MADE), encoding="utf-8", newline="")
    found = verify(pack, place)
    assert [(v.number, v.path, v.word, v.detail) for v in found] == [
        (1, "a.txt", "verified", ""),
        (2, "sub/b.txt", "verified", ""),
    ]
    assert [v.quote for v in found] == [c.quote for c in answers[0].citations]
    assert {v.question for v in found} == {answers[0].question}


def rename(place: Path) -> None:
    (place / "sub" / "b.txt").rename(place / "renamed.txt")


def insert(place: Path) -> None:
    file = place / "sub" / "b.txt"
    file.write_text("Corrected. " + file.read_text())


def correct(place: Path) -> None:
    file = place / "sub" / "b.txt"
    file.write_text(file.read_text().replace("4 million", "5 million"))


def delete(place: Path) -> None:
    (place / "sub" / "b.txt").unlink()


def elsewhere(place: Path) -> None:
    (place / "c.txt").write_text("Copied: " + (place / "sub" / "b.txt").read_text())
    delete(place)


@pytest.mark.parametrize("format", ["json", "csv", "md"])
@pytest.mark.parametrize(
    ("change", "word", "detail"),
    [
        (rename, "verified", "now in renamed.txt"),
        (insert, "moved", "now characters 11-60 of sub/b.txt, the file has changed"),
        (correct, "altered", "sub/b.txt has, at that place: The bill was 5 million euros. It was"),
        (delete, "source missing", ""),
        (elsewhere, "source missing", "the same words stand in c.txt"),
    ],
)
def test_what_became_of_a_quote(
    format, change, word: str, detail: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = tmp_path / f"pack.{format}"
    pack.write_text(write_pack(answers, format, "9.9", MADE), encoding="utf-8", newline="")
    change(place)
    first, second = verify(pack, place)
    assert first.word == "verified"
    assert second.word == word
    assert second.detail.startswith(detail)


@pytest.mark.parametrize("format", ["json", "csv", "md"])
def test_quote_that_was_changed_in_the_pack_is_altered(
    format: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = tmp_path / f"pack.{format}"
    text = write_pack(answers, format, "9.9", MADE).replace("paid in May", "paid in June")
    pack.write_text(text, encoding="utf-8", newline="")
    assert [v.word for v in verify(pack, place)] == ["verified", "altered"]


def test_mark_that_was_changed_in_the_pack_is_altered(
    place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = json.loads(write_pack(answers, "json", "9.9", MADE))
    pack["answers"][0]["citations"][1]["highlights"][0]["text"] = "The bill was 9 million euros."
    (tmp_path / "pack.json").write_text(json.dumps(pack))
    found = verify(tmp_path / "pack.json", place)[1]
    assert (found.word, found.detail[-29:]) == ("altered", "The bill was 9 million euros.")


def test_json_says_everything(answers: list[Answer]) -> None:
    pack = json.loads(write_pack(answers, "json", "9.9", MADE))
    assert (pack["program"], pack["made"]) == ("qa 9.9", "2026-01-02T03:04:05+00:00")
    first, second = pack["answers"]
    assert first == answer_to_json(answers[0])
    assert first["scope"] == {
        "outlets": ["=The Post"], "since": "2025-01-01", "until": None,
        "paths": ["a.txt", "sub/b.txt"],
    }  # fmt: skip
    article = first["citations"][0]["article"]
    assert (article["outlet"], article["published"]) == ("=The Post", "2025-05-06")
    assert article["url"] == "https://p.example/a"
    assert first["differences"][0]["values"][1]["text"] == "4 million"
    assert (second["question"], second["abstained"]) == ("@Who?", True)


def test_csv_has_a_row_a_quote_and_no_formula(answers: list[Answer]) -> None:
    pack = write_pack(answers, "csv", "9.9", MADE)
    assert pack.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(pack[1:], newline="")))
    assert [row["number"] for row in rows] == ["1", "2", ""]
    assert rows[0]["outlet"] == "'=The Post"
    assert rows[0]["quote"] == answers[0].citations[0].quote
    assert rows[0]["sha256"] == answers[0].citations[0].article.article_id
    assert rows[0]["scope"] == "'=The Post; since 2025-01-01; a.txt, sub/b.txt"
    assert rows[2]["question"] == "'@Who?"
    assert rows[2]["answered"] == "no"
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_markdown_names_what_differs_and_what_is_not_there(answers: list[Answer]) -> None:
    pack = write_pack(answers, "md", "9.9", MADE)
    assert "Made by qa 9.9 on 2026-01-02T03:04:05+00:00." in pack
    assert "## What was&#10;# the \\*bill\\*?" in pack
    assert "The outlets differ: amount\n\n- 3 million (1)\n- 4 million (2)" in pack
    assert "Nothing quoted from: \\=Silent" in pack
    assert pack.endswith("## @Who?\n\nNot in these articles.\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pack.txt", "x", "must end in .md, .json, .csv"),
        ("pack.json", "{", "no evidence pack"),
        ("pack.json", "[]", "no evidence pack"),
        ("pack.json", '{"format": "qa evidence 9", "answers": []}', "its format is"),
        ("pack.json", '{"format": "qa evidence 1", "answers": [{"question": 1}]}', "no evidence"),
        ("pack.json", "[" * 100_000, "no evidence pack"),
        ("pack.csv", "a,b\n1,2\n", "its columns are not"),
        ("pack.csv", "", "its columns are not"),
        ("pack.md", "# Notes\n", "does not begin with"),
        ("pack.md", "# Evidence\n\n## Q\n\n### 1\n\n> x\n", "no evidence pack"),
        ("pack.md", "# Evidence\n\n## Q\n\n### 1\n\n- characters: 4-4\n", "no evidence pack"),
    ],
)
def test_file_that_is_no_pack_gets_one_message(
    tmp_path: Path, place: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(QaError, match=message):
        verify(tmp_path / name, place)
    with pytest.raises(QaError, match="cannot be read"):
        verify(tmp_path / "absent.json", place)


def test_pack_of_the_sample_verifies_in_every_format(seeds: qa.Corpus, tmp_path: Path) -> None:
    answers = [
        seeds.answer(question)
        for question in ("Who is the US ambassador to Turkey?", "How much did the S-400 cost?")
    ]
    quotes = sum(len(answer.citations) for answer in answers)
    assert quotes > 5
    for suffix in ("json", "csv", "md"):
        pack = tmp_path / f"pack.{suffix}"
        pack.write_text(write_pack(answers, suffix, "9.9", MADE), encoding="utf-8", newline="")
        assert [v.word for v in verify(pack, seeds.folder)] == ["verified"] * quotes
