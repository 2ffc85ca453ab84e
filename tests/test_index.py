"""The index against independent oracles (NumPy for FAISS, a plain formula for BM25), and damage."""

import math
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qa.errors import StoreError
from qa.index import search as search_module
from qa.index import vector_index
from qa.index.folder import delete_index
from qa.index.rows import Entry, FileRecord, State
from qa.index.scopes import select
from qa.index.store import Store
from qa.index.term_index import TermIndex
from qa.records import Article, Scope, Skipped
from tests.stores import MANIFEST, article, put, remove, search, unit

WORDS = ["jet", "deal", "ankara", "moscow", "radar"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "index", MANIFEST)


VECTORS = arrays(np.float32, (4,), elements=st.integers(-5, 5).map(float)).filter(np.any)
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


@settings(max_examples=30)
@given(st.dictionaries(TEXTS, VECTORS, min_size=1, max_size=12), VECTORS, TEXTS, st.booleans())
def test_both_searches_agree_with_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    stored: dict[str, np.ndarray],
    query: np.ndarray,
    asked: str,
    refreshed: bool,
) -> None:
    store = Store(tmp_path_factory.mktemp("index"), MANIFEST)
    for text, vector in stored.items():
        put(store, article(text), vector)
    if refreshed:
        store.refresh_indexes()
    found = search(store, query, dict.fromkeys(asked.split(), 1.0))
    assert found.keys() == stored.keys()
    for text, (dense, lexical) in found.items():
        assert dense == pytest.approx(float(unit(stored[text]) @ unit(query)), abs=1e-5)
        assert lexical == pytest.approx(bm25(text, asked, list(stored)), abs=1e-4)
    store.close()


def bm25(text: str, asked: str, corpus: list[str]) -> float:
    """Robertson and Zaragoza (2009) with Lucene's inverse document frequency, k1 1.2, b 0.75."""
    words = text.split()
    mean = sum(len(other.split()) for other in corpus) / len(corpus)
    total = 0.0
    for term in set(asked.split()) & set(words):
        frequency = sum(term in other.split() for other in corpus)
        idf = math.log(1 + (len(corpus) - frequency + 0.5) / (frequency + 0.5))
        count = words.count(term)
        total += idf * count / (count + 1.2 * (0.25 + 0.75 * len(words) / mean))
    return total


@pytest.mark.parametrize("refreshed", [False, True])
def test_limit_takes_the_best_of_either_search(store: Store, refreshed: bool) -> None:
    near, named, other = article("radar"), article("jet jet"), article("deal")
    put(store, near, [1, 0, 0, 0])
    put(store, named, [-1, 0, 0, 0])
    put(store, other, [0, 1, 0, 0])
    if refreshed:
        store.refresh_indexes()
    assert search(store, [1, 0, 0, 0], {"jet": 1.0}, 1).keys() == {"radar", "jet jet"}
    only = search(store, [1, 0, 0, 0], {"jet": 1.0}, 5, Scope(paths=(other.path,)))
    assert only.keys() == {"deal"}
    assert search(store, [1, 0, 0, 0], {"jet": 1.0}, 5, Scope(paths=())) == {}


def test_equal_scores_at_the_limit_are_ordered_by_passage_id(store: Store) -> None:
    """The nearest and the matching passages, each with more equal scores than the limit takes."""
    near = [article(f"near{n}") for n in range(9)]
    named = [article(f"jet other{n}") for n in range(9)]
    for one in sorted(near + named, key=lambda a: a.article_id, reverse=True):
        put(store, one, [1, 0, 0, 0] if one in near else [0, 1, 0, 0])
    found = search(store, [1, 0, 0, 0], {"jet": 1.0}, 4)
    first = [sorted(group, key=lambda a: a.article_id)[:4] for group in (near, named)]
    assert found.keys() == {one.text for group in first for one in group}


