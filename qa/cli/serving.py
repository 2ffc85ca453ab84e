"""The commands that serve the page, and say to whom."""

import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from qa import output
from qa.cli.options import Articles, Columns, Index, Model, Reranker, app, open_corpus
from qa.errors import AccessError

if TYPE_CHECKING:
    from qa.web.access import Access

Auth = Annotated[
    Path | None,
    typer.Option("--auth", help="File of users who may ask; see qa user.", metavar="FILE"),
]


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
    with open_corpus(
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
