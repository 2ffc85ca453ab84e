"""Follow-up questions: what a question takes from the earlier ones of the conversation."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from qa.text.terms import fold, index_terms

_PATTERNS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_TIMES = "|".join(_PATTERNS["times"].split())
_REFERENCE = re.compile("|".join(_PATTERNS["references"]).replace("TIMES", _TIMES))
# Openings that continue an earlier question.
_OPENING = re.compile(r"\W*(?:and|but|or|so|also|what about|how about|since when)\b")
_WORD = re.compile(r"[^\W_](?:[\w’'./-]*[^\W_])?")
# What remains of "how many" without its stop word.
_COUNTING = {"mani", "much"}
_FEW_TERMS = 2
TURNS = 5
"""Number of earlier questions that may be meant."""


def is_follow_up(question: str) -> bool:
    """Return whether `question` cannot be understood without an earlier one."""
    folded = fold(question)
    if _OPENING.match(folded) or _REFERENCE.search(folded):
        return True
    return len(index_terms(question)) < _FEW_TERMS


def context(question: str, history: Sequence[str]) -> str:
    """Return the earlier questions that a follow-up refers to, oldest first; else nothing.

    They go back to the last question that is no follow-up itself: what was asked before that one
    is not meant any more.

    Args:
        question: The question asked now.
        history: The earlier questions, oldest first.
    """
    if not history or not is_follow_up(question):
        return ""
    meant: list[str] = []
    for earlier in reversed(history[-TURNS:]):
        meant.insert(0, earlier.strip())
        if not is_follow_up(earlier):
            break
    return " ".join(meant)


def carried_over(question: str, context: str) -> tuple[str, ...]:
    """Return the words that `context` adds to `question`, in order, as they were written."""
    known = set(index_terms(question))
    words: list[str] = []
    for match in _WORD.finditer(context):
        new = set(index_terms(match[0])) - known - _COUNTING
        if new:
            known |= new
            words.append(match[0])
    return tuple(words)
