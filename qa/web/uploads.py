"""Files that readers add: copied into the folder of articles, indexed, reported one by one."""

import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Literal, NamedTuple

from qa.corpus import Corpus
from qa.errors import ArticleError, QaError
from qa.index.reports import SyncProgress, SyncReport
from qa.reading.formats import LARGEST
from qa.text.terms import encodable
from qa.web import words

_DELETE_AFTER = 24 * 3600
"""Seconds after which an upload that no event has used is deleted."""
_NOT_UPLOADED = f"could not be uploaded: a file may have {LARGEST // 1_000_000} MB at most"
_FAILED = "The articles were not indexed, because of an error that the terminal shows."
_log = logging.getLogger(__name__)


class Upload(NamedTuple):
    """A file that is being added.

    Attributes:
        name: Its name where it came from.
        state: What has become of it.
        reason: Why it was skipped, or why a part of it was.
    """

    name: str
    state: Literal["waiting", "in", "skipped"]
    reason: str = ""


class UploadProgress(NamedTuple):
    """Files that are added together.

    Attributes:
        files: Each with its state.
        summary: How far they are, as a sentence.
        share: Share of their bytes that is indexed, 0 to 1; None when it is over.
    """

    files: tuple[Upload, ...]
    summary: str
    share: float | None = None


def folder() -> Path:
    """Return where Gradio puts uploads."""
    return Path(os.environ["GRADIO_TEMP_DIR"])


def delete_old() -> None:
    """Delete uploads that no event has used for a day: pages that were closed, killed servers."""
    with suppress(FileNotFoundError):
        for entry in folder().iterdir():
            with suppress(OSError):
                if time.time() - entry.stat().st_mtime > _DELETE_AFTER:
                    shutil.rmtree(entry)


def received(sent: object) -> Iterator[tuple[str, Path | None]]:
    """Yield name and file of each upload that a browser names.

    The file is None if it was not uploaded: any path outside the folder of uploads.

    Args:
        sent: What the browser sent, which may be anything.
    """
    for item in sent if isinstance(sent, list) else []:
        if isinstance(item, dict):
            file = Path(str(item.get("path") or "")).resolve()
            is_upload = file.is_relative_to(folder().resolve()) and file.is_file()
            yield str(item.get("name") or ""), file if is_upload else None


def add(corpus: Corpus, files: Sequence[tuple[str, Path | None]]) -> Iterator[UploadProgress]:
    """Copy files into the folder of articles and index them; yield the progress.

    Args:
        corpus: The corpus.
        files: Name and file of each; no file if it could not be uploaded.
    """
    uploads: list[Upload] = []
    positions: dict[str, int] = {}  # two files may have one name: path in the folder -> which
    for name, file in sorted(files, key=lambda pair: pair[0]):  # in the order of indexing
        shown = encodable(name)
        try:
            if not file:
                raise ArticleError(_NOT_UPLOADED)
            positions[corpus.add(file, name)] = len(uploads)
            uploads.append(Upload(shown, "waiting"))
        except QaError as error:
            uploads.append(Upload(shown, "skipped", str(error)))
    yield _progress(uploads, 0.0)
    steps: SimpleQueue[SyncProgress | None] = SimpleQueue()
    executor = ThreadPoolExecutor(1)
    sync = executor.submit(corpus.sync, steps.put, may_be_empty=True)
    sync.add_done_callback(lambda _: steps.put(None))
    executor.shutdown(wait=False)  # once the sync is done
    started = time.monotonic()
    for step in iter(steps.get, None):
        position = _position(step.path or "", positions)
        if position is not None:
            uploads[position] = uploads[position]._replace(state="in")
        elapsed = time.monotonic() - started
        left = elapsed / step.share - elapsed if step.share > 0 else None
        yield _progress(uploads, step.share, left)
    try:
        _finish(uploads, positions, sync.result())
    except QaError as error:
        yield UploadProgress(tuple(uploads), str(error))
    except Exception:  # noqa: BLE001  # the page goes on
        _log.exception("the articles were not indexed")
        yield UploadProgress(tuple(uploads), _FAILED)
    else:
        yield _progress(uploads)


def _progress(
    uploads: Sequence[Upload], share: float | None = None, seconds_left: float | None = None
) -> UploadProgress:
    states = Counter(upload.state for upload in uploads)
    done, skipped = states["in"], states["skipped"]
    if share is None:
        summary = f"{words.count(done, 'article')} added" + f", {skipped} skipped" * bool(skipped)
    else:
        summary = f"{done} of {words.count(len(uploads) - skipped, 'article')} can be asked"
        if seconds_left is not None:
            summary += f"; {words.time_left(seconds_left)} left"
    return UploadProgress(tuple(uploads), summary, share)


def _position(path: str, positions: dict[str, int]) -> int | None:
    """Return which upload an article is from; an upload may hold several articles."""
    while path and path not in positions:
        path = path[: max(path.rfind("#"), path.rfind("/"), 0)]
    return positions.get(path)


def _finish(uploads: list[Upload], positions: dict[str, int], report: SyncReport) -> None:
    """Set the final state of each file that was copied."""
    reasons = {item.path: item.reason for item in report.skipped}
    parts = Counter(_position(item.path, positions) for item in report.skipped)
    for path, position in positions.items():
        name, count = uploads[position].name, parts[position]
        if path in reasons:
            uploads[position] = Upload(name, "skipped", reasons[path])
        else:
            reason = f"{count} of what is in it was skipped: see the list below" if count else ""
            uploads[position] = Upload(name, "in", reason)
