"""The commands that ask, index and look."""

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from qa import output
from qa.cli.options import (
    Articles,
    Columns,
    Index,
    Json,
    Model,
    Reranker,
    app,
    open_corpus,
    parse_columns,
)
from qa.errors import QaError

if TYPE_CHECKING:
    from qa.datatypes import Answer


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
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes from the articles."""
    from qa.evidence import answer_to_json

    if evidence:
        _check_pack(evidence)
    with open_corpus(articles, index, model, reranker=reranker, columns=columns) as corpus:
        answer = corpus.answer(question, after or (), carry_over=carry_over)
        note = corpus.note()
    if evidence:
        _write_pack(evidence, answer)
    if as_json:
        output.print_json(answer_to_json(answer))
    else:
        output.print_answer(answer)
    output.print_note(note)


@app.command()
def index(
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw the index away first.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and take in every change until Ctrl+C.")
    ] = False,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Bring the index up to the articles: embed what is new, drop what is gone.

    Ctrl+C keeps what is done; the next run goes on from there.
    """
    with open_corpus(
        articles,
        index,
        model,
        rebuild=rebuild,
        columns=columns,
        quiet=as_json,
        may_be_empty=watch,
        wait=True,
    ) as corpus:
        place = {"articles": str(corpus.folder), "index": str(corpus.index)}
        if as_json:
            output.print_json(place | asdict(corpus.report) | {"note": corpus.note()})
        else:
            output.print_report(corpus.report)
            output.print_note(corpus.note())
            output.out.print(Text(f"Index: {place['index']}"))
        if watch:
            from threading import Event

            from qa.watching import follow

            output.out.print("Watching for changes   (Ctrl+C ends it)")
            with suppress(KeyboardInterrupt):
                follow(corpus, Event(), output.print_change)


@app.command("articles")
def list_articles(
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    missing: Annotated[
        str | None,
        typer.Option("--missing", help="Only those without this field.", metavar="FIELD"),
    ] = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """List the articles with what is known of each, and where it is known from.

    What is wrong or missing can be put right in metadata.csv or metadata.toml, in the folder.
    """
    from qa.metadata import FIELDS

    if missing and missing not in FIELDS:
        raise QaError(f"--missing {missing}: the fields are {', '.join(FIELDS)}.")
    with open_corpus(articles, index, model, columns=columns, quiet=as_json) as corpus:
        found = sorted([*corpus.articles(), *corpus.twins()], key=lambda article: article.path)
    if missing == "title":  # every article goes by something; its first words are no title
        found = [a for a in found if dict(a.origins).get("title") == "first words"]
    elif missing:
        found = [a for a in found if getattr(a, missing) is None]
    if as_json:
        output.print_json([output.article_to_json(article) for article in found])
    else:
        output.print_articles(found)


@app.command()
def status(
    articles: Articles = None,
    index: Index = None,
    model: Model = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Tell what is indexed, and what the next sync would do. Changes nothing."""
    from qa.corpus import status as read_status

    found = read_status(articles, index, model, parse_columns(columns))
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
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Ask questions whose answers are known, and tell how many were found."""
    from qa import evaluation

    questions = evaluation.read_questions(file)
    with open_corpus(
        articles, index, model, reranker=reranker, columns=columns, quiet=as_json
    ) as corpus:
        found = evaluation.evaluate(corpus, questions)
    if as_json:
        output.print_json(output.evaluation_to_json(found))
    else:
        output.print_evaluation(found)


@app.command()
def verify(
    pack: Annotated[Path, typer.Argument(help="An evidence pack: a .md, .json or .csv file.")],
    articles: Articles = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Hold an evidence pack against the articles: is every quote still there?

    Exit code 1 if a quote was altered or its source is missing.
    """
    from qa.evidence import verify as check
    from qa.locations import articles_folder

    verdicts = check(pack, articles_folder(articles), parse_columns(columns))
    if as_json:
        output.print_json([verdict._asdict() for verdict in verdicts])
    else:
        output.print_verdicts(verdicts)
    if any(verdict.lost for verdict in verdicts):
        raise typer.Exit(1)


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
