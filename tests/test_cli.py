"""The command as a user runs it: exit codes, messages, JSON."""

import hashlib
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import qa
from qa.cli import main
from qa.embedding import LocalEmbedder
from tests.conftest import read_only
from tests.test_formats import STORIES, table, web_page

EXPELLED = "When was Turkey expelled from the F-35 programme?"
REPORT = "001_3bc2ec1e90467441.txt"


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str | Path, where: Path, **variables: str) -> Done:
    """Run the command in this process, which has torch loaded already."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(where)
        patch.setattr(sys, "argv", ["qa", *map(str, arguments)])
        patch.setenv("COLUMNS", "200")
        for name, value in variables.items():
            patch.setenv(name, value)
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(bool(end.code))
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Path:
    """An empty folder: the commands then ask the sample that comes with the package."""
    place = tmp_path_factory.mktemp("home")
    (place / "cache" / "qa").mkdir(parents=True)
    (place / "cache" / "qa" / "models").symlink_to(models, target_is_directory=True)
    return place


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


def test_ask_prints_numbered_quotes_with_their_place(home: Path) -> None:
    command = [sys.executable, "-m", "qa", "ask", EXPELLED]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    best, _, rest = done.stdout.partition("\n[1] ")
    assert best.startswith("Turkey was expelled from the F-35 co-production programme in 2019")
    assert "[1] " in rest
    assert "(002_b16ef8f3398be61e.txt, lines " in done.stdout
    assert "Turkey was expelled from the F-35 co-production programme in 2019" in done.stdout


def test_ask_json_carries_offsets_that_hold(home: Path, seeds_copy: Path) -> None:
    done = run("ask", EXPELLED, "--json", where=home)
    answer = json.loads(done.stdout)
    assert answer["abstained"] is False
    assert 0.5 < answer["confidence"] <= 1
    for citation in answer["citations"]:
        text = (seeds_copy / citation["article"]["path"]).read_bytes().decode()
        assert citation["quote"] == text[citation["start"] : citation["end"]]
        for mark in citation["highlights"]:
            assert mark["text"] == text[mark["start"] : mark["end"]]


def test_ask_says_what_is_not_there(home: Path) -> None:
    done = run("ask", "What is the capital of Peru?", where=home)
    assert done.returncode == 0
    assert done.stdout.startswith("Not in these articles.\nThe nearest passages")


def test_ask_after_an_earlier_question(home: Path) -> None:
    done = run("ask", "When was it kicked out?", "--after", EXPELLED, "--json", where=home)
    answer = json.loads(done.stdout)
    assert answer["carried_over"] == ["Turkey", "expelled", "F-35", "programme"]
    assert answer["query"] == "When was it kicked out? Turkey expelled F-35 programme"
    quotes = [mark["text"] for mark in answer["citations"][0]["answers"]]
    assert quotes in (["2019"], ["July 2019"])


def test_what_is_carried_over_can_be_taken_away(home: Path) -> None:
    done = run(
        "ask",
        "When was it kicked out?",
        "--after",
        EXPELLED,
        "--no-carry-over",
        "--json",
        where=home,
    )
    answer = json.loads(done.stdout)
    assert answer["carried_over"] == []
    assert answer["query"] == "When was it kicked out?"


def test_ask_shows_where_outlets_differ_and_who_is_silent(home: Path) -> None:
    shown = run("ask", "Who is the US ambassador to Turkey?", where=home).stdout
    assert "The outlets differ (name):" in shown
    assert shown.startswith("U.S.\nAmbassador to Turkey Tom Berk, in a recent statement")
    assert "\n  Tom Berk\n    [1] Turkey’s long-standing" in shown
    assert "\n  Tom Barrack\n    [2] " in shown
    assert "Nothing quoted from: Pravda.Ru" in shown


def test_eval_measures_a_persons_own_questions(home: Path, tmp_path: Path) -> None:
    questions = tmp_path / "mine.jsonl"
    rows = [
        {"question": EXPELLED, "gold": [{"article": REPORT, "quote": "in 2019"}]},
        {"id": "bread", "question": "How do I bake bread?", "gold": []},
        {"id": "islands", "question": "Which Greek islands did Turkish jets overfly?"},
    ]
    questions.write_text("\n".join(map(json.dumps, rows)))
    shown = run("eval", str(questions), where=home).stdout
    assert shown.startswith("1 answerable questions: hit@1 0.000, hit@5 1.000")
    assert "2 unanswerable questions: not answered 1, AUROC 1.000" in shown
    assert "islands: Which Greek islands did Turkish jets overfly?\n  answered, but" in shown
    found = json.loads(run("eval", str(questions), "--json", where=home).stdout)
    assert (found["hit_at_1"], found["rightly_abstained"]) == (0.0, 1)
    assert [row["failed"] for row in found["questions"]][:2] == [None, None]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"question": 3}', "line 1 is no question"),
        ("not json", "line 1 is no question"),
        ("", "holds no question"),
        ('{"question": "Who?", "gold": ["nowhere.txt"]}', "not among those indexed"),
        (
            '{"question": "Who?", "gold": [{"article": "%s", "quote": "zzz"}]}',
            "letter for letter: zzz",
        ),
    ],
)
def test_eval_says_which_line_cannot_be_used(
    home: Path, tmp_path: Path, line: str, said: str
) -> None:
    questions = tmp_path / "mine.jsonl"
    questions.write_text(line.replace("%s", REPORT))
    done = run("eval", str(questions), where=home)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_index_and_status_in_a_folder_with_seeds(seeds_copy: Path) -> None:
    where = seeds_copy.parent
    before = json.loads(run("status", "--json", where=where).stdout)
    assert (before["article_count"], len(before["pending"]["added"])) == (0, 5)
    assert not (where / "embeddings").exists(), "status changes nothing"
    first = json.loads(run("index", "--json", where=where).stdout)
    assert (first["index"], len(first["added"]), first["skipped"]) == ("embeddings", 5, [])
    assert first["embedded"] > 40
    second = run("index", where=where)
    assert second.stdout.startswith("0 added, 0 updated, 0 removed, 5 unchanged, 0 skipped; 0 pass")
    after = json.loads(run("status", "--json", where=where).stdout)
    assert after["passage_count"] == first["embedded"]
    assert len(after["pending"]["unchanged"]) == 5
    assert "up to date" in run("status", where=where).stdout
    rebuilt = json.loads(run("index", "--rebuild", "--json", where=where).stdout)
    assert rebuilt["embedded"] == first["embedded"]


def test_flag_beats_variable_beats_default(folder: Path, tmp_path: Path, seeds_copy: Path) -> None:
    variables = {"QA_ARTICLES": str(folder), "QA_INDEX": str(tmp_path / "i1")}
    by_variable = json.loads(run("index", "--json", where=seeds_copy.parent, **variables).stdout)
    assert (len(by_variable["added"]), by_variable["index"]) == (2, str(tmp_path / "i1"))
    flags = ["--articles", seeds_copy, "--index", tmp_path / "i2"]
    done = run("index", "--json", *flags, where=tmp_path, **variables)
    by_flag = json.loads(done.stdout)
    assert (len(by_flag["added"]), by_flag["index"]) == (5, str(tmp_path / "i2"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ask", ""], "empty"),
        (["ask", "?!"], "no word"),
        (["ask", "a" * 100_000], "100,000 characters"),
        (["ask", "x", "--articles", "none"], "no folder none"),
        (["ask", "x", "--articles", "empty"], "no articles in empty"),
        (["ask", "x", "--articles", "binary"], "a.txt is a binary file"),
        (["ask", "x", "--index", "foreign"], "not an index"),
        (["index", "--index", "foreign", "--rebuild"], "not an index"),
        (["status", "--index", "foreign"], "No index"),
        (["ask", "x", "--index", "/proc/none"], "cannot be written"),
        (["ask", "x", "--model", "no-such-model"], "no model no-such-model"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_1(
    home: Path, arguments: list[str], reason: str
) -> None:
    for name, file in [("empty", None), ("binary", b"\0"), ("foreign", b"x")]:
        (home / name).mkdir(exist_ok=True)
        if file:
            (home / name / "a.txt").write_bytes(file)
    done = run(*arguments, where=home)
    if reason == "No index":
        assert "Indexed:  0 articles" in done.stdout
        return
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("qa: ")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert (home / "foreign" / "a.txt").read_bytes() == b"x"


def test_port_in_use_is_named_with_another(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), "--no-browser", where=home)
    assert done.returncode == 1
    assert f"qa serve --port {port + 1}" in done.stderr


def test_control_characters_of_an_article_do_not_reach_the_terminal(tmp_path: Path) -> None:
    place = tmp_path / "articles"
    place.mkdir()
    (place / "a.txt").write_text(
        "The harbour \x1b]0;owned\x07 of Varna \x1b[31mreopened\x9b on Monday."
    )
    done = run("ask", "When did the harbour of Varna reopen?", "--articles", place, where=tmp_path)
    assert "harbour" in done.stdout
    assert not {"\x1b", "\x07", "\x9b"} & set(done.stdout)


def test_help_loads_neither_torch_nor_gradio() -> None:
    code = (
        "import sys, qa, qa.cli; "
        "print({'torch', 'gradio', 'sentence_transformers', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_asking_opens_no_connection(home: Path) -> None:
    """An audit hook sees every socket and every name look-up of the process."""
    hook = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event in ('socket.getaddrinfo', 'socket.gethostbyname', 'socket.sendto'):\n"
        "        raise SystemExit(f'network: {event} {args}')\n"
        "    if event == 'socket.connect' and not isinstance(args[1], (str, bytes)):\n"
        "        raise SystemExit(f'network: {event} {args}')\n"
        "sys.addaudithook(hook)\n"
        f"sys.argv = ['qa', 'ask', {EXPELLED!r}]\n"
        "from qa.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", hook], cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "network" not in done.stderr
    assert "expelled" in done.stdout


def test_evidence_is_written_and_verified(home: Path, seeds_copy: Path) -> None:
    where = {"where": home, "QA_ARTICLES": str(seeds_copy)}
    where["QA_INDEX"] = str(seeds_copy.parent / "index")
    packs = [seeds_copy.parent / f"evidence.{suffix}" for suffix in ("md", "json", "csv")]
    for pack in packs:
        assert run("ask", EXPELLED, "--evidence", pack, **where).returncode == 0
        done = run("verify", pack, **where)
        assert done.returncode == 0
        assert "verified        [1] 002_b16ef8f3398be61e.txt: When was Turkey" in done.stdout
        assert done.stdout.strip().endswith("5 quotes: 5 verified")

    (seeds_copy / REPORT).unlink()
    changed = seeds_copy / "002_b16ef8f3398be61e.txt"
    changed.write_text(changed.read_text().replace("in 2019", "in 2020"))
    for pack in packs:
        done = run("verify", pack, **where)
        assert done.returncode == 1
        assert "altered         [1] 002_b16ef8f3398be61e.txt" in done.stdout
        assert "programme in 2020" in done.stdout
        verdicts = json.loads(run("verify", pack, "--json", **where).stdout)
        assert {"altered", "source missing", "verified"} == {v["word"] for v in verdicts}


def test_evidence_is_not_written_over_a_file_or_in_an_unknown_format(home: Path) -> None:
    (home / "notes.md").write_text("mine")
    done = run("ask", EXPELLED, "--evidence", "notes.md", where=home)
    assert (done.returncode, "is there already" in done.stderr) == (1, True)
    assert (home / "notes.md").read_text() == "mine"
    done = run("ask", EXPELLED, "--evidence", "notes.pdf", where=home)
    assert (done.returncode, "must end in .md" in done.stderr) == (1, True)
    done = run("verify", "absent.md", where=home)
    assert (done.returncode, "cannot be read" in done.stderr) == (1, True)


@contextmanager
def interrupted(wanted: Callable[[], bool]) -> Iterator[None]:
    """Press Ctrl+C, so to speak, as soon as what is wanted holds."""

    def wait() -> None:
        for _ in range(6_000):
            if wanted():
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


def test_interrupted_index_keeps_what_is_done(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    for number in range(40):
        told = (f"In town {number} the fair number {n} was opened by a mayor." for n in range(40))
        (folder / f"{number:02}.txt").write_text(" ".join(told))
    truth = tmp_path / "index" / "index.sqlite"
    where: dict[str, Any] = {
        "where": home, "QA_ARTICLES": str(folder), "QA_INDEX": str(truth.parent)
    }  # fmt: skip

    def begun() -> bool:
        with suppress(sqlite3.Error), closing(read_only(truth)) as db:
            return bool(db.execute("SELECT count(*) FROM articles").fetchone() > (1,))
        return False

    truth.parent.mkdir()
    qa.Corpus(folder, truth.parent, LocalEmbedder()).close()
    with interrupted(begun):
        done = run("index", **where)
    assert done.returncode == 130
    assert "What is done is kept" in done.stderr
    report = json.loads(run("index", "--json", **where).stdout)
    assert 0 < len(report["added"]) < 40
    assert len(report["added"]) + len(report["unchanged"]) == 40


def test_articles_shows_what_is_known_and_where_from(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "ferry.html").write_text(web_page(*STORIES["ferry"]))
    (folder / "rows.csv").write_bytes(table([{"Artikel": STORIES["bees"][1], "Blatt": "Post"}]))
    where: dict[str, Any] = {"where": home, "QA_ARTICLES": str(folder)}
    where["QA_INDEX"] = str(tmp_path / "index")
    columns = ("--column", "text=Artikel", "--column", "outlet=Blatt")
    done = run("articles", *columns, **where)
    assert done.returncode == 0, done.stderr
    assert "2 articles" in done.stdout
    for value, origin in (
        ("The Varna Post", "JSON-LD"),
        ("2025-03-04", "JSON-LD"),
        ("Post", "column"),
    ):
        assert value in done.stdout
        assert origin in done.stdout
    found = json.loads(
        run("articles", *columns, "--missing", "published", "--json", **where).stdout
    )
    assert [(a["path"], a["outlet"], a["origins"]["outlet"]) for a in found] == [
        ("rows.csv#1", "Post", "column")
    ]
    assert found[0]["file_sha256"] == hashlib.sha256((folder / "rows.csv").read_bytes()).hexdigest()
    found = json.loads(run("articles", *columns, "--missing", "title", "--json", **where).stdout)
    assert [a["path"] for a in found] == ["rows.csv#1"]
    assert "the fields are title" in run("articles", "--missing", "x", **where).stderr
    assert "write FIELD=NAME" in run("index", "--column", "body=x", **where).stderr
    report = json.loads(run("index", "--json", **where).stdout)  # the index remembers the columns
    assert (report["unchanged"], report["skipped"]) == (["ferry.html", "rows.csv#1"], [])
    assert "Waiting:  nothing" in run("status", **where).stdout
    done = run("index", "--rebuild", **where)
    assert "--column text=NAME" in done.stderr


def test_articles_in_another_language_are_noted(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "zoo.txt").write_text(
        "Der Zoo von Sofia bekommt im Herbst zwei junge Schneeleoparden aus dem Tierpark in "
        "Leipzig, wie der Direktor am Dienstag mitteilte.\n"
    )
    where: dict[str, Any] = {"where": home, "QA_ARTICLES": str(folder)}
    where["QA_INDEX"] = str(tmp_path / "index")
    for command in (("index",), ("ask", "Woher kommen die Schneeleoparden?")):
        done = run(*command, **where)
        assert "Note: 1 of 1 articles are not in English (de: 1)" in done.stderr
        assert "--model FOLDER --rebuild" in " ".join(done.stderr.split())


def test_index_watch_goes_on_until_it_is_interrupted(folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    news = folder / "ferry.txt"

    def taken_in() -> bool:
        with suppress(sqlite3.Error), closing(read_only(index / "index.sqlite")) as db:
            paths = {path for (path,) in db.execute("SELECT path FROM articles")}
            if {"harbour.txt", "budget.md"} <= paths and not news.exists():
                news.write_text("The ferry to Nessebar sails again since Friday.\n")
            if news.name in paths:
                time.sleep(1)  # it is told, too
                return True
        return False

    with interrupted(taken_in):
        done = run("index", "--watch", "--articles", folder, "--index", index, where=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    _, told = done.stdout.split("Watching for changes")
    assert "1 added, 0 updated, 0 removed, 2 unchanged" in told
