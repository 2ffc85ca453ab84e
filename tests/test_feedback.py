"""Judgements of a reader, kept as a test set that `qa eval` reads."""

import json
from pathlib import Path

import pytest

import qa
from qa.datatypes import Answer
from qa.errors import QaError
from qa.evaluation import evaluate, read_questions, record

AMBASSADOR = "Who is the US ambassador to Turkey?"


@pytest.fixture
def answer(seeds: qa.Corpus) -> Answer:
    return seeds.answer(AMBASSADOR)


def test_judgements_become_questions_that_eval_reads(
    seeds: qa.Corpus, answer: Answer, tmp_path: Path
) -> None:
    file = tmp_path / "made" / "feedback.jsonl"
    first, second, third, *_ = answer.citations
    record(file, answer, (), second, good=True, reason="  names him  ")
    record(file, answer, (), third, good=False)
    nothing = seeds.answer("What is the capital of Peru?")
    record(file, nothing, (), None, good=True)
    kept, peru = read_questions(file)
    assert (kept.text, peru.text) == (AMBASSADOR, nothing.question)
    assert [gold.article for gold in kept.gold] == [second.article.path]
    start, end = second.highlights[0]
    assert kept.gold[0].quote == second.article.text[start:end]
    assert json.loads(file.read_text().splitlines()[0])["gold"][0]["reason"] == "names him"
    assert [wrong.article for wrong in kept.wrong] == [third.article.path]
    assert peru.unanswerable
    found = evaluate(seeds, [kept, peru])
    assert (found.answerable, found.unanswerable, found.judged_wrong) == (1, 1, 1)
    assert (found.rightly_abstained, found.led_wrong, found.hit_at_5) == (1, 0, 1.0)

    record(file, answer, (), first, good=False)
    found = evaluate(seeds, read_questions(file))
    assert found.led_wrong == 1
    assert found.outcomes[0].failed == "led with words that were judged to be no answer"


def test_second_thoughts_replace_the_first(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    citation = answer.citations[0]
    record(file, answer, (), citation, good=True)
    record(file, answer, (), citation, good=False, reason="No.")
    [kept] = read_questions(file)
    assert (len(kept.gold), len(kept.wrong)) == (0, 1)
    record(file, answer, (), citation, good=True)
    record(file, answer, (), citation, good=True)
    [kept] = read_questions(file)
    assert (len(kept.gold), len(kept.wrong)) == (1, 0)


def test_history_and_scope_tell_questions_apart(seeds: qa.Corpus, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    scoped = seeds.answer(AMBASSADOR, outlets="Realist English", since=None)
    for answer, history in ((seeds.answer(AMBASSADOR), ()), (scoped, ()), (scoped, ("Before?",))):
        record(file, answer, history, answer.citations[0], good=True)
    kept = read_questions(file)
    assert [(q.history, q.scope.outlets) for q in kept] == [
        ((), None), ((), ("Realist English",)), (("Before?",), ("Realist English",)),
    ]  # fmt: skip
    found = evaluate(seeds, kept)
    assert found.outcomes[1].answer.scope == scoped.scope
    assert found.hit_at_5 == 1.0


def test_only_wrong_words_are_no_claim_about_the_articles(
    seeds: qa.Corpus, answer: Answer, tmp_path: Path
) -> None:
    file = tmp_path / "feedback.jsonl"
    record(file, answer, (), answer.citations[1], good=False)
    found = evaluate(seeds, read_questions(file))
    assert (found.answerable, found.unanswerable, found.outcomes[0].failed) == (0, 0, "")


def test_file_that_cannot_be_kept_loses_nothing(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    file.write_text("not json\n")
    with pytest.raises(QaError, match="was not kept"):
        record(file, answer, (), answer.citations[0], good=True)
    assert file.read_text() == "not json\n"
    assert list(tmp_path.iterdir()) == [file]


def test_reason_is_cut_to_a_length(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    record(file, answer, (), answer.citations[0], good=True, reason="x" * 5_000)
    assert len(json.loads(file.read_text())["gold"][0]["reason"]) == 1_000
