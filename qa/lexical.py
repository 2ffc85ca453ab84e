"""Text to index terms, for matching and never for showing. Pure."""

import re
import unicodedata
from functools import lru_cache

import Stemmer

# Acronyms with full stops, numbers with separators, then any run of letters and digits.
_TOKEN = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:[.,]\d+)+|[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b")
_COUNTRY = re.compile(r"\bUS\b")  # not the pronoun, which is a stop word

# English words that say nothing of the subject, and the words that make a question of it.
STOP_WORDS = frozenset(
    """a about am an and any are as at be been being but by can could did do does for from had has
    have he her him his how i if in into is it its me my no not of on or our she should so such
    than that the their them then there these they this those to us was we were what when where
    which who whom whose why will with would you your""".split()
)

# One name for what outlets spell in two ways. Both sides of a match pass through it.
_VARIANTS = {
    "turkiye": "turkey",
    "kiev": "kyiv",
    "czechia": "czech",
    "usd": "dollar",
    "eur": "euro",
    "programme": "program",
    "programmes": "programs",
    "defence": "defense",
    "defences": "defenses",
    "offence": "offense",
    "licence": "license",
    "licences": "licenses",
}
_SPELLINGS = (
    (re.compile(r"(?<=\w{3})is(e|ed|es|er|ers|ing|ation|ations)$"), r"iz\1"),
    (re.compile(r"(?<=\w{3})our(s|ed|ing|able|ite|hood)?$"), r"or\1"),
    (re.compile(r"(?<=\w{2})tre(s)?$"), r"ter\1"),
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_stemmer = Stemmer.Stemmer("english")


def fold(text: str) -> str:
    """Return `text` in lower case without accents: "Erdoğan" and "ERDOGAN" become one."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i"))
    return _BEYOND_ASCII.sub(_without_accent, decomposed).casefold()


def _without_accent(match: re.Match[str]) -> str:
    return "" if unicodedata.combining(match[0]) else match[0]


def terms(text: str) -> list[str]:
    """Return the index terms of `text`, in order, repeats kept, stop words left out."""
    return list(_terms(text))


@lru_cache(maxsize=10_000)  # the same sentences are weighed for one question after the other
def _terms(text: str) -> tuple[str, ...]:
    plain = _POSSESSIVE.sub("", fold(_COUNTRY.sub("U.S.", text)))
    return tuple(_term(token) for token in _TOKEN.findall(plain) if token not in STOP_WORDS)


@lru_cache(maxsize=100_000)
def _term(token: str) -> str:
    if "." in token and not token[0].isdigit():
        token = token.replace(".", "")
    token = _VARIANTS.get(token, token)
    for pattern, replacement in _SPELLINGS:
        token = pattern.sub(replacement, token)
    return str(_stemmer.stemWord(token))
