"""A question and the ones before it: what it takes over from them. Pure."""

import re
from collections.abc import Sequence

from qa.lexical import fold, terms

# Words that point at something said before, and openings that go on from it.
_POINTER = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those|there|then"
    r"|one|ones|the same|such|former|latter|else|instead)\b"
)
_OPENING = re.compile(r"\W*(?:and|but|or|so|also|what about|how about|why|why not|since when)\b")
# "that" after a word for saying or knowing opens a clause and points at nothing.
_CLAUSE = re.compile(
    r"\b(?:say|says|said|claim\w*|den\w+|know|think|stat\w+|argu\w+|report\w*) that\b"
)
_WORD = re.compile(r"[^\W_](?:[\w’'./-]*[^\W_])?")
# Left of "how many" when its stop word is gone.
_COUNTING = {"mani", "much"}
_FEW_TERMS = 2
# Earlier questions that may still be meant.
TURNS = 5


def leans_on_history(question: str) -> bool:
    """Say whether `question` needs an earlier one to be understood."""
    folded = fold(question)
    if _OPENING.match(folded):
        return True
    if _POINTER.search(_CLAUSE.sub(" ", folded)):
        return True
    return len(terms(question)) < _FEW_TERMS


def context(question: str, history: Sequence[str]) -> str:
    """Return the earlier questions that `question` leans on, oldest first; empty if on none.

    An earlier question that itself opened a new subject is where it ends: what was asked before it
    is not meant any more.

    Args:
        question: The question asked now.
        history: The earlier questions, oldest first.
    """
    if not leans_on_history(question):
        return ""
    meant: list[str] = []
    for earlier in reversed(history[-TURNS:]):
        meant.insert(0, earlier.strip())
        if not leans_on_history(earlier):
            break
    return " ".join(meant)


def carried_over(question: str, context: str) -> tuple[str, ...]:
    """Return the words that `context` adds to `question`, in order, as they were written."""
    known = set(terms(question))
    words: list[str] = []
    for match in _WORD.finditer(context):
        new = set(terms(match[0])) - known - _COUNTING
        if new:
            known |= new
            words.append(match[0])
    return tuple(words)
