"""The index folder: is it ours, can it be written, and what in it may be deleted."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import StoreError

TRUTH_FILE = "index.sqlite"
VECTORS_FILE = "vectors.faiss"
TERMS_FOLDER = "terms.tantivy"
APPLICATION_ID = 0x71615F31  # "qa_1" in SQLite's header: tells our file from any other
_MADE = (TRUTH_FILE, f"{TRUTH_FILE}-wal", f"{TRUTH_FILE}-shm", VECTORS_FILE)
_WRITER = ".writer.lock"
_log = logging.getLogger("qa")
_ALL = {*_MADE, TERMS_FOLDER, "README.md"}


def claim(folder: Path) -> None:
    """Make the folder, or make sure that it is ours."""
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file. Name a folder for the index with --index.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    except OSError as error:
        raise unwritable(folder, error) from error
    if TRUTH_FILE not in names and names - _ALL:
        raise foreign(folder)


@contextmanager
def alone(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Be the only one who indexes into a folder, among all processes; say whether it was granted.

    Raises:
        StoreError: The folder cannot be written.
    """
    lock = FileLock(folder / _WRITER)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait:
                _log.warning("Another qa is indexing into %s: waiting for it.", folder)
                lock.acquire()
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield lock.is_locked
    finally:
        lock.release()


def delete_index(folder: Path) -> None:
    """Remove our files from `folder`, and nothing else; wait for one that is indexing there.

    Raises:
        StoreError: The folder is not ours or cannot be written.
    """
    if not folder.exists():
        return
    claim(folder)
    with alone(folder, wait=True):
        _delete(folder)


def _delete(folder: Path) -> None:
    try:
        if (folder / TRUTH_FILE).exists() and not _is_ours(folder):
            raise foreign(folder)
        for name in _MADE:
            (folder / name).unlink(missing_ok=True)
        if (folder / TERMS_FOLDER).exists():
            shutil.rmtree(folder / TERMS_FOLDER)
    except OSError as error:
        raise unwritable(folder, error) from error


def _is_ours(folder: Path) -> bool:
    """Whether the header says so, or, where that may be damaged, what lies beside it.

    4 bytes at offset 68 are SQLite's application id.
    """
    with (folder / TRUTH_FILE).open("rb") as stream:
        header = stream.read(100)
    if header[68:72] == APPLICATION_ID.to_bytes(4, "big"):
        return True
    beside = any((folder / name).exists() for name in (VECTORS_FILE, TERMS_FOLDER))
    return beside or not header.strip(b"\0")


def foreign(folder: Path) -> StoreError:
    """Return the error for a folder that is not ours."""
    return StoreError(
        f"{folder} holds files that are not an index of qa, and nothing there was touched. "
        "Name an empty or a new folder with --index."
    )


def damaged(folder: Path, reason: object) -> StoreError:
    """Return the error for an index that cannot be read as it was written."""
    return StoreError(
        f"The index in {folder} is damaged or not ours ({reason}). The articles are untouched; "
        "rebuild it with: qa index --rebuild"
    )


def unwritable(folder: Path, error: Exception) -> StoreError:
    """Return the error for a folder that cannot be written."""
    reason = getattr(error, "strerror", None) or str(error)
    return StoreError(
        f"The index folder {folder} cannot be written: {reason}. "
        "Name another with --index or in QA_INDEX."
    )
