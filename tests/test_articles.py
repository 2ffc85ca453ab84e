"""Text files, the folder that holds them, and the titles, datelines and hashes of articles."""

import hashlib
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.errors import ArticleError, CorpusError
from qa.reading.folder import find_files
from qa.reading.sidecar import read_sidecar
from qa.records import Article, Skipped
from tests.conftest import SEEDS, read_article

SEED_HASHES = {
    "000_20ad25c660e45e65.txt": "8024802829165329798421426c24ca23658f865681425fb9d08de4c5c8031f9f",
    "001_3bc2ec1e90467441.txt": "9b80609d20ad994aa9001e955a731a704b37fca5f6023d46a0f72b3f472d52ea",
    "002_b16ef8f3398be61e.txt": "2688c3d0d8ba15aca1c42906975c65baa419eb1dc1cb83ef13f12696eab7d3d9",
    "003_b941ca2dd80af398.txt": "e347b0a4e25b8484e516cce1a5395573f8abb09156b40fd2641d2c20cb6dba59",
    "004_4d2fa0646574651b.txt": "badca0eadd079855b786573af4d1497eb744bfafa9ebc43a0cbbce0470022c57",
}


def read(tmp_path: Path, content: str | bytes, name: str = "a.txt") -> Article:
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_article(file, name)


@given(st.text(alphabet=st.sampled_from("aé日😀’—.\t\r\n #-"), min_size=1).filter(str.strip))
def test_text_is_the_file_and_nothing_else(tmp_path: Path, text: str) -> None:
    article = read(tmp_path, text)
    assert article.text == text
    assert article.article_id == hashlib.sha256(text.encode()).hexdigest()


def test_seeds_are_unchanged() -> None:
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in find_files(SEEDS)}
    assert found == SEED_HASHES


def test_title_outlet_and_author_of_the_seeds() -> None:
    sidecar = read_sidecar(SEEDS)
    found = {
        file.name: read_article(file, file.name, sidecar.get(file.name))
        for file in find_files(SEEDS)
    }
    first, second, third, fourth, fifth = found.values()
    assert first.title == (
        "Erdogan Wants to Return Russian S-400 Systems to Putin to get US F-35 Fighter Jets"
    )
    assert (first.outlet, first.author) == ("Pravda.Ru", "Andrey Mihayloff")
    assert second.title.startswith("Turkey’s long-standing diplomatic tightrope walk")
    assert third.outlet == "Realist English"
    assert third.title.startswith("ANKARA (Realist English). Turkey has asked Russia to take back")
    assert (second.outlet, fourth.outlet, fifth.outlet) == (None, None, None)
    assert [article.published for article in found.values()] == [None] * 5


def test_promotion_at_the_end_of_the_seeds_is_boilerplate() -> None:
    first, *_, fourth, _ = [read_article(file, file.name) for file in find_files(SEEDS)]
    assert [first.text[a:b] for a, b in first.boilerplate] == [
        "Subscribe to Pravda.Ru Telegram channel, Facebook, RSS!",
        "Author`s name Andrey Mihayloff",
    ]
    assert [fourth.text[a:b][:25] for a, b in fourth.boilerplate] == ["Read about the life of We"]


def test_front_matter_gives_the_metadata_and_stays_in_the_text(tmp_path: Path) -> None:
    text = (
        "---\ntitle: 'Deal: done'\nsource: The Post\nauthor: [A. One, B. Two]\n"
        "date: 2025-12-17\nlink: https://example.org/1\ntags: [x]\n---\n\nThey signed it.\n"
    )
    article = read(tmp_path, text, "a.md")
    assert article.text == text
    assert article.title == article.headline == "Deal: done"
    assert (article.outlet, article.author) == ("The Post", "A. One, B. Two")
    assert (article.published, article.url) == (date(2025, 12, 17), "https://example.org/1")
    [(start, end)] = article.boilerplate
    assert text[start:end] == text[: text.index("\n\nThey")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2025-12-17T08:30:00+01:00", date(2025, 12, 17)),
        ("17 December 2025", date(2025, 12, 17)),
        ("Dec 17, 2025", date(2025, 12, 17)),
        ("last spring", None),
    ],
)
def test_dates_as_people_write_them(tmp_path: Path, written: str, meant: date | None) -> None:
    assert read(tmp_path, f"---\ndate: {written}\n---\nText.").published == meant


