"""What the page does with one corpus: answers, evidence packs, judgements, the list of articles.

Arguments are what a browser sent, which may be anything.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from qa import __version__
from qa.answering.follow_ups import TURNS
from qa.corpus import Corpus
from qa.errors import QaError
from qa.evaluation import record
from qa.evidence import FORMATS, write_pack
from qa.locations import feedback_file
from qa.records import Article, ArticleSummary, Question, Scope
from qa.text.terms import encodable
from qa.web import links, suggestions
from qa.web.views import Turn

MAX_LINKS = 100
"""Questions that one request reopens or exports: each is answered again."""
_MAX_SHOWN = 200
_FAILED = "The question was not answered, because of an error that the terminal shows."
_log = logging.getLogger(__name__)


class Service:
    """One corpus, for everyone who has its page open."""

    def __init__(self, corpus: Corpus) -> None:
        """The corpus must stay open as long as the service is used."""
        self.corpus = corpus
        self.feedback = feedback_file(corpus.folder)
        # Both are kept until the version of the index changes.
        self._summaries = lru_cache(1)(lambda _version: corpus.summaries())
        self._examples = lru_cache(1)(lambda _version: suggestions.suggest(corpus))

    def question(self, text: str, turns: Sequence[Turn], scope: Scope) -> Question:
        """Return a new question with the earlier ones that it may refer to."""
        earlier = [turn.question.text for turn in turns if turn.answer]
        return Question(encodable(text), tuple(earlier[-TURNS:]), scope)

    def answer(self, question: Question) -> Turn:
        """Answer a question, or say why that is not possible; never raise."""
        try:
            answer = self.corpus.ask(question)
        except QaError as error:
            return refused(question, error)
        except Exception:  # noqa: BLE001  # the page goes on
            _log.exception("a question was not answered")
            return Turn(question, None, _FAILED)
        if not answer.carried_over:  # its link needs no history
            question = Question(question.text, scope=question.scope)
        return Turn(question, answer)

    def reopen(self, kept: object) -> tuple[list[Turn], str]:
        """Answer questions again; return them, and a message if there were too many.

        Args:
            kept: Links to them, oldest first. Only the last `MAX_LINKS` are read.
        """
        all_links = kept if isinstance(kept, list) else []
        found = [links.read(link).question for link in all_links[-MAX_LINKS:]]
        note = ""
        if len(all_links) > MAX_LINKS:
            note = f"Only the last {MAX_LINKS} of {len(all_links):,} questions are included."
        return [self.answer(question) for question in found if question], note

    def export(self, sent: dict[str, object]) -> dict[str, str]:
        """Return an evidence pack of the answers to questions, and a message as `reopen` does.

        Args:
            sent: "links" to the questions, and the "format" of the pack.
        """
        suffix = str(sent.get("format"))
        if suffix not in FORMATS:
            return {"pack": "", "note": ""}
        turns, note = self.reopen(sent.get("links"))
        answers = [turn.answer for turn in turns if turn.answer]
        now = datetime.now().astimezone()
        return {"pack": write_pack(answers, suffix, __version__, now), "note": note}

    def judge(self, sent: dict[str, object]) -> str:
        """Keep a judgement on a quote or an abstention; return a message.

        Args:
            sent: "link" to the question, "number" of the quote (none for an abstention), whether it
                is "good", and a "reason".
        """
        question = links.read(sent.get("link")).question
        turn = self.answer(question) if question else Turn(Question(""))
        citation = next((c for c in turn.shown if c.number == sent.get("number")), None)
        if not turn.answer or not (citation or turn.answer.abstained):
            return _FAILED
        good, reason = sent.get("good") is True, encodable(str(sent.get("reason") or ""))
        history = turn.question.history
        try:
            record(self.feedback, turn.answer, history, citation, good=good, reason=reason)
        except QaError as error:
            return str(error)
        return f"Kept on this machine. Measure with: qa eval {self.feedback}"

    def articles(self) -> list[ArticleSummary]:
        """Return the indexed articles; they are read again only when something has changed."""
        return self._summaries(self.corpus.version())

    def article(self, place: str) -> Article | None:
        """Return the article that a link names, as it is now."""
        ids = [a.article_id for a in self.articles() if a.article_id[:16] == place[:16]]
        return next(iter(self.corpus.articles(ids[:1])), None)

    def examples(self) -> list[str]:
        """Return questions to begin with; they are chosen again when the articles have changed."""
        return self._examples(self.corpus.version())


def refused(question: Question, error: QaError) -> Turn:
    """Return the turn of a question that cannot be answered."""
    text = question.text
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}…"
    return Turn(Question(text, question.history, question.scope), None, str(error))


def count_citations(turns: Sequence[Turn]) -> Counter[str]:
    """Return how often each article id is cited in a conversation."""
    answers = (turn.answer for turn in turns if turn.answer)
    return Counter(c.article.article_id for answer in answers for c in answer.citations)
