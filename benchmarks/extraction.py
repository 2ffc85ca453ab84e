"""Saved web pages: how well their stories and their metadata are extracted.

    python benchmarks/extraction.py --data DATA [--list 30]

`DATA/article_extraction` is the article extraction benchmark (181 pages with gold bodies). The
measure is that of the benchmark: shingles of four words are counted; precision and recall are
computed for each page and averaged over the pages; F1 is that of the averages. Prints the figures
of qa and of trafilatura with its default settings, then how many pages give a title, an outlet and
a date, with the origins. `--list` prints that many pages, evenly spread, for checking by hand.
"""

import argparse
import gzip
import json
import re
import statistics
from collections import Counter
from pathlib import Path

import trafilatura

from qa.errors import ArticleError
from qa.reading.articles import read_file
from qa.reading.isolated import IsolatedReader
from qa.records import Article

SHINGLE_WORDS = 4
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
    show("trafilatura, default settings", bodies, plain)
    show("qa: text", bodies, {k: below_title(a) for k, a in read.items()})
    show("qa: searched text", bodies, {k: story(a) for k, a in read.items()})
    print(f"\n{len(pages) - len(read)} pages without an article")
    origins = Counter((field, origin) for a in read.values() for field, origin in a.origins)
    print("\n| field | pages | share | origins |\n|---|---|---|---|")
    for field in ("title", "outlet", "published", "author", "url", "language"):
        known = {origin: n for (f, origin), n in origins.most_common() if f == field}
        total = sum(known.values())
        origin_counts = ", ".join(f"{origin} {n}" for origin, n in known.items())
        print(f"| {field} | {total} | {total / len(pages):.2f} | {origin_counts} |")
    for key in list(read)[:: max(1, len(read) // arguments.list)] if arguments.list else ():
        article = read[key]
        print(f"\n{gold[key]['url']}\n  {article.title}\n  {article.outlet} | {article.published}")


def read_all(pages: dict[str, bytes]) -> dict[str, Article]:
    """Return the article of each page that holds one, as qa reads it."""
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
    """Return the text that is searched: without title and boilerplate."""
    text, kept, position = below_title(article), "", 0
    offset = len(article.text) - len(text)
    for start, end in article.boilerplate:
        kept += text[position : max(position, start - offset)]
        position = max(position, end - offset)
    return kept + text[position:]


def show(name: str, bodies: dict[str, str], found: dict[str, str]) -> None:
    """Print one row: the measures over all pages, including those without text."""
    counts = [compare(body, found.get(key, "")) for key, body in bodies.items()]
    precision = statistics.mean(
        share(tp, fp, perfect=fn == 0) for tp, fp, fn in counts if tp + fp > 0
    )
    recall = statistics.mean(share(tp, fn, perfect=fp == 0) for tp, fp, fn in counts if tp + fn > 0)
    exact = statistics.mean(fp == fn == 0 for _, fp, fn in counts)
    f1 = 2 * precision * recall / (precision + recall)
    print(f"| {name} | {f1:.3f} | {precision:.3f} | {recall:.3f} | {exact:.3f} |")


def compare(true: str, found: str) -> Counts:
    """Return the number of shingles in both texts, only in `found`, and only in `true`."""
    ours, theirs = shingles(found), shingles(true)
    return (ours & theirs).total(), (ours - theirs).total(), (theirs - ours).total()


def share(hits: int, misses: int, *, perfect: bool) -> float:
    """Return the share of hits; 1 if there are no misses, nor any of the other kind (`perfect`)."""
    return 1.0 if misses == 0 and perfect else hits / (hits + misses)


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Count the shingles of a text; a text with fewer words is one shingle."""
    words = re.findall(r"\w+", text)
    starts = range(max(1, len(words) - SHINGLE_WORDS + 1))
    found = (tuple(words[i : i + SHINGLE_WORDS]) for i in starts)
    return Counter(shingle for shingle in found if shingle)


if __name__ == "__main__":
    main()
