"""What every request passes before Gradio sees it, and what every answer carries.

Gradio has some eighty routes, of which the page needs a dozen: the others are closed to everyone.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from qa.web import words
from qa.web.access import BURST, REQUESTS_PER_SECOND, Access, Doorkeeper, Rate, is_called_by

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LARGEST_BODY = 2_000_000
"""Bytes of a request that is no upload."""
LARGEST_UPLOAD = 1_000_000_000
"""Bytes of one upload, all files together."""
UPLOADS = 4
"""Uploads at once."""
_STALLED = 30.0
"""Seconds without a byte after which a request that is being sent is given up."""
_LOOK = 0.25
_NEEDED = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/pwa_icon|/robots\.txt"
    r"|/(?:assets|static|svelte)/.+"
    r"|/gradio_api/(?:info|app_id|startup-events|theme\.css|upload|upload_progress|cancel|reset"
    r"|component_server|queue/join|queue/data|heartbeat/[\w-]+)/?"
)
_FIXED = re.compile(r"/(?:assets|static|svelte|favicon)")
_UPLOAD = "/gradio_api/upload"
_ANSWERS = "/gradio_api/queue/data"
_HEARTBEAT = "/gradio_api/heartbeat/"
_READS = {"GET", "HEAD"}
_HEADERS = {
    # Gradio's page has scripts and styles in it, and makes functions of ours from text. Whatever a
    # script did, it could reach no other host.
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """An ASGI application around another one.

    Attributes:
        closing: Whether the server is about to end; it takes no question then.
        crowded: Says whether no more can be let in than those who wait for an answer already.
    """

    def __init__(self, app: App, access: Access, *, loopback: bool) -> None:
        """Let through to `app` what may pass.

        Args:
            app: What is guarded.
            access: Who may ask.
            loopback: Whether the server is bound to loopback only.
        """
        self.closing = False
        self.crowded: Callable[[], bool] = lambda: False
        self._app = app
        self._access = access
        self._loopback = loopback
        self._door = Doorkeeper(access)
        self._rate = Rate(REQUESTS_PER_SECOND, BURST)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(scope["path"], send))
        else:  # the page opens no socket
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != _ANSWERS and self.crowded():
            refusal: PlainTextResponse | None = _refused(503, words.CROWDED, {"Retry-After": "5"})
        else:
            refusal = await self._refusal(scope, Headers(scope=scope))
        if refusal:
            await refusal(scope, receive, send)
            return
        upload = scope["path"].startswith(_UPLOAD) and scope["method"] == "POST"
        self._uploads += upload
        try:
            await self._app(scope, self._watched(scope["path"], receive), send)
        finally:
            self._uploads -= upload

    async def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        """Return what is said instead of an answer; None if the request may pass."""
        path, method = scope["path"], scope["method"]
        host = headers.get("host", "")
        if not is_called_by(host, self._access.names, loopback=self._loopback):
            return _refused(421, words.WRONG_HOST.format(host[:100]))
        if _is_foreign(headers, host, method):
            return _refused(403, words.FOREIGN)
        address = scope["client"][0] if scope.get("client") else ""
        told = headers.getlist(self._access.header) if self._access.header else []
        said = told[0] if len(told) == 1 else None  # a second one may be the client's own
        try:
            client = await self._door.name(address, headers.get("authorization", ""), said)
        except PermissionError:
            return _refused(429, words.WRONG_PASSWORDS, {"Retry-After": "60"})
        if client is None:
            ask = {} if self._access.header else {"WWW-Authenticate": 'Basic realm="qa"'}
            return _refused(401, words.WHO, ask)
        if not _NEEDED.fullmatch(path) or ".." in path:
            return _refused(404, words.NO_PAGE)
        return None if method in _READS else self._too_much(path, headers, client)

    def _too_much(self, path: str, headers: Headers, client: str) -> PlainTextResponse | None:
        if self.closing:
            return _refused(503, words.CLOSING, {"Retry-After": "30"})
        if not self._rate.take(client):
            return _refused(429, words.TOO_MANY, {"Retry-After": "1"})
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return _refused(411, words.NO_LENGTH)
        upload = path.startswith(_UPLOAD)
        if int(length) > (most := LARGEST_UPLOAD if upload else LARGEST_BODY):
            return _refused(413, words.TOO_LARGE.format(most // 1_000_000))
        if upload and self._uploads >= UPLOADS:
            return _refused(503, words.UPLOADS, {"Retry-After": "10"})
        return None

    def _watched(self, path: str, receive: Receive) -> Receive:
        """Return `receive` for a client that may stall, and for a page that never ends a request.

        A page holds one request for as long as it is open; it is ended when the server is.
        """
        whole = False

        async def next_message() -> Message:
            nonlocal whole
            if whole and path.startswith(_HEARTBEAT):
                return await self._until_closing(receive)
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), _STALLED)
            except TimeoutError:
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        return next_message

    async def _until_closing(self, receive: Receive) -> Message:
        coming = asyncio.ensure_future(receive())
        try:
            while not coming.done():
                if self.closing:
                    return {"type": "http.disconnect"}
                await asyncio.wait([coming], timeout=_LOOK)
            return coming.result()
        finally:
            coming.cancel()


def _is_foreign(headers: Headers, host: str, method: str) -> bool:
    """Whether another site's page sends this; following a link to the page is no sending."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.casefold() != host.casefold():
        return True
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    opened = headers.get("sec-fetch-mode") == "navigate"
    return not (method in _READS and opened and headers.get("sec-fetch-dest") == "document")


def _refused(status: int, said: str, headers: dict[str, str] | None = None) -> PlainTextResponse:
    # The rest of what is being sent is not waited for.
    return PlainTextResponse(f"{said}\n", status, {"Connection": "close"} | (headers or {}))


def _with_headers(path: str, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            if not _FIXED.match(path):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return send_with_headers
