"""Who may ask the server, from where, and how much."""

import asyncio
import base64
import binascii
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from qa.web.users import Users

ATTEMPTS = 10
"""Wrong passwords that an address may send in a minute."""
REQUESTS_PER_SECOND, BURST = 50, 500
"""What a user, or an address, may send: pages that are open ask once in three seconds each."""
_MOST_CLIENTS = 10_000
LOOPBACK = ("127.0.0.1", "::1")


class Access(NamedTuple):
    """Who may ask.

    Attributes:
        users: Those who may, with a password; None for everybody.
        header: In which a proxy says who asks, having checked it; None if there is no proxy.
        proxies: The addresses from which that header is believed.
        names: By which the server may be called, beside its own addresses.
    """

    users: Users | None = None
    header: str | None = None
    proxies: Sequence[str] = LOOPBACK
    names: Sequence[str] = ()


class Rate:
    """A token bucket for each client."""

    def __init__(self, per_second: float, burst: float) -> None:
        """Let `burst` through at once, and `per_second` from then on."""
        self._per_second, self._burst = per_second, burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, client: str) -> float:
        """Return how many a client may still send."""
        kept, at = self._buckets.get(client, (self._burst, 0.0))
        return min(self._burst, kept + (time.monotonic() - at) * self._per_second)

    def take(self, client: str) -> bool:
        """Let one through, or not."""
        left = self.left(client)
        self._buckets[client] = (left - 1 if left >= 1 else left, time.monotonic())
        self._buckets.move_to_end(client)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return left >= 1


class Doorkeeper:
    """Says who a request is from."""

    def __init__(self, access: Access) -> None:
        """Go by `access`."""
        self._access = access
        self._wrong = Rate(ATTEMPTS / 60, ATTEMPTS)
        # Each check takes 32 MB: two at once, whoever else may wait.
        self._checks = asyncio.Semaphore(2)

    async def name(self, address: str, authorization: str, header: str | None) -> str | None:
        """Return the name of the client; None if it may not come in.

        Args:
            address: From where the request comes.
            authorization: Its header of that name.
            header: What the proxy's header says.

        Raises:
            PermissionError: The address has sent too many wrong passwords.
        """
        access = self._access
        if access.header:
            believed = address in access.proxies and header
            return f"{header}" if believed else None
        if not access.users:
            return address
        pair = _basic(authorization)
        if not pair:
            return None
        if access.users.remembers(*pair):
            return pair[0]
        async with self._checks:
            if self._wrong.left(address) < 1:
                raise PermissionError
            if await asyncio.to_thread(access.users.check, *pair):
                return pair[0]
            self._wrong.take(address)
        return None


def _basic(authorization: str) -> tuple[str, str] | None:
    kind, _, encoded = authorization.partition(" ")
    if kind.casefold() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def is_called_by(host: str, names: Sequence[str], *, loopback: bool) -> bool:
    """Whether a request's Host header is one of this server's own.

    A page that points its own name at this server's address (DNS rebinding) asks under that name,
    never under a bare address.

    Args:
        host: The header, with or without a port.
        names: Of this server.
        loopback: Whether it is bound to loopback: then other addresses are not its own.
    """
    bare = host.rsplit(":", 1)[0] if host.count(":") == 1 or "]:" in host else host
    bare = bare.strip("[]").casefold().rstrip(".")
    if bare == "localhost" or bare in {name.casefold() for name in names}:
        return True
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return False
    return address.is_loopback or not loopback
