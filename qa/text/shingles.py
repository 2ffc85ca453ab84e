"""Near duplicates: two texts that are the same but for small edits, judged by their shingles.

A shingle is a run of consecutive terms. After Broder, "On the Resemblance and Containment of
Documents" (1997).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

# Share of the shingles that two near duplicates have in common.
_SAME = 0.5


def shingles(terms: Sequence[str], size: int = 3) -> frozenset[tuple[str, ...]]:
    """Return the distinct runs of `size` terms; fewer terms than that make one short run."""
    found = frozenset(zip(*(terms[i:] for i in range(size)), strict=False))
    return found or frozenset([tuple(terms)])


def resemblance(one: AbstractSet[object], other: AbstractSet[object]) -> float:
    """Return the share of all shingles of two texts that both have, 0 to 1."""
    return len(one & other) / max(1, len(one | other))


def containment(part: AbstractSet[object], whole: AbstractSet[object]) -> float:
    """Return the share of the shingles of `part` that `whole` has too, 0 to 1."""
    return len(part & whole) / max(1, len(part))


def near_duplicate(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether two texts, given as their terms, are the same but for small edits.

    Two texts that state different figures are not near duplicates.
    """
    same = resemblance(shingles(one), shingles(other)) >= _SAME
    return same and not _state_different_figures(one, other)


def contains_most_of(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Return whether most of `part` is contained in `whole`, both given as their terms.

    As for `near_duplicate`, texts that state different figures do not contain each other.
    """
    same = containment(shingles(part), shingles(whole)) >= _SAME
    return same and not _state_different_figures(part, whole)


def _state_different_figures(one: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether each text states a figure the other lacks: "nine" for 9 is no figure."""
    ours = {term for term in one if term[:1].isdigit()}
    theirs = {term for term in other if term[:1].isdigit()}
    return bool(ours - theirs) and bool(theirs - ours)
