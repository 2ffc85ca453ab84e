"""The commands that ask, index and inspect."""

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from qa.cli import output
from qa.cli.options import Articles, Column, CorpusOptions, Json, Reranker, app, corpus_command
from qa.errors import QaError


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
    from qa import __version__
    from qa.evidence import FORMATS, write_pack

    suffix = evidence.suffix.lower().removeprefix(".") if evidence else ""
    if evidence and suffix not in FORMATS:
        raise QaError(f"--evidence {evidence}: the name must end in .{', .'.join(FORMATS)}.")
    if evidence and evidence.exists():
        raise QaError(f"{evidence} is there already. Choose another name for --evidence.")
    with options.open(reranker) as corpus:
        answer = corpus.answer(question, after or (), carry_over=carry_over)
        note = corpus.note()
    if evidence:
        pack = write_pack([answer], suffix, __version__, datetime.now().astimezone())
        try:
            evidence.write_text(pack, encoding="utf-8", newline="")
        except OSError as error:
            raise QaError(f"{evidence} cannot be written: {error.strerror}.") from error
    output.show("answer", answer, as_json=as_json)
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
    from threading import Event

    from qa.watch import follow

    with options.open(rebuild=rebuild, may_be_empty=watch, quiet=as_json, wait=True) as corpus:
        if as_json:
            places = {"articles": corpus.folder, "index": corpus.index}
            output.print_json({**places, **asdict(corpus.report), "note": corpus.note()})
        else:
            output.print_report(corpus.report)
            output.print_note(corpus.note())
            output.print_line(f"Index: {corpus.index}")
        if watch:
            output.print_line("Watching for changes   (Ctrl+C to stop)")
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
    (output.print_json if as_json else output.print_articles)(rows)


@corpus_command()
def status(options: CorpusOptions, as_json: Json = False) -> None:
    """Show what is indexed, and what the next sync would do. Changes nothing."""
    from qa.status import read_status

    found = read_status(options.articles, options.index, options.model, options.columns)
    output.show("status", asdict(found), as_json=as_json)
    if not as_json:
        output.print_skipped(found.pending)


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
    output.show("evaluation", output.evaluation_to_json(found), as_json=as_json)


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

    columns = CorpusOptions(column=column).columns
    verdicts = evidence.verify(pack, locations.articles_folder(articles), columns)
    output.show("verdicts", [verdict._asdict() for verdict in verdicts], as_json=as_json)
    if any(verdict.lost for verdict in verdicts):
        raise typer.Exit(1)
