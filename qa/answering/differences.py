"""Contradictions between articles in what they answer.

The rules prefer missing a difference to reporting one that is none.
"""

import re
import tomllib
from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path
from typing import NamedTuple

from qa.answering.question import AnalyzedQuestion
from qa.records import Article, Difference, Passage, ScoredSentence, Span, StatedValue
from qa.text.terms import STOP_WORDS, fold, index_terms
from qa.text.values import Kind, Value, find_values

DENIAL = "denial"
_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_VERBS, _NOUNS = "|".join(_WORDS["denial_verbs"]), "|".join(_WORDS["denial_nouns"])
_REJECTS = rf"\b(?:{_VERBS})(?:s|es|ed|ing)\b (?:\w+ ){{0,2}}(?:{_NOUNS})\w*"
_DENIES = re.compile("|".join([*_WORDS["denial"], _REJECTS]), re.IGNORECASE)
_NEGATES = re.compile("|".join(_WORDS["negation"]), re.IGNORECASE)
_YES_NO = re.compile(rf"(?:{'|'.join(_WORDS['yes_or_no'].split())})\b")
_WORD = re.compile(r"[^\W_]+(?:[-.’'][^\W_]+)*")
# Relative difference up to which two numbers agree: rounded ones, and ones given as a bound.
_EXACT, _ABOUT = 0.005, 0.06
_WHO = re.compile(r"\b(?:who|whom|whose|name|named|called)\b", re.IGNORECASE)
# Statements are compared if they cover this share of what the best of them covers. For names it is
# higher: with one word missing, the "defence minister" is another person.
_COVERS, _COVERS_NAME = 0.75, 0.9
# Two sentences are about the same if they share this many terms, and this share of the shorter one.
_SHARED, _SAME_SUBJECT = 3, 0.6
# A value answers if it stands this close to a word of the question, in words.
_NEAR = 8
_ADJACENT = 2
_COUNTED = set(index_terms(_WORDS["counted"]))
_MEASURED = set(index_terms(_WORDS["measured"]))
_NO_PERSON = re.compile(r"\d|^[A-Z.]+\b|^[A-Z][a-z]{2,}(?:ish|ese|ean|ian|ican)$")


class Statement(NamedTuple):
    """A sentence that answers.

    Attributes:
        number: Number of its citation.
        sentence: The sentence.
    """

    number: int
    sentence: ScoredSentence

    @property
    def article(self) -> Article:
        """The article that states it."""
        return self.sentence.passage.article

    @property
    def text(self) -> str:
        """The sentence's words."""
        return self.sentence.passage.text

    def part(self, span: Span) -> Passage:
        """Return the part of the sentence at a span of its text."""
        start = self.sentence.passage.start
        return Passage(self.article, start + span[0], start + span[1])

    def same_article(self, other: "Statement") -> bool:
        """Return whether both are from one article, which does not contradict itself."""
        return self.article.article_id == other.article.article_id

    def has_name(self, values: Sequence[Value]) -> bool:
        """Return whether one of the values is a name that the sentence has too."""
        names = [str(value.key[0]) for value in values if value.kind is Kind.NAME]
        return any(name in fold(self.text) for name in names)


def find_differences(
    question: AnalyzedQuestion, statements: Sequence[Statement]
) -> tuple[Difference, ...]:
    """Return where articles contradict each other in what they answer.

    Args:
        question: The question.
        statements: The sentences that answer, best first.
    """
    most = max((statement.sentence.coverage for statement in statements), default=0.0)
    share = _COVERS_NAME if question.kind is Kind.NAME else _COVERS
    comparable = [s for s in statements if s.sentence.coverage >= share * most]
    found = _of_values(question, comparable) if question.kind else _of_pairs(comparable)
    return tuple(filter(None, (found, _of_denial(question, statements))))


def can_be_denied(question: str) -> bool:
    """Return whether a question asks for yes or no."""
    return bool(_YES_NO.match(fold(question)))


def denies(sentence: str) -> bool:
    """Return whether a sentence reports a denial."""
    return bool(_DENIES.search(sentence))


def answer_values(question: AnalyzedQuestion, sentence: Passage) -> list[Value]:
    """Return the values in a sentence that answer a question, the likeliest first.

    Empty where the wording does not say what kind of value is wanted, or no value of that kind
    stands near the words of the question. Spans are of the article's text.
    """
    kind = question.kind
    if kind is None:
        return []
    text, (start, end) = sentence.article.text, sentence.span
    # Those that repeat the question are no answer.
    found = [
        value
        for value in find_values(text, start, end)
        if value.kind is kind and all(contradict(kind, value, v) for v in question.values)
    ]
    if kind is Kind.NAME:
        found = [v for v in found if _is_new_name(text[slice(*v.span)], question.terms)]
    places = [
        match.start()
        for match in _WORD.finditer(text, start, end)
        if found and not question.terms.isdisjoint(index_terms(match[0]))
    ]
    units = _units(question)
    near: list[tuple[float, Value]] = []
    for value in found:
        distance = min((_words_between(text, at, value.span) for at in places), default=_NEAR)
        if distance <= _reach(value, units):
            near.append((distance, value))
    return [value for _, value in sorted(near, key=lambda pair: (pair[0], pair[1].span))]


