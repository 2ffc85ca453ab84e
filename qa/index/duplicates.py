"""Near duplicates among articles: finding them while indexing, and which was published first.

The only importer of datasketch. Two articles are near duplicates if they share most of their
words, in order: a news agency's report with another headline, with paragraphs cut or added, or
lightly edited.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from datetime import date

import numpy as np

from qa.records import Article
from qa.text.shingles import shingles
from qa.text.terms import fold, words

CONTAINED = 0.4
"""Share of the shorter article's shingles that a near duplicate contains; measured in
docs/quality.md."""
_FEWEST_SHINGLES = 12
# Locality-sensitive hashing after Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets",
# chapter 3: articles that share a third of their shingles fall into a common band with probability
# 1 - (1 - 1/27)^42 = .8, half of them .996; one in a hundred, .00004.
_BANDS, _ROWS = 42, 3
_SEED = 1
_AGENCY = re.compile(
    r"\((?P<agency>reuters|ap|afp|dpa|efe|ansa|tass|interfax|bloomberg|upi|pa media|anadolu|aa"
    r"|xinhua|associated press)\)",
    re.IGNORECASE,
)
_FULL_NAMES = {"ap": "associated press", "aa": "anadolu", "afp": "agence france-presse"}


def story_shingles(article: Article) -> frozenset[int]:
    """Return the shingles of the words in an article's story, as 64-bit hashes."""
    story, position = "", 0
    for start, end in sorted(article.boilerplate):
        story += article.text[position:start]
        position = max(position, end)
    found = shingles(words(fold(story + article.text[position:])))
    digests = (hashlib.blake2b(" ".join(s).encode(), digest_size=8).digest() for s in found)
    return frozenset(map(int.from_bytes, digests))


def bands(hashes: Iterable[int]) -> list[int]:
    """Return the bands of a set of shingles, as signed 64-bit numbers.

    Near duplicates share at least one band.
    """
    from datasketch import MinHash  # its import takes most of a second

    sketch = MinHash(num_perm=_BANDS * _ROWS, seed=_SEED, hashfunc=lambda h: h & 0xFFFFFFFF)
    sketch.update_batch(list(hashes))
    values = np.asarray(sketch.hashvalues, dtype="<u8").reshape(_BANDS, _ROWS)
    return [
        int.from_bytes(
            hashlib.blake2b(bytes([band]) + row.tobytes(), digest_size=8).digest(), signed=True
        )
        for band, row in enumerate(values)
    ]


def are_near_duplicates(one: frozenset[int], other: frozenset[int]) -> bool:
    """Return whether two articles, given as their shingles, are versions of one report.

    By containment, not resemblance, so that a shortened copy counts; after Broder, "On the
    Resemblance and Containment of Documents" (1997).
    """
    shorter = min(len(one), len(other))
    return shorter >= _FEWEST_SHINGLES and len(one & other) >= CONTAINED * shorter


def original_first(articles: Iterable[Article]) -> list[Article]:
    """Return duplicates in the order in which they were probably published.

    First the one whose outlet is the agency that the others name, then by day, undated ones last,
    then the longer one, then by path.
    """
    copies = list(articles)
    if len(copies) == 1:
        return copies
    agencies = {
        _FULL_NAMES.get(name, name)
        for article in copies
        for match in _AGENCY.finditer(article.text)
        for name in [match["agency"].casefold()]
    }

    def key(article: Article) -> tuple[bool, date, int, str]:
        outlet = (article.outlet or "").casefold().removeprefix("the ")
        is_original = _FULL_NAMES.get(outlet, outlet) in agencies
        return not is_original, article.published or date.max, -len(article.text), article.path

    return sorted(copies, key=key)


def connected(numbers: Collection[int], pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return for each number the smallest one that it is connected with by pairs."""
    parents = {number: number for number in numbers}

    def root(number: int) -> int:
        while (parent := parents.setdefault(number, number)) != number:
            parents[number] = parents[parent]  # halves the way for the next time
            number = parent
        return number

    for one, other in pairs:
        parents[max(root(one), root(other))] = min(root(one), root(other))
    return {number: root(number) for number in numbers}
