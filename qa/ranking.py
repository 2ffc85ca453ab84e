"""Pure functions over scores: fusion, order, and what they say about an answer."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

DENSE_WEIGHT = 0.77
"""Share of the cosine in the fused score; the rest is BM25. docs/decisions/0003-fusion.md."""

COVERAGE_WEIGHT = 0.5
"""Worth of a fully covered question beside a cosine of 1, when sentences are compared."""

SENTENCE_WEIGHT = 0.2
"""Worth of the best sentence's evidence beside the fused score of its passage."""

# Logistic regression on SQuAD 2 and ClapNQ, made by benchmarks/calibrate.py.
_INTERCEPT, _COSINE, _COVERAGE = -6.51, 8.87, 2.95
ABSTAIN_BELOW = 0.015
"""Low on purpose: to hide an answer is worse than to show what does not answer. The table behind it
is in docs/quality.md."""


def fuse(dense: Scores, lexical: Scores, weight: float = DENSE_WEIGHT) -> Scores:
    """Fuse two scores of the same candidates into one, at most 1; higher is better.

    A convex combination of the cosine as it is and BM25 scaled to its maximum for this query; after
    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2023). It orders
    passages within one query and says nothing of whether there is an answer.

    Args:
        dense: Cosines, shape ``(n,)``.
        lexical: BM25 scores, shape ``(n,)``.
        weight: Share of `dense`, 0 to 1.

    Returns:
        Scores, float32, shape ``(n,)``.
    """
    top = float(lexical.max(initial=0))
    scaled = lexical / top if top > 0 else lexical
    return (weight * dense + (1 - weight) * scaled).astype(np.float32)


def order(scores: Sequence[float] | Scores, keys: Sequence[str]) -> list[int]:
    """Return positions by falling score; equal scores by key, so that every run agrees."""
    return sorted(range(len(keys)), key=lambda i: (-float(scores[i]), keys[i]))


def inverse_document_frequency(frequency: int, total: int) -> float:
    """Return the weight of a term in `frequency` of `total` passages (Lucene's form)."""
    return math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def coverage(wanted: Mapping[str, float], found: Iterable[str]) -> float:
    """Return the share of the question's term weight that a text covers, 0 to 1.

    Args:
        wanted: Weight of each term of the question.
        found: Terms of the text.
    """
    total = sum(wanted.values())
    return sum(wanted[term] for term in set(found) & wanted.keys()) / total if total else 0.0


def evidence(cosine: float, covered: float) -> float:
    """Return how well one sentence answers, for comparison with others; higher is better."""
    return cosine + COVERAGE_WEIGHT * covered


def confidence(cosine: float, covered: float) -> float:
    """Return the calibrated probability that the articles answer, 0 to 1.

    It reads raw evidence. A score scaled within one question cannot say "nothing here": something
    is always the best of it.

    Args:
        cosine: Of the question and the nearest passage.
        covered: Share of the question's term weight in the best sentence, 0 to 1.
    """
    return 1 / (1 + math.exp(-(_INTERCEPT + _COSINE * cosine + _COVERAGE * covered)))
