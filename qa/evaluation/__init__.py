"""Asking a corpus questions with known answers, and measuring what it finds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qa.corpus import Corpus
from qa.errors import QaError
from qa.evaluation.feedback import record
from qa.evaluation.metrics import auroc, reciprocal_rank
from qa.evaluation.questions import Gold, LabelledQuestion, read_questions
from qa.records import Answer, Article, Citation, Passage

__all__ = ["Evaluation", "Outcome", "evaluate", "read_questions", "record"]

_DEPTH = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one question.

    Attributes:
        labelled: The question, with what is known of its answer.
        answer: The answer.
        relevant: For each of the first ten passages, whether it holds a gold quote.
        recall: Share of the gold quotes that those passages hold; 0 if there is none.
        quoted: Whether a highlighted sentence overlaps a gold quote.
        led_wrong: Whether the best quote highlights words that were judged to be no answer.
    """

    labelled: LabelledQuestion
    answer: Answer
    relevant: tuple[bool, ...]
    recall: float
    quoted: bool
    led_wrong: bool = False

    @property
    def failed(self) -> str:
        """The reason why the outcome counts as a failure; empty if it does not."""
        if self.labelled.unanswerable and not self.answer.abstained:
            return "answered, but the articles do not"
        if self.led_wrong:
            return "led with words that were judged to be no answer"
        if self.labelled.gold and self.answer.abstained:
            return "not answered, but the articles do"
        if self.labelled.gold and not any(self.relevant[:5]):
            return "not found in the first five passages"
        return ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The measures over all questions.

    Attributes:
        measures: The measures by name, as `evaluate` describes them.
        outcomes: One for each question, in order.
    """

    measures: dict[str, float | None]
    outcomes: tuple[Outcome, ...]


def evaluate(corpus: Corpus, questions: Sequence[LabelledQuestion]) -> Evaluation:
    """Ask every question and compare the answers with the labels.

    Means are over the answerable questions, None if there is none.

    Returns:
        An evaluation with these measures:

        - ``answerable``: number of questions with gold.
        - ``unanswerable``: number of questions without an answer in the articles.
        - ``judged_wrong``: number of questions with words that were judged to be no answer.
        - ``led_wrong``: how many of those led with such words.
        - ``hit_at_1``: share with a gold quote in the first passage.
        - ``hit_at_5``: share with one in the first five.
        - ``mrr_at_10``: mean of 1 / rank of the first passage with a gold quote.
        - ``recall_at_10``: mean share of the gold quotes that the first ten passages hold.
        - ``quoted``: share with a gold quote in a highlighted sentence.
        - ``auroc``: probability that an answerable question has more confidence than an
          unanswerable one.
        - ``wrongly_abstained``: number of answerable questions that were not answered.
        - ``rightly_abstained``: number of unanswerable questions that were not answered.

    Raises:
        QaError: A gold article or quote is not in the corpus, or a question is not valid.
    """
    articles = [*corpus.articles(), *corpus.duplicates()]
    outcomes = tuple(_ask(corpus, labelled, articles) for labelled in questions)
    answerable = [o for o in outcomes if o.labelled.gold]
    rest = [o for o in outcomes if o.labelled.unanswerable]

    def mean(values: list[float]) -> float | None:
        return float(np.mean(values)) if values else None

    measures = {
        "answerable": len(answerable),
        "unanswerable": len(rest),
        "judged_wrong": sum(bool(o.labelled.wrong) for o in outcomes),
        "led_wrong": sum(o.led_wrong for o in outcomes),
        "hit_at_1": mean([any(o.relevant[:1]) for o in answerable]),
        "hit_at_5": mean([any(o.relevant[:5]) for o in answerable]),
        "mrr_at_10": mean([reciprocal_rank(o.relevant, _DEPTH) for o in answerable]),
        "recall_at_10": mean([o.recall for o in answerable]),
        "quoted": mean([float(o.quoted) for o in answerable]),
        "auroc": auroc(
            [o.answer.confidence for o in answerable], [o.answer.confidence for o in rest]
        ),
        "wrongly_abstained": sum(o.answer.abstained for o in answerable),
        "rightly_abstained": sum(o.answer.abstained for o in rest),
    }
    return Evaluation(measures, outcomes)


def _ask(corpus: Corpus, labelled: LabelledQuestion, articles: Sequence[Article]) -> Outcome:
    gold = [place for label in labelled.gold for place in _places(labelled, label, articles)]
    wrong = [place for label in labelled.wrong for place in _places(labelled, label, articles)]
    passages = [hit.passage for hit in corpus.search(labelled.question, _DEPTH)]
    answer = corpus.ask(labelled.question)
    return Outcome(
        labelled,
        answer,
        relevant=tuple(any(_holds(passage, place) for place in gold) for passage in passages),
        recall=sum(any(_holds(p, place) for p in passages) for place in gold) / max(1, len(gold)),
        quoted=any(_highlights(citation, gold) for citation in answer.citations),
        led_wrong=any(_highlights(citation, wrong) for citation in answer.citations[:1]),
    )


def _highlights(citation: Citation, places: Sequence[Passage]) -> bool:
    """Return whether a highlight shares words with one of the places."""
    article_id = citation.article.article_id
    here = [place for place in places if place.article.article_id == article_id]
    return any(p.start < end and start < p.end for p in here for start, end in citation.highlights)


def _holds(passage: Passage, place: Passage) -> bool:
    """Return whether a passage holds a place; of a whole article, any passage does."""
    whole = place.span == (0, len(place.article.text))
    inside = passage.start <= place.start and place.end <= passage.end
    return passage.article.article_id == place.article.article_id and (whole or inside)


def _places(labelled: LabelledQuestion, gold: Gold, articles: Sequence[Article]) -> list[Passage]:
    """Return every place of a gold quote; the whole article for gold without a quote."""
    named = [article for article in articles if _is_named(article, gold.article)]
    if not named:
        raise QaError(
            f"Question {labelled.question_id} names the article {gold.article}, which is not "
            "indexed. Name it by its path in the folder, or by its id."
        )
    if not gold.quote:
        return [Passage(article, 0, len(article.text)) for article in named]
    anywhere = re.compile(f"(?={re.escape(gold.quote)})")  # overlapping places as well
    places = [
        Passage(article, match.start(), match.start() + len(gold.quote))
        for article in named
        for match in anywhere.finditer(article.text)
    ]
    if not places:
        raise QaError(
            f"Question {labelled.question_id} has a quote that is not in {gold.article}, letter "
            f"for letter: {gold.quote}"
        )
    return places


def _is_named(article: Article, name: str) -> bool:
    """Return whether a name is the article's path, or the beginning of its id."""
    return article.path == name or (len(name) >= 8 and article.article_id.startswith(name))
