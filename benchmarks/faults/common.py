"""What the fault tests share: articles, commands, and the comparison of answers with the files."""

import hashlib
import os
import random
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from qa import Corpus

ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds"
QUESTIONS = (
    "Who called for a ceasefire?",
    "How many people were killed?",
    "What did the president say?",
)
REBUILD = "qa index --rebuild"
"""The command that repairs an index, as messages name it."""
Quote = tuple[str, int, int, str, str]
"""Path, start, end, text and outlet."""


def answers(corpus: Corpus) -> list[list[Quote]]:
    """Ask the questions, and compare every quote with the file on disk.

    Returns:
        For each question the quotes, best first; the nearest passages where the answer abstains.

    Raises:
        AssertionError: A quote is not in its file, or the id of its article is not its hash.
    """
    found = []
    for question in QUESTIONS:
        answer = corpus.answer(question)
        quotes = []
        for citation in (*answer.citations, *answer.nearest):
            article = citation.article
            content = (corpus.folder / article.path).read_text(encoding="utf-8")
            assert citation.quote == content[citation.start : citation.end], article.path
            assert hashlib.sha256(article.text.encode()).hexdigest() == article.article_id
            place = (citation.start, citation.end)
            quotes.append((article.path, *place, citation.quote, article.outlet or ""))
        found.append(quotes)
    return found


def write_articles(folder: Path, first: int, last: int) -> None:
    """Write reports, each with words of its own, to ``000.txt`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, last):
        (folder / f"{number:03}.txt").write_text(report(number), "utf-8")


def report(number: int) -> str:
    """Return a report with words of its own."""
    draw = random.Random(number)
    lines = [
        f"On day {number} of the strike the port of Varna took {draw.randint(10, 900)} ships.",
        "The president said that the ceasefire would be called off within a week.",
    ] + [
        f"Delegate {draw.choice('ABCDEFGH')}{n} counted {draw.randint(2, 99)} crates of "
        f"{draw.choice(['figs', 'salt', 'wool', 'iron'])} in hall {draw.randint(1, 40)}."
        for n in range(12)
    ]
    return f"Report {number}\n\n{' '.join(lines)}\n"


def arguments(articles: Path, index: Path, model: str | None = None) -> list[str]:
    """Return the arguments of a command for a folder, its index and the embedding model."""
    model_arguments = ["--model", model] if model else []
    return ["--articles", str(articles), "--index", str(index), *model_arguments]


def run_index(
    articles: Path, index: Path, model: str | None = None, before: Sequence[str] = ()
) -> tuple[int, str]:
    """Run `qa index` in a process; return its exit code and output.

    Args:
        articles: The folder of articles; its parent is the working folder.
        index: The folder of the index.
        model: The embedding model; None for the built-in one.
        before: A command that runs it, such as strace with its options.
    """
    command = [*before, sys.executable, "-m", "qa", "index", *arguments(articles, index, model)]
    done = subprocess.run(
        command, cwd=articles.parent, capture_output=True, text=True, check=False, timeout=300
    )
    return done.returncode, done.stdout + done.stderr


def free_port() -> int:
    """Return a port that no program on this machine uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def may_mount(place: Path) -> bool:
    """Return whether this user may mount a file system."""
    if os.name != "posix" or os.geteuid() != 0:
        return False
    try:
        mount(place, "size=100k")
        unmount(place)
    except subprocess.CalledProcessError:
        return False
    return True


def mount(place: Path, options: str) -> None:
    """Mount a file system in memory."""
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    subprocess.run(command, check=True, capture_output=True)


def unmount(place: Path) -> None:
    """Unmount it."""
    subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


def table(*names: str) -> str:
    """Return the head of a Markdown table."""
    return f"{row(*names)}\n{row(*['---'] * len(names))}"


def row(*values: object) -> str:
    """Return a row of a Markdown table."""
    return f"| {' | '.join(map(str, values))} |"
