"""Hits to an Answer: which sentences answer, or that none does. Pure."""

from collections.abc import Sequence

from qa import ranking
from qa.datatypes import Answer, Citation, Hit, Span, WeighedSentence

CITATIONS = 5
NEAREST = 3
# A second sentence of a passage is highlighted if its evidence comes this close to the best one's.
_ALSO_ANSWERS = 0.98
# A passage whose best sentence has less than this share of the best evidence is not quoted.
_WEAK = 0.5


def answer(question: str, query: str, hits: Sequence[Hit]) -> Answer:
    """Choose the quotes for a question, or abstain.

    Args:
        question: As it was asked.
        query: What was searched for.
        hits: Best first; more than `CITATIONS` of them, since some repeat each other.
    """
    sure = confidence(hits)
    if sure < ranking.ABSTAIN_BELOW:
        nearest = tuple(_cite(hit, hit.rank, ()) for hit in hits[:NEAREST])
        return Answer(question, query, (), True, sure, nearest)
    citations = tuple(_cite(hit, i + 1, spans) for i, (hit, spans) in enumerate(_choose(hits)))
    return Answer(question, query, citations, False, sure)


def evidence(hits: Sequence[Hit]) -> tuple[float, float]:
    """Return cosine of the nearest passage, and coverage of the question by the best sentence."""
    best = [sentence for hit in hits if (sentence := _best(hit))]
    covered = max(best, key=lambda s: s.evidence).covered if best else 0.0
    return max((hit.dense for hit in hits), default=0.0), covered


def confidence(hits: Sequence[Hit]) -> float:
    """Return the calibrated probability that the articles answer; 0 without a hit."""
    return ranking.confidence(*evidence(hits)) if hits else 0.0


def _best(hit: Hit) -> WeighedSentence | None:
    return max(hit.sentences, key=lambda s: s.evidence, default=None)


def _choose(hits: Sequence[Hit]) -> list[tuple[Hit, tuple[Span, ...]]]:
    """Return hits with the spans to highlight: best first, then each article's together."""
    found = [(hit, best) for hit in hits if (best := _best(hit))]
    least = _WEAK * max((best.evidence for _, best in found), default=0.0)
    shown: set[tuple[str, Span]] = set()
    chosen: dict[str, list[tuple[Hit, tuple[Span, ...]]]] = {}
    for hit, best in found:
        article_id = hit.passage.article.article_id
        if best.evidence < least or (article_id, best.span) in shown:
            continue  # weak, or quoted already: neighbours overlap by a sentence
        spans = tuple(s.span for s in hit.sentences if s.evidence >= _ALSO_ANSWERS * best.evidence)
        shown.update((article_id, span) for span in spans)
        chosen.setdefault(article_id, []).append((hit, spans))
        if sum(map(len, chosen.values())) == CITATIONS:
            break
    return [pair for pairs in chosen.values() for pair in pairs]


def _cite(hit: Hit, number: int, highlights: tuple[Span, ...]) -> Citation:
    passage = hit.passage
    return Citation(number, passage.article, passage.start, passage.end, highlights)
