"""Near duplicates: recall on edited articles, and false positives among real ones.

    python benchmarks/duplicates.py --data DATA

Real articles (the gold bodies of the article extraction benchmark, the sample corpus) are edited as
newsrooms edit agency reports; every edited one should be a near duplicate of its original, and of
nothing else. Articles of two outlets on one story, and passages on one subject, should not be near
duplicates: those that are found are printed, since some of the real ones are.
"""

import argparse
import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

from datasets import lines

from qa.index import duplicates
from qa.records import Article

THRESHOLDS = (0.3, duplicates.CONTAINED, 0.5, 0.6, 0.7, 0.8)
SHORTEST = 120  # words
Shingles = dict[str, frozenset[int]]
Edit = Callable[[list[str], random.Random, Iterator[str]], list[str]]


def main() -> None:
    """Edit articles, find near duplicates, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=Path, default=Path("seeds"))
    arguments = parser.parse_args()
    originals = real_articles(arguments.data, arguments.seeds)
    random_numbers = random.Random(7)
    texts = dict(originals)
    made: dict[str, tuple[str, str]] = {}  # edited: original, kind
    foreign = (row["text"] for row in lines(arguments.data / "scifact" / "corpus.jsonl.gz"))
    for name, text in originals.items():
        for kind, edit in EDITS.items():
            edited = "\n\n".join(edit(paragraphs(text), random_numbers, foreign))
            made[f"{name} {kind}"] = (name, kind)
            texts[f"{name} {kind}"] = edited
    shingles = {name: duplicates.story_shingles(article(text)) for name, text in texts.items()}
    found = candidates(shingles)
    print(f"{len(originals)} articles, {len(made)} edited articles, {len(found)} pairs in a band")
    report(shingles, found, made)
    on_one_story(shingles, originals, found)
    on_one_subject(arguments.data)
    cost(list(shingles.values()))


def report(
    shingles: Shingles, found: set[tuple[str, str]], made: dict[str, tuple[str, str]]
) -> None:
    """Print recall by kind of edit, and precision, for each threshold."""
    kinds = list(EDITS)
    print(f"\n| contained | precision | recall | {' | '.join(kinds)} |")
    print("|---" * (len(kinds) + 3) + "|")
    for threshold in THRESHOLDS:
        pairs = {pair for pair in found if contained(shingles, pair) >= threshold}
        edited = {pair for pair in pairs if set(pair) & set(made)}
        right = {p for p in edited if origin(p[0], made) == origin(p[1], made)}
        by_kind = {
            kind: sum((min(o, e), max(o, e)) in pairs for e, (o, k) in made.items() if k == kind)
            / sum(k == kind for _, k in made.values())
            for kind in kinds
        }
        recall = sum(by_kind.values()) / len(kinds)
        cells = " | ".join(f"{by_kind[kind]:.3f}" for kind in kinds)
        precision = len(right) / len(edited)
        print(f"| {threshold} | {precision:.4f} | {recall:.3f} | {cells} |")


def on_one_story(
    shingles: Shingles, originals: dict[str, str], found: set[tuple[str, str]]
) -> None:
    """Print the real articles that are near duplicates of each other."""
    pairs = [p for p in sorted(found) if p[0] in originals and p[1] in originals]
    taken = [(pair, contained(shingles, pair)) for pair in pairs]
    print(f"\nReal pairs: {len(originals) * (len(originals) - 1) // 2}; near duplicates:")
    for (one, other), share in taken:
        if share >= min(THRESHOLDS):
            print(f"  {share:.2f}  {one}  {other}")
            print(f"        {originals[one][:90]!r}\n        {originals[other][:90]!r}")


def on_one_subject(data: Path) -> None:
    """Count near duplicates among passages on one subject: all of them would be wrong."""
    shingles = {
        title: [duplicates.story_shingles(article(text)) for text in texts]
        for title, texts in pages(data).items()
    }
    pairs = [pair for sets in shingles.values() for pair in combinations(sets, 2)]
    wrong = sum(duplicates.are_near_duplicates(*pair) for pair in pairs)
    print(f"\nSQuAD: {len(pairs)} pairs of paragraphs of one page; near duplicates: {wrong}")


def cost(shingles: list[frozenset[int]]) -> None:
    """Print the time per article as their number grows: if it is constant, the whole is linear."""
    print("\n| articles | ms an article |\n|---|---|")
    for share in (8, 4, 2, 1):
        some = dict(enumerate(shingles[: len(shingles) // share]))
        began = time.perf_counter()
        candidates({str(key): value for key, value in some.items()})
        print(f"| {len(some)} | {1000 * (time.perf_counter() - began) / len(some):.2f} |")


def candidates(shingles: Shingles) -> set[tuple[str, str]]:
    """Return the pairs that share a band, as a sync finds them."""
    bands: dict[int, list[str]] = defaultdict(list)
    found: set[tuple[str, str]] = set()
    for name, some in shingles.items():
        for band in duplicates.bands(some):
            found |= {(min(name, other), max(name, other)) for other in bands[band]}
            bands[band].append(name)
    return found


def contained(shingles: Shingles, pair: tuple[str, str]) -> float:
    """Return the share of the shorter one's shingles that both have."""
    one, other = shingles[pair[0]], shingles[pair[1]]
    return len(one & other) / max(1, min(len(one), len(other)))


