"""Who may send requests to the server, from where, and how many."""

import asyncio
import base64
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from qa.web.users import Users

ATTEMPTS = 10
"""Wrong passwords that an address may send in a minute."""
REQUESTS_PER_SECOND, BURST = 50, 500
"""Requests of a user, or an address; an open page sends one every three seconds."""
_MAX_CLIENTS = 10_000
LOOPBACK = ("127.0.0.1", "::1")


class Access(NamedTuple):
    """Who may send requests.

    Attributes:
        users: Those who may, with a password; None for everyone.
        header: Header in which a proxy names the user it has authenticated; None without a proxy.
        proxies: Addresses from which that header is accepted.
        names: Host names of the server, besides its own addresses.
    """

    users: Users | None = None
    header: str | None = None
    proxies: Sequence[str] = LOOPBACK
    names: Sequence[str] = ()


class RateLimiter:
    """A token bucket for each client."""

    def __init__(self, per_second: float, burst: float) -> None:
        """Allow `burst` requests at once, and `per_second` from then on."""
        self._per_second, self._burst = per_second, burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def remaining(self, client: str) -> float:
        """Return how many requests a client may still send."""
        tokens, at = self._buckets.get(client, (self._burst, 0.0))
        return min(self._burst, tokens + (time.monotonic() - at) * self._per_second)

    def allow(self, client: str) -> bool:
        """Count a request; return whether it is within the limit."""
        tokens = self.remaining(client)
        self._buckets[client] = (tokens - 1 if tokens >= 1 else tokens, time.monotonic())
        self._buckets.move_to_end(client)
        if len(self._buckets) > _MAX_CLIENTS:
            self._buckets.popitem(last=False)
        return tokens >= 1


class Authenticator:
    """Finds out who sent a request."""

    def __init__(self, access: Access) -> None:
        """Use these settings."""
        self._access = access
        self._wrong = RateLimiter(ATTEMPTS / 60, ATTEMPTS)
        # A check takes 32 MB: at most two at once.
        self._checks = asyncio.Semaphore(2)

    async def authenticate(self, address: str, headers: Headers) -> str:
        """Return the name of the user; the address where users have no names.

        Args:
            address: Address that the request comes from.
            headers: Headers of the request.

        Raises:
            HTTPException: The user is unknown, or the address has sent too many wrong passwords.
        """
        if header := self._access.header:
            values = headers.getlist(header)  # a second value may be the client's own
            if address in self._access.proxies and len(values) == 1 and values[0]:
                return values[0]
            raise HTTPException(401, "Authentication required.")
        users = self._access.users
        if not users:
            return address
        name, password = _basic(headers.get("authorization", ""))
        if users.is_known(name, password):
            return name
        async with self._checks:
            if self._wrong.remaining(address) < 1:
                raise HTTPException(429, "Too many wrong passwords.", {"Retry-After": "60"})
            if await asyncio.to_thread(users.check, name, password):
                return name
            self._wrong.allow(address)
        raise _unauthorized()


def _unauthorized() -> HTTPException:
    return HTTPException(401, "Authentication required.", {"WWW-Authenticate": 'Basic realm="qa"'})


def _basic(authorization: str) -> tuple[str, str]:
    """Return name and password of HTTP basic authentication (RFC 7617)."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # not Base64, or not UTF-8
        raise _unauthorized() from None
    if scheme.casefold() != "basic" or not colon:
        raise _unauthorized()
    return name, password


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_own_host(host: str, names: Sequence[str], *, loopback: bool) -> bool:
    """Return whether a request's Host header is one of this server's own.

    A site that points its name at this server's address (DNS rebinding) sends that name, never a
    bare address.

    Args:
        host: The header, with or without a port.
        names: Host names of this server.
        loopback: Whether it is bound to loopback; then other addresses are not its own.
    """
    bare = host.rsplit(":", 1)[0] if host.count(":") == 1 or "]:" in host else host
    bare = bare.strip("[]").casefold().rstrip(".")
    if is_loopback(bare) or bare in {name.casefold() for name in names}:
        return True
    return not loopback and _address(bare) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
