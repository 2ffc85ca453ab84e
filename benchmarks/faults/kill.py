"""Kill the program with SIGKILL at random moments and at named steps, and check what is left.

Three ways: `qa index` after articles were added, replaced, copied and deleted; `qa serve` while it
indexes these changes; an upload to a server. After each kill:

- the index can be opened and answers questions, and `PRAGMA integrity_check` reports "ok";
- every article is stored completely (passages, sentences, bands of shingles) or not at all;
- nothing that was indexed before and is still in the folder is missing;
- a sync completes the index, embeds only what was missing, and the answers are those of an index
  that was never interrupted;
- in the folder of articles every file is complete.

    python benchmarks/faults/kill.py             # 500 moments for each way, and all steps: hours
    python benchmarks/faults/kill.py --moments 20 --way index
"""

import argparse
import importlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

from common import QUESTIONS, answers, arguments, free_port, report, row, table, write_articles

from qa import Corpus

WAYS = ("index", "serve", "upload")
BEFORE, ALL = 8, 26
"""Numbers of articles that are indexed before the changes, and that there are after them."""
_DEADLINE = 60.0
_SERVED_WITHIN = 15.0  # seconds in which a server indexes the changes
STEPS = (
    "qa.index.store:Store.put_text",
    "qa.index.store:Store.put_articles",
    "qa.index.store:Store.put_files",
    "qa.index.store:Store.remove_articles",
    "qa.index.store:Store.refresh_indexes",
    "qa.index.store:_put_articles",
    "qa.index.store:_delete_passages",
    "qa.index.store:_term_numbers",
    "qa.index.store:_count_passages",
    "qa.index.vector_index:VectorIndex.add",
    "qa.index.vector_index:VectorIndex.remove",
    "qa.index.vector_index:VectorIndex.save",
    "qa.index.term_index:TermIndex.update",
    "qa.index.term_index:TermIndex._write",
    "qa.index.term_index:TermIndex._write_facts",
    "qa.index.search:SearchIndexes._update_vectors",
    "qa.index.search:SearchIndexes._update_terms",
    "qa.index.sync:Sync._put",
    "os:fsync",
    "pathlib:Path.replace",
)
UPLOAD_STEPS = (
    "qa.reading.intake:check",
    "qa.reading.intake:add",
    "qa.reading.intake:_copy",
    "qa.reading.intake:_rename",
    "os:link",
    "pathlib:Path.unlink",
    "qa.corpus:Corpus.add",
    "qa.corpus:Corpus.sync",
)


def write_before(folder: Path) -> None:
    """Write the articles that are indexed before the changes."""
    write_articles(folder, 0, BEFORE)
    (folder / "000.txt").write_text(report(900), "utf-8")
    (folder / "gone.txt").write_text(report(901), "utf-8")


def write_all(folder: Path) -> None:
    """Make all changes to a folder: add articles, replace one, copy one, delete one."""
    write_articles(folder, 0, ALL)
    (folder / "copy.txt").write_text(report(1), "utf-8")
    (folder / "gone.txt").unlink(missing_ok=True)


def find(name: str) -> tuple[Any, str]:
    """Return the object that has a step as an attribute, and the attribute's name."""
    module, _, path = name.partition(":")
    holder: Any = importlib.import_module(module)
    *parents, last = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    return holder, last


def kill_at(step: str) -> None:
    """Make this process kill itself before a step (`NAME@COUNT`) or after it (`NAME@COUNT+`)."""
    name, _, when = step.partition("@")
    holder, last = find(name)
    real = getattr(holder, last)
    calls = 0

    def rigged(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == int(when.rstrip("+")):
            if when.endswith("+"):
                real(*args, **more)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **more)

    setattr(holder, last, rigged)


def start(command: list[str], place: Path, step: str = "") -> int:
    """Start `qa` in a fork of this process, where its modules are loaded; return its id."""
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    code = 70
    with suppress(BaseException):
        if step:
            kill_at(step)
        from qa.cli import main

        with (place / "output.txt").open("w", encoding="utf-8") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        sys.argv = ["qa", *command]
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    os._exit(code)


def end(child: int) -> None:
    """Kill a child and the processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(child, 0)


def wait(child: int, seconds: float) -> int | None:
    """Wait for a child to end; return its status, or None if it still runs."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    return None


