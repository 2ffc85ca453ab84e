"""Questions with known answers, asked of a corpus: what was found, and what came instead."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qa.corpus import Corpus
from qa.datatypes import Answer, Article, Citation, Passage
from qa.errors import QaError
from qa.evaluation.feedback import record
from qa.evaluation.metrics import auroc, hit_at, reciprocal_rank
from qa.evaluation.questions import Gold, Question, read_questions

__all__ = ["Evaluation", "Outcome", "evaluate", "read_questions", "record"]

_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    Attributes:
        question: The question.
        answer: The reply.
        relevant: For each of the first ten passages, whether it holds a gold quote.
        recall: Share of the gold quotes that those passages hold; 0 if there is none.
        quoted: Whether a highlighted sentence shares words with a gold quote, in place.
        led_wrong: Whether the best quote highlights words that were judged to be no answer.
    """

    question: Question
    answer: Answer
    relevant: tuple[bool, ...]
    recall: float
    quoted: bool
    led_wrong: bool = False

    @property
    def failed(self) -> str:
        """What went wrong, in words; empty if nothing did."""
        if self.question.unanswerable:
            return "" if self.answer.abstained else "answered, but the articles do not"
        if self.led_wrong:
            return "led with words that were judged to be no answer"
        if not self.question.gold:
            return ""
        if self.answer.abstained:
            return "not answered, but the articles do"
        return "" if hit_at(self.relevant, 5) else "not found in the first five passages"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of all questions; means are over the answerable ones, None if there is none.

    Attributes:
        answerable: Number of questions with gold.
        unanswerable: Number of questions that the articles do not answer.
        judged_wrong: Number of questions with words that were judged to be no answer.
        led_wrong: How many of those led with such words.
        hit_at_1: Share with a gold quote in the first passage.
        hit_at_5: Share with one in the first five.
        mrr_at_10: Mean of 1 / rank of the first passage with a gold quote.
        recall_at_10: Mean share of the gold quotes that the first ten passages hold.
        quoted: Share with a gold quote in a highlighted sentence.
        auroc: Chance that an answerable question has more confidence than an unanswerable one.
        wrongly_abstained: Answerable questions that got no answer.
        rightly_abstained: Unanswerable questions that got none.
        outcomes: Each question, in order.
    """

    answerable: int
    unanswerable: int
    judged_wrong: int
    led_wrong: int
    hit_at_1: float | None
    hit_at_5: float | None
    mrr_at_10: float | None
    recall_at_10: float | None
    quoted: float | None
    auroc: float | None
    wrongly_abstained: int
    rightly_abstained: int
    outcomes: tuple[Outcome, ...]


def evaluate(corpus: Corpus, questions: Sequence[Question]) -> Evaluation:
    """Ask every question and hold the replies against what is known.

    Raises:
        QaError: A gold article or quote is not in the corpus, or a question cannot be asked.
    """
    articles = [*corpus.articles(), *corpus.twins()]
    outcomes = tuple(_ask(corpus, question, articles) for question in questions)
    known = [o for o in outcomes if o.question.gold]
    rest = [o for o in outcomes if o.question.unanswerable]

    def mean(values: list[float]) -> float | None:
        return float(np.mean(values)) if values else None

    return Evaluation(
        answerable=len(known),
        unanswerable=len(rest),
        judged_wrong=sum(bool(o.question.wrong) for o in outcomes),
        led_wrong=sum(o.led_wrong for o in outcomes),
        hit_at_1=mean([hit_at(o.relevant, 1) for o in known]),
        hit_at_5=mean([hit_at(o.relevant, 5) for o in known]),
        mrr_at_10=mean([reciprocal_rank(o.relevant, _DEPTH) for o in known]),
        recall_at_10=mean([o.recall for o in known]),
        quoted=mean([float(o.quoted) for o in known]),
        auroc=auroc([o.answer.confidence for o in known], [o.answer.confidence for o in rest]),
        wrongly_abstained=sum(o.answer.abstained for o in known),
        rightly_abstained=sum(o.answer.abstained for o in rest),
        outcomes=outcomes,
    )


def _ask(corpus: Corpus, question: Question, articles: Sequence[Article]) -> Outcome:
    spans = [span for gold in question.gold for span in _places(question, gold, articles)]
    wrong = [span for gold in question.wrong for span in _places(question, gold, articles)]
    scope = (question.scope.outlets, question.scope.since, question.scope.until)
    hits = corpus.retrieve(
        question.text, _DEPTH, *scope, history=question.history, paths=question.scope.paths
    )
    answer = corpus.answer(question.text, question.history, *scope, question.scope.paths)
    held = [[_holds(hit.passage, *span) for span in spans] for hit in hits]
    found = [any(column) for column in zip(*held, strict=True)]
    quoted = any(_highlights(citation, spans) for citation in answer.citations)
    led_wrong = any(_highlights(citation, wrong) for citation in answer.citations[:1])
    relevant = tuple(any(row) for row in held)
    recall = sum(found) / max(1, len(found))
    return Outcome(question, answer, relevant, recall, quoted, led_wrong)


def _highlights(citation: Citation, spans: Sequence[tuple[str, int, int]]) -> bool:
    """Whether a highlighted sentence shares words with one of the spans, in place."""
    return any(
        citation.article.article_id == article_id and start < b and a < end
        for start, end in citation.highlights
        for article_id, a, b in spans
    )


def _holds(passage: Passage, article_id: str, start: int, end: int) -> bool:
    """Whether the passage is of that article and holds the span; the whole article: any passage."""
    whole = (start, end) == (0, len(passage.article.text))
    inside = passage.start <= start and end <= passage.end
    return passage.article.article_id == article_id and (whole or inside)


def _places(
    question: Question, gold: Gold, articles: Sequence[Article]
) -> list[tuple[str, int, int]]:
    """Return every place of a gold quote; a gold article without one is a place as a whole."""
    named = [
        article
        for article in articles
        if article.path == gold.article
        or (len(gold.article) >= 8 and article.article_id.startswith(gold.article))
    ]
    if not named:
        raise QaError(
            f"Question {question.question_id} names the article {gold.article}, which is not among "
            "those indexed. Name it by its path in the folder, or by its id; qa status shows the "
            "folder."
        )
    places: list[tuple[str, int, int]] = []
    for article in named:
        if not gold.quote:
            places.append((article.article_id, 0, len(article.text)))
        at = article.text.find(gold.quote) if gold.quote else -1
        while at >= 0:
            places.append((article.article_id, at, at + len(gold.quote)))
            at = article.text.find(gold.quote, at + 1)
    if not places:
        raise QaError(
            f"Question {question.question_id} has a quote that is not in {gold.article}, letter "
            f"for letter: {gold.quote}"
        )
    return places
