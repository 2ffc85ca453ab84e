"""The benchmark sets as folders of text files, so that they go through the program as a user's own.

The sets themselves are not part of the project; each command takes the folder where they lie.
"""

import argparse
import csv
import gzip
import hashlib
import json
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
    """

    question_id: str
    text: str
    relevant: dict[str, int] = field(default_factory=dict)
    quotes: list[tuple[str, str]] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    kind: str = "fact"


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


def write_articles(folder: Path, articles: dict[str, tuple[str, str]]) -> Path:
    """Write ``name: (title, text)`` as text files with a headline; done once for a folder."""
    if not folder.is_dir():
        draft = folder.with_name(folder.name + ".draft")
        draft.mkdir(parents=True, exist_ok=True)
        for name, (title, text) in articles.items():
            (draft / name).write_text(f"{title}\n\n{text}\n", encoding="utf-8", newline="")
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
    """Return the paragraphs of every other article, and the questions on all articles.

    Kinds: ``answerable``, ``near`` (adversarial, on a paragraph in the folder), ``far`` (on an
    article that is not in the folder).
    """
    sets = json.loads((data / "squad2_dev_half" / "dev-v2.0.json").read_text(encoding="utf-8"))
    articles: dict[str, tuple[str, str]] = {}
    questions: list[Question] = []
    for number, page in enumerate(sorted(sets["data"], key=lambda page: page["title"])):
        for place, paragraph in enumerate(page["paragraphs"]):
            name = f"{number:02}-{place:03}.txt"
            inside = number % 2 == 0
            if inside:
                articles[name] = (page["title"].replace("_", " "), paragraph["context"])
            for asked in paragraph["qas"]:
                kind = "far" if not inside else "answerable" if asked["answers"] else "near"
                relevant = {name: 1} if kind == "answerable" else {}
                quotes = [(name, answer["text"]) for answer in asked["answers"] if relevant]
                questions.append(
                    Question(asked["id"], asked["question"], relevant, quotes, kind=kind)
                )
    return write_articles(work / "squad", articles), questions


def clapnq(data: Path, work: Path) -> tuple[Path, list[Question]]:
    """Return every other passage, and the questions on all; kinds as for `squad`."""
    articles: dict[str, tuple[str, str]] = {}
    questions: list[Question] = []
    for kind in ("answerable", "unanswerable"):
        for row in lines(data / "clapnq" / f"dev_{kind}.jsonl"):
            passage = row["passages"][0]
            key = hashlib.sha256(passage["text"].encode()).hexdigest()
            inside = int(key[0], 16) % 2 == 0
            name = f"{key[:16]}.txt"
            if inside:
                articles[name] = (passage["title"], passage["text"])
            label = "far" if not inside else "answerable" if kind == "answerable" else "near"
            relevant = {name: 1} if label == "answerable" else {}
            questions.append(Question(str(row["id"]), row["input"], relevant, kind=label))
    return write_articles(work / "clapnq", articles), questions
