"""Readers in a process of their own: one that hangs, crashes or swells is ended, and only that."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import IO

from qa.errors import ArticleError
from qa.readers import Draft, Unread

SECONDS = 60.0
"""Most time for one file; a page takes a tenth of a second, a book of 800 pages some seconds."""


class EndedError(Exception):
    """It was told to end while it read, or before; the file is neither read nor unreadable."""


class IsolatedReader:
    """A process that reads files, started at the first and again after one that broke it."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Start nothing yet."""
        self.seconds = seconds
        self.command = [sys.executable, "-m", "qa.readers.worker"]
        self.process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self.ended = False
        self._replies: SimpleQueue[bytes] = SimpleQueue()

    def read(self, content: bytes, suffix: str, columns: Mapping[str, str]) -> list[Draft | Unread]:
        """See `qa.readers.read`.

        Raises:
            ArticleError: There is no article in it, or reading it took too long or broke off.
            EndedError: It was told to end.
        """
        header = {
            "suffix": suffix,
            "columns": dict(columns),
            "seconds": self.seconds,
            "length": len(content),
        }
        with self._lock:
            if self.ended:
                raise EndedError
            process = self._started()
            sender = Thread(target=_send, args=(process.stdin, header, content), daemon=True)
            sender.start()
            try:
                line = self._replies.get(timeout=self.seconds)
            except Empty:
                self._end()
                raise ArticleError(
                    f"took more than {self.seconds:.0f} seconds to read, and was given up"
                ) from None
            if not line:  # it ended: a parser crashed, or memory ran out
                self._end()
                if self.ended:
                    raise EndedError
                raise ArticleError("broke the reader of its format, and was given up")
        reply = json.loads(line)
        if "error" in reply:
            raise ArticleError(reply["error"])
        return [_item(*item) for item in reply["found"]]

    def end(self) -> None:
        """End now, in the middle of a file, and read no other one."""
        self.ended = True
        if process := self.process:
            process.kill()

    def close(self) -> None:
        """End the process, if there is one; a file that is being read is read first."""
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.process and self.process.poll() is None:
            return self.process
        self._end()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._replies = SimpleQueue()
        Thread(target=_receive, args=(self.process.stdout, self._replies), daemon=True).start()
        return self.process

    def _end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                with suppress(OSError):
                    if stream:
                        stream.close()
            self.process = None


def _send(stream: IO[bytes], header: Mapping[str, object], content: bytes) -> None:
    with suppress(OSError, ValueError):  # it has ended: the reply tells
        stream.write(json.dumps(header).encode() + b"\n")
        stream.write(content)
        stream.flush()


def _receive(stream: IO[bytes], replies: "SimpleQueue[bytes]") -> None:
    with suppress(OSError, ValueError):
        for line in stream:
            replies.put(line)
    replies.put(b"")


def _item(kind: str, *values: object) -> Draft | Unread:
    """Return a record as it was before JSON made lists of its tuples."""
    if kind == "unread":
        return Unread(*map(str, values))
    draft = Draft(*values)  # type: ignore[arg-type]
    return draft._replace(
        found=[(str(f), str(v), str(o)) for f, v, o in draft.found],
        boilerplate=[(int(start), int(end)) for start, end in draft.boilerplate],
    )