def test_stored_article_is_read_back_unchanged(store: Store) -> None:
    stored = article(
        "Ad\r\nЁ日😀’ radar",
        "sub/ä.txt",
        headline="H",
        outlet="The Post",
        author="A. One",
        published=date(2025, 1, 2),
        url="https://example.org",
        language="ru",
        boilerplate=((0, 2),),
        file_sha256="ab",
        pages=(0, 4),
        origins=(("title", "file"),),
    )
    vector = unit([1, 2, 3, 4])
    whole = Entry((0, len(stored.text)), unit([1, 1, 1, 1]), stored.text.split())
    store.put_text(stored, [whole], [Entry((4, 7), vector, ["radar", "deal"])])
    with store.snapshot() as snapshot:
        assert snapshot.articles() == [stored]
        assert snapshot.articles([stored.article_id, "0" * 64]) == [stored]
        [passage] = snapshot.passages([1, 2])
        assert passage.passage_id == f"{stored.article_id}:0-{len(stored.text)}"
        places = [(passage.text_number, passage.span), (passage.text_number, (0, 6))]
        found = snapshot.sentences(places)
        numbers = {term.number for term in snapshot.terms(["radar", "deal", "jet"]).values()}
    assert (found.owners, found.spans) == ([0], [(4, 7)])
    assert found.vectors[0] == pytest.approx(vector, abs=1e-3)
    assert set(np.frombuffer(found.terms[0], "<u4").tolist()) == numbers


def test_record_of_a_file_is_read_back_unchanged(store: Store) -> None:
    record = FileRecord("signature", (("a.csv#1", "f" * 64),), (Skipped("a.csv#2", "is empty"),))
    store.put_files({"a.csv": record, "b.txt": FileRecord("other", (), ())})
    store.put_files({}, ["b.txt"])
    with store.snapshot() as snapshot:
        assert snapshot.files() == {"a.csv": record}


def test_article_of_a_stored_text_needs_no_passages(store: Store) -> None:
    stored = article("radar", "a.txt")
    put(store, stored)
    renamed = article("radar", "b.txt", outlet="The Post")
    store.put_articles([renamed])
    store.remove_articles(["a.txt"])
    with store.snapshot() as snapshot:
        assert snapshot.articles() == [renamed]
        assert snapshot.paths() == {"b.txt": stored.article_id}
        assert snapshot.count() == (1, 1)


def test_replaced_and_removed_articles_leave_nothing_behind(store: Store) -> None:
    old, new = article("radar", "a.txt"), article("jet", "a.txt")
    entry = Entry((0, 5), unit([1, 1, 1, 1]), ["radar"])
    store.put_text(old, [entry], [entry], [7, 8])
    put(store, new)
    assert search(store, [1, 1, 1, 1], {"radar": 1.0}).keys() == {"jet"}
    store.remove_articles()
    with store.snapshot() as snapshot:
        assert snapshot.count() == (1, 1)
        assert snapshot.query("SELECT count(*) FROM bands") == [(0,)]
    remove(store, new)
    with store.snapshot() as snapshot:
        assert snapshot.count() == (0, 0)
        for table in ("articles", "texts", "passages", "sentences"):
            assert snapshot.query(f"SELECT count(*) FROM {table}") == [(0,)]
        assert {term.passages for term in snapshot.terms(["radar", "jet"]).values()} == {0}
        assert (snapshot.passage_count, snapshot.mean_length) == (0, 0)
    assert search(store, [1, 1, 1, 1], {"jet": 1.0}) == {}


@pytest.mark.parametrize("refreshed", [False, True])
def test_replaced_texts_take_no_place_of_other_articles(store: Store, refreshed: bool) -> None:
    """They score better and are still there, until the end of the sync that replaces them."""
    for n in range(200):
        put(store, article(f"jet {n}", f"{n}.txt"), [1, 0, 0, 0])
    put(store, article("jet stays"), [1, 1, 0, 0])
    store.refresh_indexes()
    for n in range(200):
        put(store, article(f"deal {n}", f"{n}.txt"), [0, 0, 0, 1])
    if refreshed:
        store.refresh_indexes()
    found = search(store, [1, 0, 0, 0], {"jet": 1.0}, 1)
    assert found.keys() == {"jet stays"}


def test_passages_that_were_removed_are_left_out(store: Store) -> None:
    stored, gone = article("radar"), article("jet")
    put(store, stored)
    put(store, gone)
    remove(store, gone)
    with store.snapshot() as snapshot:
        assert [passage.row for passage in snapshot.passages([1, 2])] == [1]


def test_more_rows_than_sqlite_takes_variables(store: Store) -> None:
    put(store, article("radar"))
    with store.snapshot() as snapshot:
        assert [passage.row for passage in snapshot.passages(range(1, 300_000))] == [1]


