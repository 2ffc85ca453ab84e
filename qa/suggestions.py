"""Questions to begin with, drawn from the articles themselves and asked before they are offered."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import NamedTuple

from qa import lexical
from qa.corpus import Corpus
from qa.datatypes import Answer, Article, Span
from qa.sentences import is_heading, split_sentences
from qa.values import Kind, find_values

# A name is worth a question if this share of the articles speak of it.
_SPOKEN_OF = 1 / 3
# Articles that are read for candidates, and candidates that are asked: some seconds at most.
_ARTICLES, _ASKED = 40, 24
_LEAST_CONFIDENCE = 0.3
_LONGEST = 90  # characters of a question: it stands on a button

_NAME = r"(?:[A-ZÀ-Þ][\w’'.-]*)(?:\s(?:[A-ZÀ-Þ][\w’'.-]*))*"
_SUBJECT = rf"(?:The\s(?:[a-z-]+\s)?)?{_NAME}"
_PASSIVE = re.compile(
    rf"(?:^|[,;]\s)(?P<subject>{_SUBJECT})\s(?P<verb>was|were)\s"
    r"(?P<rest>(?:formally\s|officially\s)?[a-z]+(?:ed|en|ied|lt|nt|wn|ld|de)\b[^,;.:()—]{0,60}?)"
    r"\s(?:in|on|since|by)\s*$"
)
_DID = {
    "denied": "deny", "rejected": "reject", "announced": "announce", "demanded": "demand",
    "proposed": "propose", "promised": "promise", "confirmed": "confirm", "opposed": "oppose",
    "blamed": "blame", "criticised": "criticise", "criticized": "criticize", "signed": "sign",
    "warned": "warn of", "threatened": "threaten", "offered": "offer", "asked for": "ask for",
    "agreed": "agree to", "pledged": "pledge", "approved": "approve", "imposed": "impose",
}  # fmt: skip
_SAYING = re.compile(
    rf"(?P<subject>{_SUBJECT})\s(?:(?:has|have|had)\s)?(?:also\s|[a-z]+ly\s)?"
    rf"(?P<verb>{'|'.join(_DID)})\s"
)
_ROLES = "ambassador|president|prime minister|minister|secretary|mayor|chancellor|director|chief"
_ROLE = re.compile(
    rf"\b(?P<role>(?:(?:U\.S\.|US|UK|EU|[A-Z][a-z]+)\s)(?:[Ff]oreign\s|[Dd]efen[cs]e\s|[Pp]rime\s)?"
    rf"(?i:{_ROLES})(?:\s(?:to|of)\s(?:the\s)?[A-Z][\w]+)?)\s(?P<name>[A-Z][\w’'-]+\s[A-Z][\w’'-]+)"
)
_NAMED = re.compile(rf"\b{_NAME}\b")


def suggest(corpus: Corpus, count: int = 4) -> list[str]:
    """Return up to `count` questions that the articles answer, of different kinds where they can.

    Statements become questions ("X was expelled in 2019": "When was X expelled?"), office holders
    are asked for, and names that several articles speak of. Each is asked, and offered only if the
    articles it was drawn from are quoted. Where the articles are not in English, or nothing can be
    made of them, their titles are offered.
    """
    articles = _spread(corpus.articles())
    offered: list[tuple[tuple[float, ...], str]] = []
    for candidate in _candidates(articles)[:_ASKED]:
        answer = corpus.answer(candidate.question)
        if answer.confidence < _LEAST_CONFIDENCE or answer.abstained:
            continue
        if candidate.path in {citation.article.path for citation in answer.citations}:
            offered.append(((candidate.tier, *_worth(answer)), candidate.question))
    offered.sort(key=lambda item: item[0], reverse=True)
    chosen: list[str] = []
    kinds: set[str] = set()
    for again in (False, True):  # one of each kind first
        for _, question in offered:
            kind = " ".join(question.split()[:2])
            if len(chosen) == count or (kind in kinds and not again):
                continue
            if not any(_alike(question, other) for other in chosen):
                chosen.append(question)
                kinds.add(kind)
    return chosen


def _alike(question: str, other: str) -> bool:
    """Whether they ask for much the same: half the terms of the shorter are in both."""
    ours, theirs = set(lexical.terms(question)), set(lexical.terms(other))
    return 2 * len(ours & theirs) >= min(len(ours), len(theirs))


def _worth(answer: Answer) -> tuple[float, ...]:
    """What makes a question worth asking: that outlets differ, that many speak, that it is sure."""
    return len(answer.differences), len(answer.by_outlet), answer.confidence


class _Candidate(NamedTuple):
    """A question, the article that it was drawn from, and how far it is to be preferred."""

    question: str
    path: str
    tier: int = 0


def _candidates(articles: Sequence[Article]) -> list[_Candidate]:
    """Return questions, the articles taking turns."""
    english = [article for article in articles if article.language in ("en", None)]
    drawn = [list(_from_article(article)) for article in english]
    turns = [candidate for candidate in chain.from_iterable(zip_longest(*drawn)) if candidate]
    names = list(_from_names(english))
    titles = [_Candidate(article.title, article.path, -2) for article in articles]
    found: dict[str, _Candidate] = {}
    for candidate in (*turns[: _ASKED - 8], *names[:6], *titles, *turns, *names):
        if len(candidate.question) <= _LONGEST:
            found.setdefault(lexical.fold(candidate.question), candidate)
    return list(found.values())


def _from_article(article: Article) -> Iterator[_Candidate]:
    for span in split_sentences(article.text):
        text = article.text[slice(*span)]
        if is_heading(text) or _aside(article, span) or '"' in text or "“" in text:
            continue
        for question in chain(_when(article.text, span), _who(text), _what(text)):
            yield _Candidate(" ".join(question.split()), article.path)


def _when(text: str, span: Span) -> Iterator[str]:
    """Turn "X was expelled from Y in 2019" into "When was X expelled from Y?"."""
    for value in find_values(text, *span):
        if value.kind is Kind.DATE:
            match = _PASSIVE.search(text[span[0] : value.span[0]])
            if match and not _vague(match["subject"]):
                yield f"When {match['verb']} {_inside(match['subject'])} {match['rest']}?"


def _who(text: str) -> Iterator[str]:
    for match in _ROLE.finditer(text):
        words = match["role"].split()
        role = " ".join(
            word.lower() if word.lower() in _ROLES else word.replace("U.S.", "US") for word in words
        )
        yield f"Who is the {role}?"


def _what(text: str) -> Iterator[str]:
    for match in _SAYING.finditer(text):
        if not _vague(match["subject"]):
            yield f"What did {_inside(match['subject'])} {_DID[match['verb']]}?"


def _from_names(articles: Sequence[Article]) -> Iterator[_Candidate]:
    """Ask for the names that most articles speak of, the longest form of each."""
    speaking: Counter[str] = Counter()
    mentions: Counter[str] = Counter()
    where: dict[str, str] = {}
    for article in articles:
        text = article.text
        names = [
            match[0].removesuffix("’s").removesuffix("'s")
            for span in split_sentences(text)
            if not is_heading(text[slice(*span)])
            for match in _NAMED.finditer(text, span[0] + 1, span[1])
            if " " in match[0] and not _vague(match[0])
        ]
        speaking.update(set(names))
        mentions.update(names)
        for name in names:
            where.setdefault(name, article.path)
    for name in sorted(where, key=lambda name: (-speaking[name], -mentions[name], name)):
        tier = 0 if speaking[name] >= _SPOKEN_OF * len(articles) else -1
        yield _Candidate(f"What is said about {name}?", where[name], tier)


def _vague(subject: str) -> bool:
    """Whether it points elsewhere ("It", "This"), or does not fit into a question."""
    first = subject.split(maxsplit=1)[0]
    pointing = {
        "It", "He", "She", "They", "We", "You", "I", "This", "That", "These", "Those", "There",
        "His", "Her", "Their", "Its", "Who", "What", "When", "In", "On", "At", "As", "But", "And",
        "If", "For", "While", "After", "Before", "Since", "By", "With", "One", "Some", "Read",
    }  # fmt: skip
    return first in pointing or len(subject.split()) > 6


def _inside(subject: str) -> str:
    return "the" + subject[3:] if subject.startswith("The ") else subject


def _aside(article: Article, span: Span) -> bool:
    return any(a <= span[0] < b for a, b in article.boilerplate)


def _spread(articles: Sequence[Article]) -> list[Article]:
    """Return at most `_ARTICLES` of them, evenly spread."""
    step = max(1, -(-len(articles) // _ARTICLES))
    return list(articles[::step])
