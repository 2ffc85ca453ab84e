"""Following a folder: a sync whenever something in it changes. The only importer of watchfiles."""

import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from watchfiles import watch

from qa.corpus import Corpus
from qa.errors import CancelledError, QaError
from qa.index.reports import SyncProgress, SyncReport

_log = logging.getLogger(__name__)
# Milliseconds in which changes are collected: copying a folder is one change.
_DEBOUNCE = 1_000
# Seconds until a sync that failed, or a folder that is missing, is tried again.
_RETRY = 10.0

Report = Callable[[SyncReport | QaError], None]


def follow(corpus: Corpus, stop: Event, report: Report | None = None) -> None:
    """Keep a corpus up to date with its folder until `stop` is set.

    Questions are answered meanwhile, from the articles that are indexed.

    Args:
        corpus: The corpus, opened.
        stop: Ends the function within a second.
        report: Called after each sync with its result, or the error that prevented it.
    """
    error = ""
    while not stop.is_set():
        due = 0.0  # at once, for changes before the watch began
        try:
            for changes in watch(
                corpus.folder,
                stop_event=stop,
                watch_filter=lambda _, path: _is_read(corpus.folder, path),
                debounce=_DEBOUNCE,
                rust_timeout=_DEBOUNCE,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                if changes or time.monotonic() > due:
                    error = _sync(corpus, stop, report, error)
                    # The end of an error such as a full disk is no change in the folder.
                    due = time.monotonic() + _RETRY if error else math.inf
                corpus.folder.stat()  # a folder that was deleted is no longer watched
        except OSError as missing:  # or the limit of watches is reached
            _log.warning("%s cannot be watched: %s", corpus.folder, missing)
            stop.wait(_RETRY)


def _sync(corpus: Corpus, stop: Event, report: Report | None, reported: str) -> str:
    """Sync once and return the error, if any. The error `reported` last is not reported again."""

    def check(_: SyncProgress) -> None:
        if stop.is_set():
            raise CancelledError("The sync was cancelled.")

    try:
        result: SyncReport | QaError = corpus.sync(check, may_be_empty=True, wait=False)
    except CancelledError:  # the next one continues from there
        return ""
    except QaError as error:
        result = error
    except Exception as error:  # noqa: BLE001  # the folder is still followed
        _log.exception("the articles were not indexed")
        return str(error)
    message = str(result) if isinstance(result, QaError) else ""
    if report and (not message or message != reported):
        report(result)
    return message


def _is_read(folder: Path, path: str) -> bool:
    """Return whether a sync would read a path: hidden and temporary files are ignored."""
    try:
        parts = Path(path).relative_to(folder.resolve()).parts
    except ValueError:
        parts = Path(path).parts[-1:]
    return not any(part.startswith(".") for part in parts)
