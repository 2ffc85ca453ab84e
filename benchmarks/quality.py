"""Measure answers, step by step, on the sample corpus and on public sets.

    python benchmarks/quality.py --data FOLDER --questions seeds_dev.jsonl [--sets seeds squad …]

Prints Markdown: for each set a row per configuration (dense, lexical, fused, ranked again by
sentences as the program does), what the answers were like, and what each step costs. Indexes are
made by the program itself and kept under --work. Where the processor multiplies in bfloat16,
passages are embedded that way, to save time: cosine above .9999 to what the program embeds.
"""

import random
import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path

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

import qa
from qa import answering, conversation, differences, ranking
from qa.datatypes import Answer, Hit
from qa.evaluation.metrics import auroc, average_precision
from qa.lexical import terms
from qa.retrieval import MAX_QUERY_LENGTH

MEASURES = [Success @ 1, Success @ 5, RR @ 10, nDCG @ 5, nDCG @ 10]
CANDIDATES = 200
ROWS = ("dense", "lexical", "fused", "and sentences (the program)")


def main() -> None:
    """Run the sets that are asked for."""
    parser = command_line(__doc__)
    every = [
        "seeds",
        "costs",
        "scifact",
        "clapnq",
        "squad",
        "mtrag",
        "canard",
        "differences",
        "ramdocs",
        "fever",
    ]
    parser.add_argument("--sets", nargs="+", default=every, choices=every)
    parser.add_argument(
        "--sample", type=int, default=600, help="questions of a kind from each half of SQuAD"
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


def open_corpus(folder: Path, index: Path) -> qa.Corpus:
    """Open a set, and embed it if that was not done before."""
    return qa.Corpus.open(folder, index, progress=tell())


def find(corpus: qa.Corpus, question: Question, text: str | None = None) -> list[Hit]:
    """Return every candidate, as the program ranks them."""
    query = (text or question.text)[:MAX_QUERY_LENGTH]
    return corpus.retrieve(query, CANDIDATES, history=() if text else question.history)


def reply(question: Question, hits: Sequence[Hit]) -> Answer:
    """Return the answer that the program makes of these hits; see `qa.Corpus.answer`."""
    context = conversation.context(question.text, question.history)
    carried = conversation.carried_over(question.text, context)
    return answering.answer(question.text, " ".join([question.text, *carried]), hits[:30], carried)


def orders(hits: Sequence[Hit]) -> dict[str, list[Hit]]:
    """Return the candidates as each configuration ranks them."""
    dense = np.array([hit.dense for hit in hits], np.float32)
    lexical = np.array([hit.lexical for hit in hits], np.float32)
    keys = [hit.passage.passage_id for hit in hits]
    scores = {"dense": dense, "lexical": lexical, "fused": ranking.fuse(dense, lexical)}
    found = {name: [hits[i] for i in ranking.order(s, keys)] for name, s in scores.items()}
    return found | {ROWS[-1]: list(hits)}


class Runs:
    """Rankings of the questions of a set, by configuration."""

    def __init__(self) -> None:
        self.qrels: list[ir_measures.Qrel] = []
        self.runs: dict[str, list[ScoredDoc]] = {}

    def add(self, question: Question, row: str, names: Iterable[str]) -> None:
        """Keep a ranking; a name counts where it comes first."""
        for rank, name in enumerate(dict.fromkeys(names)):
            self.runs.setdefault(row, []).append(ScoredDoc(question.question_id, name, -rank))

    def judge(self, question: Question, grades: dict[str, int]) -> None:
        """Keep what is relevant."""
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
            hits = find(corpus, question)
            answer = reply(question, hits)
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
    tell_silence(confidence)


def measure_scifact(data: Path, work: Path) -> None:
    """An abstract ranks where its best passage does."""
    folder, asked = scifact(data, work)
    measure_documents("SciFact", folder, asked, work / "scifact-index", {})


def measure_documents(
    title: str, folder: Path, asked: Sequence[Question], index: Path, rewrites: dict[str, str]
) -> None:
    """Documents rank where their best passages do; with and without history, and rewritten."""
    runs = Runs()
    with open_corpus(folder, index) as corpus:
        for question in asked:
            runs.judge(question, question.relevant)
            hits = find(corpus, question)
            if rewrites:
                variants = {"last turn alone": find(corpus, question, question.text)}
                variants["human rewrite"] = find(corpus, question, rewrites[question.question_id])
                variants["with history (the program)"] = hits
            else:
                variants = orders(hits)
            for row, order in variants.items():
                runs.add(question, row, (hit.passage.article.path for hit in order))
    runs.table(title)


def measure_passages(
    name: str, folder: Path, asked: Sequence[Question], work: Path, sample: int
) -> None:
    """SQuAD and ClapNQ: the passage, the sentence in it, and silence; by half and in all."""
    chosen = random.Random(20)
    with open_corpus(folder, work / f"{name}-index") as corpus:
        halves: dict[bool, list[tuple[Question, list[Hit]]]] = {}
        for half in (False, True):
            for kind in ("answerable", "near"):
                mine = [q for q in asked if q.kind == kind and held_out(q) == half]
                mine.sort(key=lambda question: question.question_id)
                for question in chosen.sample(mine, min(sample, len(mine))):
                    halves.setdefault(half, []).append((question, find(corpus, question)))
    both = halves[False] + halves[True]
    for title, part in (("tuning half", halves[False]), ("reporting half", halves[True])):
        tell_passages(f"{name}, {title}", part)
    tell_passages(name, both)


def tell_passages(title: str, asked: Sequence[tuple[Question, list[Hit]]]) -> None:
    """Print what the answers to these questions were like."""
    runs = Runs()
    best, anywhere, precision, first = [], [], [], []
    answers: dict[str, list[Answer]] = {}
    nearest: dict[str, list[float]] = {}
    for question, hits in asked:
        answer = reply(question, hits)
        answers.setdefault(question.kind, []).append(answer)
        nearest.setdefault(question.kind, []).append(max(hit.dense for hit in hits))
        if question.kind != "answerable":
            continue
        runs.judge(question, question.relevant)
        for row, order in orders(hits).items():
            runs.add(question, row, (hit.passage.article.path for hit in order))
        found = [
            any(tells(question, c.article.path, c.article.text[a:b]) for a, b in c.highlights)
            for c in answer.citations
        ]
        best.append(bool(found) and found[0])
        anywhere.append(any(found))
        relevant = gold_sentences(question, hits)
        if any(relevant):
            precision.append(average_precision(relevant))
            first.append(relevant[0])
    runs.table(title)
    print(f"\nanswer in the best quote {np.mean(best):.3f}, in a highlight {np.mean(anywhere):.3f}")
    print(
        f"sentences of the gold passage ({len(first)} questions): MAP {np.mean(precision):.3f}, "
        f"P@1 {np.mean(first):.3f}"
    )
    area = auroc(nearest["answerable"], nearest["near"])
    print(f"AUROC answerable against near, by the nearest passage's cosine alone: {area:.3f}")
    tell_silence(answers)


def gold_sentences(question: Question, hits: Sequence[Hit]) -> list[bool]:
    """Return for the gold passage's sentences, best first, whether they answer."""
    found = {
        sentence.span: (sentence.evidence, hit.passage.article)
        for hit in hits
        if hit.passage.article.path in question.relevant
        for sentence in hit.sentences
    }
    ordered = sorted(found.items(), key=lambda item: (-item[1][0], item[0]))
    texts = [(article, article.text[slice(*span)]) for span, (_, article) in ordered]
    return [
        tells(question, article.path, text)
        for article, text in texts
        if text not in (article.headline or "")
    ]


def measure_mtrag(data: Path, work: Path) -> None:
    """Follow-ups: the last turn alone, rewritten by people, and with its history."""
    for domain in MTRAG_DOMAINS:
        folder, asked, rewrites = mtrag(data, work, domain)
        index = work / f"mtrag-{domain}-index"
        measure_documents(f"MTRAG {domain}", folder, asked, index, rewrites)


def measure_canard(data: Path) -> None:
    """Which of the words that people added are carried over, from the questions alone."""
    recall, carried_words, useful = [], 0, 0
    leaning = asked = 0
    for question, rewrite in canard(data):
        added = set(terms(rewrite)) - set(terms(question.text))
        asked += 1
        context = conversation.context(question.text, question.history)
        leaning += bool(context)
        carried = set(terms(context)) - set(terms(question.text))
        carried_words += len(carried)
        useful += len(carried & added)
        if added:
            recall.append(len(added & carried) / len(added))
    print(f"\n### CANARD ({asked} follow-ups, {len(recall)} of them with added words)\n")
    print(
        f"recall of the added words {np.mean(recall):.3f}, precision of the carried ones "
        f"{useful / carried_words:.3f}, leans on history {leaning / asked:.3f}"
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
            answer = corpus.answer(question.text[:MAX_QUERY_LENGTH], outlets=question.question_id)
            pairs = {
                frozenset((a, b))
                for a, b in combinations(sorted(answers), 2)
                if apart(answers[a], answers[b])
            }
            said = {
                frozenset((a.article.path, b.article.path)): (a.text, b.text)
                for difference in answer.differences
                for a, b in combinations(difference.values, 2)
            }
            differ += bool(pairs)
            reported += len(said)
            right += len(pairs & set(said))
            named += any(pair in pairs for pair in said)
    print(f"\n### RAMDocs ({len(asked)} questions, {differ} with answers that differ)\n")
    print(
        f"differences reported between two documents: {reported}, of which their answers differ "
        f"{right} (precision {right / max(1, reported):.3f}); questions with one found "
        f"{named} (recall {named / differ:.3f})"
    )


def measure_fever(data: Path) -> None:
    """Claim and evidence as two sentences that tell the same: whether their values clash."""
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

    from qa import retrieval
    from qa.embedding.files import find

    texts = [question.text for question in seeds(questions)]
    times: dict[str, list[float]] = {}

    def clock(name: str, work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        times.setdefault(name, []).append(1000 * (time.perf_counter() - began))

    with open_corpus(folder, work / "seeds-index") as corpus:
        model = SentenceTransformer(str(find(None)), local_files_only=True)
        passages = [hit.passage.text for hit in corpus.retrieve("Turkey", 10_000)]
        vectors = model.encode(passages, normalize_embeddings=True)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(vectors)
        store, embedder = corpus._store, corpus._embedder

        def bare_search(text: str) -> object:
            return index.search(model.encode([text], normalize_embeddings=True), 5)

        for text in texts * 6:
            query = retrieval.make_query(embedder, text)
            clock("bare encode + search", partial(bare_search, text))
            clock("embed the question", partial(retrieval.make_query, embedder, text))
            search = partial(store.candidates, query.vector, query.all_terms, 100)
            clock("dense and lexical search", search)
            clock("retrieve(), 5 passages", partial(corpus.retrieve, text))
            clock("answer()", partial(corpus.answer, text))
    bare = statistics.median(times["bare encode + search"])
    print("\n### Costs on the sample corpus\n\n| step | p50, ms | of bare |\n|---|---|---|")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"| {name} | {median:.1f} | {median / bare:.2f} |")


def tell_silence(answers: dict[str, list[Answer]]) -> None:
    """Print how many of each kind were not answered, and how well the confidence tells them."""
    sure = [answer.confidence for answer in answers["answerable"]]
    for kind, found in answers.items():
        unsure = [answer.confidence for answer in found]
        area = "" if kind == "answerable" else f", AUROC {auroc(sure, unsure):.3f}"
        silent = sum(answer.abstained for answer in found)
        print(
            f"{kind}: {len(found)}, not answered {silent}{area}, "
            f"confidence {min(unsure):.3f} to {max(unsure):.3f}"
        )


def holds(question: Question, path: str, text: str) -> bool:
    """Whether a gold quote of the question lies in this text of this file."""
    return any(path == name and quote in text for name, quote in question.quotes)


def tells(question: Question, path: str, text: str) -> bool:
    """Whether this text holds a gold quote or is part of one, white space and marks apart."""
    plain = letters(text)
    return any(
        path == name and (letters(quote) in plain or (len(plain) > 15 and plain in letters(quote)))
        for name, quote in question.quotes
    )


def letters(text: str) -> str:
    """Return the letters and digits of a text."""
    return re.sub(r"\W", "", text)


def apart(one: str, other: str) -> bool:
    """Whether two short answers say different things: neither holds the other's words."""
    first, second = set(terms(one)), set(terms(other))
    return not (first <= second or second <= first)


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
