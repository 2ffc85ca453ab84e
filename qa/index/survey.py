"""Comparing the files of a folder with what the index knows of them, without reading them."""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from qa.index.rows import FileRecord
from qa.index.snapshot import Snapshot
from qa.reading.articles import Columns, Sidecar
from qa.reading.folder import find_files
from qa.records import Skipped

# Nanoseconds. A file written so shortly before it is read may be written again within the same tick
# of the file system's clock, unnoticed: it is read again by the next sync.
_CLOCK_MARGIN = 2_000_000_000


class Changed(NamedTuple):
    """A file to read: its size in bytes, and the signature of its record."""

    size: int
    signature: str


class Survey(NamedTuple):
    """The files in the folder.

    Attributes:
        unchanged: Files that are as they were when they were last read.
        changed: Files to read.
        skipped: Files and folders that cannot hold articles.
        gone: Paths of files that the index knows and the folder no longer has.
    """

    unchanged: dict[str, FileRecord]
    changed: dict[str, Changed]
    skipped: list[Skipped]
    gone: list[str]


def survey_folder(
    folder: Path,
    snapshot: Snapshot | None,
    paths: Mapping[str, str],
    sidecar: Sidecar,
    columns: Columns,
) -> Survey:
    """Compare every file with its record in the index.

    Args:
        folder: The folder of articles.
        snapshot: Its index; None if there is none.
        paths: Article ids by path, as the index has them.
        sidecar: Fields of each article.
        columns: Which column holds which field.

    Raises:
        CorpusError: The folder is missing.
    """
    known = snapshot.files() if snapshot else {}
    fields = _fields_by_file(sidecar)
    survey = Survey({}, {}, [], [])
    for file in find_files(folder):
        if isinstance(file, Skipped):
            survey.skipped.append(file)
            continue
        path = file.relative_to(folder).as_posix()
        now = _look(file, [fields.get(path, {}), dict(columns)])
        record = known.get(path)
        is_stored = record and all(paths.get(p) == key for p, key in record.articles)
        if record and is_stored and now.signature == record.signature != "":
            survey.unchanged[path] = record
        else:
            survey.changed[path] = now
    survey.gone.extend(known.keys() - survey.unchanged.keys() - survey.changed.keys())
    return survey


def _fields_by_file(sidecar: Sidecar) -> dict[str, dict[str, object]]:
    """Return the sidecar by file; an article's path begins with the path of its file."""
    fields: dict[str, dict[str, object]] = {}
    for path, values in sidecar.items():
        ends = [i for i, character in enumerate(path) if character in "#/"]
        for end in [*ends, len(path)]:
            fields.setdefault(path[:end], {})[path] = dict(values)
    return fields


def _look(file: Path, metadata: list[object]) -> Changed:
    """Return size and signature of a file; no signature if it might change unnoticed."""
    try:
        state = file.stat()
    except OSError:
        return Changed(0, "")
    if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < _CLOCK_MARGIN:
        return Changed(state.st_size, "")
    facts = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, metadata]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return Changed(state.st_size, digest)
