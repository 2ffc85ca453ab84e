"""Hits to an Answer: which sentences answer, or that none does."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa import lexical, ranking
from qa.datatypes import Answer, Citation, Hit, Span
from qa.store import Store

CITATIONS = 5
NEAREST = 3
# A second sentence of a passage is highlighted if its evidence comes this close to the best one's.
_ALSO_ANSWERS = 0.98
# A passage whose best sentence has less than this share of the best evidence is not quoted.
_WEAK = 0.5


class Weighed(NamedTuple):
    """A sentence with what speaks for it."""

    span: Span
    cosine: float
    covered: float

    @property
    def evidence(self) -> float:
        """How well it answers, for comparison with others."""
        return ranking.evidence(self.cosine, self.covered)


def answer(
    store: Store, question: str, query: str, vector: NDArray[np.float32], hits: Sequence[Hit]
) -> Answer:
    """Choose the quotes for a question, or abstain.

    Args:
        store: Where the hits come from.
        question: As it was asked.
        query: What was searched for.
        vector: The query's unit vector, shape ``(dimension,)``.
        hits: Best first; more than `CITATIONS` of them, since some repeat each other.
    """
    weighed = weigh(store, query, vector, hits)
    best = max((s for found in weighed for s in found), key=lambda s: s.evidence, default=None)
    nearest = max((hit.dense for hit in hits), default=0.0)
    sure = ranking.confidence(nearest, best.covered) if best else 0.0
    if sure < ranking.ABSTAIN_BELOW:
        offered = tuple(_cite(hit, hit.rank, ()) for hit in hits[:NEAREST])
        return Answer(question, query, (), True, sure, offered)
    chosen = _choose(hits, weighed)
    citations = tuple(_cite(hit, i + 1, spans) for i, (hit, spans) in enumerate(chosen))
    return Answer(question, query, citations, False, sure)


def weigh(
    store: Store, query: str, vector: NDArray[np.float32], hits: Sequence[Hit]
) -> list[list[Weighed]]:
    """Return the sentences of each hit with their evidence."""
    asked = set(lexical.terms(query))
    frequencies, total = store.document_frequencies(asked)
    weights = {term: ranking.inverse_document_frequency(frequencies[term], total) for term in asked}
    weighed: list[list[Weighed]] = []
    for hit in hits:
        text = hit.passage.article.text
        weighed.append([])
        for span, sentence_vector in store.sentences(hit.passage):
            covered = ranking.coverage(weights, lexical.terms(text[slice(*span)]))
            weighed[-1].append(Weighed(span, float(sentence_vector @ vector), covered))
    return weighed


def _choose(
    hits: Sequence[Hit], weighed: Sequence[Sequence[Weighed]]
) -> list[tuple[Hit, tuple[Span, ...]]]:
    """Return hits with the spans to highlight: best first, then each article's together."""
    shown: set[tuple[str, Span]] = set()
    chosen: dict[str, list[tuple[Hit, tuple[Span, ...]]]] = {}
    bests = [max(found, key=lambda s: s.evidence, default=None) for found in weighed]
    least = _WEAK * max((best.evidence for best in bests if best), default=0.0)
    for hit, found, best in zip(hits, weighed, bests, strict=True):
        if best is None or best.evidence < least:
            continue
        article_id = hit.passage.article.article_id
        if (article_id, best.span) in shown:
            continue  # neighbours overlap by a sentence: it was quoted already
        spans = tuple(s.span for s in found if s.evidence >= _ALSO_ANSWERS * best.evidence)
        shown.update((article_id, span) for span in spans)
        chosen.setdefault(article_id, []).append((hit, spans))
        if sum(map(len, chosen.values())) == CITATIONS:
            break
    return [pair for pairs in chosen.values() for pair in pairs]


def _cite(hit: Hit, number: int, highlights: tuple[Span, ...]) -> Citation:
    passage = hit.passage
    return Citation(number, passage.article, passage.start, passage.end, highlights)
