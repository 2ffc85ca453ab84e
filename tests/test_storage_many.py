"""After any sequence of changes, an index answers as one that is made anew from the folder."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qa
from qa.index import survey
from qa.models.embedder import Embedder
from qa.records import Hit

NAMES = ["a.txt", "b.txt", "c.txt", "sub/d.txt", "e.txt"]
FRONT = (
    "The harbour of Varna reopened on Monday after a storm had closed it for nine days, the port "
    "authority said. Ferries to Burgas left at noon."
)
BACK = (
    "Captain Dimov said that the breakwater had lost eleven of its concrete blocks, each of them "
    "the weight of a lorry. The ministry put the damage at 90 million leva."
)
# The first and the last are near duplicates of the second, and not of each other.
TEXTS = [
    FRONT,
    f"{FRONT}\n\n{BACK}",
    BACK,
    "Die Fischer standen vor den Häusern am Hafen.",
    "Ferry.",
    "\n\n".join(f"In town {n} Mayor Petrova opened a fair and sang {n} songs." for n in range(30)),
    "\0",
]  # fmt: skip
QUESTIONS = ["When did the harbour of Varna reopen?", "Häuser am Hafen", "What did Dimov say?"]

name, text = st.sampled_from(NAMES), st.sampled_from(TEXTS)
CHANGES = st.one_of(
    st.tuples(st.just("write"), name, text),
    st.tuples(st.just("rename"), name, name),
    st.tuples(st.just("remove"), name, st.none()),
    st.tuples(st.just("outlet"), name, st.sampled_from(["Daily", "Mirror"])),
    st.tuples(st.just("language"), name, st.sampled_from(["de", "en"])),
)


def apply(folder: Path, fields: dict[str, dict[str, str]], change: tuple[str, str, str]) -> None:
    """Change a file of the folder, or a field of its sidecar."""
    kind, path, value = change
    file = folder / path
    if kind == "write":
        file.write_text(value, encoding="utf-8")
    elif kind == "rename" and file.exists():
        file.rename(folder / value)
    elif kind == "remove":
        file.unlink(missing_ok=True)
    elif kind in {"outlet", "language"}:
        fields.setdefault(path, {})[kind] = value
        lines = [
            f'["{one}"]\n' + "".join(f'{key} = "{known}"\n' for key, known in known_fields.items())
            for one, known_fields in fields.items()
        ]
        (folder / "metadata.toml").write_text("".join(lines))


def describe(corpus: qa.Corpus) -> list[object]:
    """Return all that a reader may see, without what depends on the order of indexing."""
    articles = sorted([*corpus.articles(), *corpus.duplicates()], key=lambda a: a.path)
    return [articles, corpus.count(), [
        (
            hit.passage.passage_id,
            hit.passage.article.path,
            sorted((other.article.path, other.span) for other in hit.also_in),
            [sentence.passage.span for sentence in hit.sentences],
        )
        for hit in hits(corpus)
    ]]  # fmt: skip


def hits(corpus: qa.Corpus) -> list[Hit]:
    """Return the hits of all questions; those of each by passage."""
    found = [corpus.retrieve(question, 50) for question in QUESTIONS]
    found.append(corpus.retrieve(QUESTIONS[0], 50, outlets="Daily"))
    return [hit for one in found for hit in sorted(one, key=lambda h: h.passage.passage_id)]


def scores(corpus: qa.Corpus) -> list[float]:
    return [
        score
        for hit in hits(corpus)
        for score in (
            hit.score, hit.dense, hit.lexical, hit.coverage,
            *(sentence.score for sentence in hit.sentences),
        )
    ]  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.lists(CHANGES, max_size=4), min_size=1, max_size=5))
def test_synced_index_equals_a_fresh_one(
    tiny_embedder: Embedder, rounds: list[list[tuple[str, str, str]]]
) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey, "_CLOCK_MARGIN", 0)  # else every file is read again in each sync
        folder = Path(place, "articles")
        (folder / "sub").mkdir(parents=True)
        fields: dict[str, dict[str, str]] = {}
        with qa.Corpus(folder, Path(place, "index"), tiny_embedder) as synced:
            for changes in rounds:
                for change in changes:
                    apply(folder, fields, change)
                synced.sync(may_be_empty=True)
            with qa.Corpus(folder, Path(place, "fresh"), tiny_embedder) as fresh:
                fresh.sync(may_be_empty=True)
                assert describe(synced) == describe(fresh)
                assert scores(synced) == pytest.approx(scores(fresh), abs=1e-3)
            report = synced.sync(may_be_empty=True)
            assert (report.added, report.updated, report.removed) == ((), (), ())
            assert report.embedded == 0
