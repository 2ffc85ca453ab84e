"""The language that a text is written in. The only importer of py3langid."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Short texts and lists of figures are guessed with less than this; news articles reach 1.
_SURE = 0.8
# Enough to be sure of; more only takes longer.
_CHARACTERS = 5_000


def detect(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None where it is not plain."""
    code, probability = _identifier().classify(text[:_CHARACTERS])
    return str(code) if probability >= _SURE else None


@cache
def _identifier() -> "LanguageIdentifier":
    # Loading takes most of a second: only when something new is indexed.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
