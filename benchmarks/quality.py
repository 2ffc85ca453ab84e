"""Measure answers, step by step, on the sample corpus and on public sets.

    python benchmarks/quality.py --data FOLDER --questions seeds_dev.jsonl [--sets seeds squad …]

Prints Markdown: for each set a row per configuration (dense, lexical, fused, and with sentence
scores as in the program), measures of the answers, and the time of each step. The program makes the
indexes, which are kept under --work.
"""

import random
import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import ir_measures
import numpy as np
from datasets import (
    MTRAG_DOMAINS,
    Question,
    canard,
    clapnq,
    command_line,
    fever,
    held_out,
    lines,
    mtrag,
    ramdocs,
    scifact,
    seeds,
    squad,
)
from ir_measures import RR, ScoredDoc, Success, nDCG
from sklearn.metrics import average_precision_score

import qa
from qa.answering import answer as answering
from qa.answering import differences, follow_ups, ranking, retrieval
from qa.answering.question import MAX_LENGTH, analyze
from qa.evaluation.metrics import auroc
from qa.records import Answer, Hit
from qa.text.terms import index_terms

MEASURES = [Success @ 1, Success @ 5, RR @ 10, nDCG @ 5, nDCG @ 10]
CANDIDATES = 200
ROWS = ("dense", "lexical", "fused", "and sentences (the program)")


def main() -> None:
    """Run the chosen sets."""
    parser = command_line(__doc__)
    every = "seeds costs scifact clapnq squad mtrag canard differences ramdocs fever".split()
    parser.add_argument("--sets", nargs="+", default=every, choices=every)
    parser.add_argument(
        "--sample", type=int, default=600, help="questions of each kind from each half of a set"
    )
    arguments = parser.parse_args()
    data, work = arguments.data, arguments.work
    runs: dict[str, Callable[[], None]] = {
        "seeds": lambda: measure_seeds(arguments.seeds, arguments.questions, work),
        "costs": lambda: measure_costs(arguments.seeds, arguments.questions, work),
        "scifact": lambda: measure_scifact(data, work),
        "clapnq": lambda: measure_passages("clapnq", *clapnq(data, work), work, arguments.sample),
        "squad": lambda: measure_passages("squad", *squad(data, work), work, arguments.sample),
        "mtrag": lambda: measure_mtrag(data, work),
        "canard": lambda: measure_canard(data),
        "ramdocs": lambda: measure_ramdocs(data, work),
        "differences": lambda: measure_differences(arguments.seeds, work),
        "fever": lambda: measure_fever(data),
    }
    for name in arguments.sets:
        began = time.perf_counter()
        runs[name]()
        print(f"\n({name}: {time.perf_counter() - began:.0f} s)", flush=True)


class Result(NamedTuple):
    """A question with what the program found.

    Attributes:
        question: The question.
        hits: Every candidate, as the program ranks them.
        answer: What the program answers.
    """

    question: Question
    hits: list[Hit]
    answer: Answer


def open_corpus(folder: Path, index: Path) -> qa.Corpus:
    """Open a set; its passages are embedded the first time."""
    return qa.Corpus.open(folder, index, progress=progress_printer())


def ask(corpus: qa.Corpus, question: Question) -> Result:
    """Answer a question as `qa.Corpus.ask` does, and return more hits than an answer is made of."""
    asked = qa.Question.of(question.text[:MAX_LENGTH], question.history)
    with corpus._store.snapshot() as snapshot:
        analyzed = analyze(asked, corpus._embedder, snapshot.languages())
        hits = retrieval.retrieve(snapshot, corpus._store.indexes, analyzed, CANDIDATES)
        return Result(question, hits, answering.answer(analyzed, hits[: answering.HITS]))


def orders(hits: Sequence[Hit]) -> dict[str, list[Hit]]:
    """Return the candidates in the order of each configuration."""
    dense = np.array([hit.dense for hit in hits], np.float32)
    lexical = np.array([hit.lexical for hit in hits], np.float32)
    keys = [hit.passage.passage_id for hit in hits]
    scores = {"dense": dense, "lexical": lexical, "fused": ranking.fuse(dense, lexical)}
    found = {name: [hits[i] for i in ranking.order(s, keys)] for name, s in scores.items()}
    return found | {ROWS[-1]: list(hits)}


