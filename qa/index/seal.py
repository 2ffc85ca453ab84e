"""A keyed hash that proves that a file is intact and was written by this user.

FAISS is written in C++ and trusts the bytes it loads, so it must not load bytes that someone else
made; a plain checksum would accept them. The key lies in the user's cache folder. Without the key
(another user, another machine) the search index is built again from the database.
"""

import hashlib
import hmac
import logging
from functools import cache
from pathlib import Path
from secrets import token_bytes

from qa.files import write_atomically
from qa.locations import cache_folder

_KEY_BYTES = 32
_log = logging.getLogger("qa")


def seal() -> hmac.HMAC:
    """Return an HMAC-SHA256 with the user's key."""
    return hmac.new(_key(cache_folder() / "key"), digestmod=hashlib.sha256)


@cache
def _key(file: Path) -> bytes:
    try:
        if not file.exists() or file.stat().st_size != _KEY_BYTES:
            with write_atomically(file, mode=0o600) as stream:
                stream.write(token_bytes(_KEY_BYTES))
        return file.read_bytes()
    except OSError as error:
        reason = f"{file} cannot be written ({error.strerror})"
        _log.warning("%s: every start builds the vector index again.", reason)
        return token_bytes(_KEY_BYTES)
