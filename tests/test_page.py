"""What the page does, without a browser. A browser may send anything."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import qa
from qa.web import links, page, uploads
from qa.web.handlers import Handlers
from qa.web.service import Service
from qa.web.uploads import Upload, UploadProgress
from tests.conftest import SEEDS

AMBASSADOR = "Who is the US ambassador to Turkey?"


@pytest.fixture(scope="module")
def service(seeds: qa.Corpus) -> Service:
    return Service(seeds)


@pytest.fixture
def small(folder: Path, tmp_path: Path, tiny_model: Path) -> Iterator[qa.Corpus]:
    with qa.Corpus.open(folder, tmp_path / "index", model=str(tiny_model)) as corpus:
        yield corpus


@pytest.fixture
def upload_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "uploads"
    place.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(place))
    return place


def event(**data: object) -> Any:
    return SimpleNamespace(_data=data)


def unanswerable(number: int) -> str:
    """Return a link to a question that is refused at once: it is too long."""
    return links.write(qa.Question(f"{number} {'x' * 3_000}"))


def test_whole_conversation_is_exported(service: Service) -> None:
    asked = [links.write(qa.Question(f"What did the Kremlin deny {i}?")) for i in range(20)]
    sent = service.export({"links": asked, "format": "json"})
    exported = [answer["question"] for answer in json.loads(sent["pack"])["answers"]]
    assert exported == [links.read(link).question.text for link in asked]
    assert sent["note"] == ""


def test_only_the_last_hundred_questions_are_reopened_and_exported(service: Service) -> None:
    turns, note = service.reopen([unanswerable(i) for i in range(130)])
    assert [turn.question.text.split()[0] for turn in turns] == [str(i) for i in range(30, 130)]
    assert note == "Only the last 100 of 130 questions are included."
    too_many = [unanswerable(0)] * 330_000
    sent = service.export({"links": too_many, "format": "csv"})
    assert sent["note"] == "Only the last 100 of 330,000 questions are included."
    assert service.reopen([unanswerable(0)] * 100)[1] == ""


def test_page_says_that_not_all_questions_were_reopened(service: Service) -> None:
    kept = [unanswerable(i) for i in range(101)]
    turns, conversation, *_ = Handlers(service).open_link([], event(kept=kept))
    assert len(turns) == 100
    assert "Only the last 100 of 101 questions are included." in conversation


@pytest.mark.parametrize("kept", [None, "x", 3, {}, [None, 3, {}, "", "at=x", [[]]]])
def test_anything_may_be_sent(service: Service, kept: object) -> None:
    assert service.reopen(kept) == ([], "")
    assert json.loads(service.export({"links": kept, "format": "json"})["pack"])["answers"] == []
    for suffix in ("exe", None, [], kept):
        assert service.export({"links": kept, "format": suffix})["pack"] == ""
    for link, number in ((kept, 1), (links.write(qa.Question(AMBASSADOR)), "1")):
        sent = {"link": link, "number": number, "good": True, "reason": kept}
        assert "not answered" in service.judge(sent)
    assert not service.feedback.exists()


def test_half_a_character_is_asked_as_a_question_mark(service: Service) -> None:
    asked = service.question("Who is \ud800 the ambassador?", [], qa.Scope())
    assert asked.text == "Who is ? the ambassador?"
    assert links.read(links.write(asked)).question == asked


def test_library_reads_no_texts(small: qa.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the page is built, not when it is loaded, not when something has changed."""

    def no_texts(*_: object) -> None:
        raise AssertionError("the texts of the articles are read")

    monkeypatch.setattr(qa.Corpus, "articles", no_texts)
    page.build(small)
    handlers = Handlers(Service(small))
    library, *_ = handlers.load([])
    assert "Harbour reopens" in library
    state, library, *_ = handlers.refresh_if_changed(None, [])
    assert "Council passes budget" in library
    (small.folder / "ferry.txt").write_text("The ferry sank\n\nNobody was on board.\n")
    small.sync()
    changed, library, *_ = handlers.refresh_if_changed(state, [])
    assert changed != state
    assert "The ferry sank" in library


