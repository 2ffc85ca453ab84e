"""Every state of the page, light and dark, wide and narrow: axe finds nothing, nothing overflows.

`make screenshots` keeps a picture of each.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Room, shoot
from tests.conftest import ROOT

AXE = ROOT / "tests" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
LOOKS = {
    f"{width}-{scheme}": {
        "viewport": {"width": width, "height": 900 if width > 1000 else 844},
        "color_scheme": scheme,
    }
    for width in (1440, 390)
    for scheme in ("light", "dark")
}
if not os.environ.get("CI") and not os.environ.get("QA_SCREENSHOTS"):  # both themes, both widths
    LOOKS = {look: LOOKS[look] for look in ("1440-light", "390-dark")}
NARROW = {"viewport": {"width": 390, "height": 844}}
pytestmark = pytest.mark.skipif(
    not AXE.exists() and not os.environ.get("CI"),
    reason="axe-core is not here: it takes npm; then make test brings it",
)


def check(page: Page, name: str) -> None:
    """Hold the page against the rules of WCAG 2.2 AA, and keep a picture."""
    page.wait_for_timeout(250)  # Gradio fades things in
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("(tags) => axe.run({ runOnly: tags })", tags)["violations"]
    told = [
        f"{name}: {v['id']} ({v['impact']}): {node['html'][:200]}: {node['failureSummary'][:300]}"
        for v in found
        for node in v["nodes"]
        if v["impact"] in {"serious", "critical", "moderate"}
    ]
    assert not told, "\n".join(told)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    shoot(page, name)


@pytest.mark.parametrize("look", LOOKS)
def test_every_state(
    look: str, address: str, dated_address: str, rooms: Callable[..., Room], tmp_path: Path
) -> None:
    narrow = look.startswith("390")
    room = rooms(**LOOKS[look])
    page = room.page

    def place(name: str) -> None:
        if narrow:
            page.get_by_role("tab", name=name).click()

    room.open(address)
    expect(page.locator("body.dark")).to_have_count(int(look.endswith("dark")))
    expect(page.locator(".qa-try")).to_have_count(4)
    check(page, f"start-{look}")
    place("Library")
    check(page, f"library-{look}")
    place("Conversation")
    reply = room.ask("When was Turkey expelled from the F-35 programme?")
    check(page, f"reply-{look}")
    reply.locator(".qa-source-group a.qa-cite", has_text="[2]").click()
    expect(room.reader.locator("mark.qa-answer").first).to_be_in_viewport()
    check(page, f"answer-{look}")
    room.reader.get_by_role("button", name="Ask about this article only").click()
    expect(page.locator("#qa-narrowed")).to_be_visible()
    page.locator("#qa-narrowed").click()
    reply = room.ask("Who is the US ambassador to Turkey?")
    cite = reply.locator("a.qa-cite").first
    page.keyboard.press("Shift+Tab")
    cite.focus()
    check(page, f"preview-{look}")
    page.keyboard.press("Escape")
    reply.locator(".qa-side a.qa-cite").last.click()
    expect(room.reader.locator("mark.qa-value").first).to_be_in_viewport()
    check(page, f"differences-{look}")
    place("Conversation")
    reply.locator(".qa-judge").first.click()
    expect(page.locator(".qa-why p")).to_contain_text("Kept")
    reply.locator(".qa-judge").first.scroll_into_view_if_needed()
    check(page, f"judged-{look}")
    reply = room.ask("What is the capital of Peru?")
    page.mouse.move(2, 2)
    reply.locator("summary").click()
    check(page, f"abstention-{look}")
    room.ask("?!")
    check(page, f"refused-{look}")

    room.open(dated_address)
    page.get_by_role("button", name="Narrow down").click()
    room.ask("How large is the budget that the city council of Varna passed?")
    page.locator(".qa-times").last.scroll_into_view_if_needed()
    check(page, f"timeline-{look}")


@pytest.mark.parametrize("look", LOOKS)
def test_bringing_articles(
    look: str, rooms: Callable[..., Room], own_address: str, tmp_path: Path
) -> None:
    room = rooms(**LOOKS[look])
    room.open(own_address)
    if look.startswith("390"):
        room.page.get_by_role("tab", name="Library").click()
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / f"ferry {look}.txt").write_text(
        f"The ferry {look} sank. Nobody was on board {look}."
    )
    with room.page.expect_file_chooser() as choosing:
        room.page.get_by_role("button", name="choose files").click()
    choosing.value.set_files([tmp_path / "photo.jpg", tmp_path / f"ferry {look}.txt"])
    expect(room.page.locator(".qa-arrival")).to_contain_text("1 article added, 1 skipped")
    check(room.page, f"brought-{look}")
    room.library.get_by_role("button", name=f"Remove The ferry {look} sank.").click()
    expect(room.page.locator("#qa-intake")).to_contain_text("is out of the folder")
    check(room.page, f"removed-{look}")


ARABIC = (
    "أعيد افتتاح ميناء الإسكندرية يوم الاثنين بعد العاصفة. وقال المدير أحمد إن السفن عادت إلى "
    "الأرصفة، وإن البضائع التي تأخرت أسبوعا ستصل إلى التجار قبل نهاية الشهر."
)
CHINESE = (
    "上海港口在暴风雨过后于星期一重新开放。港务局长王伟表示，船只已经恢复航行，延误了一周的货物"
    "将在月底之前运到商人手中。记者从港口了解到，工人们正在装卸集装箱，没有人员受伤。"
)
HEBREW = "נמל חיפה נפתח מחדש ביום שני לאחר הסערה. המנהל דוד אמר כי האוניות חזרו לרציפים."
SCRIPTS = {
    "ar": ("افتتاح الميناء", ARABIC, "rtl"),
    "zh": ("港口重新开放", CHINESE, "ltr"),
    "he": ("הנמל נפתח", HEBREW, "rtl"),
}


@pytest.mark.parametrize("code", SCRIPTS)
def test_scripts_from_right_to_left_and_without_spaces(
    code: str, own_address: str, rooms: Callable[..., Room], tmp_path: Path
) -> None:
    headline, text, direction = SCRIPTS[code]
    room = rooms()
    room.open(own_address)
    (tmp_path / f"{code}.txt").write_text(f"{headline}\n\n{text}", encoding="utf-8")
    with room.page.expect_file_chooser() as choosing:
        room.page.get_by_role("button", name="choose files").click()
    choosing.value.set_files(tmp_path / f"{code}.txt")
    expect(room.library).to_contain_text(headline)
    room.library.get_by_role("link", name=headline).click()
    body = room.reader.locator(".qa-text")
    expect(body).to_contain_text(text)
    expect(body).to_have_attribute("lang", code)
    paragraph = body.locator("p").last
    assert paragraph.evaluate("(p) => getComputedStyle(p).direction") == direction
    room.ask(text.split(".")[0].split("。")[0])
    quote = room.page.locator(".qa-reply blockquote").first
    assert quote.evaluate("(q) => getComputedStyle(q).direction") == direction
    shoot(room.page, f"script-{code}")


def test_keyboard_alone_reaches_everything_and_shows_where_it_is(address: str, room: Room) -> None:
    page = room.page
    room.open(address)
    room.ask("When was Turkey expelled from the F-35 programme?")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    reached: list[str] = []
    for _ in range(120):
        page.keyboard.press("Tab")
        told = page.evaluate(
            """() => {
              const at = document.activeElement;
              const style = getComputedStyle(at);
              const shown = style.outlineStyle !== "none" || style.boxShadow !== "none";
              const name = at.ariaLabel || at.innerText || at.placeholder || "";
              return at === document.body ? null : [at.tagName, name.trim().slice(0, 40), shown];
            }"""
        )
        if told is None:
            continue  # past the last: the next is the first
        reached.append(told[1])
        assert told[2], f"nothing shows that the focus is on {told}"
    for name in (
        "Library", "Conversation", "Reader", "choose files", "choose a folder", "Ask",
        "Quote 1 answers this", "Quote 1 does not answer this", "Save as evidence: md",
        "New conversation", "Narrow down",
    ):  # fmt: skip
        assert any(name in one for one in reached), f"{name} is not among {reached}"
    assert any(one.startswith("[1] Realist English") for one in reached)
    assert any(one.startswith("Remove Erdogan Wants") for one in reached)


def test_tabs_are_moved_through_with_arrows(address: str, rooms: Callable[..., Room]) -> None:
    room = rooms(**NARROW)
    room.open(address)
    chosen = room.page.get_by_role("tab", selected=True)
    expect(chosen).to_have_text("Conversation")
    chosen.press("ArrowRight")
    expect(chosen).to_have_text("Reader")
    expect(chosen).to_be_focused()
    chosen.press("ArrowRight")
    expect(chosen).to_have_text("Library")
    expect(room.library.locator(".qa-list")).to_be_visible()
    expect(room.page.locator("#qa-offers")).to_be_hidden()


def test_citation_leads_to_the_reader_on_a_phone_and_back_again(
    address: str, rooms: Callable[..., Room]
) -> None:
    room = rooms(**NARROW)
    room.open(address)
    room.ask("When was Turkey expelled from the F-35 programme?")
    room.page.locator("a.qa-cite").first.click()
    expect(room.reader.locator("mark.qa-answer").first).to_be_in_viewport()
    room.page.go_back()
    expect(room.page.locator("blockquote.qa-lead")).to_be_in_viewport()


def test_motion_stops_for_those_who_ask_for_it(address: str, rooms: Callable[..., Room]) -> None:
    for wish, moves in (("reduce", False), ("no-preference", True)):
        room = rooms(reduced_motion=wish)
        room.open(address)
        name = room.page.evaluate(
            """() => {
              const line = document.createElement("p");
              line.className = "qa-looking";
              document.querySelector("#qa-offers .qa-scroll").append(line);
              return getComputedStyle(line, "::before").animationName;
            }"""
        )
        assert (name != "none") == moves
