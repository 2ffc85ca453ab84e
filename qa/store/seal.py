"""A seal on what is derived: it shows that the bytes are whole, and that this user wrote them.

FAISS, which is C++, must not be handed bytes that someone else made; a plain checksum would let
them pass. The key lies in the user's cache. Without it (another user, another machine) what is
derived is made again from the truth.
"""

import hashlib
import hmac
import logging
from functools import cache
from pathlib import Path
from secrets import token_bytes, token_hex

from qa.locations import cache_folder

_KEY_BYTES = 32
_log = logging.getLogger("qa")


def seal() -> hmac.HMAC:
    """Return an HMAC-SHA256 with the user's key, to be fed."""
    return hmac.new(_key(cache_folder() / "key"), digestmod=hashlib.sha256)


@cache
def _key(file: Path) -> bytes:
    try:
        if not file.exists() or file.stat().st_size != _KEY_BYTES:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(f".key-{token_hex(4)}")
            draft.touch(0o600, exist_ok=False)
            draft.write_bytes(token_bytes(_KEY_BYTES))
            draft.replace(file)
        return file.read_bytes()
    except OSError as error:
        _log.warning("%s cannot be written (%s): every start makes the index of vectors again.",
                     file, error.strerror)  # fmt: skip
        return token_bytes(_KEY_BYTES)
