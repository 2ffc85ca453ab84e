"""Hits to an Answer: which sentences answer and where outlets differ, or that none does. Pure."""

from collections.abc import Collection, Iterable, Sequence

from qa import differences, lexical, ranking
from qa.datatypes import Answer, Citation, Hit, Passage, Span, WeighedSentence
from qa.differences import Statement
from qa.sentences import is_heading, with_speaker
from qa.values import Kind

CITATIONS = 5
"""Quotes, if no more articles than that have something to say."""
ARTICLES = 8
"""Most articles that are quoted."""
NEAREST = 3
# A second sentence of a passage is highlighted if its evidence comes this close to the best one's.
_ALSO_ANSWERS = 0.98
# A passage whose best sentence has less than this share of the best evidence is not quoted.
_WEAK = 0.6
# A denial is of what is asked if its sentence is at least this near to the question, and covers
# this much of it: what is denied is often put in other words.
_DENIAL_COSINE, _DENIAL_COVERED = 0.35, 0.05
# A name is the answer, and a value can differ from another, only in sentences that come this close
# to the best one: names stand everywhere.
_COMPARABLE = 0.8


def answer(
    question: str,
    query: str,
    hits: Sequence[Hit],
    carried_over: Sequence[str] = (),
    sources: Collection[str] = (),
) -> Answer:
    """Choose the quotes for a question, or abstain.

    Args:
        question: As it was asked.
        query: What was searched for.
        hits: Best first; more than `CITATIONS` of them, since some repeat each other.
        carried_over: The words that `query` takes over from earlier questions.
        sources: What the articles that were searched are cited as.
    """
    sure = confidence(hits)
    carried = tuple(carried_over)
    found = [(hit, best) for hit in hits if (best := best_sentence(hit))]
    least = _WEAK * max((best.evidence for _, best in found), default=0.0)
    speaking = [(hit, best) for hit, best in found if best.evidence >= least]
    chosen = _choose(query, hits, speaking) if sure >= ranking.ABSTAIN_BELOW else []
    if not chosen:
        nearest = tuple(
            Citation(hit.rank, hit.passage.article, hit.passage.start, hit.passage.end)
            for hit in hits[:NEAREST]
        )
        return Answer(question, query, (), True, sure, nearest, carried, (), tuple(sources))
    top = _best_evidence(chosen)
    citations = tuple(_cite(i + 1, query, top, *quote) for i, quote in enumerate(chosen))
    # If even the last of the hits says something, there may be more beyond it.
    silent = () if len(speaking) == len(hits) > CITATIONS else _silent(speaking, citations, sources)
    return Answer(
        question,
        query,
        citations,
        False,
        sure,
        carried_over=carried,
        differences=differences.find_differences(query, _statements(chosen)),
        silent=silent,
    )


def evidence(hits: Sequence[Hit]) -> tuple[float, float, float, float]:
    """Return what the confidence is made of; see `qa.ranking.confidence`."""
    best = [sentence for hit in hits if (sentence := best_sentence(hit))]
    top = max(best, key=lambda s: s.evidence, default=WeighedSentence((0, 0), 0.0, 0.0, 0.0))
    nearest = max((hit.dense for hit in hits), default=0.0)
    return nearest, top.cosine, top.covered, max((hit.covered for hit in hits), default=0.0)


def confidence(hits: Sequence[Hit]) -> float:
    """Return the calibrated probability that the articles answer; 0 without a hit."""
    return ranking.confidence(*evidence(hits)) if hits else 0.0


def best_sentence(hit: Hit) -> WeighedSentence | None:
    """Return the sentence of a passage that answers best; a heading only if there is no other."""
    text = hit.passage.article.text
    prose = [s for s in hit.sentences if not is_heading(text[slice(*s.span)])]
    return max(prose or hit.sentences, key=lambda s: s.evidence, default=None)


Quote = tuple[Hit, tuple[WeighedSentence, ...], tuple[Passage, ...]]


