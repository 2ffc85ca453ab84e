"""A query to ranked Hits: dense and lexical search, fused."""

from collections.abc import Collection
from datetime import date

import numpy as np
from numpy.typing import NDArray

from qa import chunking, lexical, ranking
from qa.datatypes import Hit
from qa.errors import QueryError
from qa.store import Store

Vector = NDArray[np.float32]

MAX_QUERY_LENGTH = 2_000
"""Characters; beyond it the model would read only the beginning."""
_CANDIDATES = 100


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


def retrieve(
    store: Store,
    query: str,
    vector: Vector,
    k: int = 5,
    outlets: Collection[str] | None = None,
    since: date | None = None,
    until: date | None = None,
    max_tokens: int | None = None,
) -> list[Hit]:
    """Rank passages for a query.

    Args:
        store: Where to search.
        query: A question or key words, as `check_query` returned it.
        vector: Its unit vector, float32 of shape ``(dimension,)``.
        k: Most hits to return, at least 1.
        outlets: Only articles of these outlets (case does not matter).
        since: Only articles published on this day or later; undated ones are left out.
        until: Only articles published on this day or earlier; undated ones are left out.
        max_tokens: Most tiktoken tokens (cl100k_base) of all returned passages together. A passage
            that does not fit is passed over, never cut.

    Returns:
        At most `k` hits, best first; none if nothing is left to search.

    Raises:
        QueryError: `k` or `max_tokens` cannot be used.
    """
    if k < 1:
        raise QueryError(f"k is {k}; it must be 1 or more.")
    if max_tokens is not None and max_tokens < 1:
        raise QueryError(f"max_tokens is {max_tokens}; it must be 1 or more.")
    filtered = not (outlets is None and since is None and until is None)
    found = store.candidates(
        vector,
        lexical.terms(query),
        max(k, _CANDIDATES),
        store.select(outlets, since, until) if filtered else None,
    )
    known = store.passages(found.rows.tolist())
    kept = np.array([row in known for row in found.rows.tolist()], dtype=bool)
    passages = [known[row] for row in found.rows[kept].tolist()]
    dense, lexical_scores = found.dense[kept], found.lexical[kept]
    scores = ranking.fuse(dense, lexical_scores)
    hits: list[Hit] = []
    for position in ranking.order(scores, [passage.passage_id for passage in passages]):
        if len(hits) == k:
            break
        passage = passages[position]
        if max_tokens is not None:
            tokens = chunking.count_tokens(passage.text)
            if tokens > max_tokens:
                continue
            max_tokens -= tokens
        hits.append(
            Hit(
                rank=len(hits) + 1,
                score=float(scores[position]),
                passage=passage,
                dense=float(dense[position]),
                lexical=float(lexical_scores[position]),
            )
        )
    return hits
