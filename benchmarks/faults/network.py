"""Index, serve and ask in a network namespace without a route, and watch every system call.

What is counted, of the program and all its children: attempts to connect or send to anything but
this machine, names that are looked up, and files written outside the index, the program's own
cache and data folders. All must be zero.

    python benchmarks/faults/network.py               # root, or a user who may make namespaces
"""

import json
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

from common import QUESTIONS, SEEDS, row, table

SENDS = ("connect", "sendto", "sendmsg", "sendmmsg")
WRITES = ("openat", "open", "creat", "rename", "renameat", "renameat2", "mkdir", "mkdirat")
CALLS = ",".join([*SENDS, "bind", *WRITES])
_LOCAL = re.compile(r'AF_UNIX|AF_LOCAL|AF_NETLINK|inet_addr\("127\.|"::1"|"::ffff:127\.')
_HARMLESS = ("/dev/", "/proc/", "/sys/")


def inside(port: int, articles: Path, index: Path) -> None:
    """Be in the namespace: bring loopback up, index, serve, ask, end."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    qa = [sys.executable, "-m", "qa"]
    places = ["--articles", str(articles), "--index", str(index)]
    subprocess.run([*qa, "index", *places], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*qa, "ask", QUESTIONS[0], *places], check=True, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [*qa, "serve", "--no-browser", "--port", str(port), *places], stdout=subprocess.DEVNULL
    )
    asked = 0
    try:
        from asking import Asker

        until = time.monotonic() + 300
        while time.monotonic() < until and not asked:
            with suppress(OSError):
                asker = Asker(port)
                asked = sum("quotes from" in asker.ask(question) for question in QUESTIONS[:1])
                page = "<html><body><article><h1>Ferry</h1><p>" + "The ferry sails. " * 30
                asker.bring({"page.html": page.encode()})
            time.sleep(0.2)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()
    sys.exit(not asked)


def watched(place: Path, models: Path | None = None) -> tuple[Counter[str], list[str]]:
    """Run it under strace; return what was counted, and the calls that ought not to be.

    Args:
        place: An empty folder for all of it.
        models: Where the exported model lies; it is made on the way if None.
    """
    articles, index, log = place / "articles", place / "index", place / "trace"
    shutil.copytree(SEEDS, articles)
    home = place / "home"
    home.mkdir()
    work = place / "work"
    work.mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("XDG_")},
        "HOME": str(home), "TMPDIR": str(place / "tmp"), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    (place / "tmp").mkdir()
    if models:
        shutil.copytree(models, home / ".cache" / "qa" / "models")
    environment.pop("HF_HUB_OFFLINE", None)  # nothing may depend on it
    command = [
        "unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]),
        "strace", "-f", "--seccomp-bpf", "-qq", "-y", "-e", f"trace={CALLS}", "-e", "signal=none",
        "-o", str(log),
        sys.executable, str(Path(__file__).resolve()), "--inside", "7860",
        str(articles), str(index),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=work, check=False, timeout=900)
    counts: Counter[str] = Counter()
    bad: list[str] = []
    allowed = (index, home / ".cache" / "qa", home / ".local" / "share" / "qa", articles)
    counts["asked and answered"] = int(done.returncode == 0)
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            counts["calls seen"] += 1
            kind = _judge(line, allowed, place)
            if kind:
                counts[kind] += 1
                bad.append(f"{kind}: {line.strip()[:240]}")
    left = sorted(p.name for p in (*work.iterdir(), *(place / "tmp").iterdir()))
    counts["files left in the working or temporary folder"] = len(left)
    return counts, bad + left


def _judge(line: str, allowed: tuple[Path, ...], place: Path) -> str:
    """Return what is wrong with a call; nothing if it may be."""
    call = line.split(maxsplit=1)[-1]
    name = call.partition("(")[0]
    if name in SENDS:
        outward = "sa_family=" in call and not _LOCAL.search(call)
        return "attempts to reach another host" if outward else ""
    if name == "bind":
        outward = "sa_family=AF_INET" in call and not _LOCAL.search(call)
        return "sockets on other addresses than loopback" if outward else ""
    return "files written elsewhere" if _writes_elsewhere(name, call, allowed, place) else ""


def _writes_elsewhere(name: str, call: str, allowed: tuple[Path, ...], place: Path) -> bool:
    opened = name in {"open", "openat"}
    if "= -1 E" in call or (opened and not re.search(r"O_(WRONLY|RDWR|CREAT)", call)):
        return False
    named = re.search(r'"([^"]+)"', call)
    folder = re.search(r"\((?:AT_FDCWD|\d+)<([^>]*)>", call)
    path = Path(folder[1] if folder else "/", named[1] if named else "")
    path = Path(os.path.normpath(path))
    if str(path).startswith(_HARMLESS):
        return False
    if any(path.is_relative_to(one) or one.is_relative_to(path) for one in allowed):
        return False
    passing = path.is_relative_to(place / "tmp") and re.search("O_TMPFILE|O_EXCL", call)
    return not passing


def main() -> None:
    """Run it, and print the table."""
    if sys.argv[1:2] == ["--inside"]:
        port, articles, index = sys.argv[2:]
        inside(int(port), Path(articles), Path(index))
    with tempfile.TemporaryDirectory(prefix="qa-network-") as folder:
        counts, bad = watched(Path(folder))
    print(table("what", "count"))
    names = (
        "asked and answered", "calls seen", "attempts to reach another host",
        "sockets on other addresses than loopback", "files written elsewhere",
        "files left in the working or temporary folder",
    )  # fmt: skip
    for name in names:
        print(row(name, counts[name]))
    print("\n".join(bad[:200]), file=sys.stderr)
    print(json.dumps(counts), file=sys.stderr)
    sys.exit(not counts["asked and answered"] or bool(bad))


if __name__ == "__main__":
    main()
