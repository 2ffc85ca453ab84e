"""The default corpus, for `qa.retrieve`."""

from pathlib import Path
from threading import Lock

from qa.corpus import Corpus
from qa.locations import articles_folder, index_folder
from qa.records import Hit

_default: dict[tuple[Path, Path], Corpus] = {}
_lock = Lock()  # guards `_default`: a corpus is opened once


def retrieve(query: str, k: int = 5) -> list[Hit]:
    """Return the passages of the default corpus that fit a question best.

    The default corpus is the one that `Corpus.open` opens without arguments. It is opened and
    synced by the first call, and kept. For other articles, filters or a new sync, open a `Corpus`.

    Raises:
        QaError: The corpus cannot be opened, or the query or `k` is not valid.
    """
    with _lock:
        folder = articles_folder()
        places = (folder.resolve(), index_folder(folder).resolve())
        if places not in _default:
            _default[places] = Corpus.open()
    return _default[places].retrieve(query, k)
