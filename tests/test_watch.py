"""The folder is followed: what changes in it is in the answers within seconds."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

import qa
from qa.watch import follow

FERRY = "The ferry to Nessebar sails again since Friday, Captain Dimov said.\n"


@pytest.fixture
def followed(folder: Path, tmp_path: Path) -> Iterator[tuple[qa.Corpus, SimpleQueue[object]]]:
    told: SimpleQueue[object] = SimpleQueue()
    stop = threading.Event()
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        thread = threading.Thread(target=follow, args=(corpus, stop, told.put))
        thread.start()
        yield corpus, told
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def until(holds: Callable[[], bool]) -> None:
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to pass within 30 seconds")


def paths(corpus: qa.Corpus) -> list[str]:
    return [article.path for article in corpus.articles()]


def test_added_changed_renamed_and_removed_files_are_in_the_answers(
    folder: Path, followed: tuple[qa.Corpus, SimpleQueue[object]]
) -> None:
    corpus, _ = followed
    (folder / "deep").mkdir()
    (folder / "deep" / "ferry.txt").write_text(FERRY)
    until(lambda: "deep/ferry.txt" in paths(corpus))
    question = "Who said that the ferry sails?"
    assert corpus.answer(question).citations[0].article.path == "deep/ferry.txt"
    (folder / "deep" / "ferry.txt").write_text(FERRY.replace("Dimov", "Iliev"))
    until(lambda: "Iliev" in corpus.retrieve("ferry Nessebar", 1)[0].passage.text)
    [before] = [a for a in corpus.articles() if a.path == "deep/ferry.txt"]
    (folder / "deep").rename(folder / "renamed")
    until(lambda: "renamed/ferry.txt" in paths(corpus))
    until(lambda: corpus.report.updated == ("renamed/ferry.txt",))
    assert corpus.report.embedded == 0
    assert before.article_id in {a.article_id for a in corpus.articles()}
    (folder / "renamed" / "ferry.txt").unlink()
    until(lambda: paths(corpus) == ["budget.md", "harbour.txt"])


def test_broken_sidecar_is_told_and_mended(
    folder: Path, followed: tuple[qa.Corpus, SimpleQueue[object]]
) -> None:
    corpus, told = followed
    (folder / "metadata.toml").write_text("[broken")
    while not isinstance(error := told.get(timeout=30), qa.QaError):
        pass
    assert "cannot be read" in str(error)
    assert corpus.answer("Who opposed the budget?").citations  # as it was
    (folder / "metadata.toml").write_text('["harbour.txt"]\noutlet = "Daily"\n')
    until(lambda: {"Daily", "The Varna Post"} == {a.outlet for a in corpus.articles()})


def test_folder_that_is_deleted_and_made_again_is_followed(
    folder: Path, followed: tuple[qa.Corpus, SimpleQueue[object]]
) -> None:
    corpus, _ = followed
    away = folder.with_name("away")
    folder.rename(away)
    time.sleep(2)
    away.rename(folder)
    (folder / "ferry.txt").write_text(FERRY)
    until(lambda: "ferry.txt" in paths(corpus))


def test_told_to_stop_it_ends_in_the_middle_of_a_sync(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    stop = threading.Event()
    with qa.Corpus.open(folder, tmp_path / "index", may_be_empty=True) as corpus:
        for number in range(40):
            told = (f"In town {number} the fair {n} was opened by a mayor." for n in range(40))
            (folder / f"{number:02}.txt").write_text(" ".join(told))
        thread = threading.Thread(target=follow, args=(corpus, stop))
        thread.start()
        until(lambda: corpus.count()[0] > 0)
        stop.set()
        thread.join(60)
        assert not thread.is_alive()
        assert 0 < corpus.count()[0] < 40
