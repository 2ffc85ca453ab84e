"""The process in which `qa.readers.isolated` runs readers: a request in, a reply out, until EOF.

A request is a line of JSON (suffix, columns, seconds, number of bytes) and the file's bytes; the
reply is a line of JSON. JSON and not pickle: what comes back was made from an untrusted file.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from qa.errors import ArticleError
from qa.readers import UNFORESEEN, Draft, read

MEMORY = 900_000_000
"""Most bytes of address space for data, where the system can limit it (not on Windows, macOS)."""


def main() -> None:
    """Answer requests on standard input."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    _limit_memory()
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        _end_in(request["seconds"] + 5)
        replies.write(json.dumps(_reply(request, sys.stdin.buffer)).encode() + b"\n")
        replies.flush()
        _end_in(0)


def _reply(request: dict[str, Any], stream: BinaryIO) -> dict[str, Any]:
    content = stream.read(request["length"])
    try:
        found = read(content, request["suffix"], request["columns"])
        return {"found": [["draft" if isinstance(d, Draft) else "unread", *d] for d in found]}
    except ArticleError as error:
        return {"error": str(error)}
    except ImportError as error:
        return {"error": f"cannot be read: the install lacks a part ({error}). Install qa again"}
    except MemoryError:
        return {"error": "needs too much memory to be read"}
    except RecursionError:
        return {"error": "is nested too deeply to be read"}
    except Exception as error:  # noqa: BLE001  # parsers raise what they like on broken files
        return {"error": f"{UNFORESEEN} ({type(error).__name__}: {str(error)[:200]})"}


def _end_in(seconds: float) -> None:
    """Have the system end this process if it still runs then: its parent may have been killed."""
    with suppress(AttributeError):  # Windows has no alarm
        signal.alarm(int(seconds))


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
