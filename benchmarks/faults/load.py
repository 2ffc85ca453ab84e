"""Fifty people ask for ten minutes while the folder changes; then everything at once.

The server is `qa serve`, in a process of its own. Held against what is promised: no error, no quote
that is not in an article (as it is, or was at some time in the run), memory that does not grow. And
then, of a thousand questions at once, clients that hang up, clients that say nothing and uploads
that are too large: refused in words, while others are answered. SIGTERM with questions in hand:
all answered, and ended within ten seconds.

    python benchmarks/faults/load.py                  # twelve minutes
    python benchmarks/faults/load.py --minutes 1
"""

import argparse
import html
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from asking import Asker, Dropped, Refused
from common import SEEDS, row, table
from kill import write_articles

_QUOTE = re.compile(r"<blockquote[^>]*>(.*?)</blockquote>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_QUESTIONS = (
    "Who called off the ceasefire?",
    "What did the president say?",
    "How many ships did the port of Varna take?",
    "Will Turkey return the S-400?",
    "What does Washington want from Ankara?",
    "Which delegate counted crates of salt?",
    "What is the price of tea in Nepal?",
)


class Known:
    """Every article that stood in the folder at some time."""

    def __init__(self, folder: Path) -> None:
        """Begin with what is there."""
        self.folder = folder
        self._texts = [_plain(file.read_text("utf-8")) for file in folder.glob("*.txt")]

    def write(self, name: str, text: str) -> None:
        """Write an article."""
        self._texts.append(_plain(text))
        draft = self.folder / f".{name}"
        draft.write_text(text, "utf-8")
        draft.replace(self.folder / name)

    def wrong(self, answer: str) -> str:
        """Return a quote of the last answer that stands in no article; nothing if all do."""
        turn = answer.rsplit('<section class="qa-turn"', 1)[-1]
        for quoted in _QUOTE.findall(turn):
            text = _plain(html.unescape(_TAG.sub("", quoted)))
            pieces = [piece.strip() for piece in text.split("…")]
            if not all(any(piece in known for known in self._texts) for piece in pieces):
                return text
        return ""


def _plain(text: str) -> str:
    return " ".join(text.split())