def contradict(kind: Kind, one: Value, other: Value) -> bool:
    """Return whether two values of a kind cannot both be true."""
    about = one.about or other.about
    if kind is Kind.DATE:
        return any(a and b and a != b for a, b in zip(one.key, other.key, strict=True)) and not (
            about and abs(float(one.key[0]) - float(other.key[0])) < 10
        )
    if kind is Kind.NAME:
        first, second = str(one.key[0]).split(), str(other.key[0]).split()
        return first[-1] not in second and second[-1] not in first
    if kind is Kind.MONEY and one.key[1:] != other.key[1:]:
        return False  # two currencies may be one amount, and a price is no sum
    a, b = float(one.key[0]), float(other.key[0])
    return abs(a - b) > (_ABOUT if about else _EXACT) * max(abs(a), abs(b))


def _of_values(question: AnalyzedQuestion, statements: Sequence[Statement]) -> Difference | None:
    kind = question.kind
    if kind is None or (kind is Kind.NAME and not _WHO.search(question.query)):
        return None  # places lie inside each other: two of them hardly ever exclude each other
    stated = [
        (statement, values)
        for statement in statements
        if (values := answer_values(question, statement.sentence.passage))
    ]
    clashing: set[int] = set()
    for (i, (one, ours)), (j, (other, theirs)) in combinations(enumerate(stated), 2):
        if one.same_article(other):
            continue
        # Every value near the question counts: one that both state is an agreement.
        contradictory = all(contradict(kind, a, b) for a in ours for b in theirs)
        if contradictory and not (one.has_name(theirs) or other.has_name(ours)):
            clashing |= {i, j}
    groups: dict[Value, list[Statement]] = {}
    for statement, (value, *_) in [stated[i] for i in sorted(clashing)]:
        same = next((known for known in groups if not contradict(kind, known, value)), value)
        groups.setdefault(same, []).append(statement)
    if len(groups) < 2:
        return None
    differing = []
    for value, members in groups.items():
        passage = Passage(members[0].article, *value.span)
        differing.append(StatedValue(passage, tuple(dict.fromkeys(m.number for m in members))))
    return Difference(str(kind), tuple(differing))


def clashing_values(one: str, other: str) -> tuple[Value, Value] | None:
    """Return a value from each of two sentences that are the same except for that value.

    The sentences must share most of their words. Names are left out, and so are bounds ("over",
    "about"): without a question it is not clear what they bound.
    """
    first, second = set(index_terms(one)), set(index_terms(other))
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
    """Return whether one of the others is comparable: figures must count the same thing."""
    return any(
        other.kind is value.kind
        and (value.kind is not Kind.QUANTITY or set(value.key[1:]) & set(other.key[1:]))
        for other in others
    )


def _of_pairs(statements: Sequence[Statement]) -> Difference | None:
    for one, other in combinations(statements, 2):
        if one.same_article(other):
            continue
        if clash := clashing_values(one.text, other.text):
            sides = zip((one, other), clash, strict=True)
            parts = [StatedValue(s.part(value.span), (s.number,)) for s, value in sides]
            return Difference(str(clash[0].kind), tuple(parts))
    return None


def _of_denial(question: AnalyzedQuestion, statements: Sequence[Statement]) -> Difference | None:
    if not can_be_denied(question.query):
        return None
    denying = [s for s in statements if denies(s.text)]
    stating = [s for s in statements if not denies(s.text) and not _NEGATES.search(s.text)]
    for no, yes in product(denying, stating):
        if not no.same_article(yes):
            sides = [StatedValue(s.sentence.passage, (s.number,)) for s in (yes, no)]
            return Difference(DENIAL, tuple(sides))
    return None


def _is_new_name(name: str, asked: frozenset[str]) -> bool:
    """Return whether a name is new, and no designation (S-400), acronym (NATO) or people."""
    return bool(set(index_terms(name)) - asked) and not _NO_PERSON.search(name)


def _reach(value: Value, units: frozenset[str]) -> int:
    """Return how far from the question's words, in words, a value may stand to be an answer."""
    if value.kind is Kind.NAME:
        return _ADJACENT
    if value.kind is not Kind.QUANTITY:
        return _NEAR
    counted = {str(unit) for unit in value.key[1:]}
    if not counted:
        return _ADJACENT  # "a population of 3,559"
    return _NEAR if counted & units else -1


def _units(question: AnalyzedQuestion) -> frozenset[str]:
    """Return the terms of what a figure may count: what is asked for, or a common measure of it."""
    asked = question.terms
    if "how many" in fold(question.query):
        return asked if asked & _COUNTED else asked | _COUNTED
    return asked | _COUNTED | _MEASURED


def _words_between(text: str, place: int, span: Span) -> int:
    low, high = (place, span[0]) if place < span[0] else (span[1], place)
    words = _WORD.findall(text, low, high)
    return sum(fold(word) not in STOP_WORDS for word in words[1 if low == place else 0 :])
