"""The SQLite file: opened, made, held against what is asked of it. The only importer of sqlite3."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import RLock
from typing import Any

from qa.errors import StoreError
from qa.store import FORMAT_VERSION, Manifest
from qa.store.folder import APPLICATION_ID, TRUTH_FILE, claim, foreign, unwritable
from qa.store.schema import SCHEMA

Connection = sqlite3.Connection


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
        self._lock = RLock()
        claim(folder)
        with _readable(folder):
            self._db = sqlite3.connect(
                folder / TRUTH_FILE, timeout=60, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(manifest)
            except BaseException:
                self._db.close()
                raise
        self.index_id = self.manifest("index_id")["index_id"]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def manifest(self, *keys: str) -> dict[str, str]:
        """Return these values of the manifest."""
        marks = ", ".join("?" * len(keys))
        return dict(self.query(f"SELECT key, value FROM manifest WHERE key IN ({marks})", keys))

    def _prepare(self, manifest: Manifest) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        with self.transaction() as db:
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in SCHEMA.strip().split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                counters = {"generation": 0, "edits": 0, "passages": 0, "length": 0}
                values = {**manifest._asdict(), "index_id": token_hex(8), **counters}
                db.executemany("INSERT INTO manifest VALUES (?, ?)", _texts(values))
        self._check(manifest)
        # Readers go on while one process writes; a killed writer leaves the last whole state. Only
        # now, since it changes the file: one that is not ours stays as it is.
        self._db.execute("PRAGMA journal_mode = WAL")

    def _check(self, manifest: Manifest) -> None:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise foreign(self.folder)
        kept = dict(self._db.execute("SELECT key, value FROM manifest"))
        wanted = dict(_texts(manifest._asdict()))
        rebuild = "Rebuild it with: qa index --rebuild"
        if version != FORMAT_VERSION or kept["chunking"] != wanted["chunking"]:
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
            with self.transaction() as db:  # the folder was moved: its index moves along
                db.execute(
                    "UPDATE manifest SET value = ? WHERE key = 'articles'", (wanted["articles"],)
                )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the block as one write: all of it or nothing."""
        with self._lock, _readable(self.folder):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of one SELECT."""
        with self._lock, _readable(self.folder):
            return self._db.execute(sql, values).fetchall()


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """Turn what SQLite says into what a person can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise unwritable(folder, error) from error
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"The index in {folder} is damaged or not ours ({error}). The articles are untouched; "
            "rebuild it with: qa index --rebuild"
        ) from error


def _texts(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, str(value)) for key, value in values.items()]
