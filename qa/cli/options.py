"""What the commands share: the options that name a corpus, and opening it with a progress bar."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import Progress
from typer import Option

from qa.cli import output
from qa.errors import QaError

if TYPE_CHECKING:
    from qa.corpus import Corpus
    from qa.index.reports import SyncProgress

app = typer.Typer(
    help="Answers over a folder of articles, in the articles' own words.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Articles = Annotated[str | None, Option(help="Folder of articles [QA_ARTICLES, else ./seeds].")]
Index = Annotated[str | None, Option(help="Folder of the index [QA_INDEX, else ./embeddings].")]
Model = Annotated[str | None, Option(help="A sentence-transformers name or folder.")]
Reranker = Annotated[str | None, Option(help="A CrossEncoder that reorders the best passages.")]
Column = Annotated[
    list[str] | None,
    Option(metavar="FIELD=NAME", help="Column of a CSV file, or key in JSON: outlet=Blatt."),
]
Json = Annotated[bool, Option("--json", help="Print JSON, for a program to read.")]


@dataclass(frozen=True)
class CorpusOptions:
    """The options of every command that opens a corpus; see `corpus_command`."""

    articles: Articles = None
    index: Index = None
    model: Model = None
    column: Column = None

    @property
    def columns(self) -> dict[str, str]:
        """Which column or key holds which field, from ``--column FIELD=NAME``."""
        from qa.reading.metadata import FIELDS

        columns: dict[str, str] = {}
        for pair in self.column or ():
            field, _, name = pair.partition("=")
            if not name or field not in {"text", *FIELDS}:
                raise QaError(
                    f"--column {pair}: write FIELD=NAME, with one of text, {', '.join(FIELDS)}."
                )
            columns[field] = name
        return columns

    def open(
        self,
        reranker: str | None = None,
        *,
        rebuild: bool = False,
        may_be_empty: bool = False,
        quiet: bool = False,
        wait: bool = False,
    ) -> "Corpus":
        """Open and sync the corpus, with a progress bar on stderr unless `quiet`.

        The other arguments are those of `Corpus.open`.
        """
        from qa.corpus import Corpus

        hidden = quiet or not output.err.is_terminal
        with Progress(console=output.err, transient=True, disable=hidden) as bar:
            task = bar.add_task("Indexing", total=None)

            def show(now: "SyncProgress") -> None:
                counts = f"{now.files_done}/{now.files_total} files, {now.passages} passages"
                bar.update(task, completed=now.share, total=1, description=f"Indexing {counts}")

            try:
                return Corpus.open(
                    self.articles,
                    self.index,
                    model=self.model,
                    reranker=reranker,
                    rebuild=rebuild,
                    may_be_empty=may_be_empty,
                    columns=self.columns,
                    progress=show,
                    wait=wait,
                )
            except KeyboardInterrupt:
                bar.stop()
                output.err.print("Interrupted. What is done is kept; go on with: qa index")
                raise typer.Exit(130) from None


def corpus_command(name: str | None = None) -> Callable[[Callable[..., None]], None]:
    """Make a function a command whose first parameter is a `CorpusOptions`, or a subclass.

    The command gets an option for each field of it, after the function's own parameters.
    """

    def register(function: Callable[..., None]) -> None:
        first, *own = inspect.signature(function).parameters.values()
        shared = inspect.signature(first.annotation).parameters

        @functools.wraps(function)
        def run(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in shared}
            function(first.annotation(**chosen), **given)

        run.__signature__ = inspect.Signature([*own, *shared.values()])  # type: ignore[attr-defined]
        app.command(name)(run)

    return register