def _choose(
    query: str, hits: Sequence[Hit], speaking: Sequence[tuple[Hit, WeighedSentence]]
) -> list[Quote]:
    """Return what to quote: best first, each article's together, copies beside their original.

    Every article that has something to say is heard once before any is heard again.
    """
    shown: set[tuple[str, Span]] = set()
    first: dict[str, list[Quote]] = {}
    further: list[Quote] = []
    for hit, best in speaking:
        article_id = hit.passage.article.article_id
        if (article_id, best.span) in shown:
            continue  # quoted already: neighbours overlap by a sentence
        if _added_as_copy(first, hit, best):
            continue
        answering = _answering(hit, best)
        shown.update((article_id, sentence.span) for sentence in answering)
        if article_id not in first and len(first) < ARTICLES:
            first[article_id] = [(hit, answering, hit.also_in)]
        else:
            further.append((hit, answering, hit.also_in))
    room = max(0, CITATIONS - len(first))
    denial = _denial(query, hits)
    if denial and not any(_denies(quote) for quotes in first.values() for quote in quotes):
        further = [denial, *(quote for quote in further if quote[0] is not denial[0])]
        room = max(1, room)
        first.setdefault(denial[0].passage.article.article_id, [])
    for quote in [q for q in further if q[0].passage.article.article_id in first][:room]:
        first[quote[0].passage.article.article_id].append(quote)
    return [quote for quotes in first.values() for quote in quotes]


def _silent(
    speaking: Sequence[tuple[Hit, WeighedSentence]],
    citations: Sequence[Citation],
    sources: Collection[str],
) -> tuple[str, ...]:
    """Return the sources in which nothing comes near the best, whether or not it fits the reply."""
    heard = {hit.passage.article.source for hit, _ in speaking}
    heard |= {copy.article.source for hit, _ in speaking for copy in hit.also_in}
    heard |= {citation.article.source for citation in citations}
    return tuple(source for source in sources if source not in heard)


def _answering(hit: Hit, best: WeighedSentence) -> tuple[WeighedSentence, ...]:
    """Return the sentences to highlight: the best one, and what comes as close as not to matter."""
    text = hit.passage.article.text
    return tuple(
        s
        for s in hit.sentences
        if s is best
        or (s.evidence >= _ALSO_ANSWERS * best.evidence and not is_heading(text[slice(*s.span)]))
    )


def _denial(query: str, hits: Sequence[Hit]) -> Quote | None:
    """Return the best denial there is, if the question can be denied."""
    if not differences.can_be_denied(query):
        return None
    found = [
        (hit, sentence)
        for hit in hits
        for sentence in hit.sentences
        if sentence.cosine >= _DENIAL_COSINE
        and sentence.covered >= _DENIAL_COVERED
        and differences.denies(hit.passage.article.text[slice(*sentence.span)])
    ]
    if not found:
        return None
    hit, sentence = max(found, key=lambda pair: pair[1].evidence)
    return hit, (sentence,), ()


def _denies(quote: Quote) -> bool:
    """Say whether a highlighted sentence denies something."""
    hit, answering, _ = quote
    text = hit.passage.article.text
    return any(differences.denies(text[slice(*sentence.span)]) for sentence in answering)


def _added_as_copy(chosen: dict[str, list[Quote]], hit: Hit, best: WeighedSentence) -> bool:
    """Put the hit beside a quote of another article that says the same in the same words."""
    article = hit.passage.article
    words = lexical.terms(article.text[slice(*best.span)])
    for article_id, quotes in chosen.items():
        for i, (original, answering, copies) in enumerate(quotes):
            theirs = lexical.terms(original.passage.article.text[slice(*answering[0].span)])
            if article_id != article.article_id and ranking.near_duplicate(words, theirs):
                if article not in (copy.article for copy in copies):
                    quotes[i] = (original, answering, (*copies, Passage(article, *best.span)))
                return True
    return False


def _cite(
    number: int,
    query: str,
    best: float,
    hit: Hit,
    answering: Sequence[WeighedSentence],
    copies: tuple[Passage, ...],
) -> Citation:
    passage = hit.passage
    text = passage.article.text
    highlights = _merged(
        with_speaker(text, sentence.span, passage.article.language) for sentence in answering
    )
    plain = [
        values[0].span
        for sentence in answering
        if (values := differences.answer_values(query, text, *sentence.span))
        and (values[0].kind is not Kind.NAME or sentence.evidence >= _COMPARABLE * best)
    ]
    return Citation(
        number,
        passage.article,
        min(passage.start, highlights[0][0]),
        max(passage.end, highlights[-1][1]),
        highlights,
        tuple(plain),
        copies,
    )


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return spans in order, those that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _statements(chosen: Sequence[Quote]) -> list[Statement]:
    best = _best_evidence(chosen)
    return [
        Statement(number, hit.passage.article, sentence.span, sentence.covered)
        for number, (hit, answering, _) in enumerate(chosen, 1)
        for sentence in answering
        if sentence.evidence >= _COMPARABLE * best
        or differences.denies(hit.passage.article.text[slice(*sentence.span)])
    ]


def _best_evidence(chosen: Sequence[Quote]) -> float:
    return max((s.evidence for _, answering, _ in chosen for s in answering), default=0.0)
