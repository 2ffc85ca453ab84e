"""A reader's judgements, kept as labelled questions that `qa eval` reads."""

import json
from pathlib import Path

import pytest

import qa
from qa.errors import QaError
from qa.evaluation import evaluate, read_questions, record
from qa.records import Answer

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
    assert (kept.question.text, peru.question.text) == (AMBASSADOR, nothing.question)
    assert [gold.article for gold in kept.gold] == [second.article.path]
    start, end = second.highlights[0]
    assert kept.gold[0].quote == second.article.text[start:end]
    assert json.loads(file.read_text().splitlines()[0])["gold"][0]["reason"] == "names him"
    assert [wrong.article for wrong in kept.wrong] == [third.article.path]
    assert peru.unanswerable
    found = evaluate(seeds, [kept, peru])
    expected = {
        "answerable": 1, "unanswerable": 1, "judged_wrong": 1,
        "rightly_abstained": 1, "led_wrong": 0, "hit_at_5": 1.0,
    }  # fmt: skip
    assert found.measures | expected == found.measures

    record(file, answer, (), first, good=False)
    found = evaluate(seeds, read_questions(file))
    assert found.measures["led_wrong"] == 1
    assert found.outcomes[0].failed == "led with words that were judged to be no answer"


def test_later_judgement_replaces_the_first(answer: Answer, tmp_path: Path) -> None:
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


def test_questions_differ_by_history_and_scope(seeds: qa.Corpus, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    scoped = seeds.answer(AMBASSADOR, outlets="Realist English", since=None)
    for answer, history in ((seeds.answer(AMBASSADOR), ()), (scoped, ()), (scoped, ("Before?",))):
        record(file, answer, history, answer.citations[0], good=True)
    kept = read_questions(file)
    assert [(q.question.history, q.question.scope.outlets) for q in kept] == [
        ((), None), ((), ("Realist English",)), (("Before?",), ("Realist English",)),
    ]  # fmt: skip
    found = evaluate(seeds, kept)
    assert found.outcomes[1].answer.scope == scoped.scope
    assert found.measures["hit_at_5"] == 1.0


def test_wrong_words_do_not_make_a_question_unanswerable(
    seeds: qa.Corpus, answer: Answer, tmp_path: Path
) -> None:
    file = tmp_path / "feedback.jsonl"
    record(file, answer, (), answer.citations[1], good=False)
    found = evaluate(seeds, read_questions(file))
    assert (found.measures["answerable"], found.measures["unanswerable"]) == (0, 0)
    assert found.outcomes[0].failed == ""


def test_unreadable_file_is_left_as_it_is(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    file.write_text("not json\n")
    with pytest.raises(QaError, match="was not saved"):
        record(file, answer, (), answer.citations[0], good=True)
    assert file.read_text() == "not json\n"
    assert list(tmp_path.iterdir()) == [file]


def test_long_reason_is_shortened(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "feedback.jsonl"
    record(file, answer, (), answer.citations[0], good=True, reason="x" * 5_000)
    assert len(json.loads(file.read_text())["gold"][0]["reason"]) == 1_000
