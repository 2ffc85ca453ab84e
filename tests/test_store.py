"""The local store against independent oracles: NumPy for FAISS, a plain formula for BM25."""

import hashlib
import math
import shutil
import sqlite3
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qa.datatypes import Article, Passage, Scope
from qa.errors import StoreError
from qa.store import Entry, Manifest, Sentence, vectors
from qa.store.folder import delete_index
from qa.store.local import LocalStore

WORDS = ["jet", "deal", "ankara", "moscow", "radar"]
MANIFEST = Manifest("model@1", 4, "128/1", "/nowhere/articles")


def article(text: str, path: str = "", **known: object) -> Article:
    key = hashlib.sha256(text.encode()).hexdigest()
    return Article(key, path or f"{key[:6]}.txt", text, "Title", **known)  # type: ignore[arg-type]


def unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def entry(kept: Article, vector: np.ndarray | None = None, terms: str | None = None) -> Entry:
    found = unit(np.ones(4) if vector is None else vector)
    passage = Passage(kept, 0, len(kept.text))
    return Entry(passage, (kept.text if terms is None else terms).split(), found)


def put(store: LocalStore, kept: Article, vector: np.ndarray | None = None) -> None:
    made = entry(kept, vector)
    store.put(kept, [made], [Sentence((0, len(kept.text)), made.vector)])


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "index", MANIFEST)


VECTORS = arrays(np.float32, (4,), elements=st.integers(-5, 5).map(float)).filter(np.any)
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)


@given(st.dictionaries(TEXTS, VECTORS, min_size=1, max_size=12), VECTORS, TEXTS)
def test_both_searches_agree_with_brute_force(
    tmp_path_factory: pytest.TempPathFactory,
    kept: dict[str, np.ndarray],
    query: np.ndarray,
    asked: str,
) -> None:
    store = LocalStore(tmp_path_factory.mktemp("index"), MANIFEST)
    for text, vector in kept.items():
        put(store, article(text), vector)
    found = store.candidates(unit(query), dict.fromkeys(asked.split(), 1.0), limit=50)
    passages = store.passages(found.rows.tolist())
    texts = [passages[row].text for row in found.rows.tolist()]
    assert sorted(texts) == sorted(kept)
    for text, dense, lexical in zip(texts, found.dense, found.lexical, strict=True):
        assert dense == pytest.approx(float(unit(kept[text]) @ unit(query)), abs=1e-5)
        assert lexical == pytest.approx(bm25(text, asked, list(kept)), abs=1e-4)
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


def test_limit_takes_the_best_of_either_search(store: LocalStore) -> None:
    near, named, other = article("radar"), article("jet jet"), article("deal")
    put(store, near, np.array([1, 0, 0, 0]))
    put(store, named, np.array([-1, 0, 0, 0]))
    put(store, other, np.array([0, 1, 0, 0]))
    found = store.candidates(np.float32([1, 0, 0, 0]), {"jet": 1.0}, limit=1)
    texts = {passage.text for passage in store.passages(found.rows.tolist()).values()}
    assert texts == {"radar", "jet jet"}
    only = store.candidates(np.float32([1, 0, 0, 0]), {"jet": 1.0}, 5, Scope(paths=(other.path,)))
    assert [passage.text for passage in store.passages(only.rows.tolist()).values()] == ["deal"]
    nothing = store.candidates(np.float32([1, 0, 0, 0]), {"jet": 1.0}, 5, Scope(paths=()))
    assert len(nothing.rows) == 0


def test_article_comes_back_as_it_was(store: LocalStore) -> None:
    kept = article(
        "Ad\r\nЁ日😀’ radar",
        "sub/ä.txt",
        headline="H",
        outlet="The Post",
        author="A. One",
        published=date(2025, 1, 2),
        url="https://example.org",
        boilerplate=((0, 2),),
    )
    store.put(
        kept, [entry(kept)], [Sentence((4, 7), unit(np.array([1, 2, 3, 4])), ["radar", "deal"])]
    )
    assert store.articles() == [kept]
    [passage] = store.passages(store.candidates(unit(np.ones(4)), {}, 5).rows.tolist()).values()
    assert passage == Passage(kept, 0, len(kept.text))
    [[sentence], []] = store.sentences([passage, Passage(kept, 0, 6)], ["radar", "jet"])
    assert sentence.span == (4, 7)
    assert sentence.vector == pytest.approx(unit(np.array([1, 2, 3, 4])), abs=1e-3)
    assert sentence.terms == {"radar"}


