"""Malicious files and broken folders: each gets a reason, and the rest is read."""

import io
import os
import subprocess
import sys
import threading
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

import qa
from qa.errors import ArticleError, CancelledError, QaError
from qa.reading.articles import read_file
from qa.reading.formats import SUFFIXES, max_bytes, tables
from qa.reading.isolated import IsolatedReader
from qa.records import Article, Skipped
from tests.conftest import ROOT

STORY = "The ferry to Nessebar sails again since Friday. Captain Dimov thanked the mechanics."


def zipped(*entries: tuple[zipfile.ZipInfo | str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return out.getvalue()


def reasons(content: bytes, name: str = "a.zip") -> dict[str, str]:
    return {
        item.path: item.reason for item in read_file(content, name) if isinstance(item, Skipped)
    }


def test_malicious_zip_entries_are_skipped_and_the_rest_is_read(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = 0o120777 << 16
    content = zipped(
        ("good.txt", STORY.encode()),
        ("../../out.txt", b"x"),
        ("/etc/passwd.txt", b"x"),
        ("C:\\out.txt", b"x"),
        (link, b"/etc/passwd"),
        ("bomb.txt", b"0" * 9_000_000),
        ("big.txt", os.urandom(1000) * 11_000),
        ("inner.zip", zipped(("a.txt", b"x"))),
        ("run.exe", b"MZ"),
        ("bad\u202ename.txt", b"x"),
        ("__MACOSX/good.txt", b"x"),
        (".hidden.txt", b"x"),
    )
    found = list(read_file(content, "a.zip"))
    [article] = [item for item in found if isinstance(item, Article)]
    assert (article.path, article.text) == ("a.zip/good.txt", STORY)
    skipped = {item.path: item.reason for item in found if isinstance(item, Skipped)}
    for path, reason in {
        "a.zip/../../out.txt": "leads out of the zip file",
        "a.zip//etc/passwd.txt": "leads out of the zip file",
        "a.zip/C:/out.txt": "leads out of the zip file",
        "a.zip/link.txt": "is a link",
        "a.zip/bomb.txt": "times its size",
        "a.zip/big.txt": "has 11 MB; a .txt file may have 10 MB",
        "a.zip/inner.zip": "zip file inside a zip file",
        "a.zip/run.exe": "not one of the kinds",
        "a.zip/bad\\u202ename.txt": "cannot be shown",
    }.items():
        assert reason in skipped.pop(path), path
    assert skipped == {}
    assert list(tmp_path.iterdir()) == []


def test_zip_entry_with_a_false_size_is_not_unpacked_beyond_it() -> None:
    content = bytearray(zipped(("lies.txt", STORY.encode() * 2_000)))
    for signature, at in ((b"PK\1\2", 24), (b"PK\3\4", 22)):
        start = content.index(signature) + at
        content[start : start + 4] = (10).to_bytes(4, "little")
    assert set(reasons(bytes(content))) == {"a.zip/lies.txt"}


def test_protected_zip_entry_gives_a_reason() -> None:
    content = bytearray(zipped(("secret.txt", STORY.encode())))
    content[content.index(b"PK\1\2") + 8] |= 1
    assert "password" in reasons(bytes(content))["a.zip/secret.txt"]


def test_page_nested_a_hundred_thousand_levels_deep_does_no_harm() -> None:
    deep = f"<html><body>{'<div>' * 100_000}<p>{STORY}</p>{'</div>' * 100_000}</body></html>"
    reader = IsolatedReader(seconds=30)
    try:
        with suppress(ArticleError):  # it may be read or refused
            list(read_file(deep.encode(), "a.html", reader=reader))
        [article] = read_file(f"<p>{STORY}</p><p>{STORY}</p>".encode(), "b.html", reader=reader)
        assert isinstance(article, Article)
    finally:
        reader.close()


class OtherProgram(IsolatedReader):
    """Starts another program instead of the child that reads."""

    def __init__(self, code: str, seconds: float) -> None:
        super().__init__(seconds)
        self.command = [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("code", "seconds", "reason"),
    [
        ("while True: pass", 0.5, "took more than 0.5 seconds"),
        ("import os; os.abort()", 60, "broke the reader"),
        ("import sys; sys.exit()", 60, "broke the reader"),
    ],
)
def test_reader_that_hangs_or_crashes_is_stopped(code: str, seconds: float, reason: str) -> None:
    reader = OtherProgram(code, seconds)
    with pytest.raises(ArticleError, match=reason):
        list(read_file(b"<p>x</p>", "a.html", reader=reader))
    assert reader.process is None
    reader.command = IsolatedReader().command  # the next file has a new process
    reader.seconds = 60
    [article] = read_file(f"<p>{STORY}</p><p>{STORY}</p>".encode(), "a.html", reader=reader)
    assert isinstance(article, Article)
    reader.close()


@pytest.mark.parametrize("reply", ["{", "[1]", '{"draft": 1}', '{"text": 1}'])
def test_malformed_reply_of_a_reader_gives_a_reason(reply: str) -> None:
    reader = OtherProgram(f"print({reply!r}, flush=True); input()", 60)
    with pytest.raises(ArticleError, match="broke the reader"):
        list(read_file(b"<p>x</p>", "a.html", reader=reader))
    reader.close()


def test_false_span_in_a_reply_gives_a_reason() -> None:
    code = """print('{"draft": ["Text.", [], null, [[2, 50]], [], ""]}', flush=True); input()"""
    reader = OtherProgram(code, 60)
    with pytest.raises(ArticleError, match="span 2-50 does not lie in a text of 5 characters"):
        list(read_file(b"<p>x</p>", "a.html", reader=reader))
    reader.close()


def test_cancelled_reading_raises_an_error_of_its_own() -> None:
    reader = OtherProgram("while True: pass", 30)
    threading.Timer(0.2, reader.cancel).start()
    with pytest.raises(CancelledError, match=r"^Reading was cancelled\.$") as caught:
        list(read_file(b"<p>x</p>", "a.html", reader=reader))
    assert isinstance(caught.value, QaError)
    assert reader.process is None
    with pytest.raises(CancelledError):
        reader.read(b"<p>x</p>", ".html")
    assert reader.process is None


def test_reader_that_needs_too_much_memory_gives_a_reason() -> None:
    code = (
        "from qa.reading import isolated; from qa.reading.formats import html\n"
        "html.read = lambda _: bytearray(2_000_000_000)\n"
        "isolated.main()"
    )  # fmt: skip
    reader = OtherProgram(code, 60)
    with pytest.raises(ArticleError, match="too much memory"):
        list(read_file(b"<p>x</p>", "a.html", reader=reader))
    reader.close()


def test_questions_are_answered_while_files_are_read(folder: Path, tmp_path: Path) -> None:
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        (folder / "page.html").write_text("<p>x</p>")
        (folder / "bad.pdf").write_bytes(b"%PDF-1.7 broken")
        syncing = threading.Thread(target=corpus.sync)
        syncing.start()
        answer = corpus.answer("Who opposed the budget?")
        assert answer.citations[0].article.path == "budget.md"
        syncing.join()
        assert {item.path for item in corpus.report.skipped} == {"page.html", "bad.pdf"}


def test_broken_files_in_a_folder_are_skipped_and_the_rest_is_indexed(
    tmp_path: Path, tiny_model: Path
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "good.txt").write_text(STORY)
    (folder / "copy.txt").write_text(STORY)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "itself.txt").symlink_to(folder / "itself.txt")
    (folder / "page.html").write_text(f"<p>{STORY} Twice.</p><p>{STORY} Twice.</p>")
    (folder / "page_files").mkdir()
    (folder / "page_files" / "advert.html").write_text("<p>Buy</p>")
    with (folder / "huge.txt").open("wb") as huge:
        huge.truncate(2_000_000_000)
    with (folder / "huge.zip").open("wb") as huge:
        huge.truncate(2_000_000_000)
    Path(os.fsdecode(bytes(folder) + b"/\xff\xfe.txt")).write_text(STORY)
    with qa.Corpus.open(folder, tmp_path / "index", model=tiny_model) as corpus:
        assert set(corpus.report.added) == {"copy.txt", "page.html"}
        skipped = {item.path: item.reason for item in corpus.report.skipped}
    for path, reason in {
        "good.txt": "same content as copy.txt",
        "loop": "link to a folder",
        "itself.txt": "symbolic links",
        "page_files": "saved page",
        "huge.txt": "2000 MB; a .txt file may have 10 MB",
        "huge.zip": "2000 MB; a .zip file may have 200 MB",
        "\\udcff\\udcfe.txt": "cannot be shown",
    }.items():
        assert reason in skipped.pop(path), path
    assert skipped == {}


def test_folder_without_permission_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    (folder / "closed").mkdir(parents=True)
    (folder / "good.txt").write_text(STORY)
    (folder / "closed" / "a.txt").write_text("A.")
    (folder / "locked.txt").write_text("B.")
    (folder / "closed").chmod(0)
    (folder / "locked.txt").chmod(0)
    for place in (tmp_path, *tmp_path.parents):
        if place.stat().st_uid == os.getuid() and place != Path("/tmp"):
            place.chmod(place.stat().st_mode | 0o055)
    code = (
        "import os, sys; from pathlib import Path; from qa.reading.folder import *\n"
        "os.getuid() or os.seteuid(65534)\n"
        "for file in find_files(Path(sys.argv[1])):\n"
        "    try: print(file if isinstance(file, Skipped) else read_bytes(file))\n"
        "    except ArticleError as error: print(file.name, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Skipped(path='closed', reason='is a folder that cannot be read: Permission denied')",
        str(STORY.encode()),
        "locked.txt cannot be read: Permission denied",
    ]


def test_memory_stays_within_a_gigabyte(tmp_path: Path) -> None:
    """The largest files that are taken, one of each kind, read one after the other."""
    folder = tmp_path / "articles"
    folder.mkdir()
    line = "Глава пристани сказал, что паром снова ходит 😀. "
    body = (line * 200)[:9_000]
    rows = max_bytes(".json") // (len(body.encode()) + 20)
    (folder / "rows.json").write_text(
        "[" + ",".join(f'{{"text": "{n} {body}"}}' for n in range(rows)) + "]"
    )
    (folder / "deep.html").write_text("<div>" * 1_000_000 + STORY)
    (folder / "bomb.zip").write_bytes(zipped(("a.txt", b"0" * 400_000_000)))
    code = (
        "import resource, sys; from itertools import islice; from pathlib import Path; import qa\n"
        "from qa.reading.articles import read_file; from qa.reading.folder import read_bytes\n"
        "from qa.reading.isolated import IsolatedReader\n"
        "used = lambda who: resource.getrusage(who).ru_maxrss\n"
        "idle = used(resource.RUSAGE_SELF); reader = IsolatedReader()\n"
        "for file in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n"
        "        found = read_file(read_bytes(file), file.name, reader=reader)\n"
        "        n = sum(1 for _ in islice(found, 100))\n"  # all rows are in memory by then
        "    except qa.QaError as error: n = error\n"
        "    print(file.name, n, file=sys.stderr)\n"
        "reader.close()\n"
        "print(used(resource.RUSAGE_SELF) - idle, used(resource.RUSAGE_CHILDREN))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    kilobytes = 1 if sys.platform == "linux" else 1024
    ours, theirs = (int(number) // kilobytes for number in done.stdout.split())
    assert ours + theirs < 1_000_000, done.stderr


def test_large_table_is_read_up_to_a_limit() -> None:
    found = tables.read(b"text\n" + b"x\n" * 200_000, ".csv", {})
    assert len(found) == tables.MOST_ROWS + 1
    assert found[-1] == Skipped("#100001", found[-1].reason)
    assert "a file may hold 100,000 articles" in found[-1].reason


def test_every_suffix_has_a_size_limit() -> None:
    assert all(0 < max_bytes(suffix) <= 200_000_000 for suffix in SUFFIXES)


@pytest.mark.parametrize("field", ["author", "date", "title"])
def test_front_matter_that_expands_without_end_is_read(field: str) -> None:
    lists = "a0: &a0 [x, y]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )
    for value in ("*a29", "&b [x, *b]"):
        [article] = read_file(f"---\n{lists}{field}: {value}\n---\n{STORY}".encode(), "a.md")
        assert isinstance(article, Article)
        assert article.text.endswith(STORY)


def test_zip_entry_without_a_name_is_skipped() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", STORY)
        archive.writestr("x", "unread")
    content = packed.getvalue()
    # The name's length is made 0 in the directory and in the entry: zipfile writes no such thing.
    at = content.rindex(b"PK\x01\x02")
    nameless = bytearray(content)
    nameless[at + 28] = 0
    del nameless[at + 46]
    end = nameless.rindex(b"PK\x05\x06")
    size = int.from_bytes(nameless[end + 12 : end + 16], "little") - 1
    nameless[end + 12 : end + 16] = size.to_bytes(4, "little")
    with zipfile.ZipFile(io.BytesIO(bytes(nameless))) as archive:
        assert [entry.filename for entry in archive.infolist()] == ["a.txt", ""]
    found = list(read_file(bytes(nameless), "pack.zip"))
    assert [item.path for item in found] == ["pack.zip/", "pack.zip/a.txt"]
    assert isinstance(found[0], Skipped)
    assert isinstance(found[1], Article)


def test_half_of_a_character_in_a_field_is_replaced() -> None:
    content = rb'{"text": "Half \ud800 a text.", "title": "\ud800", "outlet": "\udfff Post"}'
    [article] = read_file(content, "a.json")
    assert isinstance(article, Article)
    assert (article.title, article.outlet) == ("?", "? Post")
    assert article.text.encode()
