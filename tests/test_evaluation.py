"""Questions with known answers: the file, the measures, and the floor on the sample corpus."""

import json
import random
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import RR
from sklearn.metrics import roc_auc_score

import qa
from qa.errors import QaError
from qa.evaluation import evaluate
from qa.evaluation.metrics import auroc, reciprocal_rank
from qa.evaluation.questions import Gold, LabelledQuestion, read_questions
from qa.records import Question, Scope

REPORT = "001_3bc2ec1e90467441.txt"


@given(st.lists(st.booleans(), min_size=1, max_size=20).filter(any))
def test_measures_agree_with_ir_measures(relevant: list[bool]) -> None:
    names = [f"d{i:02}" for i in range(len(relevant))]
    qrels = [ir_measures.Qrel("q", n, int(r)) for n, r in zip(names, relevant, strict=True)]
    run = [ir_measures.ScoredDoc("q", name, -i) for i, name in enumerate(names)]
    expected = ir_measures.calc_aggregate([RR @ 10], qrels, run)
    assert reciprocal_rank(relevant) == pytest.approx(expected[RR @ 10])


def test_auroc_agrees_with_scikit_learn_ties_among_them() -> None:
    chosen = random.Random(3)
    higher = [chosen.randint(2, 9) / 10 for _ in range(40)]
    lower = [chosen.randint(0, 7) / 10 for _ in range(30)]
    expected = roc_auc_score([1] * 40 + [0] * 30, higher + lower)
    assert auroc(higher, lower) == pytest.approx(expected)
    assert auroc([], lower) is None
    assert auroc(higher, []) is None


def labelled(question_id: str, text: str, *gold: Gold) -> LabelledQuestion:
    return LabelledQuestion(question_id, Question(text), gold)


def test_each_question_has_its_outcome(seeds: qa.Corpus) -> None:
    found = evaluate(
        seeds,
        [
            labelled("date", "When was Turkey expelled?", Gold(REPORT, "in 2019")),
            labelled("article", "Who is the ambassador to Turkey?", Gold(REPORT)),
            labelled("id", "Who is the ambassador?", Gold(seeds.articles()[0].article_id)),
            labelled("far", "How do I bake bread?"),
            labelled("near", "Which Greek islands did Turkish jets overfly?"),
            labelled("wrong", "What is the boiling point of ethanol?", Gold(REPORT, "Tom Berk")),
        ],
    )
    assert (found.measures["answerable"], found.measures["unanswerable"]) == (4, 2)
    assert (found.measures["wrongly_abstained"], found.measures["rightly_abstained"]) == (1, 1)
    failed = {o.labelled.question_id: o.failed for o in found.outcomes if o.failed}
    assert failed["near"] == "answered, but the articles do not"
    assert failed["wrong"] == "not answered, but the articles do"
    assert {"date", "article", "far"}.isdisjoint(failed)
    first = found.outcomes[0]
    assert first.relevant.count(True) == 2  # neighbours share the sentence
    assert first.recall == 1.0
    assert found.outcomes[1].quoted


def test_floor_on_the_sample_corpus(seeds: qa.Corpus) -> None:
    """The limits are what was measured at first, and are never lowered.

    The questions were written for this test; the ranking was not tuned with them.
    """
    found = evaluate(seeds, read_questions(Path(__file__).with_name("floor.jsonl"))).measures
    assert found["hit_at_1"] >= 7 / 12
    assert found["hit_at_5"] >= 11 / 12
    assert found["quoted"] >= 10 / 12
    assert found["wrongly_abstained"] == 0
    assert found["auroc"] >= 0.95
    assert found["rightly_abstained"] == found["unanswerable"] == 3


LINE = {
    "id": 7,
    "question": "Who denied it?",
    "history": ["Did Ankara\u2028ask?"],
    "gold": ["a.txt", {"article": "b.txt", "quote": "Moscow\u2028denied\x85it"}],
    "wrong": [{"article": "c.txt"}],
    "outlets": ["Post"],
    "since": "2025-01-02",
    "until": None,
    "paths": ["a.txt", "b.txt"],
}


def test_line_of_a_file_becomes_a_labelled_question(tmp_path: Path) -> None:
    """U+2028 and U+0085 end no line of JSON."""
    file = tmp_path / "mine.jsonl"
    rows = [LINE, {"question": "What?"}]
    file.write_text(
        "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8-sig"
    )
    first, second = read_questions(file)
    assert first == LabelledQuestion(
        "7",
        Question(
            "Who denied it?",
            ("Did Ankara\u2028ask?",),
            Scope.of("Post", "2025-01-02", None, ["a.txt", "b.txt"]),
        ),
        (Gold("a.txt"), Gold("b.txt", "Moscow\u2028denied\x85it")),
        (Gold("c.txt"),),
    )
    assert second == LabelledQuestion("3", Question("What?"))
    assert (first.unanswerable, second.unanswerable) == (False, True)


def test_a_single_value_needs_no_list(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    row = {"question": "Who?", "history": "When?", "gold": "a.txt", "outlets": "Post", "paths": "x"}
    file.write_text(json.dumps(row))
    question = Question("Who?", ("When?",), Scope.of("Post", paths="x"))
    assert read_questions(file) == [LabelledQuestion("1", question, (Gold("a.txt"),))]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("question", 3, "expected text, found 3"),
        ("history", [3], "expected text, found 3"),
        ("since", "2025-13-01", "write a day as 2025-12-17"),
        ("until", 3, "expected text, found 3"),
        ("outlets", [3], "expected text, found 3"),
        ("gold", [{"quote": "x"}], "KeyError 'article'"),
        ("gold", 3, "not iterable"),
        ("wrong", [None], "line 1"),
    ],
)
def test_line_with_a_wrong_value_is_named(
    tmp_path: Path, field: str, value: object, message: str
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"question": "Who?", field: value}))
    with pytest.raises(QaError, match="line 1 is no question") as caught:
        read_questions(file)
    assert message in str(caught.value)


def test_history_and_scope_of_a_question_are_used(seeds: qa.Corpus) -> None:
    expelled = "When was Turkey expelled from the F-35 programme?"
    question = Question("When was it kicked out?", (expelled,), Scope.of("Realist English"))
    found = evaluate(seeds, [LabelledQuestion("1", question, (Gold(REPORT),))])
    answer = found.outcomes[0].answer
    assert answer.carried_over == ("Turkey", "expelled", "F-35", "programme")
    assert answer.scope == question.scope
    assert found.outcomes[0].relevant == tuple(
        hit.passage.article.path == REPORT for hit in seeds.search(question, 10)
    )