def test_page_shows_metadata_that_another_process_has_corrected(
    small: qa.Corpus, tmp_path: Path, tiny_model: Path
) -> None:
    handlers = Handlers(Service(small))
    state, library, *_ = handlers.refresh_if_changed(None, [])
    assert "The Varna Post" in library
    unchanged, library, *_ = handlers.refresh_if_changed(state, [])
    assert unchanged == state
    assert not isinstance(library, str)
    text = (small.folder / "budget.md").read_text()
    (small.folder / "budget.md").write_text(text.replace("The Varna Post", "The Burgas Post"))
    with qa.Corpus.open(small.folder, tmp_path / "index", model=str(tiny_model)) as other:
        assert other.report.updated == ("budget.md",)
    changed, library, *_ = handlers.refresh_if_changed(state, [])
    assert changed != state
    assert "The Burgas Post" in library


def test_only_gradios_uploads_are_files(tmp_path: Path, upload_folder: Path) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("mine")
    (upload_folder / "a.txt").write_text("theirs")
    (upload_folder / "link.txt").symlink_to(outside)
    sent = [
        {"name": "a", "path": str(upload_folder / "a.txt")},
        {"name": "b", "path": str(outside)},
        {"name": "c", "path": str(upload_folder / "link.txt")},
        {"name": "d", "path": None},
        "e",
    ]
    assert list(uploads.received(sent)) == [
        ("a", (upload_folder / "a.txt").resolve()), ("b", None), ("c", None), ("d", None),
    ]  # fmt: skip
    assert list(uploads.received("x")) == list(uploads.received(None)) == []


def test_two_files_of_one_name_are_listed_and_counted(
    small: qa.Corpus, upload_folder: Path
) -> None:
    sent = []
    for number in (1, 2):
        place = upload_folder / str(number)
        place.mkdir()
        (place / "notes.txt").write_text(f"Ferry {number} left the harbour of Varna at noon.")
        sent.append({"name": "notes.txt", "path": str(place / "notes.txt")})
    (upload_folder / "photo.jpg").write_bytes(b"x")
    sent += [{"name": "photo.jpg", "path": str(upload_folder / "photo.jpg")}] * 2
    shown = list(Handlers(Service(small)).add_files(event(files=sent)))
    assert "2 articles added, 2 skipped" in shown[-1]
    assert shown[-1].count("<span>notes.txt</span> <span>in</span>") == 2
    assert shown[-1].count("<span>photo.jpg</span> <span>skipped: is not one of the kinds") == 2
    assert not list(upload_folder.rglob("*.*")), "uploads are deleted once they are copied"
    texts = {file.read_text() for file in small.folder.glob("notes*.txt")}
    assert texts == {f"Ferry {n} left the harbour of Varna at noon." for n in (1, 2)}


def test_upload_progress_is_reported(small: qa.Corpus, upload_folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (upload_folder / name).write_text(f"The tram {name} was stopped by ice on Friday.")
    files = [(name, upload_folder / name) for name in ("b.txt", "a.txt")] + [("large.txt", None)]
    first, *_, last = uploads.add(small, files)
    skipped = Upload(
        "large.txt", "skipped", "could not be uploaded: a file may have 200 MB at most"
    )
    waiting = (Upload("a.txt", "waiting"), Upload("b.txt", "waiting"), skipped)
    assert first == UploadProgress(waiting, "0 of 2 articles can be asked", 0.0)
    added = (Upload("a.txt", "in"), Upload("b.txt", "in"), skipped)
    assert last == UploadProgress(added, "2 articles added, 1 skipped")


def test_old_uploads_are_deleted_and_new_ones_are_kept(upload_folder: Path) -> None:
    for name, age in (("old", 25 * 3600), ("new", 23 * 3600)):
        (upload_folder / name).mkdir()
        (upload_folder / name / "a.txt").write_text("x")
        then = (upload_folder / name).stat().st_mtime - age
        os.utime(upload_folder / name, (then, then))
    uploads.delete_old()
    assert [entry.name for entry in upload_folder.iterdir()] == ["new"]
    shutil.rmtree(upload_folder)
    uploads.delete_old()


def test_filter_is_set_for_an_article_and_cleared(service: Service) -> None:
    handlers = Handlers(service)
    path = next(SEEDS.glob("002_*.txt")).name
    chosen, button = handlers.set_filter(event(article=path))
    assert chosen == path
    assert "Ask all articles again" in button.value
    assert handlers.set_filter(event(article="../secret.txt"))[0] is None
    assert handlers.clear_filter()[0] is None
