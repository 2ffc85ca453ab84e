"""Fuzz the readers: 100,000 inputs for each, which atheris derives from a real file of the format.

An input may be read, or refused with `ArticleError`. Anything else is a failure: an exception that
a reader does not expect, a crash of the interpreter, and an input that takes over five seconds.

    python benchmarks/faults/fuzz.py                  # every reader; an hour or two on one core
    python benchmarks/faults/fuzz.py --reader html --runs 5000
"""

import argparse
import csv
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import FunctionType

from common import SEEDS, row, table

from qa.errors import ArticleError
from qa.reading.articles import read_file
from qa.reading.formats import (
    UNEXPECTED,
    Draft,
    archive,
    docx,
    html,
    pdf,
    plain,
    read,
    tables,
)
from qa.records import Article
from qa.text import chunking

SECONDS = 5
_INNER = "word/document.xml"
_KB = 1 << 10
# Suffix of the files, and the size of the longest input in bytes.
READERS = {
    "html": (".html", 16 * _KB),
    "pdf": (".pdf", 8 * _KB),
    "docx": (".docx", 40 * _KB),
    "text": (".txt", 8 * _KB),
    "markdown": (".md", 8 * _KB),
    "json": (".json", 8 * _KB),
    "jsonl": (".jsonl", 8 * _KB),
    "csv": (".csv", 8 * _KB),
    "tsv": (".tsv", 8 * _KB),
    "zip": (".zip", 16 * _KB),
}


class InProcess:
    """Replaces the isolated process, so that the fuzzer can instrument the parsers."""

    def read(self, content: bytes, suffix: str) -> Draft:
        """See `qa.reading.isolated.IsolatedReader.read`."""
        [draft] = read(content, suffix, {})
        assert isinstance(draft, Draft)
        return draft


