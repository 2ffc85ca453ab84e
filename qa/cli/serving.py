"""The commands that serve the page, and manage its users."""

import signal
import socket
import sys
import webbrowser
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from qa.cli import output
from qa.cli.options import CorpusOptions, Reranker, app, corpus_command
from qa.errors import AccessError

if TYPE_CHECKING:
    from qa.web.access import Access


@dataclass(frozen=True)
class ServeOptions(CorpusOptions):
    """The options of `qa serve` that say who may ask."""

    host: Annotated[
        str, Option(help="Address to listen on; for a network, add one of the next three.")
    ] = "127.0.0.1"
    auth: Annotated[Path | None, Option(help="File of users who may ask; see qa user.")] = None
    auth_header: Annotated[
        str | None, Option(help="Header in which a proxy on this machine names the user.")
    ] = None
    open_to_all: Annotated[
        bool, Option("--open-to-all", help="Everyone may ask, and add and remove articles.")
    ] = False
    name: Annotated[list[str] | None, Option(help="A host name of the server; repeatable.")] = None
    proxy: Annotated[list[str] | None, Option(help="Address of that proxy [127.0.0.1].")] = None

    def access(self) -> "Access":
        """Return who may ask; raise AccessError if a network is served without saying who."""
        from qa.web.access import LOOPBACK, Access, is_loopback
        from qa.web.users import Users

        if sum([self.auth is not None, self.auth_header is not None, self.open_to_all]) > 1:
            raise AccessError("Use only one of --auth, --auth-header and --open-to-all.")
        if not (is_loopback(self.host) or self.auth or self.auth_header or self.open_to_all):
            raise AccessError(
                f"--host {self.host} can be reached by others: say who may ask. Name a file of "
                "users with --auth FILE (qa user makes it), or a header that a proxy sets with "
                "--auth-header NAME; or open it to everyone, who may then also add and remove "
                "articles, with --open-to-all."
            )
        users = Users(self.auth) if self.auth else None
        proxies, names = self.proxy or LOOPBACK, self.name or ()
        return Access(users, self.auth_header, proxies, names)


@corpus_command()
def serve(
    options: ServeOptions,
    port: Annotated[int, Option(help="TCP port.", min=1, max=65535)] = 7860,
    browser: Annotated[bool | None, Option(help="Open the page in a browser.")] = None,
    reranker: Reranker = None,
) -> None:
    """Open the page on 127.0.0.1. It follows the folder: changed files are indexed."""
    from threading import Event, Thread

    from qa.locations import folder_to_fill
    from qa.watch import follow

    host, access = options.host, options.access()
    _check_port(host, port)
    options = replace(options, articles=str(folder_to_fill(options.articles)))
    with options.open(reranker, may_be_empty=True) as corpus:
        output.print_skipped(corpus.report)
        output.print_note(corpus.note())
        with output.err.status("Loading the model and the page …"):
            from qa.web.server import Server

            corpus.warm_up()
            server = Server(corpus, host, port, access)
        output.print_line(f"Ask at {server.url}   (Ctrl+C to stop)")
        if sys.stdout.isatty() if browser is None else browser:
            webbrowser.open(server.url)
        stop = Event()
        follower = Thread(target=follow, args=(corpus, stop, output.print_change), daemon=True)
        follower.start()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: stop.set())
        while not stop.wait(1):  # on Windows, a wait without a timeout blocks the signals
            pass
        corpus.cancel()
        server.close()
        follower.join()


@app.command()
def user(
    name: Annotated[str, Argument(help="Name of a user.")],
    auth: Annotated[Path, Option("--auth", help="File of users; created if missing.")],
    remove: Annotated[bool, Option("--remove", help="Remove the user.")] = False,
) -> None:
    """Add a user who may ask a server (`qa serve --auth FILE`), or change the password."""
    from qa.web import users

    if remove:
        users.remove(auth, name)
        output.print_line(f"{name} is removed from {auth}. Restart the server.")
        return
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    users.put(auth, name, password)
    output.print_line(f"{name} is in {auth}. Serve with: qa serve --auth {auth}")


def _check_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise AccessError(
            f"Port {port} on {host} cannot be used: {error.strerror}. "
            f"Choose another: qa serve --port {port % 65535 + 1}"
        ) from error