class Checker:
    """A folder with a prepared index in ``pristine``, and the check of what a kill left of a copy.

    Attributes:
        place: The folder.
        model: The embedding model; None for the built-in one.
    """

    def __init__(self, place: Path, model: str | None = None) -> None:
        """Write the articles, index those from before the changes, and all, in two folders."""
        from qa.models.embedder import Embedder

        self.place = place
        self.model = model
        self._embedder: Embedder = Embedder(model)
        base = place / "base"
        write_before(base / "articles")
        write_all(place / "all")
        with Corpus(base / "articles", base / "index", self._embedder) as corpus:
            corpus.sync()
            self._before = _parts(corpus)
        # An index moves along with its articles only if they are not where they were.
        base.rename(place / "pristine")
        with Corpus(place / "all", place / "all-index", self._embedder) as corpus:
            corpus.sync()
            self._parts = _parts(corpus)
            self._answers = _sorted(answers(corpus))
        self._files = _contents(place / "all")
        self._known = {*self._files.items(), *_contents(place / "pristine" / "articles").items()}

    def check(self, trial: Path, *, has_index: bool = True) -> str:
        """Return what is wrong with a copy; nothing if all is well.

        Args:
            trial: The copy: ``articles`` and ``index``.
            has_index: Whether the articles from before the changes must be in the index.
        """
        articles = trial / "articles"
        if not _contents(articles).items() <= self._known:
            return "a file in the folder is not complete"
        with Corpus(articles, trial / "index", self._embedder) as corpus:
            corpus.answer(QUESTIONS[0])  # before any sync
            with corpus._store.snapshot() as snapshot:
                integrity = snapshot.query("PRAGMA integrity_check")
            kept = _parts(corpus)
            write_all(articles)  # with what an upload did not bring
            embedded = corpus.sync().embedded
            missing = sum(found[0] for key, found in self._parts.items() if key not in kept)
            stay = self._before.keys() & self._parts.keys() if has_index else set()
            paths = {a.path for a in (*corpus.articles(), *corpus.duplicates())}
            checks = {
                f"integrity_check: {integrity}": integrity == [("ok",)],
                "an article is stored in part, or is none of ours": (
                    kept.items() <= self._before.items() | self._parts.items()
                ),
                "articles that were indexed are missing": stay <= kept.keys(),
                f"{embedded} passages embedded, {missing} were missing": embedded == missing,
                "a sync did not complete the index": _parts(corpus) == self._parts,
                "a sync did not complete the paths": paths == self._files.keys(),
                "the answers are others": _sorted(answers(corpus)) == self._answers,
            }
        return "; ".join(name for name, right in checks.items() if not right)


def _contents(folder: Path) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in folder.iterdir() if not f.name.startswith(".")}


def _parts(corpus: Corpus) -> dict[str, tuple[int, ...]]:
    """Return the number of passages, sentences, bands and terms of each stored text, by id."""
    with corpus._store.snapshot() as snapshot:
        rows = snapshot.query(
            "SELECT article_id, (SELECT count(*) FROM passages WHERE text_number = number), "
            "(SELECT count(*) FROM sentences WHERE text_number = number), "
            "(SELECT count(*) FROM bands WHERE text_number = number), "
            "(SELECT sum(length(terms)) FROM passages WHERE text_number = number) FROM texts"
        )
    return {key: tuple(found) for key, *found in rows}


def _sorted(found: list[Any]) -> list[Any]:
    """Return answers whose quotes are in one order: rows of the index may be in another."""
    return [sorted(quotes) for quotes in found]


