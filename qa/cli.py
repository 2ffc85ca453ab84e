"""The command line. Heavy modules are imported by the commands that need them, not for --help."""

import json
import os
import socket
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from qa.errors import QaError

if TYPE_CHECKING:
    from qa.corpus import Corpus
    from qa.datatypes import Answer, Citation, SyncProgress, SyncReport

app = typer.Typer(
    help="Answers over a folder of articles, in the articles' own words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)
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
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question, in words.")],
    after: Annotated[
        list[str] | None,
        typer.Option("--after", help="An earlier question that this one follows; may be repeated."),
    ] = None,
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes from the articles."""
    with _open(articles, index, model) as corpus:
        answer = corpus.answer(question, after or ())
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


@app.command()
def serve(
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1.", min=1, max=65535)] = 7860,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = None,
) -> None:
    """Open the page on 127.0.0.1."""
    _check_port(port)
    with _open(articles, index, model) as corpus:
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

        return Corpus.open(articles, index, model=model, rebuild=rebuild, progress=show)


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


def _print_answer(answer: "Answer") -> None:
    if answer.query != answer.question:
        _out.print(Text(f"Searched for: {answer.query}".translate(_CONTROLS), style="dim"))
    if answer.abstained:
        _out.print(Text("Not in these articles.", style="bold"))
        if answer.nearest:
            _out.print("The nearest passages, which do not answer it:\n")
    for citation in answer.citations or answer.nearest:
        _print_citation(citation)


def _print_citation(citation: "Citation") -> None:
    first, last = citation.lines
    lines = f"line {first}" if first == last else f"lines {first}-{last}"
    heading = f"[{citation.number}] {citation.article.source} ({citation.article.path}, {lines})"
    _out.print(Text(heading.translate(_CONTROLS), style="bold cyan"))
    quote = Text(citation.quote.translate(_CONTROLS))
    for start, end in citation.highlights:
        quote.stylize("bold reverse", start - citation.start, end - citation.start)
    _out.print(quote)
    _out.print()


def _answer_to_json(answer: "Answer") -> dict[str, Any]:
    """Offsets count Unicode characters of the decoded file, half-open, as Python slices do."""
    return {
        "question": answer.question,
        "query": answer.query,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "citations": [_citation_to_json(citation) for citation in answer.citations],
        "nearest": [_citation_to_json(citation) for citation in answer.nearest],
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
