"""The exceptions that callers may see. Each message says what happened, where, and what to do.

QaError
├── ArticleError
├── CorpusError
├── StoreError
│   └── BusyError
├── ModelError
├── QueryError
├── AccessError
└── CancelledError
"""


class QaError(Exception):
    """Base of every exception that `qa` raises on purpose. The command line prints it, exits 1."""


class ArticleError(QaError):
    """A file cannot be read as an article. A sync skips the file and reports the reason."""


class CorpusError(QaError):
    """The folder of articles cannot be used, or a change to it is not possible."""


class StoreError(QaError):
    """The index cannot be used, or is closed."""


class BusyError(StoreError):
    """Another process is indexing into the same folder."""


class ModelError(QaError):
    """The embedding model or the tokenizer vocabulary cannot be loaded."""


class QueryError(QaError):
    """A question, or an argument of a search, is not valid."""


class AccessError(QaError):
    """The server's access settings are missing, contradictory or cannot be used."""


class CancelledError(QaError):
    """A sync, or the reading of a file, was cancelled."""
