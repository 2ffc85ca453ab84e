"""The SQLite file: opening, checking, read and write transactions. The only importer of apsw.

Every page of the file carries a checksum (SQLite's own cksumvfs), which is checked when the page is
read: data that a failing disk has changed is refused.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any, cast

import apsw
import apsw.sqlite_extra

from qa.errors import StoreError
from qa.index.folder import APPLICATION_ID, DATABASE_FILE, claim, damaged, foreign, unusable
from qa.index.rows import FORMAT_VERSION, Manifest

Connection = apsw.Connection

_CHECKSUM_BYTES = 8
# Milliseconds that a write waits for a write of another process; those take some hundredths of one.
_BUSY_TIMEOUT = 60_000
_MOST_IDLE = 8  # connections that are kept for later reads
_CACHE_KIB = 16_000  # pages that a connection keeps in memory
_MESSAGES = {
    apsw.FullError: "The disk with the index folder {folder} is full. What was indexed is kept: "
    "free some space, then continue with: qa index",
    apsw.BusyError: "Another program has been writing to the index in {folder} for a minute. Try "
    "again when it has finished.",
    apsw.IOError: "The disk with the index folder {folder} fails ({error}). What was indexed "
    "before is kept. When the disk works again, continue with: qa index",
}
_OTHER = (
    "SQLite cannot use the index in {folder} ({error}). Nothing was changed. Try again; if it "
    "fails every time, report it with this message."
)
_REBUILD = "Rebuild it with: qa index --rebuild"


class Database:
    """The SQLite file of an index. Threads may share it; other processes may write to the file.

    Attributes:
        folder: The folder of the index.
        index_id: Identifies the index; a rebuilt index has another one.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, read_only: bool = False) -> None:
        """Open the file in `folder`, or create it.

        Args:
            folder: The folder of the index.
            manifest: What the index must have been made with.
            read_only: Change no byte in the folder. The file must exist.

        Raises:
            StoreError: The folder is not an index folder, cannot be written, is damaged, or was
                made by another version, with another model, or from another folder of articles.
        """
        self.folder = folder
        self._file = folder / DATABASE_FILE
        self._read_only = read_only
        self._closed = False
        self._readers: deque[Connection] = deque()  # idle; its operations are atomic
        # Guards the one connection that writes: SQLite takes one write transaction at a time.
        self._writing = Lock()
        if not read_only:
            claim(folder)
        with self._translated_errors():
            self._writer = self._connect()
            try:
                self._prepare(manifest)
            except BaseException:
                self._writer.close()
                raise
        self._opened = self._file.stat()

    def close(self) -> None:
        """Close all connections; that of a read in progress when the read ends."""
        self._closed = True
        with self._writing:
            self._writer.close()
        while self._readers:
            self._readers.pop().close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Provide a connection inside a read transaction: it sees one state, without waiting.

        Each transaction has a connection of its own while it lasts, taken from a pool.
        """
        with self._translated_errors():
            self._check_open()
            try:
                connection = self._readers.pop()
            except IndexError:
                connection = self._connect()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if self._closed or len(self._readers) >= _MOST_IDLE:
                    connection.close()
                else:
                    self._readers.append(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Run the block as one write transaction: all of it or nothing."""
        with self._writing, self._translated_errors():
            self._check_open()
            with _transaction(self._writer):
                yield self._writer

    def _connect(self) -> Connection:
        name, flags = str(self._file), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        if self._read_only:
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            log = self._file.with_name(f"{self._file.name}-wal")
            # SQLite would write beside the database even to read. Without a log nobody writes.
            is_idle = not log.exists() or not log.stat().st_size
            option = "immutable" if is_idle else "readonly_shm"
            name = f"{self._file.resolve().as_uri()}?mode=ro&{option}=1"
        connection = apsw.Connection(name, flags=flags, vfs=_checksum_vfs())
        if not self._read_only and (not self._file.exists() or not self._file.stat().st_size):
            connection.reserve_bytes(reserve=_CHECKSUM_BYTES)
        connection.set_busy_timeout(_BUSY_TIMEOUT)
        # A file made by someone else may hold anything: none of its triggers or views is run.
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cell_size_check = ON")
        return connection

    def _prepare(self, manifest: Manifest) -> None:
        if self._read_only:
            self._check(manifest)
            return
        # Looking first: opening an index does not wait for another process that writes to it.
        if self._is_empty():
            with _transaction(self._writer):
                if self._is_empty():
                    self._create_tables(manifest)
        self._check(manifest)
        # Readers continue while one process writes, a killed writer leaves the last whole state,
        # and a committed transaction is on the disk. Set after the check, because it changes the
        # file: a file that is not an index stays as it is.
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")

    def _is_empty(self) -> bool:
        return not self._writer.execute("SELECT 1 FROM sqlite_schema").fetchall()

    def _create_tables(self, manifest: Manifest) -> None:
        for statement in _statements():
            self._writer.execute(statement)
        self._writer.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._writer.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        counters = {"generation": 0, "edits": 0, "passages": 0, "length": 0}
        values = {**manifest._asdict(), "index_id": token_hex(8), **counters}
        self._writer.executemany("INSERT INTO manifest VALUES (?, ?)", _as_text(values))

    def _check(self, manifest: Manifest) -> None:
        db = self._writer
        [(application,)] = db.execute("PRAGMA application_id").fetchall()
        [(version,)] = db.execute("PRAGMA user_version").fetchall()
        if application != APPLICATION_ID:
            raise foreign(self.folder)
        if version != FORMAT_VERSION:
            raise StoreError(f"The index in {self.folder} was made by another version. {_REBUILD}")
        query = "SELECT sql FROM sqlite_schema WHERE sql <> '' AND name NOT LIKE 'sqlite_%'"
        if sorted(sql for (sql,) in db.execute(query)) != sorted(_statements()):
            raise damaged(self.folder, "its tables are not those of an index")
        if apsw.sqlite_extra.has("cksumvfs") and db.reserve_bytes() != _CHECKSUM_BYTES:
            raise damaged(self.folder, "its pages carry no checksums")
        self._check_manifest(manifest)

    def _check_manifest(self, manifest: Manifest) -> None:
        db = self._writer
        known = dict(cast("list[Any]", db.execute("SELECT key, value FROM manifest").fetchall()))
        wanted = dict(_as_text(manifest._asdict()))
        if not wanted.keys() <= known.keys() or "index_id" not in known:
            raise damaged(self.folder, "its manifest is incomplete")
        self.index_id = known["index_id"]
        if known["chunking"] != wanted["chunking"]:
            raise StoreError(f"The index in {self.folder} was made by another version. {_REBUILD}")
        if known["model_id"] != wanted["model_id"]:
            raise StoreError(
                f"The index in {self.folder} was made with the model {known['model_id']}, not with "
                f"{wanted['model_id']}. Name that model with --model, or: qa index --rebuild"
            )
        if known["articles"] != wanted["articles"]:
            if Path(known["articles"]).is_dir():
                raise StoreError(
                    f"The index in {self.folder} belongs to the articles in {known['articles']}, "
                    f"not to {wanted['articles']}. Name another folder with --index, or replace "
                    "this index with: qa index --rebuild"
                )
            if not self._read_only:  # the folder was moved: its index moves along
                update = "UPDATE manifest SET value = ? WHERE key = 'articles'"
                db.execute(update, (wanted["articles"],))

    def _check_open(self) -> None:
        """Refuse to use a closed file, or one that was replaced in the folder."""
        if self._closed:
            raise StoreError(f"The index in {self.folder} is closed. Open the corpus again.")
        if not self._file.exists() or not os.path.samestat(self._file.stat(), self._opened):
            raise StoreError(
                f"The index in {self.folder} was deleted or rebuilt by another program. Stop this "
                "program and start it again."
            )

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Turn the errors of SQLite into messages that a person can act on."""
        try:
            yield
        except apsw.Error as error:
            is_checksum = getattr(error, "extendedresult", None) == apsw.SQLITE_IOERR_DATA
            if is_checksum or isinstance(error, apsw.CorruptError | apsw.NotADBError):
                raise damaged(self.folder, error) from error
            if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError | apsw.PermissionsError):
                what = "read" if self._read_only else "written"
                raise unusable(self.folder, error, what) from error
            message = next((m for kind, m in _MESSAGES.items() if isinstance(error, kind)), _OTHER)
            what = message.format(folder=self.folder, error=f"{type(error).__name__}: {error}")
            raise StoreError(what) from error


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """Run the block as one write transaction: committed at its end, or rolled back after an error.

    Unlike apsw's own context manager, `execute` releases Python's global lock while it waits for
    SQLite's lock or for the disk, so that other threads go on.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@cache
def _checksum_vfs() -> str | None:
    """Return the name of the layer that checks pages; None where apsw was built without it."""
    if not apsw.sqlite_extra.has("cksumvfs"):
        return None
    first = apsw.Connection(":memory:")  # loaded into one connection, it is available to all
    apsw.sqlite_extra.load(first, "cksumvfs")
    first.close()
    return "cksmvfs"


@cache
def _statements() -> list[str]:
    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    lines = [line for line in schema.splitlines() if line and not line.startswith("--")]
    return "\n".join(lines).rstrip(";").split(";\n")


def _as_text(values: dict[str, Any]) -> Sequence[tuple[str, str]]:
    return [(key, str(value)) for key, value in values.items()]
