"""Following a folder: changes are in the answers within seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

import qa
from qa import watch
from qa.index.folder import writer_lock
from qa.models.embedder import Embedder
from qa.watch import follow

FERRY = "The ferry to Nessebar sails again since Friday, Captain Dimov said.\n"
Reports = SimpleQueue[qa.SyncReport | qa.QaError]


@pytest.fixture
def followed(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[qa.Corpus, Reports]]:
    monkeypatch.setattr(watch, "_DEBOUNCE", 100)
    monkeypatch.setattr(watch, "_RETRY", 0.3)
    reports: Reports = SimpleQueue()
    stop = threading.Event()
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        thread = threading.Thread(target=follow, args=(corpus, stop, reports.put))
        thread.start()
        yield corpus, reports
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("the condition did not become true within 30 seconds")


def paths(corpus: qa.Corpus) -> list[str]:
    return [article.path for article in corpus.articles()]


def test_added_changed_renamed_and_removed_files_are_in_the_answers(
    folder: Path, followed: tuple[qa.Corpus, Reports]
) -> None:
    corpus, _ = followed
    (folder / "deep").mkdir()
    (folder / "deep" / "ferry.txt").write_text(FERRY)
    until(lambda: "deep/ferry.txt" in paths(corpus))
    question = "Who said that the ferry to Nessebar sails?"
    assert "deep/ferry.txt" in {hit.passage.article.path for hit in corpus.retrieve(question)}
    (folder / "deep" / "ferry.txt").write_text(FERRY.replace("Dimov", "Iliev"))
    until(lambda: any("Iliev" in hit.passage.text for hit in corpus.retrieve(question)))
    [before] = [a for a in corpus.articles() if a.path == "deep/ferry.txt"]
    (folder / "deep").rename(folder / "renamed")
    until(lambda: "renamed/ferry.txt" in paths(corpus))
    until(lambda: corpus.report.updated == ("renamed/ferry.txt",))
    assert corpus.report.embedded == 0
    assert before.article_id in {a.article_id for a in corpus.articles()}
    (folder / "renamed" / "ferry.txt").unlink()
    until(lambda: paths(corpus) == ["budget.md", "harbour.txt"])


def test_broken_sidecar_is_reported_once_and_used_when_it_is_corrected(
    folder: Path, followed: tuple[qa.Corpus, Reports]
) -> None:
    corpus, reports = followed
    (folder / "metadata.toml").write_text("[broken")
    while not isinstance(error := reports.get(timeout=30), qa.QaError):
        pass
    assert "cannot be read" in str(error)
    assert corpus.retrieve("Who opposed the budget?")  # the index is as it was
    (folder / "new.txt").write_text(FERRY)  # another sync with the same error
    time.sleep(0.5)
    assert reports.empty()
    (folder / "metadata.toml").write_text('["harbour.txt"]\noutlet = "Daily"\n')
    until(lambda: {"Daily", "The Varna Post"} <= {a.outlet for a in corpus.articles()})


def test_failed_sync_is_tried_again_without_a_change_in_the_folder(
    folder: Path, followed: tuple[qa.Corpus, Reports]
) -> None:
    """Another process is indexing: that ends without a change in the folder."""
    corpus, reports = followed
    with writer_lock(corpus.index, wait=True):
        (folder / "ferry.txt").write_text(FERRY)
        while not isinstance(error := reports.get(timeout=30), qa.BusyError):
            pass
    assert "is indexing into" in str(error)
    until(lambda: "ferry.txt" in paths(corpus))


def test_folder_that_is_moved_away_and_back_is_followed(
    folder: Path, followed: tuple[qa.Corpus, Reports]
) -> None:
    corpus, _ = followed
    away = folder.with_name("away")
    folder.rename(away)
    time.sleep(0.5)
    assert paths(corpus) == ["budget.md", "harbour.txt"]
    away.rename(folder)
    (folder / "ferry.txt").write_text(FERRY)
    until(lambda: "ferry.txt" in paths(corpus))


def test_hidden_and_temporary_files_start_no_sync(
    folder: Path, followed: tuple[qa.Corpus, Reports]
) -> None:
    _, reports = followed
    reports.get(timeout=30)  # the sync at the start
    (folder / ".draft.txt").write_text(FERRY)
    (folder / ".removed").mkdir()
    (folder / ".removed" / "old.txt").write_text(FERRY)
    time.sleep(0.5)
    assert reports.empty()


def test_stop_ends_it_during_a_sync(
    tmp_path: Path, tiny_embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first progress of the first sync sets `stop`: the sync ends after the next article."""
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number:02}.txt").write_text(f"In town {number} a fair was opened.")
    stop = threading.Event()
    embed = tiny_embedder.embed_passages

    def embed_and_stop(texts: list[str]) -> object:
        stop.set()
        return embed(texts)

    monkeypatch.setattr(tiny_embedder, "embed_passages", embed_and_stop)
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        thread = threading.Thread(target=follow, args=(corpus, stop))
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        assert 0 < corpus.count()[0] < 20
        corpus.sync()
        assert corpus.count()[0] == 20
