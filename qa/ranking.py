"""Pure functions over scores: fusion, order, and what they say about an answer."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

DENSE_WEIGHT = 0.6
"""Share of the cosine in the fused score; the rest is BM25. Measured by benchmarks/quality.py."""

COVERAGE_WEIGHT = 0.5
"""Worth of a fully covered question beside a cosine of 1, when sentences are compared."""

# Logistic regression on the best sentence, made by benchmarks/calibrate.py.
_INTERCEPT, _COSINE, _COVERAGE = -4.0, 8.0, 2.0
ABSTAIN_BELOW = 0.2


def fuse(dense: Scores, lexical: Scores, weight: float = DENSE_WEIGHT) -> Scores:
    """Fuse two scores of the same candidates into one, 0 to 1.

    A convex combination: cosine scaled to the range it has here, BM25 to its maximum here (its
    least is 0 by nature). Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid
    Retrieval", 2023, find it ahead of fusion by rank. Good for order within one question; it says
    nothing of whether there is an answer.

    Args:
        dense: Cosines, shape ``(n,)``.
        lexical: BM25 scores, shape ``(n,)``.
        weight: Share of `dense`, 0 to 1.

    Returns:
        Scores, float32, shape ``(n,)``.
    """
    if not len(dense):
        return dense
    low, high = float(dense.min()), float(dense.max())
    scaled = (dense - low) / (high - low) if high > low else np.ones_like(dense)
    top = float(lexical.max())
    fused = weight * scaled + (1 - weight) * (lexical / top if top > 0 else lexical)
    return fused.astype(np.float32)


def order(scores: Sequence[float] | Scores, keys: Sequence[str]) -> list[int]:
    """Return positions by falling score; equal scores by key, so that every run agrees."""
    return sorted(range(len(keys)), key=lambda i: (-float(scores[i]), keys[i]))


def inverse_document_frequency(frequency: int, total: int) -> float:
    """Return the weight of a term that stands in `frequency` of `total` passages (Lucene's form)."""
    return math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))


def coverage(wanted: dict[str, float], found: Iterable[str]) -> float:
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

    It reads the raw evidence of the best sentence. A score scaled within one question cannot say
    "nothing here": something is always the best of it.

    Args:
        cosine: Of the question and the best sentence.
        covered: Share of the question's term weight in that sentence, 0 to 1.
    """
    return 1 / (1 + math.exp(-(_INTERCEPT + _COSINE * cosine + _COVERAGE * covered)))
