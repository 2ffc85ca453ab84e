"""Answers: the sentences that answer, follow-ups, differences, sources, and verbatim quotes."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qa
from qa.answering.question import analyze
from qa.index.store import Store
from qa.models.embedder import Embedder
from qa.records import Question
from tests.stores import MANIFEST, article, put, search

EXPELLED = "When was Turkey expelled from the F-35 programme?"


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
def test_question_that_no_article_answers_is_not_answered(seeds: qa.Corpus, question: str) -> None:
    answer = seeds.answer(question)
    assert answer.abstained
    assert answer.citations == ()
    assert answer.confidence < 0.04
    assert answer.sources_without_quotes == tuple(sorted({a.source for a in seeds.articles()}))
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


def test_new_topic_takes_no_words_from_the_question_before(seeds: qa.Corpus) -> None:
    history = ["How many F-35s did Turkey originally plan to acquire?"]
    first = seeds.answer("What did the Kremlin deny?")
    after = seeds.answer("What did the Kremlin deny?", history)
    assert after.carried_over == ()
    assert after.citations == first.citations
    assert seeds.answer("What is the boiling point of ethanol?", history).abstained


def test_without_carry_over_no_words_are_taken_from_the_history(seeds: qa.Corpus) -> None:
    history = ["How many F-35s did Turkey originally plan to acquire?"]
    question = "And how many of those does it want to buy now?"
    answer = seeds.answer(question, history, carry_over=False)
    assert (answer.query, answer.carried_over) == (question, ())
    assert answer.citations == seeds.answer(question).citations


# What an earlier question counts beside a follow-up: docs/decisions/0006-follow-ups.md has the
# measurements behind both weights.

FOLLOW_UP = Question("And the ferry?", ("Who repaired the jet?",))


def test_vector_of_an_earlier_question_counts_three_fifths(
    tmp_path: Path, tiny_embedder: Embedder
) -> None:
    """The nearest article is the one in which the two vectors are mixed like that."""
    asked, earlier = tiny_embedder.embed_queries([FOLLOW_UP.text, *FOLLOW_UP.history])
    with closing(Store(tmp_path, MANIFEST._replace(dimension=len(asked)))) as store:
        for share in (0.5, 0.6, 0.7):
            put(store, article(str(share)), asked + share * earlier)
        found = search(store, analyze(FOLLOW_UP, tiny_embedder, {"en"}).vector)
    assert max(found, key=lambda text: found[text][0]) == "0.6"


def test_terms_of_an_earlier_question_count_two_fifths(
    tmp_path: Path, tiny_embedder: Embedder
) -> None:
    """An article with such a term ranks between two longer ones with a term of the question.

    Their lengths are such that the order changes at weights of .35 and .45.
    """
    question = analyze(FOLLOW_UP, tiny_embedder, {"en"})
    lengths = {"jet a": 10, "jet b": 10, "ferri long": 163, "ferri short": 110, "c": 3, "d": 4}
    with closing(Store(tmp_path, MANIFEST)) as store:
        for start, length in lengths.items():
            words = start.split()
            put(store, article(" ".join(words + ["other"] * (length - len(words)))))
        scores = search(store, [1, 1, 1, 1], question.all_weights)
    order = sorted(scores, key=lambda text: -scores[text][1])
    assert [text.split()[0] for text in order[:4]] == ["ferri", "jet", "jet", "ferri"]
    assert order[0].startswith("ferri short")


def test_names_that_differ_between_outlets_are_listed(seeds: qa.Corpus) -> None:
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
    assert answer.sources_without_quotes == ("Pravda.Ru",)
    assert [c for citations in answer.by_outlet.values() for c in citations] == list(
        answer.citations
    )


def test_report_and_denial_are_listed_as_a_difference(seeds: qa.Corpus) -> None:
    answer = seeds.answer("Did Turkey ask Russia to take the S-400 back?")
    [difference] = answer.differences
    assert difference.kind == "denial"
    reported, denied = difference.values
    assert reported.text.startswith("Turkey has asked Russia to take back the S-400")
    assert "denied" in denied.text


def test_answer_from_one_outlet(seeds: qa.Corpus) -> None:
    answer = seeds.answer("What did the Kremlin deny?", outlets="pravda.ru")
    assert set(answer.by_outlet) == {"Pravda.Ru"}
    assert answer.sources_without_quotes == ()


def test_source_that_was_not_searched_is_not_listed_as_without_quotes(
    folder: Path, tmp_path: Path, embedder: Embedder
) -> None:
    with qa.Corpus(folder, tmp_path / "index", embedder) as corpus:
        corpus.sync()
        question = "Who opposed the budget of the city council?"
        assert corpus.answer(question).sources_without_quotes == ("Harbour reopens",)
        assert corpus.answer(question, since="2025-01-01").sources_without_quotes == ()
        assert corpus.answer(question, until="2024-01-01").sources_without_quotes == ()


def test_source_with_an_answer_is_never_listed_as_without_quotes(
    tmp_path: Path, embedder: Embedder
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    streets = ["Oak", "Elm", "Mill", "Park", "Lake", "Hill", "Church", "Bridge", "Station", "King"]
    for number, street in enumerate(streets):
        (folder / f"{number}.txt").write_text(
            f"Paper {number}\n\nAt the corner of {street} Street the mayor said that the "
            f"harbour of Varna reopened after {number + 3} days. It rained on {street} Street.\n"
        )
    (folder / "other.txt").write_text("Other paper\n\nBake the bread for forty minutes.\n")
    with qa.Corpus(folder, tmp_path / "index", embedder) as corpus:
        corpus.sync()
        answer = corpus.answer("Who said that the harbour of Varna reopened?")
    assert answer.sources_without_quotes == ("Other paper",)
    assert 5 <= len(answer.by_outlet) <= 8


def test_near_duplicates_are_one_quote_with_the_other_article(
    tmp_path: Path, embedder: Embedder
) -> None:
    report = (
        "The harbour of Varna reopened on Monday after the storm had closed it for nine days. "
        "Ferries to Burgas left at noon.\n"
    )
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "agency.txt").write_text(f"Agency\n\n{report}")
    (folder / "daily.txt").write_text(f"Daily\n\nGood news. {report.replace('nine', '9')}")
    (folder / "other.txt").write_text("Other\n\nThe mayor of Burgas opened a school.\n")
    with qa.Corpus(folder, tmp_path / "index", embedder) as corpus:
        corpus.sync()
        answer = corpus.answer("When did the harbour of Varna reopen?")
    first = answer.citations[0]
    [also] = first.also_in
    assert {first.article.path, also.article.path} == {"agency.txt", "daily.txt"}
    assert also.text.startswith("The harbour of Varna reopened on Monday")
    assert answer.sources_without_quotes == ("Other",) or "Other" in answer.by_outlet


def test_other_spellings_of_a_name_find_the_same(seeds: qa.Corpus) -> None:
    hits = seeds.retrieve("When was Türkiye expelled from the F-35 program?", 3)
    assert any("expelled" in hit.passage.text for hit in hits)


PIECES = st.sampled_from([
    "Tom’s", "—", "é", "日本。", "😀", "tab\there", "$2.5", "billion", "harbour", "U.S.", "end.",
    "“So,”", "\n", "\n\n", "\r\n", "\r\n\r\n", "• item",
])  # fmt: skip


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
    tmp_path_factory: pytest.TempPathFactory,
    embedder: Embedder,
    texts: list[str],
    final_newline: bool,
) -> None:
    place = tmp_path_factory.mktemp("property")
    (place / "articles").mkdir()
    for number, text in enumerate(texts):
        content = text + ("\n" if final_newline else "")
        (place / "articles" / f"{number}.txt").write_bytes(content.encode())
    with qa.Corpus(place / "articles", place / "index", embedder) as corpus:
        corpus.sync()
        for question in ("Tom’s harbour U.S. $2.5 billion", "What ends?", "capital of Peru"):
            answer = corpus.answer(question)
            for citation in (*answer.citations, *answer.nearest):
                on_disk = (corpus.folder / citation.article.path).read_bytes().decode()
                assert citation.quote == on_disk[citation.start : citation.end] != ""
                for start, end in citation.highlights:
                    assert citation.start <= start < end <= citation.end


def test_ask_takes_the_scope_and_the_history_of_the_question(seeds: qa.Corpus) -> None:
    scope = qa.Scope.of(outlets="pravda.ru")
    history = ("What did the Kremlin deny?",)
    answer = seeds.ask(Question("When did it deny that?", history, scope))
    assert answer == seeds.answer("When did it deny that?", history, outlets="pravda.ru")
    assert answer.scope == scope
    assert answer.carried_over == ("Kremlin",)
