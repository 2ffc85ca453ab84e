"""Take the disk away under `qa index`: full, read-only, failing; then give it back.

Full and read-only are real (a small file system in memory; needs the right to mount). Failing calls
are put in by strace, into the real program: the n-th and every later write, fsync, rename or
truncation ends in an I/O error, or in a full disk. After each:

- no traceback; exit code 1 with a message that says what to do, or 0 if it went without;
- what was indexed is there, whole, and answers; when the disk works again a sync does the rest.

    python benchmarks/faults/disk.py                  # some five minutes
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from common import row, table
from kill import ALL, BEFORE, Verifier, prepare, write_articles

CALLS = {
    "pwrite64": ("EIO", "ENOSPC"),
    "fsync,fdatasync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "ENOSPC"),
    "rename,renameat,renameat2": ("EIO", "ENOSPC", "EROFS"),
    "unlink,unlinkat": ("EIO",),
    "link,linkat": ("EIO",),
}
FIRST = (1, 2, 3, 5, 8, 13, 30, 80)
SIZES = (200, 400, 600, 800, 1_200, 1_600, 2_400, 3_200)
"""Kilobytes of a file system; the index is some three megabytes large in the end."""


def indexed(trial: Path, before: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run `qa index`; return exit code and what it said."""
    command = [*before, sys.executable, "-m", "qa", "index"]
    command += ["--articles", str(trial / "articles"), "--index", str(trial / "index")]
    # In the trial's folder: where nothing can be deleted, Python leaves temporary files behind.
    done = subprocess.run(
        command, cwd=trial, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def judged(code: int, said: str) -> str:
    """Return what is wrong with how a run ended; nothing if all is well."""
    if "Traceback" in said:
        return f"a traceback: {said[-300:]}"
    if code not in {0, 1}:
        return f"exit code {code}: {said[-300:]}"
    if code == 1 and not ("qa: " in said and "index" in said):
        return f"no message: {said[-300:]}"
    return ""


def failing(place: Path, call: str, error: str, first: int) -> str:
    """Let calls fail; return what came of it."""
    trial = _trial(place)
    try:
        inject = f"inject={call}:error={error}:when={first}+"
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        code, said = indexed(trial, strace)
        return judged(code, said) or VERIFIER[0].look(trial)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def full(place: Path, kilobytes: int) -> str:
    """Index onto a file system that is too small, and again after it has grown."""
    trial = _trial(place)
    index = trial / "index"
    kept = trial / "kept"
    index.rename(kept)
    index.mkdir()
    used = sum(f.stat().st_size for f in kept.rglob("*") if f.is_file()) // 1000
    _mount(index, f"size={used + kilobytes}k")
    try:
        shutil.copytree(kept, index, dirs_exist_ok=True)
        code, said = indexed(trial)
        wrong = judged(code, said)
        if code == 1 and "full" not in said:
            wrong = wrong or f"not said that it is full: {said[-300:]}"
        _mount(index, "remount,size=100m")
        return wrong or VERIFIER[0].look(trial)
    finally:
        _unmount(index)
        shutil.rmtree(trial, ignore_errors=True)


def read_only(place: Path) -> str:
    """Index onto a file system that cannot be written, and ask there; then again after it can."""
    trial = _trial(place)
    index, kept = trial / "index", trial / "kept"
    index.rename(kept)
    index.mkdir()
    _mount(index, "size=100m")
    try:
        shutil.copytree(kept, index, dirs_exist_ok=True)
        _mount(index, "remount,ro")
        code, said = indexed(trial)
        wrong = judged(code, said) or ("" if code == 1 else "it was not said")
        _mount(index, "remount,rw")
        return wrong or VERIFIER[0].look(trial)
    finally:
        _unmount(index)
        shutil.rmtree(trial, ignore_errors=True)


VERIFIER: list[Verifier] = []


def _trial(place: Path) -> Path:
    trial = Path(tempfile.mkdtemp(dir=place, prefix="trial-"))
    shutil.copytree(place / "pristine", trial, dirs_exist_ok=True)
    write_articles(trial / "articles", BEFORE, ALL)
    return trial


def _mount(place: Path, options: str) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True, capture_output=True
    )


def _unmount(place: Path) -> None:
    with suppress(subprocess.CalledProcessError):
        subprocess.run(["umount", "--lazy", str(place)], check=True, capture_output=True)


def main() -> None:
    """Run every case, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, nargs="+", default=FIRST)
    given = parser.parse_args()
    lost: list[str] = []
    print(table("disk", "cases", "passed", "lost"))
    with tempfile.TemporaryDirectory(prefix="qa-disk-") as folder:
        place = Path(folder)
        os.environ["XDG_DATA_HOME"] = str(place / "data")
        prepare(place)
        VERIFIER.append(Verifier(place))
        cases: dict[str, list[tuple[object, ...]]] = {
            f"{call}: {error}": [(failing, call, error, first) for first in given.first]
            for call, errors in CALLS.items()
            for error in errors
        }
        if os.geteuid() == 0:
            cases["full"] = [(full, size) for size in SIZES]
            cases["read-only"] = [(read_only,)]
        else:
            print("full and read-only: skipped, since only root may mount", file=sys.stderr)
        for name, tries in cases.items():
            counts: Counter[str] = Counter()
            for act, *values in tries:
                wrong = act(place, *values)  # type: ignore[operator]
                counts["lost" if wrong else "passed"] += 1
                if wrong:
                    lost.append(f"{name} {values}: {wrong}")
            print(row(name, len(tries), counts["passed"], counts["lost"]), flush=True)
        VERIFIER[0].close()
    print("\n".join(lost), file=sys.stderr)
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
