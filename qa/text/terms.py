"""Text to index terms, for matching and never for showing. Pure.

English is folded, then stemmed; other languages are stemmed in their own letters, then folded,
since their stemmers read the accents. Text without spaces is split into pairs of characters.
"""

import re
import unicodedata
from functools import cache, lru_cache

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

# English function words and question words.
STOP_WORDS = frozenset(
    """a about am an and any are as at be been being but by can could did do does for from had has
    have he her him his how i if in into is it its me my no not of on or our she should so such
    than that the their them then there these they this those to us was we were what when where
    which who whom whose why will with would you your""".split()
)

# One spelling for what outlets spell in two ways, applied to articles and questions alike.
_VARIANTS = {
    "turkiye": "turkey", "kiev": "kyiv", "czechia": "czech", "usd": "dollar", "eur": "euro",
    "programme": "program", "programmes": "programs", "defence": "defense", "defences": "defenses",
    "offence": "offense", "licence": "license", "licences": "licenses",
}  # fmt: skip
_SPELLINGS = (
    (re.compile(r"(?<=\w{3})is(e|ed|es|er|ers|ing|ation|ations)$"), r"iz\1"),
    (re.compile(r"(?<=\w{3})our(s|ed|ing|able|ite|hood)?$"), r"or\1"),
    (re.compile(r"(?<=\w{2})tre(s)?$"), r"ter\1"),
)
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# In other languages letters may carry marks that belong to the word, such as vowels in Hindi. Those
# of Arabic and Hebrew are mostly not written, so they are removed.
_FOREIGN_TOKEN = regex.compile(r"\d+(?:[.,]\d+)+|[\p{L}\p{N}\p{M}]+")
_VOWEL_POINTS = re.compile(r"[\u0591-\u05c7\u0640\u064b-\u065f\u0670]")

_ENGLISH = "en"
# The languages of Snowball's stemmers, as ISO 639-1 codes, by which Snowball knows them too.
_STEMMED = frozenset(
    """ar ca cs da de el en es et eu fa fi fr ga hi hu hy id it lt ne nl no pl pt ro ru sr sv ta
    tr""".split()
)
# Stop words of other languages, folded.
_STOP_WORDS = {
    "ar": """من في على الى عن ان ما ماذا متى اين كيف هل هو هي هذا هذه التي الذي مع كان لم لا
        قد""".split(),
    "de": """der die das den dem des ein eine einen einem einer eines und oder aber nicht ist sind
        war waren wird werden wurde wurden hat haben hatte im in am an auf aus bei mit nach von vom
        zu zum zur fur uber um sich es er sie wir ihr was wer wen wem wann wo wie warum welche
        welcher welches wieviel viel viele""".split(),
    "es": """el la los las un una unos unas de del a al en y o no es son fue fueron ha han por para
        con que se su sus lo como quien quienes cuando donde cual cuales cuanto cuantos""".split(),
    "fr": """le la les un une des de du d l a au aux en et ou ne pas est sont etait ete par pour
        avec que qu qui se sa son ses ce cette dans sur quand comment quel quelle quels quelles
        combien quoi""".split(),
    "ru": """и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по ее мне
        было от о из ему ли или кто где когда какой какая какие сколько почему был была
        были""".split(),
    "tr": """ve bir bu da de ile icin mi mu ne kim nerede nasil hangi kac zaman neden o ama gibi
        daha cok en olan olarak var""".split(),
}


def fold(text: str) -> str:
    """Return `text` in lower case without accents: "Erdoğan" and "ERDOGAN" become one."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i"))
    decomposed = decomposed.replace("и\u0306", "й").replace("И\u0306", "Й")  # a letter of its own
    return _BEYOND_ASCII.sub(_without_accent, decomposed).casefold()


def _without_accent(match: re.Match[str]) -> str:
    return "" if unicodedata.combining(match[0]) else match[0]


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
    found: list[str] = []
    for token in (_FOREIGN_TOKEN if foreign else _TOKEN).findall(text):
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
    for pattern, replacement in _SPELLINGS:
        word = pattern.sub(replacement, word)
    return str(_stemmer(_ENGLISH).stemWord(word))


@cache
def _stemmer(rules: str) -> "Stemmer.Stemmer":
    return Stemmer.Stemmer(rules)
