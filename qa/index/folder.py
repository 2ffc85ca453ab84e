"""The folder of an index: whether it is one, the lock of its writer, and its deletion."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from qa.errors import BusyError, StoreError

DATABASE_FILE = "index.sqlite"
VECTORS_FILE = "vectors.faiss"
TERMS_FOLDER = "terms.tantivy"
APPLICATION_ID = 0x71615F31  # "qa_1", stored in the header of the file
_FILES = (DATABASE_FILE, f"{DATABASE_FILE}-wal", f"{DATABASE_FILE}-shm", VECTORS_FILE)
_WRITER_LOCK = ".writer.lock"
_log = logging.getLogger("qa")
_EXPECTED = {*_FILES, TERMS_FOLDER, "README.md"}


def claim(folder: Path) -> None:
    """Create the folder, or check that it is an index folder.

    Raises:
        StoreError: It is not, or it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file. Name a folder for the index with --index.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in folder.iterdir() if not entry.name.startswith(".")}
    except OSError as error:
        raise unusable(folder, error) from error
    if DATABASE_FILE not in names and names - _EXPECTED:
        raise foreign(folder)


@contextmanager
def writer_lock(folder: Path, *, wait: bool) -> Iterator[None]:
    """Acquire the lock of the one process that indexes into a folder.

    Args:
        folder: The folder of the index.
        wait: Whether to wait for another process that holds the lock.

    Raises:
        BusyError: Another process holds the lock, and `wait` is false.
        StoreError: The folder cannot be written.
    """
    lock = FileLock(folder / _WRITER_LOCK)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise BusyError(f"Another qa process is indexing into {folder}.") from None
            _log.warning("Waiting for another qa process that is indexing into %s.", folder)
            lock.acquire()
    except OSError as error:
        raise unusable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def delete_index(folder: Path) -> None:
    """Delete the files of the index in `folder`, and nothing else.

    Waits for another process that is indexing into it.

    Raises:
        StoreError: The folder is not an index folder, or cannot be written.
    """
    if not folder.exists():
        return
    claim(folder)
    with writer_lock(folder, wait=True):
        try:
            if (folder / DATABASE_FILE).exists() and not _is_index(folder):
                raise foreign(folder)
            for name in _FILES:
                (folder / name).unlink(missing_ok=True)
            if (folder / TERMS_FOLDER).exists():
                shutil.rmtree(folder / TERMS_FOLDER)
        except OSError as error:
            raise unusable(folder, error) from error


def _is_index(folder: Path) -> bool:
    """Return whether the header says so or, where it may be damaged, the files beside it.

    The 4 bytes at offset 68 are SQLite's application id.
    """
    with (folder / DATABASE_FILE).open("rb") as stream:
        header = stream.read(100)
    if header[68:72] == APPLICATION_ID.to_bytes(4, "big"):
        return True
    beside = any((folder / name).exists() for name in (VECTORS_FILE, TERMS_FOLDER))
    return beside or not header.strip(b"\0")


def foreign(folder: Path) -> StoreError:
    """Return the error for a folder that is not an index folder."""
    return StoreError(
        f"{folder} holds files that are not an index of qa, and nothing there was touched. "
        "Name an empty or a new folder with --index."
    )


def damaged(folder: Path, reason: object) -> StoreError:
    """Return the error for an index that cannot be read as it was written."""
    return StoreError(
        f"The index in {folder} is damaged or not an index ({reason}). The articles are untouched; "
        "rebuild it with: qa index --rebuild"
    )


def unusable(folder: Path, error: Exception, use: str = "written") -> StoreError:
    """Return the error for a folder that cannot be written, or read."""
    reason = getattr(error, "strerror", None) or str(error)
    return StoreError(
        f"The index folder {folder} cannot be {use}: {reason}. "
        "Name another with --index or in QA_INDEX."
    )
