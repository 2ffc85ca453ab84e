"""What the page does, without a browser: what is sent to it may be anything."""

import json
from pathlib import Path

import pytest

import qa
from qa.web import links
from qa.web.desk import Desk
from qa.web.handlers import _files
from qa.web.links import Asked

AMBASSADOR = "Who is the US ambassador to Turkey?"


@pytest.fixture(scope="module")
def desk(seeds: qa.Corpus) -> Desk:
    return Desk(seeds)


def test_whole_conversation_is_exported_however_long(desk: Desk) -> None:
    asked = [links.write(Asked(f"What did the Kremlin deny {i}?")) for i in range(40)]
    pack = json.loads(desk.export(asked, "json"))
    assert [a["question"] for a in pack["answers"]] == [links.read(a).asked.question for a in asked]


@pytest.mark.parametrize("kept", [None, "x", 3, {}, [None, 3, {}, "", "at=x", [[]]]])
def test_anything_may_be_sent(desk: Desk, kept: object) -> None:
    assert desk.reopen(kept) == []
    assert json.loads(desk.export(kept, "json"))["answers"] == []
    assert desk.export(kept, "exe") == desk.export(kept, None) == ""
    assert "not answered" in desk.judge(kept, 1, True, "")
    assert "not answered" in desk.judge(links.write(Asked(AMBASSADOR)), "1", True, "")
    assert not desk.feedback.exists()


def test_half_a_character_is_asked_as_a_question_mark(desk: Desk) -> None:
    asked = desk.ask("Who is \ud800 the ambassador?", [], qa.Scope())
    assert asked.question == "Who is ? the ambassador?"
    assert links.read(links.write(asked)).asked == asked


def test_only_gradios_uploads_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = tmp_path / "secret.txt"
    outside.write_text("mine")
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    (uploads / "a.txt").write_text("theirs")
    (uploads / "link.txt").symlink_to(outside)
    sent = [
        {"name": "a", "path": str(uploads / "a.txt")},
        {"name": "b", "path": str(outside)},
        {"name": "c", "path": str(uploads / "link.txt")},
        {"name": "d", "path": None},
        "e",
    ]
    assert list(_files(sent)) == [
        ("a", (uploads / "a.txt").resolve()), ("b", None), ("c", None), ("d", None),
    ]  # fmt: skip
    assert list(_files("x")) == list(_files(None)) == []
