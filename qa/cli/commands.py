"""The commands that ask, index and inspect."""

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from qa.cli import output
from qa.cli.options import (
    Articles,
    Column,
    CorpusOptions,
    Json,
    Reranker,
    app,
    corpus_command,
    parse_columns,
)
from qa.errors import QaError

if TYPE_CHECKING:
    from qa.records import Answer


@corpus_command()
def ask(
    options: CorpusOptions,
    question: Annotated[str, Argument(help="A question, in words.")],
    after: Annotated[list[str] | None, Option(help="An earlier question; may be repeated.")] = None,
    carry_over: Annotated[bool, Option(help="Take over words from --after.")] = True,
    evidence: Annotated[
        Path | None, Option(help="Write a .md, .json or .csv evidence pack.")
    ] = None,
    reranker: Reranker = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes from the articles."""
    from qa.evidence import answer_to_json

    if evidence:
        _check_pack(evidence)
    with options.open(reranker) as corpus:
        answer = corpus.answer(question, after or (), carry_over=carry_over)
        note = corpus.note()
    if evidence:
        _write_pack(evidence, answer)
    output.show(answer_to_json(answer), output.print_answer, as_json=as_json)
    output.print_note(note)


@corpus_command()
def index(
    options: CorpusOptions,
    rebuild: Annotated[bool, Option("--rebuild", help="Delete the index first.")] = False,
    watch: Annotated[bool, Option("--watch", help="Index every change until Ctrl+C.")] = False,
    as_json: Json = False,
) -> None:
    """Update the index: embed new articles, drop those that are gone.

    Ctrl+C keeps what is done; the next run goes on from there.
    """
    with options.open(rebuild=rebuild, may_be_empty=watch, quiet=as_json, wait=True) as corpus:
        places = {"articles": str(corpus.folder), "index": str(corpus.index)}
        found = places | asdict(corpus.report) | {"note": corpus.note()}
        output.show(found, output.print_indexed, as_json=as_json)
        if watch:
            from threading import Event

            from qa.watch import follow

            output.out.print("Watching for changes   (Ctrl+C to stop)")
            with suppress(KeyboardInterrupt):
                follow(corpus, Event(), output.print_change)


@corpus_command("articles")
def list_articles(
    options: CorpusOptions,
    missing: Annotated[str | None, Option(help="Only those without this field.")] = None,
    as_json: Json = False,
) -> None:
    """List the articles with their metadata, and where each value comes from.

    Correct or add values in metadata.csv or metadata.toml, in the folder of articles.
    """
    from qa.reading.metadata import FIELDS

    if missing and missing not in FIELDS:
        raise QaError(f"--missing {missing}: the fields are {', '.join(FIELDS)}.")
    with options.open(quiet=as_json) as corpus:
        found = sorted([*corpus.articles(), *corpus.duplicates()], key=lambda article: article.path)
    if missing == "title":  # every article has one; its first words are a substitute
        found = [a for a in found if dict(a.origins).get("title") == "first words"]
    elif missing:
        found = [a for a in found if getattr(a, missing) is None]
    rows = [output.article_to_json(article) for article in found]
    output.show(rows, output.print_articles, as_json=as_json)


@corpus_command()
def status(options: CorpusOptions, as_json: Json = False) -> None:
    """Show what is indexed, and what the next sync would do. Changes nothing."""
    from qa.status import read_status

    columns = parse_columns(options.column)
    found = read_status(options.articles, options.index, options.model, columns)
    output.show(asdict(found), output.print_status, as_json=as_json)


@corpus_command("eval")
def evaluate(
    options: CorpusOptions,
    file: Annotated[Path, Argument(help="Questions, one JSON object on each line.")],
    reranker: Reranker = None,
    as_json: Json = False,
) -> None:
    """Ask questions with known answers, and measure how many are found."""
    from qa import evaluation

    questions = evaluation.read_questions(file)
    with options.open(reranker, quiet=as_json) as corpus:
        found = evaluation.evaluate(corpus, questions)
    output.show(output.evaluation_to_json(found), output.print_evaluation, as_json=as_json)


@app.command()
def verify(
    pack: Annotated[Path, Argument(help="An evidence pack: a .md, .json or .csv file.")],
    articles: Articles = None,
    column: Column = None,
    as_json: Json = False,
) -> None:
    """Verify an evidence pack against the articles: is every quote still there?

    Exit code 1 if a quote was altered or its source is missing.
    """
    from qa import evidence, locations

    folder = locations.articles_folder(articles)
    verdicts = evidence.verify(pack, folder, parse_columns(column))
    rows = [verdict._asdict() for verdict in verdicts]
    output.show(rows, output.print_verdicts, as_json=as_json)
    if any(verdict.lost for verdict in verdicts):
        raise typer.Exit(1)


def _check_pack(file: Path) -> None:
    """Check that an evidence pack can be written to `file`, before the question is asked."""
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
