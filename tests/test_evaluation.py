import random
from pathlib import Path

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, Success
from sklearn.metrics import roc_auc_score

import qa
from qa.evaluation import evaluate
from qa.evaluation.metrics import auroc, average_precision, hit_at, reciprocal_rank
from qa.evaluation.questions import Gold, Question, read_questions

REPORT = "001_3bc2ec1e90467441.txt"


@given(st.lists(st.booleans(), min_size=1, max_size=20).filter(any))
def test_measures_agree_with_ir_measures(relevant: list[bool]) -> None:
    names = [f"d{i:02}" for i in range(len(relevant))]
    qrels = [ir_measures.Qrel("q", n, int(r)) for n, r in zip(names, relevant, strict=True)]
    run = [ir_measures.ScoredDoc("q", name, -i) for i, name in enumerate(names)]
    measures = [Success @ 5, RR @ 10, AP]
    expected = ir_measures.calc_aggregate(measures, qrels, run)
    assert hit_at(relevant, 5) == expected[Success @ 5]
    assert reciprocal_rank(relevant) == pytest.approx(expected[RR @ 10])
    assert average_precision(relevant) == pytest.approx(expected[AP])


def test_auroc_agrees_with_scikit_learn_ties_among_them() -> None:
    chosen = random.Random(3)
    higher = [chosen.randint(2, 9) / 10 for _ in range(40)]
    lower = [chosen.randint(0, 7) / 10 for _ in range(30)]
    expected = roc_auc_score([1] * 40 + [0] * 30, higher + lower)
    assert auroc(higher, lower) == pytest.approx(expected)
    assert auroc([], lower) is None
    assert auroc(higher, []) is None


def test_every_outcome_is_told(seeds: qa.Corpus) -> None:
    found = evaluate(
        seeds,
        [
            Question("date", "When was Turkey expelled?", (Gold(REPORT, "in 2019"),)),
            Question("article", "Who is the ambassador to Turkey?", (Gold(REPORT),)),
            Question("id", "Who is the ambassador?", (Gold(seeds.articles()[0].article_id),)),
            Question("far", "How do I bake bread?"),
            Question("near", "Which Greek islands did Turkish jets overfly?"),
            Question("wrong", "What is the boiling point of ethanol?", (Gold(REPORT, "Tom Berk"),)),
        ],
    )
    assert (found.answerable, found.unanswerable) == (4, 2)
    assert (found.wrongly_abstained, found.rightly_abstained) == (1, 1)
    failed = {o.question.question_id: o.failed for o in found.outcomes if o.failed}
    assert failed["near"] == "answered, but the articles do not"
    assert failed["wrong"] == "not answered, but the articles do"
    assert {"date", "article", "far"}.isdisjoint(failed)
    first = found.outcomes[0]
    assert first.relevant.count(True) == 2  # neighbours share the sentence
    assert first.recall == 1.0
    assert found.outcomes[1].quoted


def test_floor_on_the_sample_corpus(seeds: qa.Corpus) -> None:
    """Refuses to be lowered. Figures and questions are those of the day when they were first asked.

    The questions were written for this test; the ranking was not tuned with them.
    """
    found = evaluate(seeds, read_questions(Path(__file__).with_name("floor.jsonl")))
    assert found.hit_at_1 is not None
    assert found.hit_at_5 is not None
    assert found.quoted is not None
    assert found.auroc is not None
    assert found.hit_at_1 >= 7 / 12
    assert found.hit_at_5 >= 11 / 12
    assert found.quoted >= 10 / 12
    assert found.wrongly_abstained == 0
    assert found.auroc >= 0.95
    assert found.rightly_abstained == found.unanswerable == 3
