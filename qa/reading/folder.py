"""The files in the folder of articles, and their bytes."""

import os
from collections.abc import Iterator
from pathlib import Path

from qa.errors import ArticleError, CorpusError
from qa.reading.formats import check_size, check_suffix, max_bytes
from qa.reading.names import UNPRINTABLE, is_hidden, printable
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

    def skip(path: str, reason: str) -> None:
        found[path] = Skipped(printable(path), reason)

    def skip_unreadable(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise CorpusError(f"The folder {folder} cannot be read: {error.strerror}.") from error
        path = Path(error.filename).relative_to(folder).as_posix()
        skip(path, f"is a folder that cannot be read: {error.strerror}")

    for parent, folders, names in os.walk(folder, onerror=skip_unreadable):
        folders[:] = [name for name in folders if not is_hidden([name])]
        for name in [*folders]:
            if reason := _why_not_entered(Path(parent, name), names):
                folders.remove(name)
                skip(Path(parent, name).relative_to(folder).as_posix(), reason)
        for name in names:
            path = Path(parent, name).relative_to(folder).as_posix()
            if is_hidden([name]) or path in SIDECARS:
                continue
            found[path] = folder / path
            if not path.isprintable():
                skip(path, UNPRINTABLE)
    yield from (found[path] for path in sorted(found))


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
    check_suffix(suffix)
    try:
        if not file.is_file():
            if file.exists():
                raise ArticleError("is not a regular file")
            raise ArticleError("is no longer there (or a link to nothing)")
        check_size(suffix, file.stat().st_size)
        with file.open("rb") as stream:
            return stream.read(max_bytes(suffix))
    except FileNotFoundError as error:
        raise ArticleError("vanished while it was being read") from error
    except OSError as error:
        raise ArticleError(f"cannot be read: {error.strerror or error}") from error
