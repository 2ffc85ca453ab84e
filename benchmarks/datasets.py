"""The benchmark sets as folders of text files, so that they go through the program as a user's own.

The sets themselves are not part of the project; each command takes the folder where they lie.
"""

import argparse
import csv
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs


@dataclass
class Question:
    """A question with what is known of its answer.

    Attributes:
        relevant: Grade of each relevant article, by file name; empty if nothing answers it.
        quotes: Pairs of file name and verbatim text, any of which answers.
        kind: How the set calls it.
        group: The article that it was asked about.
    """

    question_id: str
    text: str
    relevant: dict[str, int] = field(default_factory=dict)
    quotes: list[tuple[str, str]] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    kind: str = "fact"
    group: str = ""


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return the arguments that the benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="folder of the benchmark sets")
    parser.add_argument("--questions", type=Path, required=True, help="seeds_dev.jsonl")
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    parser.add_argument("--work", type=Path, default=platformdirs.user_cache_path("qa-benchmarks"))
    return parser


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON Lines file, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as stream:
        yield from map(json.loads, stream)


def write_articles(
    folder: Path, articles: dict[str, tuple[str, str]], outlets: dict[str, str] | None = None
) -> Path:
    """Write ``name: (title, text)`` as text files with a headline; done once for a folder."""
    if not folder.is_dir():
        draft = folder.with_name(folder.name + ".draft")
        draft.mkdir(parents=True, exist_ok=True)
        for name, (title, text) in articles.items():
            (draft / name).write_text(f"{title}\n\n{text}\n", encoding="utf-8", newline="")
        sidecar = (
            f"[{json.dumps(k)}]\noutlet = {json.dumps(v)}\n" for k, v in (outlets or {}).items()
        )
        (draft / "metadata.toml").write_text("\n".join(sidecar), encoding="utf-8")
        draft.rename(folder)
    return folder


def seeds(questions: Path) -> list[Question]:
    """Return questions in the format of ``seeds_dev.jsonl``."""
    return [
        Question(
            row["id"],
            row["question"],
            {gold["article"]: 1 for gold in row["gold"]},
            [(gold["article"], gold["quote"]) for gold in row["gold"]],
            row.get("history", []),
            row["kind"],
        )
        for row in lines(questions)
    ]


def scifact(data: Path, work: Path) -> tuple[Path, list[Question]]:
    """Return the folder of abstracts and the test claims (BEIR's split)."""
    folder = write_articles(
        work / "scifact",
        {
            f"{row['_id']}.txt": (row["title"], row["text"])
            for row in lines(data / "scifact" / "corpus.jsonl.gz")
        },
    )
    texts = {str(row["_id"]): row["text"] for row in lines(data / "scifact" / "queries_test.jsonl")}
    found: dict[str, Question] = {}
    with (data / "scifact" / "qrels_test.tsv").open(encoding="utf-8") as stream:
        for query_id, doc_id, grade in csv.reader(stream, delimiter="\t"):
            if grade.isdigit() and int(grade):
                question = found.setdefault(query_id, Question(query_id, texts[query_id]))
                question.relevant[f"{doc_id}.txt"] = int(grade)
    return folder, list(found.values())


def squad(data: Path, work: Path) -> tuple[Path, list[Question]]:
    """Return a folder of the paragraphs, and the questions: ``answerable`` or ``near``.

    *near* is adversarial: on a paragraph of the folder, which does not answer it. The outlet of a
    paragraph is the page that it comes from, so that a page can be searched as a folder of its own.
    """
    sets = json.loads((data / "squad2_dev_half" / "dev-v2.0.json").read_text(encoding="utf-8"))
    articles: dict[str, tuple[str, str]] = {}
    outlets: dict[str, str] = {}
    questions: list[Question] = []
    for number, page in enumerate(sorted(sets["data"], key=lambda page: page["title"])):
        title = page["title"].replace("_", " ")
        for place, paragraph in enumerate(page["paragraphs"]):
            name = f"{number:02}-{place:03}.txt"
            articles[name] = (title, paragraph["context"])
            outlets[name] = title
            for asked in paragraph["qas"]:
                quotes = [(name, answer["text"]) for answer in asked["answers"]]
                questions.append(
                    Question(
                        asked["id"],
                        asked["question"],
                        {name: 1} if quotes else {},
                        quotes,
                        kind="answerable" if quotes else "near",
                        group=title,
                    )
                )
    return write_articles(work / "squad", articles, outlets), questions


