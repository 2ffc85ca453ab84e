"""Kill the program with SIGKILL at random moments and at every named step; see what is left.

Three ways: `qa index` while articles are added and one is replaced, `qa serve` while it takes in a
folder that changes, and an upload to it. After each kill:

- the next start answers, and `PRAGMA integrity_check` is ok;
- every article is wholly in (all its passages, sentences and fingerprints) or wholly out;
- nothing that was indexed before is gone, and nothing is there that nobody wrote;
- a sync finishes the rest, embeds that and nothing else, and the answers are those of an index
  that was never disturbed;
- in the folder of articles every file is whole.

    python benchmarks/faults/kill.py                  # 500 moments a way, and the steps: hours
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

from common import QUESTIONS, answers, row, table

WAYS = ("index", "serve", "upload")
BEFORE, ALL = 8, 26
_DEADLINE = 60.0
# In which a server takes in what has changed.
_SYNCED_BY = 15.0
STEPS = (
    "qa.store.local:LocalStore.put",
    "qa.store.local:LocalStore.put_files",
    "qa.store.local:LocalStore.put_twins",
    "qa.store.local:LocalStore.remove",
    "qa.store.local:LocalStore.update",
    "qa.store.writing:drop",
    "qa.store.writing:_numbers",
    "qa.store.writing:_count",
    "qa.store.writing:add",
    "qa.store.local:LocalStore.settle",
    "qa.store.vectors:VectorIndex.update",
    "qa.store.vectors:VectorIndex.save",
    "qa.store.vectors:_write",
    "qa.store.terms:TermIndex.update",
    "qa.store.terms:TermIndex._write",
    "qa.store.terms:TermIndex._note_sums",
    "qa.store.terms:_sum",
    "qa.store.search:Search._update_vectors",
    "qa.store.search:Search._update_terms",
    "qa.indexing:_Sync._file",
    "qa.indexing:_Sync._put",
    "os:fsync",
    "pathlib:Path.replace",
)
UPLOAD_STEPS = (
    "qa.intake:check",
    "qa.intake:add",
    "qa.intake:_copy",
    "qa.intake:_settle",
    "os:link",
    "pathlib:Path.unlink",
    "qa.corpus:Corpus.add",
    "qa.corpus:Corpus.sync",
)


def write_articles(folder: Path, first: int, last: int) -> None:
    """Write some reports, each of its own words, and one that is copied by two outlets."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, last):
        draw = random.Random(number)
        lines = [
            f"On day {number} of the strike the port of Varna took {draw.randint(10, 900)} ships.",
            "The president said that the ceasefire would be called off within a week.",
        ] + [
            f"Delegate {draw.choice('ABCDEFGH')}{n} counted {draw.randint(2, 99)} crates of "
            f"{draw.choice(['figs', 'salt', 'wool', 'iron'])} in hall {draw.randint(1, 40)}."
            for n in range(12)
        ]
        (folder / f"{number:03}.txt").write_text(f"Report {number}\n\n{' '.join(lines)}\n", "utf-8")


def run_killed(command: list[str], step: str, log: Path) -> None:
    """Be `qa`, to die before one of its steps (`NAME@COUNT`) or after it (`NAME@COUNT+`)."""
    if step:
        name, _, when = step.partition("@")
        _rig(name, int(when.rstrip("+")), after=when.endswith("+"))
    from qa.cli import main

    with log.open("w", encoding="utf-8") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    sys.argv = ["qa", *command]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    os._exit(code)


def _rig(name: str, when: int, *, after: bool) -> None:
    holder, last = find(name)
    real = getattr(holder, last)
    count = 0

    def rigged(*args: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == when and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args, **more)
        if count == when:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(holder, last, rigged)


def find(name: str) -> tuple[Any, str]:
    """Return what holds a step, and what it is called there."""
    module, _, path = name.partition(":")
    holder: Any = importlib.import_module(module)
    *parents, last = path.split(".")
    for parent in parents:
        holder = getattr(holder, parent)
    return holder, last


def start(command: list[str], place: Path, step: str = "") -> int:
    """Start `qa` in a child of this process, which has its modules loaded; return its id."""
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    with suppress(BaseException):
        run_killed(command, step, place / "said.txt")
    os._exit(70)


