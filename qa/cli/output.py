"""Answers and reports for the terminal, and as JSON."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.errors import QaError
from qa.evidence import answer_to_json
from qa.evidence.view import Json
from qa.reading.metadata import FIELDS
from qa.records import Article

if TYPE_CHECKING:  # these import the whole program, which --help does without
    from qa.evaluation import Evaluation
    from qa.index.reports import SyncReport

T = TypeVar("T")

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_SOURCES_SHOWN = 5
# Width of a table that goes into a file or a pipe, so that no column is too narrow.
_WIDE = 240
_MEASURES = """\
{answerable} answerable questions: hit@1 {hit_at_1}, hit@5 {hit_at_5}, MRR@10 {mrr_at_10}, \
recall@10 {recall_at_10}, quoted {quoted}, wrongly not answered {wrongly_abstained}
{unanswerable} unanswerable questions: not answered {rightly_abstained}, AUROC {auroc}"""
# Control characters of an article must not reach the terminal: it gets their pictures instead.
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_CONTROLS[13] = ord(" ")
_CONTROLS |= dict.fromkeys(range(127, 160), 0xFFFD)


def text(content: str, style: str = "") -> Text:
    """Return text that is safe to print."""
    return Text(content.translate(_CONTROLS), style=style)


def show(found: T, printer: Callable[[T], None], *, as_json: bool) -> None:
    """Write JSON to stdout, for a program to read; or call `printer`, for a person."""
    if as_json:
        dumped = json.dumps(found, ensure_ascii=False, indent=2, default=str)  # days as ISO 8601
        sys.stdout.write(f"{dumped}\n")
    else:
        printer(found)


def print_error(message: object) -> None:
    """Print an error on stderr."""
    err.print(text(f"qa: {message}"))


def print_note(note: str) -> None:
    """Print a note on stderr, if there is one."""
    if note:
        err.print(text(f"Note: {note}", "yellow"))


def print_report(report: Json) -> None:
    """Print what a sync did; the skipped files on stderr."""
    names = ("added", "updated", "removed", "unchanged", "skipped")
    summary = ", ".join(f"{len(report[name])} {name}" for name in names)
    out.print(f"{summary}; {report['embedded']} passages embedded")
    print_skipped(report)


def print_indexed(found: Json) -> None:
    """Print what `qa index` did, and where."""
    print_report(found)
    print_note(found["note"])
    out.print(text(f"Index: {found['index']}"))


def print_change(change: "SyncReport | QaError") -> None:
    """Print what a sync of a watched folder did; nothing if nothing changed."""
    if isinstance(change, QaError):
        print_error(change)
    elif change.added or change.updated or change.removed:
        print_report(asdict(change))


def print_skipped(report: Json) -> None:
    """Print the files that were not indexed, on stderr."""
    for item in report["skipped"]:
        err.print(text(f"Skipped {item['path']}: it {item['reason']}"))


def print_status(found: Json) -> None:
    """Print what is indexed, and what the next sync would do."""
    out.print(text("Articles: {articles}\nIndex:    {index}\nModel:    {model}".format(**found)))
    out.print("Indexed:  {article_count} articles, {passage_count} passages".format(**found))
    pending = found["pending"]
    waiting = sum(len(pending[name]) for name in ("added", "updated", "removed"))
    if waiting:
        out.print(f"Waiting:  {waiting} changed files. Index them with: qa index")
    else:
        out.print("Waiting:  nothing; the index is up to date")
    print_skipped(pending)


def print_articles(rows: Sequence[Json]) -> None:
    """Print a table of articles, each value with its origin."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("path", *FIELDS):
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = [text(row["path"])]
        for field in FIELDS:
            cell = text("–", "dim") if row[field] is None else text(str(row[field]))
            if field in row["origins"]:
                cell.append(f"\n{row['origins'][field]}", style="dim")
            cells.append(cell)
        table.add_row(*cells)
    (out if out.is_terminal else Console(highlight=False, width=_WIDE)).print(table)
    out.print(f"{len(rows)} articles")


def article_to_json(article: Article) -> Json:
    """Return the metadata of an article, with origins."""
    names = ("path", "article_id", "file_sha256", *FIELDS)
    return {name: getattr(article, name) for name in names} | {
        "characters": len(article.text),
        "pages": len(article.pages) or None,
        "origins": dict(article.origins),
    }


