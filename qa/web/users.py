"""Who may ask: a file of names and salted hashes, one line each.

A line is ``name:scrypt:n:r:p:salt:hash`` with salt and hash in Base64. Hashes are scrypt
(Percival, RFC 7914) with the cost that OWASP's Password Storage Cheat Sheet recommends.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import NamedTuple

from qa.errors import AccessError

SHORTEST = 10
"""Characters that a password has at least."""
_N, _R, _P = 2**15, 8, 3
_MOST_MEMORY = 256 << 20


class Hashed(NamedTuple):
    """A password, hashed."""

    n: int
    r: int
    p: int
    salt: bytes
    hash: bytes

    def matches(self, password: str) -> bool:
        """Whether this is the password. Takes a tenth of a second and 32 MB, on purpose."""
        found = hashlib.scrypt(
            password.encode(), salt=self.salt, n=self.n, r=self.r, p=self.p,
            dklen=len(self.hash), maxmem=_MOST_MEMORY,
        )  # fmt: skip
        return hmac.compare_digest(found, self.hash)


_NOBODY = Hashed(_N, _R, _P, b"nobody has it...", bytes(32))


class Users:
    """The users of a file. What has been checked once is remembered, never as a password."""

    def __init__(self, file: Path) -> None:
        """Read the file.

        Raises:
            AccessError: It is missing, holds no user, or a line that cannot be read.
        """
        self._known = read(file)
        if not self._known:
            raise AccessError(f"{file} holds no user. Add one with: qa user NAME --auth {file}")
        self._key = token_bytes(32)
        self._checked: set[bytes] = set()

    def remembers(self, name: str, password: str) -> bool:
        """Whether this pair has been found right before; takes no time."""
        return self._mark(name, password) in self._checked

    def check(self, name: str, password: str) -> bool:
        """Whether there is such a user with such a password; as slow for a name nobody has."""
        right = self._known.get(name, _NOBODY).matches(password) and name in self._known
        if right:
            self._checked.add(self._mark(name, password))
        return right

    def _mark(self, name: str, password: str) -> bytes:
        pair = b"\0".join([name.encode(), password.encode()])
        return hmac.digest(self._key, pair, "sha256")


def read(file: Path) -> dict[str, Hashed]:
    """Return the users of a file, by name.

    Raises:
        AccessError: It cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise AccessError(
            f"{file} cannot be read ({getattr(error, 'strerror', None) or error}). Make it with: "
            f"qa user NAME --auth {file}"
        ) from error
    found = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, kind, n, r, p, salt, digest = line.strip().split(":")
            hashed = Hashed(
                int(n), int(r), int(p), base64.b64decode(salt, validate=True),
                base64.b64decode(digest, validate=True),
            )  # fmt: skip
        except (ValueError, binascii.Error):
            raise _no_user(file, number) from None
        if kind != "scrypt" or not name or len(hashed.salt) < 16 or len(hashed.hash) < 32:
            raise _no_user(file, number)
        found[name] = hashed
    return found


def _no_user(file: Path, number: int) -> AccessError:
    return AccessError(
        f"{file}, line {number}, is no user of qa. Passwords are not written there as they are; "
        f"add a user with: qa user NAME --auth {file}"
    )


def put(file: Path, name: str, password: str) -> None:
    """Add a user to a file, or change the password; the file is made for its owner only.

    Raises:
        AccessError: Name or password cannot be used, or the file cannot be written.
    """
    if not name.isprintable() or not name.strip() or ":" in name or name.startswith("#"):
        raise AccessError("A user's name is of printable characters, without colons.")
    if len(password) < SHORTEST:
        raise AccessError(f"The password is too short: at least {SHORTEST} characters.")
    known = read(file) if file.exists() else {}
    salt = token_bytes(16)
    digest = hashlib.scrypt(
        password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32, maxmem=_MOST_MEMORY
    )
    _write(file, known | {name: Hashed(_N, _R, _P, salt, digest)})


def remove(file: Path, name: str) -> None:
    """Take a user out of a file.

    Raises:
        AccessError: There is no such user, or the file cannot be written.
    """
    known = read(file)
    if name not in known:
        raise AccessError(f"{file} has no user {name}.")
    del known[name]
    _write(file, known)


def _write(file: Path, known: Mapping[str, Hashed]) -> None:
    """Replace the file as a whole; only its owner may read it."""
    draft = file.with_name(f".{file.name}-{token_hex(4)}")
    try:
        draft.touch(0o600, exist_ok=False)
        draft.write_text("".join(_line(*item) for item in known.items()), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise AccessError(f"{file} cannot be written: {error.strerror}.") from error


def _line(name: str, hashed: Hashed) -> str:
    salt, digest = (base64.b64encode(part).decode() for part in (hashed.salt, hashed.hash))
    return f"{name}:scrypt:{hashed.n}:{hashed.r}:{hashed.p}:{salt}:{digest}\n"
