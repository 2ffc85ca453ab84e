"""Fifty clients ask for ten minutes while the folder changes; then overload, and shutdown.

The server is `qa serve`, in a process of its own. Checked: no error, no quote that is not in an
article (as it is, or was at some time in the run), memory that does not grow. Then a thousand
questions at once, clients that hang up, clients that send nothing and uploads that are too large:
refused with a message, while other clients are answered. After SIGTERM the accepted questions are
answered, and the server ends within ten seconds.

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
from common import SEEDS, arguments, free_port, report, row, table, write_articles

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
    """Every article that was in the folder at some time."""

    def __init__(self, folder: Path) -> None:
        """Start with the articles that are there."""
        self.folder = folder
        self._texts = [_plain(file.read_text("utf-8")) for file in folder.glob("*.txt")]

    def write(self, name: str, text: str) -> None:
        """Write an article."""
        self._texts.append(_plain(text))
        draft = self.folder / f".{name}"
        draft.write_text(text, "utf-8")
        draft.replace(self.folder / name)

    def wrong(self, answer: str) -> str:
        """Return a quote of the last answer that is in no article; nothing if there is none."""
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
def serving(place: Path, model: str | None = None) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Serve the sample articles and forty reports; provide the process and its port."""
    articles = place / "articles"
    shutil.copytree(SEEDS, articles)
    write_articles(articles, 0, 40)
    port = free_port()
    command = [sys.executable, "-m", "qa", "serve", "--no-browser", "--port", str(port)]
    command += arguments(articles, place / "index", model)
    environment = os.environ | {"XDG_DATA_HOME": str(place / "data")}
    with (place / "output.txt").open("wb") as output:
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
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
    """Return the memory of a process and its children, in megabytes."""
    children = Path(f"/proc/{process}/task/{process}/children")
    ids = [process, *map(int, children.read_text().split())] if children.exists() else [process]
    total = 0.0
    for one in ids:
        with suppress(OSError):
            status = Path(f"/proc/{one}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000  # type: ignore[index]
    return total


def in_threads(count: int, act: Callable[[int], None]) -> None:
    """Call a function with 0, 1, … in as many threads, and wait for all."""
    threads = [threading.Thread(target=act, args=(n,), daemon=True) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Run:
    """Many clients that ask while the folder changes.

    Attributes:
        seconds: Time until each answer.
        bad: Errors and wrong quotes.
        memory: Minutes since the start, and memory of the server, in MB.
    """

    def __init__(self, server: int, port: int, known: Known, minutes: float) -> None:
        """Start the time."""
        self.began = time.monotonic()
        self.until = self.began + 60 * minutes
        self.seconds: list[float] = []
        self.bad: list[str] = []
        self.memory: list[tuple[float, float]] = []
        self._server, self._port, self._known = server, port, known

    def ask(self, number: int) -> None:
        """Ask five questions, open the page again, and so on."""
        draw = random.Random(number)
        while time.monotonic() < self.until:
            try:
                asker = Asker(self._port, source=f"127.0.1.{number + 1}", timeout=120)
                for _ in range(5):
                    time.sleep(draw.uniform(0, 8))
                    began = time.monotonic()
                    answer = asker.ask(draw.choice(_QUESTIONS))
                    self.seconds.append(time.monotonic() - began)
                    if wrong := self._known.wrong(answer):
                        self.bad.append(f"in no article: {wrong[:200]}")
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
                self._known.write(name, report(number))
            time.sleep(draw.uniform(0.5, 3))

    def measure_memory(self) -> None:
        """Measure the memory of the server every two seconds."""
        while time.monotonic() < self.until:
            self.memory.append(((time.monotonic() - self.began) / 60, memory(self._server)))
            time.sleep(2)


def ask_while_changing(
    server: int, port: int, known: Known, minutes: float, clients: int
) -> list[str]:
    """Let many clients ask while the folder changes, and print the results."""
    run = Run(server, port, known, minutes)
    others = [threading.Thread(target=act, daemon=True) for act in (run.change, run.measure_memory)]
    for other in others:
        other.start()
    in_threads(clients, run.ask)
    for other in others:
        other.join()
    print(table("what", "measured"))
    print(
        row(f"{clients} clients, {minutes:g} minutes: questions answered", f"{len(run.seconds):,}")
    )
    print(row("errors, and quotes that are in no article", len(run.bad)))
    p50, p95, p99 = np.percentile(run.seconds, [50, 95, 99])
    print(row("latency p50, p95, p99", f"{p50:.2f}, {p95:.2f}, {p99:.2f} s"))
    held = np.array(run.memory)
    for name, first in (("whole run", 0.0), ("second half", minutes / 2)):
        at, size = held[held[:, 0] >= first].T
        slope = np.polyfit(at, size, 1)[0]
        growth = f"{size[0]:.0f} to {size[-1]:.0f} MB, {slope:+.1f} MB a minute"
        print(row(f"memory, {name}", growth), flush=True)
    return run.bad


def at_once(port: int, known: Known, count: int) -> list[str]:
    """Ask many questions at once; each is answered, or refused with a message."""
    counts: Counter[str] = Counter()
    bad: list[str] = []

    def one(number: int) -> None:
        source = f"127.0.{2 + number // 250}.{1 + number % 250}"
        try:
            answer = Asker(port, source=source, timeout=300).ask(_QUESTIONS[number % 7])
            counts["answered"] += 1
            if wrong := known.wrong(answer):
                bad.append(f"in no article: {wrong[:200]}")
        except Dropped as dropped:
            bad.append(f"accepted and not answered: {dropped}")
        except Refused as refused:
            counts[f"refused: {str(refused)[:60]}"] += 1
        except OSError as error:
            counts[f"dropped: {type(error).__name__}"] += 1

    in_threads(count, one)
    print(row(f"{count:,} questions at once", ", ".join(f"{n} {k}" for k, n in counts.items())))
    return bad


def misbehave(port: int) -> list[str]:
    """Let clients hang up, send nothing, and send too much, while another one asks."""
    results: Counter[str] = Counter()

    def one(number: int) -> None:
        source = (f"127.0.9.{1 + number % 250}", 0)
        with socket.create_connection(("127.0.0.1", port), 60, source) as client:
            host = f"Host: 127.0.0.1:{port}\r\n"
            if number % 4 == 0:  # hangs up in the middle of a question
                asker = Asker(port, source=source[0])
                events = asker.submit(_QUESTIONS[1])
                next(events, None)
                events.close()  # type: ignore[attr-defined]
            elif number % 4 == 1:  # never finishes its request
                client.sendall(f"GET / HTTP/1.1\r\n{host}".encode())
                hung_up = not client.recv(1)
                results["disconnected"] += hung_up
            elif number % 4 == 2:  # announces more than is allowed
                client.sendall(
                    f"POST /gradio_api/upload HTTP/1.1\r\n{host}"
                    "Content-Length: 5000000000\r\n\r\n".encode()
                )
                refused = b" 413 " in client.recv(4000)
                results["refused as too large"] += refused
            else:  # stops in the middle of an upload
                client.sendall(
                    f"POST /gradio_api/upload HTTP/1.1\r\n{host}Content-Length: 1000\r\n"
                    "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
                )
                client.recv(4000)
                results["disconnected in an upload"] += 1

    crowd = threading.Thread(target=in_threads, args=(200, one))
    crowd.start()
    seconds: list[float] = []
    bad: list[str] = []
    while crowd.is_alive():
        began = time.monotonic()
        try:
            Asker(port, source="127.0.8.1").ask(_QUESTIONS[0])
        except (OSError, Refused, ValueError) as error:
            bad.append(f"while clients misbehave: {error}")
        seconds.append(time.monotonic() - began)
        time.sleep(0.2)
    done = ", ".join(f"{count} {what}" for what, count in results.items())
    print(row("200 clients that misbehave", f"50 hung up, {done}"))
    print(
        row(
            "meanwhile",
            f"{len(seconds)} questions, slowest {max(seconds):.2f} s, {len(bad)} errors",
        )
    )
    try:
        Asker(port, source="127.0.8.2", timeout=300).upload({"big.pdf": bytes(210_000_000)})
        bad.append("an upload of 210 MB was accepted")
    except Refused as refused:
        print(row("a file of 210 MB", str(refused)[:80]))
    long = Asker(port, source="127.0.8.3").ask("why?" * 25_000)
    declined = re.search(r"The question has [\d,]+ characters[^.]*\.", long)
    print(row("a question of 100,000 characters", declined[0] if declined else "accepted"))
    return bad if declined else [*bad, "a question of 100,000 characters was accepted"]


def shut_down(server: subprocess.Popen[bytes], port: int, limit: float = 10) -> list[str]:
    """Ask twenty questions, send SIGTERM, and check that all are answered and it ends in time."""
    counts: Counter[str] = Counter()
    askers = [Asker(port, source=f"127.0.7.{n + 1}") for n in range(20)]
    accepted = threading.Barrier(21)

    def one(number: int) -> None:
        try:
            messages = askers[number].submit(_QUESTIONS[number % 7])
            next(messages)
            accepted.wait()
            done = any(m["msg"] == "process_completed" and m["success"] for m in messages)
            counts["answered" if done else "lost"] += 1
        except (OSError, Refused) as error:
            counts[f"lost: {error}"] += 1
            accepted.abort()

    crowd = threading.Thread(target=in_threads, args=(20, one))
    crowd.start()
    with suppress(threading.BrokenBarrierError):
        accepted.wait(60)
    began = time.monotonic()
    server.send_signal(signal.SIGTERM)
    code = server.wait(60)
    seconds = time.monotonic() - began
    crowd.join()
    print(row("SIGTERM after 20 questions", f"{dict(counts)}, ended after {seconds:.1f} s"))
    bad = [] if counts == {"answered": 20} else [f"SIGTERM: {dict(counts)}"]
    if seconds > limit or code:
        bad.append(f"SIGTERM: {seconds:.1f} s, exit code {code}")
    return bad


def main() -> None:
    """Run all parts, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qa-load-") as folder:
        place = Path(folder)
        with serving(place) as (server, port):
            known = Known(place / "articles")
            bad = ask_while_changing(server.pid, port, known, given.minutes, given.clients)
            bad += at_once(port, known, given.at_once)
            bad += misbehave(port)
            bad += shut_down(server, port)
        output = (place / "output.txt").read_text("utf-8", "replace")
        if "Traceback" in output:
            bad.append(output[-3000:])
    print("\n".join(bad[:50]), file=sys.stderr)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