def end(child: int) -> None:
    """Kill the child, and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        os.waitpid(child, 0)


def wait(child: int, seconds: float) -> int | None:
    """Wait for the child to end; return its status, or None if it still runs."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        time.sleep(0.005)
    return None


class Verifier:
    """A process with the model loaded that looks at what a kill has left."""

    def __init__(self, place: Path) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--verify", str(place)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdin
        assert self._process.stdout
        self._in, self._out = self._process.stdin, self._process.stdout

    def look(self, trial: Path, *, needs_before: bool = True) -> str:
        """Return what is wrong; nothing if all is well."""
        self._in.write(json.dumps([str(trial), needs_before]) + "\n")
        self._in.flush()
        return str(json.loads(self._out.readline() or '"the verifier crashed"'))

    def close(self) -> None:
        """End it."""
        self._in.close()
        self._process.wait()


def verify(place: Path) -> None:
    """Be the verifier: a trial's folder a line, what is wrong with it a line."""
    from qa import Corpus
    from qa.embedding import LocalEmbedder

    embedder = LocalEmbedder()
    originals = {f.name: f.read_bytes() for f in (place / "all").iterdir()}
    with Corpus(place / "all", place / "all-index", embedder) as whole:
        whole.sync()
        parts = _parts(whole)
        known = _by_name(answers(whole))
    before = json.loads((place / "before.json").read_text("utf-8"))
    for line in sys.stdin:
        trial, needs_before = json.loads(line)
        try:
            said = _wrong(
                Path(trial), embedder, originals, parts, known, before if needs_before else []
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a loss
            said = f"{type(error).__name__}: {error}"
        print(json.dumps(said), flush=True)


def _wrong(
    trial: Path, embedder: Any, originals: dict[str, bytes], parts: dict[str, Any],
    known: object, before: list[str],
) -> str:  # fmt: skip
    """Return what is wrong; nothing if all is well."""
    from qa import Corpus

    articles = trial / "articles"
    for file in articles.iterdir():
        if not file.name.startswith(".") and file.read_bytes() != originals[file.name]:
            return f"{file.name} in the folder is not whole"
    with Corpus(articles, trial / "index", embedder) as corpus:
        corpus.answer(QUESTIONS[0])  # as it is, before any sync
        whole = corpus._store._database.query("PRAGMA integrity_check")
        kept = _parts(corpus)
        for name, content in originals.items():  # what an upload had not brought is brought now
            (articles / name).write_bytes(content)
        embedded = corpus.sync().embedded
        rest = sum(found[0] for key, found in parts.items() if key not in kept)
        checks = {
            f"integrity_check: {whole}": whole == [("ok",)],
            "an article is there in part, or not one of ours": kept.items() <= parts.items(),
            "articles that were indexed are gone": set(before) <= kept.keys(),
            f"{embedded} passages embedded, {rest} were missing": embedded == rest,
            "a sync did not finish the rest": _parts(corpus) == parts,
            "other answers than of an index never disturbed": _by_name(answers(corpus)) == known,
        }
    return "; ".join(name for name, right in checks.items() if not right)


def _parts(corpus: Any) -> dict[str, tuple[int, ...]]:
    """Return how many passages, sentences, bands and terms each article has."""
    rows = corpus._store._database.query(
        "SELECT article_id, (SELECT count(*) FROM passages WHERE article = number), "
        "(SELECT count(*) FROM sentences WHERE article = number), "
        "(SELECT count(*) FROM bands WHERE article = number), "
        "(SELECT sum(length(terms)) FROM passages WHERE article = number) FROM articles"
    )
    return {key: tuple(found) for key, *found in rows}


def _by_name(found: list[Any]) -> list[Any]:
    return [sorted(map(list, quotes)) for quotes in found]


def prepare(place: Path) -> None:
    """Write all the articles, and an index of the first of them."""
    write_articles(place / "all", 0, ALL)
    write_articles(place / "base" / "articles", 0, BEFORE)
    code = (
        "import json, sys; from pathlib import Path; from qa import Corpus\n"
        "place = Path(sys.argv[1])\n"
        "with Corpus.open(place / 'base/articles', place / 'base/index') as corpus:\n"
        "    ids = [a.article_id for a in corpus.articles()]\n"
        "(place / 'before.json').write_text(json.dumps(ids))"
    )
    subprocess.run([sys.executable, "-c", code, str(place)], check=True)
    # An index moves along with articles that were moved; those that are still there keep theirs.
    (place / "base").rename(place / "pristine")


def trial(way: str, place: Path, kill_after: float | None, step: str = "") -> tuple[Path, bool]:
    """Run once and kill; return where, and whether it was killed before it was done."""
    where = Path(tempfile.mkdtemp(dir=place, prefix="trial-"))
    shutil.copytree(place / "pristine", where, dirs_exist_ok=True)
    articles, index = where / "articles", where / "index"
    command = ["--articles", str(articles), "--index", str(index)]
    if way == "index":
        write_articles(articles, BEFORE, ALL)
        child = start(["index", *command], where, step)
        status = wait(child, _DEADLINE if kill_after is None else kill_after)
        killed = status is None or os.WIFSIGNALED(status)
        if status is None:
            end(child)
        return where, killed
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = start(["serve", "--no-browser", "--port", str(port), *command], where, step)
    try:
        if _ended_before_it_answers(child, port):  # at a step that is on the way there
            return where, True
        if way == "serve":
            write_articles(articles, BEFORE, ALL)
        else:
            Thread(target=_bring, args=(place, port), daemon=True).start()
        if kill_after is None:
            return where, wait(child, _SYNCED_BY) is not None
        time.sleep(kill_after)
        return where, True
    finally:
        end(child)


def _ended_before_it_answers(child: int, port: int) -> bool:
    until = time.monotonic() + _DEADLINE
    while time.monotonic() < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return True
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return False
        time.sleep(0.02)
    raise TimeoutError("the server did not start")


def _bring(place: Path, port: int) -> None:
    from asking import Asker

    files = {f.name: f.read_bytes() for f in sorted((place / "all").iterdir())[BEFORE:]}
    with suppress(Exception):  # it is killed meanwhile
        Asker(port).bring(files)


def steps(way: str) -> list[str]:
    """Return every step, before and after it, as it comes the first, second and fifth time."""
    names = STEPS + UPLOAD_STEPS if way == "upload" else STEPS
    return [f"{name}@{count}{mark}" for name in names for count in (1, 2, 5) for mark in ("", "+")]


def main() -> None:
    """Kill, look, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=500, help="for each way")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--only", choices=["moments", "steps"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verify", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.verify:
        verify(given.verify)
        return
    began = time.monotonic()
    lost: list[str] = []
    print(table("way", "kills", "passed", "lost", "done before the kill"))
    with tempfile.TemporaryDirectory(prefix="qa-kill-") as folder:
        place = Path(folder)
        os.environ["XDG_DATA_HOME"] = str(place / "data")
        prepare(place)
        verifier = Verifier(place)
        import qa.web.server  # noqa: F401  # before the forks, so that a child need not

        for way in given.way or WAYS:
            longest, draw = _usual(way, place), random.Random(given.seed)
            moments = [(draw.uniform(0, longest), "") for _ in range(given.moments)]
            named = [(None, step) for step in steps(way)]
            if given.only != "steps":
                try_all(f"{way}: moments", way, moments, place, verifier, lost)
            if given.only != "moments":
                try_all(f"{way}: steps", way, named, place, verifier, lost)
        verifier.close()
    print(f"\n{time.monotonic() - began:.0f} s")
    print("\n".join(lost), file=sys.stderr)
    sys.exit(bool(lost))


def try_all(
    name: str, way: str, kills: Sequence[tuple[float | None, str]], place: Path,
    verifier: Verifier, lost: list[str],
) -> None:  # fmt: skip
    """Kill at each of these moments or steps, look, and print a row."""
    counts: Counter[str] = Counter()
    for moment, step in kills:
        where, killed = trial(way, place, moment, step)
        wrong = verifier.look(where)
        counts["kills" if killed else "ended"] += 1
        counts["lost" if wrong else "passed"] += killed or bool(wrong)
        if wrong:
            lost.append(f"{way} {moment} {step}: {wrong}")
        shutil.rmtree(where, ignore_errors=True)
    found = [counts[key] for key in ("kills", "passed", "lost", "ended")]
    print(row(name, *found), flush=True)


def _usual(way: str, place: Path) -> float:
    """Return how long it takes when nobody kills it, in seconds."""
    if way != "index":
        return 4.0  # from the change in the folder, or the upload; most is done by then
    began = time.monotonic()
    where, _ = trial("index", place, None)
    shutil.rmtree(where)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
