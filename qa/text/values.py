"""The values that a text states, and the kind of value that a question asks for. Pure.

Amounts, percentages, dates, quantities and names, as English writes them. In other languages it
finds figures and few names.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from qa.records import Span
from qa.text.terms import STOP_WORDS, fold, index_terms


class Kind(StrEnum):
    """The kinds of values."""

    MONEY = "amount"
    PERCENT = "percentage"
    DATE = "date"
    QUANTITY = "quantity"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Value:
    """A value and its place in the text.

    Attributes:
        kind: What kind of value it is.
        span: Its place in the text.
        key: The value in a form to compare with others of its kind: amount, currency and whether it
            is a rate ("per year"); percentage; year, month and day (0 where not stated); number and
            the terms that follow it; folded name.
        about: Whether it is a bound or an estimate ("over", "up to", "roughly") and not exact.
    """

    kind: Kind
    span: Span
    key: tuple[str | float, ...]
    about: bool = False


_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_MONTHS = {month: number for number, month in enumerate(_WORDS["months"].split(), 1)}
_AMBIGUOUS_MONTHS = frozenset(_WORDS["ambiguous_months"].split())
_NOT_NAMES = STOP_WORDS | set(_WORDS["not_names"].split())
_UNITS: dict[str, int] = _WORDS["numbers"]
_SCALES: dict[str, float] = _WORDS["scales"]
_CURRENCIES: dict[str, str] = _WORDS["currencies"]
_ASKS = {Kind(kind): "|".join(wordings) for kind, wordings in _WORDS["asks"].items()}
_MONTH = f"(?:{'|'.join(_WORDS['month'])})"
_WORD_NUMBER = "|".join(sorted(_UNITS, key=len, reverse=True))
_FIGURE = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SCALE = r"(?:hundred|thousand|million|billion|trillion)"
_NUMBER = rf"(?:(?:{_FIGURE})|\b(?:{_WORD_NUMBER})(?:[ -](?:{_WORD_NUMBER}))?\b)(?:[ -]{_SCALE}\b)?"
_YEAR = r"(?:1\d{3}|20\d{2})"
_DAY = r"(?:[12]\d|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_NO_YEAR = rf"(?![.,]\d|%|-\d| ?(?:{_SCALE}|percent|dollars|people|km|miles|kilomet|met(?:er|re)))"

_MONEY = re.compile(
    rf"(?P<sign>(?:US|A|C|HK)?\$|€|£|¥|₺|₹|\b(?:USD|EUR|GBP)\b)\s?(?P<n1>{_FIGURE})"
    rf"(?:[ -]?(?P<s1>{_SCALE}|bn|mn|tn|k|m|b)\b)?"
    rf"|(?P<n2>{_NUMBER})(?:\s(?P<s2>bn|mn|tn))?\s(?:US |U\.S\. )?"
    r"(?P<word>dollar|euro|pound|yen|yuan|lira|rou?ble|rupee|cent|franc|riyal)s?\b",
    re.IGNORECASE,
)
_RATE = re.compile(r"\s(?:per|each|apiece|an?\s(?:year|month|week|day|barrel|piece|person|head))\b")
_PERCENT = re.compile(rf"(?P<n>{_NUMBER})\s?(?:%|per ?cent\b|percentage points?\b)", re.IGNORECASE)
# The letter of a group says what it matches (day, month, year, plural "s", century), its digit in
# which alternative.
_DATE = re.compile(
    rf"\b(?P<d1>{_DAY})(?: of)? (?P<m1>{_MONTH}),? (?P<y1>{_YEAR})\b"
    rf"|\b(?P<m2>{_MONTH}) (?P<d2>{_DAY})(?:,? (?P<y2>{_YEAR}))?\b(?!%)"
    rf"|\b(?P<d3>{_DAY}) (?P<m3>{_MONTH})\b"
    rf"|\b(?P<m4>{_MONTH})(?:,| of)? (?P<y4>{_YEAR})\b"
    rf"|\b(?P<y5>{_YEAR})-(?P<m5>\d\d)-(?P<d5>\d\d)\b"
    rf"|(?<![\d.,$€£-])\b(?P<y6>{_YEAR})(?P<s6>['’]?s)?\b{_NO_YEAR}"
    rf"|\b(?P<m7>{_MONTH})\b(?![a-z])"
    r"|\b(?P<c8>[12]?\d)(?:st|nd|rd|th) century\b"
)
_PLAIN = re.compile(rf"(?<![\w$€£.,-])(?P<n>{_NUMBER})(?![\w%]|[.,:]\d)", re.IGNORECASE)
_BOUND = re.compile(rf"\b(?:{'|'.join(_WORDS['bound'])})\s*$", re.IGNORECASE)
_UNIT_WORD = re.compile(r"[ -]([^\W\d_]+)")
_CAPITAL = r"(?:(?:[A-Z]\.){2,}|[^\W\d_a-zß-öø-ÿ][\w’'.-]*[\w’']|[A-Z]\.)"
_NAME = re.compile(
    rf"(?<![\w.]){_CAPITAL}"
    rf"(?: (?:(?:of|de|van|von|bin|al|el|la|der|the|and|for) )?{_CAPITAL})*"
)
_LINK = re.compile(r" (?:and|for|the) ")
_POSSESSIVE = re.compile(r"(?:['’]s?)?$")
_TITLE = re.compile(rf"(?:{'|'.join(_WORDS['title'])})\.?\s+")
_POSTED = re.compile(r"\b(?:ambassador|envoy|emissary) to $", re.IGNORECASE)


def asked_kind(question: str) -> Kind | None:
    """Return the kind of value that answers `question`, or None if its wording does not say."""
    folded = fold(question)
    return next((kind for kind, pattern in _ASKS.items() if re.search(pattern, folded)), None)


def find_values(text: str, start: int = 0, end: int | None = None) -> list[Value]:
    """Return the values stated in ``text[start:end]``, in order and without overlaps.

    Args:
        text: Any text; spans refer to it.
        start: First character to consider.
        end: One past the last character to consider; the end of `text` if None.
    """
    end = len(text) if end is None else end
    piece = text[start:end].replace("\n", " ")
    found: list[Value] = []
    taken = bytearray(len(piece))  # 1 for each character that belongs to a value
    for finder in _FINDERS.values():
        for value in finder(piece):
            a, b = value.span
            if not any(taken[a:b]):
                taken[a:b] = b"\x01" * (b - a)
                found.append(value)
    found.sort(key=lambda value: value.span)
    return [replace(v, span=(v.span[0] + start, v.span[1] + start)) for v in found]


def states(kind: Kind, text: str) -> bool:
    """Return whether `text` states a value of a kind."""
    return any(_FINDERS[kind](text))


def number(text: str) -> float:
    """Return the value of a number in figures or words: "2.5 billion", "twenty-five"."""
    total, scale = 0.0, 1.0
    for word in re.split(r"[ -]+", text.lower().replace(",", "")):
        if word in _SCALES and (total or scale > 1):
            scale *= _SCALES[word]
        elif word in _UNITS:
            total += _UNITS[word]
        elif word:
            total += float(word)
    return total * scale


def _bounded(piece: str, start: int) -> bool:
    return bool(_BOUND.search(piece[max(0, start - 20) : start]))


def _money(piece: str) -> Iterator[Value]:
    for match in _MONEY.finditer(piece):
        scale = (match["s1"] or match["s2"] or "").lower()
        amount = number(match["n1"] or match["n2"]) * _SCALES.get(scale, 1.0)
        name = (match["sign"] or match["word"]).lower()
        currency = _CURRENCIES.get(name) or _CURRENCIES[name[-1]]
        rate = bool(_RATE.match(piece, match.end()))
        about = _bounded(piece, match.start())
        yield Value(Kind.MONEY, match.span(), (amount, currency, rate), about)


def _percents(piece: str) -> Iterator[Value]:
    for match in _PERCENT.finditer(piece):
        about = _bounded(piece, match.start())
        yield Value(Kind.PERCENT, match.span(), (number(match["n"]),), about)


def _dates(piece: str) -> Iterator[Value]:
    for match in _DATE.finditer(piece):
        parts = {name[0]: text for name, text in match.groupdict().items() if text}
        if "c" in parts:
            first_year = int(parts["c"]) * 100 - 100
            yield Value(Kind.DATE, match.span(), (first_year, 0, 0), about=True)
            continue
        month = parts.get("m", "0")
        if set(parts) == {"m"} and month.lower() in _AMBIGUOUS_MONTHS:
            continue
        number_of_month = _MONTHS.get(month[:3].lower()) or (int(month) if month.isdigit() else 0)
        day = int(re.sub(r"\D", "", parts.get("d", "0")) or 0)
        key = (int(parts.get("y", 0)), number_of_month, day)
        yield Value(Kind.DATE, match.span(), key, "s" in parts)


def _quantities(piece: str) -> Iterator[Value]:
    for match in _PLAIN.finditer(piece):
        following = piece[match.end() : match.end() + 60]
        units: list[str] = []
        while len(units) < 3 and (unit := _UNIT_WORD.match(following)):
            following = following[unit.end() :]
            if fold(unit[1]) in STOP_WORDS:
                break
            units += index_terms(unit[1])
        if match["n"].lower() != "one" or units:  # "one" without a noun is mostly a pronoun
            about = _bounded(piece, match.start())
            yield Value(Kind.QUANTITY, match.span(), (number(match["n"]), *units), about)


def _names(piece: str) -> Iterator[Value]:
    for match in _NAME.finditer(piece):
        at = match.start()
        for part in _LINK.split(match[0]):
            start = piece.index(part, at)
            at = start + len(part)
            if title := _TITLE.match(part + " "):
                start += min(title.end(), len(part))
            if " " in piece[start:at] and _POSTED.search(piece, 0, start):
                start += piece[start:at].index(" ") + 1  # "Ambassador to Turkey Tom Barrack"
            end = at - len(_POSSESSIVE.search(piece[start:at])[0])  # type: ignore[index]
            words = piece[start:end].split()
            while words and fold(words[0]) in _NOT_NAMES:
                start += len(words[0]) + 1
                words = words[1:]
            opens = not piece[:start].strip(" \"'“‘«(") or piece[:start].rstrip()[-1:] in ".!?:"
            if not words or (opens and len(words) == 1 and words[0][1:].islower()):
                continue  # the first word of a sentence is capitalised anyway
            yield Value(Kind.NAME, (start, end), (fold(" ".join(words)),))


# In the order of `Kind`: a number that is part of an amount or a date is no quantity.
_FINDERS: dict[Kind, Callable[[str], Iterator[Value]]] = dict(
    zip(Kind, (_money, _percents, _dates, _quantities, _names), strict=True)
)
