"""One story told twice: which articles are copies of each other, and which came first.

The only importer of datasketch. A copy is an article that shares most of its words, in runs, with
another: an agency report with another headline, with paragraphs cut or added, lightly edited.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from qa.datatypes import Article
from qa.lexical import fold, words

RUN = 3
"""Words in a run (shingle)."""
CONTAINED = 0.4
"""Share of the shorter article's runs that a copy holds; docs/quality.md has the measurement."""
_FEWEST = 12
# Locality-sensitive hashing after Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets",
# chapter 3: articles that share a third of their runs fall into a common band with probability
# 1 - (1 - 1/27)^42 = .8, half of them .996; one in a hundred, .00004.
_BANDS, _ROWS = 42, 3
_SEED = 1
_AGENCY = re.compile(
    r"\((?P<a>reuters|ap|afp|dpa|efe|ansa|tass|interfax|bloomberg|upi|pa media|anadolu|aa|xinhua"
    r"|associated press)\)",
    re.IGNORECASE,
)
_NAMES = {
    "ap": "associated press",
    "aa": "anadolu",
    "afp": "agence france-presse",
}


def runs(article: Article) -> frozenset[int]:
    """Return the runs of `RUN` words in an article's story, as 64-bit hashes."""
    story, position = "", 0
    for start, end in sorted(article.boilerplate):
        story += article.text[position:start]
        position = max(position, end)
    found = words(fold(story + article.text[position:]))
    return frozenset(
        _hash(" ".join(found[i : i + RUN])) for i in range(max(1, len(found) - RUN + 1))
    )


def bands(found: Iterable[int]) -> list[int]:
    """Return the bands of a set of runs, as signed 64-bit numbers; copies share one or more."""
    from datasketch import MinHash  # most of a second: only when something new is indexed

    sketch = MinHash(num_perm=_BANDS * _ROWS, seed=_SEED, hashfunc=lambda run: run & 0xFFFFFFFF)
    sketch.update_batch(list(found))
    values = np.asarray(sketch.hashvalues, dtype="<u8").reshape(_BANDS, _ROWS)
    return [
        int.from_bytes(
            hashlib.blake2b(bytes([band]) + row.tobytes(), digest_size=8).digest(), signed=True
        )
        for band, row in enumerate(values)
    ]


def is_copy(one: frozenset[int], other: frozenset[int]) -> bool:
    """Say whether two articles, given as their runs, tell one story in one wording.

    By containment, not resemblance, so that a shortened copy is one; after Broder, "On the
    Resemblance and Containment of Documents" (1997).
    """
    shorter = min(len(one), len(other))
    return shorter >= _FEWEST and len(one & other) >= CONTAINED * shorter


def original_first(articles: Iterable[Article]) -> list[Article]:
    """Return copies of one story in the order in which they were told.

    First the one whose outlet is the agency that the others name, then by day, undated ones last,
    then the longer one, then by path.
    """
    copies = list(articles)
    agencies = {
        _NAMES.get(name, name)
        for article in copies
        for match in _AGENCY.finditer(article.text)
        for name in [match["a"].casefold()]
    }

    def key(article: Article) -> tuple[bool, date, int, str]:
        outlet = (article.outlet or "").casefold().removeprefix("the ")
        is_original = _NAMES.get(outlet, outlet) in agencies
        return not is_original, article.published or date.max, -len(article.text), article.path

    return sorted(copies, key=key)


def components(pairs: Sequence[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return for each article that has a copy the whole group of them, itself included."""
    group: dict[str, set[str]] = {}
    for one, other in pairs:
        joined = group.get(one, {one}) | group.get(other, {other})
        for member in joined:
            group[member] = joined
    frozen = {id(members): frozenset(members) for members in group.values()}
    return {member: frozen[id(members)] for member, members in group.items()}


def _hash(run: str) -> int:
    return int.from_bytes(hashlib.blake2b(run.encode(), digest_size=8).digest())
