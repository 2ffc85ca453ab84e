"""Bringing the index up to date with a folder: what is read, embedded, replaced and removed."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

import qa
from qa.errors import CorpusError, StoreError
from qa.index import survey, sync
from qa.models.embedder import Embedder
from tests.conftest import SEEDS, read_only


class Counting(Embedder):
    """A model that lists the texts that it embeds."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.texts: list[str] = []

    def embed_passages(self, texts):
        self.texts += texts
        return super().embed_passages(texts)


@pytest.fixture
def counting(tiny_model: Path) -> Counting:
    return Counting(str(tiny_model))


@pytest.fixture
def synced(folder: Path, tmp_path: Path, tiny_embedder: Embedder) -> Callable[..., qa.Corpus]:
    """Open the folder with the tiny model, and sync."""

    def open_and_sync(embedder: Embedder = tiny_embedder, **options: bool) -> qa.Corpus:
        corpus = qa.Corpus(folder, tmp_path / "index", embedder)
        corpus.sync(**options)
        return corpus

    return open_and_sync


def paths(corpus: qa.Corpus) -> list[str]:
    return [article.path for article in corpus.articles()]


def test_first_sync_adds_and_second_embeds_nothing(
    synced: Callable[..., qa.Corpus], counting: Counting
) -> None:
    with synced(counting) as corpus:
        assert corpus.report.added == ("budget.md", "harbour.txt")
        assert corpus.report.embedded == 2
    counting.texts.clear()
    with synced(counting) as corpus:
        assert corpus.report == qa.SyncReport(unchanged=("budget.md", "harbour.txt"))
    assert counting.texts == []


def test_only_the_changed_article_is_embedded(
    synced: Callable[..., qa.Corpus], counting: Counting, folder: Path
) -> None:
    with synced(counting) as corpus:
        counting.texts.clear()
        (folder / "harbour.txt").write_text("The harbour of Varna closed again on Friday.")
        report = corpus.sync()
        assert (report.updated, report.unchanged) == (("harbour.txt",), ("budget.md",))
        assert report.removed == ()
        assert set(counting.texts) == {"The harbour of Varna closed again on Friday."}
        texts = {hit.passage.text for hit in corpus.retrieve("harbour", 9)}
        assert counting.texts[0] in texts
        assert not any("reopened" in text for text in texts)
        assert corpus.count() == (2, 2)


def test_renamed_file_and_new_metadata_embed_nothing(
    synced: Callable[..., qa.Corpus], counting: Counting, folder: Path
) -> None:
    with synced(counting) as corpus:
        counting.texts.clear()
        (folder / "harbour.txt").rename(folder / "port.txt")
        (folder / "metadata.toml").write_text('["port.txt"]\noutlet = "Port News"\ntitle = "Open"')
        report = corpus.sync()
        assert (report.updated, report.removed) == (("port.txt",), ())
        [hit] = corpus.retrieve("When did the harbour reopen?", outlets="Port News")
        article = hit.passage.article
        assert (article.path, article.outlet, article.title) == ("port.txt", "Port News", "Open")
        assert counting.texts == []


def test_two_files_that_swap_their_names_embed_nothing(
    synced: Callable[..., qa.Corpus], counting: Counting, folder: Path
) -> None:
    with synced(counting) as corpus:
        before = {article.path: article.text for article in corpus.articles()}
        counting.texts.clear()
        (folder / "harbour.txt").rename(folder / "x.txt")
        (folder / "budget.md").rename(folder / "harbour.txt")
        (folder / "x.txt").rename(folder / "budget.md")
        assert set(corpus.sync().updated) == {"budget.md", "harbour.txt"}
        assert counting.texts == []
        assert corpus.count() == (2, 2)
        after = {article.path: article.text for article in corpus.articles()}
    assert after["harbour.txt"] == before["budget.md"]
    assert after["budget.md"] == before["harbour.txt"]


def test_removed_article_is_no_longer_found(synced: Callable[..., qa.Corpus], folder: Path) -> None:
    with synced() as corpus:
        (folder / "budget.md").unlink()
        assert corpus.sync().removed == ("budget.md",)
        assert [hit.passage.article.path for hit in corpus.retrieve("budget", 9)] == ["harbour.txt"]