class Runs:
    """Rankings for the questions of a set, by configuration."""

    def __init__(self) -> None:
        self.qrels: list[ir_measures.Qrel] = []
        self.runs: dict[str, list[ScoredDoc]] = {}

    def add(self, question: Question, row: str, names: Iterable[str]) -> None:
        """Add a ranking; a name counts at its best rank."""
        for rank, name in enumerate(dict.fromkeys(names)):
            self.runs.setdefault(row, []).append(ScoredDoc(question.question_id, name, -rank))

    def judge(self, question: Question, grades: dict[str, int]) -> None:
        """Add the grades of what is relevant to a question."""
        self.qrels += [ir_measures.Qrel(question.question_id, n, g) for n, g in grades.items()]

    def table(self, title: str) -> None:
        """Print a row for each configuration."""
        count = len({qrel.query_id for qrel in self.qrels})
        print(f"\n### {title} ({count} questions)\n")
        print("| configuration | hit@1 | hit@5 | MRR@10 | nDCG@5 | nDCG@10 |")
        print("|---|---|---|---|---|---|")
        for row, run in self.runs.items():
            values = ir_measures.calc_aggregate(MEASURES, self.qrels, run)
            print(f"| {row} | " + " | ".join(f"{values[m]:.4f}" for m in MEASURES) + " |")


def measure_seeds(folder: Path, questions: Path, work: Path) -> None:
    """A passage is relevant if a gold quote lies inside it."""
    asked = seeds(questions)
    runs, quoted, first = Runs(), 0, 0
    confidence: dict[str, list[Answer]] = {}
    with open_corpus(folder, work / "seeds-index") as corpus:
        for question in asked:
            _, hits, answer = ask(corpus, question)
            kind = "answerable" if question.quotes else question.kind
            confidence.setdefault(kind, []).append(answer)
            if not question.quotes:
                continue
            runs.judge(
                question,
                {
                    hit.passage.passage_id: int(
                        holds(question, hit.passage.article.path, hit.passage.text)
                    )
                    for hit in hits
                },
            )
            for row, order in orders(hits).items():
                runs.add(question, row, (hit.passage.passage_id for hit in order))
            found = [
                any(holds(question, c.article.path, c.article.text[a:b]) for a, b in c.highlights)
                for c in answer.citations
            ]
            quoted += any(found)
            first += bool(found) and found[0]
    runs.table("seeds_dev")
    count = len(confidence["answerable"])
    print(f"\ngold quote in a highlighted sentence {quoted / count:.3f}, ", end="")
    print(f"in the best quote {first / count:.3f}")
    print_abstentions(confidence)


def measure_scifact(data: Path, work: Path) -> None:
    """An abstract has the rank of its best passage."""
    folder, asked = scifact(data, work)
    measure_documents("SciFact", folder, asked, work / "scifact-index", {})


def measure_documents(
    title: str, folder: Path, asked: Sequence[Question], index: Path, rewrites: dict[str, str]
) -> None:
    """A document has the rank of its best passage; follow-ups with history, without, rewritten."""
    runs = Runs()
    with open_corpus(folder, index) as corpus:
        for question in asked:
            runs.judge(question, question.relevant)
            if rewrites:
                name, text = question.question_id, question.text
                rewritten = Question(name, rewrites[name])
                variants = {
                    "without history": ask(corpus, Question(name, text)).hits,
                    "human rewrite": ask(corpus, rewritten).hits,
                    "with history (the program)": ask(corpus, question).hits,
                }
            else:
                variants = orders(ask(corpus, question).hits)
            for row, order in variants.items():
                runs.add(question, row, (hit.passage.article.path for hit in order))
    runs.table(title)


def measure_passages(
    name: str, folder: Path, asked: Sequence[Question], work: Path, sample: int
) -> None:
    """SQuAD and ClapNQ: the passage, the sentence in it, and abstention; by half and in all."""
    chosen = random.Random(20)
    halves: dict[bool, list[Result]] = {False: [], True: []}
    with open_corpus(folder, work / f"{name}-index") as corpus:
        for half, results in halves.items():
            for kind in ("answerable", "near"):
                mine = [q for q in asked if q.kind == kind and held_out(q) == half]
                mine.sort(key=lambda question: question.question_id)
                sampled = chosen.sample(mine, min(sample, len(mine)))
                results += [ask(corpus, question) for question in sampled]
    print_passages(f"{name}, tuning half", halves[False])
    print_passages(f"{name}, reporting half", halves[True])
    print_passages(name, halves[False] + halves[True])


