"""An answer as plain data: the JSON that programs read, and what evidence packs are made of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from qa.records import Answer, Citation, Passage, Scope, Span, StatedValue

Json = dict[str, Any]
_ANSWER = ("question", "query", "carried_over", "abstained")
_CITATION = ("number", "quote", "start", "end", "place", "lines", "pages")
_ARTICLE = "article_id file_sha256 path title outlet author published url language".split()


def answer_to_json(answer: Answer) -> Json:
    """Return an answer as a dict that `json.dumps` accepts.

    Offsets count Unicode characters of the article's text, half-open. Days are written as
    2025-12-17.

    Returns:
        ``question``, ``query``, ``carried_over``, ``scope`` (``outlets``, ``since``, ``until``,
        ``paths``), ``abstained``, ``confidence``, ``citations``, ``nearest`` (citations as well),
        ``by_outlet`` (the numbers of each outlet's citations), ``differences`` (``kind``, and
        ``values`` with ``path``, ``citations``, ``start``, ``end``, ``text``) and ``silent`` (the
        sources without quotes).
        A citation has ``number``, ``quote``, ``start``, ``end``, ``highlights`` and ``answers``
        (each with ``start``, ``end``, ``text``), ``also_in`` (the same, with ``path`` and
        ``source``), ``place``, ``lines``, ``pages`` and ``article``.
    """
    found = {
        **{name: getattr(answer, name) for name in _ANSWER},
        "scope": asdict(answer.scope),
        "confidence": round(answer.confidence, 4),
        "citations": [_citation(citation) for citation in answer.citations],
        "nearest": [_citation(citation) for citation in answer.nearest],
        "by_outlet": {
            source: [citation.number for citation in citations]
            for source, citations in answer.by_outlet.items()
        },
        "differences": [
            {"kind": difference.kind, "values": [_value(value) for value in difference.values]}
            for difference in answer.differences
        ],
        "silent": answer.sources_without_quotes,
    }
    # Tuples become lists, and days text, as a program that reads the JSON gets them.
    plain: Json = json.loads(json.dumps(found, default=str))
    return plain


def describe(scope: Scope) -> str:
    """Return the conditions of a search as text; empty if there are none."""
    parts = [
        ", ".join(scope.outlets or ()),
        f"since {scope.since}" if scope.since else "",
        f"until {scope.until}" if scope.until else "",
        ", ".join(scope.paths or ()),
    ]
    return "; ".join(filter(None, parts))


def split(
    text: str, span: Span, marks: Mapping[str, Sequence[Span]]
) -> list[tuple[list[str], str]]:
    """Cut a stretch of text wherever a mark begins or ends.

    Args:
        text: The whole text.
        span: The stretch of it.
        marks: Spans of the text, by name of the mark.

    Returns:
        The parts in order, each with the names of its marks.
    """
    start, end = span
    edges = {edge for spans in marks.values() for pair in spans for edge in pair}
    cuts = sorted({start, end} | {edge for edge in edges if start < edge < end})
    return [
        ([name for name in marks if any(a <= left < b for a, b in marks[name])], text[left:right])
        for left, right in pairwise(cuts)
    ]


def _citation(citation: Citation) -> Json:
    article = citation.article
    return {
        **{name: getattr(citation, name) for name in _CITATION},
        "highlights": [_slice(Passage(article, *span)) for span in citation.highlights],
        "answers": [_slice(Passage(article, *span)) for span in citation.answers],
        "also_in": [
            _slice(passage, path=passage.article.path, source=passage.article.source)
            for passage in citation.also_in
        ],
        "article": {name: getattr(article, name) for name in _ARTICLE}
        | {"origins": dict(article.origins)},
    }


def _value(value: StatedValue) -> Json:
    return _slice(value.passage, path=value.passage.article.path, citations=value.citations)


def _slice(passage: Passage, **more: object) -> Json:
    return {**more, "start": passage.start, "end": passage.end, "text": passage.text}
