"""The process that `qa.reading.isolated` starts: it answers requests until its input ends.

A request is a line of JSON (suffix, seconds, number of bytes) and the file's bytes. The reply is a
line of JSON, not a pickle, since an untrusted file may have got control of this process.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any, BinaryIO

from qa.errors import ArticleError
from qa.reading.formats import read

MEMORY = 900_000_000
"""Limit of this process's memory for data, in bytes; not enforced on Windows and macOS."""


def main() -> None:
    """Answer the requests on standard input."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    _limit_memory()
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        _exit_after(request["seconds"] + 5)
        replies.write(json.dumps(_reply(request, sys.stdin.buffer)).encode() + b"\n")
        replies.flush()
        _exit_after(0)


def _reply(request: dict[str, Any], stream: BinaryIO) -> dict[str, Any]:
    content = stream.read(request["length"])
    try:
        [draft] = read(content, request["suffix"], {})
    except ArticleError as error:
        return {"error": str(error)}
    return {"draft": draft}


def _exit_after(seconds: float) -> None:
    """Have the system end this process, in case its parent was killed; 0 withdraws that."""
    with suppress(AttributeError):  # Windows has no alarm
        signal.alarm(int(seconds))


def _limit_memory() -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
