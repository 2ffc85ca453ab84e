"""The command line. Heavy modules are imported by the commands that need them, not for --help."""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from qa import output
from qa.errors import AccessError, QaError

if TYPE_CHECKING:
    from qa.corpus import Corpus
    from qa.datatypes import Answer, SyncProgress
    from qa.web.access import Access

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
Auth = Annotated[
    Path | None,
    typer.Option("--auth", help="File of users who may ask; see qa user.", metavar="FILE"),
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
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Answer a question with quotes from the articles."""
    from qa.evidence import answer_to_json

    if evidence:
        _check_pack(evidence)
    with _open(articles, index, model, reranker=reranker, columns=columns) as corpus:
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
    with _open(
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
    with _open(articles, index, model, columns=columns, quiet=as_json) as corpus:
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

    found = read_status(articles, index, model, _columns(columns))
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
    with _open(articles, index, model, reranker=reranker, columns=columns, quiet=as_json) as corpus:
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

    verdicts = check(pack, articles_folder(articles), _columns(columns))
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
    port: Annotated[int, typer.Option(help="TCP port.", min=1, max=65535)] = 7860,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on; one of the network needs one of the next three."),
    ] = "127.0.0.1",
    auth: Auth = None,
    auth_header: Annotated[
        str | None,
        typer.Option(
            "--auth-header",
            help="Header in which a proxy on this machine names the user it has checked.",
            metavar="NAME",
        ),
    ] = None,
    open_to_all: Annotated[
        bool,
        typer.Option("--open-to-all", help="Whoever reaches the address may ask and add articles."),
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(
            "--name", help="A host name it is called by; may be repeated.", metavar="HOST"
        ),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", help="Address of the proxy, if not this machine's.", metavar="IP"),
    ] = None,
    browser: Annotated[
        bool | None, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = None,
    columns: Columns = None,
) -> None:
    """Open the page on 127.0.0.1. It follows the folder: what changes there is in the answers."""
    from threading import Event, Thread

    from qa.locations import folder_to_fill
    from qa.watching import follow

    access = _access(host, auth, auth_header, name, proxy, open_to_all=open_to_all)
    _check_port(host, port)
    folder = str(folder_to_fill(articles))
    with _open(
        folder, index, model, reranker=reranker, columns=columns, may_be_empty=True
    ) as corpus:
        output.print_skipped(corpus.report)
        output.print_note(corpus.note())
        with output.err.status("Loading the model and the page …"):
            from qa.web.server import Server

            corpus.warm_up()
            server = Server(corpus, host, port, access)
        output.out.print(f"Ask at {server.url}   (Ctrl+C ends it)")
        if sys.stdout.isatty() if browser is None else browser:
            server.open_browser()
        stop = Event()
        follower = Thread(target=follow, args=(corpus, stop, output.print_change), daemon=True)
        follower.start()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: stop.set())
        while not stop.wait(1):  # a wait without end would not let the signal in on Windows
            pass
        corpus.interrupt()
        server.close()
        follower.join()


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="Name of a user.")],
    auth: Annotated[Path, typer.Option("--auth", help="File of users; made if it is not there.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take the user out of it.")] = False,
) -> None:
    """Add a user who may ask a server (`qa serve --auth FILE`), or change the password."""
    from qa.web import users

    if remove:
        users.remove(auth, name)
        output.out.print(Text(f"{name} is out of {auth}. Start the server again."))
        return
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    users.put(auth, name, password)
    output.out.print(Text(f"{name} is in {auth}. Serve with: qa serve --auth {auth}"))


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
    except OSError as error:  # a library found no room for a temporary file, say
        said = (
            f"qa: The system refuses something: {error}. Is a disk full, or a folder closed? What "
            "was indexed is kept; make room, then go on with: qa index"
        )
        output.err.print(Text(said.translate(output.CONTROLS)))
        sys.exit(1)


def _open(
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
                columns=_columns(columns),
                progress=show,
                wait=wait,
            )
        except KeyboardInterrupt:
            bar.stop()
            output.err.print("Ended. What is done is kept; the next run goes on from there.")
            raise typer.Exit(130) from None


def _columns(given: list[str] | None) -> dict[str, str]:
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


def _access(
    host: str,
    auth: Path | None,
    header: str | None,
    names: list[str] | None,
    proxies: list[str] | None,
    *,
    open_to_all: bool,
) -> "Access":
    """Return who may ask; refuse to serve a network without a word on that."""
    from qa.web.access import LOOPBACK, Access, is_loopback
    from qa.web.users import Users

    if sum([auth is not None, header is not None, open_to_all]) > 1:
        raise AccessError("Only one of --auth, --auth-header and --open-to-all can be meant.")
    if not (is_loopback(host) or auth or header or open_to_all):
        raise AccessError(
            f"--host {host} can be reached by others: say who may ask. Name a file of users with "
            "--auth FILE (qa user makes it), or a header that a proxy sets with --auth-header "
            "NAME; or open it to everyone, who may then also add and remove articles, with "
            "--open-to-all."
        )
    users = Users(auth) if auth else None
    return Access(users, header, tuple(proxies or LOOPBACK), tuple(names or ()))


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise AccessError(
                f"Port {port} on {host} cannot be used: {error.strerror}. "
                f"Choose another: qa serve --port {port % 65535 + 1}"
            ) from error
