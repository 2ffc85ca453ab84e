"""A file of users: names and salted hashes of their passwords, one line each.

A line is ``name:scrypt:n:r:p:salt:hash`` with salt and hash in Base64. Hashes are scrypt
(Percival, RFC 7914) with the cost that OWASP's Password Storage Cheat Sheet recommends.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple, Self

from qa.errors import AccessError
from qa.files import write_atomically

SHORTEST = 10
"""Characters that a password has at least."""
_N, _R, _P = 2**15, 8, 3
_MAX_MEMORY = 256 << 20


class Hashed(NamedTuple):
    """A hashed password."""

    n: int
    r: int
    p: int
    salt: bytes
    hash: bytes

    @classmethod
    def of(cls, password: str) -> Self:
        """Hash a password with a new salt."""
        salt = token_bytes(16)
        return cls(_N, _R, _P, salt, _scrypt(password, salt, _N, _R, _P, 32))

    def matches(self, password: str) -> bool:
        """Return whether this is the password. Takes a tenth of a second and 32 MB, on purpose."""
        found = _scrypt(password, self.salt, self.n, self.r, self.p, len(self.hash))
        return hmac.compare_digest(found, self.hash)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, dklen=length, maxmem=_MAX_MEMORY
    )


_NOBODY = Hashed(_N, _R, _P, b"nobody has it...", bytes(32))


class Users:
    """The users of a file. Successful checks are remembered, as keyed hashes."""

    def __init__(self, file: Path) -> None:
        """Read the file.

        Raises:
            AccessError: It cannot be read, has no user, or has an invalid entry.
        """
        self._users = read(file)
        if not self._users:
            raise AccessError(f"{file} has no users. Add one with: qa user NAME --auth {file}")
        self._key = token_bytes(32)
        self._known: set[bytes] = set()

    def is_known(self, name: str, password: str) -> bool:
        """Return whether this pair has passed `check` before; takes no time."""
        return self._digest(name, password) in self._known

    def check(self, name: str, password: str) -> bool:
        """Return whether this is a user's password; as slow for an unknown name."""
        matches = self._users.get(name, _NOBODY).matches(password) and name in self._users
        if matches:
            self._known.add(self._digest(name, password))
        return matches

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._key, b"\0".join([name.encode(), password.encode()]), "sha256")


def read(file: Path) -> dict[str, Hashed]:
    """Return the users of a file, by name.

    Raises:
        AccessError: It cannot be read, or has an invalid entry.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(
            f"{file} cannot be read ({getattr(error, 'strerror', None) or error}). Create it with: "
            f"qa user NAME --auth {file}"
        ) from error
    users = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            try:
                name, hashed = _parse(line)
            except ValueError:
                raise AccessError(
                    f"invalid entry in {file}, line {number}. Entries are written by: "
                    f"qa user NAME --auth {file}"
                ) from None
            users[name] = hashed
    return users


def _parse(line: str) -> tuple[str, Hashed]:
    name, kind, n, r, p, *encoded = line.strip().split(":")
    salt, digest = (base64.b64decode(part, validate=True) for part in encoded)
    if kind != "scrypt" or not name or len(salt) < 16 or len(digest) < 32:
        raise ValueError(line)
    return name, Hashed(int(n), int(r), int(p), salt, digest)


def put(file: Path, name: str, password: str) -> None:
    """Add a user, or change the password. Only its owner can read the file.

    Raises:
        AccessError: Name or password cannot be used, or the file cannot be written.
    """
    if not name.isprintable() or not name.strip() or ":" in name or name.startswith("#"):
        raise AccessError("A user name consists of printable characters, without colons.")
    if len(password) < SHORTEST:
        raise AccessError(f"The password is too short: at least {SHORTEST} characters.")
    users = read(file) if file.exists() else {}
    _write(file, users | {name: Hashed.of(password)})


def remove(file: Path, name: str) -> None:
    """Remove a user.

    Raises:
        AccessError: There is no such user, or the file cannot be written.
    """
    users = read(file)
    if name not in users:
        raise AccessError(f"{file} has no user {name}.")
    del users[name]
    _write(file, users)


def _write(file: Path, users: Mapping[str, Hashed]) -> None:
    try:
        with write_atomically(file, 0o600) as stream:
            for name, (n, r, p, *secrets) in users.items():
                salt, digest = (base64.b64encode(part).decode() for part in secrets)
                stream.write(f"{name}:scrypt:{n}:{r}:{p}:{salt}:{digest}\n".encode())
    except OSError as error:
        raise AccessError(f"{file} cannot be written: {error.strerror}.") from error
