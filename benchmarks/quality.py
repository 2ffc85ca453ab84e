"""Measure answers.

    python benchmarks/quality.py --data FOLDER --questions seeds_dev.jsonl

Prints one table: hit@1, hit@5, MRR@10 and nDCG@10, and how well the confidence tells answerable
questions from unanswerable ones (AUROC, answered wrongly, abstained wrongly).
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import ir_measures
from datasets import Question, command_line, scifact, seeds
from ir_measures import RR, ScoredDoc, Success, nDCG
from scipy.stats import mannwhitneyu

import qa

MEASURES = [Success @ 1, Success @ 5, RR @ 10, nDCG @ 10]


def main() -> None:
    """Run the sets that are asked for."""
    parser = command_line(__doc__)
    parser.add_argument("--sets", nargs="+", default=["seeds", "scifact"])
    arguments = parser.parse_args()
    if "seeds" in arguments.sets:
        measure_seeds(arguments.seeds, arguments.questions, arguments.work)
    if "scifact" in arguments.sets:
        measure_scifact(arguments.data, arguments.work)


def measure_seeds(folder: Path, questions: Path, work: Path) -> None:
    """A passage is relevant if a gold quote lies inside it."""
    asked = seeds(questions)
    with qa.Corpus.open(folder, work / "seeds-index") as corpus:
        _, total = corpus.count()
        answers = {
            question.question_id: corpus.answer(question.text, question.history)
            for question in asked
        }
        runs: list[ScoredDoc] = []
        qrels: list[ir_measures.Qrel] = []
        highlighted = 0
        gold = [question for question in asked if question.quotes]
        for question in gold:
            answer = answers[question.question_id]
            for hit in corpus.retrieve(answer.query, total):
                passage = hit.passage
                runs.append(ScoredDoc(question.question_id, passage.passage_id, -hit.rank))
                relevant = holds(question, passage.article.path, passage.text)
                qrels.append(
                    ir_measures.Qrel(question.question_id, passage.passage_id, int(relevant))
                )
            highlighted += any(
                holds(question, citation.article.path, citation.article.text[start:end])
                for citation in answer.citations
                for start, end in citation.highlights
            )
        first = sum(
            bool(answers[q.question_id].citations)
            and holds(q, (c := answers[q.question_id].citations[0]).article.path, c.quote)
            for q in gold
        )
    report("seeds", len(gold), qrels, runs)
    print(
        f"  gold quote in the first citation {first / len(gold):.3f}, "
        f"in a highlighted sentence {highlighted / len(gold):.3f}"
    )
    sure = [answers[q.question_id].confidence for q in gold]
    wrongly = sum(answers[q.question_id].abstained for q in gold)
    print(f"  answerable: {len(gold)}, abstained {wrongly}, least confidence {min(sure):.3f}")
    for kind in ("unanswerable_near", "unanswerable_far"):
        found = [answers[q.question_id] for q in asked if q.kind == kind]
        unsure = [answer.confidence for answer in found]
        print(
            f"  {kind}: {len(found)}, abstained {sum(a.abstained for a in found)}, "
            f"AUROC {auroc(sure, unsure):.3f}, most confidence {max(unsure):.3f}"
        )


def measure_scifact(data: Path, work: Path) -> None:
    """An abstract ranks where its best passage does."""
    folder, asked = scifact(data, work)
    with qa.Corpus.open(folder, work / "scifact-index", progress=tell()) as corpus:
        runs: list[ScoredDoc] = []
        for question in asked:
            paths = dict.fromkeys(
                hit.passage.article.path for hit in corpus.retrieve(question.text, 60)
            )
            runs += [ScoredDoc(question.question_id, path, -i) for i, path in enumerate(paths)]
    qrels = [
        ir_measures.Qrel(question.question_id, path, grade)
        for question in asked
        for path, grade in question.relevant.items()
    ]
    report("scifact", len(asked), qrels, runs)


def holds(question: Question, path: str, text: str) -> bool:
    """Whether a gold quote of the question lies in this text of this file."""
    return any(path == name and quote in text for name, quote in question.quotes)


def auroc(higher: list[float], lower: list[float]) -> float:
    """Return the chance that one of `higher` is above one of `lower` (Mann-Whitney U)."""
    return float(mannwhitneyu(higher, lower).statistic) / (len(higher) * len(lower))


def report(name: str, count: int, qrels: list[ir_measures.Qrel], runs: Iterable[ScoredDoc]) -> None:
    """Print one row."""
    values = ir_measures.calc_aggregate(MEASURES, qrels, runs)
    row = "  ".join(f"{measure} {values[measure]:.4f}" for measure in MEASURES)
    print(f"{name} ({count} questions): {row}")


def tell() -> Callable[[qa.SyncProgress], None]:
    """Return a progress callback that prints every 500 articles."""
    said = 0

    def show(now: qa.SyncProgress) -> None:
        nonlocal said
        if now.files_done >= said + 500:
            said = now.files_done
            print(f"  … {now.files_done} of {now.files_total} articles", flush=True)

    return show


if __name__ == "__main__":
    main()
