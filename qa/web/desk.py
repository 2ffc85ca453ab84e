"""What the page does when something is asked, judged, exported, brought or taken away.

No Gradio here, and no HTML: what comes in is what a browser sent, which may be anything.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

from qa import __version__, suggestions
from qa.conversation import TURNS
from qa.corpus import Corpus, make_scope
from qa.datatypes import Article, Citation, Scope, SyncProgress, SyncReport
from qa.errors import QaError
from qa.evaluation import record
from qa.evidence import FORMATS, write_pack
from qa.locations import feedback_file
from qa.readers import LARGEST
from qa.readers.isolated import EndedError
from qa.web import links, words
from qa.web.answers import Turn
from qa.web.library import Arrival, Incoming, Listed, listed
from qa.web.links import Asked, Place

_LONGEST_SHOWN = 200
_log = logging.getLogger(__name__)


class Desk:
    """One corpus, for all who have its page open."""

    def __init__(self, corpus: Corpus) -> None:
        """Work on a corpus that stays open as long as this."""
        self.corpus = corpus
        self.feedback = feedback_file(corpus.folder)
        self._examples: tuple[frozenset[str], list[str]] = (frozenset(), [])
        self._shelf: tuple[object, list[Listed]] = (None, [])

    def ask(self, question: str, turns: Sequence[Turn], scope: Scope) -> Asked:
        """Return a new question with the earlier ones that it may lean on."""
        earlier = [turn.asked.question for turn in turns if turn.answer][-TURNS:]
        return Asked(_clean(question), tuple(earlier), scope)

    def scope(self, path: str | None, outlets: object, since: object, until: object) -> Scope:
        """Return which articles are asked, from what the page's fields hold.

        Raises:
            QueryError: A day cannot be read.
        """
        named = tuple(str(outlet) for outlet in _list(outlets)) or None
        paths = (path,) if path else None
        return make_scope(named, str(since or "") or None, str(until or "") or None, paths)

    def answer(self, asked: Asked) -> Turn:
        """Answer a question, or say why that cannot be done; never raise."""
        scope = asked.scope
        try:
            answer = self.corpus.answer(
                asked.question, asked.after, scope.outlets, scope.since, scope.until, scope.paths
            )
        except QaError as error:
            return refused(asked, error)
        except Exception:  # noqa: BLE001  # the page goes on
            _log.exception("a question was not answered")
            return Turn(asked, None, words.FAILED)
        # What it took nothing over from does not belong into its link.
        return Turn(asked._replace(after=asked.after if answer.carried_over else ()), answer)

    def reopen(self, kept: object) -> list[Turn]:
        """Answer the questions again that a browser kept, as links."""
        found = [links.read(link).asked for link in _list(kept)]
        return [self.answer(asked) for asked in found if asked]

    def article(self, place: Place) -> Article | None:
        """Return the article that a link names, as it is now."""
        ids = [a.article_id for a in self.articles() if a.article_id.startswith(place.article)]
        return next(iter(self.corpus.articles(ids)), None)

    def articles(self) -> list[Listed]:
        """Return what is indexed; read anew only when something has changed."""
        state = self.corpus.state()
        if self._shelf[0] != state:
            self._shelf = (state, [listed(article) for article in self.corpus.articles()])
        return self._shelf[1]

    def cited(self, turns: Sequence[Turn]) -> Counter[str]:
        """Count how often each article is cited in a conversation."""
        return Counter(
            citation.article.article_id
            for turn in turns
            if turn.answer
            for citation in turn.answer.citations
        )

    def examples(self) -> list[str]:
        """Return questions to begin with; drawn anew when the articles have changed."""
        ids = frozenset(article.article_id for article in self.articles())
        if self._examples[0] != ids:
            self._examples = (ids, suggestions.suggest(self.corpus))
        return self._examples[1]

    def export(self, kept: object, suffix: object) -> str:
        """Return an evidence pack of the answers to questions, as links."""
        if suffix not in FORMATS:
            return ""
        answers = [turn.answer for turn in self.reopen(kept) if turn.answer]
        return write_pack(answers, str(suffix), __version__, datetime.now().astimezone())

    def judge(self, link: object, number: object, good: object, reason: object) -> str:
        """Keep a judgement on a quote (or, without a number, on an abstention), and say so."""
        asked = links.read(link).asked
        turn = self.answer(asked) if asked else None
        if not turn or not turn.answer:
            return words.FAILED
        citation = next((c for c in turn.shown if c.number == number), None)
        if citation is None and not turn.answer.abstained:
            return words.FAILED
        told = _clean(reason) if isinstance(reason, str) else ""
        try:
            record(
                self.feedback, turn.answer, turn.asked.after, citation, good=good is True,
                reason=told,
            )  # fmt: skip
        except QaError as error:
            return str(error)
        return words.KEPT.format(self.feedback)

    def bring(self, files: Sequence[tuple[str, Path | None]]) -> Iterator[Arrival]:
        """Copy files into the folder and index them, telling how far that is.

        Args:
            files: Name and place of each; no place if it could not be copied here.
        """
        states: dict[str, Incoming] = {}
        paths: dict[str, str] = {}
        for name, file in sorted(files, key=lambda pair: pair[0]):  # as they will be read
            shown = _clean(name)
            try:
                if file:
                    paths[self.corpus.add(file, name)] = shown
                    states[shown] = Incoming(shown, words.WAITING)
                else:
                    reason = words.NOT_SENT.format(LARGEST // 1_000_000)
                    states[shown] = Incoming(shown, words.SKIPPED, reason)
            except QaError as error:
                states[shown] = Incoming(shown, words.SKIPPED, str(error))
        yield _arrival(states, 0.0, None)
        began = time.monotonic()
        for step in self._sync():
            if isinstance(step, QaError):
                yield _arrival(states, None, None, str(step))
                return
            if isinstance(step, SyncReport):
                _settle(states, paths, step)
                break
            if step.path and (came := _brought(step.path, paths)):
                states[came] = Incoming(came, words.IN)
            spent = time.monotonic() - began
            left = spent / step.share - spent if step.share > 0 else None
            yield _arrival(states, step.share, left)
        yield _arrival(states, None, None)

    def _sync(self) -> Iterator[SyncProgress | SyncReport | QaError]:
        """Sync in a thread of its own, and tell what it tells."""
        told: SimpleQueue[SyncProgress | SyncReport | QaError] = SimpleQueue()

        def work() -> None:
            try:
                told.put(self.corpus.sync(told.put, may_be_empty=True))
            except QaError as error:
                told.put(error)
            except EndedError:
                told.put(QaError(words.CLOSING))
            except Exception:  # noqa: BLE001  # the page goes on
                _log.exception("the articles were not indexed")
                told.put(QaError(words.FAILED))

        Thread(target=work, daemon=True).start()
        while isinstance(step := told.get(), SyncProgress):
            yield step
        yield step


def refused(asked: Asked, error: QaError) -> Turn:
    """Return the exchange for a question that cannot be asked."""
    question = asked.question
    if len(question) > _LONGEST_SHOWN:
        question = f"{question[:_LONGEST_SHOWN]}…"
    return Turn(asked._replace(question=question), None, str(error))


def cited_at(
    turns: Sequence[Turn], asked: Asked | None, place: Place
) -> tuple[Turn, Citation] | None:
    """Return the citation of a conversation that a link names, with its exchange."""
    for turn in reversed(turns):
        if turn.asked == asked:
            for citation in turn.shown:
                if links.place_of(citation) == place:
                    return turn, citation
    return None


def _arrival(
    states: dict[str, Incoming], share: float | None, left: float | None, error: str = ""
) -> Arrival:
    files = tuple(states.values())
    count = Counter(file.state for file in files)
    wanted = len(files) - count[words.SKIPPED]
    if error:
        said = error
    elif share is None:
        said = words.taken_in(count[words.IN], count[words.SKIPPED])
    else:
        said = words.progress(count[words.IN], wanted, left)
    return Arrival(files, said, share)


def _brought(path: str, paths: dict[str, str]) -> str | None:
    """Return what the file was called that an article came in with; it may have held several."""
    while path and path not in paths:
        path = path[: max(path.rfind("#"), path.rfind("/"), 0)]
    return paths.get(path)


def _settle(states: dict[str, Incoming], paths: dict[str, str], report: SyncReport) -> None:
    """Say of every file that was copied what came of it."""
    reasons = {item.path: item.reason for item in report.skipped}
    left_out = Counter(_brought(item.path, paths) for item in report.skipped)
    for path, shown in paths.items():
        if path in reasons:
            states[shown] = Incoming(shown, words.SKIPPED, reasons[path])
        else:
            count = left_out[shown]
            states[shown] = Incoming(shown, words.IN, words.LEFT_OUT.format(count) if count else "")


def _clean(text: str) -> str:
    """Return text without halves of characters, which no encoding can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
