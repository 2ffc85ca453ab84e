"""Answers and reports for the terminal, and as JSON."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qa.datatypes import Answer, Article, Citation, Difference, SyncReport
from qa.errors import QaError
from qa.evidence import Verdict, answer_to_json
from qa.metadata import FIELDS

if TYPE_CHECKING:  # it opens the whole program, which --help does without
    from qa.evaluation import Evaluation

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
_SILENT_SHOWN = 5
# Columns of a table that goes into a file or a pipe, where none is too narrow.
_WIDE = 240
# An article's control characters must not reach the terminal: show their pictures instead.
CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
CONTROLS[13] = ord(" ")
CONTROLS |= dict.fromkeys(range(127, 160), 0xFFFD)


def print_json(value: object) -> None:
    """Write JSON to stdout, for a program to read."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_report(report: SyncReport) -> None:
    """Tell what a sync did."""
    counts = {
        "added": report.added,
        "updated": report.updated,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
    }
    summary = ", ".join(f"{len(paths)} {name}" for name, paths in counts.items())
    out.print(f"{summary}; {report.embedded} passages embedded")
    print_skipped(report)


def print_change(change: SyncReport | QaError) -> None:
    """Tell what a sync did while the folder is followed; nothing if nothing changed."""
    if isinstance(change, QaError):
        err.print(_text(f"qa: {change}"))
    elif change.added or change.updated or change.removed:
        print_report(change)


def print_note(note: str) -> None:
    """Tell what a reader should know, on stderr."""
    if note:
        err.print(_text(f"Note: {note}", "yellow"))


