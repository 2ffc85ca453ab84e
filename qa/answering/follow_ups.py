"""Follow-up questions: what a question takes from the earlier ones of the conversation."""

import re
from collections.abc import Sequence

from qa.text.terms import fold, index_terms

# Words that refer to something said before.
_PRONOUN = (
    r"(?<!is )(?<!was )it|its|they|them|their|theirs|he|him|his|she|her|hers|former|latter|instead"
    r"|(?:is|was) it(?! (?:true|like|likely|possible|clear|known)\b)|the same(?! (?:\w+ ){0,2}as\b)"
)
# "this", "that": a reference before a noun or at the end, but not before a time ("this week"), nor
# where they open a clause ("the report that", "said that") or a restriction ("those who").
_TIME = (
    r"time|day|week|weekend|month|year|decade|century|morning|afternoon|evening|night|spring"
    r"|summer|autumn|fall|winter|season|past|last|coming|monday|tuesday|wednesday|thursday|friday"
    r"|saturday|sunday|january|february|march|april|may|june|july|august|september|october"
    r"|november|december"
)
_DEMONSTRATIVE = (
    rf"(?:this|these)\b(?! (?:{_TIME})s?\b)"
    r"|those\b(?! (?:who|which|that|in|of|from|with)\b)"
    r"|that\b(?=\W*$)"
    r"|(?:is|was|does|did|do|will|would|can|could|about|of|to|by|for|on|at|with|after|before|since"
    r"|why|when|how|where|who|deny|confirm|do|than|like) that\b(?! (?:the|a|an)\b)"
)
# "there" refers to a place, unless it only says that something exists ("is there a ferry").
_PLACE = (
    r"(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )(?<!been )(?<!has )(?<!have )(?<!had )(?<!will )"
    r"there\b(?! (?:is|are|was|were|has|have|had|be|will|would|can|could|may|might|should|must)\b)"
    r"|there\b(?=\W*$)"
)
_OTHER = (
    r"(?:which|what|the|this|that|another|other|first|second|third|last|new|old) ones?\b(?=\W*$|"
    r" (?:is|are|was|were|did|does|do|will|of them)\b)|such\b(?! as\b)"
    r"|(?:since|by|until|before|after) then\b"
    r"|(?:then|next|later|afterwards|earlier|else|since)\b(?=\W*$)"
)
_REFERENCE = re.compile(rf"\b(?:{_PRONOUN})\b|\b(?:{_DEMONSTRATIVE})|\b(?:{_PLACE})|\b(?:{_OTHER})")
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
