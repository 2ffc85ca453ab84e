"""The SQLite file: opened, made, held against what is asked of it. The only importer of apsw.

Every page of the file carries a checksum (SQLite's own cksumvfs), which is checked when it is read:
what a failing disk has changed is refused, never taken for what was written.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any, cast

import apsw
import apsw.sqlite_extra

from qa.errors import StoreError
from qa.store import FORMAT_VERSION, Manifest
from qa.store.folder import APPLICATION_ID, TRUTH_FILE, claim, damaged, foreign, unwritable
from qa.store.schema import SCHEMA

Connection = apsw.Connection

_CHECKSUM_BYTES = 8
# Milliseconds that a write waits for one of another process; those take some hundredths of them.
_PATIENCE = 60_000


class Database:
    """One connection to the file. Threads take turns; other processes may write meanwhile.

    Attributes:
        folder: Where it lies.
        index_id: No two indexes share it.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        """Open the file in `folder`, or make it.

        Raises:
            StoreError: The folder is not ours, cannot be written, is damaged, or was made by
                another version, with another model, or from another folder of articles.
        """
        self.folder = folder
        self._file = folder / TRUTH_FILE
        self._lock = RLock()
        claim(folder)
        with _readable(folder):
            self._db = _connect(self._file)
            try:
                self._prepare(manifest)
            except BaseException:
                self._db.close()
                raise
        self._identity = _identity(self._file)
        self.index_id = self.manifest("index_id")["index_id"]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def manifest(self, *keys: str) -> dict[str, str]:
        """Return these values of the manifest."""
        marks = ", ".join("?" * len(keys))
        found = self.query(f"SELECT key, value FROM manifest WHERE key IN ({marks})", keys)
        if len(found) < len(keys):  # a file that was cut off reads as empty behind its end
            raise damaged(self.folder, "its manifest is not whole")
        return dict(found)

    def _prepare(self, manifest: Manifest) -> None:
        db = self._db
        db.set_busy_timeout(_PATIENCE)
        # A file that someone else made may hold anything: no trigger or view of it is run.
        db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA cell_size_check = ON")
        with _writing(db):
            if not db.execute("SELECT 1 FROM sqlite_schema").fetchall():
                for statement in _statements():
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                counters = {"generation": 0, "edits": 0, "passages": 0, "length": 0}
                values = {**manifest._asdict(), "index_id": token_hex(8), **counters}
                db.executemany("INSERT INTO manifest VALUES (?, ?)", _texts(values))
        self._check(manifest)
        # Readers go on while one process writes; a killed writer leaves the last whole state, and
        # what is committed is on the disk. Only now, since it changes the file: one that is not
        # ours stays as it is.
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")

    def _check(self, manifest: Manifest) -> None:
        [(application,)] = self._db.execute("PRAGMA application_id").fetchall()
        [(version,)] = self._db.execute("PRAGMA user_version").fetchall()
        if application != APPLICATION_ID:
            raise foreign(self.folder)
        rebuild = "Rebuild it with: qa index --rebuild"
        if version != FORMAT_VERSION:
            raise StoreError(f"The index in {self.folder} was made by another version. {rebuild}")
        made = self._db.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        )
        if sorted(sql for (sql,) in made) != sorted(_statements()):
            raise damaged(self.folder, "its tables are not those of an index")
        if apsw.sqlite_extra.has("cksumvfs") and self._db.reserve_bytes() != _CHECKSUM_BYTES:
            raise damaged(self.folder, "its pages carry no checksums")
        kept: dict[str, str] = dict(
            cast("list[Any]", self._db.execute("SELECT key, value FROM manifest").fetchall())
        )
        wanted = dict(_texts(manifest._asdict()))
        if not wanted.keys() <= kept.keys():
            raise damaged(self.folder, "its manifest is not whole")
        if kept["chunking"] != wanted["chunking"]:
            raise StoreError(f"The index in {self.folder} was made by another version. {rebuild}")
        if kept["model_id"] != wanted["model_id"]:
            raise StoreError(
                f"The index in {self.folder} was made with the model {kept['model_id']}, not with "
                f"{wanted['model_id']}. Name that model with --model, or rebuild the index with "
                "this one: qa index --rebuild"
            )
        if kept["articles"] != wanted["articles"]:
            if Path(kept["articles"]).is_dir():
                raise StoreError(
                    f"The index in {self.folder} belongs to the articles in {kept['articles']}, "
                    f"not to {wanted['articles']}. Name another folder with --index, or let this "
                    "one go with: qa index --rebuild"
                )
            with _writing(self._db) as db:  # the folder was moved: its index moves along
                db.execute(
                    "UPDATE manifest SET value = ? WHERE key = 'articles'", (wanted["articles"],)
                )

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run the block as one write: all of it or nothing."""
        with self._lock, _readable(self.folder):
            self._still_there()
            with _writing(self._db) as db:
                yield db

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of one SELECT."""
        with self._lock, _readable(self.folder):
            self._still_there()
            return self._db.execute(sql, values).fetchall()

    def _still_there(self) -> None:
        """Refuse to go on with a file that is open here, and in the folder no more."""
        if _identity(self._file) != self._identity:
            raise StoreError(
                f"The index in {self.folder} was deleted or rebuilt by another program. End this "
                "one and start it again."
            )


def _connect(file: Path) -> Connection:
    db = apsw.Connection(str(file), vfs=_vfs())
    if not file.exists() or not file.stat().st_size:
        db.reserve_bytes(reserve=_CHECKSUM_BYTES)
    return db


@cache
def _vfs() -> str | None:
    """Return the name of the layer that checks pages; None where apsw was built without it."""
    if not apsw.sqlite_extra.has("cksumvfs"):
        return None
    first = apsw.Connection(":memory:")  # an extension is loaded into one, and is there for all
    apsw.sqlite_extra.load(first, "cksumvfs")
    first.close()
    return "cksmvfs"


@contextmanager
def _writing(db: Connection) -> Iterator[Connection]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Turn what SQLite says into what a person can act on."""
    try:
        yield
    except apsw.FullError as error:
        raise StoreError(
            f"The disk with the index folder {folder} is full. What was indexed is kept: make "
            "room, then go on with: qa index"
        ) from error
    except apsw.BusyError as error:
        raise StoreError(
            f"Another program has been writing to the index in {folder} for a minute. Try again "
            "when it is done."
        ) from error
    except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError) as error:
        raise unwritable(folder, error) from error
    except apsw.IOError as error:
        if getattr(error, "extendedresult", None) == apsw.SQLITE_IOERR_DATA:
            raise damaged(folder, "a page of it does not match its checksum") from error
        raise StoreError(
            f"The disk with the index folder {folder} fails ({error}). What was indexed before is "
            "kept. When the disk works again, go on with: qa index"
        ) from error
    except apsw.Error as error:
        raise damaged(folder, error) from error


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        state = file.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _statements() -> list[str]:
    return SCHEMA.strip().rstrip(";").split(";\n")


def _texts(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in values.items()]
