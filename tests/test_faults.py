"""What `make faults` does for hours, a little of each; and two processes on one index."""

import ast
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import damage
import disk
import fuzz
import kill
import load
import network
import pytest
from common import answers
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

import qa
from qa.corpus import Corpus
from qa.datatypes import SyncProgress
from qa.embedding import LocalEmbedder
from qa.errors import BusyError, StoreError
from qa.readers.isolated import EndedError, IsolatedReader
from qa.store import database
from tests.conftest import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


@pytest.fixture(scope="session")
def cache(models: Path) -> Path:
    return models.parent.parent


@pytest.fixture(autouse=True)
def _one_cache(_own_places: None, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seals of an index that several tests open are made with one key."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(scope="module")
def prepared(
    tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Iterator[tuple[Path, kill.Verifier]]:
    place = tmp_path_factory.mktemp("kill")
    patch = pytest.MonkeyPatch()
    patch.setenv("XDG_DATA_HOME", str(place / "data"))
    patch.setenv("XDG_CACHE_HOME", str(cache))
    kill.prepare(place)
    verifier = kill.Verifier(place)
    yield place, verifier
    verifier.close()
    patch.undo()


@linux
@pytest.mark.parametrize(
    "step",
    [
        "qa.store.local:LocalStore.put@3+", "qa.store.writing:_count@3",
        "qa.store.vectors:_write@1+", "qa.store.terms:TermIndex._write@2+",
        "qa.store.local:LocalStore.put_twins@1", "pathlib:Path.replace@2",
    ],
)  # fmt: skip
def test_killed_at_a_step_nothing_is_lost(step: str, prepared: tuple[Path, kill.Verifier]) -> None:
    place, verifier = prepared
    # In a process of its own: this one has threads, and must not be forked.
    code = (
        "import sys, kill; from pathlib import Path; "
        "where, killed = kill.trial('index', Path(sys.argv[1]), None, sys.argv[2]); "
        "print(where if killed else '')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(place), step], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "benchmarks" / "faults")}, timeout=200,
    )  # fmt: skip
    assert done.stdout.strip(), "it was done before that step came"
    assert verifier.look(Path(done.stdout.strip())) == ""


@pytest.mark.parametrize("name", [*kill.STEPS, *kill.UPLOAD_STEPS])
def test_step_to_be_killed_at_is_there(name: str) -> None:
    holder, last = kill.find(name)
    assert callable(getattr(holder, last))


@strace
@pytest.mark.parametrize(
    ("call", "error", "first"),
    [
        ("pwrite64", "ENOSPC", 8), ("fsync,fdatasync", "EIO", 5),
        ("rename,renameat,renameat2", "EIO", 1),
    ],
)  # fmt: skip
def test_failing_disk_is_told_and_nothing_is_lost(
    call: str, error: str, first: int, prepared: tuple[Path, kill.Verifier],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    place, verifier = prepared
    monkeypatch.setattr(disk, "VERIFIER", [verifier])
    assert disk.failing(place, call, error, first) == ""


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_full_or_read_only_disk_is_told_and_nothing_is_lost(
    prepared: tuple[Path, kill.Verifier], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place, verifier = prepared
    try:
        disk._mount(tmp_path, "size=100k")
        disk._unmount(tmp_path)
    except subprocess.CalledProcessError:
        pytest.skip("this machine lets nobody mount")
    monkeypatch.setattr(disk, "VERIFIER", [verifier])
    assert disk.full(place, 400) == ""
    assert disk.read_only(place) == ""


def test_damaged_file_is_remade_or_refused_and_never_quoted_wrongly(
    tmp_path: Path, embedder: LocalEmbedder
) -> None:
    bases = damage.build(tmp_path)
    with Corpus(tmp_path / "articles", bases["whole"], embedder) as corpus:
        known = answers(corpus)
    files = [file for file in bases["whole"].rglob("*") if file.is_file()]
    kinds = {damage.kind(file.relative_to(bases["whole"])) for file in files}
    assert len(kinds) > 10
    tries = [("whole", kind) for kind in sorted(kinds) for _ in range(3)]
    tries += [("whole", "index.sqlite")] * 20 + [("killed", "index.sqlite-wal")] * 5
    for number, (base, kind) in enumerate(tries):
        draw = random.Random(number)
        found, how = damage.one(bases[base], kind, tmp_path, draw, known, embedder)
        assert found != "lost", (kind, how)


def test_page_of_zeros_is_not_taken_for_data(folder: Path, tmp_path: Path) -> None:
    """The checksum of a page of zeros is zero: what tells is the data themselves."""
    with Corpus.open(folder, tmp_path / "index") as corpus:
        known = answers(corpus)
    truth = tmp_path / "index" / "index.sqlite"
    content = truth.read_bytes()
    for start in range(0, len(content), 4096):
        truth.write_bytes(content[:start] + bytes(4096) + content[start + 4096 :])
        try:
            with Corpus.open(folder, tmp_path / "index") as corpus:
                found, said = answers(corpus), ""
        except StoreError as error:
            found, said = known, str(error)
        assert found == known
        assert not said or "qa index --rebuild" in said


def test_what_another_user_wrote_is_not_handed_to_faiss(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Corpus.open(folder, tmp_path / "index") as corpus:
        known = answers(corpus)
    monkeypatch.setattr("qa.store.seal._key", lambda _: b"of another user")
    with Corpus.open(folder, tmp_path / "index") as corpus:
        assert "of another user: made again" in caplog.text
        assert answers(corpus) == known


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER t AFTER INSERT ON passages BEGIN DELETE FROM articles; END",
        "CREATE VIEW v AS SELECT 1",
        "UPDATE articles SET text = replace(text, 'opposed', 'praised')",
        "UPDATE articles SET pages = '['",
        "UPDATE sentences SET terms = zeroblob(length(terms))",
        "PRAGMA user_version = 4",
    ],
)
def test_index_that_someone_else_made_up_is_refused(
    change: str, folder: Path, tmp_path: Path
) -> None:
    Corpus.open(folder, tmp_path / "index").close()
    db = database._connect(tmp_path / "index" / "index.sqlite")
    db.execute(change)
    db.close()
    with (
        pytest.raises(StoreError, match="qa index --rebuild"),
        Corpus.open(folder, tmp_path / "index") as corpus,
    ):
        corpus.answer("Who opposed the budget?")
    with Corpus.open(folder, tmp_path / "index", rebuild=True) as corpus:
        said = corpus.answer("Who opposed the budget?").citations[0]
        assert "Petrova opposed it" in said.article.text


def test_article_that_no_file_holds_is_dropped(folder: Path, tmp_path: Path) -> None:
    Corpus.open(folder, tmp_path / "index").close()
    db = database._connect(tmp_path / "index" / "index.sqlite")
    [(text,)] = db.execute("SELECT text FROM articles WHERE path = 'budget.md'").fetchall()
    text = str(text).replace("opposed", "praised")
    known = hashlib.sha256(text.encode()).hexdigest()
    db.execute(
        "UPDATE articles SET text = ?, article_id = ? WHERE path = 'budget.md'", (text, known)
    )
    db.close()
    with Corpus.open(folder, tmp_path / "index") as corpus:
        assert known not in {article.article_id for article in corpus.articles()}
        assert {article.path for article in corpus.articles()} == {"budget.md", "harbour.txt"}


def test_one_of_two_that_index_waits_or_is_told(folder: Path, tmp_path: Path) -> None:
    with Corpus.open(folder, tmp_path / "index") as corpus:
        other = FileLock(tmp_path / "index" / ".writer.lock")
        with other:
            with pytest.raises(BusyError, match="Another qa is indexing"):
                corpus.sync(wait=False)
            with Corpus.open(folder, tmp_path / "index") as reader:  # asks what is in
                assert reader.count() == corpus.count()
            waiting = threading.Thread(target=corpus.sync)
            waiting.start()
            waiting.join(0.5)
            assert waiting.is_alive()
        waiting.join(60)
        assert not waiting.is_alive()


def test_two_commands_at_once_do_the_work_once(tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    kill.write_articles(articles, 0, 40)
    command = [sys.executable, "-m", "qa", "index", "--json"]
    command += ["--articles", str(articles), "--index", str(tmp_path / "index")]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    embedded = [int(re.search(r'"embedded": (\d+)', out)[1]) for out, _ in said]  # type: ignore[index]
    assert min(embedded) == 0, "the second found all done"
    assert max(embedded) > 0


def test_reader_sees_one_state_or_the_other_while_a_writer_goes_back_and_forth(
    tmp_path: Path, embedder: LocalEmbedder
) -> None:
    articles = tmp_path / "articles"
    kill.write_articles(articles, 0, 6)
    texts = [f"Ships\n\nThe port of Varna took {n} ships on Monday.\n" for n in (111, 222)]
    (articles / "ships.txt").write_text(texts[0])
    with Corpus.open(articles, tmp_path / "index") as writer:
        reader = Corpus(articles, tmp_path / "index", embedder)
        stop = threading.Event()

        def flip() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                (articles / "ships.txt").write_text(texts[number % 2])
                writer.sync()

        flipping = threading.Thread(target=flip)
        flipping.start()
        try:
            seen = set()
            for _ in range(60):
                hits = reader.retrieve("How many ships did the port take on Monday?", k=50)
                texts_found = [hit.passage.text for hit in hits]
                found = [text for text in texts_found if "ships on Monday" in text]
                assert len(found) == 1, found  # never none, never both
                seen.add(found[0])
        finally:
            stop.set()
            flipping.join()
            reader.close()
    assert len(seen) == 2


def test_askers_that_keep_writers_out_and_a_sync_do_not_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.corpus._GLANCES", 0)
    articles = tmp_path / "articles"
    kill.write_articles(articles, 0, 8)
    with Corpus.open(articles, tmp_path / "index") as corpus:
        monkeypatch.setattr(corpus, "_turns", threading.BoundedSemaphore(4))
        stop, asked = threading.Event(), []

        def ask() -> None:
            while not stop.is_set():
                asked.append(corpus.answer("Which delegate counted crates of salt?"))

        askers = [threading.Thread(target=ask, daemon=True) for _ in range(5)]
        for asker in askers:
            asker.start()
        for number in range(5):
            kill.write_articles(articles, 10 + number, 11 + number)
            (articles / f"{number:03}.txt").unlink()
            report = corpus.sync()
            assert len(report.added) == len(report.removed) == 1
        stop.set()
        for asker in askers:
            asker.join(60)
            assert not asker.is_alive()
    assert asked


def test_sync_that_is_interrupted_while_it_reads_ends_and_forgets_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "<html><body><article><h1>Ferry</h1><p>" + "The ferry sails again. " * 30
    (folder / "page.html").write_text(page)
    with Corpus.open(folder, tmp_path / "index", may_be_empty=True) as corpus:
        (folder / "later.html").write_text(page.replace("sails", "sank"))
        hanging = [sys.executable, "-c", "import time; time.sleep(600)"]
        started = threading.Event()
        real = IsolatedReader._started

        def start(reader: IsolatedReader) -> object:
            reader.command = hanging
            process = real(reader)
            started.set()
            return process

        ended: list[type[BaseException]] = []

        def sync() -> None:
            with pytest.raises(EndedError) as error:
                corpus.sync()
            ended.append(error.type)

        with monkeypatch.context() as patch:
            patch.setattr(IsolatedReader, "_started", start)
            syncing = threading.Thread(target=sync)
            syncing.start()
            assert started.wait(30)
            corpus.interrupt()
            syncing.join(30)
        assert ended == [EndedError]
        with pytest.raises(EndedError):
            corpus.sync()  # it is about to be closed
    with Corpus.open(folder, tmp_path / "index") as corpus:
        assert corpus.report.added == ("later.html",)


def test_sync_of_plain_texts_is_interrupted_too(tmp_path: Path, embedder: LocalEmbedder) -> None:
    articles = tmp_path / "articles"
    kill.write_articles(articles, 0, 30)
    with Corpus(articles, tmp_path / "index", embedder) as corpus:

        def look(now: SyncProgress) -> None:
            if now.passages:
                corpus.interrupt()

        with pytest.raises(EndedError):
            corpus.sync(look)
        assert 0 < corpus.count()[0] < 30


def test_index_that_was_rebuilt_by_another_program_says_so(folder: Path, tmp_path: Path) -> None:
    with Corpus.open(folder, tmp_path / "index") as corpus:
        Corpus.open(folder, tmp_path / "index", rebuild=True).close()
        with pytest.raises(StoreError, match="rebuilt by another program"):
            corpus.answer("Who opposed the budget?")


@linux
def test_server_answers_what_is_in_hand_and_ends(tmp_path: Path) -> None:
    with load.serving(tmp_path) as (server, port):
        known = load.Known(tmp_path / "articles")
        assert load.at_once(port, known, 60) == []
        counts = load.ended(server, port, limit=60)
        assert counts == []
    assert "Traceback" not in (tmp_path / "said.txt").read_text()


@linux
@strace
def test_nothing_leaves_the_machine_and_nothing_is_written_elsewhere(
    tmp_path: Path, models: Path
) -> None:
    may = subprocess.run(
        ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"]), "true"],
        capture_output=True, check=False,
    )  # fmt: skip
    if may.returncode or not shutil.which("ip"):
        pytest.skip("this machine lets nobody make a network namespace")
    counts, bad = network.watched(tmp_path, models)
    assert counts["asked and answered"] == 1
    assert counts["calls seen"] > 1000
    assert bad == []


@pytest.mark.parametrize("reader", fuzz.READERS)
@settings(max_examples=25)
@given(data=st.data())
def test_readers_read_or_refuse_whatever_comes(reader: str, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(sorted(fuzz.samples(reader).values()))))
    for _ in range(data.draw(st.integers(0, 6))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 40)))
        content[start:end] = data.draw(st.binary(max_size=40))
    assert fuzz.check(fuzz.shaped(reader, bytes(content)), fuzz.READERS[reader][0]) in {
        "read", "refused",
    }  # fmt: skip


FORBIDDEN = re.compile(
    r"\b(?:pickle|marshal|shelve|dill|joblib)\b|(?<!\.)\b(?:eval|exec)\(|yaml\.(?:load|unsafe_load|full_load)\b|"
    r"torch\.load|allow_pickle|extractall|unpack_archive|shell=True|os\.system|__import__\("
)


def test_no_code_is_read_from_data_and_no_archive_is_unpacked() -> None:
    for file in (ROOT / "qa").rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        tree = ast.parse(source)
        strings = {
            line
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        for number, line in enumerate(source.splitlines(), 1):
            code = line.partition("#")[0]
            if number not in strings:
                assert not FORBIDDEN.search(code), f"{file}:{number}: {line}"


def test_what_the_application_installs_is_pinned_by_hash() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+) \\$", text, re.MULTILINE))
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pinned) > 80
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    constraints = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    )
    known = {_name(name): version for name, version in constraints.items()}
    assert {_name(name): version for name, version in pinned.items()}.items() <= known.items()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = project.partition("\ndependencies = [")[2].partition("\n]")[0]
    wanted = re.findall(r'^    "([\w.-]+)', listed, re.MULTILINE)
    assert len(wanted) > 20
    assert {_name(name) for name in wanted} <= {_name(name) for name in pinned}


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_rules_against_unsafe_code_hold() -> None:
    done = subprocess.run(  # S603 asks for a look at every subprocess: there is one, of our own
        [sys.executable, "-m", "ruff", "check", "--select", "S", "--ignore", "S603", "qa"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert qa.__version__
