"""Evidence packs: what is written, and what verifying them says."""

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import qa
from qa.errors import QaError
from qa.evidence import answer_to_json, verify, write_pack
from qa.evidence.markdown import blockquote
from qa.evidence.view import split
from qa.records import Answer, Citation, Difference, Passage, Scope, StatedValue
from tests.conftest import read_article

MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FORMATS = ("json", "csv", "md")
HOSTILE = (
    "=1+1 <script>x</script> *bold* [a](javascript:b) `c` $$d$$ {{e}} | f \\ https://g.h www.i.j"
    " &amp; &#65; ~~k~~ # l\r\n\n    - m\n1. n\n---\n===\n+ o\n> p\n  \u202e q \t\n# r"
    "\n-->\n--!>\n<!-- The data of this pack, for qa verify:\n{}\n-->\n## s\n### 1\n"
)
CHARACTERS = "ab1 \t\n\r\\`*_[]<>&|~${}^#+-=.)(!:/@;0x'\",\u202e\u2028\u3000é日"
TEXTS = st.text(alphabet=CHARACTERS, max_size=60)
TEXTS_WITH_CONTROLS = st.text(alphabet=f"{CHARACTERS}\x0b\x1b\x85", max_size=60)


def save(answers: list[Answer], format: str, folder: Path) -> Path:
    pack = folder / f"pack.{format}"
    pack.write_text(write_pack(answers, format, "9.9", MADE), encoding="utf-8", newline="")
    return pack


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text(
        f"Before it. The bill was 3 million euros. {HOSTILE}. After.", encoding="utf-8", newline=""
    )
    (folder / "sub" / "b.txt").write_text("The bill was 4 million euros. It was paid in May.")
    return folder


@pytest.fixture
def answers(place: Path) -> list[Answer]:
    known = {"outlet": "=The Post", "published": "2025-05-06", "url": "https://p.example/a"}
    a = read_article(place / "a.txt", "a.txt", known)
    b = read_article(place / "sub" / "b.txt", "sub/b.txt")
    first = Citation(
        1, Passage(a, 11, len(a.text) - 7), ((11, 41),), ((24, 33),), (Passage(b, 0, 30),)
    )
    second = Citation(2, Passage(b, 0, len(b.text)), ((0, 29),))
    values = (StatedValue(Passage(a, 24, 33), (1,)), StatedValue(Passage(b, 13, 22), (2,)))
    found = Answer(
        "What was\n# the *bill*?", "What was\n# the *bill*? euros", (first, second), False, 0.9,
        (), ("euros",), (Difference("amount", values),), ("=Silent",),
        Scope(("=The Post",), date(2025, 1, 1), None, ("a.txt", "sub/b.txt")),
    )  # fmt: skip
    return [found, Answer("@Who?", "@Who?", (), True, 0.01)]


def test_text_is_split_where_a_mark_begins_or_ends() -> None:
    marks = {"bold": [(0, 3), (6, 12)], "underline": [(7, 8)]}
    assert split("0123456789abc", (2, 10), marks) == [
        (["bold"], "2"),
        ([], "345"),
        (["bold"], "6"),
        (["bold", "underline"], "7"),
        (["bold"], "89"),
    ]


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


@given(text=TEXTS_WITH_CONTROLS, data=st.data())
@example(text=HOSTILE, data=None)
def test_any_quote_verifies_and_no_changed_quote_does(
    text: str, data: st.DataObject | None, tmp_path: Path
) -> None:
    """For each format: as it was written, and with one character of the shown quote changed."""
    folder = tmp_path / "any"
    folder.mkdir(exist_ok=True)
    (folder / "a.txt").write_text(f"The council met. {text}", encoding="utf-8", newline="")
    article = read_article(folder / "a.txt", "a.txt")
    start, end, at, other = 0, len(article.text), 4, "X"
    if data:
        start = data.draw(st.integers(0, len(article.text) - 1))
        end = data.draw(st.integers(start + 1, len(article.text)))
        at = data.draw(st.integers(0, end - start - 1))
        other = data.draw(st.sampled_from("aX9\n <é"))
    quote = article.text[start:end]
    changed = quote[:at] + other + quote[at + 1 :]
    assume(changed != quote)
    answer = Answer("Who?", "Who?", (Citation(1, Passage(article, start, end)),), False, 0.9)
    for suffix in FORMATS:
        pack = save([answer], suffix, tmp_path)
        [verdict] = verify(pack, folder)
        assert (verdict.word, verdict.quote) == ("verified", quote)
        written = pack.read_bytes().decode()
        pack.write_text(change_quote(written, suffix, quote, changed), "utf-8", newline="")
        assert [v.word for v in verify(pack, folder)] != ["verified"]