def test_bad_files_are_reported_and_the_others_indexed(
    synced: Callable[..., qa.Corpus], folder: Path
) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "broken.txt").write_bytes(b"\xff\xfeT\0e")
    (folder / "picture.txt").write_bytes(b"\x89PNG\0")
    with (folder / "huge.txt").open("wb") as stream:
        stream.truncate(50_000_000)
    (folder / "copy.txt").write_bytes((folder / "harbour.txt").read_bytes())
    (folder / "report.xyz").write_text("x")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("Coffee is served.")
    with synced() as corpus:
        reasons = {item.path: item.reason for item in corpus.report.skipped}
        assert corpus.report.added == ("budget.md", "copy.txt")
        assert set(reasons) == {
            "empty.txt", "broken.txt", "picture.txt", "huge.txt", "harbour.txt", "report.xyz",
            "gone.txt", "caf\\udce9.txt",
        }  # fmt: skip
        assert reasons["harbour.txt"] == "has the same content as copy.txt"
        assert "name" in reasons["caf\\udce9.txt"]


def test_file_that_vanishes_during_a_sync_is_skipped(
    synced: Callable[..., qa.Corpus], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = sync.read_bytes

    def vanish(file: Path) -> bytes:
        if file.name == "harbour.txt":
            file.unlink()
        return read_bytes(file)

    monkeypatch.setattr(sync, "read_bytes", vanish)
    with synced() as corpus:
        assert corpus.report.added == ("budget.md",)
        assert [item.path for item in corpus.report.skipped] == ["harbour.txt"]


def test_empty_folder_leaves_the_index_as_it_is(
    synced: Callable[..., qa.Corpus], folder: Path, tmp_path: Path
) -> None:
    synced().close()
    shutil.move(folder, tmp_path / "moved")
    folder.mkdir()
    with pytest.raises(CorpusError, match="no articles in"):
        synced()
    folder.rmdir()
    with pytest.raises(CorpusError, match="no folder"):
        synced()
    shutil.move(tmp_path / "moved", folder)
    with synced() as corpus:
        assert corpus.report.embedded == 0
        assert corpus.count() == (2, 2)


def test_folder_without_a_readable_file_says_why(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"\0")
    with pytest.raises(CorpusError, match=r"b\.txt is a binary file"):
        qa.Corpus.open(tmp_path / "a", tmp_path / "index")


def test_progress_reports_files_and_passages(
    folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    reports: list[qa.SyncProgress] = []
    qa.Corpus.open(
        folder, tmp_path / "index", model=str(tiny_model), progress=reports.append
    ).close()
    assert reports[0] == qa.SyncProgress(0, 2, 0, 0.0, None)
    assert reports[-1] == qa.SyncProgress(2, 2, 2, 1.0, "harbour.txt")
    assert 0 < reports[1].share < 1


def test_index_of_another_model_is_refused_and_rebuilt(
    folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    qa.Corpus(folder, tmp_path / "index", Embedder()).close()
    with pytest.raises(StoreError, match="qa index --rebuild"):
        qa.Corpus.open(folder, tmp_path / "index", model=str(tiny_model))
    with qa.Corpus.open(folder, tmp_path / "index", model=str(tiny_model), rebuild=True) as corpus:
        assert corpus.report.embedded == 2


def test_cancelled_sync_raises_an_error_of_qa_and_so_does_every_later_one(
    synced: Callable[..., qa.Corpus], folder: Path
) -> None:
    with synced() as corpus:
        (folder / "new.txt").write_text("The ferry sails again.")
        corpus.cancel()
        for _ in range(2):
            with pytest.raises(qa.CancelledError) as caught:
                corpus.sync()
        assert isinstance(caught.value, qa.QaError)
        assert paths(corpus) == ["budget.md", "harbour.txt"]


# Metadata


GERMAN = "Die Fischer standen vor den Häusern am Hafen und warteten auf die Boote.\n"


def test_corrected_language_replaces_the_stems(
    synced: Callable[..., qa.Corpus], folder: Path
) -> None:
    """The German stem of "Hauses" and "Häusern" is one; the English stems differ."""
    (folder / "de.txt").write_text(GERMAN, encoding="utf-8")
    sidecar = folder / "metadata.toml"
    sidecar.write_text('["de.txt"]\nlanguage = "en"\n')
    with synced() as corpus:
        [before] = corpus.retrieve("des Hauses", paths="de.txt")
        assert (before.passage.article.language, before.lexical) == ("en", 0)
        sidecar.write_text('["de.txt"]\nlanguage = "de"\n')
        report = corpus.sync()
        assert report.updated == ("de.txt",)
        [after] = corpus.retrieve("des Hauses", paths="de.txt")
        assert after.passage.article.language == "de"
        assert after.lexical > 0
        assert after.coverage == 1
        assert after.sentences[0].coverage == 1
        assert corpus.count() == (3, 3)
        assert corpus.sync().embedded == 0


def test_correction_by_another_process_is_in_answers_at_once(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    mine, other = (qa.Corpus(folder, tmp_path / "index", tiny_embedder) for _ in range(2))
    with mine, other:
        mine.sync()
        question = "When did the harbour of Varna reopen?"
        [before] = mine.retrieve(question, paths="harbour.txt")
        assert before.passage.article.outlet is None
        assert mine.retrieve(question, outlets="Port News") == []
        version = mine.version()
        assert version == other.version() == mine.version()
        (folder / "metadata.toml").write_text('["harbour.txt"]\noutlet = "Port News"\n')
        assert other.sync().embedded == 0
        assert mine.version() == other.version() != version
        [after] = mine.retrieve(question, outlets="Port News")
        assert after.passage.article.outlet == "Port News"
        quoted = mine.answer(question, paths="harbour.txt")
        assert {c.article.outlet for c in (*quoted.citations, *quoted.nearest)} == {"Port News"}
        outlets = {one.path: one.outlet for one in mine.summaries()}
        assert outlets == {"budget.md": "The Varna Post", "harbour.txt": "Port News"}


def test_version_changes_with_every_change_and_only_then(
    synced: Callable[..., qa.Corpus], folder: Path
) -> None:
    with synced() as corpus:
        versions = [corpus.version()]
        sidecar = folder / "metadata.toml"
        changes: list[Callable[[], object]] = [
            lambda: (folder / "new.txt").write_text("The ferry sails again."),
            lambda: (folder / "new.txt").write_text("The ferry sails no more."),
            lambda: sidecar.write_text('["new.txt"]\noutlet = "Daily"\n'),
            lambda: (folder / "new.txt").rename(folder / "newer.txt"),
            (folder / "newer.txt").unlink,
        ]
        for change in changes:
            change()
            corpus.sync()
            versions.append(corpus.version())
            corpus.sync()
            assert corpus.version() == versions[-1]
    assert len(set(versions)) == len(versions)


# Which files are read


class Clock:
    """A file system and a clock whose time moves when a test says so, in steps of `TICK`."""

    TICK = 2_000_000_000

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = 0
        stat, now = Path.stat, time.time_ns
        self._start = now()

        def coarse(file: Path, **options: bool) -> os.stat_result:
            found = stat(file, **options)
            tick = self._start // self.TICK * self.TICK
            return os.stat_result(
                found[:10], {"st_mtime_ns": tick, "st_ctime_ns": tick, "st_mode": found.st_mode}
            )

        monkeypatch.setattr(Path, "stat", coarse)
        monkeypatch.setattr(survey.time, "time_ns", lambda: self._start + self.offset)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    read_bytes = sync.read_bytes

    def read_and_list(file: Path) -> bytes:
        names.append(file.name)
        return read_bytes(file)

    monkeypatch.setattr(sync, "read_bytes", read_and_list)
    return names


def test_file_rewritten_in_the_same_tick_is_read_again(
    synced: Callable[..., qa.Corpus], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Size and times are the same as before: on such a disk they do not show the change."""
    Clock(monkeypatch)
    (folder / "ferry.txt").write_text("The ferry left at nine, Captain Dimov said.")
    with synced() as corpus:
        assert "Dimov" in {a.path: a.text for a in corpus.articles()}["ferry.txt"]
        (folder / "ferry.txt").write_text("The ferry left at nine, Captain Iliev said.")
        assert corpus.sync().updated == ("ferry.txt",)
        assert "Iliev" in {a.path: a.text for a in corpus.articles()}["ferry.txt"]


def test_unchanged_file_is_not_read_again_once_it_is_old_enough(
    synced: Callable[..., qa.Corpus], folder: Path, monkeypatch: pytest.MonkeyPatch, read: list[str]
) -> None:
    clock = Clock(monkeypatch)
    with synced() as corpus:
        assert sorted(read) == ["budget.md", "harbour.txt"]
        clock.offset = 10 * Clock.TICK
        corpus.sync()  # the first sync could not be sure of them
        read.clear()
        report = corpus.sync()
        assert (read, report.unchanged) == ([], ("budget.md", "harbour.txt"))
        (folder / "metadata.toml").write_text('["harbour.txt"]\noutlet = "Daily"\n')
        assert corpus.sync().updated == ("harbour.txt",)
        assert read == ["harbour.txt"]
        read.clear()
        (folder / "budget.md").write_text("Another size.")
        assert corpus.sync().updated == ("budget.md",)
        assert read == ["budget.md"]


# Killed


def test_killed_sync_loses_nothing_and_the_next_one_continues(
    tmp_path: Path, tiny_model: Path
) -> None:
    """SIGKILL at two moments of `qa index`; then the rest, and only that, is embedded."""
    place, index, total = tmp_path / "articles", tmp_path / "index", 120
    place.mkdir()
    chosen = random.Random(7)
    words = [word for file in SEEDS.glob("*.txt") for word in file.read_text("utf-8").split()]
    for number in range(total):
        text = " ".join(chosen.choices(words, k=200)) + "."
        (place / f"{number:03}.txt").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "qa", "index", "--json", "--model", str(tiny_model)]
    environment = os.environ | {"QA_ARTICLES": str(place), "QA_INDEX": str(index)}
    stored = 0
    for goal in (1, 30):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while stored_articles(index) < goal and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = stored_articles(index)
        assert max(goal, stored) <= now < total
        stored = now
    with read_only(index / "index.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        without_passages = "SELECT number FROM texts EXCEPT SELECT text_number FROM passages"
        assert db.execute(without_passages).fetchall() == []
    db.close()
    ids = {hashlib.sha256(file.read_bytes()).hexdigest() for file in place.iterdir()}
    with qa.Corpus.open(place, index, model=str(tiny_model)) as corpus:
        assert len(corpus.report.unchanged) == stored
        assert len(corpus.report.added) == total - stored
        assert {article.article_id for article in corpus.articles()} == ids
        assert corpus.sync().embedded == 0


def stored_articles(index: Path) -> int:
    """Return the number of articles in an index that another process may just be creating."""
    try:
        with read_only(index / "index.sqlite") as db:
            [found] = db.execute("SELECT count(*) FROM articles").fetchone()
        db.close()
    except apsw.Error:
        return 0
    return int(found)


class CountingPath(str):
    """A path that counts how often it is compared."""

    comparisons = 0
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountingPath.comparisons += 1
        return str.__eq__(self, other)  # type: ignore[arg-type]


def test_report_of_many_replaced_files_takes_few_comparisons(folder: Path) -> None:
    """It was a list that was searched for each path: minutes for 100,000 files."""
    many = 2_000
    work = sync.Sync(folder, None, {})
    work.paths = {CountingPath(f"{i}.txt"): f"old {i}" for i in range(many)}
    work.updated = type(work.updated)(dict.fromkeys(work.paths))
    CountingPath.comparisons = 0
    report = work._report(0)
    assert (len(report.updated), report.removed) == (many, ())
    assert CountingPath.comparisons <= 3 * many
