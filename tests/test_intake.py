"""Adding files to the folder of articles, removing and restoring them."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa
from qa.errors import ArticleError, CorpusError
from qa.reading import intake
from qa.reading.isolated import IsolatedReader

TEXT = "The ferry to Nessebar was cancelled on Friday. Captain Dimov blamed the wind.\n"

READER = IsolatedReader()  # starts no process: text files are read in this one


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    file = tmp_path / "outside" / "ferry.txt"
    file.parent.mkdir()
    file.write_text(TEXT)
    return file


def everything(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ferry.txt", "ferry.txt"),
        ("coverage/monday/ferry.txt", "coverage/monday/ferry.txt"),
        ("coverage\\ferry.md", "coverage/ferry.md"),
        ("./a//b/./ferry.txt", "a/b/ferry.txt"),
        ("/etc/ferry.txt", "etc/ferry.txt"),
        ("паром 渡轮.txt", "паром 渡轮.txt"),
        ("Ferry: cancelled.txt", "Ferry: cancelled.txt"),
    ],
)
def test_file_is_copied_under_its_name(folder: Path, brought: Path, name: str, path: str) -> None:
    wanted, [article] = intake.check(brought, name, READER)
    assert (wanted, article.path, article.text) == (path, path, TEXT)
    assert intake.add(folder, brought, name) == path
    assert (folder / path).read_text() == TEXT
    assert brought.read_text() == TEXT


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../ferry.txt", "leads out"),
        ("a/../../ferry.txt", "leads out"),
        ("..\\ferry.txt", "leads out"),
        ("C:\\ferry.txt", "leads out"),
        (".ferry.txt", "hidden"),
        (".git/ferry.txt", "hidden"),
        ("fer\nry.txt", "cannot be shown"),
        ("\u202eyrref.txt", "cannot be shown"),
        ("x" * 201 + ".txt", "more than 200 bytes"),
        ("", "no name"),
        ("/", "no name"),
    ],
)
def test_unacceptable_name_is_refused(folder: Path, brought: Path, name: str, reason: str) -> None:
    before = everything(folder.parent)
    with pytest.raises(ArticleError, match=reason):
        intake.check(brought, name, READER)
    with pytest.raises(ArticleError, match=reason):
        intake.add(folder, brought, name)
    assert everything(folder.parent) == before


@given(st.text(alphabet="./\\ab:\0\n\u202e é", max_size=12))
def test_file_of_any_name_is_added_inside_the_folder_or_not_at_all(
    tmp_path_factory, name: str
) -> None:
    place = tmp_path_factory.mktemp("intake")
    file, folder = place / "f", place / "articles"
    file.write_text(TEXT)
    folder.mkdir()
    try:
        path = intake.add(folder, file, name)
    except ArticleError:
        assert everything(place) == {"f": TEXT.encode()}
    else:
        assert everything(place) == {"f": TEXT.encode(), f"articles/{path}": TEXT.encode()}


def test_link_out_of_the_folder_is_not_followed(
    folder: Path, brought: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArticleError, match="leads out"):
        intake.add(folder, brought, "link/ferry.txt")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_temporary_file_that_vanishes_or_stays_does_not_fail_an_upload(
    folder: Path, brought: Path
) -> None:
    (folder / ".incoming-vanished").symlink_to(folder / "gone")  # it is listed, and stat fails
    undeletable = folder / ".incoming-folder"
    undeletable.mkdir()
    stale, recent = folder / ".incoming-stale", folder / ".incoming-recent"
    stale.write_text("x")
    recent.write_text("x")
    for path in (undeletable, stale):
        os.utime(path, (time.time() - 7200,) * 2)
    assert intake.add(folder, brought, "ferry.txt") == "ferry.txt"
    assert (folder / "ferry.txt").read_text() == TEXT
    assert [path.exists() for path in (undeletable, stale, recent)] == [True, False, True]


def test_added_file_is_flushed_to_the_disk_before_it_has_its_name(
    folder: Path, brought: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[str, bool]] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        [copy] = folder.glob(".incoming-*")
        flushed.append((copy.read_text(), (folder / "ferry.txt").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    intake.add(folder, brought, "ferry.txt")
    assert flushed == [(TEXT, False)]


def test_existing_file_of_the_same_name_is_kept(folder: Path, brought: Path) -> None:
    before = (folder / "harbour.txt").read_bytes()
    assert intake.add(folder, brought, "harbour.txt") == "harbour (2).txt"
    assert intake.add(folder, brought, "harbour.txt") == "harbour (3).txt"
    assert (folder / "harbour.txt").read_bytes() == before


def test_folder_that_cannot_be_written_is_reported(brought: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CorpusError, match="cannot be written"):
        intake.add(tmp_path / "file", brought, "a/ferry.txt")


def test_removed_file_can_be_restored(folder: Path) -> None:
    before = everything(folder)
    intake.remove(folder, "harbour.txt")
    assert everything(folder).keys() == {"budget.md", ".removed/harbour.txt"}
    (folder / "harbour.txt").write_text(TEXT)
    with pytest.raises(CorpusError, match="of that name again"):
        intake.restore(folder, "harbour.txt")
    intake.remove(folder, "harbour.txt")
    assert (folder / ".removed" / "harbour (2).txt").read_bytes() == before["harbour.txt"]
    intake.restore(folder, "harbour.txt")
    assert (folder / "harbour.txt").read_text() == TEXT
    with pytest.raises(CorpusError, match="cannot be moved"):
        intake.restore(folder, "budget.txt")


def test_any_file_in_the_folder_can_be_removed_and_no_other(folder: Path) -> None:
    odd = "c:a\\b" + "x" * 200 + ".txt"
    (folder / odd).write_text(TEXT)
    (folder.parent / "secret.txt").write_text("mine")
    intake.remove(folder, odd)
    intake.restore(folder, odd)
    assert (folder / odd).read_text() == TEXT
    for path in ("../secret.txt", str(folder.parent / "secret.txt"), "a/../../secret.txt"):
        with pytest.raises(ArticleError, match="leads out"):
            intake.remove(folder, path)
        with pytest.raises(ArticleError, match="leads out"):
            intake.restore(folder, path)
    assert (folder.parent / "secret.txt").read_text() == "mine"


def test_corpus_adds_removes_and_restores(folder: Path, brought: Path, tmp_path: Path) -> None:
    question = "Who blamed the wind for the cancelled ferry?"
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        assert corpus.add(brought) == "ferry.txt"
        with pytest.raises(ArticleError, match="is not one of the kinds"):
            corpus.add(brought, "ferry.exe")
        with pytest.raises(ArticleError, match=r"same content as ferry\.txt"):
            corpus.add(brought, "copy.txt")  # though it is not indexed yet
        assert corpus.sync().added == ("ferry.txt",)
        with pytest.raises(ArticleError, match=r"same content as ferry\.txt"):
            corpus.add(brought, "copy.txt")
        assert corpus.answer(question).citations[0].article.path == "ferry.txt"
        corpus.remove("ferry.txt")
        assert "ferry.txt" not in [article.path for article in corpus.articles()]
        with pytest.raises(CorpusError, match=r"no article ferry\.txt"):
            corpus.remove("ferry.txt")
        corpus.restore("ferry.txt")
        assert corpus.answer(question).citations[0].article.path == "ferry.txt"


def test_corpus_may_be_empty_at_the_start_and_at_the_end(brought: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(CorpusError, match="There are no articles"):
        qa.Corpus.open(tmp_path / "new", tmp_path / "index")
    with qa.Corpus.open(tmp_path / "new", tmp_path / "index", may_be_empty=True) as corpus:
        assert corpus.answer("Who blamed the wind?").abstained
        corpus.add(brought)
        corpus.sync()
        assert not corpus.answer("Who blamed the wind?").abstained
        corpus.remove("ferry.txt")
        assert corpus.count() == (0, 0)
        assert corpus.answer("Who blamed the wind?").abstained
