"""The command line. Heavy modules are imported by the commands that need them, not for --help."""

import os
import socket
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from qa import output
from qa.errors import QaError

if TYPE_CHECKING:
    from qa.corpus import Corpus
    from qa.datatypes import Answer, SyncProgress

app = typer.Typer(
    help="Answers over a folder of articles, in the articles' own words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

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
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", help="Write an evidence pack: a .md, .json or .csv file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes from the articles."""
    from qa.evidence import answer_to_json

    if evidence:
        _check_pack(evidence)
    with _open(articles, index, model, reranker=reranker) as corpus:
        answer = corpus.answer(question, after or (), carry_over=carry_over)
    if evidence:
        _write_pack(evidence, answer)
    if as_json:
        output.print_json(answer_to_json(answer))
    else:
        output.print_answer(answer)


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
        output.print_json(place | asdict(report))
    else:
        output.print_report(report)
        output.out.print(Text(f"Index: {place['index']}"))


@app.command()
def status(
    articles: Articles = None, index: Index = None, model: Model = None, as_json: Json = False
) -> None:
    """Tell what is indexed, and what the next sync would do. Changes nothing."""
    from qa.corpus import status as read_status

    found = read_status(articles, index, model)
    if as_json:
        output.print_json(asdict(found))
        return
    output.out.print(
        Text(f"Articles: {found.articles}\nIndex:    {found.index}\nModel:    {found.model}")
    )
    output.out.print(f"Indexed:  {found.article_count} articles, {found.passage_count} passages")
    report = found.pending
    waiting = len(report.added) + len(report.updated) + len(report.removed)
    if waiting:
        output.out.print(f"Waiting:  {waiting} changed files. Take them in with: qa index")
    else:
        output.out.print("Waiting:  nothing; the index is up to date")
    output.print_skipped(report)


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
        output.print_json(output.evaluation_to_json(found))
    else:
        output.print_evaluation(found)


@app.command()
def verify(
    pack: Annotated[Path, typer.Argument(help="An evidence pack: a .md, .json or .csv file.")],
    articles: Articles = None,
    as_json: Json = False,
) -> None:
    """Hold an evidence pack against the articles: is every quote still there?

    Exit code 1 if a quote was altered or its source is missing.
    """
    from qa.corpus import articles_folder
    from qa.evidence import verify as check

    verdicts = check(pack, articles_folder(articles))
    if as_json:
        output.print_json([verdict._asdict() for verdict in verdicts])
    else:
        output.print_verdicts(verdicts)
    if any(verdict.lost for verdict in verdicts):
        raise typer.Exit(1)


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
    from qa.corpus import folder_to_fill

    _check_port(port)
    with _open(
        str(folder_to_fill(articles)), index, model, reranker=reranker, may_be_empty=True
    ) as corpus:
        output.print_skipped(corpus.report)
        with output.err.status("Loading the model and the page …"):
            from qa.web import page

            corpus.warm_up()
            in_browser = sys.stdout.isatty() if browser is None else browser
            server = page.start(corpus, port, browser=in_browser)
        output.out.print(f"Ask at {server.local_url}   (Ctrl+C ends it)")
        page.wait(server)


def main() -> None:
    """Run the command line; an expected error becomes one message and exit code 1."""
    try:
        app(prog_name="qa")
    except QaError as error:
        output.err.print(Text(f"qa: {error}".translate(output.CONTROLS)))
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
    may_be_empty: bool = False,
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
    hidden = quiet or not output.err.is_terminal
    with Progress(*columns, console=output.err, transient=True, disable=hidden) as bar:
        task = bar.add_task("Indexing", total=None, passages=0)

        def show(now: "SyncProgress") -> None:
            bar.update(
                task,
                completed=now.files_done,
                total=now.files_total,
                passages=now.passages,
            )

        return Corpus.open(
            articles,
            index,
            model=model,
            reranker=reranker,
            rebuild=rebuild,
            may_be_empty=may_be_empty,
            progress=show,
        )


def _check_pack(file: Path) -> None:
    """Before the question is asked: can the answer be written there?"""
    from qa.evidence import FORMATS

    if file.suffix.lower().removeprefix(".") not in FORMATS:
        raise QaError(f"--evidence {file}: the name must end in .{', .'.join(FORMATS)}.")
    if file.exists():
        raise QaError(f"{file} is there already. Choose another name for --evidence.")


def _write_pack(file: Path, answer: "Answer") -> None:
    from qa import __version__
    from qa.evidence import write_pack

    suffix = file.suffix.lower().removeprefix(".")
    pack = write_pack([answer], suffix, __version__, datetime.now().astimezone())
    try:
        file.write_text(pack, encoding="utf-8", newline="")
    except OSError as error:
        raise QaError(f"{file} cannot be written: {error.strerror}.") from error


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
