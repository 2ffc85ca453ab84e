"""Text to HTML: whatever comes from outside is text, never markup. Pure."""

import html
from collections.abc import Iterable, Mapping
from itertools import pairwise

from qa.datatypes import Span

# Gradio puts HTML through two template languages; these characters begin their expressions.
_TEMPLATE = str.maketrans({"{": "&#123;", "}": "&#125;", "$": "&#36;", "`": "&#96;"})


def escape(text: str) -> str:
    """Return `text` so that a browser, and Gradio's templates before it, show it as it is."""
    return html.escape(text, quote=True).translate(_TEMPLATE)


def marked(text: str, span: Span, layers: Mapping[str, Iterable[Span]]) -> str:
    """Return a stretch of text, cut wherever a mark begins or ends, each piece with its marks.

    Args:
        text: The whole text.
        span: The stretch of it.
        layers: Spans of the text for each class; those of the class ``qa-answer`` become ``mark``.
    """
    start, end = span
    cuts = {start, end}
    for spans in layers.values():
        cuts.update(cut for pair in spans for cut in pair if start < cut < end)
    pieces: list[str] = []
    for left, right in pairwise(sorted(cuts)):
        names = [name for name, spans in layers.items() if any(a <= left < b for a, b in spans)]
        piece = escape(text[left:right])
        tag = "mark" if "qa-answer" in names else "span"
        pieces.append(f'<{tag} class="{" ".join(names)}">{piece}</{tag}>' if names else piece)
    return "".join(pieces)


def anchor(link: str, label: str | tuple[str, ...], name: str = "", **attributes: str) -> str:
    """Return an ``a`` element to a place on this page.

    Args:
        link: What `qa.web.links.write` returned.
        label: Text; or pieces of it, so that one written from right to left turns no other.
        name: Accessible name, if the label does not say enough.
        attributes: More of them; an underscore stands for a hyphen, ``class_`` for ``class``.
    """
    if name:
        attributes["aria_label"] = name
    pieces = (label,) if isinstance(label, str) else label
    shown = "".join(f"<bdi>{escape(piece)}</bdi>" for piece in pieces)
    return f'<a href="#{escape(link)}"{_attributes(attributes)}>{shown}</a>'


def button(label: str, name: str = "", **attributes: str) -> str:
    """Return a ``button`` element; arguments as for `anchor`."""
    if name:
        attributes["aria_label"] = name
    return f'<button type="button"{_attributes(attributes)}>{escape(label)}</button>'


def paragraph(text: str, css: str) -> str:
    """Return a paragraph of text whose direction follows from its first letters."""
    return f'<p class="{css}" dir="auto">{escape(text)}</p>'


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in values.items()
    )
