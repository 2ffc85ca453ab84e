"""Event handlers of the page: each takes the values of Gradio's components and returns new ones."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from qa.errors import QaError
from qa.records import EVERYTHING, Question, Scope
from qa.web import links, uploads, views
from qa.web.service import Service, count_citations, refused
from qa.web.views import Turn

_GONE = "This article is not in the folder any more, or has changed since the link was made."


class Handlers:
    """The event handlers for one corpus."""

    def __init__(self, service: Service) -> None:
        """The service must outlive the handlers."""
        self._service = service
        self._corpus = service.corpus

    def load(self, turns: list[Turn]) -> list[Any]:
        """Fill the library and the filters."""
        articles = self._service.articles()
        outlets = sorted({article.outlet for article in articles if article.outlet})
        dated = any(article.published for article in articles)
        choice = len(outlets) > 1
        filters = [gr.Accordion(visible=choice or dated), gr.Dropdown(outlets, visible=choice)]
        days = [gr.Textbox(visible=dated), gr.Textbox(visible=dated)]
        return [self._library(turns), *filters, *days]

    def refresh_if_changed(self, seen: Any, turns: list[Turn]) -> list[Any]:
        """Fill the library and the filters again if the articles have changed."""
        state = (self._corpus.version(), self._corpus.report.skipped)
        return [state, *([gr.skip()] * 5 if seen == state else self.load(turns))]

    def suggest(self) -> str:
        """Show questions to begin with. They are asked first, which may take seconds."""
        return views.offers(self._corpus.count()[0], self._service.examples())

    def ask(self, text: str, turns: list[Turn], *filters: Any) -> Iterator[list[Any]]:
        """Show that an answer is looked for, then the answer.

        Args:
            text: The question.
            turns: The conversation so far.
            filters: One article's path, outlets, first and last day; each may be empty.
        """
        paths, outlets, since, until = (value or None for value in filters)
        try:
            scope = Scope.of(outlets, since, until, paths)
        except QaError as error:
            turns = [*turns, refused(self._service.question(text, turns, EVERYTHING), error)]
            yield [_ready(value=text), turns, self._conversation(turns), gr.skip()]
            return
        question = self._service.question(text, turns, scope)
        waiting = [*turns, Turn(question)]
        busy = gr.Textbox(value="", submit_btn=False, stop_btn="Stop")
        yield [busy, waiting, self._conversation(waiting), gr.skip()]
        turns = [*turns, self._service.answer(question)]
        yield [gr.skip(), turns, self._conversation(turns), self._library(turns)]

    def allow_next(self) -> gr.Textbox:
        """Show that the next question can be asked. What was typed meanwhile stays."""
        return _ready()

    def ask_example(
        self, event: gr.EventData, turns: list[Turn], *filters: Any
    ) -> Iterator[list[Any]]:
        """Ask a question that the page offered."""
        yield from self.ask(str(_data(event).get("question", "")), turns, *filters)

    def stop(self, turns: list[Turn]) -> list[Any]:
        """Mark the questions that wait for their answer as stopped."""
        note = "Stopped before there was an answer."
        turns = [turn if turn.answer or turn.note else turn._replace(note=note) for turn in turns]
        return [_ready(), turns, self._conversation(turns)]

    def ask_again(self, turns: list[Turn], event: gr.EventData) -> list[Any]:
        """Answer a question of the conversation again, or without the earlier questions."""
        data = _data(event)
        number = data.get("turn")
        if isinstance(number, int) and 0 <= number < len(turns):
            question = turns[number].question
            if data.get("without_history"):
                question = Question(question.text, scope=question.scope)
            turns = [*turns[:number], self._service.answer(question), *turns[number + 1 :]]
        return [turns, self._conversation(turns), self._library(turns)]

    def open_link(self, turns: list[Turn], event: gr.EventData) -> list[Any]:
        """Show what a link names; on a new page, first answer again what the browser kept."""
        data = _data(event)
        before, note = turns, ""
        if not turns:
            turns, note = self._service.reopen(data.get("kept"))
        question, place = links.read(data.get("link"))
        if question and all(turn.question != question for turn in turns):
            turns = [*turns, self._service.answer(question)]
            question = turns[-1].question  # without the history that it did not need
        shown = self._reader(turns, question, place)
        if turns is before:
            return [gr.skip(), gr.skip(), gr.skip(), shown]
        return [turns, self._conversation(turns, note), self._library(turns), shown]

    def add_files(self, event: gr.EventData) -> Iterator[str]:
        """Add the files that were dropped."""
        files = list(uploads.received(_data(event).get("files")))
        try:
            for progress in uploads.add(self._corpus, files):
                yield views.intake(progress)
        finally:
            for _, file in files:
                if file:
                    file.unlink(missing_ok=True)

    def remove_or_restore(self, turns: list[Turn], event: gr.EventData) -> list[Any]:
        """Remove an article from the folder, or put it back."""
        data = _data(event)
        path = str(data.get("article"))
        back = data.get("back")
        try:
            (self._corpus.restore if back else self._corpus.remove)(path)
            shown = views.intake(removed="" if back else path)
        except QaError as error:
            shown = views.intake(note=str(error))
        return [shown, *self.load(turns)]

    def set_filter(self, event: gr.EventData) -> list[Any]:
        """Search one article only."""
        path = str(_data(event).get("article"))
        titles = {article.path: article.title for article in self._service.articles()}
        if path not in titles:
            return self.clear_filter()
        return [path, gr.Button(f"Only in: {titles[path]} — Ask all articles again", visible=True)]

    def clear_filter(self) -> list[Any]:
        """Search all articles again."""
        return [None, gr.Button(visible=False)]

    def clear(self) -> list[Any]:
        """Empty the conversation and the reader."""
        emptied = [[], self._conversation([]), self._library([]), views.nothing()]
        return [*emptied, *self.clear_filter()]

    def _conversation(self, turns: list[Turn], note: str = "") -> str:
        return views.conversation(turns, self._corpus.count()[0], note)

    def _library(self, turns: list[Turn]) -> str:
        skipped, note = self._corpus.report.skipped, self._corpus.note()
        return views.library(self._service.articles(), count_citations(turns), skipped, note)

    def _reader(self, turns: list[Turn], question: Question | None, place: str | None) -> str:
        if not place:
            return views.nothing()
        quotes = ((turn, c) for turn in turns if turn.question == question for c in turn.shown)
        for turn, citation in quotes:
            if links.place_of(citation) == place:
                return views.reader(citation.article, place, turn)
        article = self._service.article(place)
        return views.reader(article, place) if article else views.nothing(_GONE)


def _ready(**value: Any) -> gr.Textbox:
    return gr.Textbox(**value, submit_btn="Ask", stop_btn=False)


def _data(event: gr.EventData) -> dict[str, Any]:
    """Return what a script sent along, whatever that is."""
    return event._data if isinstance(event._data, dict) else {}
