"""A query to ranked Hits: dense and lexical search, fused, ranked again by their sentences."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qa import chunking, lexical, ranking
from qa.datatypes import EVERYTHING, Hit, Passage, Scope, WeighedSentence
from qa.duplicates import original_first
from qa.embedding import Embedder
from qa.errors import QueryError
from qa.reranking import Reranker
from qa.store import Sentence, Store
from qa.values import Kind, asked_kind, states

Vector = NDArray[np.float32]

MAX_QUERY_LENGTH = 2_000
"""Characters; beyond it the model would read only the beginning."""
_CANDIDATES = 100
# How many of them are ranked again by their sentences.
_RERANKED = 30
# What earlier questions weigh beside the one asked now, in its vector and in its terms.
_CONTEXT_VECTOR, _CONTEXT_TERMS = 0.6, 0.4


class Query(NamedTuple):
    """What is searched for.

    Attributes:
        text: The question asked now.
        vector: Unit vector, float32 of shape ``(dimension,)``.
        terms: Weight of each index term, by the rules that articles' languages follow; see
            `qa.lexical.analyzer`.
    """

    text: str
    vector: Vector
    terms: dict[str, dict[str, float]]

    @property
    def all_terms(self) -> dict[str, float]:
        """The terms by any rules."""
        return {term: w for weights in self.terms.values() for term, w in weights.items()}


def check_query(query: str) -> str:
    """Return the query without surrounding white space.

    Raises:
        QueryError: It is empty, has no letter or digit, or is too long.
    """
    query = query.strip()
    if not query:
        raise QueryError("The question is empty. Ask one in words.")
    if len(query) > MAX_QUERY_LENGTH:
        raise QueryError(
            f"The question has {len(query):,} characters; at most {MAX_QUERY_LENGTH:,} can be "
            "searched for. Shorten it."
        )
    if not any(character.isalnum() for character in query):
        raise QueryError("There is no word in the question. Ask one in words.")
    return query


def make_query(
    embedder: Embedder, text: str, context: str = "", languages: Collection[str | None] = (None,)
) -> Query:
    """Return a question with the earlier ones that it leans on as a weaker second question.

    Appending the earlier question instead finds the earlier answer again; the figures are in
    docs/decisions/0006-follow-ups.md.

    Args:
        embedder: Makes the vector.
        text: As `check_query` returned it.
        context: The earlier questions, or nothing.
        languages: Of the articles; the question is read by the rules of each.
    """
    weights: dict[str, dict[str, float]] = {}
    for rules in sorted({lexical.analyzer(language) for language in languages}):
        language = rules or "?"  # none of those with a stemmer
        weights[rules] = dict.fromkeys(lexical.terms(context, language), _CONTEXT_TERMS)
        weights[rules] |= dict.fromkeys(lexical.terms(text, language), 1.0)
    if not context:
        return Query(text, embedder.embed_queries([text])[0], weights)
    own, earlier = embedder.embed_queries([text, context])
    mixed = own + _CONTEXT_VECTOR * earlier
    return Query(text, mixed / np.linalg.norm(mixed), weights)


def retrieve(
    store: Store,
    query: Query,
    k: int = 5,
    scope: Scope = EVERYTHING,
    max_tokens: int | None = None,
    reranker: Reranker | None = None,
) -> list[Hit]:
    """Rank passages for a query.

    Args:
        store: Where to search.
        query: See `make_query`.
        k: Most hits to return, at least 1.
        scope: Which articles to search.
        max_tokens: Most tiktoken tokens (cl100k_base) of all returned passages together. A passage
            that does not fit is passed over, never cut.
        reranker: Orders the best passages anew.

    Returns:
        At most `k` hits, best first; none if nothing is left to search.

    Raises:
        QueryError: `k` or `max_tokens` cannot be used.
    """
    if k < 1:
        raise QueryError(f"k is {k}; it must be 1 or more.")
    if max_tokens is not None and max_tokens < 1:
        raise QueryError(f"max_tokens is {max_tokens}; it must be 1 or more.")
    found = store.candidates(query.vector, query.all_terms, max(k, _CANDIDATES), scope)
    fused = ranking.fuse(found.dense, found.lexical)
    order = ranking.order(fused, found.passage_ids)
    blocks = [order[i : i + _RERANKED] for i in range(0, len(order), _RERANKED)]
    ranked: list[Hit] = []
    hits: list[Hit] = []
    for number, block in enumerate(blocks):
        known = store.passages([int(found.rows[i]) for i in block])
        drafts = [
            Hit(
                0,
                float(fused[i]),
                known[int(found.rows[i])],
                float(found.dense[i]),
                float(found.lexical[i]),
            )
            for i in block
            if int(found.rows[i]) in known  # it may have been dropped since
        ]
        ranked += _reranked(store, query, drafts, reranker) if number == 0 else drafts
        apart = _with_twins(store, _without_copies(store, ranked), scope)
        hits = _within(apart, k, max_tokens)
        if len(hits) == k:
            break  # the rest would come behind these: it is not worth reading
    return hits


def _within(hits: Sequence[Hit], k: int, max_tokens: int | None) -> list[Hit]:
    """Return the best `k` that fit in a budget of tokens, with their ranks."""
    fitting: list[Hit] = []
    for hit in hits:
        if len(fitting) == k:
            break
        if max_tokens is not None:
            tokens = chunking.count_tokens(hit.passage.text)
            if tokens > max_tokens:
                continue
            max_tokens -= tokens
        fitting.append(replace(hit, rank=len(fitting) + 1))
    return fitting


def _reranked(
    store: Store, query: Query, hits: Sequence[Hit], reranker: Reranker | None
) -> list[Hit]:
    """Return the hits in the order of their sentences' evidence, or of the reranker's scores."""
    frequencies, total = store.document_frequencies(query.all_terms)
    weights = {
        rules: {
            term: weight * ranking.inverse_document_frequency(frequencies[term], total)
            for term, weight in terms.items()
        }
        for rules, terms in query.terms.items()
    }
    kind = asked_kind(query.text)
    sentences = store.sentences([hit.passage for hit in hits], query.all_terms)
    weighed = [
        _weigh(hit, found, query, weights, kind) for hit, found in zip(hits, sentences, strict=True)
    ]
    if reranker and weighed:
        scores = reranker.scores(query.text, [chunking.searched_text(h.passage) for h in weighed])
        weighed = [replace(hit, score=float(s)) for hit, s in zip(weighed, scores, strict=True)]
    return _rank(weighed)


def _rank(hits: Sequence[Hit]) -> list[Hit]:
    scores = [hit.score for hit in hits]
    return [hits[i] for i in ranking.order(scores, [hit.passage.passage_id for hit in hits])]


def _without_copies(store: Store, hits: Sequence[Hit]) -> list[Hit]:
    """Return hits, best first, in which copies of an article stand beside what they repeat.

    The original's passage is shown, at the place of the best of them; what only a copy says stays a
    hit of its own.
    """
    groups = store.copies()
    if not groups:
        return list(hits)
    kept: list[Hit] = []
    heads: dict[frozenset[str], list[int]] = {}
    for hit in hits:
        group = groups.get(hit.passage.article.article_id)
        if group is None:
            kept.append(hit)
            continue
        at = next((i for i in heads.get(group, ()) if _repeats(hit, kept[i])), None)
        if at is None:
            heads.setdefault(group, []).append(len(kept))
            kept.append(hit)
        else:
            kept[at] = _with_copy(kept[at], hit)
    return kept


def _with_twins(store: Store, hits: Sequence[Hit], scope: Scope) -> list[Hit]:
    """Return hits with the articles beside them that have the very same text.

    Of those that are searched, the one that was told first is the hit.
    """
    twins = store.twins({hit.passage.article.article_id for hit in hits})
    found: list[Hit] = []
    for hit in hits:
        passage = hit.passage
        same = [passage.article, *twins.get(passage.article.article_id, ())]
        if len(same) == 1:
            found.append(hit)
            continue
        searched = [a for a in same if scope.holds(a.path, a.outlet, a.published)]
        first, *others = original_first(searched or same[:1])
        best = _best(hit)
        also = [replace(best, article=a) for a in others if a.source != first.source]
        shown = replace(passage, article=first)
        found.append(replace(hit, passage=shown, also_in=(*also, *hit.also_in)))
    return found


def _repeats(hit: Hit, earlier: Hit) -> bool:
    """Say whether what is best in a hit is said by an earlier one, of another article."""
    if hit.passage.article == earlier.passage.article:
        return False
    return ranking.repeats(_terms(hit, _best(hit)), _terms(earlier, earlier.passage))


def _with_copy(hit: Hit, copy: Hit) -> Hit:
    """Return the hit with a copy beside it, the one that was told first as the hit."""
    first, _ = original_first([hit.passage.article, copy.passage.article])
    if first == copy.passage.article and ranking.repeats(
        _terms(hit, _best(hit)), _terms(copy, copy.passage)
    ):
        copy = replace(copy, score=hit.score, also_in=hit.also_in)
        hit, copy = copy, hit
    if copy.passage.article in (passage.article for passage in hit.also_in):
        return hit
    return replace(hit, also_in=(*hit.also_in, _best(copy)))


def _best(hit: Hit) -> Passage:
    """Return the sentence of a hit that answers best; the passage, where they are not weighed."""
    best = max(hit.sentences, key=lambda s: s.evidence, default=None)
    return Passage(hit.passage.article, *best.span) if best else hit.passage


def _terms(hit: Hit, passage: Passage) -> list[str]:
    return lexical.terms(passage.text, hit.passage.article.language)


def _weigh(
    hit: Hit,
    found: Sequence[Sentence],
    query: Query,
    all_weights: Mapping[str, Mapping[str, float]],
    kind: Kind | None,
) -> Hit:
    """Return the hit with its sentences weighed, and the best one's evidence in its score."""
    text, language = hit.passage.article.text, hit.passage.article.language
    weights = all_weights.get(lexical.analyzer(language), {})
    sentences: list[WeighedSentence] = []
    for span, vector, terms in found:
        cosine = float(vector @ query.vector)
        covered = ranking.coverage(weights, terms)
        has_value = kind is not None and kind is not Kind.NAME and states(kind, text[slice(*span)])
        evidence = ranking.evidence(cosine, covered, has_value=has_value)
        sentences.append(WeighedSentence(span, cosine, covered, evidence))
    # Never below the fused score: what is not weighed must not come out ahead of what is.
    best = max((sentence.evidence for sentence in sentences), default=0.0)
    score = hit.score + ranking.sentence_weight(query.text) * max(0.0, best)
    covered = ranking.coverage(weights, {term for _, _, terms in found for term in terms})
    return replace(hit, score=score, covered=covered, sentences=tuple(sentences))
