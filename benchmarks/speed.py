"""Speed compared with a bare script (benchmarks/bare.py), both measured in turns in one run.

    python benchmarks/speed.py --data FOLDER --questions seeds_dev.jsonl [--only cold,warm]

News articles are the bodies of the set `article_extraction`; the questions are twelve words from
the middle of each of a hundred of them, and those of `--questions`. Quote ratios only: the seconds
depend on what else the machine does. `--only` runs some of the parts.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from datasets import command_line, seeds

from qa import Corpus
from qa.models.embedder import Embedder

HERE = Path(__file__).parent
PARTS = ("limit", "encode", "index", "cold", "warm", "add", "together")
ROUNDS = 3
CLIENTS = 16


def main() -> None:
    """Run the parts and print their tables."""
    parser = command_line(__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    given = parser.parse_args()
    work = given.work / "speed"
    chosen = given.only.split(",")
    rebuild = "index" in chosen or not (work / "qa").is_dir()
    if rebuild:
        shutil.rmtree(work, ignore_errors=True)
    bodies = json.loads((given.data / "article_extraction/ground-truth.json").read_text("utf-8"))
    texts = [body["articleBody"] for _, body in sorted(bodies.items())]
    for folder, some in (("news", texts[:-1]), ("new", texts[-1:])):
        (work / folder).mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(some):
            (work / folder / f"{folder}-{number:03}.txt").write_text(text, encoding="utf-8")
    questions = [" ".join(t[len(t) // 2 :].split()[1:13]) for t in texts[:100]]
    questions += [question.text for question in seeds(given.questions)]
    print(f"{len(texts) - 1} articles, {sum(map(len, texts[:-1])):,} characters\n")
    # The other parts use these two indexes as well.
    prepared = index_once(work) if rebuild else []
    for part in chosen:
        print(f"## {part}   (load {os.getloadavg()[0]:.1f})")
        runs: dict[str, Callable[[], None]] = {
            "limit": limit,
            "encode": lambda: encode(texts),
            "index": lambda: index(work, prepared),
            "cold": lambda: cold(work, questions[0]),
            "warm": lambda: warm(work, questions),
            "add": lambda: add(work),
            "together": lambda: together(work, questions),
        }
        runs[part]()
        print(flush=True)


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def gflops(rows: int, inner: int, columns: int, kind: str) -> float:
    """Return the best rate of a matrix product, in 10^9 operations a second."""
    import torch

    one = torch.randn(rows, inner).to(getattr(torch, kind))
    other = torch.randn(columns, inner).to(getattr(torch, kind))
    best = 0.0
    for _ in range(8):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < 0.15:
            torch.nn.functional.linear(one, other)
            count += 1
        best = max(best, count * 2 * rows * inner * columns / (time.perf_counter() - began))
    return best / 1e9


def limit() -> None:
    """The speed of matrix products on this processor, by shape."""
    shapes = {"large": (4096, 4096, 4096), "as in the model": (1600, 384, 1536)}
    for name, shape in shapes.items():
        for kind in ("float32", "bfloat16"):
            print(f"{kind:9} {name:16} {shape}: {gflops(*shape, kind):6.0f} GFLOP/s")


def encode(texts: Sequence[str]) -> None:
    """The same windows of 160 words through both encoders."""
    from bare import Bare

    bare, ours = Bare(), Embedder()
    for number, text in enumerate(texts[:60]):
        bare.add(str(number), text)
    windows = [str(passage["text"]) for passage in bare.passages]
    lengths = np.array([min(256, ours.count_tokens(window)) for window in windows])
    # Six layers of 384: 12 x 384^2 weights each, and the products of attention.
    operations = (lengths * 6 * 2 * 12 * 384**2 + lengths.astype(float) ** 2 * 6 * 4 * 384).sum()
    ours.embed_passages(windows[:8])
    seconds: dict[str, list[float]] = {"bare": [], "qa": []}
    for _ in range(ROUNDS):
        for name, work in (("bare", bare.embed), ("qa", ours.embed_passages)):
            began = time.perf_counter()
            found = np.asarray(work(windows))
            seconds[name].append(time.perf_counter() - began)
            if name == "bare":
                expected = found
    cosines = (expected * found).sum(axis=1)
    ratio = median([b / q for b, q in zip(seconds["bare"], seconds["qa"], strict=True)])
    for name, spent in seconds.items():
        print(
            f"{name:5} {len(windows) / median(spent):6.1f} windows/s, "
            f"{operations / min(spent) / 1e9:5.0f} GFLOP/s of the model at best"
        )
    print(f"ratio {ratio:.2f}; cosine to float32: min {cosines.min():.5f}")
    product = gflops(4096, 4096, 4096, "bfloat16")
    same = gflops(1600, 384, 1536, "bfloat16")
    rate = operations / min(seconds["qa"]) / 1e9
    print(f"of a large bf16 product ({product:.0f}): {rate / product:.0%}; ", end="")
    print(f"of one of the model's shapes ({same:.0f}): {rate / same:.0%}")


def run(*command: str) -> tuple[float, str, float]:
    """Return seconds, output and peak memory (MB) of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - began, output, used.ru_maxrss / 1024


