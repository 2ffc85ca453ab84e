"""What the harnesses share."""

import hashlib
from pathlib import Path

from qa import Corpus

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds"
QUESTIONS = (
    "Who called for a ceasefire?",
    "How many people were killed?",
    "What did the president say?",
)


def answers(corpus: Corpus) -> list[list[tuple[str, int, int, str, str]]]:
    """Ask the questions, and hold every quote against the file on disk.

    Returns:
        For each question its quotes: path, start, end, text, outlet.

    Raises:
        AssertionError: A quote is not in its file, or its article is not what its id says.
    """
    found = []
    for question in QUESTIONS:
        quotes = []
        for citation in corpus.answer(question).citations:
            article = citation.article
            text = article.text[citation.start : citation.end]
            on_disk = (corpus.folder / article.path).read_text(encoding="utf-8")
            assert text in on_disk, f"a quote is not in {article.path}"
            assert hashlib.sha256(article.text.encode()).hexdigest() == article.article_id
            quotes.append((article.path, citation.start, citation.end, text, article.outlet or ""))
        found.append(quotes)
    return found


def table(*names: str) -> str:
    """Return the head of a Markdown table."""
    return f"{row(*names)}\n{row(*['---'] * len(names))}"


def row(*values: object) -> str:
    """Return a row of it."""
    return f"| {' | '.join(map(str, values))} |"
