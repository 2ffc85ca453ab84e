"""One answer, one state: reading while others write, and the caches."""

import gc
import random
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

import qa
from qa.answering.question import AnalyzedQuestion
from qa.answering.retrieval import retrieve
from qa.index.caches import Cache, Caches
from qa.index.rows import Entry
from qa.index.scopes import select
from qa.index.store import Store
from qa.models.embedder import Embedder
from qa.records import Question, Scope
from tests.stores import MANIFEST, article, put, remove, search, search_in, unit

NEAR = [1, 0, 0, 0]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "index", MANIFEST)


@pytest.fixture
def corpus(folder: Path, tmp_path: Path, tiny_embedder: Embedder) -> Iterator[qa.Corpus]:
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        yield corpus


# A write does not block, and is not seen before it is committed


@contextmanager
def half_written(corpus: qa.Corpus) -> Iterator[None]:
    """Hold a write transaction open in another thread: every title is changed, no passage left."""
    begun, commit = Event(), Event()

    def write() -> None:
        with corpus._store._database.writing() as connection:
            connection.execute("UPDATE articles SET title = 'Changed', outlet = 'Changed'")
            connection.execute("DELETE FROM passages")
            begun.set()
            assert commit.wait(30)

    with ThreadPoolExecutor(1) as pool:
        written: Future[None] = pool.submit(write)
        assert begun.wait(30)
        try:
            yield
            assert not written.done()
        finally:
            commit.set()
        written.result()


def test_questions_during_a_long_write_are_answered_from_the_state_before(
    corpus: qa.Corpus,
) -> None:
    question = Question("When did the harbour of Varna reopen?")

    def everything() -> list[object]:
        return [
            corpus.ask(question),
            corpus.search(question, 10),
            corpus.retrieve("budget", outlets="The Varna Post"),
            corpus.articles(),
            corpus.summaries(),
            corpus.duplicates(),
            corpus.count(),
            corpus.version(),
        ]

    before = everything()
    with half_written(corpus), ThreadPoolExecutor(1) as pool:
        # In a thread: a question that waits for the write would wait for ever.
        assert pool.submit(everything).result(timeout=30) == before
    assert {one.title for one in corpus.articles()} == {"Changed"}
    assert corpus.search(question) == []


def test_many_threads_read_during_a_long_write(corpus: qa.Corpus) -> None:
    """Each has a connection of its own: none waits for another one's snapshot."""
    count = 8
    together = [Event() for _ in range(count)]

    def read(number: int) -> int:
        with corpus._store.snapshot() as snapshot:
            found = snapshot.count()[0]
            together[number].set()
            assert all(event.wait(30) for event in together)  # all snapshots are open at once
            return found

    with half_written(corpus), ThreadPoolExecutor(count) as pool:
        assert list(pool.map(read, range(count), timeout=30)) == [2] * count


# A snapshot does not change