def bare_index(work: Path) -> tuple[float, int, float]:
    """Index with the bare script; return seconds after the start, passages, and peak memory."""
    shutil.rmtree(work / "bare", ignore_errors=True)
    _, output, peak = run(str(HERE / "bare.py"), "index", str(work / "bare"), str(work / "news"))
    found = json.loads(output)
    return found["seconds"], found["passages"], peak


def qa_index(work: Path) -> tuple[float, int, float]:
    """Index with qa; return seconds after the start, passages, and peak memory."""
    shutil.rmtree(work / "qa", ignore_errors=True)
    script = (
        "import sys, time; from qa import Corpus; from qa.models.embedder import Embedder\n"
        "from qa import corpus\n"
        "ready = Embedder(); ready.embed_passages(['ready']); ready.count_tokens('ready')\n"
        "corpus.Embedder = lambda model: ready\n"  # the model is loaded, as in the bare script
        "began = time.perf_counter()\n"
        "with Corpus.open(*sys.argv[1:]) as c: print(time.perf_counter() - began, c.count()[1])"
    )
    _, output, peak = run("-c", script, str(work / "news"), str(work / "qa"))
    seconds, passages = output.split()
    return float(seconds), int(passages), peak


def index_once(work: Path) -> list[tuple[tuple[float, int, float], tuple[float, int, float]]]:
    """Index with both, in turns; the other parts use the indexes."""
    return [(bare_index(work), qa_index(work)) for _ in range(2)]


def index(
    work: Path, rounds: list[tuple[tuple[float, int, float], tuple[float, int, float]]]
) -> None:
    """Throughput, memory and disk."""
    articles = len(list((work / "news").iterdir()))
    for name, column in (("bare", 0), ("qa", 1)):
        found = [turn[column] for turn in rounds]
        seconds, passages = median([f[0] for f in found]), found[0][1]
        size = sum(f.stat().st_size for f in (work / name).rglob("*") if f.is_file())
        print(
            f"{name:5} {seconds:6.1f} s, {articles / seconds:5.2f} articles/s, {passages} passages "
            f"({passages / seconds:5.1f}/s), peak {max(f[2] for f in found):5.0f} MB, "
            f"disk {size / passages:6.0f} bytes a passage, {size / articles / 1024:.0f} KB each"
        )
    ratio = median([bare[0] / qa[0] for bare, qa in rounds])
    per_passage = median([(qa[1] / qa[0]) / (bare[1] / bare[0]) for bare, qa in rounds])
    print(f"ratio {ratio:.2f} in articles/s, {per_passage:.2f} in passages/s")


