"""Scores: fusion, order, and how well a sentence or the articles as a whole answer a question."""

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]

DENSE_WEIGHT = 0.8
"""Share of the cosine in the fused score; the rest is BM25. docs/decisions/0003-fusion.md."""

COVERAGE_WEIGHT = 0.5
"""Weight of full term coverage beside a cosine of 1, when sentences are compared."""

# Weight of a value of the kind that is asked for: a date for "when", an amount for "how much".
_VALUE_WEIGHT = 0.15

# Weight of the best sentence's score beside the fused score of its passage. A question is answered
# by a sentence; a claim or key words are about a subject, which a whole passage shows better.
_SENTENCE_WEIGHT_QUESTION, _SENTENCE_WEIGHT_OTHER = 0.4, 0.2
_QUESTION = re.compile(
    r"\W*(?:(?:and|but|so|or|in|on|at|by|for|to|from|of|with|under|since|until) )*(?:who|whom|whose"
    r"|what|when|where|which|why|how|is|are|was|were|do|does|did|has|have|had|can|could|will|would"
    r"|should|may|might)\b",
    re.IGNORECASE,
)

# Logistic regression on halves of SQuAD 2 and ClapNQ, made by benchmarks/calibrate.py.
_INTERCEPT = -5.84
_WEIGHTS = (5.07, 2.72, 1.19, 1.33)
ABSTAIN_BELOW = 0.04
"""Low on purpose: hiding an answer is worse than showing a passage that does not answer. The table
behind it is in docs/quality.md."""


def fuse(dense: Scores, lexical: Scores, weight: float = DENSE_WEIGHT) -> Scores:
    """Fuse two scores of the same candidates into one, at most 1; higher is better.

    A convex combination of the cosine and of BM25 scaled to its maximum for this question; after
    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2023). It orders
    passages for one question and does not show whether there is an answer.

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


def sentence_score(cosine: float, coverage: float, *, has_value: bool = False) -> float:
    """Return how well a sentence answers, for comparison with others; higher is better.

    Args:
        cosine: Cosine of question and sentence.
        coverage: Share of the question's term weight that the sentence covers, 0 to 1.
        has_value: Whether it states a value of the kind that is asked for.
    """
    return cosine + COVERAGE_WEIGHT * coverage + _VALUE_WEIGHT * has_value


def sentence_weight(question: str) -> float:
    """Return the weight of the best sentence's score beside the fused score of its passage."""
    is_question = question.rstrip().endswith("?") or _QUESTION.match(question)
    return _SENTENCE_WEIGHT_QUESTION if is_question else _SENTENCE_WEIGHT_OTHER


def confidence(nearest: float, cosine: float, coverage: float, passage_coverage: float) -> float:
    """Return the estimated probability that the articles answer, 0 to 1.

    It uses scores that compare between questions: a score scaled within one question always has a
    best passage, and so cannot show that there is no answer.

    Args:
        nearest: Cosine of the question and the nearest passage.
        cosine: Cosine of the question and the best sentence.
        coverage: Share of the question's term weight in that sentence, 0 to 1.
        passage_coverage: The largest such share in any passage.
    """
    features = (nearest, cosine, coverage, passage_coverage)
    score = sum(w * x for w, x in zip(_WEIGHTS, features, strict=True))
    return 1 / (1 + math.exp(-(_INTERCEPT + score)))
