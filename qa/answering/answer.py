"""Hits to an answer: which sentences answer and where articles differ, or that none answers."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from qa.answering import differences, ranking
from qa.answering.differences import Statement
from qa.answering.question import AnalyzedQuestion
from qa.records import Answer, Citation, Hit, Passage, ScoredSentence, Span
from qa.text.sentences import is_heading, with_speaker
from qa.text.shingles import near_duplicate
from qa.text.terms import index_terms
from qa.text.values import Kind

HITS = 30
"""Hits that an answer is made of: more than are quoted, since neighbours and duplicates repeat each
other."""
CITATIONS = 5
"""Quotes, unless more articles than that answer."""
ARTICLES = 8
"""Most articles that are quoted."""
NEAREST = 3
# A second sentence of a passage is highlighted if its score is this share of the best one's.
_ALSO_ANSWERS = 0.98
# A passage whose best sentence has less than this share of the best score is not quoted.
_WEAK = 0.6
# A denial is about the question if its sentence is this near to it and covers this much of it:
# a denial often uses other words.
_DENIAL_COSINE, _DENIAL_COVERAGE = 0.35, 0.05
# Names are marked, and values compared, only in sentences with this share of the best score: there
# are names everywhere.
_COMPARABLE = 0.8


class _Quote(NamedTuple):
    """A passage to quote.

    Attributes:
        hit: The passage.
        answering: Its sentences that answer, at least one.
        also_in: The same words in other articles.
        terms: Index terms of the first of the sentences.
    """

    hit: Hit
    answering: tuple[ScoredSentence, ...]
    also_in: tuple[Passage, ...]
    terms: list[str]


def answer(
    question: AnalyzedQuestion, hits: Sequence[Hit], sources: Collection[str] = ()
) -> Answer:
    """Choose the quotes for a question, or abstain.

    Args:
        question: The question.
        hits: Best first; see `HITS`.
        sources: Names of the sources that were searched.
    """
    probability = confidence(hits)
    found = [(hit, best) for hit in hits if (best := best_sentence(hit))]
    least = _WEAK * max((best.score for _, best in found), default=0.0)
    strong = [(hit, best) for hit, best in found if best.score >= least]
    chosen = _choose(question, hits, strong) if probability >= ranking.ABSTAIN_BELOW else []
    top = max((s.score for quote in chosen for s in quote.answering), default=0.0)
    citations = tuple(_cite(i, question, top, quote) for i, quote in enumerate(chosen, 1))
    # Sources in which something comes near the best, whether or not it is quoted. If even the last
    # hit is strong, there may be more of them behind it.
    near = [p for hit, _ in strong for p in (hit.passage, *hit.also_in)] if chosen else []
    named = {p.article.source for p in near} | {c.article.source for c in citations}
    is_cut_off = bool(chosen) and len(strong) == len(hits) > CITATIONS
    without = () if is_cut_off else tuple(name for name in sources if name not in named)
    return Answer(
        question.text,
        question.query,
        citations,
        not chosen,
        probability,
        nearest=() if chosen else tuple(Citation(h.rank, h.passage) for h in hits[:NEAREST]),
        carried_over=question.carried_over,
        differences=differences.find_differences(question, _statements(chosen, top)),
        sources_without_quotes=without,
        scope=question.asked.scope,
    )


def confidence_features(hits: Sequence[Hit]) -> tuple[float, float, float, float]:
    """Return the arguments of `qa.answering.ranking.confidence`."""
    best = [sentence for hit in hits if (sentence := best_sentence(hit))]
    top = max(best, key=lambda sentence: sentence.score, default=None)
    nearest = max((hit.dense for hit in hits), default=0.0)
    coverage = max((hit.coverage for hit in hits), default=0.0)
    return nearest, top.cosine if top else 0.0, top.coverage if top else 0.0, coverage


def confidence(hits: Sequence[Hit]) -> float:
    """Return the estimated probability that the articles answer; 0 without a hit."""
    return ranking.confidence(*confidence_features(hits)) if hits else 0.0


def best_sentence(hit: Hit) -> ScoredSentence | None:
    """Return the sentence of a passage that answers best; a heading only if there is no other."""
    prose = [s for s in hit.sentences if not is_heading(s.passage.text)]
    return max(prose or hit.sentences, key=lambda sentence: sentence.score, default=None)


def _choose(
    question: AnalyzedQuestion, hits: Sequence[Hit], strong: Sequence[tuple[Hit, ScoredSentence]]
) -> list[_Quote]:
    """Return what to quote: best first, grouped by article, near duplicates beside each other.

    Every article that answers is quoted once before any is quoted again.
    """
    shown: set[tuple[str, Span]] = set()
    first: dict[str, list[_Quote]] = {}
    further: list[_Quote] = []
    for hit, best in strong:
        article_id = hit.passage.article.article_id
        if (article_id, best.passage.span) in shown:
            continue  # neighbouring passages overlap by a sentence
        terms = index_terms(best.passage.text)
        if _added_to_near_duplicate(first, best.passage, terms):
            continue
        answering = _answering(hit, best)
        shown.update((article_id, sentence.passage.span) for sentence in answering)
        quote = _Quote(hit, answering, hit.also_in, terms)
        if article_id not in first and len(first) < ARTICLES:
            first[article_id] = [quote]
        else:
            further.append(quote)
    room = max(0, CITATIONS - len(first))
    denial = _denial(question, hits)
    highlighted = [s for quotes in first.values() for quote in quotes for s in quote.answering]
    if denial and not any(differences.denies(s.passage.text) for s in highlighted):
        further = [denial, *(quote for quote in further if quote.hit is not denial.hit)]
        room = max(1, room)
        first.setdefault(denial.hit.passage.article.article_id, [])
    quoted = [q for q in further if q.hit.passage.article.article_id in first]
    for quote in quoted[:room]:
        first[quote.hit.passage.article.article_id].append(quote)
    return [quote for quotes in first.values() for quote in quotes]


def _answering(hit: Hit, best: ScoredSentence) -> tuple[ScoredSentence, ...]:
    """Return the sentences to highlight: the best one, and those with nearly the same score."""
    return tuple(
        s
        for s in hit.sentences
        if s is best or (s.score >= _ALSO_ANSWERS * best.score and not is_heading(s.passage.text))
    )


def _denial(question: AnalyzedQuestion, hits: Sequence[Hit]) -> _Quote | None:
    """Return the best denial there is, if the question can be denied."""
    if not differences.can_be_denied(question.query):
        return None
    found = [
        (hit, sentence)
        for hit in hits
        for sentence in hit.sentences
        if sentence.cosine >= _DENIAL_COSINE
        and sentence.coverage >= _DENIAL_COVERAGE
        and differences.denies(sentence.passage.text)
    ]
    if not found:
        return None
    hit, sentence = max(found, key=lambda pair: pair[1].score)
    return _Quote(hit, (sentence,), (), index_terms(sentence.passage.text))


def _added_to_near_duplicate(
    chosen: dict[str, list[_Quote]], sentence: Passage, terms: list[str]
) -> bool:
    """Add a sentence to the quote of another article that has nearly the same words."""
    for article_id, quotes in chosen.items():
        if article_id == sentence.article.article_id:
            continue
        for i, quote in enumerate(quotes):
            if near_duplicate(terms, quote.terms):
                if sentence.article not in (passage.article for passage in quote.also_in):
                    quotes[i] = quote._replace(also_in=(*quote.also_in, sentence))
                return True
    return False


def _cite(number: int, question: AnalyzedQuestion, best: float, quote: _Quote) -> Citation:
    passage = quote.hit.passage
    text, language = passage.article.text, passage.article.language
    highlights = _merged(with_speaker(text, s.passage.span, language) for s in quote.answering)
    values = [
        found[0].span
        for sentence in quote.answering
        if (found := differences.answer_values(question, sentence.passage))
        and (found[0].kind is not Kind.NAME or sentence.score >= _COMPARABLE * best)
    ]
    start = min(passage.start, highlights[0][0])
    end = max(passage.end, highlights[-1][1])
    quoted = Passage(passage.article, start, end)
    return Citation(number, quoted, highlights, tuple(values), quote.also_in)


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in order, overlapping ones as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _statements(chosen: Sequence[_Quote], best: float) -> list[Statement]:
    return [
        Statement(number, sentence)
        for number, quote in enumerate(chosen, 1)
        for sentence in quote.answering
        if sentence.score >= _COMPARABLE * best or differences.denies(sentence.passage.text)
    ]