def cold(work: Path, question: str) -> None:
    """From the start of the process to the printed answer."""
    commands = {
        "bare": (str(HERE / "bare.py"), "ask", str(work / "bare"), question),
        "qa": (
            *("-m", "qa", "ask", question, "--json"),
            *("--articles", str(work / "news"), "--index", str(work / "qa")),
        ),
        "import torch": ("-c", "import torch"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(6):
        for name, command in commands.items():
            spent, *_ = run(*command)
            if turn:  # the first fills the cache of the file system
                seconds[name].append(spent)
    base = median(seconds["bare"])
    for name, times in seconds.items():
        print(f"{name:13} {median(times):.2f} s, {median(times) / base:.2f}")


def warm(work: Path, questions: Sequence[str]) -> None:
    """From question to passages, both in one process, in turns of twenty questions."""
    from bare import Bare

    bare = Bare.load(work / "bare")
    times: dict[str, list[float]] = {}
    for folder, name in ((work / "news", "qa, news"), (Path("seeds"), "qa, seeds")):
        place = work / ("qa" if name == "qa, news" else "qa-seeds")
        with Corpus.open(folder, place) as corpus:
            corpus.warm_up()
            ask: dict[str, Callable[[str], object]] = {
                f"bare beside {name}": bare.ask,
                name: corpus.retrieve,
                f"encoding in {name}": lambda q, c=corpus: c._embedder.embed_queries([q]),  # type: ignore[misc]
            }
            for question in questions[:5]:
                for search in ask.values():
                    search(question)
            for _ in range(ROUNDS):
                for start in range(0, len(questions), 20):
                    for key, search in ask.items():
                        for question in questions[start : start + 20]:
                            began = time.perf_counter()
                            search(question)
                            times.setdefault(key, []).append(time.perf_counter() - began)
            ratio = median(times[name]) / median(times[f"bare beside {name}"])
            for key in ask:
                p50, p95 = np.percentile(times[key], (50, 95)) * 1000
                print(f"{key:22} p50 {p50:6.2f} ms, p95 {p95:6.2f} ms")
            print(f"{name}: {ratio:.2f} of the bare script")


def add(work: Path) -> None:
    """One article more in a saved index, until it is found; loading is not counted."""
    new = next((work / "new").iterdir())
    shutil.copytree(work / "bare", work / "bare-add", dirs_exist_ok=True)
    _, output, _ = run(str(HERE / "bare.py"), "add", str(work / "bare-add"), str(new))
    print(f"bare  {json.loads(output)['seconds']:.2f} s, {json.loads(output)['passages']} embedded")
    with Corpus.open(work / "news", work / "qa") as corpus:
        corpus.warm_up()
        corpus._embedder.embed_passages(["ready"])
        began = time.perf_counter()
        corpus.add(new)
        report = corpus.sync()
        hits = corpus.retrieve(" ".join(new.read_text("utf-8").split()[:30]))
        seconds = time.perf_counter() - began
        found = any(hit.passage.article.path == new.name for hit in hits)
        print(f"qa    {seconds:.2f} s, {report.embedded} passages embedded, found: {found}")
        (work / "news" / new.name).unlink()
        corpus.sync()


def together(work: Path, questions: Sequence[str]) -> None:
    """Many clients at once compared with one; and one client while articles are indexed."""
    with Corpus.open(work / "news", work / "qa") as corpus:
        corpus.warm_up()

        def ask(question: str) -> float:
            began = time.perf_counter()
            corpus.retrieve(question)
            return time.perf_counter() - began

        single = [ask(question) for question in questions]  # warms up
        began = time.perf_counter()
        single = [ask(question) for question in questions]
        one = len(questions) / (time.perf_counter() - began)
        many = [question for question in questions for _ in range(3)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            began = time.perf_counter()
            spent = list(pool.map(ask, many))
            rate = len(many) / (time.perf_counter() - began)
        p95 = float(np.percentile(spent, 95)) / median(single)
        print(
            f"one client {one:.0f} questions/s, {CLIENTS} clients {rate:.0f}/s, "
            f"ratio {rate / one:.2f}; p95 {p95:.1f} times the p50 of one client"
        )
        shutil.rmtree(work / "other", ignore_errors=True)
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(lambda: Corpus.open(work / "news", work / "other").close())
            beside: list[float] = []
            while not other.done():
                beside += [ask(question) for question in questions[:10]]
        p50, p95 = np.percentile(beside, (50, 95)) / median(single)
        print(f"while indexing: p50 {p50:.1f}, p95 {p95:.1f} times the p50 of one client")


if __name__ == "__main__":
    main()