def test_failed_put_leaves_nothing_behind_and_blames_no_damage(store: Store) -> None:
    """One span twice breaks a constraint: an error of SQLite that is no damage."""
    stored = article("radar")
    entry = Entry((0, 5), unit([1, 1, 1, 1]), ["radar"])
    with pytest.raises(StoreError, match="constraint") as caught:
        store.put_text(stored, [entry, entry], [])
    assert "damaged" not in str(caught.value)
    assert "--rebuild" not in str(caught.value)
    with store.snapshot() as snapshot:
        assert snapshot.count() == (0, 0)
        assert snapshot.query("SELECT count(*) FROM terms") == [(0,)]


def test_select_by_outlet_day_and_path(store: Store) -> None:
    dated = article("a", outlet="The Post", published=date(2025, 5, 5))
    later = article("b", outlet="Agency", published=date(2025, 6, 6))
    undated = article("c", outlet="the post")
    for one in (dated, later, undated):
        put(store, one)
    names = {dated.path: "a", later.path: "b", undated.path: "c"}

    def texts(*conditions: object) -> set[str]:
        with store.snapshot() as snapshot:
            selection = select(snapshot, Scope(*conditions))  # type: ignore[arg-type]
            assert len(selection.texts) == len(selection.rows) == len(selection.paths)
            return {names[path] for path in selection.paths}

    assert texts(("THE POST",), None, None) == {"a", "c"}
    assert texts(None, date(2025, 5, 5), None) == {"a", "b"}
    assert texts(None, None, date(2025, 5, 5)) == {"a"}
    assert texts((), None, None) == set()
    assert texts(None, None, None, (later.path,)) == {"b"}
    assert texts(("agency",), None, None, (dated.path,)) == set()
    with store.snapshot() as snapshot:
        assert select(snapshot, Scope()).sources == ("Agency", "The Post", "the post")


def test_article_without_a_term_is_found_by_its_vector(store: Store) -> None:
    stored = article("!!! ???")
    store.put_text(stored, [Entry((0, 7), unit([1, 1, 1, 1]), [])], [])
    assert search(store, [1, 1, 1, 1], {"jet": 1.0}, 5) == {"!!! ???": (1.0, 0.0)}
    with store.snapshot() as snapshot:
        assert (snapshot.terms(["jet"]), snapshot.passage_count) == ({}, 1)


def test_articles_that_another_process_adds_are_found(tmp_path: Path) -> None:
    reader, writer = (Store(tmp_path / "index", MANIFEST) for _ in range(2))
    assert search(reader, [1, 1, 1, 1], {"jet": 1.0}) == {}
    put(writer, article("jet"))
    assert search(reader, [1, 1, 1, 1], {"jet": 1.0}).keys() == {"jet"}
    writer.refresh_indexes()
    assert search(reader, [1, 1, 1, 1], {"jet": 1.0}).keys() == {"jet"}


def test_committed_writes_are_flushed_to_the_disk_and_readers_are_not_blocked(
    store: Store, tmp_path: Path
) -> None:
    full = 2
    with store._database.writing() as connection:
        [(synchronous,)] = connection.execute("PRAGMA synchronous").fetchall()
        [(mode,)] = connection.execute("PRAGMA journal_mode").fetchall()
    assert (synchronous, mode) == (full, "wal")
    header = (tmp_path / "index" / "index.sqlite").read_bytes()[:20]
    assert header[18:20] == b"\2\2", "the format of the file is not WAL"


# Search indexes are built again from the database


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "of another state", "empty"])
def test_vector_file_is_built_again_from_the_database(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "index"
    store = Store(folder, MANIFEST)
    put(store, article("jet"), [1, 0, 0, 0])
    store.refresh_indexes()
    file = folder / "vectors.faiss"
    content = file.read_bytes()
    if damage == "of another state":
        put(store, article("deal"), [0, 1, 0, 0])
    store.close()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[:-7])
    elif damage == "flipped":
        file.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif damage == "empty":
        file.write_bytes(b"")
    reopened = Store(folder, MANIFEST)
    noticed = "vectors.faiss is damaged" in caplog.text
    assert noticed == (damage in {"cut", "flipped", "empty"})
    found = search(reopened, [1, 0, 0, 0], {"jet": 1.0})
    assert found["jet"][0] == 1
    assert found.keys() == ({"jet", "deal"} if damage == "of another state" else {"jet"})
    reopened.refresh_indexes()
    assert file.read_bytes() != b""
    assert reopened.indexes._vectors.search(unit([1, 0, 0, 0]), 1).tolist() == [1]
    reopened.close()