def print_answer(answer: Json) -> None:
    """Print the best quote, the differences, every quote, and the sources without one."""
    if answer["carried_over"]:
        out.print(text(f"Searched for: {answer['query']}", "dim"))
    if answer["abstained"]:
        out.print(text("Not in these articles.", "bold"))
        if answer["nearest"]:
            out.print("The nearest passages, which do not answer it:\n")
    for best in answer["citations"][:1]:
        out.print(text(_lead(best), "bold"))
        out.print(text(f"[{best['number']}] {_source(best)}\n", "cyan"))
    for difference in answer["differences"]:
        out.print(text(f"The outlets differ ({difference['kind']}):", "bold"))
        for value in difference["values"]:
            out.print(text(f"  {value['text']}"))
            for number in value["citations"]:
                out.print(text(f"    [{number}] {_source(answer['citations'][number - 1])}"))
        out.print()
    for citation in answer["citations"] or answer["nearest"]:
        _print_citation(citation)
    if answer["silent"] and answer["citations"]:
        shown = "; ".join(answer["silent"][:_SOURCES_SHOWN])
        more = len(answer["silent"]) - _SOURCES_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        out.print(text(f"Nothing quoted from: {shown}{rest}", "dim"))


def _print_citation(citation: Json) -> None:
    heading = f"[{citation['number']}] {_source(citation)} ({citation['place']})"
    out.print(text(heading, "bold cyan"))
    quote = text(citation["quote"])
    for name, style in (("highlights", "bold reverse"), ("answers", "underline")):
        for part in citation[name]:
            start = citation["start"]
            quote.stylize(style, part["start"] - start, part["end"] - start)
    out.print(quote)
    if citation["also_in"]:
        sources = [passage["source"] for passage in citation["also_in"]]
        out.print(text(f"Also in: {', '.join(sources)}"))
    out.print()


def _source(citation: Json) -> str:
    return str(citation["article"]["outlet"] or citation["article"]["title"])


def _lead(citation: Json) -> str:
    """Return the first highlight; the whole quote if there is none."""
    return str(citation["highlights"][0]["text"] if citation["highlights"] else citation["quote"])


def print_evaluation(found: Json) -> None:
    """Print the measures, then each failed question with the best quote it got."""
    measures = {
        name: "–" if value is None else f"{value:.3f}" if isinstance(value, float) else value
        for name, value in found.items()
    }
    out.print(_MEASURES.format(**measures))
    if found["judged_wrong"]:
        out.print(
            f"{found['judged_wrong']} questions with words judged to be no answer: "
            f"led with them {found['led_wrong']}"
        )
    for row in found["questions"]:
        if not row["failed"]:
            continue
        answer = row["answer"]
        out.print()
        out.print(text(f"{row['id']}: {row['question']}", "bold"))
        out.print(text(f"  {row['failed']} (confidence {answer['confidence']:.3f})"))
        for citation in (answer["citations"] or answer["nearest"])[:1]:
            place = (
                f"{citation['article']['path']}, characters {citation['start']}-{citation['end']}"
            )
            out.print(text(f"  instead: {place}: {' '.join(_lead(citation).split())}"))


def evaluation_to_json(found: "Evaluation") -> Json:
    """Return the measures, and the outcome of each question."""
    summary = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "outcomes"}
    questions = [
        {name: getattr(outcome, name) for name in ("relevant", "recall", "quoted")}
        | {"id": outcome.labelled.question_id, "question": outcome.answer.question}
        | {"failed": outcome.failed or None, "answer": answer_to_json(outcome.answer)}
        for outcome in found.outcomes
    ]
    return summary | {"questions": questions}


def print_verdicts(rows: Sequence[Json]) -> None:
    """Print the verdict on each quote, and how many there are of each."""
    styles = {"verified": "green", "moved": "yellow"}
    for row in rows:
        line = text(f"{row['word']:<15}", styles.get(row["word"], "bold red"))
        out.print(line + text(f" [{row['number']}] {row['path']}: {row['question']}"))
        if row["word"] not in styles:
            out.print(text(f"    quoted: {' '.join(row['quote'].split())}"))
        if row["detail"]:
            out.print(text(f"    {row['detail']}"))
    counts = Counter(row["word"] for row in rows)
    summary = ", ".join(f"{count} {word}" for word, count in counts.items())
    out.print(f"{len(rows)} quotes: {summary}" if rows else "There is no quote in it.")