def test_prose_between_dashes_is_not_front_matter(tmp_path: Path) -> None:
    article = read(tmp_path, "---\nJust a line\n---\nMore.")
    assert (article.boilerplate, article.outlet) == ((), None)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# The Heading #\n\nText.", "The Heading"),
        ("A Headline\n\nText follows.", "A Headline"),
        ("\ufeffA Headline\n\nText follows.", "A Headline"),
        (
            "The first sentence is as long as they usually are. Then the second.",
            "The first sentence is as long as they usually are.",
        ),
        ("ANKARA (Agency). Talks began.", "ANKARA (Agency). Talks began."),
        ("One line that ends.\n\nAnother.", "One line that ends."),
        ("x" * 300, "x" * 120 + "…"),
    ],
)
def test_title(tmp_path: Path, text: str, title: str) -> None:
    assert read(tmp_path, text).title == title


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"---\ntitle: only\n---\n", "empty"),
        (b"\x89PNG\r\n\0\0", "binary"),
        (b"\xff\xfeT\0e\0x", "not the UTF-16"),
        (b"---\na: b: c\n---\nText", "front matter"),
        (b"a" * 50_000_000, "50 MB"),
    ],
)
def test_file_that_cannot_be_read_gives_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    with pytest.raises(ArticleError) as caught:
        read(tmp_path, content)
    assert reason in str(caught.value)


def test_missing_files_and_paths_that_are_not_files(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(tmp_path / "gone.txt")
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "a.odt").write_text("x")
    for name, reason in [
        ("gone.txt", "no longer there"),
        ("link.txt", "no longer there"),
        ("folder.txt", "not a regular file"),
        ("pipe.txt", "not a regular file"),
        ("a.odt", "kinds"),
    ]:
        with pytest.raises(ArticleError, match=reason):
            read_article(tmp_path / name, name)


def test_files_are_found_in_the_order_of_their_paths_without_hidden_ones(tmp_path: Path) -> None:
    names = ["b/z.txt", "b/a.txt", "b-1.txt", "b.txt", "c\t.txt", "Z.txt", "a/metadata.toml"]
    for name in [*names, ".hidden.txt", ".git/x.txt", ".odd\t.txt", "metadata.toml"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [
        item.path if isinstance(item, Skipped) else item.relative_to(tmp_path).as_posix()
        for item in find_files(tmp_path)
    ]
    assert found == [
        "Z.txt", "a/metadata.toml", "b-1.txt", "b.txt", "b/a.txt", "b/z.txt", "c\\t.txt",
    ]  # fmt: skip


def test_missing_folder_and_file_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name, reason in [("none", "no folder"), ("file", "is a file")]:
        with pytest.raises(CorpusError, match=reason) as caught:
            list(find_files(tmp_path / name))
        assert "--articles" in str(caught.value)


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[", "cannot be read"),
        ("title = 'x'", "is not a table"),
        ("['a.txt']\ntitel = 'x'", "unknown field"),
        ("['a.txt']\npublished = 'soon'", "a date such as"),
    ],
)
def test_error_in_the_sidecar_is_reported(tmp_path: Path, toml: str, reason: str) -> None:
    (tmp_path / "metadata.toml").write_text(toml)
    with pytest.raises(CorpusError, match=reason):
        read_sidecar(tmp_path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_headline_is_found_with_any_line_ending(tmp_path: Path, end: str) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(f"Council meets{end}{end}It met.".encode())
    assert read_article(file, "a.txt").headline == "Council meets"
    file.write_bytes(f"Council meets{end}in Varna today. It met.".encode())
    assert read_article(file, "a.txt").headline is None


@pytest.mark.parametrize("line", ["# a" + " " * 20_000 + "b", "# a" + "#" * 20_000 + "b", "# #"])
def test_malicious_heading_is_read_quickly(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, f"{line}\n\nThe story.").title
