"""Answers over a folder of articles, in the articles' own words."""

from importlib.metadata import version

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

__version__ = version("qa")

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
