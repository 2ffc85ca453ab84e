"""BM25 scores, from the terms that are stored with each passage."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

# The usual settings (Robertson and Zaragoza, 2009).
_K1, _B = 1.2, 0.75


def term_frequencies(texts: Sequence[bytes], terms: Sequence[int]) -> NDArray[np.int64]:
    """Return how often each term occurs in each text.

    Args:
        texts: The numbers of each text's terms, uint32 (see `qa.index.rows`).
        terms: Numbers of terms.

    Returns:
        Counts, int64 of shape ``(len(texts), len(terms))``.
    """
    numbers = np.frombuffer(b"".join(texts), dtype="<u4")
    owners = np.repeat(np.arange(len(texts)), [len(text) // 4 for text in texts])
    counts = np.zeros((len(texts), len(terms)), dtype=np.int64)
    for column, term in enumerate(terms):
        counts[:, column] = np.bincount(owners[numbers == term], minlength=len(texts))
    return counts


def inverse_document_frequency(passages: int, total: int) -> float:
    """Return the weight of a term that `passages` of `total` passages contain (Lucene's form)."""
    return math.log(1 + (total - passages + 0.5) / (passages + 0.5))


def bm25(
    texts: Sequence[bytes],
    weights: Mapping[int, float],
    passages: Mapping[int, int],
    total: int,
    mean_length: float,
) -> NDArray[np.float32]:
    """Return the BM25 scores of texts, float32 of shape ``(len(texts),)``.

    With Lucene's inverse document frequency: it stays above zero for a term that most
    passages contain, such as the subject of a folder. After Kamphuis et al., "Which BM25 Do You
    Mean?" (2020).

    Args:
        texts: As for `term_frequencies`.
        weights: How often each term counts.
        passages: Number of passages that contain each term.
        total: Number of passages.
        mean_length: Mean length of a passage, in terms.
    """
    terms = list(weights)
    counts = term_frequencies(texts, terms)
    lengths = np.array([len(text) // 4 for text in texts])
    norms = _K1 * (1 - _B + _B * lengths / mean_length) if mean_length else np.ones(len(texts))
    worth = [weights[t] * inverse_document_frequency(passages[t], total) for t in terms]
    scores: NDArray[np.float32] = (counts / (counts + norms[:, None]) @ np.array(worth)).astype(
        "f4"
    )
    return scores
