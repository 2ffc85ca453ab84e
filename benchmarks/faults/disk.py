"""Make the disk fail under `qa index`: full, read-only, or with failing calls; then repair it.

Full and read-only are real: a small file system in memory, which needs the right to mount. Failing
calls are injected by strace into the real program: from the n-th on, every write, fsync, rename or
truncation ends in an I/O error or a full disk. After each:

- no traceback; exit code 1 with a message that says what to do, or 0 if it was done without;
- what was indexed is complete and answers; when the disk works again, a sync does the rest.

    python benchmarks/faults/disk.py                  # about five minutes
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from common import may_mount, mount, row, run_index, table, unmount
from kill import Checker, copy_pristine, write_all

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
"""Kilobytes that are free beside the index, which has some three megabytes in the end."""


def problem(code: int, output: str) -> str:
    """Return what is wrong with how a run ended; nothing if all is well."""
    if "Traceback" in output:
        return f"a traceback: {output[-300:]}"
    if code not in {0, 1}:
        return f"exit code {code}: {output[-300:]}"
    if code == 1 and not ("qa: " in output and "index" in output):
        return f"no message: {output[-300:]}"
    return ""


def failing(checker: Checker, call: str, error: str, first: int) -> str:
    """Index while calls fail; return what is wrong."""
    trial = _changed_copy(checker)
    try:
        strace = f"strace -f --seccomp-bpf -qq -o /dev/null -e signal=none -e trace={call}".split()
        strace += ["-e", f"inject={call}:error={error}:when={first}+"]
        ended = run_index(trial / "articles", trial / "index", checker.model, strace)
        return problem(*ended) or checker.check(trial)
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def full(checker: Checker, kilobytes: int) -> str:
    """Index onto a file system that is too small, and again after it has grown."""
    trial = _changed_copy(checker)
    used = sum(f.stat().st_size for f in (trial / "index").rglob("*") if f.is_file()) // 1000
    index = _mounted(trial, f"size={used + kilobytes}k")
    try:
        code, output = run_index(trial / "articles", index, checker.model)
        wrong = problem(code, output)
        if code == 1 and "full" not in output:
            wrong = wrong or f"the message does not say that the disk is full: {output[-300:]}"
        mount(index, "remount,size=100m")
        return wrong or checker.check(trial)
    finally:
        unmount(index)
        shutil.rmtree(trial, ignore_errors=True)


def read_only(checker: Checker) -> str:
    """Index onto a file system that cannot be written, and again when it can."""
    trial = _changed_copy(checker)
    index = _mounted(trial, "size=100m")
    try:
        mount(index, "remount,ro")
        code, output = run_index(trial / "articles", index, checker.model)
        wrong = problem(code, output) or ("" if code == 1 else "there was no message")
        mount(index, "remount,rw")
        return wrong or checker.check(trial)
    finally:
        unmount(index)
        shutil.rmtree(trial, ignore_errors=True)


def _changed_copy(checker: Checker) -> Path:
    trial = copy_pristine(checker.place)
    write_all(trial / "articles")
    return trial


def _mounted(trial: Path, options: str) -> Path:
    """Move the index of a copy to a file system of its own."""
    index, original = trial / "index", trial / "original"
    index.rename(original)
    index.mkdir()
    mount(index, options)
    shutil.copytree(original, index, dirs_exist_ok=True)
    return index


def main() -> None:
    """Run every case, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, nargs="+", default=FIRST)
    parser.add_argument("--model", help="folder of an embedding model")
    given = parser.parse_args()
    lost: list[str] = []
    print(table("disk", "cases", "passed", "lost"))
    with tempfile.TemporaryDirectory(prefix="qa-disk-") as folder:
        place = Path(folder)
        os.environ["XDG_DATA_HOME"] = str(place / "data")
        checker = Checker(place, given.model)
        cases: dict[str, list[Callable[[], str]]] = {
            f"{call}: {error}": [partial(failing, checker, call, error, n) for n in given.first]
            for call, errors in CALLS.items()
            for error in errors
        }
        (place / "mounted").mkdir()
        if may_mount(place / "mounted"):
            cases["full"] = [partial(full, checker, size) for size in SIZES]
            cases["read-only"] = [partial(read_only, checker)]
        else:
            print("full and read-only: skipped, because only root may mount", file=sys.stderr)
        for name, tries in cases.items():
            counts: Counter[str] = Counter()
            for number, act in enumerate(tries):
                wrong = act()
                counts["lost" if wrong else "passed"] += 1
                if wrong:
                    lost.append(f"{name} #{number}: {wrong}")
            print(row(name, len(tries), counts["passed"], counts["lost"]), flush=True)
    print("\n".join(lost), file=sys.stderr)
    sys.exit(bool(lost))


if __name__ == "__main__":
    main()