class CheckerProcess:
    """A `Checker` in a process of its own: one that has loaded the model must not be forked."""

    def __init__(self, place: Path, model: str | None = None) -> None:
        """Start it, and wait until it has prepared the folder."""
        command = [sys.executable, __file__, "--check", str(place), "--model", model or ""]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._receive()

    def check(self, trial: Path, *, has_index: bool = True) -> str:
        """See `Checker.check`."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([str(trial), has_index]) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _receive(self) -> str:
        assert self._process.stdout
        return str(json.loads(self._process.stdout.readline() or '"the checker crashed"'))


def serve_checks(place: Path, model: str | None) -> None:
    """Check the trials that standard input names, one per line."""
    checker = Checker(place, model)
    print(json.dumps(""), flush=True)
    for line in sys.stdin:
        trial, has_index = json.loads(line)
        try:
            wrong = checker.check(Path(trial), has_index=has_index)
        except Exception as error:  # noqa: BLE001  # any exception is a failure
            wrong = f"{type(error).__name__}: {error}"
        print(json.dumps(wrong), flush=True)


def copy_pristine(place: Path) -> Path:
    """Return a copy of the prepared articles and index."""
    trial = Path(tempfile.mkdtemp(dir=place, prefix="trial-"))
    shutil.copytree(place / "pristine", trial, dirs_exist_ok=True)
    return trial


def run_and_kill(
    way: str, place: Path, kill_after: float | None, step: str = "", model: str | None = None
) -> tuple[Path, bool]:
    """Change the articles of a copy, run `qa` there, and kill it.

    Args:
        way: One of `WAYS`.
        place: The folder of a `Checker`.
        kill_after: Seconds until it is killed; None to wait for the step.
        step: See `kill_at`.
        model: The embedding model; None for the built-in one.

    Returns:
        The copy, and whether it was killed before it was done.

    Raises:
        TimeoutError: It neither came to the step nor ended.
    """
    trial = copy_pristine(place)
    articles = trial / "articles"
    options = arguments(articles, trial / "index", model)
    if way == "index":
        write_all(articles)
        child = start(["index", *options], trial, step)
        status = wait(child, _DEADLINE if kill_after is None else kill_after)
        if status is None:
            end(child)
            if step:
                raise TimeoutError(f"{step} did not come")
        return trial, status is None or os.WIFSIGNALED(status)
    port = free_port()
    child = start(["serve", "--no-browser", "--port", str(port), *options], trial, step)
    try:
        if _ends_before_it_responds(child, port):  # at a step of its start
            return trial, True
        if way == "serve":
            write_all(articles)
        else:
            Thread(target=_upload, args=(place, port), daemon=True).start()
        if kill_after is None:
            return trial, wait(child, _SERVED_WITHIN) is not None
        time.sleep(kill_after)
        return trial, True
    finally:
        end(child)


def _ends_before_it_responds(child: int, port: int) -> bool:
    until = time.monotonic() + _DEADLINE
    while time.monotonic() < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return False
        time.sleep(0.02)
    raise TimeoutError("the server did not start")


def _upload(place: Path, port: int) -> None:
    from asking import Asker

    files = {
        f"{n:03}.txt": (place / "all" / f"{n:03}.txt").read_bytes() for n in range(BEFORE, ALL)
    }
    with suppress(Exception):  # the server is killed meanwhile
        Asker(port).upload(files)


def steps(way: str) -> list[str]:
    """Return every step, to kill before and after its first, second and fifth call."""
    names = STEPS + UPLOAD_STEPS if way == "upload" else STEPS
    return [f"{name}@{count}{mark}" for name in names for count in (1, 2, 5) for mark in ("", "+")]


def main() -> None:
    """Kill, check, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=500, help="for each way")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--only", choices=["moments", "steps"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="folder of an embedding model")
    parser.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.check:
        serve_checks(given.check, given.model or None)
        return
    began = time.monotonic()
    lost: list[str] = []
    print(table("way", "kills", "passed", "lost", "done before the kill"))
    with tempfile.TemporaryDirectory(prefix="qa-kill-") as folder:
        place = Path(folder)
        os.environ["XDG_DATA_HOME"] = str(place / "data")
        checker = CheckerProcess(place, given.model)
        import qa.web.server  # noqa: F401  # before the forks, so that a child need not

        for way in given.way or WAYS:
            draw = random.Random(given.seed)
            longest = _usual_seconds(place, given.model) if way == "index" else 4.0
            moments = [(draw.uniform(0, longest), "") for _ in range(given.moments)]
            named = [(None, step) for step in steps(way)]
            if given.only != "steps":
                lost += kill_all(f"{way}: moments", way, moments, checker, place, given.model)
            if given.only != "moments":
                lost += kill_all(f"{way}: steps", way, named, checker, place, given.model)
        checker.close()
    print(f"\n{time.monotonic() - began:.0f} s")
    print("\n".join(lost), file=sys.stderr)
    sys.exit(bool(lost))


def kill_all(
    name: str,
    way: str,
    kills: Sequence[tuple[float | None, str]],
    checker: CheckerProcess,
    place: Path,
    model: str | None,
) -> list[str]:
    """Kill at each moment or step, check, and print a row; return what was lost."""
    counts: Counter[str] = Counter()
    lost: list[str] = []
    for moment, step in kills:
        trial, killed = run_and_kill(way, place, moment, step, model)
        wrong = checker.check(trial)
        counts["kills" if killed else "done"] += 1
        counts["lost" if wrong else "passed"] += killed or bool(wrong)
        if wrong:
            lost.append(f"{way} {moment} {step}: {wrong}")
        shutil.rmtree(trial, ignore_errors=True)
    print(row(name, *(counts[key] for key in ("kills", "passed", "lost", "done"))), flush=True)
    return lost


def _usual_seconds(place: Path, model: str | None) -> float:
    """Return how long `qa index` takes if it is not killed."""
    began = time.monotonic()
    trial, _ = run_and_kill("index", place, None, "", model)
    shutil.rmtree(trial)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
