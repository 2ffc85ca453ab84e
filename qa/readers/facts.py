"""What a web page says of itself: title, outlet, author, day, address, language, and where."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import lxml.html
import trafilatura
from trafilatura.metadata import extract_metadata

from qa.metadata import Found, choose, clean

_META = {
    "title": (
        "og:title",
        "headline",
        "dc.title",
        "citation_title",
        "parsely-title",
        "twitter:title",
    ),
    "outlet": ("og:site_name", "citation_publisher", "dc.publisher", "application-name"),
    "author": (
        "author",
        "article:author",
        "dc.creator",
        "parsely-author",
        "sailthru.author",
        "byl",
    ),
    "published": (
        "article:published_time",
        "datepublished",
        "article.published",
        "date",
        "dc.date",
        "dc.date.issued",
        "dcterms.created",
        "dcterms.date",
        "pubdate",
        "publishdate",
        "publish-date",
        "parsely-pub-date",
        "sailthru.date",
        "citation_publication_date",
        "og:published_time",
    ),
    "url": ("og:url",),
    "language": ("content-language", "dc.language", "og:locale"),
}
_ARTICLE_TYPES = re.compile(r"Article|BlogPosting|Report|Review$|LiveBlog")
_SAVED_FROM = re.compile(r"<!--\s*saved from url=\(\d+\)(https?://\S+)\s*-->")
_PARTING = re.compile(r"\s+(?:[-–—|•·»:]+|::)\s+")
_LONGEST_NAME = 60
_SITE_END = re.compile(r"\s+(?:[-–—|•·»:]+|::)\s+([^|•·»]{2,60})$")


def page_facts(page: str) -> list[Found]:
    """Return what a page says of itself, to search engines, to browsers and to its readers."""
    tree = trafilatura.load_html(page)
    if tree is None:
        return []
    found = [*_from_json_ld(tree), *_from_meta(tree)]
    saved = _SAVED_FROM.search(page[:2_000])
    if saved:
        found.append(("url", saved[1], "page"))
    found += _from_page(tree)
    found += _behind_title(tree, [value for field, value, _ in found if field == "title"])
    found = [(f, _name(v) if f in {"author", "outlet"} else v, o) for f, v, o in found]
    found = [(f, v, o) for f, v, o in found if v]
    chosen = choose(found)
    host = _host(chosen["url"][0]) if "url" in chosen else ""
    if host:
        found.append(("outlet", host, "address"))
    names = {_letters(value) for field, value, _ in found if field == "outlet"}
    names |= {_letters(host), _letters(host.rsplit(".", 1)[0])} - {""}
    return [
        (field, _without_site(value, names) if field == "title" else value, origin)
        for field, value, origin in found
    ]


def _from_json_ld(tree: lxml.html.HtmlElement) -> Iterator[Found]:
    nodes: list[dict[str, Any]] = []
    for script in tree.xpath('//script[@type="application/ld+json"]/text()'):
        try:
            _collect(json.loads(str(script), strict=False), nodes)
        except (ValueError, RecursionError):
            continue
    named = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str)}
    for node in nodes:
        if not _ARTICLE_TYPES.search(str(node.get("@type"))):
            continue
        values = {
            "title": node.get("headline"),
            "author": _names(node.get("author"), named),
            "outlet": _names(node.get("publisher"), named),
            "published": node.get("datePublished"),
            "url": node.get("url") or node.get("mainEntityOfPage"),
            "language": node.get("inLanguage"),
        }
        for field, value in values.items():
            cleaned = clean(field, value)
            if cleaned and (field != "url" or cleaned.startswith("http")):
                # Some write entities into JSON, where they mean nothing.
                yield field, unescape(cleaned), "JSON-LD"
        return  # the first one is the page's; others are of teasers


def _collect(value: Any, nodes: list[dict[str, Any]]) -> None:
    if isinstance(value, dict):
        nodes.append(value)
        for inner in value.values():
            _collect(inner, nodes)
    elif isinstance(value, list):
        for inner in value:
            _collect(inner, nodes)


def _names(value: Any, named: Mapping[str, dict[str, Any]]) -> str | None:
    """Return the name of a person or organisation, or of several, by commas."""
    if isinstance(value, list):
        names = [name for item in value if (name := _names(item, named))]
        return ", ".join(dict.fromkeys(names)) or None
    if isinstance(value, dict):
        value = value.get("name") or named.get(str(value.get("@id")), {}).get("name")
        return _names(value, {})
    return value if isinstance(value, str) else None


def _from_meta(tree: lxml.html.HtmlElement) -> Iterator[Found]:
    tags: dict[str, str] = {}
    for tag in tree.iter("meta"):
        name = (
            tag.get("property") or tag.get("name") or tag.get("itemprop") or tag.get("http-equiv")
        )
        if name and (content := (tag.get("content") or "").strip()):
            tags.setdefault(name.casefold(), content)
    for link in tree.xpath('//link[@rel="canonical"]/@href'):
        if str(link).startswith("http"):
            yield "url", str(link), "meta tag"
    for field, names in _META.items():
        for name in names:
            if (cleaned := clean(field, tags.get(name))) is not None and name in tags:
                yield field, cleaned, "meta tag"
    root = next(tree.iter("html"), None)
    if root is not None and (language := clean("language", root.get("lang") or "")):
        yield "language", language, "meta tag"


def _from_page(tree: lxml.html.HtmlElement) -> Iterator[Found]:
    """Return what trafilatura and htmldate see on the page itself.

    Not its name for the site, which is often a slogan; nor dates that are just anywhere.
    """
    seen = extract_metadata(tree, extensive=False)
    if seen is None:
        return
    headings = [" ".join(str(h.text_content()).split()) for h in tree.iter("h1")]
    title = headings[0] if len(headings) == 1 else seen.title
    for field, value in (
        ("title", title or seen.title),
        ("author", seen.author),
        ("published", seen.date),
        ("url", seen.url),
    ):
        cleaned = clean(field, value)
        if cleaned and (field != "url" or cleaned.startswith("http")):
            yield field, cleaned, "page"


def _behind_title(tree: lxml.html.HtmlElement, titles: Iterable[str]) -> Iterator[Found]:
    """Yield what the window's title has behind that of the article: the outlet, mostly."""
    whole = " ".join((tree.findtext(".//title") or "").split())
    for title in titles:
        rest = whole[len(title) :] if whole.casefold().startswith(title.casefold()) else ""
        if rest and _PARTING.match(rest):
            name = _PARTING.split(rest)[-1].strip()
            if 2 <= len(name) <= _LONGEST_NAME:
                yield "outlet", name, "page"
            return


def _name(value: str) -> str:
    """Return a name without the slogans behind it; nothing for a handle or an address."""
    return "" if value.startswith(("@", "http")) else value.split(" | ", maxsplit=1)[0].strip()


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _without_site(title: str, names: set[str]) -> str:
    """Return a title without the outlet's name behind it."""
    while (end := _SITE_END.search(title)) and _letters(end[1]) in names:
        title = title[: end.start()]
    return title


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+|^the\b", "", name.casefold())
