"""Calibrate the confidence.

    python benchmarks/calibrate.py --data FOLDER --questions seeds_dev.jsonl

Fits a logistic regression from `qa.answering.answer.confidence_features` to whether the articles
answer. Negatives are questions on other subjects (far) and questions on the subject without an
answer (near). SQuAD 2 is asked as a whole and page by page, each page as a folder on one story;
ClapNQ as a whole. Both are split by article: one half is used for fitting, the other for the
report. Prints the constants of qa/answering/ranking.py, the share of questions below each
threshold, and the calibration curve.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from datasets import Question, clapnq, command_line, held_out, seeds, squad
from quality import open_corpus
from sklearn.linear_model import LogisticRegression

import qa
from qa.answering import answer as answering
from qa.answering.question import MAX_LENGTH
from qa.evaluation.metrics import auroc

PER_KIND = 1000
THRESHOLDS = (0.02, 0.04, 0.05, 0.08, 0.1, 0.2, 0.3)
Features = tuple[float, float, float, float]


class Sample(NamedTuple):
    """The features of one question, and its label.

    Attributes:
        source: The set.
        kind: "answerable", or how it is not.
        features: See `qa.answering.answer.confidence_features`.
        reported: Whether it belongs to the half that is not used for fitting.
    """

    source: str
    kind: str
    features: Features
    reported: bool


def main() -> None:
    """Collect, fit, report."""
    arguments = command_line(__doc__).parse_args()
    data, work = arguments.data, arguments.work
    asked = seeds(arguments.questions)
    pages_folder, pages = squad(data, work)
    passages_folder, passages = clapnq(data, work)
    chosen = random.Random(20)
    samples: list[Sample] = []
    with open_corpus(arguments.seeds, work / "seeds-index") as corpus:
        far = [*chosen.sample(pages, 150), *chosen.sample(passages, 150)]
        samples += [ask(corpus, "seeds", "answerable", q) for q in asked if q.quotes]
        samples += [ask(corpus, "seeds", q.kind[13:], q) for q in asked if not q.quotes]
        samples += [ask(corpus, "seeds", "far, others", q) for q in far]
    with open_corpus(pages_folder, work / "squad-index") as corpus:
        some = halves(pages, chosen)
        samples += [ask(corpus, "squad", q.kind, q) for q in some]
        samples += [ask(corpus, "squad", "far", q) for q in chosen.sample(passages, 300)]
        samples += [ask(corpus, "one page", q.kind, q, q.group) for q in some]
        names = sorted({q.group for q in pages})
        for question in chosen.sample(pages, PER_KIND):
            page = chosen.choice([name for name in names if name != question.group])
            samples.append(ask(corpus, "one page", "far", question, page))
    with open_corpus(passages_folder, work / "clapnq-index") as corpus:
        samples += [ask(corpus, "clapnq", q.kind, q) for q in passages]
        samples += [ask(corpus, "clapnq", "far", q) for q in chosen.sample(pages, 300)]
    fitted = fit([s for s in samples if not s.reported and s.source != "seeds"])
    print("intercept {:.2f}, weights {:.2f} {:.2f} {:.2f} {:.2f}".format(*fitted))
    report([s for s in samples if s.reported or s.source == "seeds"], fitted)


def halves(questions: Sequence[Question], chosen: random.Random) -> list[Question]:
    """Return the same number of questions of each kind from each half."""
    found: list[Question] = []
    for kind in ("answerable", "near"):
        for half in (False, True):
            mine = [q for q in questions if q.kind == kind and held_out(q) == half]
            found += chosen.sample(mine, min(PER_KIND // 2, len(mine)))
    return found


def ask(
    corpus: qa.Corpus, source: str, kind: str, question: Question, outlet: str | None = None
) -> Sample:
    """Return the features that the program uses for a question."""
    text = question.text[:MAX_LENGTH]
    hits = corpus.retrieve(text, answering.HITS, outlets=outlet, history=question.history)
    return Sample(source, kind, answering.confidence_features(hits), held_out(question))


def fit(samples: Sequence[Sample]) -> list[float]:
    """Return intercept and weights; the questions of each source and kind weigh the same in all."""
    groups = [(sample.source, sample.kind) for sample in samples]
    answerable = np.array([sample.kind == "answerable" for sample in samples])
    weights = np.array([1 / groups.count(group) for group in groups])
    # The same weight for answerable and unanswerable ones, near and far together: even prior odds.
    weights[answerable] /= weights[answerable].sum()
    weights[~answerable] /= weights[~answerable].sum()
    model = LogisticRegression(C=10, max_iter=2000).fit(
        [sample.features for sample in samples], answerable, weights * len(samples) / 2
    )
    return [float(model.intercept_[0]), *map(float, model.coef_[0])]


def report(samples: Sequence[Sample], fitted: Sequence[float]) -> None:
    """Print the share below each threshold, and the share answerable for each confidence."""
    print("\n| set | kind | questions | " + " | ".join(f"< {t}" for t in THRESHOLDS) + " | AUROC |")
    print("|---|---|---|" + "---|" * (len(THRESHOLDS) + 1))
    sources = list(dict.fromkeys(sample.source for sample in samples))
    for source in sources:
        mine = [sample for sample in samples if sample.source == source]
        sure = [confidence(s, fitted) for s in mine if s.kind == "answerable"]
        for kind in dict.fromkeys(sample.kind for sample in mine):
            found = [confidence(sample, fitted) for sample in mine if sample.kind == kind]
            shares = [np.mean([value < t for value in found]) for t in THRESHOLDS]
            area = "" if kind == "answerable" else f"{auroc(sure, found):.3f}"
            row = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {source} | {kind} | {len(found)} | {row} | {area} |")
    print("\n| confidence | " + " | ".join(sources[1:]) + " |\n|---|" + "---|" * len(sources[1:]))
    for low in (0.0, 0.05, 0.2, 0.4, 0.6, 0.8):
        high = {0.0: 0.05, 0.05: 0.2}.get(low, low + 0.2)
        cells = []
        for source in sources[1:]:
            inside = [
                s.kind == "answerable"
                for s in samples
                if s.source == source and low <= confidence(s, fitted) < high
            ]
            cells.append(f"{np.mean(inside):.2f} of {len(inside)}" if inside else "–")
        print(f"| {low:.2f} to {high:.2f} | " + " | ".join(cells) + " |")


def confidence(sample: Sample, fitted: Sequence[float]) -> float:
    """Return the fitted probability."""
    score = fitted[0] + sum(w * x for w, x in zip(fitted[1:], sample.features, strict=True))
    return 1 / (1 + math.exp(-score))


if __name__ == "__main__":
    main()
