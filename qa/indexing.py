"""Folder to store: find out what changed, embed what is new, drop what is gone."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qa import articles, chunking, languages, lexical
from qa.chunking import Chunks
from qa.datatypes import Article, Skipped, SyncProgress, SyncReport
from qa.embedding import Embedder
from qa.errors import ArticleError, CorpusError
from qa.store import Entry, Sentence, Store

Progress = Callable[[SyncProgress], None]

# Passages: enough to fill the model's batches, few enough to show progress.
_EMBED_AT_ONCE = 128


class _Survey(NamedTuple):
    """What stands in the folder, held against what stands in the store."""

    seen: dict[str, str]
    absent: dict[str, int]  # with the length of the text, in characters
    changed: list[Article]
    unchanged: list[str]
    skipped: list[Skipped]


def sync(
    folder: Path,
    store: Store,
    embedder: Embedder,
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
) -> SyncReport:
    """Bring the store up to the folder.

    Each article is one transaction: an interrupted sync loses nothing, and the next goes on from
    there. Content that the store knows is not embedded again, wherever it lies now.

    Raises:
        CorpusError: The folder is missing, its sidecar is broken, or (unless it may be empty) no
            file in it can be read as an article; the store then stays as it is.
    """
    sidecar = articles.read_sidecar(folder)
    kept = store.paths()
    survey = _survey(folder, sidecar, store)
    if not survey.seen and not may_be_empty:
        raise CorpusError(_nothing_to_read(folder, survey.skipped))
    for article in survey.changed:
        store.update(article)
    replaced = {path: key for path, key in kept.items() if key not in survey.seen}
    added: list[str] = []
    updated = [article.path for article in survey.changed]
    embedded = done = 0
    characters, total = 0, sum(survey.absent.values())

    def tell(path: str | None = None) -> None:
        if progress:
            share = min(1.0, characters / total) if total else 1.0
            progress(SyncProgress(done, len(survey.absent), embedded, share, path))

    tell()
    for batch in _batches(folder, sidecar, survey, embedder):
        texts = [text for article, chunks in batch for text in _texts(article, chunks)]
        vectors = [
            embedder.embed_passages(texts[start : start + _EMBED_AT_ONCE])
            for start in range(0, len(texts), _EMBED_AT_ONCE)
        ]
        rows = iter(np.concatenate(vectors)) if vectors else iter(())
        for article, chunks in batch:
            entries = [
                Entry(passage, lexical.terms(chunking.searched_text(passage)), next(rows))
                for passage in chunks.passages
            ]
            sentences = [Sentence(span, next(rows)) for span in chunks.sentences]
            store.put(article, entries, sentences, replaces=replaced.get(article.path))
            (updated if article.path in kept else added).append(article.path)
            embedded += len(entries)
            done += 1
            characters += len(article.text)
            tell(article.path)
    gone = {key: path for path, key in kept.items() if key not in survey.seen}
    if gone:
        store.remove(gone)
    return SyncReport(
        added=tuple(added),
        updated=tuple(updated),
        removed=tuple(path for path in gone.values() if path not in updated),
        unchanged=tuple(survey.unchanged),
        skipped=tuple(survey.skipped),
        embedded=embedded,
    )


def compare(folder: Path, store: Store | None) -> SyncReport:
    """Return what a sync would do, and do nothing.

    Args:
        folder: The folder of articles.
        store: Its index; None if there is none yet.

    Raises:
        CorpusError: The folder is missing, or its sidecar is broken.
    """
    kept = store.paths() if store else {}
    survey = _survey(folder, articles.read_sidecar(folder), store)
    updated = [path for path in survey.absent if path in kept]
    updated += [article.path for article in survey.changed]
    return SyncReport(
        added=tuple(path for path in survey.absent if path not in kept),
        updated=tuple(updated),
        removed=tuple(
            path for path, key in kept.items() if key not in survey.seen and path not in updated
        ),
        unchanged=tuple(survey.unchanged),
        skipped=tuple(survey.skipped),
    )


def _survey(folder: Path, sidecar: Mapping[str, Mapping[str, Any]], store: Store | None) -> _Survey:
    """Read every file once, and change nothing."""
    survey = _Survey({}, {}, [], [], [])
    for file in articles.find_files(folder):
        path = file.relative_to(folder).as_posix()
        if not path.isprintable():
            shown = path.encode("unicode_escape").decode()
            survey.skipped.append(Skipped(shown, "has a name that cannot be shown: rename it"))
            continue
        try:
            article = articles.read_article(file, path, sidecar.get(path))
        except ArticleError as error:
            survey.skipped.append(Skipped(path, str(error)))
            continue
        if article.article_id in survey.seen:
            same = survey.seen[article.article_id]
            survey.skipped.append(Skipped(path, f"has the same content as {same}"))
            continue
        survey.seen[article.article_id] = path
        status = store.status(article) if store else "absent"
        if status == "absent":
            survey.absent[path] = len(article.text)
        elif status == "changed":
            survey.changed.append(article)
        else:
            survey.unchanged.append(path)
    return survey


def _batches(
    folder: Path, sidecar: Mapping[str, Mapping[str, Any]], survey: _Survey, embedder: Embedder
) -> Iterator[list[tuple[Article, Chunks]]]:
    """Yield new articles with their passages, several together where they are short.

    The first comes alone, so that it can be asked about while the others follow.
    """
    batch: list[tuple[Article, Chunks]] = []
    enough = 1
    for path in survey.absent:
        try:
            article = articles.read_article(folder / path, path, sidecar.get(path))
        except ArticleError as error:  # it changed or went since the survey
            survey.skipped.append(Skipped(path, str(error)))
            continue
        if article.language is None:
            article = replace(article, language=languages.detect(article.text))
        chunks = chunking.split_article(article, embedder.count_tokens, embedder.token_limit)
        batch.append((article, chunks))
        if sum(len(chunks.passages) for _, chunks in batch) >= enough:
            yield batch
            batch = []
            enough = min(2 * enough, _EMBED_AT_ONCE)
    if batch:
        yield batch


def _texts(article: Article, chunks: Chunks) -> list[str]:
    """Return all that is embedded of an article: its passages, then its sentences."""
    return [chunking.searched_text(passage) for passage in chunks.passages] + [
        article.text[start:end] for start, end in chunks.sentences
    ]


def _nothing_to_read(folder: Path, skipped: list[Skipped]) -> str:
    if not skipped:
        return (
            f"There are no articles in {folder}. Put files there "
            f"({', '.join(articles.SUFFIXES)}), or name another folder with --articles."
        )
    reasons = "".join(f"\n  {item.path} {item.reason}" for item in skipped[:10])
    more = f"\n  and {len(skipped) - 10} more" if len(skipped) > 10 else ""
    return f"No file in {folder} can be read as an article:{reasons}{more}"
