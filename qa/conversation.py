"""A question and the ones before it to one question that stands alone. Pure."""

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
_FEW_TERMS = 2


def leans_on_history(question: str) -> bool:
    """Say whether `question` needs an earlier one to be understood."""
    folded = fold(question)
    if _OPENING.match(folded):
        return True
    if _POINTER.search(_CLAUSE.sub(" ", folded)):
        return True
    return len(terms(question)) < _FEW_TERMS


def standalone(question: str, history: Sequence[str]) -> str:
    """Return what to search for.

    A question that stands alone is returned as it is; one that leans on the conversation is put
    behind the question that it leans on, which may itself lean on an earlier one.

    Args:
        question: The question asked now.
        history: The earlier questions, oldest first.
    """
    question = question.strip()
    if not history or not leans_on_history(question):
        return question
    topic = standalone(history[-1], history[:-1])
    return f"{topic} {question}".strip()
