"""Measures of rankings and of silence. Pure."""

from collections.abc import Sequence

import numpy as np


def hit_at(relevant: Sequence[bool], k: int) -> float:
    """Return 1 if one of the first `k` of a ranking is relevant, else 0."""
    return float(any(relevant[:k]))


def reciprocal_rank(relevant: Sequence[bool], k: int = 10) -> float:
    """Return 1 / rank of the first relevant one among the first `k`, else 0."""
    return next((1 / (i + 1) for i, found in enumerate(relevant[:k]) if found), 0.0)


def average_precision(relevant: Sequence[bool]) -> float:
    """Return the mean of the precision at each relevant one; 0 if there is none."""
    found = np.flatnonzero(relevant)
    return float(np.mean(np.arange(1, len(found) + 1) / (found + 1))) if len(found) else 0.0


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float | None:
    """Return the chance that one of `higher` is above one of `lower`, ties as half.

    None if either is empty. It is the area under the ROC curve; after Hanley and McNeil (1982).
    """
    if not len(higher) or not len(lower):
        return None
    above = np.subtract.outer(higher, lower)
    return float(np.mean(above > 0) + np.mean(above == 0) / 2)