def test_status_tells_new_changed_and_same(store: LocalStore) -> None:
    kept = article("radar", "a.txt")
    assert store.status(kept) == "absent"
    put(store, kept)
    assert store.status(kept) == "same"
    renamed = article("radar", "b.txt", outlet="The Post")
    assert store.status(renamed) == "changed"
    store.update(renamed)
    assert store.status(renamed) == "same"
    assert store.paths() == {"b.txt": kept.article_id}


def test_put_replaces_and_remove_takes_everything_along(store: LocalStore) -> None:
    old, new = article("radar", "a.txt"), article("jet", "a.txt")
    put(store, old)
    store.put(new, [entry(new)], [], replaces=old.article_id)
    assert store.count() == (1, 1)
    store.remove([new.article_id])
    assert store.count() == (0, 0)
    assert store.query("SELECT count(*) FROM sentences") == [(0,)]
    assert len(store.candidates(unit(np.ones(4)), {"jet": 1.0}, 5).rows) == 0


def test_passage_that_was_dropped_meanwhile_is_missing(store: LocalStore) -> None:
    kept, gone = article("radar"), article("jet")
    put(store, kept)
    put(store, gone)
    rows = store.candidates(unit(np.ones(4)), {}, 5).rows.tolist()
    store.remove([gone.article_id])
    assert [passage.text for passage in store.passages(rows).values()] == ["radar"]


def test_more_rows_than_sqlite_takes_variables(store: LocalStore) -> None:
    put(store, article("radar"))
    assert len(store.passages(range(1, 300_000))) == 1


def test_failed_put_leaves_nothing_behind(store: LocalStore) -> None:
    kept = article("radar")
    with pytest.raises(StoreError):
        store.put(kept, [entry(kept), entry(kept)], [])  # one span twice breaks a constraint
    assert store.count() == (0, 0)


def test_select_by_outlet_and_day(store: LocalStore) -> None:
    dated = article("a", outlet="The Post", published=date(2025, 5, 5))
    later = article("b", outlet="Agency", published=date(2025, 6, 6))
    undated = article("c", outlet="the post")
    for kept in (dated, later, undated):
        put(store, kept)
    ids = {kept.article_id: kept.text for kept in (dated, later, undated)}

    def texts(*conditions: object) -> set[str]:
        return {ids[key] for key in store.select(Scope(*conditions))}  # type: ignore[arg-type]

    assert texts(["THE POST"], None, None) == {"a", "c"}
    assert texts(None, date(2025, 5, 5), None) == {"a", "b"}
    assert texts(None, None, date(2025, 5, 5)) == {"a"}
    assert texts(None, None, None) == {"a", "b", "c"}
    assert texts([], None, None) == set()
    assert texts(None, None, None, [later.path]) == {"b"}
    assert texts(["agency"], None, None, [dated.path]) == set()


def test_article_without_any_term_is_kept_and_found_by_vector(store: LocalStore) -> None:
    kept = article("!!! ???")
    store.put(kept, [entry(kept, terms="")], [])
    found = store.candidates(unit(np.ones(4)), {"jet": 1.0}, 5)
    assert found.lexical.tolist() == [0.0]
    assert store.document_frequencies(["jet"]) == ({"jet": 0}, 1)


def test_another_process_is_seen(tmp_path: Path) -> None:
    reader, writer = (LocalStore(tmp_path / "index", MANIFEST) for _ in range(2))
    assert len(reader.candidates(unit(np.ones(4)), {"jet": 1.0}, 5).rows) == 0
    put(writer, article("jet"))
    assert len(reader.candidates(unit(np.ones(4)), {"jet": 1.0}, 5).rows) == 1


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "of another state", "empty"])
def test_derived_file_is_made_again_from_the_truth(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "index"
    store = LocalStore(folder, MANIFEST)
    put(store, article("jet"), np.array([1, 0, 0, 0]))
    store.settle()
    expected = store.candidates(np.float32([1, 0, 0, 0]), {"jet": 1.0}, 5)
    file = folder / "vectors.faiss"
    content = file.read_bytes()
    if damage == "of another state":
        put(store, article("deal"), np.array([0, 1, 0, 0]))
    store.close()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[:-7])
    elif damage == "flipped":
        file.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    elif damage == "empty":
        file.write_bytes(b"")
    reopened = LocalStore(folder, MANIFEST)
    again = reopened.candidates(np.float32([1, 0, 0, 0]), {"jet": 1.0}, 5)
    reopened.settle()
    assert again.dense[0] == expected.dense[0] == 1
    assert len(again.rows) == (2 if damage == "of another state" else 1)
    assert file.read_bytes() != b""


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
    LocalStore(tmp_path / "index", MANIFEST).close()
    with pytest.raises(StoreError, match=reason) as caught:
        LocalStore(tmp_path / "index", MANIFEST._replace(**change))
    assert "qa index --rebuild" in str(caught.value)


