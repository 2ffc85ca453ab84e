"""The page in a real Chromium, served by the real command. Needs no network but loopback."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect, sync_playwright

from tests.conftest import SEEDS

EXPELLED = "When was Turkey expelled from the F-35 programme?"
PERU = "What is the capital of Peru?"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = (
    "Zorblax <script>window.hit=1</script><img src=x onerror=window.hit=1> {{constructor}} "
    "${window.hit=1} `tick` $$x$$ </blockquote></div> & &amp; *bold* <b>[x](javascript:alert(1)) "
    "was signed in Oslo."
)
CHROMIUM = os.environ.get("QA_CHROMIUM") or next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)
if not CHROMIUM and not os.environ.get("CI"):
    pytest.skip(
        "no Chromium here: install it (Debian: apt-get install chromium) or name it in QA_CHROMIUM",
        allow_module_level=True,
    )


def serve(articles: Path, index: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "qa", "serve", "--no-browser", "--port", str(port)]
    command += ["--articles", str(articles), "--index", str(index)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            try:
                urllib.request.urlopen(address, timeout=5).read()
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(SEEDS, tmp_path_factory.mktemp("browser") / "index")


@pytest.fixture(scope="module")
def hostile_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("hostile")
    (place / "articles").mkdir()
    (place / "articles" / "<b>x{{y}}.txt").write_text(f"{HOSTILE}\n\n{HOSTILE} Twice.")
    yield from serve(place / "articles", place / "index")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Watched:
    """A page, with what it asked for and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, request: Request) -> None:
        if request.url.startswith(("http", "ws")):
            self.hosts.add(request.url.split("/")[2].split(":")[0])

    def ask(self, question: str) -> None:
        turns = self.page.locator(".qa-turn")
        before = turns.count()
        self.page.get_by_label("Question").fill(question)
        self.page.get_by_label("Question").press("Enter")
        expect(turns).to_have_count(before + 1)


@pytest.fixture
def watched(browser, request: pytest.FixtureRequest) -> Iterator[Watched]:
    options = getattr(request, "param", {"viewport": {"width": 1440, "height": 900}})
    context = browser.new_context(**options)
    context.set_default_timeout(30_000)
    seen = Watched(context.new_page())
    yield seen
    context.close()
    assert seen.hosts <= {"127.0.0.1"}
    assert seen.errors == []


