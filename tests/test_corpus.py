"""The facade on real files with the real model: sync, retrieval, answers, defaults."""

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qa
from qa import articles as articles_module
from qa.chunking import count_tokens
from qa.embedding import LocalEmbedder
from qa.errors import CorpusError, ModelError, QueryError, StoreError
from qa.locations import (
    articles_folder,
    folder_to_fill,
    index_folder,
    own_folder,
    sample_folder,
)
from qa.values import Kind, states
from tests.conftest import SEEDS, read_only

EXPELLED = "When was Turkey expelled from the F-35 programme?"


class Counting(LocalEmbedder):
    """The real model, with a count of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def embed_passages(self, texts):
        self.texts += texts
        return super().embed_passages(texts)


def open_with(embedder: LocalEmbedder, folder: Path, index: Path) -> qa.Corpus:
    corpus = qa.Corpus(folder, index, embedder)
    corpus.sync()
    return corpus


def test_first_sync_adds_and_second_embeds_nothing(folder: Path, tmp_path: Path) -> None:
    embedder = Counting()
    with open_with(embedder, folder, tmp_path / "index") as corpus:
        assert corpus.report.added == ("budget.md", "harbour.txt")
        assert corpus.report.embedded == 2
    embedder.texts.clear()
    with open_with(embedder, folder, tmp_path / "index") as corpus:
        assert corpus.report.unchanged == ("budget.md", "harbour.txt")
        assert (corpus.report.added, corpus.report.updated, corpus.report.removed) == ((), (), ())
        assert corpus.report.embedded == 0
    assert embedder.texts == []


def test_only_the_changed_article_is_embedded(folder: Path, tmp_path: Path) -> None:
    embedder = Counting()
    with open_with(embedder, folder, tmp_path / "index") as corpus:
        embedder.texts.clear()
        (folder / "harbour.txt").write_text("The harbour of Varna closed again on Friday.")
        report = corpus.sync()
        assert (report.updated, report.unchanged) == (("harbour.txt",), ("budget.md",))
        assert {"The harbour of Varna closed again on Friday."} == set(embedder.texts)
        assert [hit.passage.text for hit in corpus.retrieve("harbour", 1)] == embedder.texts[:1]
        assert corpus.count() == (2, 2)


def test_rename_and_new_metadata_embed_nothing(folder: Path, tmp_path: Path) -> None:
    embedder = Counting()
    with open_with(embedder, folder, tmp_path / "index") as corpus:
        embedder.texts.clear()
        (folder / "harbour.txt").rename(folder / "port.txt")
        (folder / "metadata.toml").write_text('["port.txt"]\noutlet = "Port News"\ntitle = "Open"')
        assert corpus.sync().updated == ("port.txt",)
        [hit] = corpus.retrieve("When did the harbour reopen?", 1)
        article = hit.passage.article
        assert (article.path, article.outlet, article.title) == ("port.txt", "Port News", "Open")
        assert embedder.texts == []


def test_two_files_that_swap_their_names_embed_nothing(folder: Path, tmp_path: Path) -> None:
    embedder = Counting()
    with open_with(embedder, folder, tmp_path / "index") as corpus:
        embedder.texts.clear()
        (folder / "harbour.txt").rename(folder / "x.txt")
        (folder / "budget.md").rename(folder / "harbour.txt")
        (folder / "x.txt").rename(folder / "budget.md")
        assert set(corpus.sync().updated) == {"budget.md", "harbour.txt"}
        assert embedder.texts == []
        assert corpus.count() == (2, 2)


def test_removed_article_is_found_no_more(folder: Path, tmp_path: Path) -> None:
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        (folder / "budget.md").unlink()
        assert corpus.sync().removed == ("budget.md",)
        assert [hit.passage.article.path for hit in corpus.retrieve("budget", 9)] == ["harbour.txt"]


def test_bad_files_are_named_and_the_rest_is_indexed(folder: Path, tmp_path: Path) -> None:
    (folder / "empty.txt").write_bytes(b"")
    (folder / "broken.txt").write_bytes(b"\xff\xfeT\0e")
    (folder / "picture.txt").write_bytes(b"\x89PNG\0")
    (folder / "huge.txt").write_bytes(b"a" * 50_000_000)
    (folder / "copy.txt").write_bytes((folder / "harbour.txt").read_bytes())
    (folder / "report.xyz").write_text("x")
    (folder / "gone.txt").symlink_to(folder / "nowhere")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        reasons = {item.path: item.reason for item in corpus.report.skipped}
        assert corpus.report.added == ("budget.md", "copy.txt")
        assert set(reasons) == {
            "empty.txt", "broken.txt", "picture.txt", "huge.txt", "harbour.txt", "report.xyz",
            "gone.txt",
        }  # fmt: skip
        assert reasons["harbour.txt"] == "has the same content as copy.txt"


def test_file_that_vanishes_while_indexing_is_skipped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = articles_module.find_files

    def vanish(place: Path):
        for file in found(place):
            if file.name == "harbour.txt":
                file.unlink()
            yield file

    monkeypatch.setattr(articles_module, "find_files", vanish)
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        assert corpus.report.added == ("budget.md",)
        assert [item.path for item in corpus.report.skipped] == ["harbour.txt"]


def test_name_that_is_not_utf8_is_skipped(folder: Path, tmp_path: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("Coffee is served.")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        [item] = corpus.report.skipped
        assert item.path == "caf\\udce9.txt"
        assert "name" in item.reason


def test_empty_folder_leaves_the_index_as_it_is(folder: Path, tmp_path: Path) -> None:
    qa.Corpus.open(folder, tmp_path / "index").close()
    kept = tmp_path / "kept"
    shutil.move(folder, kept)
    folder.mkdir()
    with pytest.raises(CorpusError, match="no articles in"):
        qa.Corpus.open(folder, tmp_path / "index")
    folder.rmdir()
    with pytest.raises(CorpusError, match="no folder"):
        qa.Corpus.open(folder, tmp_path / "index")
    shutil.move(kept, folder)
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        assert corpus.report.embedded == 0
        assert corpus.count() == (2, 2)


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


def test_folder_without_a_readable_file_says_why(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"\0")
    with pytest.raises(CorpusError, match=r"b\.txt is a binary file"):
        qa.Corpus.open(tmp_path / "a", tmp_path / "index")


def test_progress_tells_files_and_passages(folder: Path, tmp_path: Path) -> None:
    told: list[qa.SyncProgress] = []
    qa.Corpus.open(folder, tmp_path / "index", progress=told.append).close()
    assert told[0] == qa.SyncProgress(0, 2, 0, 0.0, None)
    assert told[-1] == qa.SyncProgress(2, 2, 2, 1.0, "harbour.txt")
    assert 0 < told[1].share < 1


def test_index_of_another_model_is_refused_and_rebuilt(
    folder: Path, tmp_path: Path, tiny_model: Path
) -> None:
    qa.Corpus.open(folder, tmp_path / "index").close()
    with pytest.raises(StoreError, match="qa index --rebuild"):
        qa.Corpus.open(folder, tmp_path / "index", model=str(tiny_model))
    with qa.Corpus.open(folder, tmp_path / "index", model=str(tiny_model), rebuild=True) as corpus:
        assert corpus.report.embedded == 2


# Retrieval


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


def test_best_sentence_lifts_its_passage(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve(EXPELLED, k=40)
    for hit in hits[:30]:
        best = max(sentence.evidence for sentence in hit.sentences)
        fused = 0.8 * hit.dense + 0.2 * hit.lexical / max(h.lexical for h in hits)
        assert hit.score == pytest.approx(fused + 0.4 * max(0, best), abs=1e-4)
        for sentence in hit.sentences:
            assert hit.passage.start <= sentence.span[0] < sentence.span[1] <= hit.passage.end
            assert -1 <= sentence.cosine <= 1
            assert 0 <= sentence.covered <= 1
            dated = states(Kind.DATE, hit.passage.article.text[slice(*sentence.span)])
            expected = sentence.cosine + 0.5 * sentence.covered + 0.15 * dated
            assert sentence.evidence == pytest.approx(expected)
    assert all(hit.sentences == () for hit in hits[30:])


def test_k_beyond_the_corpus_gives_every_passage_once(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve(EXPELLED, k=10_000)
    assert len(hits) == len({hit.passage.passage_id for hit in hits}) == seeds.count()[1]


def test_same_question_same_answer(seeds: qa.Corpus) -> None:
    assert seeds.retrieve(EXPELLED, 20) == seeds.retrieve(EXPELLED, 20)
    assert seeds.answer(EXPELLED) == seeds.answer(EXPELLED)


def test_filters_leave_only_what_they_name(folder: Path, tmp_path: Path) -> None:
    (folder / "late.md").write_text("---\noutlet: Late News\ndate: 2025-09-01\n---\nA new budget.")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:

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


@pytest.mark.parametrize("budget", [1, 128, 300, 10_000])
def test_token_budget_is_never_exceeded_and_passages_stay_whole(
    seeds: qa.Corpus, budget: int
) -> None:
    whole = {hit.passage for hit in seeds.retrieve(EXPELLED, 100)}
    hits = seeds.retrieve(EXPELLED, 8, max_tokens=budget)
    assert sum(count_tokens(hit.passage.text) for hit in hits) <= budget
    assert {hit.passage for hit in hits} <= whole
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert bool(hits) == (budget >= 128)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"query": ""}, "empty"),
        ({"query": " \n"}, "empty"),
        ({"query": "?!… 😀"}, "no word"),
        ({"query": "a" * 100_000}, "100,000 characters"),
        ({"query": "x", "k": 0}, "k is 0"),
        ({"query": "x", "k": -1}, "k is -1"),
        ({"query": "x", "max_tokens": 0}, "max_tokens is 0"),
        ({"query": "x", "since": "last week"}, 'since is "last week"'),
    ],
)
def test_queries_that_cannot_be_used_say_why(
    seeds: qa.Corpus, arguments: dict, reason: str
) -> None:
    with pytest.raises(QueryError, match=reason):
        seeds.retrieve(**arguments)


# Answers


def test_answer_quotes_and_highlights_the_sentence_that_answers(seeds: qa.Corpus) -> None:
    answer = seeds.answer(EXPELLED)
    assert not answer.abstained
    assert answer.query == answer.question == EXPELLED
    first = answer.citations[0]
    [(start, end)] = first.highlights
    assert first.article.text[start:end].startswith(
        "Turkey was expelled from the F-35 co-production"
    )
    assert first.lines == (3, 4)
    assert [citation.number for citation in answer.citations] == list(
        range(1, len(answer.citations) + 1)
    )
    assert len({citation.article.path for citation in answer.citations}) >= 3
    order = [citation.article.path for citation in answer.citations]
    assert order == sorted(order, key=order.index), "each article's quotes stand together"


@pytest.mark.parametrize(
    "question",
    ["What is the capital of Peru?", "How do I bake sourdough bread?", "asdf qwer zxcv"],
)
def test_question_that_the_articles_do_not_touch_is_not_answered(
    seeds: qa.Corpus, question: str
) -> None:
    answer = seeds.answer(question)
    assert answer.abstained
    assert answer.citations == ()
    assert answer.confidence < 0.04
    assert answer.silent == tuple(sorted({a.source for a in seeds.articles()}))
    assert len(answer.nearest) == 3
    assert all(citation.highlights == () for citation in answer.nearest)


def test_follow_up_is_understood_from_the_question_before(seeds: qa.Corpus) -> None:
    answer = seeds.answer(
        "And how many of those does it want to buy now?",
        ["How many F-35s did Turkey originally plan to acquire?"],
    )
    assert "purchasing around 40 aircraft" in answer.citations[0].quote
    assert answer.carried_over == ("F-35s", "Turkey", "originally", "plan", "acquire")
    assert answer.query == f"{answer.question} F-35s Turkey originally plan acquire"


def test_new_topic_in_the_same_chat_is_not_dragged_back(seeds: qa.Corpus) -> None:
    history = ["How many F-35s did Turkey originally plan to acquire?"]
    alone = seeds.answer("What did the Kremlin deny?")
    after = seeds.answer("What did the Kremlin deny?", history)
    assert after.carried_over == ()
    assert after.citations == alone.citations
    assert seeds.answer("What is the boiling point of ethanol?", history).abstained


def test_what_is_carried_over_can_be_taken_away(seeds: qa.Corpus) -> None:
    history = ["How many F-35s did Turkey originally plan to acquire?"]
    question = "And how many of those does it want to buy now?"
    answer = seeds.answer(question, history, carry_over=False)
    assert (answer.query, answer.carried_over) == (question, ())
    assert answer.citations == seeds.answer(question).citations


def test_outlets_that_differ_are_set_side_by_side(seeds: qa.Corpus) -> None:
    answer = seeds.answer("What is the name of the US ambassador to Turkey?")
    [difference] = answer.differences
    assert difference.kind == "name"
    stated = {value.text: value.citations for value in difference.values}
    assert set(stated) == {"Tom Berk", "Tom Barrack"}
    for name, numbers in stated.items():
        for number in numbers:
            citation = answer.citations[number - 1]
            assert citation.number == number
            [(start, end)] = citation.answers
            assert citation.article.text[start:end] == name
    assert answer.silent == ("Pravda.Ru",)
    assert [c for citations in answer.by_outlet.values() for c in citations] == list(
        answer.citations
    )


def test_what_one_outlet_reports_and_another_denies_is_set_side_by_side(seeds: qa.Corpus) -> None:
    answer = seeds.answer("Did Turkey ask Russia to take the S-400 back?")
    [difference] = answer.differences
    assert difference.kind == "denial"
    reported, denied = difference.values
    assert reported.text.startswith("Turkey has asked Russia to take back the S-400")
    assert "denied" in denied.text


def test_answer_can_be_kept_to_an_outlet(seeds: qa.Corpus) -> None:
    answer = seeds.answer("What did the Kremlin deny?", outlets="pravda.ru")
    assert set(answer.by_outlet) == {"Pravda.Ru"}
    assert answer.silent == ()


def test_who_was_not_asked_is_not_called_silent(folder: Path, tmp_path: Path) -> None:
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        question = "Who opposed the budget of the city council?"
        assert corpus.answer(question).silent == ("Harbour reopens",)
        assert corpus.answer(question, since="2025-01-01").silent == ()
        assert corpus.answer(question, until="2024-01-01").silent == ()


def test_outlet_that_speaks_is_never_called_silent(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    streets = ["Oak", "Elm", "Mill", "Park", "Lake", "Hill", "Church", "Bridge", "Station", "King"]
    for number, street in enumerate(streets):
        (folder / f"{number}.txt").write_text(
            f"Paper {number}\n\nAt the corner of {street} Street the mayor said that the "
            f"harbour of Varna reopened after {number + 3} days. It rained on {street} Street.\n"
        )
    (folder / "other.txt").write_text("Other paper\n\nBake the bread for forty minutes.\n")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        answer = corpus.answer("Who said that the harbour of Varna reopened?")
    assert answer.silent == ("Other paper",)
    assert 5 <= len(answer.by_outlet) <= 8


def test_copies_of_a_report_are_one_quote_that_says_where_else(tmp_path: Path) -> None:
    report = (
        "The harbour of Varna reopened on Monday after the storm had closed it for nine days. "
        "Ferries to Burgas left at noon.\n"
    )
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "agency.txt").write_text(f"Agency\n\n{report}")
    (folder / "daily.txt").write_text(f"Daily\n\nGood news. {report.replace('nine', '9')}")
    (folder / "other.txt").write_text("Other\n\nThe mayor of Burgas opened a school.\n")
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        answer = corpus.answer("When did the harbour of Varna reopen?")
    first = answer.citations[0]
    [copy] = first.also_in
    assert {first.article.path, copy.article.path} == {"agency.txt", "daily.txt"}
    assert copy.text.startswith("The harbour of Varna reopened on Monday")
    assert answer.silent == ("Other",) or "Other" in answer.by_outlet


def test_reranker_orders_the_best_anew(
    tmp_path: Path, folder: Path, tiny_cross_encoder: Path
) -> None:
    with qa.Corpus.open(folder, tmp_path / "index") as corpus:
        before = corpus.retrieve("harbour", 10)
    with qa.Corpus.open(folder, tmp_path / "index", reranker=str(tiny_cross_encoder)) as corpus:
        after = corpus.retrieve("harbour", 10)
        assert corpus.answer("When did the harbour reopen?").citations
    from sentence_transformers import CrossEncoder

    from qa.chunking import searched_text

    pairs = [("harbour", searched_text(hit.passage)) for hit in after]
    expected = CrossEncoder(str(tiny_cross_encoder)).predict(pairs)
    assert [hit.score for hit in after] == pytest.approx(sorted(expected, reverse=True), abs=1e-5)
    assert {h.passage.passage_id for h in after} == {h.passage.passage_id for h in before}


def test_reranker_that_is_not_there_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--reranker"):
        qa.Corpus.open(folder, tmp_path / "index", reranker=str(tmp_path / "nothing"))


def test_accents_and_spelling_do_not_matter(seeds: qa.Corpus) -> None:
    one = seeds.retrieve("When was Türkiye expelled from the F-35 program?", 3)
    assert any("expelled" in hit.passage.text for hit in one)


PIECES = st.sampled_from(
    [
        "Tom’s",
        "—",
        "é",
        "日本。",
        "😀",
        "tab\there",
        "$2.5",
        "billion",
        "harbour",
        "U.S.",
        "end.",
        "“So,”",
        "\n",
        "\n\n",
        "\r\n",
        "\r\n\r\n",
        "• item",
    ]
)


@settings(max_examples=12)
@given(
    st.lists(
        st.lists(PIECES, min_size=3, max_size=80)
        .map(" ".join)
        .filter(lambda text: any(c.isalnum() for c in text)),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    st.booleans(),
)
def test_every_citation_is_verbatim_on_disk(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], final_newline: bool
) -> None:
    place = tmp_path_factory.mktemp("property")
    (place / "articles").mkdir()
    for number, text in enumerate(texts):
        content = text + ("\n" if final_newline else "")
        (place / "articles" / f"{number}.txt").write_bytes(content.encode())
    with qa.Corpus.open(place / "articles", place / "index") as corpus:
        for question in ("Tom’s harbour U.S. $2.5 billion", "What ends?", "capital of Peru"):
            answer = corpus.answer(question)
            for citation in (*answer.citations, *answer.nearest):
                on_disk = (corpus.folder / citation.article.path).read_bytes().decode()
                assert citation.quote == on_disk[citation.start : citation.end] != ""
                for start, end in citation.highlights:
                    assert citation.start <= start < end <= citation.end


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


def test_module_level_retrieve_asks_the_default_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [hit] = qa.retrieve(EXPELLED, k=1)
    assert "expelled" in hit.passage.text
    assert not (tmp_path / "embeddings").exists()


# Killed


def test_killed_sync_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    """SIGKILL at two moments while a real `qa index` embeds; then it finishes the rest only."""
    place = tmp_path / "articles"
    place.mkdir()
    chosen = random.Random(7)
    words = [word for file in SEEDS.glob("*.txt") for word in file.read_text("utf-8").split()]
    for number in range(30):
        text = " ".join(chosen.choices(words, k=150)) + "."
        (place / f"{number:03}.txt").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "qa", "index", "--json"]
    environment = os.environ | {"QA_ARTICLES": str(place), "QA_INDEX": str(tmp_path / "index")}
    kept = 0
    for goal in (1, 15):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while count(tmp_path / "index") < goal and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = count(tmp_path / "index")
        assert now >= max(goal, kept), "an article that was in is gone"
        kept = now
    with read_only(tmp_path / "index" / "index.sqlite") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        whole = "SELECT number FROM articles EXCEPT SELECT article FROM passages"
        assert db.execute(whole).fetchall() == []
    db.close()
    ids = {hashlib.sha256(file.read_bytes()).hexdigest() for file in place.iterdir()}
    with qa.Corpus.open(place, tmp_path / "index") as corpus:
        assert len(corpus.report.unchanged) == kept
        assert len(corpus.report.added) == 30 - kept
        assert {article.article_id for article in corpus.articles()} == ids
        assert corpus.sync().embedded == 0


def count(index: Path) -> int:
    try:
        with read_only(index / "index.sqlite") as db:
            [found] = db.execute("SELECT count(*) FROM articles").fetchone()
        db.close()
    except sqlite3.Error:
        return 0
    return int(found)
