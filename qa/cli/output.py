"""Answers and reports for the terminal, from the templates in this folder, and as JSON.

A template is rich's console markup. Every value that is inserted is shown as text, whatever is in
it: control characters of an article must not reach the terminal, and its words are no markup.
"""

import functools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.errors import QaError
from qa.index.reports import SyncReport
from qa.reading.metadata import FIELDS
from qa.records import Answer, Article, Citation

if TYPE_CHECKING:  # these import more than --help needs
    from jinja2 import Environment

    from qa.evaluation import Evaluation

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_WIDE = 240  # of a table that goes into a file or a pipe, so that no column is too narrow
# Control characters become their pictures.
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_CONTROLS |= dict.fromkeys(range(127, 160), 0xFFFD) | {13: ord(" ")}
# What begins a tag, or escapes one, is replaced by control characters while markup is parsed.
_MARKUP = {ord("["): 0, ord("\\"): 1}


def text(content: object, style: str = "") -> Text:
    """Return text that is safe to print."""
    return Text(str(content).translate(_CONTROLS), style)


def print_line(content: object) -> None:
    """Print a line on stdout."""
    out.print(text(content))


def show(name: str, found: object, *, as_json: bool = False) -> None:
    """Print the template of a name, for a person; or JSON, for a program to read."""
    if as_json:
        print_json(found)
        return
    markup = _environment().get_template(f"{name}.txt").render({name: found})
    shown = Text.from_markup(markup, emoji=False)
    shown.plain = shown.plain.translate({0: "[", 1: "\\"})
    out.print(shown, end="")


def print_json(found: object) -> None:
    """Write JSON to stdout."""
    dumped = json.dumps(found, ensure_ascii=False, indent=2, default=_to_json)
    sys.stdout.write(f"{dumped}\n")


def _to_json(value: object) -> object:
    from qa.evidence import answer_to_json

    return answer_to_json(value) if isinstance(value, Answer) else str(value)  # day or path


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701  # this is no HTML; `finalize` escapes every value
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        finalize=lambda value: str(value).translate(_CONTROLS).translate(_MARKUP),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["marked"] = _marked
    return environment


def _marked(citation: Citation) -> list[tuple[list[str], str]]:
    """Return the parts of a quote with their styles."""
    from qa.evidence.view import split

    styles = {"bold reverse": citation.highlights, "underline": citation.answers}
    return split(citation.article.text, citation.passage.span, styles)


def print_error(message: object) -> None:
    """Print an error on stderr."""
    err.print(text(f"qa: {message}"))


def print_note(note: str) -> None:
    """Print a note on stderr, if there is one."""
    if note:
        err.print(text(f"Note: {note}", "yellow"))


def print_report(report: SyncReport) -> None:
    """Print what a sync did; the skipped files on stderr."""
    names = ("added", "updated", "removed", "unchanged", "skipped")
    counts = ", ".join(f"{len(getattr(report, name))} {name}" for name in names)
    out.print(f"{counts}; {report.embedded} passages embedded")
    print_skipped(report)


def print_change(change: SyncReport | QaError) -> None:
    """Print what a sync of a watched folder did; nothing if nothing changed."""
    if isinstance(change, QaError):
        print_error(change)
    elif change.added or change.updated or change.removed:
        print_report(change)


def print_skipped(report: SyncReport) -> None:
    """Print the files that were not indexed, on stderr."""
    for item in report.skipped:
        err.print(text(f"Skipped {item.path}: it {item.reason}"))


def print_articles(rows: Sequence[dict[str, Any]]) -> None:
    """Print a table of articles, each value with its origin."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("path", *FIELDS):
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = [text(row["path"])]
        for field in FIELDS:
            cell = text("–", "dim") if row[field] is None else text(row[field])
            if field in row["origins"]:
                cell.append(f"\n{row['origins'][field]}", style="dim")
            cells.append(cell)
        table.add_row(*cells)
    (out if out.is_terminal else Console(highlight=False, width=_WIDE)).print(table)
    out.print(f"{len(rows)} articles")


def article_to_json(article: Article) -> dict[str, Any]:
    """Return the metadata of an article, with origins."""
    names = ("path", "article_id", "file_sha256", *FIELDS)
    return {name: getattr(article, name) for name in names} | {
        "characters": len(article.text),
        "pages": len(article.pages) or None,
        "origins": dict(article.origins),
    }


def evaluation_to_json(found: "Evaluation") -> dict[str, Any]:
    """Return the measures, and the outcome of each question."""
    kept = ("relevant", "recall", "quoted", "answer")
    questions = [
        {name: getattr(outcome, name) for name in kept}
        | {"id": outcome.labelled.question_id, "question": outcome.answer.question}
        | {"failed": outcome.failed or None}
        for outcome in found.outcomes
    ]
    return {**found.measures, "questions": questions}