def print_articles(articles: Sequence[Article]) -> None:
    """Show articles as a table, each value with where it comes from."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("path", *FIELDS):
        table.add_column(name, overflow="fold")
    for article in articles:
        origins = dict(article.origins)
        cells = [_text(article.path)]
        for field in FIELDS:
            value = getattr(article, field)
            cell = _text("–" if value is None else str(value), "dim" if value is None else "")
            if field in origins:
                cell.append(f"\n{origins[field]}", style="dim")
            cells.append(cell)
        table.add_row(*cells)
    (out if out.is_terminal else Console(highlight=False, width=_WIDE)).print(table)
    out.print(f"{len(articles)} articles")


def article_to_json(article: Article) -> dict[str, Any]:
    """Return what is known of an article, and where from."""
    return {
        "path": article.path,
        "article_id": article.article_id,
        "file_sha256": article.file_sha256,
        "characters": len(article.text),
        "pages": len(article.pages) or None,
        **{
            field: None if (value := getattr(article, field)) is None else str(value)
            for field in FIELDS
        },
        "origins": dict(article.origins),
    }


def print_skipped(report: SyncReport) -> None:
    """Name the files that were not taken in, on stderr."""
    for item in report.skipped:
        err.print(Text(f"Skipped {item.path}: it {item.reason}".translate(CONTROLS)))


def _text(text: str, style: str = "") -> Text:
    return Text(text.translate(CONTROLS), style=style)


def print_answer(answer: Answer) -> None:
    """Tell the best quote, what outlets differ on, every quote, and from whom there is none."""
    if answer.carried_over:
        out.print(_text(f"Searched for: {answer.query}", "dim"))
    if answer.abstained:
        out.print(Text("Not in these articles.", style="bold"))
        if answer.nearest:
            out.print("The nearest passages, which do not answer it:\n")
    if answer.citations:
        best = answer.citations[0]
        start, end = (best.highlights or ((best.start, best.end),))[0]
        out.print(_text(best.article.text[start:end], "bold"))
        out.print(_text(f"[{best.number}] {best.article.source}\n", "cyan"))
    for difference in answer.differences:
        _print_difference(answer, difference)
    for citation in answer.citations or answer.nearest:
        _print_citation(citation)
    if answer.silent and answer.citations:
        shown = "; ".join(answer.silent[:_SILENT_SHOWN])
        more = len(answer.silent) - _SILENT_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        out.print(_text(f"Nothing quoted from: {shown}{rest}", "dim"))


def _print_difference(answer: Answer, difference: Difference) -> None:
    out.print(_text(f"The outlets differ ({difference.kind}):", "bold"))
    for value in difference.values:
        out.print(_text(f"  {value.text}"))
        for number in value.citations:
            out.print(_text(f"    [{number}] {answer.citations[number - 1].article.source}"))
    out.print()


def _print_citation(citation: Citation) -> None:
    place = citation.article.path
    if citation.position:
        kind, first, last = citation.position
        place += f", {kind} {first}" if first == last else f", {kind}s {first}-{last}"
    heading = f"[{citation.number}] {citation.article.source} ({place})"
    out.print(_text(heading, "bold cyan"))
    quote = _text(citation.quote)
    for start, end in citation.highlights:
        quote.stylize("bold reverse", start - citation.start, end - citation.start)
    for start, end in citation.answers:
        quote.stylize("underline", start - citation.start, end - citation.start)
    out.print(quote)
    if citation.also_in:
        out.print(_text("Also in: " + ", ".join(p.article.source for p in citation.also_in)))
    out.print()


def print_evaluation(found: "Evaluation") -> None:
    """Tell the measures, then each question that failed with what came instead."""

    def show(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    out.print(
        f"{found.answerable} answerable questions: hit@1 {show(found.hit_at_1)}, "
        f"hit@5 {show(found.hit_at_5)}, MRR@10 {show(found.mrr_at_10)}, "
        f"recall@10 {show(found.recall_at_10)}, quoted {show(found.quoted)}, "
        f"wrongly not answered {found.wrongly_abstained}"
    )
    out.print(
        f"{found.unanswerable} unanswerable questions: not answered {found.rightly_abstained}, "
        f"AUROC {show(found.auroc)}"
    )
    if found.judged_wrong:
        out.print(
            f"{found.judged_wrong} questions with words judged to be no answer: "
            f"led with them {found.led_wrong}"
        )
    for outcome in found.outcomes:
        if not outcome.failed:
            continue
        out.print()
        question = outcome.question
        out.print(_text(f"{question.question_id}: {question.text}", "bold"))
        out.print(_text(f"  {outcome.failed} (confidence {outcome.answer.confidence:.3f})"))
        for citation in (outcome.answer.citations or outcome.answer.nearest)[:1]:
            place = f"{citation.article.path}, characters {citation.start}-{citation.end}"
            out.print(_text(f"  came instead: {place}: {_came(citation)}"))


def _came(citation: Citation) -> str:
    start, end = (citation.highlights or ((citation.start, citation.end),))[0]
    return " ".join(citation.article.text[start:end].split())


def evaluation_to_json(found: "Evaluation") -> dict[str, Any]:
    """Return the measures, and what came of each question."""
    summary = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "outcomes"}
    questions = [
        {
            "id": outcome.question.question_id,
            "question": outcome.question.text,
            "failed": outcome.failed or None,
            "relevant": list(outcome.relevant),
            "recall": outcome.recall,
            "quoted": outcome.quoted,
            "answer": answer_to_json(outcome.answer),
        }
        for outcome in found.outcomes
    ]
    return summary | {"questions": questions}


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """Tell what became of each quote, and how many of each."""
    style = {"verified": "green", "moved": "yellow", "altered": "bold red"}
    for verdict in verdicts:
        line = _text(f"{verdict.word:<15}", style.get(verdict.word, "bold red"))
        out.print(line + _text(f" [{verdict.number}] {verdict.path}: {verdict.question}"))
        if verdict.lost:
            out.print(_text(f"    quoted: {' '.join(verdict.quote.split())}"))
        if verdict.detail:
            out.print(_text(f"    {verdict.detail}"))
    counts = Counter(verdict.word for verdict in verdicts)
    told = ", ".join(f"{count} {word}" for word, count in counts.items())
    out.print(f"{len(verdicts)} quotes: {told}" if verdicts else "There is no quote in it.")
