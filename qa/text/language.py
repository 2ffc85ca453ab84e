"""The language that a text is written in. The only importer of py3langid."""

from collections.abc import Collection, Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Lowest probability that counts: short texts and lists of figures get less, news articles 1.
_SURE = 0.8
# Characters that are read: more take longer and do not change the result.
_CHARACTERS = 5_000

# Fewer articles in other languages are not mentioned: single short texts are often misdetected.
_NOTED_SHARE = 0.02


def detect(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None if it is uncertain."""
    code, probability = _identifier().classify(text[:_CHARACTERS])
    return str(code) if probability >= _SURE else None


@cache
def _identifier() -> "LanguageIdentifier":
    # Loading takes most of a second, so it waits until something new is indexed.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def foreign_note(counts: Mapping[str | None, int], known: Collection[str]) -> str:
    """Return a warning about articles in languages that a model was not made for, if any.

    Args:
        counts: Number of articles in each language; None where it is not known.
        known: Languages of the model; empty if they are not known.
    """
    foreign = {code: n for code, n in counts.items() if code is not None and code not in known}
    total, every = sum(foreign.values()), sum(counts.values())
    if not known or not foreign or total < _NOTED_SHARE * every:
        return ""
    listed = ", ".join(f"{code}: {count}" for code, count in sorted(foreign.items()))
    return (
        f"{total} of {every} articles are not in English ({listed}). The built-in model knows "
        "English only: other languages are searched by their words, hardly by their meaning. For "
        "them use a multilingual model in a folder of yours, such as "
        "paraphrase-multilingual-MiniLM-L12-v2: --model FOLDER --rebuild"
    )
