"""Index, serve and ask in a network namespace without a route, and check every system call.

Counted, of the program and all its children: attempts to connect or send to anything but this
machine, sockets bound to other addresses than loopback, and files written outside the index and the
program's own cache and data folders. All must be zero.

    python benchmarks/faults/network.py               # root, or a user who may make namespaces
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from asking import Asker
from common import QUESTIONS, SEEDS, arguments, row, table

SENDS = ("connect", "sendto", "sendmsg", "sendmmsg")
WRITES = ("openat", "open", "creat", "rename", "renameat", "renameat2", "mkdir", "mkdirat")
CALLS = ",".join([*SENDS, "bind", *WRITES])
COUNTS = (
    "asked and answered", "calls seen", "attempts to reach another host",
    "sockets on other addresses than loopback", "files written elsewhere",
    "files left in the working or temporary folder",
)  # fmt: skip
_LOCAL = re.compile(r'AF_UNIX|AF_LOCAL|AF_NETLINK|inet_addr\("127\.|"::1"|"::ffff:127\.')
_HARMLESS = ("/dev/", "/proc/", "/sys/")
_PORT = 7860


def namespace() -> list[str]:
    """Return the command that runs another one in a network namespace."""
    return ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def run_inside(articles: Path, index: Path) -> None:
    """In the namespace: ask, which indexes; serve, ask there, upload, and end the server."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    qa, options = [sys.executable, "-m", "qa"], arguments(articles, index)
    subprocess.run([*qa, "ask", QUESTIONS[0], *options], check=True, stdout=subprocess.DEVNULL)
    command = [*qa, "serve", "--no-browser", "--port", str(_PORT), *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    answered = False
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until and not answered and server.poll() is None:
            with suppress(OSError):
                asker = Asker(_PORT)
                answered = "quotes from" in asker.ask(QUESTIONS[0])
                page = "<html><body><article><h1>Ferry</h1><p>" + "The ferry sails. " * 30
                asker.upload({"page.html": page.encode()})
            time.sleep(0.2)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    sys.exit(not answered)


def trace(place: Path, models: Path | None = None) -> tuple[Counter[str], list[str]]:
    """Run it under strace; return the counts, and the calls that are not allowed.

    Args:
        place: An empty folder for all files.
        models: The folder of the exported model; it is exported during the run if None.
    """
    articles, index, log = place / "articles", place / "index", place / "trace"
    shutil.copytree(SEEDS, articles)
    home, work, temporary = place / "home", place / "work", place / "tmp"
    for folder in (home, work, temporary):
        folder.mkdir()
    if models:
        shutil.copytree(models, home / ".cache" / "qa" / "models")
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    environment.pop("HF_HUB_OFFLINE", None)  # the program must not depend on it
    command = [
        *namespace(), "strace", "-f", "--seccomp-bpf", "-qq", "-y", "-e", f"trace={CALLS}",
        "-e", "signal=none", "-o", str(log),
        sys.executable, str(Path(__file__).resolve()), "--inside", str(articles), str(index),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=work, check=False, timeout=900)
    counts: Counter[str] = Counter()
    bad: list[str] = []
    allowed = (index, home / ".cache" / "qa", home / ".local" / "share" / "qa", articles)
    counts[COUNTS[0]] = int(done.returncode == 0)
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            counts[COUNTS[1]] += 1
            if found := _violation(line, allowed, temporary):
                counts[found] += 1
                bad.append(f"{found}: {line.strip()[:240]}")
    left = sorted(p.name for p in (*work.iterdir(), *temporary.iterdir()))
    counts[COUNTS[5]] = len(left)
    return counts, bad + left


def _violation(line: str, allowed: tuple[Path, ...], temporary: Path) -> str:
    """Return which of `COUNTS` a call belongs to; nothing if it is allowed."""
    call = line.split(maxsplit=1)[-1]
    name = call.partition("(")[0]
    if name in SENDS:
        return COUNTS[2] if "sa_family=" in call and not _LOCAL.search(call) else ""
    if name == "bind":
        return COUNTS[3] if "sa_family=AF_INET" in call and not _LOCAL.search(call) else ""
    return COUNTS[4] if _writes_elsewhere(name, call, allowed, temporary) else ""


def _writes_elsewhere(name: str, call: str, allowed: tuple[Path, ...], temporary: Path) -> bool:
    opened = name in {"open", "openat"}
    if "= -1 E" in call or (opened and not re.search(r"O_(WRONLY|RDWR|CREAT)", call)):
        return False
    named = re.search(r'"([^"]+)"', call)
    folder = re.search(r"\((?:AT_FDCWD|\d+)<([^>]*)>", call)
    path = Path(os.path.normpath(Path(folder[1] if folder else "/", named[1] if named else "")))
    if str(path).startswith(_HARMLESS):
        return False
    if any(path.is_relative_to(one) or one.is_relative_to(path) for one in allowed):
        return False
    unnamed = path.is_relative_to(temporary) and re.search("O_TMPFILE|O_EXCL", call)
    return not unnamed


def main() -> None:
    """Run it, and print the table."""
    if sys.argv[1:2] == ["--inside"]:
        run_inside(Path(sys.argv[2]), Path(sys.argv[3]))
    with tempfile.TemporaryDirectory(prefix="qa-network-") as folder:
        counts, bad = trace(Path(folder))
    print(table("what", "count"))
    for name in COUNTS:
        print(row(name, counts[name]))
    print("\n".join(bad[:200]), file=sys.stderr)
    sys.exit(not counts[COUNTS[0]] or bool(bad))


if __name__ == "__main__":
    main()