def shoot(page: Page, name: str) -> None:
    """Keep a picture if `make screenshot` asks for it."""
    if folder := os.environ.get("QA_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(500)
        page.screenshot(path=Path(folder) / f"{name}.png")


def test_answer_citation_reader_and_abstention(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    watched.ask(EXPELLED)
    reply = page.locator(".qa-turn").last
    expect(reply.locator("mark").first).to_contain_text("Turkey was expelled from the F-35")
    first = reply.locator("button.qa-cite").first
    expect(first).to_have_text(re.compile(r"^\[1\] Realist English · 002_\w+\.txt, lines? \d+"))
    first.click()
    marked = page.locator("#qa-reader mark.qa-answer").first
    expect(marked).to_contain_text("Turkey was expelled from the F-35 co-production programme")
    expect(marked).to_be_in_viewport()
    whole = (SEEDS / "002_b16ef8f3398be61e.txt").read_text(encoding="utf-8")
    assert page.locator(".qa-text").inner_text().strip() == whole.strip()
    shoot(page, "answer")

    watched.ask(PERU)
    reply = page.locator(".qa-turn").last
    expect(reply.get_by_text("Not in these articles.")).to_be_visible()
    nearest = reply.locator("blockquote").first
    expect(nearest).to_be_hidden()
    reply.locator("summary").click()
    expect(nearest).to_be_visible()
    expect(reply.locator("mark")).to_have_count(0)
    reply.locator("button.qa-cite").first.click()
    expect(page.locator("#qa-reader .qa-passage").first).to_be_in_viewport()
    shoot(page, "abstention")


def test_citation_far_down_an_article_is_scrolled_into_view(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    watched.ask("What did Turkish military sources say about transferring the S-400?")
    page.locator("button.qa-cite").first.click()
    marked = page.locator("#qa-reader mark.qa-answer").first
    expect(marked).to_contain_text("was not on the table under any circumstances")
    expect(marked).to_be_in_viewport()


def test_keyboard_alone_and_follow_up(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    watched.ask("How many F-35s did Turkey originally plan to acquire?")
    watched.ask("And how many of those does it want to buy now?")
    reply = page.locator(".qa-turn").last
    expect(reply).to_contain_text("Searched for: And how many of those does it want to buy now?")
    expect(reply).to_contain_text("F-35s Turkey originally plan acquire")
    expect(reply.locator("blockquote.qa-lead")).to_contain_text("around 40 aircraft")
    reply.locator("button.qa-cite").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#qa-reader mark.qa-value")).to_have_text("40")


def test_words_from_earlier_questions_can_be_taken_away(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    watched.ask("How many F-35s did Turkey originally plan to acquire?")
    watched.ask("And how many of those does it want to buy now?")
    page.get_by_role("button", name="Ask without the words from earlier questions").click()
    reply = page.locator(".qa-turn").last
    expect(reply).not_to_contain_text("Searched for:")
    expect(reply).to_contain_text("And how many of those does it want to buy now?")
    expect(page.locator(".qa-turn")).to_have_count(2)


def test_outlets_that_differ_stand_side_by_side(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    watched.ask("Who is the US ambassador to Turkey?")
    reply = page.locator(".qa-turn").last
    expect(reply.locator(".qa-differ h3")).to_have_text("The outlets differ: name")
    expect(reply.locator(".qa-stated")).to_have_text(["Tom Berk", "Tom Barrack"])
    expect(reply).to_contain_text("Silent on this: Pravda.Ru")
    expect(reply.locator("blockquote.qa-lead mark.qa-value")).to_have_text("Tom Berk")
    reply.locator(".qa-side").last.locator("button.qa-cite").first.click()
    expect(page.locator("#qa-reader mark.qa-value")).to_have_text("Tom Barrack")
    shoot(page, "differences")


def test_examples_and_new_conversation(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    expect(page.locator("#qa-conversation")).to_contain_text("Ask about the 5 articles")
    page.get_by_role("button", name=EXPELLED).click()
    expect(page.locator(".qa-turn")).to_have_count(1)
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".qa-turn")).to_have_count(0)
    expect(page.locator("#qa-conversation")).to_contain_text("Ask about the 5 articles")


@pytest.mark.parametrize(
    ("question", "line"),
    [("", "is empty"), ("?!", "no word"), ("a" * 100_000, "100,000 characters")],
    ids=["empty", "punctuation", "endless"],
)
def test_question_that_cannot_be_asked_gets_a_polite_line(
    address: str, watched: Watched, question: str, line: str
) -> None:
    watched.page.goto(address)
    watched.ask(question)
    expect(watched.page.locator(".qa-note")).to_contain_text(line)
    watched.ask(EXPELLED)
    expect(watched.page.locator("mark").first).to_contain_text("expelled")


@pytest.mark.parametrize(
    "watched", [{"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}], indirect=True
)
def test_phone_in_the_dark(address: str, watched: Watched) -> None:
    page = watched.page
    page.goto(address)
    expect(page.locator("body.dark")).to_have_count(1)
    watched.ask(EXPELLED)
    page.locator("button.qa-cite").first.click()
    expect(page.locator("#qa-reader mark.qa-answer").first).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(page, "phone-dark")


def test_hostile_article_is_shown_as_written_and_does_nothing(
    hostile_address: str, watched: Watched
) -> None:
    page = watched.page
    page.goto(hostile_address)
    watched.ask(f"Who signed Zorblax in Oslo? {HOSTILE}")
    reply = page.locator(".qa-turn").last
    assert HOSTILE in reply.locator(".qa-question").inner_text()
    assert HOSTILE in reply.locator("blockquote").first.inner_text()
    assert "<b>x{{y}}.txt" in reply.locator("button.qa-cite").first.inner_text()
    reply.locator("button.qa-cite").first.click()
    expect(page.locator(".qa-text")).to_contain_text("Twice.")
    assert HOSTILE in page.locator(".qa-text").inner_text()
    assert page.evaluate("window.hit") is None
    assert page.locator("#qa-conversation img, #qa-reader img, #qa-reader b").count() == 0
