"""The served folder is followed: what changes on the disk changes on the page, by itself."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Room, command, shoot
from tests.test_formats import QUESTIONS, STORIES, pdf, web_page


def test_files_of_any_kind_come_and_go_while_the_page_is_open(tmp_path: Path, room: Room) -> None:
    place = tmp_path / "articles"
    place.mkdir()
    (place / "opera.txt").write_text("\n\n".join(STORIES["opera"]))
    with command(place, tmp_path / "index") as address:
        room.open(address)
        titles = room.library.locator(".qa-title")
        expect(titles).to_have_text([STORIES["opera"][0]])
        (place / "bees.html").write_text(web_page(*STORIES["bees"]))
        (place / "bridge.pdf").write_bytes(
            pdf(["Nothing of note.", "\n\n".join(STORIES["bridge"])], title=STORIES["bridge"][0])
        )
        expect(titles).to_have_text([STORIES[name][0] for name in ("bees", "bridge", "opera")])
        expect(room.library).to_contain_text("The Varna Post · 2025-03-04")

        reply = room.ask(QUESTIONS["bridge"])
        cite = reply.locator("a.qa-cite").first
        expect(cite).to_contain_text("bridge.pdf, page 2")
        cite.click()
        expect(room.reader.locator("h2")).to_have_text(STORIES["bridge"][0])
        expect(room.reader.locator(".qa-aside").first).to_have_text("The Varna Post - weekly")
        marked = "".join(room.reader.locator(".qa-answer").all_inner_texts())
        assert marked.startswith(
            "The bridge at Silistra is closed because an engineer found cracks"
        )
        shoot(room.page, "formats")

        (place / "bees.html").rename(place / "hives.html")
        (place / "opera.txt").unlink()
        expect(titles).to_have_text([STORIES[name][0] for name in ("bridge", "bees")])
        expect(reply).to_contain_text("bridge.pdf, page 2")  # the conversation stays
        (place / "zoo.txt").write_text(
            "Der Zoo von Sofia bekommt im Herbst zwei junge Schneeleoparden aus dem Tierpark in "
            "Leipzig, wie der Direktor am Dienstag mitteilte.\n"
        )
        expect(room.library.locator(".qa-note").first).to_contain_text("1 of 3 articles are not in")
