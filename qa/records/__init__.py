"""The records that the modules exchange: frozen, without behaviour except slices and checks."""

from qa.records.answers import Answer, Citation, Difference, Hit, ScoredSentence, StatedValue
from qa.records.articles import Article, ArticleSummary, Passage, Skipped, Span
from qa.records.questions import EVERYTHING, Question, Scope

__all__ = [
    "EVERYTHING",
    "Answer",
    "Article",
    "ArticleSummary",
    "Citation",
    "Difference",
    "Hit",
    "Passage",
    "Question",
    "Scope",
    "ScoredSentence",
    "Skipped",
    "Span",
    "StatedValue",
]
