"""Reading in a child process, so that a parser that hangs or crashes stops only itself.

The child runs this module: ``python -m qa.reading.isolated`` answers requests until its input ends.
A request is a line of JSON (suffix, seconds, number of bytes) and the file's bytes. The reply is a
line of JSON, not a pickle, since an untrusted file may have got control of the child.
"""

import json
import os
import signal
import sys
import time
from contextlib import suppress
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock, Timer
from typing import IO, Any, cast

from qa.errors import ArticleError, CancelledError
from qa.reading.formats import Draft, read

SECONDS = 60.0
"""Time limit for one file. A page takes a tenth of a second, a book of 800 pages some seconds."""
MEMORY = 900_000_000
"""Limit of the child's memory for data, in bytes; not enforced on Windows and macOS."""


class IsolatedReader:
    """Reads files in a child process, which is started when needed and again after a crash.

    Safe to use from several threads: files are read one after the other.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        """Create a reader; no process is started yet.

        Args:
            seconds: Time limit for one file.
        """
        self.seconds = seconds
        self.command = [sys.executable, "-m", "qa.reading.isolated"]
        self.process: Popen[bytes] | None = None
        self.cancelled = False
        self._lock = Lock()  # the process answers one request at a time

    def read(self, content: bytes, suffix: str) -> Draft:
        """Read a file that holds one article; see `qa.reading.formats.read`.

        Raises:
            ArticleError: There is no article in the file, or reading it failed or took too long.
            CancelledError: `cancel` was called.
        """
        header = {"suffix": suffix, "seconds": self.seconds, "length": len(content)}
        with self._lock:
            process, reply = self._started(), b""
            deadline = time.monotonic() + self.seconds
            timer = Timer(self.seconds, process.kill)
            timer.daemon = True
            timer.start()
            try:
                if not self.cancelled:
                    reply = _exchange(process, header, content)
            finally:
                timer.cancel()
                timer.join()
                timed_out = time.monotonic() >= deadline
                if timed_out or not reply:
                    self._stop()
        if not reply and self.cancelled:
            raise CancelledError("Reading was cancelled.")
        if not reply and timed_out:
            raise ArticleError(f"took more than {self.seconds:g} seconds to read, and was given up")
        try:
            return _draft(json.loads(reply))
        except (ValueError, TypeError, LookupError) as error:
            raise ArticleError("broke the reader of its format, and was given up") from error

    def cancel(self) -> None:
        """Stop now, in the middle of a file, and read no other one. May be called by any thread."""
        self.cancelled = True
        if process := self.process:
            process.kill()

    def close(self) -> None:
        """End the process, if there is one, after the file that it is reading."""
        with self._lock:
            self._stop()

    def _started(self) -> Popen[bytes]:
        if self.process and self.process.poll() is None:
            return self.process
        self._stop()
        env = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.process = Popen(self.command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=env)
        return self.process

    def _stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()  # waits for its end and closes the pipes
            self.process = None


def _exchange(process: Popen[bytes], header: dict[str, object], content: bytes) -> bytes:
    """Send a request and return the reply; nothing if the process ends before it is complete."""
    requests, replies = cast("tuple[IO[bytes], IO[bytes]]", (process.stdin, process.stdout))
    reply = b""
    with suppress(OSError):
        requests.write(json.dumps(header).encode() + b"\n")
        requests.write(content)
        requests.flush()
        reply = replies.readline()
    return reply if reply.endswith(b"\n") else b""


def _draft(reply: dict[str, Any]) -> Draft:
    """Return the draft in a reply, in which JSON has turned tuples into lists."""
    if "error" in reply:
        raise ArticleError(str(reply["error"]))
    draft = Draft(*reply["draft"])
    return draft._replace(
        metadata=[(str(field), str(value), str(origin)) for field, value, origin in draft.metadata],
        boilerplate=[(int(start), int(end)) for start, end in draft.boilerplate],
    )


def main() -> None:
    """Answer the requests on standard input, in the child."""
    alarm = getattr(signal, "alarm", lambda _: None)  # Windows has none
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        alarm(int(request["seconds"]) + 5)  # ends this process, in case its parent was killed
        content = sys.stdin.buffer.read(request["length"])
        try:
            reply: dict[str, object] = {"draft": read(content, request["suffix"], {})[0]}
        except ArticleError as error:
            reply = {"error": str(error)}
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()
        alarm(0)


if __name__ == "__main__":
    main()
