"""The page in a real Chromium, served by the real command. Needs no network but loopback."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright

import qa
from tests.conftest import SEEDS

WIDE = {"viewport": {"width": 1440, "height": 900}}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
CHROMIUM = os.environ.get("QA_CHROMIUM") or next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


expect.set_options(timeout=15_000)  # a machine may be busy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM or os.environ.get("CI"):
        return
    reason = "no Chromium here: install it (Debian: apt-get install chromium), or set QA_CHROMIUM"
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(corpus: qa.Corpus) -> Iterator[str]:
    """Serve the page for a corpus from this process, which has torch and gradio loaded already."""
    from qa.web.access import Access
    from qa.web.server import Server

    corpus.warm_up()
    server = Server(corpus, "127.0.0.1", free_port(), Access())
    yield server.url
    server.close()


@contextmanager
def command(articles: Path, index: Path) -> Iterator[str]:
    """Run `qa serve`, as a user would, and yield its address."""
    port = free_port()
    command = [sys.executable, "-m", "qa", "serve", "--no-browser", "--port", str(port)]
    command += ["--articles", str(articles), "--index", str(index)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"XDG_DATA_HOME": str(index.parent / "data")},
    )
    assert process.stdout
    try:
        output = []
        for line in process.stdout:
            output.append(line)
            if line.startswith("Ask at"):
                break
        assert process.poll() is None, "".join(output)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index and the data of the sample's server."""
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def address(data: Path, seeds: qa.Corpus) -> Iterator[str]:
    """The sample corpus; not to be changed by a test."""
    shutil.copytree(seeds.index, data / "index")
    with command(SEEDS, data / "index") as served:
        yield served


@pytest.fixture(scope="session")
def seeds_address(seeds: qa.Corpus) -> Iterator[str]:
    """The sample corpus, served from this process."""
    with serving(seeds) as served:
        yield served


@pytest.fixture(scope="session")
def dated_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Four outlets on one budget, on four days."""
    place = tmp_path_factory.mktemp("dated")
    (place / "articles").mkdir()
    for name, outlet, day, amount in (
        ("a", "The Varna Post", "2025-03-01", "90 million euros"),
        ("b", "Radio Burgas", "2025-03-03", "90 million euros"),
        ("c", "Sofia Daily", "2025-03-11", "84 million euros"),
        ("d", "Harbour News", "2025-03-21", "84 million euros"),
    ):
        (place / "articles" / f"{name}.txt").write_text(
            f"---\ntitle: Budget, as {outlet} has it\noutlet: {outlet}\ndate: {day}\n---\n"
            f"The city council of Varna passed a budget of {amount}. {outlet} was told so at noon."
        )
    with qa.Corpus.open(place / "articles", place / "index") as corpus, serving(corpus) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Room:
    """An open page, with the hosts that it contacted and the errors that it raised."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        page.on("request", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, request: Request) -> None:
        if request.url.startswith(("http", "ws")):
            self.hosts.add(request.url.split("/")[2].split(":")[0])

    def open(self, address: str) -> None:
        """Open the page, and wait until it is loaded."""
        self.page.goto(address)
        expect(self.page.locator("#qa-intake .qa-add")).to_be_attached()
        expect(self.page.locator("#qa-library .qa-heading")).to_be_attached()  # by its load event

    def ask(self, question: str) -> Locator:
        """Ask, wait for the answer, and return it."""
        turns = self.page.locator(".qa-turn")
        before = turns.count()
        self.page.locator("#qa-question textarea").fill(question)
        self.page.locator("#qa-question textarea").press("Enter")
        expect(turns).to_have_count(before + 1)
        expect(self.page.locator(".qa-looking")).to_have_count(0)
        expect(self.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
        return turns.last

    @property
    def reader(self) -> Locator:
        return self.page.locator("#qa-reader")

    @property
    def library(self) -> Locator:
        return self.page.locator("#qa-library")


@pytest.fixture
def rooms(browser: Browser) -> Iterator[Callable[..., Room]]:
    """Makes rooms, each in a browser profile of its own."""
    opened: list[Room] = []

    def make(**options: object) -> Room:
        context = browser.new_context(**(WIDE | options))
        context.set_default_timeout(30_000)
        opened.append(Room(context.new_page()))
        return opened[-1]

    yield make
    for room in opened:
        room.page.context.close()
        assert room.hosts <= {"127.0.0.1"}
        assert room.errors == []


@pytest.fixture
def room(rooms: Callable[..., Room]) -> Room:
    return rooms()


def shoot(page: Page, name: str) -> None:
    """Keep a picture if `make screenshots` asks for it."""
    if folder := os.environ.get("QA_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(500)
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.fixture(scope="session")
def own_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty folder that tests may fill."""
    place = tmp_path_factory.mktemp("own") / "articles"
    place.mkdir()
    with (
        qa.Corpus.open(place, place.parent / "index", may_be_empty=True) as corpus,
        serving(corpus) as served,
    ):
        yield served
