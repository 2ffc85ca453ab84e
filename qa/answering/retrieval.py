"""A question to ranked hits: candidates, scored again by their sentences, duplicates merged."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from qa.answering import ranking
from qa.answering.merging import add_exact_duplicates, merge_near_duplicates
from qa.answering.question import AnalyzedQuestion
from qa.errors import QueryError
from qa.index.bm25 import inverse_document_frequency
from qa.index.duplicates import original_first
from qa.index.rows import StoredPassage, Term
from qa.index.scopes import select
from qa.index.search import SearchIndexes
from qa.index.snapshot import Snapshot
from qa.models.reranker import Reranker
from qa.records import EVERYTHING, Article, Hit, Passage, ScoredSentence
from qa.text.chunking import count_tokens, searched_text
from qa.text.terms import rules_for
from qa.text.values import Kind, states

_CANDIDATES = 100
# Candidates that are ranked again by their sentences.
_RESCORED = 30
_MOST = 1_000_000_000  # hits, or tokens


def check_limits(k: object, max_tokens: object = None) -> None:
    """Check the limits of a search.

    Raises:
        QueryError: One of them is no whole number, or out of range.
    """
    limits = {"k": k} if max_tokens is None else {"k": k, "max_tokens": max_tokens}
    for name, value in limits.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise QueryError(f"{name} is {value!r}; it must be a whole number.")
        if not 1 <= value <= _MOST:
            raise QueryError(f"{name} is {value}; it must be from 1 to {_MOST:,}.")


def retrieve(
    snapshot: Snapshot,
    indexes: SearchIndexes,
    question: AnalyzedQuestion,
    k: int = 5,
    max_tokens: int | None = None,
    reranker: Reranker | None = None,
) -> list[Hit]:
    """Rank passages for a question.

    Args:
        snapshot: What is searched.
        indexes: Propose passages.
        question: The question.
        k: Most hits to return, at least 1.
        max_tokens: Most tiktoken tokens (cl100k_base) of all returned passages together. A passage
            that does not fit is left out; passages are never cut.
        reranker: Scores the best passages again.

    Returns:
        At most `k` hits, best first.

    Raises:
        QueryError: `k` or `max_tokens` is not valid.
    """
    check_limits(k, max_tokens)
    scope = question.asked.scope
    selection = None if scope == EVERYTHING else select(snapshot, scope)
    terms = snapshot.terms(question.all_weights)
    most = max(1, min(max(k, _CANDIDATES), snapshot.passage_count))
    found = indexes.candidates(
        snapshot, question.vector, question.all_weights, terms, most, selection
    )
    fused = ranking.fuse(found.dense, found.lexical)
    order = ranking.order(fused, [passage.passage_id for passage in found.passages])
    ranked: list[Hit] = []
    hits: list[Hit] = []
    articles: dict[str, list[Article]] = {}
    stories: dict[str, int] = {}
    start, size = 0, _RESCORED
    while start < len(order):
        block = order[start : start + size]
        passages = [found.passages[i] for i in block]
        by_text = snapshot.articles_with(passage.text_number for passage in passages)
        for number, story in snapshot.stories(by_text).items():
            same = by_text[number]
            searched = [a for a in same if selection is None or a.path in selection.paths]
            by_text[number] = articles[same[0].article_id] = original_first(searched)
            stories[same[0].article_id] = story
        drafts = [
            Hit(
                0,
                float(fused[i]),
                Passage(by_text[passage.text_number][0], *passage.span),
                float(found.dense[i]),
                float(found.lexical[i]),
            )
            for i, passage in zip(block, passages, strict=True)
        ]
        if start == 0:
            drafts = _rescored(snapshot, question, terms, drafts, passages)
            if reranker:
                drafts = _reranked(reranker, question, drafts)
        ranked += drafts
        merged = add_exact_duplicates(merge_near_duplicates(ranked, stories), articles)
        hits = _within_limits(merged, k, max_tokens)
        if len(hits) == k:
            break  # the rest would rank below these
        start, size = start + size, 2 * size
    return hits


def _within_limits(hits: Sequence[Hit], k: int, max_tokens: int | None) -> list[Hit]:
    """Return the best `k` hits that fit in a budget of tokens, with their ranks."""
    fitting: list[Hit] = []
    for hit in hits:
        if len(fitting) == k:
            break
        if max_tokens is not None:
            tokens = count_tokens(hit.passage.text)
            if tokens > max_tokens:
                continue  # a later one may be shorter
            max_tokens -= tokens
        fitting.append(replace(hit, rank=len(fitting) + 1))
    return fitting


def _rescored(
    snapshot: Snapshot,
    question: AnalyzedQuestion,
    terms: Mapping[str, Term],
    hits: Sequence[Hit],
    passages: Sequence[StoredPassage],
) -> list[Hit]:
    """Return the hits with their sentences scored, ordered by fused and best sentence score."""
    weights = {
        rules: _term_weights(own, terms, snapshot.passage_count)
        for rules, own in question.weights.items()
    }
    stored = snapshot.sentences([(p.text_number, p.span) for p in passages])
    cosines = (stored.vectors @ question.vector).tolist() if stored.spans else []
    sentences: list[list[ScoredSentence]] = [[] for _ in hits]
    covered: list[set[int]] = [set() for _ in hits]
    kind = None if question.kind is Kind.NAME else question.kind
    for owner, span, cosine, blob in zip(
        stored.owners, stored.spans, cosines, stored.terms, strict=True
    ):
        article = hits[owner].passage.article
        held = set(np.frombuffer(blob, dtype="<u4").tolist())
        covered[owner] |= held
        coverage = _coverage(weights.get(rules_for(passages[owner].language), {}), held)
        has_value = kind is not None and states(kind, article.text[slice(*span)])
        score = ranking.sentence_score(cosine, coverage, has_value=has_value)
        sentence = ScoredSentence(Passage(article, *span), cosine, coverage, score)
        sentences[owner].append(sentence)
    weight = ranking.sentence_weight(question.text)
    rescored = []
    for hit, passage, own, held in zip(hits, passages, sentences, covered, strict=True):
        # Never below the fused score: hits that are not scored again must not move ahead.
        best = max(0.0, max((sentence.score for sentence in own), default=0.0))
        coverage = _coverage(weights.get(rules_for(passage.language), {}), held)
        score = hit.score + weight * best
        rescored.append(Hit(0, score, hit.passage, hit.dense, hit.lexical, coverage, tuple(own)))
    return _ordered(rescored)


def _reranked(reranker: Reranker, question: AnalyzedQuestion, hits: Sequence[Hit]) -> list[Hit]:
    scores = reranker.scores(question.text, [searched_text(hit.passage) for hit in hits])
    return _ordered([replace(hit, score=float(s)) for hit, s in zip(hits, scores, strict=True)])


def _ordered(hits: Sequence[Hit]) -> list[Hit]:
    scores = [hit.score for hit in hits]
    return [hits[i] for i in ranking.order(scores, [hit.passage.passage_id for hit in hits])]


def _term_weights(
    weights: Mapping[str, float], terms: Mapping[str, Term], total: int
) -> dict[int, float]:
    """Return the weight of each term of the question, by number; unknown terms get numbers below 0.

    Unknown terms are part of the total that a sentence is compared with.
    """
    found: dict[int, float] = {}
    for unknown, (name, weight) in enumerate(weights.items(), 1):
        term = terms.get(name, Term(-unknown, 0))
        found[term.number] = weight * inverse_document_frequency(term.passages, total)
    return found


def _coverage(wanted: Mapping[int, float], held: set[int]) -> float:
    """Return the share of the question's term weight that a text covers, 0 to 1."""
    total = sum(wanted.values())
    return sum(w for number, w in wanted.items() if number in held) / total if total else 0.0