def origin(name: str, made: dict[str, tuple[str, str]]) -> str:
    """Return the article that a text was made from; a real one is its own origin."""
    return made[name][0] if name in made else name


def pages(data: Path) -> dict[str, list[str]]:
    """Return the paragraphs of each page of SQuAD 2."""
    found = json.loads((data / "squad2_dev_half" / "dev-v2.0.json").read_text("utf-8"))["data"]
    return {page["title"]: [p["context"] for p in page["paragraphs"]] for page in found}


def real_articles(data: Path, seeds: Path) -> dict[str, str]:
    """Return real articles by name."""
    gold = json.loads((data / "article_extraction" / "ground-truth.json").read_text("utf-8"))
    texts = {key[:8]: row["articleBody"] for key, row in gold.items()}
    texts |= {file.stem: file.read_text("utf-8") for file in sorted(seeds.glob("*.txt"))}
    return {name: text for name, text in texts.items() if len(text.split()) >= SHORTEST}


def paragraphs(text: str) -> list[str]:
    """Return the lines of a text that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


def article(text: str) -> Article:
    """Return an article without metadata."""
    return Article("0" * 64, "a.txt", text, "A")


def headline(text: list[str], _: random.Random, other: Iterator[str]) -> list[str]:
    """Another headline and first paragraph."""
    return ["What we know so far about it", *taken(other, text[:1], 1), *text[1:]]


def cut(text: list[str], _: random.Random, __: Iterator[str]) -> list[str]:
    """The first half of the paragraphs."""
    return text[: max(1, len(text) // 2)] if len(text) > 1 else [text[0][: len(text[0]) // 2]]


def add(text: list[str], _: random.Random, other: Iterator[str]) -> list[str]:
    """A third more, from another article, in the middle."""
    middle = len(text) // 2
    return [*text[:middle], *taken(other, text, 1 / 3), *text[middle:]]


def cut_and_add(text: list[str], numbers: random.Random, other: Iterator[str]) -> list[str]:
    """The first half, and the same length of another article."""
    return [*cut(text, numbers, other), *taken(other, text, 1 / 2)]


def reorder(text: list[str], numbers: random.Random, _: Iterator[str]) -> list[str]:
    """The paragraphs, quotes among them, in another order."""
    return numbers.sample(text, len(text))


def light(text: list[str], numbers: random.Random, _: Iterator[str]) -> list[str]:
    """One word in twelve replaced."""
    return [replaced(paragraph, numbers, 1 / 12) for paragraph in text]


def heavy(text: list[str], numbers: random.Random, _: Iterator[str]) -> list[str]:
    """One word in six replaced: almost a rewrite."""
    return [replaced(paragraph, numbers, 1 / 6) for paragraph in text]


def taken(other: Iterator[str], text: list[str], share: float) -> list[str]:
    """Return a share of the length of a text in words of other texts, used nowhere else."""
    wanted = int(share * sum(len(paragraph.split()) for paragraph in text))
    found: list[str] = []
    while wanted > 0:
        words = next(other).split()[:wanted]
        found.append(" ".join(words))
        wanted -= len(words)
    return found


def replaced(text: str, numbers: random.Random, share: float) -> str:
    """Return a text with a share of its words replaced by other words of the same text."""
    words = re.split(r"(\s+)", text)
    own = words[::2]
    return "".join(
        numbers.choice(own) if i % 2 == 0 and numbers.random() < share else word
        for i, word in enumerate(words)
    )


EDITS: dict[str, Edit] = {
    "headline": headline,
    "cut": cut,
    "add": add,
    "cut and add": cut_and_add,
    "reorder": reorder,
    "light": light,
    "heavy": heavy,
}

if __name__ == "__main__":
    main()