def change_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_changed_byte_in_any_file_of_the_term_index_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(tmp_path / "index", MANIFEST)
    for word in WORDS:
        put(store, article(word))
    store.refresh_indexes()
    store.close()
    files = [f for f in (tmp_path / "index" / "terms.tantivy").iterdir() if f.name[0] != "."]
    assert len(files) > 5
    for file in files:
        place = Path(shutil.copytree(tmp_path / "index", tmp_path / file.name))
        change_a_byte(place / "terms.tantivy" / file.name)
        caplog.clear()
        store = Store(place, MANIFEST)
        assert "is damaged" in caplog.text, file.name
        assert search(store, [1, 1, 1, 1], {"jet": 1.0})["jet"][1] > 0
        store.refresh_indexes()
        assert terms_of(store) == [1, 2, 3, 4, 5]
        store.close()


def terms_of(store: Store) -> list[int]:
    """Return the rows that the term index contains, of passages with one of the first terms."""
    return sorted(store.indexes._terms.search(dict.fromkeys(range(1, 99), 1.0), 99).tolist())


@pytest.mark.parametrize("damage", ["missing", "cut", "of another index", "a file", "[]", "{}"])
def test_term_index_is_built_again_from_the_database(tmp_path: Path, damage: str) -> None:
    folder, other = tmp_path / "index", tmp_path / "other"
    for place, text in ((folder, "jet"), (other, "deal")):
        store = Store(place, MANIFEST)
        put(store, article(text))
        store.refresh_indexes()
        store.close()
    terms = folder / "terms.tantivy"
    if damage == "cut":
        (terms / "meta.json").write_text("{")
    elif damage in ("[]", "{}"):  # JSON, but not the facts
        (terms / "facts.json").write_text(damage)
    else:
        shutil.rmtree(terms)
    if damage == "of another index":
        shutil.copytree(other / "terms.tantivy", terms)
    elif damage == "a file":
        terms.write_text("not a folder")
    store = Store(folder, MANIFEST)
    assert search(store, [-1, -1, -1, -1], {"jet": 1.0}, 5)["jet"][1] > 0
    if damage != "a file":
        store.refresh_indexes()
        assert terms_of(store) == [1]


def test_term_index_is_not_written_while_another_process_writes_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "index", MANIFEST)
    put(store, article("jet"))
    with FileLock(tmp_path / "index" / ".terms.tantivy.lock"):
        store.refresh_indexes()
        assert terms_of(store) == []
        assert search(store, [1, 1, 1, 1], {"jet": 1.0})["jet"][1] > 0
    store.refresh_indexes()
    assert terms_of(store) == [1]


