"""Zip files, read entry by entry in memory; nothing is unpacked to disk."""

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from qa.errors import ArticleError
from qa.reading.formats import UNPRINTABLE, article_errors, check_file, is_hidden, max_bytes

_MOST_ENTRIES = 100_000
_MOST_UNPACKED = 2_000_000_000
# Text packs to a fifth of its size and logs to a twentieth; zip bombs go far beyond this ratio.
_MOST_PACKED = 200
_HARMLESS = 1_000_000


def entries(content: bytes) -> Iterator[tuple[str, bytes | ArticleError]]:
    """Yield path and content of each file in a zip, sorted by path; hidden files are left out.

    If a file cannot be read, the error is yielded instead of its content.

    Raises:
        ArticleError: The zip is damaged, or holds too much.
    """
    with article_errors("is damaged, or no zip file"):
        archive = zipfile.ZipFile(io.BytesIO(content))
    files = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
    if len(files) > _MOST_ENTRIES:
        raise ArticleError(f"holds more than {_MOST_ENTRIES:,} files: split it")
    unpacked = 0
    for entry in sorted(files, key=lambda entry: entry.filename):
        name = entry.filename.replace("\\", "/")
        path = PurePosixPath(name)
        if is_hidden(path.parts) or "__MACOSX" in path.parts:
            continue
        try:
            _check(entry, path)
            with article_errors("cannot be unpacked"), archive.open(entry) as stream:
                piece = stream.read(max_bytes(path.suffix.lower()))
        except ArticleError as error:
            yield name, error
            continue
        unpacked += len(piece)
        if unpacked > _MOST_UNPACKED:
            raise ArticleError(f"would unpack to more than {_MOST_UNPACKED / 1e9:.0f} GB")
        yield name, piece


def _check(entry: zipfile.ZipInfo, path: PurePosixPath) -> None:
    """Make sure that an entry can be read.

    Raises:
        ArticleError: It cannot.
    """
    suffix = path.suffix.lower()
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise ArticleError("has a name that leads out of the zip file")
    if not str(path).isprintable():
        raise ArticleError(UNPRINTABLE)
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ArticleError("is a link")
    if suffix == ".zip":
        raise ArticleError("is a zip file inside a zip file: unpack it first")
    check_file(suffix, entry.file_size)
    if entry.flag_bits & 1:
        raise ArticleError("is protected by a password: unpack it first")
    times = entry.file_size // max(1, entry.compress_size)
    if entry.file_size > _HARMLESS and times > _MOST_PACKED:
        raise ArticleError(f"would unpack to {times} times its size, as zip bombs do")
