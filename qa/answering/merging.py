"""Merging hits of duplicate articles: the same words are shown once, with the other articles."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from qa.index.duplicates import original_first
from qa.records import Article, Hit, Passage
from qa.text.shingles import contains_most_of
from qa.text.terms import index_terms


def merge_near_duplicates(hits: Sequence[Hit], stories: Mapping[str, int]) -> list[Hit]:
    """Return hits, best first, in which near duplicates stand beside the passage they repeat.

    The passage of the original is shown, in the place of the best of them. Words that only a near
    duplicate has stay a hit of their own.

    Args:
        hits: The hits, best first.
        stories: The story of each article, by id: near duplicates have the same.
    """
    kept: list[Hit] = []
    heads: dict[int, list[int]] = {}
    for hit in hits:
        earlier = heads.setdefault(stories[hit.passage.article.article_id], [])
        at = next((i for i in earlier if _repeats(hit, kept[i])), None)
        if at is None:
            earlier.append(len(kept))
            kept.append(hit)
        else:
            kept[at] = _with_near_duplicate(kept[at], hit)
    return kept


def add_exact_duplicates(
    hits: Sequence[Hit], articles: Mapping[str, Sequence[Article]]
) -> list[Hit]:
    """Return hits with the other articles that have the same text, or that of a near duplicate.

    Args:
        hits: The hits.
        articles: The articles with each text that are searched, by article id.
    """
    return [replace(hit, also_in=_also_in(hit, articles)) for hit in hits]


def _also_in(hit: Hit, articles: Mapping[str, Sequence[Article]]) -> tuple[Passage, ...]:
    shown = hit.passage.article
    return tuple(
        replace(passage, article=article)
        for passage in (_best(hit), *hit.also_in)
        for article in articles[passage.article.article_id]
        if article != shown and (article == passage.article or article.source != shown.source)
    )


def _repeats(hit: Hit, earlier: Hit) -> bool:
    """Return whether the best words of a hit stand in an earlier one, of another article."""
    if hit.passage.article == earlier.passage.article:
        return False
    return contains_most_of(_terms(_best(hit)), _terms(earlier.passage))


def _with_near_duplicate(hit: Hit, other: Hit) -> Hit:
    """Return the hit with a near duplicate beside it; the one published first is the hit."""
    first, _ = original_first([hit.passage.article, other.passage.article])
    if first == other.passage.article and contains_most_of(
        _terms(_best(hit)), _terms(other.passage)
    ):
        hit, other = replace(other, score=hit.score, also_in=hit.also_in), hit
    if other.passage.article in (passage.article for passage in hit.also_in):
        return hit
    return replace(hit, also_in=(*hit.also_in, _best(other)))


def _best(hit: Hit) -> Passage:
    """Return the best sentence of a hit; the passage, where the sentences are not scored."""
    best = max(hit.sentences, key=lambda sentence: sentence.score, default=None)
    return best.passage if best else hit.passage


def _terms(passage: Passage) -> list[str]:
    return index_terms(passage.text, passage.article.language)