@contextmanager
def serving(place: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `qa serve` over the seeds and forty reports more."""
    articles = place / "articles"
    shutil.copytree(SEEDS, articles)
    write_articles(articles, 0, 40)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "qa", "serve", "--no-browser", "--port", str(port)]
    command += ["--articles", str(articles), "--index", str(place / "index")]
    environment = os.environ | {"XDG_DATA_HOME": str(place / "data")}
    with (place / "said.txt").open("wb") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said)
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until:
            with suppress(OSError):
                Asker(port).ask(_QUESTIONS[0])
                break
            time.sleep(0.2)
        yield server, port
    finally:
        server.kill()
        server.wait()


def memory(process: int) -> float:
    """Return the megabytes that a process and its children hold."""
    children = Path(f"/proc/{process}/task/{process}/children")
    ids = [process, *map(int, children.read_text().split())] if children.exists() else [process]
    total = 0.0
    for one in ids:
        with suppress(OSError):
            status = Path(f"/proc/{one}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]
    return total


def in_threads(count: int, act: Callable[[int], None]) -> None:
    """Do something so many times at once, and wait for all."""
    threads = [threading.Thread(target=act, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Run:
    """What comes of many who ask while the folder changes."""

    def __init__(self, server: int, port: int, known: Known, minutes: float) -> None:
        """Begin now."""
        self.began = time.monotonic()
        self.until = self.began + 60 * minutes
        self.took: list[float] = []
        self.bad: list[str] = []
        self.held: list[tuple[float, float]] = []
        self._server, self._port, self._known = server, port, known

    def converse(self, number: int) -> None:
        """Ask five questions, open the page anew, and so on."""
        draw = random.Random(number)
        while time.monotonic() < self.until:
            try:
                asker = Asker(self._port, source=f"127.0.1.{number + 1}", timeout=120)
                for _ in range(5):
                    time.sleep(draw.uniform(0, 8))
                    began = time.monotonic()
                    answer = asker.ask(draw.choice(_QUESTIONS))
                    self.took.append(time.monotonic() - began)
                    if wrong := self._known.wrong(answer):
                        self.bad.append(f"no article says: {wrong[:200]}")
            except (OSError, Refused, StopIteration, ValueError) as error:
                self.bad.append(f"{type(error).__name__}: {error}")

    def change(self) -> None:
        """Write, replace and delete articles."""
        draw = random.Random(0)
        number = 1000
        while time.monotonic() < self.until:
            number += 1
            name = f"{draw.randrange(60):03}.txt"
            if draw.random() < 0.25:
                (self._known.folder / name).unlink(missing_ok=True)
            else:
                with tempfile.TemporaryDirectory() as place:
                    write_articles(Path(place), number, number + 1)
                    self._known.write(name, next(Path(place).iterdir()).read_text("utf-8"))
            time.sleep(draw.uniform(0.5, 3))

    def weigh(self) -> None:
        """See how much memory the server holds."""
        while time.monotonic() < self.until:
            self.held.append(((time.monotonic() - self.began) / 60, memory(self._server)))
            time.sleep(2)


def ten_minutes(server: int, port: int, known: Known, minutes: float, askers: int) -> list[str]:
    """Let many ask while the folder changes, and print what came of it."""
    run = Run(server, port, known, minutes)
    others = [threading.Thread(target=act, daemon=True) for act in (run.change, run.weigh)]
    for other in others:
        other.start()
    in_threads(askers, run.converse)
    for other in others:
        other.join()
    print(table("what", "measured"))
    print(row(f"{askers} askers, {minutes:g} minutes: questions answered", f"{len(run.took):,}"))
    print(row("errors, and quotes that no article says", len(run.bad)))
    p50, p95, p99 = np.percentile(run.took, [50, 95, 99])
    print(row("latency p50, p95, p99", f"{p50:.2f}, {p95:.2f}, {p99:.2f} s"))
    held = np.array(run.held)
    for name, first in (("whole run", 0.0), ("second half", minutes / 2)):
        at, size = held[held[:, 0] >= first].T
        slope = np.polyfit(at, size, 1)[0]
        told = f"{size[0]:.0f} to {size[-1]:.0f} MB, {slope:+.1f} MB a minute"
        print(row(f"memory, {name}", told), flush=True)
    return run.bad


def at_once(port: int, known: Known, count: int) -> list[str]:
    """Ask a thousand questions at once; each is answered or refused in words."""
    counts: Counter[str] = Counter()
    bad: list[str] = []

    def one(number: int) -> None:
        source = f"127.0.{2 + number // 250}.{1 + number % 250}"
        try:
            answer = Asker(port, source=source, timeout=300).ask(_QUESTIONS[number % 7])
            counts["answered"] += 1
            if wrong := known.wrong(answer):
                bad.append(f"no article says: {wrong[:200]}")
        except Dropped as dropped:
            bad.append(f"taken and not answered: {dropped}")
        except Refused as refused:
            counts[f"refused: {str(refused)[:60]}"] += 1
        except OSError as error:
            counts[f"dropped: {type(error).__name__}"] += 1

    in_threads(count, one)
    print(row(f"{count:,} questions at once", ", ".join(f"{n} {k}" for k, n in counts.items())))
    return bad


def rude(port: int) -> list[str]:
    """Have clients hang up, say nothing, and send too much, while one asks as ever."""
    said: Counter[str] = Counter()

    def one(number: int) -> None:
        source = (f"127.0.9.{1 + number % 250}", 0)
        with socket.create_connection(("127.0.0.1", port), 60, source) as client:
            host = f"Host: 127.0.0.1:{port}\r\n"
            if number % 4 == 0:  # hangs up in the middle of a question
                asker = Asker(port, source=source[0])
                events = asker.send(asker._ask[0], [_QUESTIONS[1]] + [None] * (asker._ask[1] - 1))
                next(events, None)
                events.close()  # type: ignore[attr-defined]
            elif number % 4 == 1:  # never finishes its request
                client.sendall(f"GET / HTTP/1.1\r\n{host}".encode())
                hung_up = not client.recv(1)
                said["hung up on"] += hung_up
            elif number % 4 == 2:  # would send more than may be
                client.sendall(
                    f"POST /gradio_api/upload HTTP/1.1\r\n{host}"
                    "Content-Length: 5000000000\r\n\r\n".encode()
                )
                told = b" 413 " in client.recv(4000)
                said["told that it is too large"] += told
            else:  # begins an upload and stalls
                client.sendall(
                    f"POST /gradio_api/upload HTTP/1.1\r\n{host}Content-Length: 1000\r\n"
                    "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
                )
                client.recv(4000)
                said["stalled, and hung up on"] += 1

    crowd = threading.Thread(target=in_threads, args=(200, one))
    crowd.start()
    took: list[float] = []
    bad: list[str] = []
    while crowd.is_alive():
        began = time.monotonic()
        try:
            Asker(port, source="127.0.8.1").ask(_QUESTIONS[0])
        except (OSError, Refused, ValueError) as error:
            bad.append(f"beside rude clients: {error}")
        took.append(time.monotonic() - began)
        time.sleep(0.2)
    done = ", ".join(f"{count} {what}" for what, count in said.items())
    print(row("200 rude clients", f"50 hung up, {done}"))
    print(
        row("beside them", f"{len(took)} questions, slowest {max(took):.2f} s, {len(bad)} errors")
    )
    try:
        Asker(port, source="127.0.8.2", timeout=300).bring({"big.pdf": bytes(210_000_000)})
        bad.append("an upload of 210 MB was taken")
    except Refused as refused:
        print(row("a file of 210 MB", str(refused)[:80]))
    long = Asker(port, source="127.0.8.3").ask("why?" * 25_000)
    declined = re.search(r"The question has [\d,]+ characters[^.]*\.", long)
    print(row("a question of 100,000 characters", declined[0] if declined else "taken"))
    return bad if declined else [*bad, "a question of 100,000 characters was taken"]


def ended(server: subprocess.Popen[bytes], port: int, limit: float = 10) -> list[str]:
    """Ask twenty questions, send SIGTERM, and see that all are answered and it ends in time."""
    counts: Counter[str] = Counter()
    askers = [Asker(port, source=f"127.0.7.{n + 1}") for n in range(20)]
    in_hand = threading.Barrier(21)

    def one(number: int) -> None:
        asker = askers[number]
        event, inputs = asker._ask
        try:
            messages = asker.send(event, [_QUESTIONS[number % 7]] + [None] * (inputs - 1))
            next(messages)
            in_hand.wait()
            done = any(m["msg"] == "process_completed" and m["success"] for m in messages)
            counts["answered" if done else "lost"] += 1
        except (OSError, Refused) as error:
            counts[f"lost: {error}"] += 1
            in_hand.abort()

    crowd = threading.Thread(target=in_threads, args=(20, one))
    crowd.start()
    with suppress(threading.BrokenBarrierError):
        in_hand.wait(60)
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    code = server.wait(60)
    took = time.monotonic() - began
    crowd.join()
    print(row("SIGTERM with 20 questions in hand", f"{dict(counts)}, ended after {took:.1f} s"))
    bad = [] if counts == {"answered": 20} else [f"SIGTERM: {dict(counts)}"]
    return (
        bad if took <= limit and code == 0 else [*bad, f"SIGTERM: {took:.1f} s, exit code {code}"]
    )


def main() -> None:
    """Run all of it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--askers", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qa-load-") as folder:
        place = Path(folder)
        with serving(place) as (server, port):
            known = Known(place / "articles")
            bad = ten_minutes(server.pid, port, known, given.minutes, given.askers)
            bad += at_once(port, known, given.at_once)
            bad += rude(port)
            bad += ended(server, port)
        said = (place / "said.txt").read_text("utf-8", "replace")
        if "Traceback" in said:
            bad.append(said[-3000:])
    print("\n".join(bad[:50]), file=sys.stderr)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
