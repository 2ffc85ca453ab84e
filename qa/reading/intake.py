"""Changes to the folder of articles: add a file, remove one, restore it; never outside it."""

import os
import re
import shutil
import time
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath
from secrets import token_hex

from qa.errors import ArticleError, CorpusError
from qa.reading.articles import Columns, read_file
from qa.reading.folder import read_bytes
from qa.reading.formats import UNPRINTABLE, is_hidden
from qa.reading.isolated import IsolatedReader
from qa.records import Article, Skipped

REMOVED = ".removed"
"""The folder of removed files, inside the folder of articles; hidden, so it is not searched."""
_INCOMING = ".incoming-"
_STALE_AFTER = 3600  # seconds; no copy takes longer
_OUTSIDE = "has a name that leads out of the folder of articles"
_LONGEST_NAME = 200  # bytes; file systems take 255, and a number may be added


def check(
    file: Path, name: str, reader: IsolatedReader, columns: Columns | None = None
) -> tuple[str, list[Article]]:
    """Read a file before it is added; return its path in the folder and the articles in it.

    A ``.zip`` is not read for this, only when it is indexed: no articles are returned for it.

    Args:
        file: Where the content is.
        name: The path that it should have, relative to the folder of articles.
        reader: Reads the formats whose parsers may crash.
        columns: As for `qa.reading.articles.read_file`.

    Raises:
        ArticleError: There is no article in the file, or the name is not acceptable.
    """
    path = _relative(name)
    content = read_bytes(file)
    if path.suffix.lower() == ".zip":
        return path.as_posix(), []
    found = list(read_file(content, path.as_posix(), columns=columns, reader=reader))
    articles = [item for item in found if isinstance(item, Article)]
    if not articles:
        skipped = (item for item in found if isinstance(item, Skipped))
        raise ArticleError(next(skipped).reason)  # there is no file without either
    return path.as_posix(), articles


def add(folder: Path, file: Path, name: str) -> str:
    """Copy a file into the folder, completely or not at all, and return its path there.

    If the folder has a file of that name, the new one gets a number.

    Raises:
        ArticleError: The name is not acceptable.
        CorpusError: The folder cannot be written.
    """
    wanted = _inside(folder, _relative(name))
    copy = folder / f"{_INCOMING}{token_hex(8)}"
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        _delete_stale_copies(folder)
        _copy(file, copy)
        return _rename(copy, wanted).relative_to(folder).as_posix()
    except OSError as error:
        raise CorpusError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            copy.unlink(missing_ok=True)


def _delete_stale_copies(folder: Path) -> None:
    """Delete the unfinished copies of processes that were killed."""
    for copy in folder.glob(f"{_INCOMING}*"):
        with suppress(OSError):  # the process that made it may have renamed it by now
            if time.time() - copy.stat().st_mtime > _STALE_AFTER:
                copy.unlink()


def _copy(file: Path, copy: Path) -> None:
    """Copy a file and flush it to the disk, so that a power failure leaves no file in part."""
    with file.open("rb") as source, copy.open("xb") as stream:
        shutil.copyfileobj(source, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _rename(copy: Path, wanted: Path) -> Path:
    """Give a copy the wanted name, or one with a number, and return it; never replace a file."""
    while True:
        target = _free(wanted)
        try:
            os.link(copy, target)
        except FileExistsError:  # another process took the name
            continue
        except OSError:  # a file system without hard links
            copy.replace(target)
        return target


def remove(folder: Path, path: str) -> None:
    """Move a file to `REMOVED`, beside earlier ones of its name.

    Raises:
        ArticleError: The path leads out of the folder.
        CorpusError: The file does not exist, or cannot be moved.
    """
    source, target = _inside(folder, PurePosixPath(path)), folder / REMOVED / path
    if target.exists():
        _move(target, _free(target))  # the one removed last keeps its name, for `restore`
    _move(source, target)


def restore(folder: Path, path: str) -> None:
    """Undo `remove`.

    Raises:
        ArticleError: The path leads out of the folder.
        CorpusError: It was not removed, or another file took its place.
    """
    target = _inside(folder, PurePosixPath(path))
    if target.exists():
        raise CorpusError(f"{path} cannot be put back: there is a file of that name again.")
    _move(folder / REMOVED / path, target)


def _move(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    except OSError as error:
        raise CorpusError(f"{source} cannot be moved: {error.strerror}.") from error


def _relative(name: str) -> PurePosixPath:
    """Return a name as a relative path that is safe to join to a folder."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts:
        raise ArticleError("has no name")
    if ".." in parts or re.match("[A-Za-z]:", parts[0]):
        raise ArticleError(_OUTSIDE)
    if is_hidden(parts):
        raise ArticleError("is hidden (its name, or its folder's, begins with a dot)")
    if not name.isprintable():
        raise ArticleError(UNPRINTABLE)
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise ArticleError(f"has a name of more than {_LONGEST_NAME} bytes: rename it")
    return PurePosixPath(*parts)


def _inside(folder: Path, path: PurePosixPath) -> Path:
    """Join, and make sure that neither the name nor a link on the way leads out."""
    target = folder / path
    if ".." in path.parts or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ArticleError(_OUTSIDE)
    return target


def _free(wanted: Path) -> Path:
    """Return a path that does not exist: `wanted`, else with a number in its name."""
    numbered = (wanted.with_stem(f"{wanted.stem} ({number})") for number in count(2))
    return wanted if not wanted.exists() else next(p for p in numbered if not p.exists())
