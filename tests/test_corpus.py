"""The facade: retrieval and its arguments, closing, status, and the default folders."""

import inspect
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import qa
from qa import locations
from qa.errors import ModelError, QueryError, StoreError
from qa.locations import articles_folder, folder_to_fill, index_folder, own_folder, sample_folder
from qa.models.embedder import Embedder
from qa.status import read_status
from qa.text.chunking import count_tokens
from qa.text.values import Kind, states
from tests.conftest import SEEDS

EXPELLED = "When was Turkey expelled from the F-35 programme?"


def test_hits_are_ranked_slices_of_the_articles(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve(EXPELLED, k=5)
    assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        passage = hit.passage
        on_disk = (SEEDS / passage.article.path).read_bytes().decode()
        assert passage.article.text == on_disk
        assert passage.text == on_disk[passage.start : passage.end]
    assert "expelled" in hits[0].passage.text


def test_best_sentence_adds_to_the_score_of_its_passage(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve(EXPELLED, k=40)
    for hit in hits[:30]:
        best = max(sentence.score for sentence in hit.sentences)
        fused = 0.8 * hit.dense + 0.2 * hit.lexical / max(h.lexical for h in hits)
        assert hit.score == pytest.approx(fused + 0.4 * max(0, best), abs=1e-4)
        for sentence in hit.sentences:
            assert (
                hit.passage.start
                <= sentence.passage.start
                < sentence.passage.end
                <= hit.passage.end
            )
            assert -1 <= sentence.cosine <= 1
            assert 0 <= sentence.coverage <= 1
            dated = states(Kind.DATE, sentence.passage.text)
            expected = sentence.cosine + 0.5 * sentence.coverage + 0.15 * dated
            assert sentence.score == pytest.approx(expected)
    assert all(hit.sentences == () for hit in hits[30:])


def test_k_above_the_number_of_passages_returns_every_passage_once(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve(EXPELLED, k=10_000)
    assert len(hits) == len({hit.passage.passage_id for hit in hits}) == seeds.count()[1]


def test_same_question_has_the_same_answer(seeds: qa.Corpus) -> None:
    assert seeds.retrieve(EXPELLED, 20) == seeds.retrieve(EXPELLED, 20)
    assert seeds.answer(EXPELLED) == seeds.answer(EXPELLED)


def test_filters(folder: Path, tmp_path: Path, tiny_embedder: Embedder) -> None:
    (folder / "late.md").write_text("---\noutlet: Late News\ndate: 2025-09-01\n---\nA new budget.")
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()

        def paths(**conditions: object) -> set[str]:
            hits = corpus.retrieve("budget", 9, **conditions)  # type: ignore[arg-type]
            return {hit.passage.article.path for hit in hits}

        assert paths() == {"budget.md", "harbour.txt", "late.md"}
        assert paths(outlets=["the varna post"]) == {"budget.md"}
        assert paths(since=date(2025, 3, 5)) == {"late.md"}
        assert paths(until=date(2025, 3, 4)) == {"budget.md"}
        assert paths(since="2025-03-05", outlets="Late News") == {"late.md"}
        assert paths(since=datetime(2025, 3, 4, 9, tzinfo=UTC), until="2025-03-04") == {"budget.md"}
        assert paths(outlets=["Nobody"]) == set()


@pytest.mark.parametrize("budget", [1, 40, 70, 110, 128, 300, 10_000])
def test_token_budget_leaves_out_passages_that_do_not_fit_and_takes_later_ones(
    seeds: qa.Corpus, budget: int
) -> None:
    expected, left = [], budget
    for hit in seeds.retrieve(EXPELLED, 100):
        tokens = count_tokens(hit.passage.text)
        if tokens <= left and len(expected) < 8:
            expected.append(hit.passage)
            left -= tokens
    hits = seeds.retrieve(EXPELLED, 8, max_tokens=budget)
    assert [hit.passage for hit in hits] == expected
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))


def test_passage_behind_one_that_does_not_fit_the_budget_is_returned(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve(EXPELLED, 100)
    lengths = [count_tokens(hit.passage.text) for hit in hits]
    shortest = min(lengths)
    assert shortest < lengths[0]
    [only] = seeds.retrieve(EXPELLED, max_tokens=shortest)
    assert only.passage == hits[lengths.index(shortest)].passage


NO_WHOLE_NUMBER = [2e19, 1.0, "3", True, float("nan"), [3]]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"query": ""}, "empty"),
        ({"query": " \n"}, "empty"),
        ({"query": "?!… 😀"}, "no word"),
        ({"query": "a" * 100_000}, "100,000 characters"),
        ({"query": None}, "must be text"),
        ({"query": "x", "since": "last week"}, 'since is "last week"'),
        ({"query": "x", "until": "2025-02-30"}, 'until is "2025-02-30"'),
        *(({"query": "x", "k": k}, "^k is .* whole number") for k in [*NO_WHOLE_NUMBER, None]),
        *(({"query": "x", "k": k}, f"^k is {k}; it must") for k in (0, -1, 10**10, 2 * 10**19)),
        *(({"query": "x", "max_tokens": n}, "^max_tokens is .* whole") for n in NO_WHOLE_NUMBER),
        *(({"query": "x", "max_tokens": n}, f"^max_tokens is {n}; it must") for n in (0, -1)),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_invalid_arguments_are_named(seeds: qa.Corpus, arguments: dict, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        seeds.retrieve(**arguments)


def test_default_retrieve_checks_k(seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.default.Corpus.open", lambda: seeds)
    monkeypatch.setattr("qa.default._default", {})
    for k in (10**10, 0, None, "3"):
        with pytest.raises(QueryError, match=r"^k is"):
            qa.retrieve("x", k)  # type: ignore[arg-type]


def test_retrieve_and_answer_take_the_filters_by_keyword_in_one_order() -> None:
    filters = {}
    for method in (qa.Corpus.retrieve, qa.Corpus.answer):
        parameters = inspect.signature(method).parameters.values()
        keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        filters[method] = [name for name in keywords if name in scope_fields()]
    assert filters[qa.Corpus.retrieve] == filters[qa.Corpus.answer] == scope_fields()


def scope_fields() -> list[str]:
    return list(inspect.signature(qa.Scope).parameters)


def test_reranker_orders_the_best_passages_again(
    tmp_path: Path, folder: Path, tiny_model: Path, tiny_cross_encoder: Path
) -> None:
    model, reranker = str(tiny_model), str(tiny_cross_encoder)
    with qa.Corpus.open(folder, tmp_path / "index", model=model) as corpus:
        before = corpus.retrieve("harbour", 10)
    with qa.Corpus.open(folder, tmp_path / "index", model=model, reranker=reranker) as corpus:
        after = corpus.retrieve("harbour", 10)
        assert corpus.answer("When did the harbour of Varna reopen?").confidence > 0
    from sentence_transformers import CrossEncoder

    from qa.text.chunking import searched_text

    pairs = [("harbour", searched_text(hit.passage)) for hit in after]
    expected = CrossEncoder(reranker).predict(pairs)
    assert [hit.score for hit in after] == pytest.approx(sorted(expected, reverse=True), abs=1e-5)
    assert {h.passage.passage_id for h in after} == {h.passage.passage_id for h in before}


def test_missing_reranker_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--reranker"):
        qa.Corpus.open(folder, tmp_path / "index", reranker=str(tmp_path / "nothing"))


# Errors of the index


@pytest.fixture
def corpus(folder: Path, tmp_path: Path, tiny_embedder: Embedder) -> Iterator[qa.Corpus]:
    with qa.Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        yield corpus


@pytest.mark.parametrize(
    "use",
    [
        lambda corpus: corpus.ask(qa.Question("When did the harbour reopen?")),
        lambda corpus: corpus.retrieve("harbour"),
        lambda corpus: corpus.articles(),
        lambda corpus: corpus.summaries(),
        lambda corpus: corpus.count(),
        lambda corpus: corpus.version(),
        lambda corpus: corpus.sync(),
        lambda corpus: corpus.remove("budget.md"),
    ],
    ids=["ask", "retrieve", "articles", "summaries", "count", "version", "sync", "remove"],
)
def test_closed_corpus_says_that_it_is_closed(
    corpus: qa.Corpus, use: Callable[[qa.Corpus], object]
) -> None:
    corpus.close()
    with pytest.raises(qa.QaError, match="is closed") as caught:
        use(corpus)
    assert "--rebuild" not in str(caught.value)
    corpus.close()  # again: nothing happens


def test_corpus_can_be_closed_during_a_question(corpus: qa.Corpus) -> None:
    with corpus._store.snapshot() as snapshot:
        assert snapshot.count() == (2, 2)
        corpus.close()
        assert len(snapshot.articles()) == 2
    with pytest.raises(qa.QaError, match="is closed"):
        corpus.count()


def test_other_errors_of_sqlite_are_not_called_damage(corpus: qa.Corpus) -> None:
    for transaction in (corpus._store._database.reading, corpus._store._database.writing):
        with (
            pytest.raises(StoreError, match="no such table: missing") as caught,
            transaction() as db,
        ):
            db.execute("SELECT * FROM missing")
        assert "damaged" not in str(caught.value)
        assert "--rebuild" not in str(caught.value)
    assert corpus.count() == (2, 2)


# Status


def content(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return bytes and time of each file."""
    return {
        str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file()
    }


def check_status(folder: Path, index: Path, model: Path) -> None:
    """Read the status twice; nothing in the folder of the index may change."""
    before = content(index)
    for _ in range(2):
        status = read_status(folder, index, str(model))
        assert (status.article_count, status.passage_count) == (2, 2)
        assert status.pending.unchanged == ("budget.md", "harbour.txt")
        assert (status.pending.added, status.pending.embedded) == ((), 0)
        assert content(index) == before


def test_status_of_a_closed_index_changes_no_byte(
    corpus: qa.Corpus, folder: Path, tiny_model: Path
) -> None:
    corpus.close()
    assert not list(corpus.index.glob("*-wal"))
    check_status(folder, corpus.index, tiny_model)


def test_status_of_an_index_that_a_killed_process_left_changes_no_byte(
    corpus: qa.Corpus, folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    """The articles are in the log only."""
    left = Path(shutil.copytree(corpus.index, tmp_path / "left"))
    corpus.close()
    assert (left / "index.sqlite-wal").stat().st_size > 0
    check_status(folder, left, tiny_model)


def test_status_of_a_copy_without_the_shared_memory_of_the_log_changes_no_byte(
    corpus: qa.Corpus, folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    """SQLite cannot read such a log without creating that file."""
    left = Path(shutil.copytree(corpus.index, tmp_path / "left"))
    corpus.close()
    (left / "index.sqlite-shm").unlink()
    before = content(left)
    with pytest.raises(StoreError, match="cannot be read"):
        read_status(folder, left, str(tiny_model))
    assert content(left) == before


def test_status_while_another_process_has_the_index_open_changes_no_byte(
    folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    script = (
        "import sys, qa\n"
        "with qa.Corpus.open(sys.argv[1], sys.argv[2], model=sys.argv[3]):\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script, folder, tmp_path / "index", tiny_model]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"open\n"
        assert (tmp_path / "index" / "index.sqlite-wal").stat().st_size > 0
        check_status(folder, tmp_path / "index", tiny_model)
        process.communicate()
    assert process.returncode == 0


def test_status_without_an_index_makes_none(folder: Path, tmp_path: Path) -> None:
    status = read_status(folder, tmp_path / "index")
    assert (status.article_count, status.passage_count) == (0, 0)
    assert status.pending.added == ("budget.md", "harbour.txt")
    assert not (tmp_path / "index").exists()


def test_status_reports_what_a_sync_would_do(
    corpus: qa.Corpus, folder: Path, tiny_model: Path
) -> None:
    (folder / "budget.md").unlink()
    (folder / "harbour.txt").write_text("The harbour closed.")
    (folder / "new.txt").write_text("A ferry.")
    pending = read_status(folder, corpus.index, str(tiny_model)).pending
    assert (pending.added, pending.updated, pending.removed) == (
        ("new.txt",), ("harbour.txt",), ("budget.md",)
    )  # fmt: skip
    report = corpus.sync()
    assert (report.added, report.updated, report.removed) == (
        pending.added, pending.updated, pending.removed
    )  # fmt: skip


# Defaults


def test_folders_by_argument_then_variable_then_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert articles_folder() == sample_folder()
    cached = index_folder(sample_folder())
    assert cached.is_relative_to(os.environ["XDG_CACHE_HOME"])
    (tmp_path / "seeds").mkdir()
    assert (articles_folder(), index_folder(Path("seeds"))) == (Path("seeds"), Path("embeddings"))
    monkeypatch.setenv("QA_ARTICLES", "from-variable")
    monkeypatch.setenv("QA_INDEX", "index-variable")
    assert articles_folder() == Path("from-variable")
    assert index_folder(Path("seeds")) == Path("index-variable")
    assert articles_folder("named") == Path("named")
    assert index_folder(Path("seeds"), "named") == Path("named")


def test_two_folders_of_one_name_have_two_indexes(tmp_path: Path) -> None:
    assert index_folder(tmp_path / "a" / "news") != index_folder(tmp_path / "b" / "news")


def test_module_level_retrieve_searches_the_default_corpus_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    locations._warn.cache_clear()
    [hit] = qa.retrieve(EXPELLED, k=1)
    assert "using the sample articles" in caplog.text
    assert "expelled" in hit.passage.text
    assert not (tmp_path / "embeddings").exists()


def test_sample_in_the_package_is_copied_before_it_is_filled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert articles_folder() == sample_folder()
    own = folder_to_fill()
    assert own == own_folder() == articles_folder()
    assert {f.name: f.read_bytes() for f in own.iterdir()} == {
        f.name: f.read_bytes() for f in SEEDS.iterdir() if f.is_file()
    }
    (own / "mine.txt").write_text("Mine.")
    assert folder_to_fill() == own
    assert (own / "mine.txt").exists()
    assert folder_to_fill("elsewhere") == Path("elsewhere")
    (tmp_path / "seeds").mkdir()
    assert folder_to_fill() == Path("seeds")


@pytest.mark.parametrize(
    "wrong",
    [
        {"history": 5},
        {"history": [5]},
        {"outlets": 5},
        {"outlets": [["Daily"]]},
        {"since": 5},
        {"since": True},
        {"until": ["2025-01-01"]},
        {"paths": [Path("a.txt")]},
    ],
)
def test_argument_of_a_wrong_type_is_named(seeds: qa.Corpus, wrong: dict[str, object]) -> None:
    [name] = wrong
    for ask in (seeds.retrieve, seeds.answer):
        with pytest.raises(QueryError, match=f"^{name} is "):
            ask("When was Turkey expelled?", **wrong)


def test_half_of_a_character_in_a_question_is_replaced(seeds: qa.Corpus) -> None:
    answer = seeds.answer("And when \ud800 was that?", ["When \udcff was Turkey expelled?"])
    assert answer.question == "And when ? was that?"
    assert answer.citations
