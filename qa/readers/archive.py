"""Zip files: what is in them, entry by entry, in memory; nothing is unpacked to disk."""

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from qa.errors import ArticleError
from qa.readers import SUFFIXES, Unread, max_bytes

_MOST_ENTRIES = 100_000
_MOST_UNPACKED = 2_000_000_000
# Text packs to a fifth, logs to a twentieth; what packs beyond this was made to hurt.
_MOST_PACKED, _HARMLESS = 200, 1_000_000


def entries(content: bytes) -> Iterator[tuple[str, bytes] | Unread]:
    """Yield path and content of each file in a zip, by path; hidden ones are left out.

    Raises:
        ArticleError: It is damaged, or holds too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # of struct, of zipfile, of what is nested in it
        raise ArticleError("is damaged, or no zip file") from error
    with archive:
        files = [e for e in archive.infolist() if not e.filename.endswith("/")]
        found = sorted(files, key=lambda e: e.filename)
        if len(found) > _MOST_ENTRIES:
            raise ArticleError(f"holds more than {_MOST_ENTRIES:,} files: split it")
        unpacked = 0
        for entry in found:
            parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
            if any(part.startswith(".") and part != ".." for part in parts) or "__MACOSX" in parts:
                continue
            name = entry.filename.replace("\\", "/")
            if reason := _why_not(entry, parts):
                shown = name if name.isprintable() else name.encode("unicode_escape").decode()
                yield Unread(shown, reason)
                continue
            unpacked += entry.file_size
            if unpacked > _MOST_UNPACKED:
                raise ArticleError(f"would unpack to more than {_MOST_UNPACKED / 1e9:.0f} GB")
            yield _unpacked(archive, entry, name)


def _unpacked(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str
) -> tuple[str, bytes] | Unread:
    most = max_bytes(PurePosixPath(name).suffix.lower())
    try:
        with archive.open(entry) as stream:
            piece = stream.read(most + 1)  # never more, whatever the entry says of itself
    except Exception as error:  # noqa: BLE001  # zlib, bz2 and lzma have errors of their own
        return Unread(name, f"cannot be unpacked: {error}")
    if len(piece) > most:
        return Unread(name, f"has more than {most / 1e6:.0f} MB: split it")
    return name, piece


def _why_not(entry: zipfile.ZipInfo, parts: tuple[str, ...]) -> str:
    """Return why an entry is not read; nothing if it is."""
    suffix = PurePosixPath(*parts).suffix.lower() if parts else ""
    times = entry.file_size // max(1, entry.compress_size)
    rooted = entry.filename.startswith(("/", "\\")) or not parts or ":" in parts[0]
    reasons = {
        "has a name that leads out of the zip file": rooted or ".." in parts,
        "has a name that cannot be shown: rename it": not "".join(parts).isprintable(),
        "is a link": stat.S_ISLNK(entry.external_attr >> 16),
        "is a zip file inside a zip file: unpack it first": suffix == ".zip",
        f"is not one of the kinds that can be read ({', '.join(SUFFIXES)})": suffix not in SUFFIXES,
        "is protected by a password: unpack it first": bool(entry.flag_bits & 1),
        f"has {entry.file_size / 1e6:.0f} MB unpacked: split it": (
            entry.file_size > max_bytes(suffix)
        ),
        f"would unpack to {times} times its size, as a trap does": (
            entry.file_size > _HARMLESS and times > _MOST_PACKED
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