def test_older_copy_of_the_database_is_not_mixed_with_newer_search_indexes(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    store = Store(folder, MANIFEST)
    put(store, article("jet"))
    store.refresh_indexes()
    store.close()
    before = (folder / "index.sqlite").read_bytes()
    store = Store(folder, MANIFEST)
    put(store, article("deal"))
    store.refresh_indexes()
    store.close()
    (folder / "index.sqlite").write_bytes(before)
    store = Store(folder, MANIFEST)
    put(store, article("radar"), [0, 0, 0, 1])  # takes the row that "deal" had
    store.refresh_indexes()
    found = search(store, [0, 0, 0, 1], {"radar": 1.0}, 5)
    assert found.keys() == {"jet", "radar"}
    assert found["radar"][0] == 1
    assert store.indexes._vectors.search(unit([0, 0, 0, 1]), 1).tolist() == [2]


# Growing and shrinking


def some_words(random: np.random.Generator, count: int = 6) -> str:
    return " ".join(f"word{n}" for n in random.integers(0, 40, count))


def test_removed_and_added_articles_leave_no_trace_in_the_scores(tmp_path: Path) -> None:
    """An index that grew and shrank answers as one that was made at once."""
    random = np.random.default_rng(5)
    made = [(article(f"{i} {some_words(random)}"), random.normal(size=4)) for i in range(60)]
    grown, fresh = (Store(tmp_path / name, MANIFEST) for name in ("grown", "fresh"))
    for one, vector in made:
        put(grown, one, vector)
    grown.refresh_indexes()
    remove(grown, *(one for one, _ in made[::3]))
    grown.refresh_indexes()
    assert terms_of(grown) == [row for row in range(1, 61) if row % 3 != 1]
    remove(grown, *(one for one, _ in made[1::3]))
    for one, vector in made[1::3]:
        put(grown, one, vector)
    for i, (one, vector) in enumerate(made):
        if i % 3:
            put(fresh, one, vector)
    for _ in range(2):
        for _ in range(10):
            vector = random.normal(size=4)
            weights = dict.fromkeys(some_words(random).split(), 1.0) | {"7": 0.4}
            assert search(grown, vector, weights, 60) == search(fresh, vector, weights, 60)
        grown.close()
        grown = Store(tmp_path / "grown", MANIFEST)


def test_large_index_is_searched_by_cells_and_finds_nearly_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = MANIFEST._replace(dimension=16)
    vectors = np.random.default_rng(3).normal(size=(900, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    use_cells_above(300, monkeypatch)
    store = Store(tmp_path / "index", manifest)
    first = article(" ".join(f"{n:03}" for n in range(800)))
    store.put_text(first, entries(first, vectors[:800]), [])
    store.refresh_indexes()
    rest = article(" ".join(f"{n:03}" for n in range(800, 900)))
    store.put_text(rest, entries(rest, vectors[800:]), [])
    assert store.indexes._vectors._trained_on == 800

    def recall(searched: Store) -> float:
        shares = []
        for query in vectors[::9]:
            best = [f"{n:03}" for n in np.argsort(-(vectors @ query))[:10]]
            found = search(searched, query, {}, 10)
            assert found[best[0]][0] == pytest.approx(1.0, abs=1e-6)
            shares.append(len(set(best) & found.keys()) / 10)
        return float(np.mean(shares))

    assert recall(store) >= 0.98
    scoped = search(store, vectors[0], {}, 200, Scope(paths=(rest.path,)))
    assert scoped.keys() == set(rest.text.split())
    store.refresh_indexes()
    store.close()
    again = Store(tmp_path / "index", manifest)
    assert again.indexes._vectors._trained_on == 800
    assert recall(again) >= 0.98
    remove(again, first)
    for _ in range(2):
        found = search(again, vectors[850], {}, 10)
        assert found["850"][0] == pytest.approx(1.0, abs=1e-6)
        assert found.keys() <= set(rest.text.split())
        again.refresh_indexes()


def use_cells_above(passages: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (vector_index, search_module):
        monkeypatch.setattr(module, "EXACT_UNTIL", passages)
        monkeypatch.setattr(module, "SAMPLE", passages)
    monkeypatch.setattr(vector_index, "_PROBED", 1 / 2)


def entries(words: Article, vectors: np.ndarray) -> list[Entry]:
    """Return a passage for each word of three letters."""
    return [Entry((4 * i, 4 * i + 3), unit(v), [words.text[4 * i :][:3]])
            for i, v in enumerate(vectors)]  # fmt: skip


def test_cells_are_trained_although_few_row_numbers_are_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are never used again: after much churn most of their numbers belong to no passage."""
    use_cells_above(100, monkeypatch)
    store = Store(tmp_path / "index", MANIFEST)
    random = np.random.default_rng(3)
    gone = article(" ".join(f"{n:04}"[:3] for n in range(4000)))
    store.put_text(gone, entries(gone, random.normal(size=(4000, 4))), [])
    remove(store, gone)
    stored = article(" ".join(f"{n:03}" for n in range(120)))
    vectors = random.normal(size=(120, 4))
    store.put_text(stored, entries(stored, vectors), [])
    store.refresh_indexes()
    assert store.indexes._vectors._trained_on == 120
    for n in range(0, 120, 10):
        assert search(store, vectors[n], {}, 3)[f"{n:03}"][0] == pytest.approx(1.0, abs=1e-6)


def test_cells_are_trained_although_most_texts_belong_to_no_article(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill during a sync that replaced texts."""
    use_cells_above(100, monkeypatch)
    store = Store(tmp_path / "index", MANIFEST)
    replaced = article(" ".join(f"{n:03}" for n in range(200)), "a.txt")
    vectors = np.random.default_rng(3).normal(size=(200, 4))
    store.put_text(replaced, entries(replaced, vectors), [])
    put(store, article("jet", "a.txt"), vectors[7])
    store.refresh_indexes()
    assert store.indexes._vectors._trained_on == 201
    assert search(store, vectors[7]).keys() == {"jet"}


# Folders that hold something else


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_id": "other@2"}, "--model"),
        ({"chunking": "64/0"}, "another version"),
    ],
)
def test_index_made_otherwise_is_refused_with_the_command(
    tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    Store(tmp_path / "index", MANIFEST).close()
    with pytest.raises(StoreError, match=reason) as caught:
        Store(tmp_path / "index", MANIFEST._replace(**change))
    assert "qa index --rebuild" in str(caught.value)


def test_index_of_other_articles_is_refused_unless_they_moved(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    mine = MANIFEST._replace(articles=str(tmp_path / "one"))
    Store(tmp_path / "index", mine).close()
    moved = MANIFEST._replace(articles=str(tmp_path / "two"))
    with pytest.raises(StoreError, match="belongs to the articles in"):
        Store(tmp_path / "index", moved)
    (tmp_path / "one").rename(tmp_path / "two")
    Store(tmp_path / "index", moved).close()
    Store(tmp_path / "index", moved).close()


def test_folder_with_other_files_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(StoreError, match="not an index"):
        Store(tmp_path, MANIFEST)
    with pytest.raises(StoreError, match="not an index"):
        delete_index(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.doc"]


def test_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "index.sqlite") as db:
        db.execute("CREATE TABLE precious (x)")
    db.close()
    before = (tmp_path / "index.sqlite").read_bytes()
    attempts: list[Callable[[], object]] = [
        lambda: Store(tmp_path, MANIFEST), lambda: delete_index(tmp_path)
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(StoreError, match="not an index"):
            attempt()
    assert (tmp_path / "index.sqlite").read_bytes() == before


def test_garbage_in_place_of_a_database_names_the_command(tmp_path: Path) -> None:
    Store(tmp_path, MANIFEST).close()
    content = (tmp_path / "index.sqlite").read_bytes()
    (tmp_path / "index.sqlite").write_bytes(content[:100] + b"\xff" * 5000)
    with pytest.raises(StoreError, match=r"damaged.*qa index --rebuild"):
        Store(tmp_path, MANIFEST)
    delete_index(tmp_path)
    Store(tmp_path, MANIFEST).close()


def test_place_that_cannot_hold_an_index(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/qa-index")):
        with pytest.raises(StoreError, match="--index"):
            Store(place, MANIFEST)


def test_delete_index_keeps_other_files(tmp_path: Path) -> None:
    Store(tmp_path, MANIFEST).close()
    (tmp_path / "README.md").write_text("x")
    delete_index(tmp_path)
    assert [file.name for file in tmp_path.iterdir() if file.name[0] != "."] == ["README.md"]
    delete_index(tmp_path / "none")


def test_term_index_that_is_emptied_during_an_update_loses_no_row(tmp_path: Path) -> None:
    """An error of a search empties the index, in another thread, while an update is running."""
    index = TermIndex(tmp_path / "terms.tantivy", "id")
    start, three, four, five = (State("id", row) for row in (0, 3, 4, 5))
    index.update(start, three, [(1, 1, [5]), (2, 1, [5]), (3, 2, [5])], [])

    def rows() -> Iterator[tuple[int, int, list[int]]]:
        yield 4, 2, [5]
        index.clear()

    index.update(three, four, rows(), [])
    assert (index.state, sorted(index.search({5: 1.0}, 10))) == (four, [1, 2, 3, 4])
    index.clear()
    index.update(four, five, [(5, 3, [5])], [])  # starts from a state that it no longer has
    assert index.state == start
    index.update(start, five, [(row, 1, [5]) for row in range(1, 6)], [])
    assert sorted(index.search({5: 1.0}, 10)) == [1, 2, 3, 4, 5]


def test_two_processes_do_not_add_the_same_rows_to_the_term_index(tmp_path: Path) -> None:
    one, other = (TermIndex(tmp_path / "terms.tantivy", "id") for _ in range(2))
    for index in (one, other):
        index.update(State("id"), State("id", 2), [(1, 1, [5]), (2, 1, [5])], [])
    assert other.state == State("id", 2)
    other.reload()
    assert sorted(other.search({5: 1.0}, 10)) == [1, 2]
