"""Damage each file of an index at a thousand random places, and ask what it still says.

The term index is many files, a few for each segment: those of one kind share their thousand.

Each time one file of a whole index is changed: a bit or a byte flipped, a run of bytes zeroed, or
the end cut off. Then the index is opened and asked as `qa ask` does. What may come:

- same: the very answers of the whole index;
- remade: the same answers, after a message that something was made again;
- refused: an error that names the command which mends it (`qa index --rebuild`, tried on a sample).

Anything else is lost: another answer, a quote that is not in the file on disk, another exception,
the end of the interpreter.

    python benchmarks/faults/damage.py                # 1,000 a file; half an hour on one core
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
from typing import Any

from common import QUESTIONS, SEEDS, answers, row, table

from qa import Corpus
from qa.embedding import LocalEmbedder
from qa.errors import StoreError
from qa.store.folder import delete_index

MENDS = "qa index --rebuild"
# One error in so many is mended with the command that it names: that embeds everything anew.
_MENDED = 25


class Said(logging.Handler):
    """What the program told whoever runs it."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.lines.append(record.getMessage())


def damage(file: Path, random: random.Random) -> str:
    """Change a file somewhere; say how."""
    content = bytearray(file.read_bytes())
    if not content:
        file.write_bytes(random.randbytes(random.randint(1, 64)))
        return "bytes in an empty file"
    at = random.randrange(len(content))
    kind = random.choice(["bit", "byte", "zeros", "page", "cut"])
    if kind == "bit":
        content[at] ^= 1 << random.randrange(8)
    elif kind == "byte":
        content[at] ^= random.randint(1, 255)
    elif kind == "zeros":
        end = min(len(content), at + random.randint(1, 600))
        content[at:end] = bytes(end - at)
    elif kind == "page":  # what a file system leaves of a block that was never written
        start = at // 4096 * 4096
        end = min(len(content), start + 4096)
        content[start:end] = bytes(end - start)
    else:
        del content[at:]
    file.write_bytes(content)
    return f"{kind} at {at}"


def build(place: Path) -> dict[str, Path]:
    """Return a whole index, closed as it should be, and one whose program was killed."""
    articles = place / "articles"
    shutil.copytree(SEEDS, articles)
    whole = place / "whole"
    with Corpus.open(articles, whole):
        pass
    killed = place / "killed"
    code = (
        "import os, signal, sys; from qa import Corpus; c = Corpus.open(sys.argv[1], sys.argv[2]); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(articles), str(killed)], check=False)
    return {"whole": whole, "killed": killed}


def one(
    base: Path, name: str, place: Path, random: random.Random, known: Any, embedder: LocalEmbedder
) -> tuple[str, str]:
    """Damage one copy and ask it; return what came of it and the details."""
    articles = place / "articles"
    copy = Path(tempfile.mkdtemp(dir=place, prefix="copy-"))
    said = Said()
    log = logging.getLogger("qa")
    log.addHandler(said)
    try:
        shutil.copytree(base, copy, dirs_exist_ok=True)
        file = random.choice(sorted(copy.glob(name)))
        how = damage(file, random)
        try:
            corpus = Corpus(articles, copy, embedder)
            try:
                corpus.sync(wait=False)
                found = answers(corpus)
            finally:
                corpus.close()
        except StoreError as error:
            if MENDS not in str(error):
                return "lost", f"{how}: {error}"
            if random.randrange(_MENDED):
                return "refused", how
            delete_index(copy)
            with Corpus(articles, copy, embedder) as mended:
                mended.sync()
                return ("mended" if answers(mended) == known else "lost"), how
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            return "lost", f"{how}: {type(error).__name__}: {error}"
        if found != known:
            return "lost", f"{how}: another answer"
        return ("remade" if said.lines else "same"), how
    finally:
        log.removeHandler(said)
        shutil.rmtree(copy, ignore_errors=True)


def worker(place: Path, base: str, name: str, places: int, seed: int) -> None:
    """Damage one file again and again, and print what came of it, a line each."""
    embedder = LocalEmbedder()
    log = logging.getLogger("qa")
    log.propagate = False
    with Corpus(place / "articles", place / "whole", embedder) as corpus:
        known = answers(corpus)
    for number in range(seed, seed + places):
        # The number is its own seed: `--seed N --places 1` does it again.
        found, how = one(place / base, name, place, random.Random(number), known, embedder)
        print(json.dumps([number, found, how]), flush=True)


def kind(file: Path) -> str:
    """Return a pattern for a file and its likes."""
    if file.suffix == ".lock":
        return "**/.*.lock"
    segment = file.parent.name and not file.name.startswith(".") and file.suffix != ".json"
    return f"{file.parent}/*{file.suffix}" if segment else file.as_posix()


def run(
    place: Path, base: str, name: str, places: int, seed: int
) -> tuple[Counter[str], list[str]]:
    """Have a process damage one file; what ends the process counts, and it is started again."""
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
    parser.add_argument(
        "--index", choices=["whole", "killed"], nargs="+", default=["whole", "killed"]
    )
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        place, base, name = given.worker
        worker(Path(place), base, name, given.places, given.seed)
        return
    began = time.monotonic()
    total: Counter[str] = Counter()
    lost: list[str] = []
    print(table("file", "places", "same", "remade", "refused", "mended", "lost"))
    with tempfile.TemporaryDirectory(prefix="qa-damage-") as folder:
        place = Path(folder)
        for base, index in build(place).items():
            if base not in given.index:
                continue
            kinds = sorted(
                {
                    kind(file.relative_to(index))
                    for file in index.rglob("*")
                    if file.is_file() and (base == "whole" or file.name.startswith("index.sqlite"))
                }
            )
            for name in kinds:
                counts, bad = run(place, base, name, given.places, given.seed)
                shown = name if base == "whole" else f"{name} (after a kill)"
                keys = ("same", "remade", "refused", "mended", "lost")
                print(row(shown, sum(counts.values()), *(counts[k] for k in keys)), flush=True)
                total += counts
                lost += bad
    keys = ("same", "remade", "refused", "mended", "lost")
    print(row("all", sum(total.values()), *(total[key] for key in keys)))
    print(f"\n{len(QUESTIONS)} questions each time; {time.monotonic() - began:.0f} s")
    print("\n".join(lost), file=sys.stderr)
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
