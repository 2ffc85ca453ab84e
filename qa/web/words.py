"""Numbers in words, for the page."""

LANGUAGES = dict(
    pair.split(":")
    for pair in """
    ar:Arabic bg:Bulgarian cs:Czech da:Danish de:German el:Greek en:English es:Spanish fa:Persian
    fi:Finnish fr:French he:Hebrew hi:Hindi hu:Hungarian id:Indonesian it:Italian ja:Japanese
    ko:Korean nl:Dutch no:Norwegian pl:Polish pt:Portuguese ro:Romanian ru:Russian sv:Swedish
    th:Thai tr:Turkish uk:Ukrainian vi:Vietnamese zh:Chinese
    """.split()
)


def count(number: int, noun: str) -> str:
    """Return a number of things: "1 article", "5,000 articles"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def confidence(probability: float) -> str:
    """Return how likely it is that the articles answer the question."""
    if probability >= 0.8:
        return "The articles very likely answer this."
    if probability >= 0.5:
        return "The articles probably answer this."
    if probability >= 0.2:
        return "The articles may answer this: read the quotes."
    return "The articles hardly answer this: these passages come nearest."


def length(words: int, characters: int) -> str:
    """Return the length of an article; in characters if it is written without spaces."""
    if characters > 20 * words:
        return count(characters, "character")
    return count(words, "word")


def time_left(seconds: float) -> str:
    """Return a rough duration."""
    if seconds < 60:
        return f"about {max(5, round(seconds / 5) * 5)} seconds"
    minutes = round(seconds / 60)
    return "about a minute" if minutes == 1 else f"about {minutes} minutes"
