"""The files in the folder of articles, and their bytes."""

import os
from collections.abc import Iterator
from pathlib import Path

from qa.errors import ArticleError, CorpusError
from qa.reading.formats import UNPRINTABLE, check_file, is_hidden, max_bytes, printable
from qa.reading.sidecar import SIDECARS
from qa.records import Skipped


def check_folder(folder: Path) -> None:
    """Make sure that the folder exists.

    Raises:
        CorpusError: `folder` does not exist, or is not a folder.
    """
    if not folder.exists():
        raise CorpusError(f"There is no folder {folder}. Name one that exists with --articles.")
    if not folder.is_dir():
        raise CorpusError(f"{folder} is a file, not a folder. Name its folder with --articles.")


def find_files(folder: Path) -> Iterator[Path | Skipped]:
    """Yield every file below `folder`, sorted by its path relative to the folder, as text.

    Hidden files and the sidecar are left out. A folder that cannot be listed, a link to a folder,
    the files that a browser saved with a page and a name that cannot be shown are yielded as
    `Skipped`.

    Raises:
        CorpusError: `folder` does not exist, is not a folder, or cannot be listed.
    """
    check_folder(folder)
    found: dict[str, Path | Skipped] = {}

    def add(file: Path, reason: str = "") -> None:
        path = file.relative_to(folder).as_posix()
        reason = reason or ("" if path.isprintable() else UNPRINTABLE)
        found[path] = Skipped(printable(path), reason) if reason else file

    def add_unreadable(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise CorpusError(f"The folder {folder} cannot be read: {error.strerror}.") from error
        add(Path(error.filename), f"is a folder that cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=add_unreadable):
        folders[:] = [name for name in folders if not is_hidden([name])]
        for name in [*folders]:
            if reason := _why_not_entered(Path(parent, name), names):
                folders.remove(name)
                add(Path(parent, name), reason)
        for name in names:
            if not is_hidden([name]):
                add(Path(parent, name))
    yield from (found[path] for path in sorted(found) if path not in SIDECARS)


def _why_not_entered(folder: Path, files_beside: list[str]) -> str:
    """Return why the files in a folder are not read; an empty string if they are."""
    if folder.is_symlink():
        return "is a link to a folder: links are not followed"
    stem, suffix, _ = folder.name.rpartition("_files")
    if suffix and (f"{stem}.html" in files_beside or f"{stem}.htm" in files_beside):
        return "holds the pictures and scripts of a saved page"
    return ""


def read_bytes(file: Path) -> bytes:
    """Return the content of a file.

    Raises:
        ArticleError: The file has gone, is too large, cannot be read, or its format is not
            supported.
    """
    suffix = file.suffix.lower()
    try:
        if file.exists() and not file.is_file():
            raise ArticleError("is not a regular file")
        check_file(suffix, file.stat().st_size)
        with file.open("rb") as stream:
            return stream.read(max_bytes(suffix))
    except FileNotFoundError as error:
        raise ArticleError("is no longer there (or a link to nothing)") from error
    except OSError as error:
        raise ArticleError(f"cannot be read: {error.strerror or error}") from error
