"""Follow a folder: sync whenever something in it changes. The only importer of watchfiles."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from watchfiles import watch

from qa.corpus import Corpus
from qa.datatypes import SyncProgress, SyncReport
from qa.errors import QaError
from qa.readers.isolated import EndedError

_log = logging.getLogger(__name__)
# Milliseconds in which changes are gathered: a folder that is being copied is one change.
_DEBOUNCE = 1_000
# Seconds after which a folder that is gone, or is on a disk that was taken out, is tried again.
_RETRY = 5.0
# Seconds after which a sync that failed is tried again, if nothing changes before.
_AGAIN = 10.0


def follow(
    corpus: Corpus, stop: Event, tell: Callable[[SyncReport | QaError], None] | None = None
) -> None:
    """Keep a corpus up to its folder until told to stop.

    Questions are answered meanwhile, from the articles that are in.

    Args:
        corpus: The corpus, opened.
        stop: Ends it, within a second.
        tell: Called after each sync with what it did, or why it could not be done.
    """
    failed: tuple[str, float] | None = None
    while not stop.is_set():
        begun = False
        try:
            for changes in watch(
                corpus.folder,
                stop_event=stop,
                watch_filter=lambda _, path: _matters(corpus.folder, path),
                debounce=_DEBOUNCE,
                rust_timeout=_DEBOUNCE,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                # The first time as well, for what changed before the watch began; and again after
                # a full disk or the like, which nothing in the folder would tell of.
                due = failed and time.monotonic() - failed[1] > _AGAIN
                if changes or not begun or due:
                    error = _sync(corpus, stop, tell, failed[0] if failed else "")
                    failed = (error, time.monotonic()) if error else None
                begun = True
                corpus.folder.stat()  # a folder that was deleted is not watched any more
        except OSError as error:  # the folder is gone, or the system watches enough already
            _log.warning("%s cannot be watched: %s", corpus.folder, error)
            stop.wait(_RETRY)
        else:  # told to stop, or interrupted
            return


def _sync(
    corpus: Corpus,
    stop: Event,
    tell: Callable[[SyncReport | QaError], None] | None,
    told: str,
) -> str:
    """Sync once; return why it could not be done. What was `told` before is not told again."""

    def look(_: SyncProgress) -> None:
        if stop.is_set():
            raise EndedError

    try:
        report: SyncReport | QaError = corpus.sync(look, may_be_empty=True, wait=False)
    except EndedError:  # the next one goes on from there
        return ""
    except QaError as error:
        report = error
    except Exception as error:  # noqa: BLE001  # the folder is followed further
        _log.exception("the articles were not indexed")
        return str(error)
    why = str(report) if isinstance(report, QaError) else ""
    if tell and (not why or why != told):
        tell(report)
    return why


def _matters(folder: Path, path: str) -> bool:
    """Whether a path is one that a sync reads: hidden files, and what is in the making, are not."""
    try:
        parts = Path(path).relative_to(folder.resolve()).parts
    except ValueError:
        parts = Path(path).parts[-1:]
    return not any(part.startswith(".") for part in parts)
