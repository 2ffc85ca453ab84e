"""Calibrate the confidence.

    python benchmarks/calibrate.py --data FOLDER --questions seeds_dev.jsonl

Fits a logistic regression on the evidence (cosine of the nearest passage, coverage of the question
by the best sentence): does the folder answer it? Negatives are questions on what is not in the
folder (far) and questions on topic without an answer (near). SQuAD 2 and ClapNQ are split by
article: one half fits, the other reports. Prints the constants of qa/ranking.py and what each
threshold does.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from datasets import Question, clapnq, command_line, seeds, squad
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression

from qa import answering, conversation
from qa.corpus import Corpus

KINDS = {"answerable": True, "fact": True, "conflict": True, "paraphrase": True, "followup": True}
PER_KIND = 400


class Sample(NamedTuple):
    """The evidence for one question, and whether the folder answers it."""

    source: str
    kind: str
    features: tuple[float, float]
    reported: bool

    @property
    def answerable(self) -> bool:
        """Whether the folder answers."""
        return KINDS.get(self.kind, False)


def main() -> None:
    """Collect, fit, report."""
    parser = command_line(__doc__)
    arguments = parser.parse_args()
    samples = collect("seeds", arguments.seeds, seeds(arguments.questions), arguments.work)
    samples += collect("squad", *squad(arguments.data, arguments.work), arguments.work)
    samples += collect("clapnq", *clapnq(arguments.data, arguments.work), arguments.work)
    fitted = fit([sample for sample in samples if not sample.reported])
    print("intercept {:.2f}, cosine {:.2f}, coverage {:.2f}".format(*fitted))
    report(samples, fitted)


def collect(name: str, folder: Path, asked: Sequence[Question], work: Path) -> list[Sample]:
    """Return the evidence for a sample of the questions; half of each kind is kept for the report.

    The five seeds are too few to fit on: they are only reported.
    """
    chosen = random.Random(20)
    by_kind: dict[str, list[Question]] = {}
    for question in asked:
        by_kind.setdefault(question.kind, []).append(question)
    samples: list[Sample] = []
    with Corpus.open(folder, work / f"{name}-index") as corpus:
        for kind, questions in sorted(by_kind.items()):
            questions.sort(key=lambda question: question.question_id)
            for question in chosen.sample(questions, min(PER_KIND, len(questions))):
                held = sorted(question.relevant) or [question.question_id]
                reported = name == "seeds" or sum(held[0].encode()) % 2 == 0
                samples.append(Sample(name, kind, evidence(corpus, question), reported))
    return samples


def evidence(corpus: Corpus, question: Question) -> tuple[float, float]:
    """Return what `qa.answering.answer` goes by: the nearest passage's cosine, and coverage."""
    query = conversation.standalone(question.text, question.history)
    return answering.evidence(corpus.retrieve(query, 10))


def fit(samples: Sequence[Sample]) -> tuple[float, float, float]:
    """Return intercept and weights; every source and kind counts the same in all."""
    groups = [(sample.source, sample.kind) for sample in samples]
    weights = [1 / groups.count(group) for group in groups]
    # As many answerable as unanswerable, near and far together: even odds before the evidence.
    positive = sum(w for w, s in zip(weights, samples, strict=True) if s.answerable)
    negative = sum(weights) - positive
    balanced = [
        weight / (positive if sample.answerable else negative)
        for weight, sample in zip(weights, samples, strict=True)
    ]
    model = LogisticRegression(C=1e6).fit(
        [sample.features for sample in samples],
        [sample.answerable for sample in samples],
        np.array(balanced) * len(samples) / 2,
    )
    return float(model.intercept_[0]), float(model.coef_[0][0]), float(model.coef_[0][1])


def report(samples: Sequence[Sample], fitted: tuple[float, float, float]) -> None:
    """Print AUROC and the share abstained for each kind at several thresholds."""
    thresholds = (0.01, 0.015, 0.02, 0.05, 0.1, 0.2, 0.3)
    print("share abstained below".ljust(36), *(f"{t:>6}" for t in thresholds), " AUROC")
    for source in ("seeds", "squad", "clapnq"):
        mine = [sample for sample in samples if sample.source == source and sample.reported]
        sure = [confidence(sample, fitted) for sample in mine if sample.answerable]
        for kind in sorted({sample.kind for sample in mine}):
            found = [confidence(sample, fitted) for sample in mine if sample.kind == kind]
            shares = (sum(value < t for value in found) / len(found) for t in thresholds)
            row = " ".join(f"{share:6.3f}" for share in shares)
            area = ""
            if not KINDS.get(kind):
                area = f"{float(mannwhitneyu(sure, found).statistic) / len(sure) / len(found):6.3f}"
            print(
                f"{source:8}{kind:20}{len(found):6}  ",
                row,
                area,
                f" {min(found):.3f}-{max(found):.3f}",
            )


def confidence(sample: Sample, fitted: tuple[float, float, float]) -> float:
    """Return the fitted probability."""
    intercept, cosine, coverage = fitted
    score = intercept + cosine * sample.features[0] + coverage * sample.features[1]
    return float(1 / (1 + np.exp(-score)))


if __name__ == "__main__":
    main()
