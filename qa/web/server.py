"""The server: one uvicorn for the guarded page. It is bound to loopback unless told otherwise."""

import asyncio
import ctypes
import logging
import socket
import time
import webbrowser
from contextlib import suppress
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from qa.corpus import Corpus
from qa.errors import AccessError
from qa.web import page
from qa.web.access import Access, is_loopback
from qa.web.guard import Guard

GRACE = 7
"""Seconds in which the questions in hand are answered when the server is told to end."""
CONNECTIONS = 1_000
"""Open connections; a page that is open has one or two. Beyond them only answers are fetched."""
CONNECTIONS_EACH = 100
"""Of them from one address that is not loopback's own."""
HEADERS_WITHIN = 15.0
"""Seconds in which a client must have said what it wants."""
_STARTS_WITHIN = 60.0
_GIVE_BACK_EVERY = 30


class Server:
    """The page, served in the background.

    Attributes:
        url: Where it is, for this machine.
    """

    def __init__(self, corpus: Corpus, host: str, port: int, access: Access) -> None:
        """Start it, and return once it answers.

        Args:
            corpus: What is asked.
            host: Address that it is bound to.
            port: TCP port; it must be free.
            access: Who may ask.

        Raises:
            AccessError: It cannot be bound to that address.
        """
        loopback = is_loopback(host)
        names = [*access.names] if loopback else [*access.names, socket.gethostname()]
        application = page.application(corpus)
        self._guard = Guard(application, access._replace(names=names), loopback=loopback)
        config = uvicorn.Config(
            self._guard,
            host=host,
            port=port,
            http=_Impatient,
            ws="none",
            lifespan="on",
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the address is that of whoever connects, whatever it says
            limit_concurrency=2 * CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
            callback_notify=_give_back,
            timeout_notify=_GIVE_BACK_EVERY,
        )
        self._server = uvicorn.Server(config)
        open_now = self._server.server_state.connections
        self._guard.crowded = lambda: len(open_now) > CONNECTIONS
        self._thread = Thread(target=self._server.run, daemon=True)
        shown = host if loopback else "127.0.0.1"
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
        self._thread.start()
        until = time.monotonic() + _STARTS_WITHIN
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise AccessError(f"{host}, port {port}, cannot be listened on.")
            time.sleep(0.01)

    def open_browser(self) -> None:
        """Show the page in the user's browser."""
        webbrowser.open(self.url)

    def close(self) -> None:
        """Take no new questions, answer those in hand, and end, all within `GRACE` seconds."""
        self._guard.closing = True
        self._server.should_exit = True
        self._thread.join(GRACE + 1)


async def _give_back() -> None:
    """Give freed memory back to the system.

    Pages are made as long texts, in many threads; glibc keeps what they leave, in pieces, for each
    thread: after an hour of questions that is a third of the memory. Elsewhere nothing is done.
    """
    with suppress(OSError, AttributeError):
        await asyncio.to_thread(ctypes.CDLL("libc.so.6").malloc_trim, 0)


class _Impatient(H11Protocol):
    """HTTP for clients that say what they want in time, and do not take all connections."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin, or refuse one connection too many from one address."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        clients = [getattr(one, "client", None) or [""] for one in self.connections]
        same = sum(client[0] == address for client in clients)
        if address not in {"127.0.0.1", "::1"} and same > CONNECTIONS_EACH:
            transport.close()
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes; a request is whole once there is a cycle of answering for it."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and not self._deadline:
            self._deadline = self.loop.call_later(HEADERS_WITHIN, self.transport.close)
        elif not waiting and self._deadline:
            self._deadline.cancel()
            self._deadline = None


logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # connections that clients drop
