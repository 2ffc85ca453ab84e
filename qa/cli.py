"""The command line. Heavy modules are imported by the commands that need them, not for --help."""

import json
import os
import socket
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from qa.errors import QaError

if TYPE_CHECKING:
    from qa.corpus import Corpus
    from qa.datatypes import Answer, Citation, Difference, SyncProgress, SyncReport
    from qa.evaluation import Evaluation

app = typer.Typer(
    help="Answers over a folder of articles, in the articles' own words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
_SILENT_SHOWN = 5
# An article's control characters must not reach the terminal: show their pictures instead.
_CONTROLS = {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
_CONTROLS[13] = ord(" ")
_CONTROLS |= dict.fromkeys(range(127, 160), 0xFFFD)

Articles = Annotated[
    str | None,
    typer.Option(
        "--articles", help="Folder of articles [QA_ARTICLES, else ./seeds].", metavar="DIR"
    ),
]
Index = Annotated[
    str | None,
    typer.Option(
        "--index", help="Folder of the index [QA_INDEX, else ./embeddings].", metavar="DIR"
    ),
]
Model = Annotated[
    str | None,
    typer.Option("--model", help="A sentence-transformers name or folder.", metavar="MODEL"),
]
Reranker = Annotated[
    str | None,
    typer.Option(
        "--reranker",
        help="A sentence-transformers CrossEncoder, by name or folder, that orders the best anew.",
        metavar="MODEL",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question, in words.")],
    after: Annotated[
        list[str] | None,
        typer.Option("--after", help="An earlier question that this one follows; may be repeated."),
    ] = None,
    carry_over: Annotated[
        bool,
        typer.Option("--carry-over/--no-carry-over", help="Take over words from --after."),
    ] = True,
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    reranker: Reranker = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes from the articles."""
    with _open(articles, index, model, reranker=reranker) as corpus:
        answer = corpus.answer(question, after or (), carry_over=carry_over)
    if as_json:
        _print_json(_answer_to_json(answer))
    else:
        _print_answer(answer)


@app.command()
def index(
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw the index away first.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the index up to the articles: embed what is new, drop what is gone."""
    with _open(articles, index, model, rebuild=rebuild, quiet=as_json) as corpus:
        report = corpus.report
        place = {"articles": str(corpus.folder), "index": str(corpus.index)}
    if as_json:
        _print_json(place | asdict(report))
    else:
        _print_report(report)
        _out.print(Text(f"Index: {place['index']}"))


@app.command()
def status(
    articles: Articles = None, index: Index = None, model: Model = None, as_json: Json = False
) -> None:
    """Tell what is indexed, and what the next sync would do. Changes nothing."""
    from qa.corpus import status as read_status

    found = read_status(articles, index, model)
    if as_json:
        _print_json(asdict(found))
        return
    _out.print(
        Text(f"Articles: {found.articles}\nIndex:    {found.index}\nModel:    {found.model}")
    )
    _out.print(f"Indexed:  {found.article_count} articles, {found.passage_count} passages")
    report = found.pending
    waiting = len(report.added) + len(report.updated) + len(report.removed)
    if waiting:
        _out.print(f"Waiting:  {waiting} changed files. Take them in with: qa index")
    else:
        _out.print("Waiting:  nothing; the index is up to date")
    _print_skipped(report)


@app.command("eval")
def evaluate(
    file: Annotated[Path, typer.Argument(help="Questions, one JSON object on each line.")],
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    reranker: Reranker = None,
    as_json: Json = False,
) -> None:
    """Ask questions whose answers are known, and tell how many were found."""
    from qa import evaluation

    questions = evaluation.read_questions(file)
    with _open(articles, index, model, reranker=reranker, quiet=as_json) as corpus:
        found = evaluation.evaluate(corpus, questions)
    if as_json:
        _print_json(_evaluation_to_json(found))
    else:
        _print_evaluation(found)


@app.command()
def serve(
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    reranker: Reranker = None,
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1.", min=1, max=65535)] = 7860,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = None,
) -> None:
    """Open the page on 127.0.0.1."""
    _check_port(port)
    with _open(articles, index, model, reranker=reranker) as corpus:
        _print_skipped(corpus.report)
        with _err.status("Loading the model and the page …"):
            from qa.web import page

            corpus.warm_up()
            in_browser = sys.stdout.isatty() if browser is None else browser
            server = page.start(corpus, port, browser=in_browser)
        _out.print(f"Ask at {server.local_url}   (Ctrl+C ends it)")
        page.wait(server)


def main() -> None:
    """Run the command line; an expected error becomes one message and exit code 1."""
    try:
        app(prog_name="qa")
    except QaError as error:
        _err.print(Text(f"qa: {error}".translate(_CONTROLS)))
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _open(
    articles: str | None,
    index: str | None,
    model: str | None,
    *,
    reranker: str | None = None,
    rebuild: bool = False,
    quiet: bool = False,
) -> "Corpus":
    """Open and sync the corpus, with a progress bar on stderr if there is something to embed."""
    from qa.corpus import Corpus

    columns = (
        TextColumn("Indexing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("articles, {task.fields[passages]} passages"),
        TimeElapsedColumn(),
    )
    hidden = quiet or not _err.is_terminal
    with Progress(*columns, console=_err, transient=True, disable=hidden) as bar:
        task = bar.add_task("Indexing", total=None, passages=0)

        def show(now: "SyncProgress") -> None:
            bar.update(
                task,
                completed=now.files_done,
                total=now.files_total,
                passages=now.passages,
            )

        return Corpus.open(
            articles, index, model=model, reranker=reranker, rebuild=rebuild, progress=show
        )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise QaError(
                f"Port {port} on 127.0.0.1 cannot be used: {error.strerror}. "
                f"Choose another: qa serve --port {port % 65535 + 1}"
            ) from error


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _print_report(report: "SyncReport") -> None:
    counts = {
        "added": report.added,
        "updated": report.updated,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
    }
    summary = ", ".join(f"{len(paths)} {name}" for name, paths in counts.items())
    _out.print(f"{summary}; {report.embedded} passages embedded")
    _print_skipped(report)


def _print_skipped(report: "SyncReport") -> None:
    for item in report.skipped:
        _err.print(Text(f"Skipped {item.path}: it {item.reason}".translate(_CONTROLS)))


def _text(text: str, style: str = "") -> Text:
    return Text(text.translate(_CONTROLS), style=style)


def _print_answer(answer: "Answer") -> None:
    if answer.carried_over:
        _out.print(_text(f"Searched for: {answer.query}", "dim"))
    if answer.abstained:
        _out.print(Text("Not in these articles.", style="bold"))
        if answer.nearest:
            _out.print("The nearest passages, which do not answer it:\n")
    if answer.citations:
        best = answer.citations[0]
        start, end = (best.highlights or ((best.start, best.end),))[0]
        _out.print(_text(best.article.text[start:end], "bold"))
        _out.print(_text(f"[{best.number}] {best.article.source}\n", "cyan"))
    for difference in answer.differences:
        _print_difference(answer, difference)
    for citation in answer.citations or answer.nearest:
        _print_citation(citation)
    if answer.silent and answer.citations:
        shown = "; ".join(answer.silent[:_SILENT_SHOWN])
        more = len(answer.silent) - _SILENT_SHOWN
        rest = f"; and {more} more" if more > 0 else ""
        _out.print(_text(f"Silent on this: {shown}{rest}", "dim"))


def _print_difference(answer: "Answer", difference: "Difference") -> None:
    _out.print(_text(f"The outlets differ ({difference.kind}):", "bold"))
    for value in difference.values:
        _out.print(_text(f"  {value.text}"))
        for number in value.citations:
            _out.print(_text(f"    [{number}] {answer.citations[number - 1].article.source}"))
    _out.print()


def _print_citation(citation: "Citation") -> None:
    first, last = citation.lines
    lines = f"line {first}" if first == last else f"lines {first}-{last}"
    heading = f"[{citation.number}] {citation.article.source} ({citation.article.path}, {lines})"
    _out.print(_text(heading, "bold cyan"))
    quote = _text(citation.quote)
    for start, end in citation.highlights:
        quote.stylize("bold reverse", start - citation.start, end - citation.start)
    for start, end in citation.answers:
        quote.stylize("underline", start - citation.start, end - citation.start)
    _out.print(quote)
    if citation.also_in:
        _out.print(_text("Also in: " + ", ".join(p.article.source for p in citation.also_in)))
    _out.print()


def _print_evaluation(found: "Evaluation") -> None:
    def show(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    _out.print(
        f"{found.answerable} answerable questions: hit@1 {show(found.hit_at_1)}, "
        f"hit@5 {show(found.hit_at_5)}, MRR@10 {show(found.mrr_at_10)}, "
        f"recall@10 {show(found.recall_at_10)}, quoted {show(found.quoted)}, "
        f"wrongly not answered {found.wrongly_abstained}"
    )
    _out.print(
        f"{found.unanswerable} unanswerable questions: not answered {found.rightly_abstained}, "
        f"AUROC {show(found.auroc)}"
    )
    for outcome in found.outcomes:
        if not outcome.failed:
            continue
        _out.print()
        question = outcome.question
        _out.print(_text(f"{question.question_id}: {question.text}", "bold"))
        _out.print(_text(f"  {outcome.failed} (confidence {outcome.answer.confidence:.3f})"))
        for citation in (outcome.answer.citations or outcome.answer.nearest)[:1]:
            place = f"{citation.article.path}, characters {citation.start}-{citation.end}"
            _out.print(_text(f"  came instead: {place}: {_came(citation)}"))


def _came(citation: "Citation") -> str:
    start, end = (citation.highlights or ((citation.start, citation.end),))[0]
    return " ".join(citation.article.text[start:end].split())


def _evaluation_to_json(found: "Evaluation") -> dict[str, Any]:
    summary = {f.name: getattr(found, f.name) for f in fields(found) if f.name != "outcomes"}
    questions = [
        {
            "id": outcome.question.question_id,
            "question": outcome.question.text,
            "failed": outcome.failed or None,
            "relevant": list(outcome.relevant),
            "recall": outcome.recall,
            "quoted": outcome.quoted,
            "answer": _answer_to_json(outcome.answer),
        }
        for outcome in found.outcomes
    ]
    return summary | {"questions": questions}


def _answer_to_json(answer: "Answer") -> dict[str, Any]:
    """Offsets count Unicode characters of the decoded file, half-open, as Python slices do."""
    return {
        "question": answer.question,
        "query": answer.query,
        "carried_over": list(answer.carried_over),
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "citations": [_citation_to_json(citation) for citation in answer.citations],
        "nearest": [_citation_to_json(citation) for citation in answer.nearest],
        "by_outlet": {
            source: [citation.number for citation in citations]
            for source, citations in answer.by_outlet.items()
        },
        "differences": [
            {
                "kind": difference.kind,
                "values": [
                    {
                        "text": value.text,
                        "path": value.article.path,
                        "start": value.start,
                        "end": value.end,
                        "citations": list(value.citations),
                    }
                    for value in difference.values
                ],
            }
            for difference in answer.differences
        ],
        "silent": list(answer.silent),
    }


def _citation_to_json(citation: "Citation") -> dict[str, Any]:
    article = citation.article
    return {
        "number": citation.number,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "highlights": [
            {"start": start, "end": end, "text": article.text[start:end]}
            for start, end in citation.highlights
        ],
        "answers": [
            {"start": start, "end": end, "text": article.text[start:end]}
            for start, end in citation.answers
        ],
        "also_in": [
            {
                "path": passage.article.path,
                "source": passage.article.source,
                "start": passage.start,
                "end": passage.end,
                "text": passage.text,
            }
            for passage in citation.also_in
        ],
        "lines": list(citation.lines),
        "article": {
            "article_id": article.article_id,
            "path": article.path,
            "title": article.title,
            "outlet": article.outlet,
            "author": article.author,
            "published": article.published.isoformat() if article.published else None,
            "url": article.url,
        },
    }