def clapnq(data: Path, work: Path) -> tuple[Path, list[Question]]:
    """Return a folder of the 600 passages, and the questions: ``answerable`` or ``near``.

    The quotes of a question are the sentences that its answer was written from.
    """
    articles: dict[str, tuple[str, str]] = {}
    questions: list[Question] = []
    for kind, label in (("answerable", "answerable"), ("unanswerable", "near")):
        for row in lines(data / "clapnq" / f"dev_{kind}.jsonl"):
            passage = row["passages"][0]
            name = f"{hashlib.sha256(passage['text'].encode()).hexdigest()[:16]}.txt"
            articles[name] = (passage["title"], passage["text"])
            chosen = row["output"][0].get("selected_sentences", []) if label != "near" else []
            questions.append(
                Question(
                    str(row["id"]),
                    row["input"],
                    {name: 1} if label == "answerable" else {},
                    [(name, sentence.strip()) for sentence in chosen],
                    kind=label,
                    group=passage["title"],
                )
            )
    return write_articles(work / "clapnq", articles), questions


def held_out(question: Question) -> bool:
    """Whether a question is reported, not tuned on: by its article, 8 of the 16 of SQuAD."""
    return hashlib.sha256(question.group.encode()).digest()[2] % 2 == 1


MTRAG_DOMAINS = ("clapnq", "cloud", "fiqa")


def mtrag(data: Path, work: Path, domain: str) -> tuple[Path, list[Question], dict[str, str]]:
    """Return the pool of a domain, the last turns with their history, and the human rewrites.

    The history is the user's earlier turns; the rewrites are by question id.
    """
    base = data / "mtrag" / domain
    articles = {}
    for row in lines(base / "corpus_pooled.jsonl.gz"):
        title, text = row["title"].strip(), row["text"].strip()
        body = text.removeprefix(title).strip() or text
        if body:
            articles[_mtrag_name(row["_id"])] = (title or domain, body)
    relevant: dict[str, dict[str, int]] = {}
    with (base / "qrels_dev.tsv").open(encoding="utf-8") as stream:
        for query_id, passage_id, grade in csv.reader(stream, delimiter="\t"):
            if grade.isdigit() and int(grade):
                relevant.setdefault(query_id, {})[_mtrag_name(passage_id)] = int(grade)
    asked = []
    for row in lines(base / f"{domain}_questions.jsonl"):
        turns = [turn.strip() for turn in row["text"].split("|user|:") if turn.strip()]
        if row["_id"] in relevant:
            asked.append(Question(row["_id"], turns[-1], relevant[row["_id"]], history=turns[:-1]))
    rewrites = {
        row["_id"]: row["text"].removeprefix("|user|:").strip()
        for row in lines(base / f"{domain}_rewrite.jsonl")
    }
    return write_articles(work / f"mtrag-{domain}", articles), asked, rewrites


def _mtrag_name(passage_id: str) -> str:
    return f"{passage_id}.txt"


def canard(data: Path) -> Iterator[tuple[Question, str]]:
    """Yield follow-ups with the earlier questions of their dialog, and their human rewrites."""
    rows = json.loads((data / "canard_dev" / "dev.json").read_text(encoding="utf-8"))
    for row in rows:
        # The history begins with two titles; questions and answers take turns after them.
        earlier = row["History"][2::2]
        if earlier:
            name = f"{row['QuAC_dialog_id']}-{row['Question_no']}"
            yield Question(name, row["Question"], history=earlier), row["Rewrite"]


def ramdocs(data: Path, work: Path) -> tuple[Path, list[tuple[Question, dict[str, str]]]]:
    """Return a folder of the documents, and each question with the answer of each of its documents.

    The outlet of a document is the id of its question. Noise has no answer.
    """
    articles: dict[str, tuple[str, str]] = {}
    outlets: dict[str, str] = {}
    asked: list[tuple[Question, dict[str, str]]] = []
    for number, row in enumerate(lines(data / "ramdocs" / "RAMDocs_test.jsonl")):
        question = Question(f"q{number:03}", row["question"])
        answers: dict[str, str] = {}
        for place, document in enumerate(row["documents"]):
            name = f"{question.question_id}-{place}.txt"
            # One text may stand under two questions: the heading keeps their files apart.
            articles[name] = (f"Source {place} on {question.question_id}", document["text"])
            outlets[name] = question.question_id
            if document["type"] != "noise":
                answers[name] = document["answer"]
        asked.append((question, answers))
    return write_articles(work / "ramdocs", articles, outlets), asked


def fever(data: Path) -> Iterator[tuple[str, str, bool]]:
    """Yield claim, evidence and whether the evidence refutes the claim."""
    for part in ("dev", "test"):
        for row in lines(data / "fever_symmetric" / f"fever_symmetric_{part}.jsonl"):
            yield _plain(row["claim"]), _plain(row["evidence"]), row["gold_label"] == "REFUTES"


def _plain(text: str) -> str:
    """Undo the marks of the treebank."""
    for mark, plain in (("-LRB-", "("), ("-RRB-", ")"), ("``", '"'), ("''", '"'), ("--", "–")):
        text = text.replace(mark, plain)
    return re.sub(r" (?=[.,;:)]|'s|n't)|(?<=[($]) ", "", text)