def samples(reader: str) -> dict[str, bytes]:  # noqa: PLR0911  # one a format
    """Return the files from which the fuzzer starts."""
    story = (SEEDS / min(p.name for p in SEEDS.glob("*.txt"))).read_text("utf-8")[:1500]
    title, _, body = story.partition("\n")
    record = {"title": title, "text": body, "outlet": "The Post", "date": "2025-03-04"}
    if reader == "html":
        page = (
            f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<script type="application/ld+json">{json.dumps({"headline": title})}</script>'
            f"</head><body><article><h1>{title}</h1><p>{body}</p><table><tr><td>1</td></tr></table>"
            "</article></body></html>"
        )
        return {"page.html": page.encode(), "latin.html": page.encode("cp1252", "replace")}
    if reader == "pdf":
        from fpdf import FPDF

        document = FPDF()
        document.set_compression(compress=False)
        document.set_title(title)
        document.add_page()
        document.set_font("helvetica", size=11)
        document.multi_cell(0, 6, body[:600].encode("latin-1", "replace").decode("latin-1"))
        return {"one.pdf": bytes(document.output())}
    if reader == "docx":
        parts = _word(title, body)
        return {"whole.docx": _packed(parts), "inner.xml": b"x" + parts[_INNER]}
    if reader in {"csv", "tsv"}:
        out = io.StringIO()
        writer = csv.DictWriter(out, list(record), delimiter="\t" if reader == "tsv" else ",")
        writer.writeheader()
        writer.writerows([record, record | {"text": "Another report, of some length. " * 8}])
        return {"table": out.getvalue().encode()}
    if reader == "json":
        return {"list.json": json.dumps([record, {"a": {"b": [1, None, True, 2.5]}}]).encode()}
    if reader == "jsonl":
        return {"lines.jsonl": b"\n".join([json.dumps(record).encode()] * 2)}
    if reader == "zip":
        out_bytes = io.BytesIO()
        with zipfile.ZipFile(out_bytes, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a/story.txt", story)
            packed.writestr("b.json", json.dumps(record))
        return {"whole.zip": out_bytes.getvalue(), "names": b"x../a.txt\0hello\0b/c.md\0# x\n\ny"}
    if reader == "markdown":
        head = "---\ntitle: A\ndate: 2025-03-04\ntags: [a, &b c, *b]\n---\n"
        return {"front.md": (head + story).encode()}
    return {"plain.txt": story.encode(), "utf16.txt": story.encode("utf-16")}


def shaped(reader: str, data: bytes) -> bytes:
    """Return the file for an input; a zip is made around its content, or it would never open."""
    if reader == "docx" and data[:1] == b"x":
        return _packed(_word("", "") | {_INNER: data[1:]})
    if reader == "zip" and data[:1] == b"x":
        parts = data[1:].split(b"\0")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as packed:
            for name, content in zip(parts[::2], parts[1::2], strict=False):
                packed.writestr(name.decode("utf-8", "replace")[:2000] or "a.txt", content)
        return out.getvalue()
    return data


@cache
def _word(title: str, body: str) -> dict[str, bytes]:
    """Return the parts of a Word file."""
    import docx as word

    document = word.Document()
    document.add_heading(title or "x")
    document.add_paragraph(body or "x")
    whole = io.BytesIO()
    document.save(whole)
    with zipfile.ZipFile(whole) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def _packed(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return out.getvalue()


def check(content: bytes, suffix: str) -> str:
    """Read a file as a sync does, check the articles, and return "read" or "refused"."""
    try:
        found = list(read_file(content, f"a{suffix}", reader=InProcess()))  # type: ignore[arg-type]
    except ArticleError as error:
        if str(error).startswith(f"{UNEXPECTED} ("):
            raise error.__cause__ or error from None
        return "refused"
    for article in found:
        if not isinstance(article, Article):
            continue
        if hashlib.sha256(article.text.encode()).hexdigest() != article.article_id:
            raise AssertionError("the id is not the hash of the text")
        for start, end in article.boilerplate:
            if not 0 <= start < end <= len(article.text):
                raise AssertionError("a span lies outside the text")
        for passage in chunking.split_article(article, _words, 256).passages:
            if passage.text != article.text[passage.start : passage.end]:
                raise AssertionError("a passage is not a slice of the text")
    return "read" if any(isinstance(item, Article) for item in found) else "refused"


def _words(text: str) -> int:
    return 2 + len(text) // 4


def fuzz(reader: str, runs: int, result: Path) -> None:
    """Fuzz one reader, in a process of its own that libFuzzer ends."""
    import atheris

    for module in (archive, docx, html, pdf, plain, tables):
        for name, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                setattr(module, name, atheris.instrument_func(value))
    counts: Counter[str] = Counter()
    unexpected: dict[str, str] = {}
    slowest = 0.0

    def one(data: bytes) -> None:
        nonlocal slowest
        suffix, _ = READERS[reader]
        content = shaped(reader, data)
        began = time.monotonic()
        try:
            counts[check(content, suffix)] += 1
        except Exception as error:  # noqa: BLE001  # the purpose of fuzzing
            counts["unexpected"] += 1
            name = f"{type(error).__name__}: {str(error)[:80]}"
            if len(unexpected) < 50:
                unexpected.setdefault(name, content[:20_000].hex())
        slowest = max(slowest, time.monotonic() - began)
        if sum(counts.values()) % 500 == 0:
            save()

    def save() -> None:
        state = {"counts": counts, "unexpected": unexpected, "slowest": slowest}
        result.write_text(json.dumps(state), "utf-8")

    corpus = result.parent / f"{reader}-corpus"
    corpus.mkdir(exist_ok=True)
    for name, content in samples(reader).items():
        (corpus / name).write_bytes(content)
    flags = [
        f"-runs={runs}", f"-max_len={READERS[reader][1]}", f"-timeout={SECONDS}",
        "-rss_limit_mb=3000", f"-artifact_prefix={result.parent}/{reader}-", "-verbosity=0",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *flags, str(corpus)], one)
    atheris.Fuzz()


def main() -> None:
    """Fuzz each reader in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.result:
        fuzz(given.reader[0], given.runs, given.result)
        return
    print(table("reader", "inputs", "read", "refused", "unexpected", "crashes", "slowest"))
    with tempfile.TemporaryDirectory(prefix="qa-fuzz-") as place:
        for reader in given.reader or READERS:
            result = Path(place) / f"{reader}.json"
            command = [sys.executable, __file__, "--reader", reader, "--result", str(result)]
            done = subprocess.run(
                [*command, "--runs", str(given.runs)], capture_output=True, check=False
            )
            known = json.loads(result.read_text("utf-8")) if result.exists() else {"counts": {}}
            counts = known["counts"]
            total = sum(counts.values())
            crashed = int(done.returncode != 0)
            print(
                row(
                    reader, f"{total:,}", f"{counts.get('read', 0):,}",
                    f"{counts.get('refused', 0):,}", counts.get("unexpected", 0), crashed,
                    f"{known.get('slowest', 0):.2f} s",
                ),
                flush=True,
            )  # fmt: skip
            for name, content in known.get("unexpected", {}).items():
                print(f"  {name}\n    {content[:400]}", file=sys.stderr)
            if crashed:
                print(done.stderr.decode("utf-8", "replace")[-3000:], file=sys.stderr)


if __name__ == "__main__":
    main()
