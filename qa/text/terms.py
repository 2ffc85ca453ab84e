"""Text to index terms, for matching and never for showing. Pure.

English is folded, then stemmed; other languages are stemmed in their own letters, then folded,
since their stemmers read the accents. Text without spaces is split into pairs of characters.
"""

import re
import tomllib
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

import regex
import Stemmer

# Acronyms with full stops, numbers with separators, then any run of letters and digits.
_TOKEN = re.compile(r"(?:[^\W\d_]\.){2,}|\d+(?:[.,]\d+)+|[^\W_]+")
# Chinese, Japanese, Korean, Thai, Lao, Burmese, Khmer.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff]+"
)
_POSSESSIVE = re.compile(r"['’]s\b")
_COUNTRY = re.compile(r"\bUS\b")  # not the pronoun, which is a stop word

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# In other languages letters may carry marks that belong to the word, such as vowels in Hindi. Those
# of Arabic and Hebrew are mostly not written, so they are removed.
_FOREIGN_TOKEN = regex.compile(r"\d+(?:[.,]\d+)+|[\p{L}\p{N}\p{M}]+")
_VOWEL_POINTS = re.compile(r"[\u0591-\u05c7\u0640\u064b-\u065f\u0670]")

_ENGLISH = "en"
_WORDS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_STEMMED = frozenset(_WORDS["stemmed"].split())
_STOP_WORDS = {code: frozenset(words.split()) for code, words in _WORDS["stop_words"].items()}
STOP_WORDS = _STOP_WORDS[_ENGLISH]
"""English function words and question words."""
_VARIANTS: dict[str, str] = _WORDS["variants"]
_ENDINGS = [(re.compile(ending), new) for ending, new in _WORDS["endings"].items()]


def encodable(text: str) -> str:
    """Return text with "?" for lone surrogates, which no encoding can carry."""
    return text.encode("utf-8", "replace").decode()


def fold(text: str) -> str:
    """Return `text` in lower case without accents: "Erdoğan" and "ERDOGAN" become one."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i"))
    decomposed = decomposed.replace("и\u0306", "й").replace("И\u0306", "Й")  # a letter of its own
    letters = _BEYOND_ASCII.sub(lambda m: m[0] * (not unicodedata.combining(m[0])), decomposed)
    return letters.casefold()


def rules_for(language: str | None) -> str:
    """Return whose rules `index_terms` follows: English ones if the language is not known.

    Args:
        language: ISO 639-1 code.

    Returns:
        The code of a language with a stemmer, or "" for words that are only folded.
    """
    if language is None:
        return _ENGLISH
    if language == "nb":  # Bokmål: Norwegian as most write it
        return "no"
    return language if language in _STEMMED else ""


def index_terms(text: str, language: str | None = None) -> list[str]:
    """Return the index terms of `text`, in order, repeats kept, stop words left out.

    Args:
        text: Any text.
        language: ISO 639-1 code; see `rules_for`.

    Returns:
        Terms, none of them empty.
    """
    rules = rules_for(language)
    if rules == _ENGLISH:
        plain = _POSSESSIVE.sub("", fold(_COUNTRY.sub("U.S.", text)))
        return [_english_term(word) for word in words(plain) if word not in STOP_WORDS]
    if rules == "tr":
        text = text.replace("I", "ı").replace("İ", "i")
    plain = _VOWEL_POINTS.sub("", unicodedata.normalize("NFC", text)).lower()
    found = (_foreign_term(word, rules) for word in words(plain, foreign=True))
    return [term for term in found if term]


def words(text: str, *, foreign: bool = False) -> list[str]:
    """Return the words of a text unchanged; pairs of characters in scripts without spaces."""
    tokens: list[str] = (_FOREIGN_TOKEN if foreign else _TOKEN).findall(text)
    if not _UNSPACED.search(text):
        return tokens
    found: list[str] = []
    for token in tokens:
        position = 0
        for run in _UNSPACED.finditer(token):
            found += [token[position : run.start()]] * (run.start() > position)
            found += [run[0][i : i + 2] for i in range(max(1, len(run[0]) - 1))]
            position = run.end()
        found += [token[position:]] * (position < len(token))
    return found


# The caches hold words, never whole texts: their size is bounded by the vocabulary.
@lru_cache(maxsize=50_000)
def _foreign_term(word: str, rules: str) -> str:
    """Return the term of a word; "" for a stop word and for marks without a letter."""
    if fold(word) in _STOP_WORDS.get(rules, ()):
        return ""
    return fold(_stemmer(rules).stemWord(word)) if rules else fold(word)


@lru_cache(maxsize=50_000)
def _english_term(word: str) -> str:
    if "." in word and not word[0].isdigit():
        word = word.replace(".", "")
    word = _VARIANTS.get(word, word)
    for ending, american in _ENDINGS:
        word = ending.sub(american, word)
    return str(_stemmer(_ENGLISH).stemWord(word))


@cache
def _stemmer(rules: str) -> "Stemmer.Stemmer":
    return Stemmer.Stemmer(rules)
