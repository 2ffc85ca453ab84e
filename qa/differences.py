"""What outlets state differently of the same thing. Pure.

It would rather miss a difference than invent one.
"""

import re
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

from qa.datatypes import Article, Difference, Span, StatedValue
from qa.lexical import STOP_WORDS, fold, terms
from qa.values import Kind, Value, asked_kind, find_values

DENIAL = "denial"
_DENIES = re.compile(
    r"\bden(?:y|ies|ied|ying)\b|\brul(?:es?|ed|ing) out\b"
    r"|\b(?:reject|dismiss|refut|disput|contradict)(?:s|es|ed|ing)\b (?:\w+ ){0,2}"
    r"(?:claim|report|alleg|suggest|accus|rumou?r|idea|notion|statement)\w*",
    re.IGNORECASE,
)
_NEGATES = re.compile(
    r"\b(?:not|never|no|none|neither|nor|cannot|without|fail(?:s|ed)? to|refus(?:e|es|ed))\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_YES_NO = re.compile(
    r"(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|may|might|should)\b"
)
_WORD = re.compile(r"[^\W_]+(?:[-.’'][^\W_]+)*")
# Relative difference up to which two numbers are one: rounded in the telling, or given as a bound.
_EXACT, _ABOUT = 0.005, 0.06
_WHO = re.compile(r"\b(?:who|whom|whose|name|named|called)\b", re.IGNORECASE)
# Statements are compared if they cover this much of what the best of them covers. One missing word
# makes another person of the "defence minister".
_COVERS, _COVERS_NAME = 0.75, 0.9
# Two sentences tell the same if they share this many terms, and this part of the shorter one's.
_SHARED, _SAME_SUBJECT = 3, 0.6
# A value belongs to what is asked if it stands this close to a word of the question (in words).
_NEAR = 8
_ADJACENT = 2
# Terms of what is counted, and of measures, under whatever name the question has for it.
_COUNTED = set(terms("people inhabitants residents soldiers troops aircraft jets seats members"))
_MEASURED = set(terms("kilometers miles meters feet tons years days hours minutes seconds acres"))
_NOBODY = re.compile(r"\d|^[A-Z.]+\b|^[A-Z][a-z]{2,}(?:ish|ese|ean|ian|ican)$")


class Statement(NamedTuple):
    """A sentence that answers.

    Attributes:
        number: Of the citation that it stands in.
        article: Where it stands.
        span: The sentence.
        covered: Share of the question that it covers, 0 to 1.
    """

    number: int
    article: Article
    span: Span
    covered: float

    @property
    def text(self) -> str:
        """The sentence."""
        return self.article.text[slice(*self.span)]


def find_differences(question: str, statements: Sequence[Statement]) -> tuple[Difference, ...]:
    """Return where articles contradict each other in what they answer.

    Args:
        question: With what it takes over from earlier ones.
        statements: The sentences that answer, best first.
    """
    most = max((statement.covered for statement in statements), default=0.0)
    share = _COVERS_NAME if asked_kind(question) is Kind.NAME else _COVERS
    comparable = [s for s in statements if s.covered >= share * most]
    found = (
        _of_values(question, comparable) if asked_kind(question) else _of_pairs(comparable),
        _of_denial(question, statements),
    )
    return tuple(difference for difference in found if difference)


def can_be_denied(question: str) -> bool:
    """Say whether it asks for yes or no."""
    return bool(_YES_NO.match(fold(question)))


def denies(sentence: str) -> bool:
    """Say whether a sentence reports a denial."""
    return bool(_DENIES.search(sentence))


def answer_values(question: str, text: str, start: int, end: int) -> list[Value]:
    """Return the values in ``text[start:end]`` that answer `question`, the likeliest first.

    Empty where the wording does not say what kind of value is wanted, or none of that kind stands
    near the words of the question.
    """
    kind = asked_kind(question)
    if kind is None:
        return []
    asked = set(terms(question))
    places = [
        match.start() - start
        for match in _WORD.finditer(text, start, end)
        if set(terms(match[0])) & asked
    ]
    units = _units(question)
    given = [value for value in find_values(question) if value.kind == kind]
    near: list[tuple[float, Value]] = []
    for value in find_values(text, start, end):
        if value.kind != kind or not all(contradict(kind, value, other) for other in given):
            continue  # it repeats the question
        if kind is Kind.NAME and not _names_someone(text[slice(*value.span)], asked):
            continue
        gaps = [_words_between(text, start + place, value.span) for place in places]
        distance = min(gaps, default=_NEAR)
        if distance <= _reach(value, units):
            near.append((distance, value))
    return [value for _, value in sorted(near, key=lambda pair: (pair[0], pair[1].span))]


def contradict(kind: Kind, one: Value, other: Value) -> bool:
    """Say whether two values of a kind cannot both be meant."""
    about = one.about or other.about
    if kind is Kind.DATE:
        return any(a and b and a != b for a, b in zip(one.key, other.key, strict=True)) and not (
            about and abs(float(one.key[0]) - float(other.key[0])) < 10
        )
    if kind is Kind.NAME:
        first, second = str(one.key[0]).split(), str(other.key[0]).split()
        return first[-1] not in second and second[-1] not in first
    if kind is Kind.MONEY and (one.key[0], one.key[2]) != (other.key[0], other.key[2]):
        return False  # two currencies may be one amount, and a price is no sum
    a = float(one.key[1] if kind is Kind.MONEY else one.key[0])
    b = float(other.key[1] if kind is Kind.MONEY else other.key[0])
    return abs(a - b) > (_ABOUT if about else _EXACT) * max(abs(a), abs(b))


