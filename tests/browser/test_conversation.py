"""Asking, reading, following links, taking evidence away, judging."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import expect

import qa
from qa.evaluation import read_questions
from qa.evidence import verify
from qa.locations import feedback_file
from tests.browser.conftest import Room
from tests.conftest import SEEDS

EXPELLED = "When was Turkey expelled from the F-35 programme?"
AMBASSADOR = "Who is the US ambassador to Turkey?"
PERU = "What is the capital of Peru?"


def test_from_the_question_to_the_quote_in_its_article_is_one_click(
    address: str, room: Room
) -> None:
    room.open(address)
    reply = room.ask(EXPELLED)
    expect(reply.locator("mark").first).to_contain_text("Turkey was expelled from the F-35")
    expect(reply).to_contain_text("The articles very likely answer this.")
    first = reply.locator("a.qa-cite").first
    expect(first).to_have_text(re.compile(r"^\[1\] Realist English · 002_\w+\.txt, lines? \d+"))
    first.click()
    marked = room.reader.locator("mark.qa-answer").first
    expect(marked).to_contain_text("Turkey was expelled from the F-35 co-production programme")
    expect(marked).to_be_in_viewport()
    whole = (SEEDS / "002_b16ef8f3398be61e.txt").read_text(encoding="utf-8")
    shown = room.reader.locator(".qa-text").inner_text()
    assert " ".join(shown.split()) == " ".join(whole.split())
    expect(reply.locator("a.qa-cite[aria-current]").first).to_have_text(first.inner_text())


def test_headings_and_paragraphs_are_those_of_the_article(address: str, room: Room) -> None:
    room.open(address)
    room.library.get_by_role("link", name=re.compile("^Erdogan Wants to Return")).click()
    text = room.reader.locator(".qa-text")
    heading = text.locator("h3").get_by_text("Why Turkey Is Revisiting the S-400 Question")
    expect(heading).to_be_visible()
    expect(text.locator("p").filter(has_text="Turkey has renewed discussions")).to_have_count(1)
    expect(text.locator(".qa-aside").last).to_contain_text("Andrey Mihayloff")


def test_abstention_says_so_and_folds_the_nearest_away(address: str, room: Room) -> None:
    room.open(address)
    reply = room.ask(PERU)
    expect(reply.get_by_text("Not in these articles.")).to_be_visible()
    nearest = reply.locator("blockquote").first
    expect(nearest).to_be_hidden()
    reply.locator("summary").click()
    expect(nearest).to_be_visible()
    expect(reply.locator("mark")).to_have_count(0)
    reply.locator("a.qa-cite").first.click()
    expect(room.reader.locator(".qa-passage").first).to_be_in_viewport()


def test_link_reopens_question_and_citation_and_back_works(
    address: str, rooms: Callable[..., Room]
) -> None:
    room = rooms()
    room.open(address)
    room.ask(EXPELLED)
    asked = room.page.url
    assert asked.endswith("#q=When+was+Turkey+expelled+from+the+F-35+programme%3F")
    cites = room.page.locator(".qa-source-group a.qa-cite")
    cites.nth(0).click()
    expect(room.reader.locator("mark.qa-answer").first).to_contain_text(
        "was expelled from the F-35"
    )
    first = room.page.url
    cites.nth(3).click()
    expect(room.reader.locator("mark.qa-answer").first).to_contain_text(
        "This led to Turkey’s expulsion"
    )
    second = room.page.url
    assert len({asked, first, second}) == 3
    room.page.go_back()
    expect(room.reader.locator("mark.qa-answer").first).to_contain_text(
        "was expelled from the F-35"
    )
    assert room.page.url == first
    room.page.go_back()
    expect(room.reader).to_contain_text("Choose a citation")
    room.page.go_forward()
    expect(room.reader.locator("mark.qa-answer").first).to_contain_text(
        "was expelled from the F-35"
    )

    stranger = rooms()
    stranger.open(second)
    expect(stranger.page.locator(".qa-question")).to_have_text(EXPELLED)
    marked = stranger.reader.locator("mark.qa-answer").first
    expect(marked).to_contain_text("This led to Turkey’s expulsion")
    expect(marked).to_be_in_viewport()
    assert stranger.page.url == second


def test_link_to_a_follow_up_carries_what_it_leans_on(
    address: str, rooms: Callable[..., Room]
) -> None:
    room = rooms()
    room.open(address)
    room.ask("How many F-35s did Turkey originally plan to acquire?")
    reply = room.ask("And how many of those does it want to buy now?")
    expect(reply).to_contain_text("F-35s Turkey originally plan acquire")
    expect(reply.locator("blockquote.qa-lead")).to_contain_text("around 40 aircraft")
    stranger = rooms()
    stranger.open(room.page.url)
    expect(stranger.page.locator("blockquote.qa-lead")).to_contain_text("around 40 aircraft")
    expect(stranger.page.locator(".qa-turn")).to_have_count(1)


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("at=0123456789abcdef-5-9", "not in the folder any more"),
        ("at=0123456789abcdef", "not in the folder any more"),
        ("at=<script>", "Choose a citation"),
        ("q=%ff%fe&since=never&at=-1-2", "Choose a citation"),
        ("=&&&;;%%", "Choose a citation"),
    ],
)
def test_link_that_leads_nowhere_says_so(address: str, room: Room, link: str, shown: str) -> None:
    room.open(f"{address}#{link}")
    expect(room.reader).to_contain_text(shown)


def test_words_from_earlier_questions_can_be_taken_away(address: str, room: Room) -> None:
    room.open(address)
    room.ask("How many F-35s did Turkey originally plan to acquire?")
    room.ask("And how many of those does it want to buy now?")
    room.page.get_by_role("button", name="Ask without the words from earlier questions").click()
    reply = room.page.locator(".qa-turn").last
    expect(reply).not_to_contain_text("Searched for:")
    expect(reply).to_contain_text("And how many of those does it want to buy now?")
    expect(room.page.locator(".qa-turn")).to_have_count(2)


def test_outlets_that_differ_stand_side_by_side(address: str, room: Room) -> None:
    room.open(address)
    reply = room.ask(AMBASSADOR)
    expect(reply.locator(".qa-differ h3")).to_have_text("The outlets differ: name")
    expect(reply.locator(".qa-stated")).to_have_text(["Tom Berk", "Tom Barrack"])
    expect(reply).to_contain_text("Nothing quoted from: Pravda.Ru")
    rows = reply.get_by_role("table", name="Who says what").get_by_role("row")
    expect(rows).to_have_count(5)
    expect(rows.nth(0)).to_have_text(re.compile("Outlet.*Tom Berk.*Tom Barrack"))
    realist = rows.filter(has=room.page.get_by_role("rowheader", name="Realist English"))
    said = [cell.get_attribute("aria-label") for cell in realist.locator("td span").all()]
    assert said == ["does not", "says so"]
    reply.locator(".qa-side").last.locator("a.qa-cite").first.click()
    expect(room.reader.locator("mark.qa-value")).to_have_text("Tom Barrack")


def test_timeline_shows_when_each_was_published(dated_address: str, room: Room) -> None:
    room.open(dated_address)
    reply = room.ask("How large is the budget that the city council of Varna passed?")
    line = reply.locator(".qa-times li")
    expect(line.locator("time")).to_have_text(
        ["2025-03-01", "2025-03-03", "2025-03-11", "2025-03-21"]
    )
    at = [dot.get_attribute("style") for dot in line.locator(".qa-dot").all()]
    assert at == ["--at:0.0000", "--at:0.1000", "--at:0.5000", "--at:1.0000"]
    line.last.get_by_role("link").click()
    expect(room.reader.locator("h2")).to_have_text("Budget, as Harbour News has it")


def test_outlets_and_days_narrow_what_is_searched(dated_address: str, room: Room) -> None:
    room.open(dated_address)
    question = "How large is the budget that the city council of Varna passed?"
    room.page.get_by_role("button", name="Narrow down").click()
    room.page.get_by_label("Outlets").click()
    room.page.get_by_role("option", name="Sofia Daily").click()
    reply = room.ask(question)
    expect(reply).to_contain_text("Only in: Sofia Daily")
    expect(reply.locator(".qa-source-group h4")).to_have_text(["Sofia Daily"])
    expect(reply).not_to_contain_text("Nothing quoted from")
    assert "outlet=Sofia+Daily" in room.page.url

    room.page.get_by_label("Outlets").press("Backspace")
    room.page.get_by_label("Since").fill("soon")
    reply = room.ask(question)
    expect(reply.locator(".qa-note")).to_contain_text('since is "soon"; write a day as 2025-12-17')
    room.page.get_by_label("Since").fill("2025-03-03")
    room.page.get_by_label("Until").fill("2025-03-11")
    reply = room.ask(question)
    expect(reply).to_contain_text("Only in: since 2025-03-03; until 2025-03-11")
    quoted = set(reply.locator(".qa-source-group h4").all_inner_texts())
    assert quoted == {"Radio Burgas", "Sofia Daily"}


def test_preview_on_hover_and_focus_goes_away_with_escape(address: str, room: Room) -> None:
    room.open(address)
    reply = room.ask(EXPELLED)
    cite = reply.locator("a.qa-cite").first
    preview = reply.get_by_role("tooltip", include_hidden=True).first
    expect(preview).to_be_hidden()
    cite.hover()
    expect(preview).to_be_visible()
    expect(preview.locator("mark").first).to_contain_text("Turkey was expelled")
    room.page.mouse.move(2, 2)
    expect(preview).to_be_hidden()
    room.page.locator("#qa-question textarea").focus()
    for _ in range(40):
        room.page.keyboard.press("Shift+Tab")
        if cite.evaluate("(link) => link === document.activeElement"):
            break
    expect(preview).to_be_visible()
    room.page.keyboard.press("Escape")
    expect(preview).to_be_hidden()
    room.page.keyboard.press("Enter")
    expect(room.reader.locator("mark.qa-answer").first).to_be_in_viewport()


def test_next_and_previous_citation_in_the_article(address: str, room: Room) -> None:
    room.open(address)
    reply = room.ask(EXPELLED)
    reply.locator(".qa-source-group a.qa-cite", has_text="[2]").click()
    expect(room.reader).to_contain_text("Citation 1 of 2 in this article")
    room.reader.get_by_role("link", name="Next citation").click()
    expect(room.reader).to_contain_text("Citation 2 of 2 in this article")
    marked = room.reader.locator("mark.qa-answer").first
    expect(marked).to_contain_text("formally removed from the F-35 Joint Strike Fighter")
    expect(marked).to_be_in_viewport()
    room.reader.get_by_role("link", name="Previous citation").click()
    expect(room.reader.locator("mark.qa-answer").first).to_contain_text("was expelled from the adv")


def test_one_article_alone_can_be_asked(address: str, room: Room) -> None:
    room.open(address)
    room.library.get_by_role("link", name=re.compile("^Turkey finds itself")).click()
    room.reader.get_by_role("button", name="Ask about this article only").click()
    expect(room.page.locator("#qa-question textarea")).to_be_focused()
    expect(room.page.get_by_role("button", name="Ask all articles again")).to_be_visible()
    reply = room.ask(AMBASSADOR)
    expect(reply).to_contain_text("Only in: 003_b941ca2dd80af398.txt")
    expect(reply.locator(".qa-source-group h4")).to_have_count(1)
    expect(reply.locator(".qa-differ")).to_have_count(0)
    room.page.get_by_role("button", name="Ask all articles again").click()
    expect(room.ask(AMBASSADOR).locator(".qa-differ")).to_have_count(1)


def test_quote_is_copied_with_its_source(address: str, rooms: Callable[..., Room]) -> None:
    room = rooms(permissions=["clipboard-read", "clipboard-write"])
    room.open(address)
    room.ask(EXPELLED).locator("a.qa-cite").first.click()
    room.reader.get_by_role("button", name="Copy quote with source").click()
    expect(room.reader.get_by_role("button", name="Copied")).to_be_visible()
    copied = room.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("“Turkey was expelled from the F-35 co-production programme in 2019")
    assert "Greek airspace.” — Realist English, ANKARA (Realist English)." in copied
    assert re.search(r", 002_b16ef8f3398be61e\.txt, lines \d+–\d+$", copied)


def test_examples_come_from_the_corpus_and_can_be_asked(
    address: str, dated_address: str, rooms: Callable[..., Room]
) -> None:
    room = rooms()
    room.open(address)
    offered = room.page.locator(".qa-try")
    expect(offered).to_have_count(4)
    question = offered.first.inner_text()
    offered.first.click()
    expect(room.page.locator(".qa-question")).to_have_text(question)
    expect(room.page.locator("blockquote").first).to_be_visible()
    other = rooms()
    other.open(dated_address)
    expect(other.page.locator(".qa-try").first).to_be_visible()
    assert question not in other.page.locator(".qa-try").all_inner_texts()


def test_history_stays_in_the_browser_until_it_is_cleared(
    address: str, rooms: Callable[..., Room]
) -> None:
    room = rooms()
    room.open(address)
    room.ask(EXPELLED)
    room.ask(PERU)
    kept = room.page.evaluate("Object.entries(localStorage).filter(([k]) => k.startsWith('qa '))")
    assert len(kept) == 1
    assert len(json.loads(kept[0][1])) == 2
    room.open(address)
    expect(room.page.locator(".qa-question")).to_have_text([EXPELLED, PERU])
    expect(room.page.locator(".qa-turn").last).to_contain_text("Not in these articles.")
    expect(room.library).to_contain_text("cited 1×")
    room.page.get_by_role("button", name="New conversation").click()
    expect(room.page.locator(".qa-turn")).to_have_count(0)
    expect(room.page.locator("#qa-offers")).to_contain_text("Ask about the 5 articles")
    assert "#" not in room.page.url
    gone = "Object.keys(localStorage).filter((key) => key.startsWith('qa '))"
    assert room.page.evaluate(gone) == []
    room.open(address)
    expect(room.page.locator(".qa-try")).to_have_count(4)
    expect(room.page.locator(".qa-turn")).to_have_count(0)


def test_damaged_history_is_no_obstacle(address: str, room: Room) -> None:
    room.open(address)
    room.ask(EXPELLED)
    room.page.evaluate(
        "for (const key of Object.keys(localStorage)) localStorage.setItem(key, '{[')"
    )
    room.open(address)
    expect(room.page.locator(".qa-turn")).to_have_count(0)
    expect(room.ask(EXPELLED).locator("mark").first).to_contain_text("expelled")


@pytest.mark.parametrize(
    ("question", "line"),
    [("", "is empty"), ("?!", "no word"), ("a" * 100_000, "100,000 characters")],
    ids=["empty", "punctuation", "endless"],
)
def test_question_that_cannot_be_asked_gets_a_polite_line(
    address: str, room: Room, question: str, line: str
) -> None:
    room.open(address)
    reply = room.ask(question)
    expect(reply.locator(".qa-note")).to_contain_text(line)
    expect(room.ask(EXPELLED).locator("mark").first).to_contain_text("expelled")
    with room.page.expect_download() as saving:
        room.page.get_by_role("button", name="Save the conversation as evidence: json").click()
    pack = json.loads(Path(saving.value.path()).read_text())
    assert [answer["question"] for answer in pack["answers"]] == [EXPELLED]
    room.open(address)
    expect(room.page.locator(".qa-question")).to_have_text([EXPELLED])  # only that is kept


@pytest.mark.parametrize("suffix", ["md", "json", "csv"])
def test_evidence_of_answer_and_conversation_is_saved_and_verifies(
    address: str, room: Room, tmp_path: Path, suffix: str
) -> None:
    room.open(address)
    room.ask(EXPELLED)
    room.ask(AMBASSADOR)
    quotes = [
        turn.locator(".qa-source-group .qa-below").count()
        for turn in room.page.locator(".qa-turn").all()
    ]
    for name, expected in (
        (f"Save as evidence: {suffix}", quotes[1]),
        (f"Save the conversation as evidence: {suffix}", sum(quotes)),
    ):
        with room.page.expect_download() as saving:
            room.page.get_by_role("button", name=name).last.click()
        saved = saving.value
        assert saved.suggested_filename == f"evidence.{suffix}"
        saved.save_as(tmp_path / saved.suggested_filename)
        verdicts = verify(tmp_path / saved.suggested_filename, SEEDS)
        assert [verdict.word for verdict in verdicts] == ["verified"] * expected
        (tmp_path / saved.suggested_filename).unlink()


def test_judgements_are_kept_as_a_test_set(address: str, data: Path, room: Room) -> None:
    room.open(address)
    reply = room.ask(AMBASSADOR)
    quotes = room.page.locator(".qa-turn").first.locator(".qa-below")
    yes = quotes.nth(0).get_by_role("button", name="Quote 1 answers this")
    no = quotes.nth(1).get_by_role("button", name="Quote 2 does not answer this")
    yes.click()
    expect(yes).to_have_attribute("aria-pressed", "true")
    expect(reply.locator(".qa-why p")).to_contain_text("Kept on this machine")
    no.click()
    reply.get_by_label("Why?").fill("Another <b>man</b>")
    reply.get_by_role("button", name="Keep").click()
    expect(reply.locator(".qa-why p")).to_contain_text("qa eval")
    reply = room.ask(PERU)
    reply.get_by_role("button", name="Right: the articles do not say it").click()
    expect(reply.locator(".qa-why p")).to_contain_text("Kept on this machine")
    expect(yes).to_have_attribute("aria-pressed", "true")  # though the page was drawn anew

    file = data / "data" / "qa" / "feedback" / feedback_file(SEEDS).name
    ambassador, peru = read_questions(file)
    asked = (ambassador.question.text, peru.question.text, peru.unanswerable)
    assert asked == (AMBASSADOR, PERU, True)
    assert [len(ambassador.gold), len(ambassador.wrong)] == [1, 1]
    kept = json.loads(file.read_text().splitlines()[0])
    assert kept["wrong"][0]["reason"] == "Another <b>man</b>"


@pytest.fixture
def released(seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """An event that the answer to one question waits for, as on a busy machine."""
    event = Event()
    ask = seeds.ask

    def ask_slowly(question: qa.Question) -> qa.Answer:
        if question.text == EXPELLED:
            event.wait(60)
        return ask(question)

    monkeypatch.setattr(seeds, "ask", ask_slowly)
    yield event
    event.set()


def test_waiting_is_shown_and_can_be_stopped(
    seeds_address: str, released: Event, room: Room
) -> None:
    room.open(seeds_address)
    room.page.locator("#qa-question textarea").fill(EXPELLED)
    room.page.locator("#qa-question textarea").press("Enter")
    expect(room.page.locator(".qa-looking")).to_have_text("Looking through 5 articles …")
    room.page.get_by_role("button", name="Stop").click()
    reply = room.page.locator(".qa-turn").last
    expect(reply).to_contain_text("Stopped before there was an answer.")
    expect(room.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    released.set()
    reply.get_by_role("button", name="Ask again").click()
    expect(reply.locator("mark").first).to_contain_text("expelled")
    expect(room.page.locator(".qa-turn")).to_have_count(1)


def test_enter_while_a_question_waits_keeps_what_is_typed(
    seeds_address: str, released: Event, room: Room
) -> None:
    room.open(seeds_address)
    field, turns = room.page.locator("#qa-question textarea"), room.page.locator(".qa-turn")
    field.fill(EXPELLED)
    field.press("Enter")
    expect(room.page.locator(".qa-looking")).to_be_visible()
    expect(field).to_have_value("")
    field.fill(AMBASSADOR)
    field.press("Enter")
    released.set()
    expect(room.page.get_by_role("button", name="Ask", exact=True)).to_be_visible()
    expect(turns.locator(".qa-question")).to_have_text([EXPELLED])
    expect(field).to_have_value(AMBASSADOR)
    field.press("Enter")
    expect(turns.locator(".qa-question")).to_have_text([EXPELLED, AMBASSADOR])
    expect(room.page.locator(".qa-looking")).to_have_count(0)
    expect(turns.locator("mark").first).to_contain_text("expelled")
