"""Answers over a folder of articles, in the articles' own words."""

from qa.corpus import Corpus
from qa.default import retrieve
from qa.errors import (
    AccessError,
    ArticleError,
    BusyError,
    CancelledError,
    CorpusError,
    ModelError,
    QaError,
    QueryError,
    StoreError,
)
from qa.index.reports import Status, SyncProgress, SyncReport
from qa.records import (
    Answer,
    Article,
    ArticleSummary,
    Citation,
    Difference,
    Hit,
    Passage,
    Question,
    Scope,
    ScoredSentence,
    Skipped,
    StatedValue,
)

__version__ = "0.1.0"

__all__ = [
    "AccessError",
    "Answer",
    "Article",
    "ArticleError",
    "ArticleSummary",
    "BusyError",
    "CancelledError",
    "Citation",
    "Corpus",
    "CorpusError",
    "Difference",
    "Hit",
    "ModelError",
    "Passage",
    "QaError",
    "QueryError",
    "Question",
    "Scope",
    "ScoredSentence",
    "Skipped",
    "StatedValue",
    "Status",
    "StoreError",
    "SyncProgress",
    "SyncReport",
    "retrieve",
]
