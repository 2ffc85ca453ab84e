"""Articles are brought by one drop, asked at once, taken out and put back."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

import qa
from tests.browser.conftest import Room, serving

TOWNS = (
    "Varna Burgas Ruse Pleven Sliven Dobrich Shumen Pernik Haskovo Yambol Blagoevgrad Veliko "
    "Vratsa Gabrovo Asenovgrad Vidin Kazanlak Kyustendil Kardzhali Montana Dimitrovgrad "
    "Targovishte Lovech Silistra Razgrad Dupnitsa Petrich Smolyan Sandanski Samokov"
).split()


class Served(NamedTuple):
    address: str
    articles: Path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A folder of the user's own, empty before the first test."""
    place = tmp_path_factory.mktemp("own") / "articles"
    place.mkdir()
    with (
        qa.Corpus.open(place, place.parent / "index", may_be_empty=True) as corpus,
        serving(corpus) as address,
    ):
        yield Served(address, place)


@pytest.fixture
def desktop(tmp_path: Path) -> Path:
    """Thirty text files in a folder on the desktop, and three that are no articles."""
    place = tmp_path / "Desktop" / "coverage"
    (place / "north").mkdir(parents=True)
    for i, town in enumerate(TOWNS):
        file = place / ("north" if i % 2 else ".") / f"{town}.txt"
        file.write_text(
            f"Bridge in {town} reopens\n\nThe bridge in {town} reopened after {i + 2} months of "
            f"repairs. Engineers in {town} had found cracks in its piers."
        )
    (place / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (place / "empty.txt").write_text("  \n")
    (place / "copy of Varna.txt").write_text((place / "Varna.txt").read_text())
    (place / ".DS_Store").write_bytes(b"\0")
    return place


def drop(room: Room, *files: Path) -> None:
    """Drop files or folders on the page, as a file manager does."""
    session = room.page.context.new_cdp_session(room.page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 700, "y": 300, "data": data})


def test_from_a_folder_of_thirty_files_to_the_first_answer_is_one_drop(
    own: Served, desktop: Path, room: Room
) -> None:
    room.open(own.address)
    expect(room.page.locator("#qa-offers")).to_contain_text("There are no articles here yet")
    drop(room, desktop)
    expect(room.page.get_by_role("progressbar")).to_be_visible()
    expect(room.page.locator(".qa-arrival")).to_contain_text(
        re.compile(r"\b[1-9]\d? of 30 articles can be asked; about")
    )
    first = room.page.locator(".qa-arrival .qa-in span").first.inner_text()
    town = Path(first).stem
    reply = room.ask(f"After how many months did the bridge in {town} reopen?")
    expect(reply.locator("blockquote").first).to_contain_text(f"The bridge in {town} reopened")
    done = room.page.locator(".qa-arrival")
    expect(done).to_contain_text("30 articles added, 3 skipped", timeout=60_000)
    expect(done).to_contain_text("coverage/photo.jpg skipped: is not one of the kinds")
    expect(done).to_contain_text("coverage/empty.txt skipped: is empty")
    expect(done).to_contain_text(re.compile(r"skipped: has the same content as coverage/"))
    expect(done).not_to_contain_text("DS_Store")
    expect(room.library.locator(".qa-list li")).to_have_count(30)
    expect(room.library).to_contain_text("30 articles")
    reply = room.ask("After how many months did the bridge in Samokov reopen?")
    expect(reply.locator("blockquote mark.qa-value").first).to_contain_text("31")
    brought = {f.relative_to(own.articles).as_posix() for f in own.articles.rglob("*.txt")}
    assert len(brought) == 30
    assert "coverage/north/Samokov.txt" in brought
    assert {file.name for file in own.articles.iterdir()} == {"coverage"}


def test_files_are_chosen_by_keyboard_and_hostile_names_stay_inside(
    own: Served, tmp_path: Path, room: Room
) -> None:
    room.open(own.address)
    text = "The ferry to Nessebar was cancelled on Friday. Captain Dimov blamed the wind."
    name = "<img src=x onerror=window.hit=1> {{a}} ${b} $$.txt"
    (tmp_path / name).write_text(text)
    with room.page.expect_file_chooser() as choosing:
        room.page.get_by_role("button", name="choose files").press("Enter")
    choosing.value.set_files(tmp_path / name)
    expect(room.page.locator(".qa-arrival")).to_contain_text(f"{name} in")
    expect(room.ask("Who blamed the wind?").locator("mark").first).to_contain_text("Captain Dimov")
    assert (own.articles / name).read_text() == text
    room.page.evaluate(
        """() => {
          document.querySelector("#qa-intake .qa-add").dataset.most = "5";
        }"""
    )
    (tmp_path / "large.txt").write_text(text + " Twice.")
    with room.page.expect_file_chooser() as choosing:
        room.page.get_by_role("button", name="choose files").click()
    choosing.value.set_files(tmp_path / "large.txt")
    expect(room.page.locator(".qa-arrival")).to_contain_text("large.txt skipped: could not be")
    assert room.page.evaluate("window.hit") is None
    assert name in [file.name for file in own.articles.iterdir()]
    assert not (own.articles / "large.txt").exists()


def test_article_is_taken_out_and_put_back(own: Served, tmp_path: Path, room: Room) -> None:
    file = tmp_path / "tram.txt"
    file.write_text("Tram stopped\n\nThe tram to Mladost was stopped. Driver Kolev blamed the ice.")
    room.open(own.address)
    drop(room, file)
    expect(room.page.locator(".qa-arrival")).to_contain_text("1 article added")
    drop(room, file)
    expect(room.page.locator(".qa-arrival")).to_contain_text("same content as tram.txt")
    title = room.library.get_by_role("link", name="Tram stopped")
    expect(title).to_be_visible()
    room.library.get_by_role("button", name="Remove Tram stopped").click()
    expect(room.page.locator("#qa-intake")).to_contain_text("tram.txt is out of the folder.")
    expect(title).to_have_count(0)
    assert not (own.articles / "tram.txt").exists()
    expect(room.ask("What did driver Kolev blame?")).not_to_contain_text("Kolev blamed the ice")
    room.page.get_by_role("button", name="Put it back").click()
    expect(title).to_be_visible()
    assert (own.articles / "tram.txt").exists()
    expect(room.ask("What did driver Kolev blame?").locator("mark").first).to_contain_text(
        "the ice"
    )


def test_library_shows_what_is_known_and_opens_the_reader(
    address: str, dated_address: str, room: Room
) -> None:
    room.open(dated_address)
    first = room.library.locator(".qa-list li").first
    expect(first).to_contain_text("Budget, as The Varna Post has it")
    expect(first).to_contain_text("The Varna Post · 2025-03-01 · 36 words · English")
    first.get_by_role("link").click()
    expect(room.reader.locator("h2")).to_have_text("Budget, as The Varna Post has it")
    expect(room.reader.locator(".qa-source")).to_contain_text("2025-03-01")
    room.ask("How large is the budget that Varna passed?")
    expect(room.library.locator(".qa-list li", has_text="cited 1×")).not_to_have_count(0)
