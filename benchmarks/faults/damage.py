"""Damage each file of an index at a thousand random places, and see what it answers.

The term index is many files, some for each segment: those of one kind share their thousand.

Each time one file of an intact index is changed: a bit or a byte flipped, a run of bytes zeroed, or
the end cut off. Then the index is opened and asked as `qa ask` does. Allowed results:

- same: the answers of the intact index;
- built again: the same answers, after a message that something was built again;
- refused: an error that names the command which repairs the index (`qa index --rebuild`; a sample
  of them is repaired with it).

Everything else counts as lost: another answer, a quote that is not in the file on disk, another
exception, the end of the interpreter.

    python benchmarks/faults/damage.py               # 1,000 for each file; half an hour on one core
    python benchmarks/faults/damage.py --places 50
"""

import argparse
import json
import logging
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from common import QUESTIONS, REBUILD, SEEDS, Quote, answers, row, table

from qa import Corpus
from qa.errors import StoreError
from qa.index.folder import delete_index
from qa.models.embedder import Embedder

RESULTS = ("same", "built again", "refused", "repaired", "lost")
# One of so many refused indexes is repaired with the command: that embeds everything.
_REPAIRED = 25


class Messages(logging.Handler):
    """Collects what the program logs."""

    def __init__(self) -> None:
        """Start with no message."""
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a message."""
        self.lines.append(record.getMessage())


def damage(file: Path, draw: random.Random) -> str:
    """Change a file at a random place; return how."""
    content = bytearray(file.read_bytes())
    if not content:
        file.write_bytes(draw.randbytes(draw.randint(1, 64)))
        return "bytes in an empty file"
    at = draw.randrange(len(content))
    kind = draw.choice(["bit", "byte", "zeros", "page", "cut"])
    if kind == "bit":
        content[at] ^= 1 << draw.randrange(8)
    elif kind == "byte":
        content[at] ^= draw.randint(1, 255)
    elif kind == "zeros":
        end = min(len(content), at + draw.randint(1, 600))
        content[at:end] = bytes(end - at)
    elif kind == "page":  # what a file system leaves of a block that was never written
        start = at // 4096 * 4096
        end = min(len(content), start + 4096)
        content[start:end] = bytes(end - start)
    else:
        del content[at:]
    file.write_bytes(content)
    return f"{kind} at {at}"


def build(place: Path, model: str | None = None) -> dict[str, Path]:
    """Return an index that was closed, and one whose program was killed."""
    articles = place / "articles"
    shutil.copytree(SEEDS, articles)
    code = (
        "import os, signal, sys; from qa import Corpus\n"
        "articles, closed, killed, model = sys.argv[1:]\n"
        "Corpus.open(articles, closed, model=model or None).close()\n"
        "corpus = Corpus.open(articles, killed, model=model or None)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    bases = {"closed": place / "closed", "killed": place / "killed"}
    command = [sys.executable, "-c", code, str(articles), *map(str, bases.values()), model or ""]
    subprocess.run(command, check=False)
    return bases


def try_one(
    base: Path,
    name: str,
    place: Path,
    draw: random.Random,
    known: list[list[Quote]],
    embedder: Embedder,
) -> tuple[str, str]:
    """Damage a file in a copy of an index, and ask it.

    Args:
        base: The intact index.
        name: Pattern of the file; see `kind`.
        place: The folder that `build` filled.
        draw: Chooses the file and the damage.
        known: The answers of the intact index.
        embedder: The model of the index.

    Returns:
        One of `RESULTS`, and the details.
    """
    articles = place / "articles"
    copy = Path(tempfile.mkdtemp(dir=place, prefix="copy-"))
    messages = Messages()
    log = logging.getLogger("qa")
    log.addHandler(messages)
    try:
        shutil.copytree(base, copy, dirs_exist_ok=True)
        how = damage(draw.choice(sorted(copy.glob(name))), draw)
        try:
            with Corpus(articles, copy, embedder) as corpus:
                corpus.sync(wait=False)
                found = answers(corpus)
        except StoreError as error:
            if REBUILD not in str(error):
                return "lost", f"{how}: {error}"
            if draw.randrange(_REPAIRED):
                return "refused", how
            delete_index(copy)
            with Corpus(articles, copy, embedder) as corpus:
                corpus.sync()
                return ("repaired" if answers(corpus) == known else "lost"), how
        except Exception as error:  # noqa: BLE001  # any other exception is a failure
            return "lost", f"{how}: {type(error).__name__}: {error}"
        if found != known:
            return "lost", f"{how}: another answer"
        return ("built again" if messages.lines else "same"), how
    finally:
        log.removeHandler(messages)
        shutil.rmtree(copy, ignore_errors=True)


def work(place: Path, base: str, name: str, places: int, seed: int) -> None:
    """Damage one file again and again, and print a line for each result."""
    embedder = Embedder()
    logging.getLogger("qa").propagate = False
    with Corpus(place / "articles", place / "closed", embedder) as corpus:
        known = answers(corpus)
    for number in range(seed, seed + places):
        # The number is the seed: `--seed N --places 1` repeats it.
        draw = random.Random(number)
        found, how = try_one(place / base, name, place, draw, known, embedder)
        print(json.dumps([number, found, how]), flush=True)


def kind(file: Path) -> str:
    """Return a pattern for a file and others of its kind."""
    if file.suffix == ".lock":
        return "**/.*.lock"
    in_segment = file.parent.name and not file.name.startswith(".") and file.suffix != ".json"
    return f"{file.parent}/*{file.suffix}" if in_segment else file.as_posix()


def run(
    place: Path, base: str, name: str, places: int, seed: int
) -> tuple[Counter[str], list[str]]:
    """Damage one file in a process; it is started again if it crashes, which counts as lost."""
    counts: Counter[str] = Counter()
    lost: list[str] = []
    done = 0
    while done < places:
        command = [sys.executable, __file__, "--worker", str(place), base, name]
        command += ["--places", str(places - done), "--seed", str(seed + done)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
            assert child.stdout
            for line in child.stdout:
                number, found, how = json.loads(line)
                counts[found] += 1
                done = number - seed + 1
                if found == "lost":
                    lost.append(f"{base}/{name} #{number} {how}")
            code = child.wait()
        if code and done < places:
            ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            lost.append(f"{base}/{name} #{seed + done} ended the interpreter: {ended}")
            counts["lost"] += 1
            done += 1
    return counts, lost


def main() -> None:
    """Damage every file, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--places", type=int, default=1_000, help="for each file")
    parser.add_argument("--seed", type=int, default=1)
    bases = ("closed", "killed")
    parser.add_argument("--index", choices=bases, nargs="+", default=bases)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        place, base, name = given.worker
        work(Path(place), base, name, given.places, given.seed)
        return
    began = time.monotonic()
    total: Counter[str] = Counter()
    lost: list[str] = []
    print(table("file", "places", *RESULTS))
    with tempfile.TemporaryDirectory(prefix="qa-damage-") as folder:
        place = Path(folder)
        for base, index in build(place).items():
            if base not in given.index:
                continue
            kinds = sorted(
                {
                    kind(file.relative_to(index))
                    for file in index.rglob("*")
                    if file.is_file() and (base == "closed" or file.name.startswith("index.sqlite"))
                }
            )
            for name in kinds:
                counts, bad = run(place, base, name, given.places, given.seed)
                shown = name if base == "closed" else f"{name} (after a kill)"
                found = (counts[key] for key in RESULTS)
                print(row(shown, sum(counts.values()), *found), flush=True)
                total += counts
                lost += bad
    print(row("all", sum(total.values()), *(total[key] for key in RESULTS)))
    print(f"\n{len(QUESTIONS)} questions each time; {time.monotonic() - began:.0f} s")
    print("\n".join(lost), file=sys.stderr)
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
