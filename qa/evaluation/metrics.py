"""Measures of rankings and of abstention."""

from collections.abc import Sequence

import numpy as np


def reciprocal_rank(relevant: Sequence[bool], k: int = 10) -> float:
    """Return 1 / rank of the first relevant one among the first `k`, else 0."""
    return next((1 / (i + 1) for i, found in enumerate(relevant[:k]) if found), 0.0)


def auroc(higher: Sequence[float], lower: Sequence[float]) -> float | None:
    """Return the chance that one of `higher` is above one of `lower`, ties as half.

    None if either is empty. It is the area under the ROC curve; after Hanley and McNeil (1982).
    """
    if not len(higher) or not len(lower):
        return None
    above = np.subtract.outer(higher, lower)
    return float(np.mean(above > 0) + np.mean(above == 0) / 2)