def test_index_of_other_articles_is_refused_unless_they_moved(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    mine = MANIFEST._replace(articles=str(tmp_path / "one"))
    LocalStore(tmp_path / "index", mine).close()
    moved = MANIFEST._replace(articles=str(tmp_path / "two"))
    with pytest.raises(StoreError, match="belongs to the articles in"):
        LocalStore(tmp_path / "index", moved)
    (tmp_path / "one").rename(tmp_path / "two")
    LocalStore(tmp_path / "index", moved).close()
    LocalStore(tmp_path / "index", moved).close()


def test_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("precious")
    with pytest.raises(StoreError, match="not an index"):
        LocalStore(tmp_path, MANIFEST)
    with pytest.raises(StoreError, match="not an index"):
        delete_index(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.doc"]


def test_database_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "index.sqlite") as db:
        db.execute("CREATE TABLE precious (x)")
    db.close()
    before = (tmp_path / "index.sqlite").read_bytes()
    for attempt in (lambda: LocalStore(tmp_path, MANIFEST), lambda: delete_index(tmp_path)):
        with pytest.raises(StoreError, match="not an index"):
            attempt()
    assert (tmp_path / "index.sqlite").read_bytes() == before


def test_garbage_for_a_database_names_the_command(tmp_path: Path) -> None:
    LocalStore(tmp_path, MANIFEST).close()
    content = (tmp_path / "index.sqlite").read_bytes()
    (tmp_path / "index.sqlite").write_bytes(content[:100] + b"\xff" * 5000)
    with pytest.raises(StoreError, match="qa index --rebuild"):
        LocalStore(tmp_path, MANIFEST)
    delete_index(tmp_path)
    LocalStore(tmp_path, MANIFEST).close()


def test_place_that_cannot_hold_an_index(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/qa-index")):
        with pytest.raises(StoreError, match="--index"):
            LocalStore(place, MANIFEST)


def test_delete_keeps_what_is_not_ours(tmp_path: Path) -> None:
    LocalStore(tmp_path, MANIFEST).close()
    (tmp_path / "README.md").write_text("x")
    delete_index(tmp_path)
    assert [file.name for file in tmp_path.iterdir() if file.name[0] != "."] == ["README.md"]
    delete_index(tmp_path / "none")


def words(random: np.random.Generator, count: int = 6) -> str:
    return " ".join(f"word{n}" for n in random.integers(0, 40, count))


def fill(store: LocalStore, texts: list[str], seed: int = 1) -> list[Article]:
    random = np.random.default_rng(seed)
    kept = [article(f"{i} {text}") for i, text in enumerate(texts)]
    for one in kept:
        put(store, one, random.normal(size=4))
    return kept


def same(one: LocalStore, other: LocalStore, random: np.random.Generator) -> None:
    for _ in range(10):
        query = unit(random.normal(size=4))
        weights = dict.fromkeys(words(random).split(), 1.0) | {"7": 0.4}
        found, expected = (s.candidates(query, weights, 60) for s in (one, other))
        names = [
            {p.text: i for p, i in zip(s.passages(c.rows.tolist()).values(), c.rows, strict=True)}
            for s, c in ((one, found), (other, expected))
        ]
        assert names[0].keys() == names[1].keys()
        for ours, theirs in zip(
            sorted(found.passage_ids), sorted(expected.passage_ids), strict=True
        ):
            assert ours == theirs
            i, j = found.passage_ids.index(ours), expected.passage_ids.index(theirs)
            assert found.dense[i] == expected.dense[j]
            assert found.lexical[i] == expected.lexical[j]


def test_what_came_and_went_leaves_no_trace_in_the_scores(tmp_path: Path) -> None:
    """An index that grew and shrank answers as one that was made in one go."""
    random = np.random.default_rng(5)
    texts = [words(random) for _ in range(60)]
    grown, fresh = (LocalStore(tmp_path / name, MANIFEST) for name in ("grown", "fresh"))
    kept = fill(grown, texts)
    same_vector = np.random.default_rng(1)
    chosen = [same_vector.normal(size=4) for _ in kept]
    grown.candidates(unit(np.ones(4)), {"word1": 1.0}, 5)
    grown.remove([one.article_id for one in kept[::3]])
    grown.settle()
    assert sorted(grown._search._terms.search(dict.fromkeys(range(1, 99), 1.0), 99)) == [
        row for row in range(1, 61) if row % 3 != 1
    ]
    grown.remove([one.article_id for one in kept[1::3]])
    for one, vector in list(zip(kept, chosen, strict=True))[1::3]:
        put(grown, one, vector)
    for i, (one, vector) in enumerate(zip(kept, chosen, strict=True)):
        if i % 3:
            put(fresh, one, vector)
    same(grown, fresh, random)
    grown.close()
    same(LocalStore(tmp_path / "grown", MANIFEST), fresh, random)


def test_large_index_is_searched_by_cells_and_finds_nearly_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = Manifest("model@1", 16, "128/1", "/nowhere/articles")
    random = np.random.default_rng(3)
    rows = random.normal(size=(900, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    kept = [article(f"{i}") for i in range(900)]
    monkeypatch.setattr(vectors, "EXACT_UNTIL", 300)
    monkeypatch.setattr(vectors, "_SAMPLE", 300)
    monkeypatch.setattr(vectors, "_PROBED", 1 / 2)
    store = LocalStore(tmp_path / "index", manifest)
    for one, row in zip(kept[:800], rows, strict=False):
        put(store, one, row)
    store.settle()
    for one, row in zip(kept[800:], rows[800:], strict=True):
        put(store, one, row)
    assert store._search._vectors._learned_from == 800

    def recall(searched: LocalStore) -> float:
        shares = []
        for query in rows[::9]:
            best = set(np.argsort(-(rows @ query))[:10].tolist())
            found = searched.candidates(query, {}, 10)
            order = np.argsort(-found.dense)
            texts = searched.passages(found.rows.tolist())
            shares.append(len(best & {int(texts[found.rows[i]].text) for i in order}) / 10)
            assert found.dense[order[0]] == pytest.approx(1.0, abs=1e-6)
        return float(np.mean(shares))

    assert recall(store) >= 0.98
    few = Scope(paths=tuple(one.path for one in kept[5:300:100]))
    scoped = store.candidates(rows[0], {}, 10, few)
    assert {p.text for p in store.passages(scoped.rows.tolist()).values()} == {"5", "105", "205"}
    store.settle()
    store.close()
    again = LocalStore(tmp_path / "index", manifest)
    assert recall(again) >= 0.98
    assert again._search._vectors._learned_from == 800
    again.remove([kept[0].article_id])
    gone = again.candidates(rows[0], {}, 10)
    assert "0" not in {p.text for p in again.passages(gone.rows.tolist()).values()}


@pytest.mark.parametrize("damage", ["missing", "cut", "another's", "a file"])
def test_term_index_is_made_again_from_the_truth(tmp_path: Path, damage: str) -> None:
    folder, other = tmp_path / "index", tmp_path / "other"
    for place, text in ((folder, "jet"), (other, "deal")):
        store = LocalStore(place, MANIFEST)
        put(store, article(text))
        store.settle()
        store.close()
    terms = folder / "terms.tantivy"
    if damage == "cut":
        (terms / "meta.json").write_text("{")
    else:
        shutil.rmtree(terms)
    if damage == "another's":
        shutil.copytree(other / "terms.tantivy", terms)
    elif damage == "a file":
        terms.write_text("not a folder")
    store = LocalStore(folder, MANIFEST)
    found = store.candidates(unit(np.array([-1, -1, -1, -1])), {"jet": 1.0}, 5)
    assert found.lexical[0] > 0
    assert store._search._terms.search({1: 1.0}, 5).tolist() == [1]


def test_term_index_is_left_to_the_process_that_writes_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "index", MANIFEST)
    put(store, article("jet"))
    writer = store._search._terms._index.writer(15_000_000, 1)
    found = store.candidates(unit(np.ones(4)), {"jet": 1.0}, 5)
    assert found.lexical[0] > 0  # found by its vector, scored by its terms
    writer.wait_merging_threads()
    store.candidates(unit(np.ones(4)), {"jet": 1.0}, 5)
    assert store._search._terms.search({1: 1.0}, 5).tolist() == [1]


def test_older_copy_of_the_truth_is_not_mixed_with_newer_indexes(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    store = LocalStore(folder, MANIFEST)
    put(store, article("jet"))
    store.settle()
    store.close()
    before = (folder / "index.sqlite").read_bytes()
    store = LocalStore(folder, MANIFEST)
    put(store, article("deal"))
    store.settle()
    store.close()
    (folder / "index.sqlite").write_bytes(before)
    store = LocalStore(folder, MANIFEST)
    put(store, article("radar"), np.array([0, 0, 0, 1]))  # takes the row that "deal" had
    store.settle()
    found = store.candidates(np.float32([0, 0, 0, 1]), {"radar": 1.0}, 5)
    texts = [p.text for p in store.passages(found.rows.tolist()).values()]
    assert sorted(texts) == ["jet", "radar"]
    assert found.dense.max() == 1
