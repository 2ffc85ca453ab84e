"""A little of what `make faults` does for hours, and several processes on one index."""

import ast
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import damage
import disk
import fuzz
import kill
import load
import network
import pytest
from common import answers, arguments, may_mount, write_articles
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.corpus import Corpus
from qa.errors import BusyError, CancelledError, StoreError
from qa.index.database import Connection, Database
from qa.index.reports import SyncProgress
from qa.index.rows import manifest
from qa.models.embedder import Embedder
from qa.reading.isolated import IsolatedReader
from tests.conftest import ROOT

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
OPPOSED = "Who opposed the budget?"
KILLED_AT = (
    "qa.index.store:Store.put_text@3+",
    "qa.index.store:_count_passages@3",
    "qa.index.store:_put_articles@2+",
    "qa.index.store:Store.put_files@1",
    "qa.index.store:_delete_passages@20+",  # in the removal, after 19 new texts
    "qa.index.vector_index:VectorIndex.remove@1+",
    "qa.index.term_index:TermIndex._write@1+",
    "pathlib:Path.replace@2",
)


@pytest.fixture(scope="session")
def cache(models: Path) -> Path:
    return models.parent.parent


@pytest.fixture(autouse=True)
def _shared_cache(_own_places: None, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several tests open one index: its seal must be made with the same key."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory, cache: Path, tiny_model: Path):
    """One prepared index; every kill and every failure of the disk gets a copy of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        return kill.Checker(tmp_path_factory.mktemp("kill"), str(tiny_model))


@linux
def test_program_killed_at_any_step_loses_nothing(checker: kill.Checker) -> None:
    # In a process of its own: this one has threads, and must not be forked.
    code = (
        "import json, sys, kill; from pathlib import Path; import qa.cli, qa.index.sync\n"
        "place, model, *steps = sys.argv[1:]\n"
        "for step in steps:\n"
        "    trial, killed = kill.run_and_kill('index', Path(place), None, step, model)\n"
        "    print(json.dumps([step, str(trial), killed]), flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(checker.place), str(checker.model), *KILLED_AT],
        env=os.environ | {"PYTHONPATH": str(ROOT / "benchmarks" / "faults")},
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(step, killed) for step, _, killed in found] == [(step, True) for step in KILLED_AT]
    problems = {step: checker.check(Path(trial)) for step, trial, _ in found}
    assert problems == dict.fromkeys(KILLED_AT, "")


@pytest.mark.parametrize("name", [*kill.STEPS, *kill.UPLOAD_STEPS])
def test_steps_to_kill_at_exist(name: str) -> None:
    holder, last = kill.find(name)
    assert callable(getattr(holder, last))


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "first"),
    [
        ("pwrite64", "ENOSPC", 8),
        ("fsync,fdatasync", "EIO", 5),
        ("rename,renameat,renameat2", "EIO", 1),
    ],
)
def test_failing_disk_is_reported_and_loses_nothing(
    call: str, error: str, first: int, checker: kill.Checker
) -> None:
    assert disk.failing(checker, call, error, first) == ""


@linux
def test_full_or_read_only_disk_is_reported_and_loses_nothing(
    checker: kill.Checker, tmp_path: Path
) -> None:
    if not may_mount(tmp_path):
        pytest.skip("this user may not mount a file system")
    assert disk.full(checker, 200) == ""
    assert disk.read_only(checker) == ""


def test_damaged_file_is_built_again_or_refused_and_never_misquoted(
    tmp_path: Path, tiny_embedder: Embedder, tiny_model: Path
) -> None:
    bases = damage.build(tmp_path, str(tiny_model))
    with Corpus(tmp_path / "articles", bases["closed"], tiny_embedder) as corpus:
        known = answers(corpus)
    files = [file for file in bases["closed"].rglob("*") if file.is_file()]
    kinds = {damage.kind(file.relative_to(bases["closed"])) for file in files}
    assert len(kinds) > 10
    tries = [("closed", kind) for kind in sorted(kinds) for _ in range(3)]
    tries += [("closed", "index.sqlite")] * 20 + [("killed", "index.sqlite*")] * 10
    results = [
        damage.try_one(bases[base], kind, tmp_path, random.Random(number), known, tiny_embedder)
        for number, (base, kind) in enumerate(tries)
    ]
    assert [result for result in results if result[0] == "lost"] == []
    assert {"same", "built again", "refused"} <= {result for result, _ in results}


def test_page_of_zeros_is_not_taken_for_data(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    """The checksum of a page of zeros is valid, so the data themselves must show the damage."""
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        known = answers(corpus)
    database = tmp_path / "index" / "index.sqlite"
    content = database.read_bytes()
    refused = 0
    for start in range(0, len(content), 4096):
        database.write_bytes(content[:start] + bytes(4096) + content[start + 4096 :])
        try:
            with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
                corpus.sync()
                found, message = answers(corpus), ""
        except StoreError as error:
            found, message = known, str(error)
            refused += 1
        assert found == known, start
        assert not message or "qa index --rebuild" in message
    assert refused > 10


def test_file_that_another_user_wrote_is_not_loaded_by_faiss(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        known = answers(corpus)
    monkeypatch.setattr("qa.index.seal._key", lambda _: b"of another user")
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        assert "made by another user: building it again" in caplog.text
        assert answers(corpus) == known


def connect(folder: Path, index: Path, embedder: Embedder) -> Connection:
    """Open the file of an index for writing; its pages keep their checksums."""
    return Database(index, manifest(folder, embedder))._writer


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TRIGGER t AFTER INSERT ON passages BEGIN DELETE FROM articles; END",
        "CREATE VIEW v AS SELECT 1",
        "UPDATE texts SET text = replace(text, 'opposed', 'praised')",
        "UPDATE articles SET pages = '['",
        "PRAGMA user_version = 4",
    ],
)
def test_index_that_someone_else_changed_is_refused(
    change: str, folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    index = tmp_path / "index"
    with Corpus(folder, index, tiny_embedder) as corpus:
        corpus.sync()
    db = connect(folder, index, tiny_embedder)
    db.execute(change)
    db.close()
    with (
        pytest.raises(StoreError, match="qa index --rebuild"),
        Corpus(folder, index, tiny_embedder) as corpus,
    ):
        corpus.answer(OPPOSED)
    with Corpus.open(folder, index, model=str(tiny_embedder._folder), rebuild=True) as corpus:
        texts = [article.text for article in corpus.articles()]
        assert ["Petrova opposed it" in text for text in texts] == [True, False]


def test_text_that_is_in_no_file_is_removed(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    index = tmp_path / "index"
    with Corpus(folder, index, tiny_embedder) as corpus:
        corpus.sync()
        expected = corpus.articles()
    db = connect(folder, index, tiny_embedder)
    [(number, text)] = db.execute(
        "SELECT texts.number, text FROM texts JOIN articles ON text_number = texts.number "
        "WHERE path = 'budget.md'"
    ).fetchall()
    text = str(text).replace("opposed", "praised")
    known = hashlib.sha256(text.encode()).hexdigest()
    db.execute("UPDATE texts SET text = ?, article_id = ? WHERE number = ?", (text, known, number))
    db.close()
    with Corpus(folder, index, tiny_embedder) as corpus:
        assert known in {article.article_id for article in corpus.articles()}
        corpus.sync()
        assert corpus.articles() == expected


def test_second_sync_waits_or_reports_that_another_one_runs(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        with FileLock(tmp_path / "index" / ".writer.lock"):
            with pytest.raises(BusyError, match="Another qa process is indexing"):
                corpus.sync(wait=False)
            model = str(tiny_embedder._folder)
            with Corpus.open(folder, tmp_path / "index", model=model) as reader:
                assert reader.count() == corpus.count()  # it answers from what is indexed
            waiting = threading.Thread(target=corpus.sync)
            waiting.start()
            waiting.join(0.5)
            assert waiting.is_alive()
        waiting.join(60)
        assert not waiting.is_alive()


def test_two_commands_at_once_embed_every_passage_once(tmp_path: Path, tiny_model: Path) -> None:
    articles = tmp_path / "articles"
    write_articles(articles, 0, 40)
    command = [sys.executable, "-m", "qa", "index", "--json"]
    command += arguments(articles, tmp_path / "index", str(tiny_model))
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = [process.communicate(timeout=200) for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    embedded = [int(json.loads(output)["embedded"]) for output, _ in printed]
    with Corpus(articles, tmp_path / "index", Embedder(str(tiny_model))) as corpus:
        assert sum(embedded) == corpus.count()[1]
    assert min(embedded) == 0


def test_reader_sees_one_version_of_an_article_that_a_writer_keeps_changing(
    tmp_path: Path, tiny_embedder: Embedder
) -> None:
    articles = tmp_path / "articles"
    write_articles(articles, 0, 6)
    texts = [f"Ships\n\nThe port of Varna took {n} ships on Monday.\n" for n in (111, 222)]
    (articles / "ships.txt").write_text(texts[0])
    with (
        Corpus(articles, tmp_path / "index", tiny_embedder) as writer,
        Corpus(articles, tmp_path / "index", tiny_embedder) as reader,
    ):
        writer.sync()
        stop = threading.Event()

        def flip() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                (articles / "ships.txt").write_text(texts[number % 2])
                writer.sync()

        flipping = threading.Thread(target=flip)
        flipping.start()
        seen = set()
        try:
            for _ in range(200):
                hits = reader.retrieve("How many ships did the port take on Monday?", k=50)
                found = [h.passage.text for h in hits if "ships on Monday" in h.passage.text]
                assert len(found) == 1, found  # never none, never both
                seen.add(found[0])
                if len(seen) == 2:
                    break
        finally:
            stop.set()
            flipping.join()
    assert len(seen) == 2


def test_many_questions_and_a_sync_do_not_wait_for_each_other(
    tmp_path: Path, tiny_embedder: Embedder
) -> None:
    articles = tmp_path / "articles"
    write_articles(articles, 0, 8)
    with Corpus(articles, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        stop, counts = threading.Event(), [0] * 5

        def ask(number: int) -> None:
            while not stop.is_set():
                corpus.answer("Which delegate counted crates of salt?")
                counts[number] += 1

        askers = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(5)]
        for asker in askers:
            asker.start()
        for number in range(5):
            write_articles(articles, 10 + number, 11 + number)
            (articles / f"{number:03}.txt").unlink()
            report = corpus.sync()
            assert report.added == (f"{10 + number:03}.txt",)
            assert report.removed == (f"{number:03}.txt",)
        stop.set()
        for asker in askers:
            asker.join(60)
            assert not asker.is_alive()
    assert min(counts) > 0


def test_sync_that_is_cancelled_while_it_reads_ends_and_loses_nothing(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "<html><body><article><h1>Ferry</h1><p>" + "The ferry sails again. " * 30
    (folder / "page.html").write_text(page)
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        (folder / "later.html").write_text(page.replace("sails", "sank"))
        hanging = [sys.executable, "-c", "import time; time.sleep(600)"]
        started = threading.Event()
        real = IsolatedReader._started

        def start(reader: IsolatedReader) -> object:
            reader.command = hanging
            process = real(reader)
            started.set()
            return process

        errors: list[BaseException] = []

        def sync() -> None:
            try:
                corpus.sync()
            except CancelledError as error:
                errors.append(error)

        with monkeypatch.context() as patch:
            patch.setattr(IsolatedReader, "_started", start)
            syncing = threading.Thread(target=sync)
            syncing.start()
            assert started.wait(30)
            corpus.cancel()
            syncing.join(30)
        assert len(errors) == 1
        with pytest.raises(CancelledError):
            corpus.sync()  # it is about to be closed
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        assert corpus.sync().added == ("later.html",)


def test_sync_of_text_files_can_be_cancelled(tmp_path: Path, tiny_embedder: Embedder) -> None:
    articles = tmp_path / "articles"
    write_articles(articles, 0, 30)
    with Corpus(articles, tmp_path / "index", tiny_embedder) as corpus:

        def cancel(progress: SyncProgress) -> None:
            if progress.passages:
                corpus.cancel()

        with pytest.raises(CancelledError):
            corpus.sync(cancel)
        assert 0 < corpus.count()[0] < 30


def test_index_that_another_program_rebuilt_is_refused_with_a_message(
    folder: Path, tmp_path: Path, tiny_embedder: Embedder
) -> None:
    with Corpus(folder, tmp_path / "index", tiny_embedder) as corpus:
        corpus.sync()
        model = str(tiny_embedder._folder)
        Corpus.open(folder, tmp_path / "index", model=model, rebuild=True).close()
        with pytest.raises(StoreError, match="rebuilt by another program"):
            corpus.answer(OPPOSED)


@linux
def test_server_answers_accepted_questions_and_ends(tmp_path: Path, tiny_model: Path) -> None:
    with load.serving(tmp_path, str(tiny_model)) as (server, port):
        known = load.Known(tmp_path / "articles")
        assert load.at_once(port, known, 60) == []
        assert load.shut_down(server, port, limit=60) == []
    assert "Traceback" not in (tmp_path / "output.txt").read_text()


@linux
@needs_strace
def test_nothing_leaves_the_machine_and_no_file_is_written_elsewhere(
    tmp_path: Path, models: Path
) -> None:
    possible = subprocess.run([*network.namespace(), "true"], capture_output=True, check=False)
    if possible.returncode or not shutil.which("ip"):
        pytest.skip("this user may not make a network namespace")
    counts, bad = network.trace(tmp_path, models)
    assert counts["asked and answered"] == 1
    assert counts["calls seen"] > 1000
    assert bad == []


@pytest.mark.parametrize("reader", fuzz.READERS)
@settings(max_examples=25)
@given(data=st.data())
def test_readers_read_or_refuse_any_content(reader: str, data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(sorted(fuzz.samples(reader).values()))))
    for _ in range(data.draw(st.integers(0, 6))):
        start = data.draw(st.integers(0, len(content)))
        end = data.draw(st.integers(start, min(len(content), start + 40)))
        content[start:end] = data.draw(st.binary(max_size=40))
    result = fuzz.check(fuzz.shaped(reader, bytes(content)), fuzz.READERS[reader][0])
    assert result in {"read", "refused"}


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


def test_dependencies_are_pinned_by_hash() -> None:
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


def test_security_rules_of_ruff_hold() -> None:
    # S603 reports every subprocess; there is one, which runs our own module.
    command = [sys.executable, "-m", "ruff", "check", "--select", "S", "--ignore", "S603", "qa"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
