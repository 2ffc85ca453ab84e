"""The status of an index, without changing a file."""

import os
from contextlib import closing

from qa.index.database import Database
from qa.index.folder import DATABASE_FILE
from qa.index.reports import Status
from qa.index.rows import manifest
from qa.index.snapshot import Snapshot
from qa.index.sync import Sync
from qa.locations import articles_folder, index_folder
from qa.models.embedder import Embedder
from qa.reading.articles import Columns


def read_status(
    articles: str | os.PathLike[str] | None = None,
    index: str | os.PathLike[str] | None = None,
    model: str | None = None,
    columns: Columns | None = None,
) -> Status:
    """Return what is indexed and what a sync would do, without changing a file.

    Raises:
        QaError: The folder, the index or the model cannot be used.
    """
    folder = articles_folder(articles)
    place = index_folder(folder, index)
    embedder = Embedder(model)
    if not (place / DATABASE_FILE).is_file():
        pending = Sync(folder, None, columns or {}).compare()
        return Status(str(folder), str(place), embedder.model_id, 0, 0, pending)
    database = Database(place, manifest(folder, embedder), read_only=True)
    with closing(database), database.reading() as connection:
        snapshot = Snapshot(connection, place)
        pending = Sync(folder, snapshot, columns or snapshot.columns).compare()
        count = snapshot.count()
    return Status(str(folder), str(place), embedder.model_id, *count, pending)