def test_an_index_is_opened_during_a_write_and_waiting_to_write_stops_no_other_thread(
    store: Store, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with store._database.writing():
            other = Store(tmp_path / "index", MANIFEST)
            waiting = pool.submit(put, other, article("jet"))
            with pytest.raises(TimeoutError):  # it waits, and this thread goes on
                waiting.result(0.5)
        waiting.result(30)
    assert search(store, NEAR, {"jet": 1.0}, 5).keys() == {"jet"}


def test_snapshot_sees_nothing_that_is_committed_after_it_began(store: Store) -> None:
    stays = article("jet stays", "stays.txt", outlet="Daily")
    changes = article("jet changes", "changes.txt", outlet="Daily")
    goes = article("jet goes", "goes.txt", outlet="Gone")
    for one in (stays, changes, goes):
        put(store, one, NEAR)
    store.refresh_indexes()
    daily = Scope(outlets=("Daily",))
    with store.snapshot() as snapshot:

        def seen() -> list[object]:
            return [
                search_in(store, snapshot, NEAR, {"jet": 1.0}),
                search_in(store, snapshot, NEAR, {"jet": 1.0}, scope=daily),
                select(snapshot, daily).paths,
                select(snapshot, Scope()).sources,
                snapshot.articles(),
                snapshot.query("SELECT value FROM manifest WHERE key = 'generation'"),
            ]

        before = seen()
        assert before[0].keys() == {"jet stays", "jet changes", "jet goes"}  # type: ignore[attr-defined]
        put(store, article("jet replaced", "changes.txt", outlet="Other"), NEAR)
        put(store, article("jet jet new", "new.txt", outlet="New"), NEAR)
        store.put_articles([article("jet stays", "stays.txt", outlet="Other")])
        remove(store, goes)
        assert seen() == before
        store.refresh_indexes()  # the search indexes know nothing of the old state any more
        assert seen() == before
    after = search(store, NEAR, {"jet": 1.0})
    assert after.keys() == {"jet stays", "jet replaced", "jet jet new"}
    assert search(store, NEAR, {"jet": 1.0}, scope=daily) == {}


@pytest.mark.parametrize("refreshed", [False, True])
def test_new_passages_take_no_place_of_the_best_in_an_older_snapshot(
    store: Store, refreshed: bool
) -> None:
    for n in range(20):
        put(store, article(f"jet old {n}"), [10, n, 0, 0])
    store.refresh_indexes()
    with store.snapshot() as snapshot:
        before = search_in(store, snapshot, NEAR, {"jet": 1.0}, 5)
        assert {f"jet old {n}" for n in range(5)} <= before.keys()
        for n in range(100):
            put(store, article(f"jet {n}"), NEAR)  # nearer, and shorter
        if refreshed:
            store.refresh_indexes()
        assert search_in(store, snapshot, NEAR, {"jet": 1.0}, 5) == before


@pytest.mark.parametrize("refreshed", [False, True])
def test_removed_passages_stay_the_best_in_an_older_snapshot(store: Store, refreshed: bool) -> None:
    made = [article(f"jet {n}") for n in range(120)]
    for n, one in enumerate(made):
        put(store, one, [10, n, 0, 0])
    store.refresh_indexes()
    with store.snapshot() as snapshot:
        before = search_in(store, snapshot, NEAR, limit=5)
        assert before.keys() == {f"jet {n}" for n in range(5)}
        remove(store, *made[:100])
        if refreshed:
            store.refresh_indexes()
        assert search_in(store, snapshot, NEAR, limit=5) == before
    assert search(store, NEAR, limit=5).keys() == {f"jet {n}" for n in range(100, 105)}


def test_removed_passages_that_the_search_indexes_still_have_take_no_place(store: Store) -> None:
    made = [article(f"jet {n}") for n in range(120)]
    for n, one in enumerate(made):
        put(store, one, [10, n, 0, 0])
    store.refresh_indexes()
    remove(store, *made[:100])
    assert search(store, NEAR, limit=5).keys() == {f"jet {n}" for n in range(100, 105)}
    assert len(search(store, [0, 0, 0, 1], {"jet": 1.0}, 5)) >= 5


def test_article_is_found_before_the_search_indexes_have_it(store: Store) -> None:
    put(store, article("radar"), [0, 1, 0, 0])
    store.refresh_indexes()
    put(store, article("jet"), NEAR)
    assert search(store, NEAR, limit=1) == {"jet": (1.0, 0.0)}
    assert search(store, [0, -1, 0, 0], {"jet": 1.0}, 1)["jet"][1] > 0


# Removing many articles


def test_many_articles_are_removed_in_short_transactions_with_answers_between(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    """A question is asked at each commit; it finds what is left, and never waits."""
    for n in range(150):
        (folder / f"{n:03}.txt").write_text(f"Report {n} of the harbour of Varna: ferry {n}.\n")
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        for n in range(150):
            (folder / f"{n:03}.txt").unlink()
        deleted, most, found = 0, 0, set()

        def count(_: int, __: str, table: str, ___: int) -> None:
            nonlocal deleted
            deleted += table in {"texts", "passages"}

        def commit() -> bool:
            nonlocal deleted, most
            most, deleted = max(most, deleted), 0
            hits = corpus.retrieve("Who opposed the budget of the council?", 5)
            found.add("budget.md" in [hit.passage.article.path for hit in hits])
            return False

        with corpus._store._database.writing() as connection:
            writer = connection
        writer.set_update_hook(count)
        writer.set_commit_hook(commit)
        report = corpus.sync()
        writer.set_commit_hook(None)
        assert len(report.removed) == 150
        assert corpus.count() == (2, 2)
    assert 0 < most <= 100
    assert found == {True}


# Caches


def test_cache_never_holds_more_bytes_than_its_limit() -> None:
    cache: Cache[int, bytes] = Cache(1_000, len)
    chosen = random.Random(1)
    for key in range(200):
        cache.put(key, bytes(chosen.randrange(1, 700)))
        held = cache.get(range(key + 1))
        assert sum(map(len, held.values())) <= 1_000
        assert key in held
    cache.put(999, bytes(1_001))
    assert cache.get([999]) == {}


def test_least_recently_used_value_is_dropped() -> None:
    cache: Cache[str, bytes] = Cache(3, len)
    for key in "abc":
        cache.put(key, b"x")
    cache.get("a")
    cache.put("d", b"x")
    assert cache.get("abcd").keys() == {"a", "c", "d"}


def test_questions_over_large_texts_keep_no_more_than_the_caches_allow(tmp_path: Path) -> None:
    """Neither do the passages of earlier questions keep their articles' texts in memory."""
    limit = 1_000_000
    store = Store(tmp_path / "index", MANIFEST)
    store._caches = Caches(limit, limit)
    chosen = random.Random(1)
    for n in range(20):
        text = f"jet{n} " + " ".join(chosen.choices(["radar", "deal", "moscow"], k=40_000))
        entry = Entry((0, len(text)), unit([chosen.gauss(0, 1) for _ in range(4)]), [f"jet{n}"])
        store.put_text(article(text, f"{n}.txt"), [entry], [])
    store.refresh_indexes()

    def ask(n: int) -> None:
        scope = Scope(paths=tuple(f"{i}.txt" for i in range(n, n + 5)))
        with store.snapshot() as snapshot:
            select(snapshot, scope)
            asked = AnalyzedQuestion(
                Question(f"jet{n}"), f"jet{n}", (), unit(NEAR), {"english": {f"jet{n}": 1.0}}
            )
            [hit] = retrieve(snapshot, store.indexes, asked, 1)
            assert len(hit.passage.article.text) > 200_000

    ask(0)
    gc.collect()
    tracemalloc.start()
    for n in range(20):
        ask(n)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert size < 2 * limit
    texts, scopes = (list(c._values.values()) for c in (store._caches.texts, store._caches.scopes))
    assert 0 < sum(map(sys.getsizeof, texts)) <= limit
    assert 0 < sum(scope.nbytes for scope in scopes) <= limit


def test_caches_of_an_index_are_limited_to_100_megabytes(store: Store) -> None:
    caches = vars(store._caches).values()
    assert len(caches) == 2
    assert sum(cache._values.maxsize for cache in caches) <= 100_000_000


def test_scopes_of_many_names_do_not_fill_the_memory(store: Store) -> None:
    """The names of a scope are kept with it: 3,000 scopes of 300 names took 75 MB."""
    for n in range(1_000):
        store._caches.scopes.put(Scope(paths=(f"{n}.txt",)), unit(NEAR))
    assert len(store._caches.scopes._values) <= 320


def test_a_cached_scope_is_not_used_after_a_correction(store: Store) -> None:
    put(store, article("jet", "a.txt", outlet="Daily"))
    daily, mirror = Scope(outlets=("Daily",)), Scope(outlets=("Mirror",))
    for _ in range(2):
        assert search(store, NEAR, scope=daily).keys() == {"jet"}
        assert search(store, NEAR, scope=mirror) == {}
    store.put_articles([article("jet", "a.txt", outlet="Mirror")])
    assert search(store, NEAR, scope=daily) == {}
    assert search(store, NEAR, scope=mirror).keys() == {"jet"}
    with store.snapshot() as snapshot:
        assert select(snapshot, mirror).sources == ("Mirror",)
    store.remove_articles(["a.txt"])
    assert search(store, NEAR, scope=mirror) == {}