def print_passages(title: str, results: Sequence[Result]) -> None:
    """Print the measures of these answers."""
    runs = Runs()
    best, anywhere, precision, first = [], [], [], []
    answers: dict[str, list[Answer]] = {}
    nearest: dict[str, list[float]] = {}
    for question, hits, answer in results:
        answers.setdefault(question.kind, []).append(answer)
        nearest.setdefault(question.kind, []).append(max(hit.dense for hit in hits))
        if question.kind != "answerable":
            continue
        runs.judge(question, question.relevant)
        for row, order in orders(hits).items():
            runs.add(question, row, (hit.passage.article.path for hit in order))
        found = [
            any(is_answer(question, c.article.path, c.article.text[a:b]) for a, b in c.highlights)
            for c in answer.citations
        ]
        best.append(bool(found) and found[0])
        anywhere.append(any(found))
        relevant = gold_sentences(question, hits)
        if any(relevant):
            precision.append(average_precision_score(relevant, -np.arange(len(relevant))))
            first.append(relevant[0])
    runs.table(title)
    print(f"\nanswer in the best quote {np.mean(best):.3f}, in a highlight {np.mean(anywhere):.3f}")
    print(
        f"sentences of the gold passage ({len(first)} questions): MAP {np.mean(precision):.3f}, "
        f"P@1 {np.mean(first):.3f}"
    )
    area = auroc(nearest["answerable"], nearest["near"])
    print(f"AUROC answerable against near, by the cosine of the nearest passage only: {area:.3f}")
    print_abstentions(answers)


def gold_sentences(question: Question, hits: Sequence[Hit]) -> list[bool]:
    """Return whether each sentence of the gold passage answers, the best sentence first."""
    found = {
        sentence.passage.span: sentence
        for hit in hits
        if hit.passage.article.path in question.relevant
        for sentence in hit.sentences
    }
    ordered = sorted(found.values(), key=lambda sentence: (-sentence.score, sentence.passage.span))
    return [
        is_answer(question, sentence.passage.article.path, sentence.passage.text)
        for sentence in ordered
        if sentence.passage.text not in (sentence.passage.article.headline or "")
    ]


def measure_mtrag(data: Path, work: Path) -> None:
    """Follow-ups: without history, rewritten by people, and with history."""
    for domain in MTRAG_DOMAINS:
        folder, asked, rewrites = mtrag(data, work, domain)
        index = work / f"mtrag-{domain}-index"
        measure_documents(f"MTRAG {domain}", folder, asked, index, rewrites)


def measure_canard(data: Path) -> None:
    """Share of the words that people added which are carried over from earlier questions."""
    recall, carried_words, useful = [], 0, 0
    follow = asked = 0
    for question, rewrite in canard(data):
        added = set(index_terms(rewrite)) - set(index_terms(question.text))
        asked += 1
        context = follow_ups.context(question.text, question.history)
        follow += bool(context)
        carried = set(index_terms(context)) - set(index_terms(question.text))
        carried_words += len(carried)
        useful += len(carried & added)
        if added:
            recall.append(len(added & carried) / len(added))
    print(f"\n### CANARD ({asked} follow-ups, {len(recall)} of them with added words)\n")
    print(
        f"recall of the added words {np.mean(recall):.3f}, precision of the carried ones "
        f"{useful / carried_words:.3f}, taken for follow-ups {follow / asked:.3f}"
    )


def measure_differences(folder: Path, work: Path) -> None:
    """The sample corpus: questions on which its articles differ, and others."""
    rows = list(lines(Path(__file__).with_name("seeds_differences.jsonl")))
    reported = right = 0
    wrong: list[str] = []
    with open_corpus(folder, work / "seeds-index") as corpus:
        for row in rows:
            for difference in corpus.answer(row["question"]).differences:
                stated = [value.text for value in difference.values]
                expected = difference.kind == row["kind"] and set(row["values"]) <= set(stated)
                reported += 1
                right += expected
                if not expected:
                    wrong.append(f"{row['question']} {difference.kind}: {' / '.join(stated)}")
    differ = sum(row["kind"] is not None for row in rows)
    print(f"\n### Differences in the sample corpus ({len(rows)} questions, {differ} differ)\n")
    print(f"reported {reported}, precision {right / reported:.3f}, recall {right / differ:.3f}")
    for line in wrong:
        print(f"- {line}")


def measure_ramdocs(data: Path, work: Path) -> None:
    """Pairs of documents on one question: whether a difference is reported where answers differ."""
    folder, asked = ramdocs(data, work)
    differ = reported = right = named = 0
    with open_corpus(folder, work / "ramdocs-index") as corpus:
        for question, answers in asked:
            answer = corpus.answer(question.text[:MAX_LENGTH], outlets=question.question_id)
            pairs = {
                frozenset((a, b))
                for a, b in combinations(sorted(answers), 2)
                if answers_differ(answers[a], answers[b])
            }
            found = {
                frozenset((a.passage.article.path, b.passage.article.path))
                for difference in answer.differences
                for a, b in combinations(difference.values, 2)
            }
            differ += bool(pairs)
            reported += len(found)
            right += len(pairs & found)
            named += bool(pairs & found)
    print(f"\n### RAMDocs ({len(asked)} questions, {differ} with answers that differ)\n")
    print(
        f"differences reported between two documents: {reported}, of which their answers differ "
        f"{right} (precision {right / max(1, reported):.3f}); questions with one found "
        f"{named} (recall {named / differ:.3f})"
    )


