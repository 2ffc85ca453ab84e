"""Saved web pages: is the story taken out whole and clean, and named as a person would?

    python benchmarks/extraction.py --data DATA [--list 30]

`DATA/article_extraction` is the article extraction benchmark (181 pages with gold bodies). The
measure is its own: runs of four words (shingles), counted, precision and recall for each page,
their means over the pages, F1 of the means. Prints the program's figures beside those of
trafilatura with its usual settings in the same run, then how many pages give a title, an outlet and
a date, and where from. `--list` prints that many pages, evenly spread, for checking by hand.
"""

import argparse
import gzip
import json
import re
import statistics
from collections import Counter
from pathlib import Path

import trafilatura

from qa.articles import read_file
from qa.datatypes import Article
from qa.errors import ArticleError
from qa.readers.isolated import IsolatedReader

RUN = 4
Counts = tuple[int, int, int]


def main() -> None:
    """Read every page, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--list", type=int, default=0)
    arguments = parser.parse_args()
    folder = arguments.data / "article_extraction"
    gold = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    pages = {
        key: gzip.decompress((folder / "html" / f"{key}.html.gz").read_bytes()) for key in gold
    }
    read = read_all(pages)
    plain = {k: trafilatura.extract(p, include_comments=False) or "" for k, p in pages.items()}
    bodies = {key: gold[key]["articleBody"] for key in gold}
    print("| pages | F1 | precision | recall | exact |\n|---|---|---|---|---|")
    show("trafilatura, usual settings", bodies, plain)
    show("program: text", bodies, {k: below_title(a) for k, a in read.items()})
    show("program: what is searched", bodies, {k: story(a) for k, a in read.items()})
    print(f"\n{len(pages) - len(read)} pages without an article")
    origins = Counter((field, origin) for a in read.values() for field, origin in a.origins)
    print("\n| field | pages | share | from |\n|---|---|---|---|")
    for field in ("title", "outlet", "published", "author", "url", "language"):
        known = {origin: n for (f, origin), n in origins.most_common() if f == field}
        total = sum(known.values())
        told = ", ".join(f"{origin} {n}" for origin, n in known.items())
        print(f"| {field} | {total} | {total / len(pages):.2f} | {told} |")
    for key in list(read)[:: max(1, len(read) // arguments.list)] if arguments.list else ():
        article = read[key]
        print(f"\n{gold[key]['url']}\n  {article.title}\n  {article.outlet} | {article.published}")


def read_all(pages: dict[str, bytes]) -> dict[str, Article]:
    """Return the article of each page that holds one, as the program reads it."""
    reader = IsolatedReader()
    found: dict[str, Article] = {}
    for key, page in pages.items():
        try:
            for item in read_file(page, f"{key}.html", reader=reader):
                if isinstance(item, Article):
                    found[key] = item
        except ArticleError as error:
            print(f"{key}: {error}")
    reader.close()
    return found


def below_title(article: Article) -> str:
    """Return the text without the title, which the gold bodies leave out."""
    return article.text[len(article.title) if article.text.startswith(article.title) else 0 :]


def story(article: Article) -> str:
    """Return what is searched: the text without title and boilerplate."""
    text, kept, position = below_title(article), "", 0
    offset = len(article.text) - len(text)
    for start, end in article.boilerplate:
        kept += text[position : max(position, start - offset)]
        position = max(position, end - offset)
    return kept + text[position:]


def show(name: str, bodies: dict[str, str], found: dict[str, str]) -> None:
    """Print one row: the benchmark's measures over all pages, those without text as well."""
    counts = [compare(body, found.get(key, "")) for key, body in bodies.items()]
    precision = statistics.mean(
        share(tp, fp, alone=fn == 0) for tp, fp, fn in counts if tp + fp > 0
    )
    recall = statistics.mean(share(tp, fn, alone=fp == 0) for tp, fp, fn in counts if tp + fn > 0)
    exact = statistics.mean(fp == fn == 0 for _, fp, fn in counts)
    f1 = 2 * precision * recall / (precision + recall)
    print(f"| {name} | {f1:.3f} | {precision:.3f} | {recall:.3f} | {exact:.3f} |")


def compare(true: str, found: str) -> Counts:
    """Return how many runs are in both, in what was found alone, and in the gold text alone."""
    ours, theirs = runs(found), runs(true)
    return (ours & theirs).total(), (ours - theirs).total(), (theirs - ours).total()


def share(hits: int, misses: int, *, alone: bool) -> float:
    """Return hits of all; 1 where there is neither a miss of this kind nor of the other."""
    return 1.0 if misses == 0 and alone else hits / (hits + misses)


def runs(text: str) -> Counter[tuple[str, ...]]:
    """Return the runs of `RUN` words; of all words, where there are fewer."""
    words = re.findall(r"\w+", text)
    found = (tuple(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1)))
    return Counter(run for run in found if run)


if __name__ == "__main__":
    main()
