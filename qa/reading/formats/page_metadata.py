"""Title, outlet, author, day, address and language of a web page, each with its origin."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import lxml.html
import trafilatura
from trafilatura.metadata import extract_metadata

from qa.reading.metadata import NAMES, FieldValue, clean, names_in

_META_NAMES = ("property", "name", "itemprop", "http-equiv")
_ARTICLE_TYPES = re.compile(r"Article|BlogPosting|Report|Review$|LiveBlog")
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(https?://\S+)\s*-->")
_SEPARATOR = r"\s+(?:[-–—|•·»:]+|::)\s+"
_OUTLET_AT_END = re.compile(rf"{_SEPARATOR}([^|•·»]{{2,60}})$")
_LONGEST_NAME = 60


def read_metadata(page: str) -> list[FieldValue]:
    """Return what a page declares to search engines and browsers, and what it shows to readers."""
    tree = trafilatura.load_html(page)
    if tree is None:
        return []
    found = [*_from_json_ld(tree), *_from_meta(tree), *_from_page(tree, page)]
    titles = [value for field, value, _ in found if field == "title"]
    found += _cleaned([("outlet", _outlet_after_title(tree, titles))], "page")
    host = _host(next((value for field, value, _ in found if field == "url"), ""))
    if host:
        found.append(("outlet", host, "address"))
    outlets = {_letters(value) for field, value, _ in found if field == "outlet"}
    outlets |= {_letters(host.rsplit(".", 1)[0])} - {""}
    return [
        (field, _without_outlet(value, outlets) if field == "title" else value, origin)
        for field, value, origin in found
    ]


def _declared(values: Mapping[str, Any], table: str, origin: str) -> Iterator[FieldValue]:
    """Yield the values under the names in a table of ``field_names.toml``, in its order."""
    named = ((field, values.get(name)) for field, names in NAMES[table].items() for name in names)
    return _cleaned(named, origin)


def _cleaned(values: Iterable[tuple[str, object]], origin: str) -> Iterator[FieldValue]:
    """Yield the values that can be used; relative addresses and handles cannot."""
    for field, value in values:
        cleaned = clean(field, value) if value else None
        if cleaned and field in {"author", "outlet"}:
            cleaned = _name(cleaned)
        if cleaned and (field != "url" or cleaned.startswith("http")):
            yield field, cleaned, origin


def _from_json_ld(tree: lxml.html.HtmlElement) -> list[FieldValue]:
    nodes: list[dict[str, Any]] = []
    for script in tree.xpath('//script[@type="application/ld+json"]/text()'):
        with suppress(ValueError, RecursionError):
            nodes.extend(_objects(json.loads(str(script), strict=False)))
    by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str)}
    articles = (node for node in nodes if _ARTICLE_TYPES.search(str(node.get("@type"))))
    article = next(articles, {})  # the first is the page's; others are of teasers
    names = {key: names_in(article.get(key), by_id) for key in ("author", "publisher")}
    # Some pages write HTML entities into JSON, where they have no meaning.
    found = _declared(article | names, "json_ld", "JSON-LD")
    return [(field, unescape(value), origin) for field, value, origin in found]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a JSON value, an outer one before those in it."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


def _from_meta(tree: lxml.html.HtmlElement) -> Iterator[FieldValue]:
    tags = {"<html lang>": tree.xpath("string(//html/@lang)")}
    tags["<link rel=canonical>"] = tree.xpath('string(//link[@rel="canonical"]/@href)')
    for tag in tree.iter("meta"):
        name = next((tag.get(key) for key in _META_NAMES if tag.get(key)), None)
        if name and (content := (tag.get("content") or "").strip()):
            tags.setdefault(name.casefold(), content)
    return _declared(tags, "meta_tags", "meta tag")


def _from_page(tree: lxml.html.HtmlElement, page: str) -> Iterator[FieldValue]:
    """Return what trafilatura and htmldate find on the page itself.

    Its name for the site is left out, since that is often a slogan; so are dates outside the usual
    places.
    """
    saved = _SAVED_FROM.search(page[:2_000])
    seen = extract_metadata(tree, extensive=False).as_dict()
    headings = [" ".join(str(h.text_content()).split()) for h in tree.iter("h1")]
    if len(headings) == 1:
        seen["title"] = headings[0] or seen["title"]
    if saved:
        seen["url"] = saved[1]
    return _declared(seen, "page", "page")


def _outlet_after_title(tree: lxml.html.HtmlElement, titles: Iterable[str]) -> str:
    """Return what follows the article's title in the window's: usually the outlet."""
    whole = " ".join((tree.findtext(".//title") or "").split())
    for title in titles:
        rest = whole[len(title) :] if whole.casefold().startswith(title.casefold()) else ""
        if re.match(_SEPARATOR, rest):
            name = re.split(_SEPARATOR, rest)[-1].strip()
            return name if 2 <= len(name) <= _LONGEST_NAME else ""
    return ""


def _name(value: str) -> str:
    """Return a name without the slogans after it; an empty string for a handle or an address."""
    return "" if value.startswith(("@", "http")) else value.split(" | ", maxsplit=1)[0].strip()


def _host(url: str) -> str:
    with suppress(ValueError):
        return (urlsplit(url).hostname or "").removeprefix("www.")
    return ""


def _without_outlet(title: str, outlets: set[str]) -> str:
    """Return a title without the outlet's name at its end."""
    while (end := _OUTLET_AT_END.search(title)) and _letters(end[1]) in outlets:
        title = title[: end.start()]
    return title


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+|^the\b", "", name.casefold())
