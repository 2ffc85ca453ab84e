"""What the commands share: the options that say which corpus is meant, and opening it."""

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from qa import output
from qa.errors import QaError

if TYPE_CHECKING:
    from qa.corpus import Corpus
    from qa.datatypes import SyncProgress

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
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="Which column of a CSV file (or key in JSON) holds what: text=Artikel, outlet=Blatt.",
        metavar="FIELD=NAME",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]


def open_corpus(
    articles: str | None,
    index: str | None,
    model: str | None,
    *,
    reranker: str | None = None,
    rebuild: bool = False,
    may_be_empty: bool = False,
    columns: list[str] | None = None,
    quiet: bool = False,
    wait: bool = False,
) -> "Corpus":
    """Open and sync the corpus, with a progress bar on stderr if there is something to embed."""
    from qa.corpus import Corpus

    shown = (
        TextColumn("Indexing"),
        BarColumn(),
        TextColumn("{task.fields[files]} files, {task.fields[passages]} passages"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    hidden = quiet or not output.err.is_terminal
    began = time.monotonic()
    with Progress(*shown, console=output.err, transient=True, disable=hidden) as bar:
        task = bar.add_task("Indexing", total=None, files="0/0", passages=0, rate="")

        def show(now: "SyncProgress") -> None:
            rate = now.passages / max(time.monotonic() - began, 0.001)
            bar.update(
                task,
                completed=now.share,
                total=1.0,
                files=f"{now.files_done}/{now.files_total}",
                passages=now.passages,
                rate=f"{rate:.0f}/s",
            )

        try:
            return Corpus.open(
                articles,
                index,
                model=model,
                reranker=reranker,
                rebuild=rebuild,
                may_be_empty=may_be_empty,
                columns=parse_columns(columns),
                progress=show,
                wait=wait,
            )
        except KeyboardInterrupt:
            bar.stop()
            output.err.print("Ended. What is done is kept; the next run goes on from there.")
            raise typer.Exit(130) from None


def parse_columns(given: list[str] | None) -> dict[str, str]:
    """Return which column or key holds which field, from ``--column FIELD=NAME``."""
    from qa.metadata import FIELDS

    columns: dict[str, str] = {}
    for pair in given or ():
        field, equals, name = pair.partition("=")
        if not equals or not name or field not in {"text", *FIELDS}:
            raise QaError(
                f"--column {pair}: write FIELD=NAME, with one of text, {', '.join(FIELDS)}."
            )
        columns[field] = name
    return columns
