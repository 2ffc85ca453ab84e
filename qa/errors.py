"""The errors a person may see. Each message says what happened, where, and what mends it."""


class QaError(Exception):
    """Base of every error that `qa` raises on purpose; the command line prints it and exits 1."""


class ArticleError(QaError):
    """One file cannot be read as an article. A sync skips the file and reports the reason."""


class CorpusError(QaError):
    """The folder of articles, or what stands in it, cannot be used."""


class StoreError(QaError):
    """The index folder cannot be used as it is."""


class BusyError(StoreError):
    """Another process is indexing into the same folder."""


class ModelError(QaError):
    """The embedding model or the tokenizer vocabulary cannot be loaded."""


class QueryError(QaError):
    """The question, or an argument beside it, cannot be used."""


class AccessError(QaError):
    """It is not said, or not so that it can be done, who may use the server."""