def _of_values(question: str, statements: Sequence[Statement]) -> Difference | None:
    kind = asked_kind(question)
    if kind is None or (kind is Kind.NAME and not _WHO.search(question)):
        return None  # places lie inside each other: two of them hardly ever exclude each other
    stated = [
        (statement, values)
        for statement in statements
        if (values := answer_values(question, statement.article.text, *statement.span))
    ]
    clashing: set[int] = set()
    for (i, (one, ours)), (j, (other, theirs)) in combinations(enumerate(stated), 2):
        if one.article.article_id == other.article.article_id:
            continue
        # Every value near the question counts: one that both state is an agreement.
        if all(contradict(kind, a, b) for a in ours for b in theirs) and not _mentions(
            kind, one, other, ours, theirs
        ):
            clashing |= {i, j}
    if not clashing:
        return None
    groups: list[tuple[Value, list[Statement], Article]] = []
    for i in sorted(clashing):
        statement, values = stated[i]
        for value, members, _ in groups:
            if not contradict(kind, value, values[0]):
                members.append(statement)
                break
        else:
            groups.append((values[0], [statement], statement.article))
    if len(groups) < 2:
        return None
    return Difference(
        str(kind),
        tuple(
            StatedValue(article, *value.span, tuple(dict.fromkeys(s.number for s in members)))
            for value, members, article in groups
        ),
    )


def clashing_values(one: str, other: str) -> tuple[Value, Value] | None:
    """Return a value from each of two sentences that tell the same but for that value.

    They must share most of their words; names are left out, and so is whatever is told as a bound
    ("over", "about"): without a question it is not plain what it bounds.
    """
    first, second = set(terms(one)), set(terms(other))
    shared = first & second
    if len(shared) < _SHARED or len(shared) < _SAME_SUBJECT * min(len(first), len(second)):
        return None
    mine = [v for v in find_values(one) if v.kind is not Kind.NAME and not v.about]
    theirs = [v for v in find_values(other) if v.kind is not Kind.NAME and not v.about]
    for kind in Kind:
        a = [v for v in mine if v.kind is kind and _has_partner(v, theirs)]
        b = [v for v in theirs if v.kind is kind and _has_partner(v, mine)]
        if a and b and all(contradict(kind, x, y) for x in a for y in b):
            return a[0], b[0]
    return None


def _has_partner(value: Value, others: Sequence[Value]) -> bool:
    """Whether one of the others is of the same sort: figures must count the same thing."""
    return any(
        other.kind is value.kind
        and (value.kind is not Kind.QUANTITY or set(value.key[1:]) & set(other.key[1:]))
        for other in others
    )


def _of_pairs(statements: Sequence[Statement]) -> Difference | None:
    for one, other in combinations(statements, 2):
        if one.article.article_id == other.article.article_id:
            continue
        if clash := clashing_values(one.text, other.text):
            sides = zip((one, other), clash, strict=True)
            return Difference(
                str(clash[0].kind),
                tuple(
                    StatedValue(s.article, s.span[0] + a, s.span[0] + b, (s.number,))
                    for s, (a, b) in ((s, value.span) for s, value in sides)
                ),
            )
    return None


def _of_denial(question: str, statements: Sequence[Statement]) -> Difference | None:
    if not can_be_denied(question):
        return None
    denying = [s for s in statements if denies(s.text)]
    stating = [s for s in statements if not denies(s.text) and not _NEGATES.search(s.text)]
    for no in denying:
        for yes in stating:
            if yes.article.article_id != no.article.article_id:
                return Difference(
                    DENIAL,
                    (
                        StatedValue(yes.article, *yes.span, (yes.number,)),
                        StatedValue(no.article, *no.span, (no.number,)),
                    ),
                )
    return None


def _names_someone(name: str, asked: set[str]) -> bool:
    """Whether it is new, and no designation (S-400), acronym (NATO) or people (Korean)."""
    return bool(set(terms(name)) - asked) and not _NOBODY.search(name)


def _mentions(
    kind: Kind, one: Statement, other: Statement, ours: list[Value], theirs: list[Value]
) -> bool:
    """Whether a sentence also holds the other's name: then it says more, not something else."""
    if kind is not Kind.NAME:
        return False
    return any(str(value.key[0]) in fold(other.text) for value in ours) or any(
        str(value.key[0]) in fold(one.text) for value in theirs
    )


def _reach(value: Value, units: set[str]) -> int:
    """Return how far from the question's words a value may stand and still be meant."""
    if value.kind is Kind.NAME:
        return _ADJACENT
    if value.kind is not Kind.QUANTITY:
        return _NEAR
    counted = {str(unit) for unit in value.key[1:]}
    if not counted:
        return _ADJACENT  # "a population of 3,559"
    return _NEAR if counted & units else -1


def _units(question: str) -> set[str]:
    """Return the terms of what a figure may count: what is asked for, or a common measure of it."""
    asked = set(terms(question))
    if "how many" in fold(question):
        return asked if asked & _COUNTED else asked | _COUNTED
    return asked | _COUNTED | _MEASURED


def _words_between(text: str, place: int, span: Span) -> int:
    low, high = (place, span[0]) if place < span[0] else (span[1], place)
    words = _WORD.findall(text, low, high)
    return sum(fold(word) not in STOP_WORDS for word in words[1 if low == place else 0 :])