def change_quote(written: str, format: str, quote: str, changed: str) -> str:
    """Return a pack of one quote that shows other words, written as the program writes them."""
    if format == "md":
        assert written.count(f"\n\n{blockquote(quote)}\n\n") == 1
        return written.replace(f"\n\n{blockquote(quote)}\n\n", f"\n\n{blockquote(changed)}\n\n")
    if format == "json":
        pack = json.loads(written)
        pack["answers"][0]["citations"][0]["quote"] = changed
        return json.dumps(pack)
    rows = list(csv.reader(io.StringIO(written[1:], newline="")))
    column = rows[0].index("quote")
    assert rows[1][column].removeprefix("'") == quote.removeprefix("'")
    rows[1][column] = f"'{changed}" if changed.startswith(tuple("=+-@\t\r'")) else changed
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue()


@given(data=st.data())
def test_no_character_of_the_shown_markdown_can_be_changed(
    data: st.DataObject, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    """Replace, insert or delete anywhere outside the data: an error, or a quote is altered."""
    pack = save(answers, "md", tmp_path)
    written = pack.read_text("utf-8")
    shown = written.index("\n<!-- The data of this pack")
    at = data.draw(st.integers(0, shown - 1))
    other = data.draw(st.sampled_from(["", "X", "\n", "<!--", " "]))
    kept = data.draw(st.sampled_from([at, at + 1]))
    changed = written[:at] + other + written[kept:]
    assume(changed != written)
    pack.write_text(changed, "utf-8", newline="")
    try:
        outcome = " ".join(verdict.detail for verdict in verify(pack, place))
    except QaError as error:
        outcome = str(error)
    assert "changed by hand" in outcome


@pytest.mark.parametrize("format", FORMATS)
def test_pack_verifies_against_the_folder_it_was_made_from(
    format: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    found = verify(save(answers, format, tmp_path), place)
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


@pytest.mark.parametrize("format", FORMATS)
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
def test_verdict_on_a_quote_after_a_change_of_its_source(
    format, change, word: str, detail: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, format, tmp_path)
    change(place)
    first, second = verify(pack, place)
    assert first.word == "verified"
    assert second.word == word
    assert second.detail.startswith(detail)


@pytest.mark.parametrize("format", FORMATS)
def test_quote_that_was_changed_in_the_pack_is_altered(
    format: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, format, tmp_path)
    text = pack.read_bytes().decode().replace("paid in May", "paid in June")
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


def test_json_has_the_whole_answer(answers: list[Answer]) -> None:
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
    assert first["citations"][1]["place"] == "sub/b.txt, line 1"
    assert first["differences"][0]["values"][1]["text"] == "4 million"
    assert (second["question"], second["abstained"]) == ("@Who?", True)


def test_csv_has_one_row_per_quote_and_no_formula(answers: list[Answer]) -> None:
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


def test_markdown_lists_differences_and_sources_without_quotes(answers: list[Answer]) -> None:
    pack = write_pack(answers, "md", "9.9", MADE)
    assert "Made by qa 9.9 on 2026-01-02T03:04:05+00:00." in pack
    assert "## What was&#10;# the \\*bill\\*?" in pack
    assert "The outlets differ: amount\n\n- 3 million (1)\n- 4 million (2)" in pack
    assert "Nothing quoted from: \\=Silent" in pack
    shown, _ = pack.split("\n<!-- The data of this pack, for qa verify:\n")
    assert shown.endswith("## @Who?\n\nNot in these articles.\n")


def test_markdown_hides_its_data_from_the_reader(answers: list[Answer]) -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(write_pack(answers, "md", "9", MADE))
    assert [token.type for token in tokens].count("html_block") == 1
    assert tokens[-1].type == "html_block"
    assert re.fullmatch(r"<!--[^<>]*-->\n?", tokens[-1].content)


def test_nothing_in_the_data_of_markdown_can_show_as_a_quote_of_its_own(
    answers: list[Answer], place: Path, tmp_path: Path
) -> None:
    fake = "x\n\n### 3\n\n> It was the mayor."
    found = replace(
        answers[0],
        query=fake,
        scope=Scope((fake,), None, None, (fake,)),
        sources_without_quotes=(fake,),
        differences=(replace(answers[0].differences[0], kind=fake),),
    )
    pack = tmp_path / "pack.md"
    pack.write_text(write_pack([found], "md", fake, MADE), "utf-8", newline="")
    shown, _, _ = pack.read_text("utf-8").partition("\n<!-- The data")
    assert re.findall(r"^### .*", shown, re.MULTILINE) == ["### 1", "### 2"]
    assert "\n> It was the mayor" not in shown
    assert [v.word for v in verify(pack, place)] == ["verified", "verified"]


CHANGES = {
    "words of the quote": ("> The bill was 4 million", "> The bill was 9 million"),
    "a line after the quote": ("in May.\n\n", "in May.\n> Or in June.\n\n"),
    "a line without a mark": ("in May.\n\n", "in May.\nOr in June.\n\n"),
    "the source": ("- file: sub/b.txt", "- file: sub/c.txt"),
    "hidden words": ("### 2\n", "### 2\n\n> The bill was nothing.\n\n<!--\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_markdown_that_shows_other_words_than_its_data_is_altered(
    change: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, "md", tmp_path)
    before, after = CHANGES[change]
    written = pack.read_text("utf-8")
    assert written.count(before) == 1
    pack.write_text(written.replace(before, after), "utf-8", newline="")
    assert [(v.word, v.detail) for v in verify(pack, place)] == [
        ("verified", ""),
        ("altered", "the pack shows other words: it was changed by hand"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("## @Who?", "## @Who not?"),
        ("## @Who?", "## @Who?\n\n### 1\n\n> It was the mayor.\n\n- file: a.txt"),
        ("Not in these articles.", "Yes."),
        ("# Evidence", "# Evidence\n\n> It was the mayor."),
        ("\n-->\n", "\n-->\n\n> It was the mayor.\n"),
        ("# Evidence", "# Evidence\n<!--"),
    ],
)
def test_markdown_that_was_changed_outside_its_quotes_is_refused(
    before: str, after: str, place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, "md", tmp_path)
    written = pack.read_text("utf-8")
    assert written.count(before) == 1
    pack.write_text(written.replace(before, after), "utf-8", newline="")
    with pytest.raises(QaError, match=r"pack\.md .*changed by hand"):
        verify(pack, place)


def test_markdown_verifies_with_the_line_ends_of_windows(
    place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, "md", tmp_path)
    pack.write_bytes(pack.read_bytes().replace(b"\n", b"\r\n"))
    assert [v.word for v in verify(pack, place)] == ["verified"] * 2


def test_markdown_of_an_earlier_version_says_how_to_export_again(
    place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, "md", tmp_path)
    shown, _, _ = pack.read_text("utf-8").partition("\n<!-- The data")
    pack.write_text(shown, "utf-8", newline="")
    with pytest.raises(QaError, match=r"earlier version.*qa ask QUESTION --evidence FILE\.md"):
        verify(pack, place)


def test_row_of_a_csv_pack_with_a_cell_too_many_is_named(
    place: Path, answers: list[Answer], tmp_path: Path
) -> None:
    pack = save(answers, "csv", tmp_path)
    rows = list(csv.reader(io.StringIO(pack.read_text("utf-8-sig"), newline="")))
    with pack.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([rows[0], rows[2], [*rows[2], "one more"]])
    with pytest.raises(QaError, match=r"pack\.csv .*line 7: more cells than columns"):
        verify(pack, place)
    with pack.open("w", encoding="utf-8", newline="") as stream:
        rows[2][rows[0].index("start")] = "x"
        csv.writer(stream).writerows([rows[0], rows[2]])
    with pytest.raises(QaError, match=r"pack\.csv .*line 4: .*'x'"):
        verify(pack, place)


QUOTE = """{"format": "qa evidence 1", "answers": [{"question": "Q?", "citations": [{
    "start": 0, "end": 1, "quote": "x", "highlights": [], %s,
    "article": {"path": "a.txt", "article_id": "0"}}]}]}"""


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
        ("pack.json", '{"format": "qa evidence 1", "answers": [3]}', "no evidence pack"),
        ("pack.json", QUOTE % '"number": Infinity', "no evidence pack"),
        ("pack.json", QUOTE % '"number": 1, "start": 4, "end": 4', "4-4 is no range"),
        ("pack.json", QUOTE % '"number": 1, "quote": 5', "expected text, found 5"),
        ("pack.json", QUOTE % '"number": 1, "highlights": [{"start": "x"}]', "no evidence pack"),
        ("pack.md", "# Notes\n", "no data to verify"),
        ("pack.md", "# Evidence\n\n## Q\n\n### 1\n\n> x\n", "earlier version of qa"),
        ("pack.md", "\n<!-- The data of this pack, for qa verify:\n{}\n-->\n", "no evidence pack"),
    ],
)
def test_malformed_pack_gets_one_message(
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
    for suffix in FORMATS:
        pack = save(answers, suffix, tmp_path)
        assert [v.word for v in verify(pack, seeds.folder)] == ["verified"] * quotes
