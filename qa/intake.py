"""Bring a file into the folder of articles, take one out, put it back. Never outside the folder."""

import os
import re
import shutil
import time
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePosixPath
from secrets import token_hex

from qa.articles import read_bytes, read_file
from qa.datatypes import Article, Skipped
from qa.errors import ArticleError, CorpusError
from qa.readers import SUFFIXES
from qa.readers.isolated import IsolatedReader

REMOVED = ".removed"
"""Where articles that are taken out lie; hidden, so it is never searched."""
_DRIVE = re.compile(r"[A-Za-z]:")
_INCOMING = ".incoming-"
# Seconds after which a copy that is still on its way is nobody's any more.
_FORGOTTEN = 3600
_LONGEST_NAME = 200  # bytes; file systems take 255, and a number may be added


def check(file: Path, name: str, reader: IsolatedReader) -> tuple[str, list[Article]]:
    """Read a file that someone brings; return its path in the folder and the articles in it.

    A ``.zip`` is not unpacked for this: its articles are read once, when they are indexed.

    Args:
        file: Where its content lies.
        name: What it is called: a path relative to the folder of articles.
        reader: Where untrusted formats are read.

    Raises:
        ArticleError: There is no article in it, or its name does not lead into the folder.
    """
    path = _inner(name)
    if path.suffix.lower() not in SUFFIXES:
        raise ArticleError(f"is not one of the kinds that can be read ({', '.join(SUFFIXES)})")
    content = read_bytes(file)
    if path.suffix.lower() == ".zip":
        return path.as_posix(), []
    found = list(read_file(content, path.as_posix(), reader=reader))
    articles = [item for item in found if not isinstance(item, Skipped)]
    if not articles:
        reasons = [item.reason for item in found if isinstance(item, Skipped)]
        raise ArticleError(reasons[0] if reasons else "holds no article")
    return path.as_posix(), articles


def add(folder: Path, file: Path, name: str) -> str:
    """Copy a file into the folder, whole or not at all, and return its path there.

    A file of that name which is there already stays as it is; the new one gets a number.

    Raises:
        ArticleError: Its name does not lead into the folder.
        CorpusError: The folder cannot be written.
    """
    wanted = _inside(folder, _inner(name))
    hidden = folder / f"{_INCOMING}{token_hex(8)}"
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{_INCOMING}*"):  # by one that was killed
            if time.time() - left.stat().st_mtime > _FORGOTTEN:
                left.unlink()
        _copy(file, hidden)
        target = _settle(hidden, wanted)
    except OSError as error:
        with suppress(OSError):
            hidden.unlink()
        raise CorpusError(f"The folder {folder} cannot be written: {error.strerror}.") from error
    return target.relative_to(folder).as_posix()


def _copy(file: Path, hidden: Path) -> None:
    """Copy, down to the disk: what has its name is whole, even if the power fails then."""
    with file.open("rb") as source, hidden.open("xb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())


def _settle(hidden: Path, wanted: Path) -> Path:
    """Give a copy its name, or one with a number; never that of a file which is there."""
    while True:
        target = _free(wanted)
        try:
            os.link(hidden, target)
        except FileExistsError:  # someone was quicker
            continue
        except OSError:  # a file system without hard links
            hidden.replace(target)
        else:
            hidden.unlink()
        return target


def remove(folder: Path, path: str) -> None:
    """Move an article out of the folder's sight, into its `REMOVED`.

    Raises:
        ArticleError: The path does not lead into the folder.
        CorpusError: The file is not there, or cannot be moved.
    """
    source, target = _inside(folder, PurePosixPath(path)), folder / REMOVED / path
    if target.exists():  # an earlier article of that name: it is kept beside this one
        _move(target, _free(target))
    _move(source, target)


def restore(folder: Path, path: str) -> None:
    """Undo `remove`.

    Raises:
        ArticleError: The path does not lead into the folder.
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


def _inner(name: str) -> PurePosixPath:
    """Return a name as a relative path that is safe to join to a folder."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts:
        raise ArticleError("has no name")
    if ".." in parts or _DRIVE.match(parts[0]):
        raise ArticleError("has a name that leads out of the folder of articles")
    if any(part.startswith(".") for part in parts):
        raise ArticleError("is hidden (its name, or its folder's, begins with a dot)")
    if not name.isprintable():
        raise ArticleError("has a name that cannot be shown: rename it")
    if any(len(part.encode()) > _LONGEST_NAME for part in parts):
        raise ArticleError(f"has a name of more than {_LONGEST_NAME} bytes: rename it")
    return PurePosixPath(*parts)


def _inside(folder: Path, inner: PurePosixPath) -> Path:
    """Join, and make sure that neither the name nor a link on the way leads out."""
    target = folder / inner
    if ".." in inner.parts or not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ArticleError("has a name that leads out of the folder of articles")
    return target


def _free(wanted: Path) -> Path:
    if not wanted.exists():
        return wanted
    tried = (wanted.with_stem(f"{wanted.stem} ({number})") for number in count(2))
    return next(path for path in tried if not path.exists())
