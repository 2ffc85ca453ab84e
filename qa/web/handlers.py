"""What happens on the page: each event that Gradio hands over, and what it changes there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from qa.corpus import Corpus
from qa.datatypes import EVERYTHING
from qa.errors import QaError
from qa.web import answers, library, links, reader, words
from qa.web.answers import Turn
from qa.web.desk import Desk, cited_at, refused
from qa.web.links import Asked


class Handlers:
    """The event handlers for one corpus. Each returns new values for the outputs it is wired to."""

    def __init__(self, corpus: Corpus) -> None:
        """Work on a corpus that stays open as long as this."""
        self._corpus = corpus
        self._desk = Desk(corpus)

    @property
    def kept_as(self) -> str:
        """The name under which a browser keeps the questions asked of this corpus."""
        return f"qa {self._desk.feedback.stem}"

    def export(self, wanted: dict[str, Any]) -> str:
        """Return an evidence pack of the answers that a script names."""
        return self._desk.export(wanted.get("links"), wanted.get("format"))

    def judge(self, said: dict[str, Any]) -> str:
        """Keep a judgement, and say so."""
        keys = ("link", "number", "good", "reason")
        return self._desk.judge(*(said.get(key) for key in keys))

    def _talked(self, turns: list[Turn]) -> str:
        return answers.conversation(turns, self._corpus.count()[0])

    def shelved(self, turns: list[Turn]) -> str:
        """Return the library, with what a conversation cites of it."""
        return library.library(
            self._desk.articles(),
            self._desk.cited(turns),
            self._corpus.report.skipped,
            self._corpus.note(),
        )

    def ask(
        self,
        text: str,
        turns: list[Turn],
        only: str | None,
        outlets: list[str],
        since: Any,
        until: Any,
    ) -> Iterator[list[Any]]:
        """Show that the question is being looked for, then its answer."""
        try:
            scope = self._desk.scope(only, outlets, since, until)
        except QaError as error:
            turns = [*turns, refused(self._desk.ask(text, turns, EVERYTHING), error)]
            yield [_asking(text), turns, self._talked(turns), gr.skip()]
            return
        asked = self._desk.ask(text, turns, scope)
        waiting = [*turns, Turn(asked)]
        yield [_stopping(), waiting, self._talked(waiting), gr.skip()]
        turns = [*turns, self._desk.answer(asked)]
        yield [_asking(), turns, self._talked(turns), self.shelved(turns)]

    def ask_example(
        self,
        turns: list[Turn],
        only: str | None,
        outlets: list[str],
        since: Any,
        until: Any,
        event: gr.EventData,
    ) -> Iterator[list[Any]]:
        """Ask a question that the page offered."""
        text = str(_data(event).get("question", ""))
        yield from self.ask(text, turns, only, outlets, since, until)

    def stop(self, turns: list[Turn]) -> list[Any]:
        """Say of questions that wait for their answer that they were stopped."""
        turns = [
            turn if turn.answer or turn.note else turn._replace(note=words.STOPPED)
            for turn in turns
        ]
        return [_asking(), turns, self._talked(turns)]

    def ask_anew(self, turns: list[Turn], event: gr.EventData) -> list[Any]:
        """Answer a question of the conversation again, or without what it took over."""
        data = _data(event)
        number = data.get("turn")
        if isinstance(number, int) and 0 <= number < len(turns):
            asked = turns[number].asked
            asked = asked._replace(after=()) if data.get("alone") else asked
            turns = [*turns[:number], self._desk.answer(asked), *turns[number + 1 :]]
        return [turns, self._talked(turns), self.shelved(turns)]

    def open_link(self, turns: list[Turn], event: gr.EventData) -> list[Any]:
        """Show what a link names; first bring back what the browser kept, if that is new here."""
        data = _data(event)
        before = turns
        if not turns:
            turns = self._desk.reopen(data.get("kept"))
        asked, place = links.read(data.get("link"))
        if asked and all(turn.asked != asked for turn in turns):
            turns = [*turns, self._desk.answer(asked)]
            asked = turns[-1].asked  # without what it did not need
        shown = _shown(self._desk, turns, asked, place)
        if turns is before:
            return [gr.skip(), gr.skip(), gr.skip(), shown]
        return [turns, self._talked(turns), self.shelved(turns), shown]

    def keep_up(self, seen: Any, turns: list[Turn]) -> list[Any]:
        """Show the library anew if the folder has changed since it was shown."""
        state = (self._corpus.state(), self._corpus.report.skipped)
        if seen == state:
            return [state, *[gr.skip()] * 5]
        return [state, *self.arrive(turns)]

    def arrive(self, turns: list[Turn]) -> list[Any]:
        """Fill in what a fresh page needs to know of the corpus."""
        return [self.shelved(turns), *_narrowing(self._desk)]

    def offer(self) -> str:
        """Offer questions to begin with. They are asked first, which may take a while."""
        return answers.offers(self._corpus.count()[0], self._desk.examples())

    def bring(self, event: gr.EventData) -> Iterator[str]:
        """Take in the files that were dropped."""
        files = list(_files(_data(event).get("files")))
        try:
            for arrival in self._desk.bring(files):
                yield library.intake(arrival)
        finally:
            for _, file in files:
                if file:
                    file.unlink(missing_ok=True)

    def take(self, turns: list[Turn], event: gr.EventData) -> list[Any]:
        """Take an article out of the folder, or put it back."""
        data = _data(event)
        path = str(data.get("article"))
        removed = note = ""
        try:
            if data.get("back"):
                self._corpus.restore(path)
            else:
                self._corpus.remove(path)
                removed = path
        except QaError as error:
            note = str(error)
        return [library.intake(None, removed, note), *self.arrive(turns)]

    def keep_to(self, event: gr.EventData) -> list[Any]:
        """Ask one article only."""
        place = str(_data(event).get("article"))
        named = {article.path: article.title for article in self._desk.articles()}
        if place not in named:
            return [None, gr.Button(visible=False)]
        label = f"{words.ONLY}: {named[place]} — {words.ALL_ARTICLES}"
        return [place, gr.Button(label, visible=True)]

    def keep_to_none(self) -> list[Any]:
        """Ask all articles again."""
        return [None, gr.Button(visible=False)]

    def begin_anew(self) -> list[Any]:
        """Empty the conversation and the reader."""
        return [[], self._talked([]), self.shelved([]), reader.nothing(), *self.keep_to_none()]


def _asking(text: str = "") -> gr.Textbox:
    return gr.Textbox(value=text, submit_btn=words.ASK, stop_btn=False)


def _stopping() -> gr.Textbox:
    return gr.Textbox(value="", submit_btn=False, stop_btn=words.STOP)


def _narrowing(desk: Desk) -> list[Any]:
    """Offer the outlets and days that there are; nothing where there is no choice."""
    articles = desk.articles()
    named = sorted({article.outlet for article in articles if article.outlet})
    dated = any(article.published for article in articles)
    return [
        gr.Accordion(visible=len(named) > 1 or dated),
        gr.Dropdown(choices=named, visible=len(named) > 1),
        gr.Textbox(visible=dated),
        gr.Textbox(visible=dated),
    ]


def _shown(desk: Desk, turns: list[Turn], asked: Asked | None, place: links.Place | None) -> str:
    """Return what the reader shows for a link."""
    if not place:
        return reader.nothing()
    if found := cited_at(turns, asked, place):
        turn, citation = found
        return reader.reader(citation.article, place, turn)
    article = desk.article(place)
    return reader.reader(article, place) if article else reader.nothing(words.GONE)


def _data(event: gr.EventData) -> dict[str, Any]:
    """Return what the script sent along, whatever that is."""
    return event._data if isinstance(event._data, dict) else {}


def _files(sent: object) -> Iterator[tuple[str, Path | None]]:
    """Yield name and place of uploaded files; a place outside Gradio's own folder is no upload."""
    uploads = Path(get_upload_folder()).resolve()
    for item in sent if isinstance(sent, list) else []:
        if not isinstance(item, dict):
            continue
        file = Path(str(item.get("path") or "")).resolve()
        inside = file.is_relative_to(uploads) and file.is_file()
        yield str(item.get("name") or ""), file if inside else None
