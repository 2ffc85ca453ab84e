"""Checks every request before Gradio sees it, and adds security headers to every response.

Gradio has some eighty routes, of which the page needs a dozen. The others are closed to everyone.
"""

import asyncio
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qa.web import access
from qa.web.access import Access, Authenticator, RateLimiter

LARGEST_BODY = 2_000_000
"""Bytes of a request that is not an upload."""
LARGEST_UPLOAD = 1_000_000_000
"""Bytes of one upload, all files together."""
UPLOADS = 4
"""Concurrent uploads."""
_READ_TIMEOUT = 30.0
"""Seconds without a byte after which a request that is being sent is dropped."""
_ROUTES = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/pwa_icon|/robots\.txt"
    r"|/(?:assets|static|svelte)/.+"
    r"|/gradio_api/(?:info|app_id|startup-events|theme\.css|upload|upload_progress|cancel|reset"
    r"|component_server|queue/join|queue/data|heartbeat/[\w-]+)/?"
)
_CACHED = re.compile(r"/(?:assets|static|svelte|favicon)")
_UPLOAD = "/gradio_api/upload"
_ANSWERS = "/gradio_api/queue/data"
_HEARTBEAT = "/gradio_api/heartbeat/"
_READ_METHODS = {"GET", "HEAD"}
_CROSS_SITE = (
    "Requests from pages of another site are refused. If the server is behind a proxy, the proxy "
    "must pass the Host header on."
)
_HEADERS = {
    # Gradio's page has inline scripts and styles, and turns our scripts into functions. Whatever a
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
    """ASGI middleware.

    Attributes:
        closing: Whether the server is shutting down; it accepts no questions then.
        crowded: Returns whether there are too many connections; then only requests for answers are
            accepted.
    """

    def __init__(self, app: ASGIApp, settings: Access, *, loopback: bool) -> None:
        """Guard an application.

        Args:
            app: The ASGI application.
            settings: Who may send requests.
            loopback: Whether the server is bound to loopback only.
        """
        self.closing = False
        self.crowded: Callable[[], bool] = lambda: False
        self._app = app
        self._access = settings
        self._loopback = loopback
        self._authenticator = Authenticator(settings)
        self._limiter = RateLimiter(access.REQUESTS_PER_SECOND, access.BURST)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a connection; see the ASGI specification."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, _with_headers(scope["path"], send))
        else:  # the page opens no sockets
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._check(scope["path"], scope["method"], scope["client"], Headers(scope=scope))
        except HTTPException as error:
            # The connection is closed, so that the rest of a refused body need not be read.
            headers = {"Connection": "close", **(error.headers or {})}
            response = PlainTextResponse(f"{error.detail}\n", error.status_code, headers)
            await response(scope, receive, send)
            return
        upload = scope["path"].startswith(_UPLOAD) and scope["method"] == "POST"
        self._uploads += upload
        try:
            await self._app(scope, self._with_timeout(scope["path"], receive), send)
        finally:
            self._uploads -= upload

    async def _check(
        self, path: str, method: str, client: tuple[str, int] | None, headers: Headers
    ) -> None:
        """Raise HTTPException if a request is refused."""
        if path != _ANSWERS and self.crowded():
            raise HTTPException(503, "Too many connections. Try again soon.", {"Retry-After": "5"})
        host = headers.get("host", "")
        if not access.is_own_host(host, self._access.names, loopback=self._loopback):
            raise HTTPException(
                421, f"Unknown host {host[:99]!r}. To allow it: qa serve --name NAME"
            )
        if _is_cross_site(headers, host, method):
            raise HTTPException(403, _CROSS_SITE)
        user = await self._authenticator.authenticate(client[0] if client else "", headers)
        if not _ROUTES.fullmatch(path) or ".." in path:
            raise HTTPException(404, "Not found.")
        if method not in _READ_METHODS:
            self._check_limits(path, headers, user)

    def _check_limits(self, path: str, headers: Headers, user: str) -> None:
        if self.closing:
            raise HTTPException(503, "The server is shutting down.", {"Retry-After": "30"})
        if not self._limiter.allow(user):
            raise HTTPException(429, "Too many requests. Wait a moment.", {"Retry-After": "1"})
        length = headers.get("content-length", "")
        if not length.isdecimal():
            raise HTTPException(411, "Content-Length required.")
        upload = path.startswith(_UPLOAD)
        limit = LARGEST_UPLOAD if upload else LARGEST_BODY
        if int(length) > limit:
            raise HTTPException(413, f"Too large: at most {limit // 1_000_000:,} MB.")
        if upload and self._uploads >= UPLOADS:
            raise HTTPException(503, "Too many uploads. Try again soon.", {"Retry-After": "10"})

    def _with_timeout(self, path: str, receive: Receive) -> Receive:
        """Return `receive` that drops stalled requests, and heartbeats at shutdown.

        A page keeps its heartbeat request open for as long as it is open itself.
        """
        complete = False

        async def receive_in_time() -> Message:
            nonlocal complete
            if complete:
                keep = path.startswith(_HEARTBEAT)
                return await (self._until_closing(receive) if keep else receive())
            try:
                message = await asyncio.wait_for(receive(), _READ_TIMEOUT)
            except TimeoutError:
                return {"type": "http.disconnect"}
            complete = not message.get("more_body", False)
            return message

        return receive_in_time

    async def _until_closing(self, receive: Receive) -> Message:
        message = asyncio.ensure_future(receive())
        try:
            while not message.done():
                if self.closing:
                    return {"type": "http.disconnect"}
                await asyncio.wait([message], timeout=0.25)
            return message.result()
        finally:
            message.cancel()


def _is_cross_site(headers: Headers, host: str, method: str) -> bool:
    """Return whether a page of another site sent the request. Links to the page may be followed."""
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.casefold() != host.casefold():
        return True
    if headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
        return False
    navigates = headers.get("sec-fetch-mode") == "navigate"
    document = headers.get("sec-fetch-dest") == "document"
    return not (method in _READ_METHODS and navigates and document)


def _with_headers(path: str, send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            if not _CACHED.match(path):
                headers["Cache-Control"] = "no-store"
        await send(message)

    return send_with_headers
