"""What a sync did, how far it is, and what an index holds."""

from dataclasses import dataclass

from qa.records import Skipped


@dataclass(frozen=True, slots=True)
class SyncReport:
    """Result of a sync. Paths are relative to the folder of articles.

    Attributes:
        added: New articles.
        updated: Articles whose text, path or metadata changed.
        removed: Articles that are no longer in the folder.
        unchanged: Articles without a change.
        skipped: Files that were not indexed, with reasons.
        embedded: Number of passages that were embedded.
    """

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    embedded: int = 0


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """Progress of a sync.

    Attributes:
        files_done: Number of files indexed so far.
        files_total: Number of files to index.
        passages: Passages embedded so far.
        share: Share of the files' bytes that is done, 0 to 1.
        path: The article indexed last; None before the first.
    """

    files_done: int
    files_total: int
    passages: int
    share: float = 0.0
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """What is indexed, and what the next sync would do.

    Attributes:
        articles: Folder of articles.
        index: Folder of the index.
        model: Name and hash of the embedding model.
        article_count: Articles in the index.
        passage_count: Passages in the index.
        pending: What a sync would report, with nothing embedded.
    """

    articles: str
    index: str
    model: str
    article_count: int
    passage_count: int
    pending: SyncReport
