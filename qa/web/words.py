"""Numbers in words, for the page."""


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
