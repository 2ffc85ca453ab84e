"""Ten thousand, a hundred thousand, a million passages: latency, memory, disk, recall.

    python benchmarks/scale.py --data FOLDER --questions seeds_dev.jsonl [--sizes 10000 100000 …]

The first 88,000 passages are real: SciFact, SQuAD 2, three corpora of MTRAG and news articles, in
windows of 90 words. The others are mixtures: the beginning of one and the end of another, with a
mixture of both vectors. Real vectors are computed once and kept under `--work`, with the index.
Twenty passages make an article; a passage has four sentences. Each size is measured by a process of
its own, which also builds the page, as a server does.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from datasets import command_line, lines, scifact, seeds, squad

from qa import Corpus
from qa.index import duplicates, steps
from qa.index.rows import Entry, manifest
from qa.index.store import Store
from qa.models.embedder import Embedder
from qa.records import Article
from qa.text import chunking
from qa.text.terms import index_terms

SIZES = (10_000, 100_000, 1_000_000)
WINDOW, ARTICLE, SENTENCES = 90, 20, 4
ASKED = 300
_WORD = re.compile(r"\S+")


def main() -> None:
    """Grow the index to each size, and start a process that measures it."""
    parser = command_line(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--measure", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    work = given.work / "scale"
    work.mkdir(parents=True, exist_ok=True)
    if given.measure:
        measure(work, given.measure)
        return
    texts, vectors = real_passages(given.data, work)
    (work / "questions.json").write_text(json.dumps(questions(given)), encoding="utf-8")
    shutil.rmtree(work / "index", ignore_errors=True)
    (work / "articles").mkdir(exist_ok=True)
    terms = [index_terms(text) for text in texts]
    asked = Embedder().embed_queries(json.loads((work / "questions.json").read_text("utf-8")))
    nearest = Nearest(asked)
    store = Store(work / "index", manifest(work / "articles", Embedder()))
    made = 0
    print(
        "| passages | build | open | first answer | p50 | p95 | recall@10 | memory | disk | add |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for size in given.sizes:
        began = time.perf_counter()
        for number in range(made // ARTICLE, size // ARTICLE):
            put(store, nearest, number, texts, vectors, terms)
        built = time.perf_counter() - began
        store.refresh_indexes()
        refreshed = time.perf_counter() - began - built
        made = size
        np.save(work / "nearest.npy", nearest.rows)
        np.save(work / "asked.npy", asked)
        script = [sys.executable, __file__, "--measure", str(size), "--work", str(given.work)]
        same = ["--data", str(given.data), "--questions", str(given.questions)]
        print(f"| {size:,} | {built:.0f} + {refreshed:.0f} s ", end="", flush=True)
        subprocess.run([*script, *same], check=True)


def questions(given: argparse.Namespace) -> list[str]:
    """Return questions from the sets that the passages are from."""
    _, claims = scifact(given.data, given.work)
    _, asked = squad(given.data, given.work)
    found = [q.text for q in (*claims[:100], *asked[:: len(asked) // 100])]
    for domain in ("clapnq", "cloud", "fiqa"):
        rows = lines(given.data / "mtrag" / domain / f"{domain}_rewrite.jsonl")
        found += [row["text"].replace("|user|:", "").strip() for row in rows][:50]
    found += [question.text for question in seeds(given.questions)]
    return [text for text in found if text][:ASKED]


def real_passages(data: Path, work: Path) -> tuple[list[str], Any]:
    """Return the real passages and their vectors, which are computed once."""
    found: dict[str, None] = {}
    sets = json.loads((data / "squad2_dev_half/dev-v2.0.json").read_text("utf-8"))["data"]
    news = json.loads((data / "article_extraction/ground-truth.json").read_text("utf-8"))
    whole = [row["text"] for row in lines(data / "scifact" / "corpus.jsonl.gz")]
    whole += [paragraph["context"] for page in sets for paragraph in page["paragraphs"]]
    whole += [body["articleBody"] for _, body in sorted(news.items())]
    for domain in ("clapnq", "cloud", "fiqa"):
        rows = lines(data / "mtrag" / domain / "corpus_pooled.jsonl.gz")
        whole += [row["text"] for row in rows]
    for text in whole:
        spans = [match.span() for match in _WORD.finditer(text)]
        for i in range(0, len(spans), WINDOW):
            window = text[spans[i][0] : spans[min(i + WINDOW, len(spans)) - 1][1]]
            if len(window) > 150:
                found[window] = None
    texts = list(found)
    kept = work / f"{hashlib.sha256(''.join(texts).encode()).hexdigest()[:16]}.npy"
    if not kept.exists():
        embedder = Embedder()
        blocks = []
        for start in range(0, len(texts), 2_000):
            blocks.append(embedder.embed_passages(texts[start : start + 2_000]).astype(np.float16))
            print(f"  … {start} of {len(texts)} passages embedded", file=sys.stderr)
        np.save(kept, np.concatenate(blocks))
    return texts, np.load(kept)


class Nearest:
    """The ten passages nearest to each question, by brute force; passages are numbered from 1."""

    def __init__(self, asked: Any) -> None:
        self.asked = asked
        self.rows = np.zeros((len(asked), 10), dtype=np.int64)
        self.cosines = np.full((len(asked), 10), -2, dtype=np.float32)
        self.seen = 0

    def add(self, vectors: Any) -> None:
        """Compare the vectors of the next passages with the nearest ones so far."""
        cosines = np.concatenate([self.cosines, self.asked @ vectors.T], axis=1)
        new = np.arange(self.seen + 1, self.seen + len(vectors) + 1)
        rows = np.concatenate([self.rows, np.broadcast_to(new, (len(self.rows), len(new)))], axis=1)
        best = np.argsort(-cosines, axis=1)[:, :10]
        self.cosines = np.take_along_axis(cosines, best, axis=1)
        self.rows = np.take_along_axis(rows, best, axis=1)
        self.seen += len(vectors)


def passages(number: int, texts: list[str], vectors: Any, terms: Any) -> Iterator[Any]:
    """Yield the text, terms and vector of each passage of an article."""
    for place in range(number * ARTICLE, (number + 1) * ARTICLE):
        one = place % len(texts)
        vector = vectors[one].astype(np.float32)
        if place < len(texts):
            yield texts[one], terms[one], vector
            continue
        chosen = np.random.default_rng(place)
        other, share = int(chosen.integers(len(texts))), float(chosen.uniform(0.3, 0.7))
        first, second = texts[one].split(), texts[other].split()
        text = first[: int(len(first) * share)] + second[int(len(second) * share) :]
        words = terms[one][: int(len(terms[one]) * share)]
        words = words + terms[other][int(len(terms[other]) * share) :]
        yield " ".join(text), words, share * vector + (1 - share) * vectors[other]


def put(
    store: Store, nearest: Nearest, number: int, texts: list[str], vectors: Any, terms: Any
) -> None:
    """Store an article as a sync does, without looking for near duplicates."""
    made = list(passages(number, texts, vectors, terms))
    text = f"{number}\n" + "\n".join(part for part, _, _ in made)
    article = Article(hashlib.sha256(text.encode()).hexdigest(), f"{number}.txt", text, "Title")
    entries: list[Entry] = []
    sentences: list[Entry] = []
    start = len(f"{number}\n")
    for part, words, vector in made:
        unit = (vector / np.linalg.norm(vector)).astype(np.float32)
        entries.append(Entry((start, start + len(part)), unit, words))
        cuts = np.linspace(0, len(part), SENTENCES + 1).astype(int)
        held = np.array_split(np.array(words, dtype=object), SENTENCES)
        for a, b, some in zip(cuts, cuts[1:], held, strict=False):
            sentences.append(Entry((start + int(a), start + int(b)), unit, some.tolist()))
        start += len(part) + 1
    nearest.add(np.array([entry.vector for entry in entries]))
    store.put_text(article, entries, sentences)


def recall_at_10(corpus: Corpus, vectors: Any, nearest: Any) -> float:
    """Return the mean share of the ten nearest passages among the candidates of a question."""
    shares = []
    with corpus._store.snapshot() as snapshot:
        numbers = snapshot.query("SELECT row FROM passages ORDER BY row")
        rows = np.array([row for (row,) in numbers])[nearest - 1]
        for vector, best in zip(vectors, rows.tolist(), strict=True):
            found = corpus._store.indexes.candidates(snapshot, vector, {}, {}, 100)
            ten = {found.passages[i].row for i in np.argsort(-found.dense)[:10]}
            shares.append(len(ten & set(best)) / 10)
    return float(np.mean(shares))


def add_one(corpus: Corpus) -> tuple[float, int]:
    """Add an article and remove it again; return seconds until it is found, and its passages."""
    store, embedder = corpus._store, corpus._embedder
    text = "The lighthouse keeper of Zorvath island paints his boat green every spring. " * 12
    article = Article(hashlib.sha256(text.encode()).hexdigest(), "new.txt", text, "Title")
    embedder.embed_passages(["ready"])
    embedder.count_tokens("ready")
    began = time.perf_counter()
    chunks = chunking.split_article(article, embedder.count_tokens, embedder.token_limit)
    [(_, passages, sentences)] = steps.embed([(article, chunks)], embedder)
    bands = duplicates.bands(duplicates.story_shingles(article))
    store.put_text(article, passages, sentences, bands)
    store.refresh_indexes()
    hits = corpus.retrieve("Who paints his boat green on Zorvath island?")
    seconds = time.perf_counter() - began
    assert hits[0].passage.article == article
    store.remove_articles([article.path])
    store.refresh_indexes()
    return seconds, len(passages)


def status(key: str) -> float:
    """Return a value from the status of this process, in MB."""
    text = Path("/proc/self/status").read_text()
    found = re.search(rf"{key}:\s+(\d+)", text)
    return int(found[1]) / 1024 if found else 0.0


def measure(work: Path, size: int) -> None:
    """Print the measurements of the index as cells of a row."""
    asked = json.loads((work / "questions.json").read_text("utf-8"))
    embedder = Embedder()
    embedder.embed_queries(["ready"])
    began = time.perf_counter()
    corpus = Corpus(work / "articles", work / "index", embedder)
    opened = time.perf_counter() - began
    assert corpus.retrieve(asked[0])
    first = time.perf_counter() - began
    from qa.web.handlers import Handlers
    from qa.web.page import application
    from qa.web.service import Service

    page = application(corpus), Handlers(Service(corpus)).load([])  # part of a server's memory
    for question in asked[:20]:
        corpus.retrieve(question)
    spent = []
    for question in asked:
        began = time.perf_counter()
        corpus.retrieve(question)
        spent.append(1000 * (time.perf_counter() - began))
    memory = f"{status('VmRSS'):.0f} MB (own {status('RssAnon'):.0f}), peak {status('VmHWM'):.0f}"
    del page
    recall = recall_at_10(corpus, np.load(work / "asked.npy"), np.load(work / "nearest.npy"))
    disk = sum(f.stat().st_size for f in (work / "index").rglob("*") if f.is_file())
    added, count = add_one(corpus)
    corpus.close()
    p50, p95 = np.percentile(spent, (50, 95))
    print(
        f"| {opened:.2f} s | {first:.2f} s | {p50:.1f} ms | {p95:.1f} ms | {recall:.4f} | {memory} "
        f"| {disk / size:.0f} bytes a passage | {added:.2f} s, {count} passages |",
        flush=True,
    )


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
