"""The analysis of a question: everything that search and answer need to know of it, found once."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qa.answering import follow_ups
from qa.errors import QueryError
from qa.models.embedder import Embedder
from qa.records import Question
from qa.text.terms import encodable, index_terms, rules_for
from qa.text.values import Kind, Value, asked_kind, find_values

MAX_LENGTH = 2_000
"""Characters of a question. The model would read only the beginning of a longer one."""
# Weights of earlier questions beside the one asked now, in its vector and in its terms.
_CONTEXT_VECTOR, _CONTEXT_TERMS = 0.6, 0.4


@dataclass(frozen=True)
class AnalyzedQuestion:
    """A question with what it is searched and answered by.

    Attributes:
        asked: The question.
        text: Its text, without surrounding white space.
        carried_over: Words taken from earlier questions.
        vector: Unit vector, float32 of shape ``(dimension,)``.
        weights: Weight of each index term, for each set of rules that the articles' languages
            follow; see `qa.text.terms.rules_for`.
    """

    asked: Question
    text: str
    carried_over: tuple[str, ...]
    vector: NDArray[np.float32]
    weights: dict[str, dict[str, float]]

    @cached_property
    def query(self) -> str:
        """The question with the words taken from earlier ones."""
        return " ".join([self.text, *self.carried_over])

    @cached_property
    def kind(self) -> Kind | None:
        """The kind of value that the question asks for, if its wording says so."""
        return asked_kind(self.query)

    @cached_property
    def terms(self) -> frozenset[str]:
        """Index terms of `query`, by the rules of English."""
        return frozenset(index_terms(self.query))

    @cached_property
    def values(self) -> list[Value]:
        """Values of the kind that is asked for which the question itself states."""
        return [value for value in find_values(self.query) if value.kind == self.kind]

    @cached_property
    def all_weights(self) -> dict[str, float]:
        """Weight of each term, whatever the rules."""
        merged: dict[str, float] = {}
        for weights in self.weights.values():
            merged |= {term: max(w, merged.get(term, 0.0)) for term, w in weights.items()}
        return merged


def check_text(text: object) -> str:
    """Return a question without surrounding white space.

    Raises:
        QueryError: It is no text, is empty, has no letter or digit, or is too long.
    """
    if not isinstance(text, str):
        raise QueryError(f"The question is {text!r}; it must be text.")
    text = encodable(text).strip()
    if not text:
        raise QueryError("The question is empty. Ask one in words.")
    if len(text) > MAX_LENGTH:
        raise QueryError(
            f"The question has {len(text):,} characters; the limit is {MAX_LENGTH:,}. Shorten it."
        )
    if not any(character.isalnum() for character in text):
        raise QueryError("There is no word in the question. Ask one in words.")
    return text


def analyze(
    question: Question, embedder: Embedder, languages: Collection[str | None]
) -> AnalyzedQuestion:
    """Analyse a question.

    The earlier questions that it refers to count as a second, weaker question. Appending them
    instead finds the earlier answer again; docs/decisions/0006-follow-ups.md has the figures.

    Args:
        question: The question.
        embedder: Makes the vector.
        languages: Languages of the articles; the question is analysed by the rules of each.

    Raises:
        QueryError: See `check_text`.
    """
    text = check_text(question.text)
    context = encodable(follow_ups.context(text, question.history))
    weights: dict[str, dict[str, float]] = {}
    for rules in sorted({rules_for(language) for language in languages or (None,)}):
        language = rules or "?"  # a language without a stemmer
        weights[rules] = dict.fromkeys(index_terms(context, language), _CONTEXT_TERMS)
        weights[rules] |= dict.fromkeys(index_terms(text, language), 1.0)
    vector = embedder.embed_queries([text, context] if context else [text])
    if context:
        vector = vector[:1] + _CONTEXT_VECTOR * vector[1:]
        vector /= np.linalg.norm(vector)
    carried = follow_ups.carried_over(text, context)
    return AnalyzedQuestion(question, text, carried, vector[0], weights)