def measure_fever(data: Path) -> None:
    """Claim and evidence as two sentences on one subject: whether their values clash."""
    reported = right = refuted = count = 0
    for claim, evidence, refutes in fever(data):
        clash = differences.clashing_values(claim, evidence) is not None
        count += 1
        refuted += refutes
        reported += clash
        right += clash and refutes
    print(f"\n### FEVER symmetric ({count} pairs, {refuted} refuted)\n")
    print(f"reported {reported}, precision {right / reported:.3f}, recall {right / refuted:.3f}")


def measure_costs(folder: Path, questions: Path, work: Path) -> None:
    """Milliseconds of each step on the sample corpus, interleaved with a bare encode and search."""
    import faiss
    from sentence_transformers import SentenceTransformer

    from qa.models.files import find

    texts = [question.text for question in seeds(questions)]
    times: dict[str, list[float]] = {}

    def clock(name: str, step: Callable[[], object]) -> None:
        began = time.perf_counter()
        step()
        times.setdefault(name, []).append(1000 * (time.perf_counter() - began))

    with open_corpus(folder, work / "seeds-index") as corpus:
        model = SentenceTransformer(str(find(None)), local_files_only=True)
        passages = [hit.passage.text for hit in corpus.retrieve("Turkey", 10_000)]
        vectors = model.encode(passages, normalize_embeddings=True)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        embedder = corpus._embedder

        def bare_search(text: str) -> object:
            return index.search(model.encode([text], normalize_embeddings=True), 5)

        with corpus._store.snapshot() as snapshot:
            languages = snapshot.languages()
            for text in texts * 6:
                asked = qa.Question(text)
                clock("bare encode + search", partial(bare_search, text))
                clock("analyse the question", partial(analyze, asked, embedder, languages))
                question = analyze(asked, embedder, languages)
                search = partial(
                    corpus._store.indexes.candidates, snapshot, question.vector,
                    question.all_weights, snapshot.terms(question.all_weights), 100,
                )  # fmt: skip
                clock("dense and lexical search", search)
                clock("retrieve(), 5 passages", partial(corpus.retrieve, text))
                clock("answer()", partial(corpus.answer, text))
    bare = statistics.median(times["bare encode + search"])
    print("\n### Costs on the sample corpus\n\n| step | p50, ms | of bare |\n|---|---|---|")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.1f} | {median / bare:.2f} |")


def print_abstentions(answers: dict[str, list[Answer]]) -> None:
    """Print how many questions of each kind were not answered, and their confidence."""
    sure = [answer.confidence for answer in answers["answerable"]]
    for kind, found in answers.items():
        unsure = [answer.confidence for answer in found]
        area = "" if kind == "answerable" else f", AUROC {auroc(sure, unsure):.3f}"
        abstained = sum(answer.abstained for answer in found)
        print(
            f"{kind}: {len(found)}, not answered {abstained}{area}, "
            f"confidence {min(unsure):.3f} to {max(unsure):.3f}"
        )


def holds(question: Question, path: str, text: str) -> bool:
    """Return whether this text of this file contains a gold quote of the question."""
    return any(path == name and quote in text for name, quote in question.quotes)


def is_answer(question: Question, path: str, text: str) -> bool:
    """Return whether this text holds a gold quote or is part of one; only letters count."""
    plain = letters(text)
    return any(
        path == name and (letters(quote) in plain or (len(plain) > 15 and plain in letters(quote)))
        for name, quote in question.quotes
    )


def letters(text: str) -> str:
    """Return the letters and digits of a text."""
    return re.sub(r"\W", "", text)


def answers_differ(one: str, other: str) -> bool:
    """Return whether two short answers differ: neither contains all words of the other."""
    first, second = set(index_terms(one)), set(index_terms(other))
    return not (first <= second or second <= first)


def progress_printer() -> Callable[[qa.SyncProgress], None]:
    """Return a progress callback that prints a line every 500 articles."""
    printed = 0

    def show(now: qa.SyncProgress) -> None:
        nonlocal printed
        if now.files_done >= printed + 500:
            printed = now.files_done
            print(f"  … {now.files_done} of {now.files_total} articles", flush=True)

    return show


if __name__ == "__main__":
    main()
