"""Answers over a folder of articles, in the articles' own words."""

from qa.corpus import Corpus, retrieve
from qa.datatypes import (
    Answer,
    Article,
    Citation,
    Hit,
    Passage,
    Scope,
    Skipped,
    SyncProgress,
    SyncReport,
    WeighedSentence,
)
from qa.errors import ArticleError, CorpusError, ModelError, QaError, QueryError, StoreError

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Article",
    "ArticleError",
    "Citation",
    "Corpus",
    "CorpusError",
    "Hit",
    "ModelError",
    "Passage",
    "QaError",
    "QueryError",
    "Scope",
    "Skipped",
    "StoreError",
    "SyncProgress",
    "SyncReport",
    "WeighedSentence",
    "retrieve",
]
