"""The web server: uvicorn, serving the guarded page; bound to loopback by default."""

import asyncio
import ctypes
import logging
import socket
import time
from contextlib import suppress
from threading import Thread
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from qa.corpus import Corpus
from qa.errors import AccessError
from qa.web import page, uploads
from qa.web.access import LOOPBACK, Access, is_loopback
from qa.web.guard import Guard

GRACE = 7
"""Seconds in which accepted questions are answered when the server shuts down."""
CONNECTIONS = 1_000
"""Open connections; an open page has one or two. Over the limit only answers are sent."""
CONNECTIONS_EACH = 100
"""Open connections from one address that is not loopback."""
HEADERS_WITHIN = 15.0
"""Seconds in which a client must have sent its request."""
_STARTS_WITHIN = 60.0
_CLEAN_UP_EVERY = 30


class Server:
    """The page, served in the background.

    Attributes:
        url: Its address, for this machine.
    """

    def __init__(self, corpus: Corpus, host: str, port: int, access: Access) -> None:
        """Start the server, and return once it responds.

        Args:
            corpus: The corpus.
            host: Address to bind to.
            port: TCP port; it must be free.
            access: Who may send requests.

        Raises:
            AccessError: The server cannot be bound to that address.
        """
        loopback = is_loopback(host)
        names = [*access.names] if loopback else [*access.names, socket.gethostname()]
        application = page.application(corpus)
        self._guard = Guard(application, access._replace(names=names), loopback=loopback)
        config = uvicorn.Config(
            self._guard,
            host=host,
            port=port,
            http=TimeoutProtocol,
            ws="none",
            lifespan="on",
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the address is that of the connection, whatever a header says
            limit_concurrency=2 * CONNECTIONS,
            timeout_graceful_shutdown=GRACE,
            callback_notify=_clean_up,
            timeout_notify=_CLEAN_UP_EVERY,
        )
        self._server = uvicorn.Server(config)
        connections = self._server.server_state.connections
        self._guard.crowded = lambda: len(connections) > CONNECTIONS
        self._thread = Thread(target=self._server.run, daemon=True)
        shown = host if loopback else "127.0.0.1"
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
        self._thread.start()
        until = time.monotonic() + _STARTS_WITHIN
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                raise AccessError(f"{host}, port {port}, cannot be listened on.")
            time.sleep(0.01)

    def close(self) -> None:
        """Accept no new questions, answer the accepted ones, and stop, within `GRACE` seconds."""
        self._guard.closing = True
        self._server.should_exit = True
        self._thread.join(GRACE + 1)


async def _clean_up() -> None:
    """Delete old uploads and trim memory."""
    await asyncio.to_thread(uploads.delete_old)
    await asyncio.to_thread(_trim_memory)


def _trim_memory() -> None:
    """Return freed memory to the operating system, where the C library is glibc.

    Pages are rendered as long strings in many threads. glibc keeps what each thread frees: after an
    hour of questions a third of the memory.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


class TimeoutProtocol(H11Protocol):
    """HTTP with a time limit for sending a request, and a limit of connections per address."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Accept a connection, or close it if its address has too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        clients = [getattr(one, "client", None) or [""] for one in self.connections]
        same = sum(client[0] == address for client in clients)
        if address not in LOOPBACK and same > CONNECTIONS_EACH:
            transport.close()
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        super().data_received(data)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up."""
        if self._deadline:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _set_deadline(self) -> None:
        # uvicorn makes a cycle as soon as the headers are complete.
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and not self._deadline:
            self._deadline = self.loop.call_later(HEADERS_WITHIN, self.transport.close)
        elif not waiting and self._deadline:
            self._deadline.cancel()
            self._deadline = None


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return False for what asyncio logs when a client drops its connection."""
    error = record.exc_info[1] if record.exc_info else None
    dropped = record.getMessage() == "socket.send() raised exception."
    return not (dropped or isinstance(error, ConnectionError))


logging.getLogger("asyncio").addFilter(_is_worth_logging)
