"""What articles, names, questions and links say is shown, and never done."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Dialog, Error, expect

import qa
from qa.web import users
from qa.web.access import Access
from qa.web.server import Server
from qa.web.users import Users
from tests.browser.conftest import Room, free_port, serving
from tests.conftest import ROOT, SEEDS

# Every one of these would leave a trace: in window.hit, as a request, as a dialog, as an element.
ATTACKS = (
    "<script>window.hit=1</script>",
    "<img src=http://evil.example/x onerror=window.hit=1>",
    "<svg onload=window.hit=1>",
    "<style>body{display:none}</style>",
    '<form action="http://evil.example"><input autofocus onfocus=window.hit=1></form>',
    '<iframe src="javascript:window.hit=1"></iframe>',
    "<a href=javascript:window.hit=1>here</a>",
    "[x](javascript:window.hit=1) ![y](http://evil.example/y)",
    "</blockquote></div></section></textarea></title>",
    "{{constructor.constructor('window.hit=1')()}} {{#each value}} ${window.hit=1} #{hit} `hit`",
    "$$\\frac{1}{2}$$ \\(x\\) *bold* **strong** ~~gone~~ ```code```",
    "&lt;b&gt; &amp; &#60;i&#62; %3Cu%3E",
    "\" onmouseover=window.hit=1 ' onfocus=window.hit=1",
    "\u202eelbadaer ton\u202c \u2066isolated\u2069 \u200bzero",
    "java\tscript:alert(1)",
)
ATTACK = " ".join(ATTACKS)
LONG = "W" * 10_000


class Hostile(NamedTuple):
    address: str
    articles: Path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    place = tmp_path_factory.mktemp("hostile") / "articles"
    place.mkdir()
    for i, (attack, amount) in enumerate(zip(ATTACKS, (3, 4) * 8, strict=False)):
        fields = {"title": f"T{i} {attack}", "outlet": f"O{i} {attack}", "author": attack}
        fields |= {"url": "javascript:window.hit=1", "published": f"2025-01-{i + 1:02}"}
        matter = "\n".join(f"{key}: {json.dumps(value)}" for key, value in fields.items())
        name = "".join(filter(str.isprintable, attack.replace("/", "∕")))[:60].strip()
        (place / f"{i} {name}.txt").write_text(
            f"---\n{matter}\n---\nThe Zorblax treaty {attack} cost {amount} million euros in Oslo. "
            f"Minister {attack} denied it.\n\n{LONG if i < 2 else 'It'} was signed {attack} twice.",
            encoding="utf-8",
        )
    (place / "{{skipped}} <b>.odt").write_bytes(b"x")
    with qa.Corpus.open(place, place.parent / "index") as corpus, serving(corpus) as address:
        yield Hostile(address, place)


@pytest.fixture
def quiet(room: Room) -> Iterator[Room]:
    """A room that fails when anything opens a dialog, leaves the page, or adds an element."""
    dialogs: list[Dialog] = []
    room.page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108  # it wants a def
    yield room
    assert dialogs == []
    assert room.page.evaluate("window.hit") is None
    assert room.page.title() == "qa"
    foreign = ".qa-scroll :is(script, img, svg, style, form, iframe, b, i, u, strong, em, code, s)"
    assert room.page.locator(foreign).count() == 0
    assert room.page.locator(".qa-scroll a:not([href^='#'])").count() == 0
    assert room.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert room.page.locator("body").is_visible()


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_every_place_shows_the_text_as_written_and_does_nothing(
    hostile: Hostile, quiet: Room
) -> None:
    page = quiet.page
    quiet.open(hostile.address)
    titles = {squeezed(title) for title in quiet.library.locator(".qa-title").all_inner_texts()}
    for i, attack in enumerate(ATTACKS):
        assert any(squeezed(f"T{i} {attack}")[:100] in title for title in titles), attack
    quiet.library.locator("summary").click()
    expect(quiet.library).to_contain_text("{{skipped}} <b>.odt is not one of the kinds")

    question = f"What did the Zorblax treaty cost? {ATTACK}"
    reply = quiet.ask(question)
    assert squeezed(question) in squeezed(reply.locator(".qa-question").inner_text())
    quotes = reply.locator("blockquote")
    for text in quotes.all_inner_texts():
        assert any(squeezed(attack) in squeezed(text) for attack in ATTACKS) or LONG[:99] in text
    assert reply.locator(".qa-times li").count() > 2

    cites = reply.locator(".qa-source-group a.qa-cite")
    for i in range(cites.count()):
        cites.nth(i).hover()
        expect(reply.locator(".qa-preview:visible")).to_have_count(1)
        cites.nth(i).click()
        number = int(cites.nth(i).inner_text().split()[1][1:])  # of "[1] O7 <svg…"
        expect(quiet.reader.locator("h2")).to_contain_text(f"T{number} ")
        shown = squeezed(quiet.reader.inner_text())
        assert squeezed(f"The Zorblax treaty {ATTACKS[number]} cost") in shown
        assert squeezed(f"was signed {ATTACKS[number]} twice.") in shown
        assert (LONG in shown) == (number < 2)
        assert "javascript:window.hit=1" in shown  # the url, as text

    quiet.reader.get_by_role("button", name="Ask about this article only").click()
    expect(page.locator("#qa-narrowed")).to_contain_text("Ask all articles again")
    quiet.ask("What did the Zorblax treaty cost?")
    page.get_by_role("button", name="Narrow down").click()
    page.get_by_label("Outlets").click()
    expect(page.get_by_role("option")).to_have_count(len(ATTACKS))
    page.get_by_role("option").first.click()
    quiet.ask("Who denied the Zorblax treaty?")
    reply.locator(".qa-judge").first.click()
    page.get_by_label("Why?").fill(ATTACK)
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".qa-why p")).to_contain_text("Kept on this machine")

    page.goto("about:blank")
    quiet.open(hostile.address)  # the browser brings its history back
    expect(page.locator(".qa-turn")).to_have_count(3)
    page.get_by_role("button", name="New conversation").click()


def test_link_full_of_code_is_text(hostile: Hostile, quiet: Room) -> None:
    from urllib.parse import quote

    attack = quote(ATTACK)
    quiet.open(f"{hostile.address}#q={attack}&after={attack}&outlet={attack}&path={attack}&at=x")
    expect(quiet.page.locator(".qa-turn")).to_have_count(1)
    assert squeezed(ATTACK) in squeezed(quiet.page.locator(".qa-question").inner_text())


def test_long_words_do_not_widen_a_phone(hostile: Hostile, rooms) -> None:
    room = rooms(viewport={"width": 390, "height": 844})
    room.open(hostile.address)
    room.ask(f"What did the Zorblax treaty cost? {'W' * 1_900}")
    for place in ("Library", "Conversation", "Reader"):
        room.page.get_by_role("tab", name=place).click()
        assert room.page.evaluate("document.documentElement.scrollWidth") <= 390
    room.page.get_by_role("tab", name="Conversation").click()
    room.page.locator("a.qa-cite").first.click()
    expect(room.reader.locator("h2")).to_be_visible()
    assert room.page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml", "seeds/metadata.toml", "embeddings/index.sqlite", "/etc/passwd",
        "../pyproject.toml", "qa/web/page.py", ".venv/pyvenv.cfg", "%2e%2e/pyproject.toml",
        f"{ROOT}/README.md", f"{SEEDS}/002_b16ef8f3398be61e.txt",
    ],
)  # fmt: skip
def test_nothing_on_disk_has_an_address(address: str, data: Path, path: str) -> None:
    for base in ("gradio_api/file=", "file=", "gradio_api/file/", "static/", "assets/", ""):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/{base}{path}", timeout=10)
        assert refused.value.code in {403, 404, 405}, base
    index = next(data.rglob("index.sqlite"))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/gradio_api/file={index}", timeout=10)
    assert refused.value.code == 404


def test_event_that_names_a_file_of_the_machine_moves_nothing(
    hostile: Hostile, quiet: Room, tmp_path: Path
) -> None:
    """A page in the same browser can send events; it cannot have a file taken in or read."""
    secret = tmp_path / "secret.txt"
    secret.write_text("The password is Rumpelstiltskin.")
    before = sorted(file.name for file in hostile.articles.iterdir())
    quiet.open(hostile.address)
    sent: list[str] = []
    quiet.page.route(
        "**/gradio_api/upload*",
        lambda route: (sent.append(route.request.url), route.fulfill(json=[str(secret)])),
    )
    with quiet.page.expect_file_chooser() as choosing:
        quiet.page.get_by_role("button", name="choose files").click()
    (tmp_path / "a.txt").write_text("x y z")
    choosing.value.set_files(tmp_path / "a.txt")
    # Gradio itself refuses the event.
    expect(quiet.page.get_by_text("Error", exact=True).first).to_be_visible()
    assert sent
    assert secret.exists()
    assert sorted(file.name for file in hostile.articles.iterdir()) == before


def test_page_of_another_site_can_neither_frame_nor_ask(hostile: Hostile, browser: Browser) -> None:
    """What a page elsewhere in the same browser tries: to show ours, to read it, to send to it."""
    port = free_port()
    page = (
        f"<iframe src='{hostile.address}/'></iframe><script>"
        "const said = [];"
        f"const at = '{hostile.address}/gradio_api/';"
        "const tries = [['queue/join', {method: 'POST', body: '{}'}],"
        "['queue/join', {method: 'POST', body: '{}', mode: 'no-cors'}],"
        "['upload', {method: 'POST', body: new FormData(), mode: 'no-cors'}],"
        "['../config', {}]];"
        "Promise.all(tries.map(([path, how]) => fetch(at + path, how)"
        ".then(r => said.push(path + ' ' + r.type + r.status), () => said.push(path + ' failed'))"
        ")).then(() => document.title = said.sort().join(', '));</script>"
    )

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", port), Other)
    Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context()
    try:
        tab = context.new_page()
        tab.goto(f"http://localhost:{port}/")
        tab.wait_for_function("document.title.includes('upload')")
        assert (
            tab.title() == "../config failed, queue/join failed, queue/join failed, upload failed"
        )
        assert tab.frame_locator("iframe").locator("#qa-question").count() == 0
        tab.goto(hostile.address)  # a link may be followed
        expect(tab.locator("#qa-question")).to_be_visible()
    finally:
        context.close()
        server.shutdown()


def test_page_asks_for_name_and_password_and_works_with_them(
    seeds: qa.Corpus, browser: Browser, tmp_path: Path
) -> None:
    users.put(tmp_path / "users", "iva", "correct horse battery")
    access = Access(Users(tmp_path / "users"))
    with closing(Server(seeds, "127.0.0.1", free_port(), access)) as server:
        stranger = browser.new_page()
        with pytest.raises(Error, match="INVALID_AUTH_CREDENTIALS"):
            stranger.goto(server.url)
        stranger.close()
        context = browser.new_context(
            http_credentials={"username": "iva", "password": "correct horse battery"}
        )
        page = context.new_page()
        page.goto(server.url)
        page.locator("#qa-question textarea").fill("Who called for a ceasefire?")
        page.keyboard.press("Enter")
        expect(page.locator(".qa-lead")).to_contain_text("ceasefire")
        context.close()
