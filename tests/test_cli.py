"""The commands as a user runs them: exit codes, messages, JSON."""

import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from filelock import FileLock

import qa
from qa import locations
from qa.cli import main
from qa.index.store import Store
from tests.conftest import SEEDS
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


@pytest.fixture(scope="session")
def sample_index(models: Path) -> Path:
    """An index of the sample, built once for all test processes. Tests use copies of it."""
    place = models.parent / "sample-index"
    with FileLock(f"{place}.lock"):
        qa.Corpus.open(SEEDS, place).close()
    return place


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, models: Path, sample_index: Path) -> Path:
    """An empty folder: the commands then use the sample in the package, which is indexed."""
    place = tmp_path_factory.mktemp("home")
    cache = place / "cache"
    (cache / "qa").mkdir(parents=True)
    (cache / "qa" / "models").symlink_to(models, target_is_directory=True)
    shutil.copy(models.parent / "key", cache / "qa" / "key")  # the index is signed with it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.chdir(place)
        shutil.copytree(sample_index, locations.index_folder(locations.sample_folder()))
    return place


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))


@pytest.fixture
def seeds_folder(folder: Path) -> Path:
    """The two short articles, in a folder that is the default of its parent."""
    return folder.rename(folder.with_name("seeds"))


def test_ask_prints_numbered_quotes_with_their_place(home: Path) -> None:
    command = [sys.executable, "-m", "qa", "ask", EXPELLED]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    best, _, rest = done.stdout.partition("\n[1] ")
    assert best.startswith("Turkey was expelled from the F-35 co-production programme in 2019")
    assert "[1] " in rest
    assert "(002_b16ef8f3398be61e.txt, lines " in done.stdout
    assert "Turkey was expelled from the F-35 co-production programme in 2019" in done.stdout
    assert done.stderr == (
        "No folder of articles was named and ./seeds does not exist: using the sample articles in "
        f"{SEEDS}. Name a folder with --articles DIR, QA_ARTICLES or qa.Corpus.open(DIR).\n"
    )


def test_using_the_sample_is_logged_once_and_no_other_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    locations._warn.cache_clear()
    for _ in range(2):
        assert locations.articles_folder() == locations.sample_folder()
    assert [(r.name, r.levelname) for r in caplog.records] == [("qa", "WARNING")]
    assert f"using the sample articles in {SEEDS}" in caplog.text
    caplog.clear()
    own = locations.folder_to_fill()
    assert f"the sample articles were copied to {own}" in caplog.text
    caplog.clear()
    assert locations.articles_folder(SEEDS) == SEEDS
    assert locations.articles_folder() == own
    (tmp_path / "seeds").mkdir()
    assert locations.articles_folder() == Path("seeds")
    assert caplog.records == []


OF_A_CORPUS = {"--articles", "--index", "--model", "--column", "--help"}
OPTIONS = {
    "ask": OF_A_CORPUS | {
        "--after", "--carry-over", "--no-carry-over", "--evidence", "--reranker", "--json",
    },
    "index": OF_A_CORPUS | {"--rebuild", "--watch", "--json"},
    "articles": OF_A_CORPUS | {"--missing", "--json"},
    "status": OF_A_CORPUS | {"--json"},
    "eval": OF_A_CORPUS | {"--reranker", "--json"},
    "verify": {"--articles", "--column", "--json", "--help"},
    "serve": OF_A_CORPUS | {
        "--port", "--host", "--auth", "--auth-header", "--open-to-all", "--name", "--proxy",
        "--browser", "--no-browser", "--reranker",
    },
    "user": {"--auth", "--remove", "--help"},
}  # fmt: skip


@pytest.mark.parametrize("command", OPTIONS)
def test_help_lists_every_option(command: str, home: Path) -> None:
    done = run(command, "--help", where=home)
    assert done.returncode == 0
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", done.stdout))
    assert named == OPTIONS[command]


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


def test_ask_abstains_and_shows_the_nearest_passages(home: Path) -> None:
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


def test_no_carry_over_takes_no_words_from_earlier_questions(home: Path) -> None:
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


def test_ask_shows_differences_and_sources_without_quotes(home: Path) -> None:
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
        ('{"question": "Who?", "gold": ["nowhere.txt"]}', "which is not indexed"),
        (
            '{"question": "Who?", "gold": [{"article": "%s", "quote": "zzz"}]}',
            "letter for letter: zzz",
        ),
    ],
)
def test_eval_names_the_line_that_cannot_be_used(
    home: Path, tmp_path: Path, line: str, said: str
) -> None:
    questions = tmp_path / "mine.jsonl"
    questions.write_text(line.replace("%s", REPORT))
    done = run("eval", str(questions), where=home)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


PATHS = ["budget.md", "harbour.txt"]


def test_index_and_status_in_a_folder_with_seeds(seeds_folder: Path) -> None:
    where = seeds_folder.parent
    before = json.loads(run("status", "--json", where=where).stdout)
    assert (before["article_count"], before["pending"]["added"]) == (0, PATHS)
    assert (
        "Waiting:  2 changed files. Index them with: qa index" in run("status", where=where).stdout
    )
    first = json.loads(run("index", "--json", where=where).stdout)
    assert (first["articles"], first["index"]) == ("seeds", "embeddings")
    assert (first["added"], first["skipped"], first["embedded"]) == (PATHS, [], 2)
    second = run("index", where=where)
    assert second.stdout == (
        "0 added, 0 updated, 0 removed, 2 unchanged, 0 skipped; 0 passages embedded\n"
        "Index: embeddings\n"
    )
    after = json.loads(run("status", "--json", where=where).stdout)
    assert (after["article_count"], after["passage_count"]) == (2, 2)
    assert after["pending"]["unchanged"] == PATHS
    assert "up to date" in run("status", where=where).stdout
    rebuilt = json.loads(run("index", "--rebuild", "--json", where=where).stdout)
    assert (rebuilt["added"], rebuilt["embedded"]) == (PATHS, 2)


def contents(place: Path) -> dict[str, tuple[int, bytes | None]]:
    """Every file and folder below a folder, with its time of change and bytes."""
    return {
        str(path.relative_to(place)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in [place, *place.rglob("*")]
    }


def test_status_without_an_index_creates_nothing(seeds_folder: Path) -> None:
    where = seeds_folder.parent
    before = contents(where)
    assert run("status", where=where).returncode == 0
    assert run("status", "--index", "other/index", where=where).returncode == 0
    assert contents(where) == before


def test_status_changes_no_file(seeds_folder: Path) -> None:
    """Root may write to read-only files as well, so that the bytes and times are compared."""
    where = seeds_folder.parent
    assert run("index", where=where).returncode == 0
    (seeds_folder / "harbour.txt").write_text("The harbour of Varna closed again on Friday.\n")
    (seeds_folder / "new.txt").write_text("A ferry sails to Nessebar since Friday.\n")
    (seeds_folder / "budget.md").unlink()
    paths = [where, *where.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(modes[path] & ~0o222)
    try:
        before = contents(where)
        done = run("status", "--json", where=where)
        assert contents(where) == before
    finally:
        for path in paths:
            path.chmod(modes[path])
    assert (done.returncode, done.stderr) == (0, "")
    pending = json.loads(done.stdout)["pending"]
    changes = [pending[name] for name in ("added", "updated", "removed", "unchanged")]
    assert changes == [["new.txt"], ["harbour.txt"], ["budget.md"], []]


def test_status_changes_no_file_of_an_index_in_use(seeds_folder: Path) -> None:
    """An open index has a write-ahead log with changes that are not in the database file yet."""
    where = seeds_folder.parent
    with qa.Corpus.open(seeds_folder, where / "embeddings"):
        assert (where / "embeddings" / "index.sqlite-wal").stat().st_size > 0
        before = contents(where)
        done = run("status", "--json", where=where)
        after = contents(where)
    shared = "embeddings/index.sqlite-shm"  # readers note in it which version they read
    assert before.keys() == after.keys()
    before.pop(shared), after.pop(shared)
    assert after == before
    assert json.loads(done.stdout)["pending"]["unchanged"] == PATHS


def test_flag_beats_variable_beats_default(seeds_folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "ferry.txt").write_text("The ferry to Nessebar sails again since Friday.\n")
    variables = {"QA_ARTICLES": str(other), "QA_INDEX": str(tmp_path / "i1")}
    by_variable = json.loads(run("index", "--json", where=tmp_path, **variables).stdout)
    assert (by_variable["added"], by_variable["index"]) == (["ferry.txt"], str(tmp_path / "i1"))
    flags = ["--articles", seeds_folder, "--index", tmp_path / "i2"]
    by_flag = json.loads(run("index", "--json", *flags, where=tmp_path, **variables).stdout)
    assert (by_flag["added"], by_flag["index"]) == (PATHS, str(tmp_path / "i2"))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ask", ""], "empty"),
        (["ask", "?!"], "no word"),
        (["ask", "a" * 100_000], "100,000 characters"),
        (["ask", "x", "--articles", "none"], "no folder none"),
        (["ask", "x", "--articles", "n" * 300], "Operating system error: [Errno 36]"),
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


def test_words_of_an_article_are_not_taken_for_markup_of_the_terminal(tmp_path: Path) -> None:
    place = tmp_path / "articles"
    place.mkdir()
    sentence = (
        r"The harbour [bold]of Varna[/bold] [/] [link=x] :smile: {{ it }} reopened \[b] on Monday\."
    )
    (place / "a.txt").write_text(sentence)
    for terminal in ({}, {"FORCE_COLOR": "1"}):
        where: dict[str, Any] = {"where": tmp_path, **terminal}
        done = run("ask", "When did the harbour of Varna reopen?", "--articles", place, **where)
        assert done.returncode == 0, done.stderr
        assert re.sub(r"\x1b\[[\d;]*m", "", done.stdout).count(sentence) >= 2


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
    where: dict[str, Any] = {"where": home}
    packs = [seeds_copy.parent / f"evidence.{suffix}" for suffix in ("md", "json", "csv")]
    for pack in packs:
        assert run("ask", EXPELLED, "--evidence", pack, **where).returncode == 0
        done = run("verify", pack, "--articles", seeds_copy, **where)
        assert done.returncode == 0
        assert "verified        [1] 002_b16ef8f3398be61e.txt: When was Turkey" in done.stdout
        assert done.stdout.strip().endswith("5 quotes: 5 verified")

    edited = seeds_copy.parent / "edited.md"
    edited.write_text(packs[0].read_text().replace("> Turkey was expelled", "> Turkey was not", 1))
    done = run("verify", edited, "--articles", seeds_copy, **where)
    assert (done.returncode, done.stdout.count("the pack shows other words")) == (1, 1)

    (seeds_copy / REPORT).unlink()
    changed = seeds_copy / "002_b16ef8f3398be61e.txt"
    changed.write_text(changed.read_text().replace("in 2019", "in 2020"))
    for pack in packs:
        done = run("verify", pack, "--articles", seeds_copy, **where)
        assert done.returncode == 1
        assert "altered         [1] 002_b16ef8f3398be61e.txt" in done.stdout
        assert "programme in 2020" in done.stdout
        verdicts = json.loads(
            run("verify", pack, "--json", "--articles", seeds_copy, **where).stdout
        )
        assert {"altered", "source missing", "verified"} == {v["word"] for v in verdicts}


def test_evidence_does_not_overwrite_a_file_and_needs_a_known_format(home: Path) -> None:
    (home / "notes.md").write_text("mine")
    done = run("ask", EXPELLED, "--evidence", "notes.md", where=home)
    assert (done.returncode, "is there already" in done.stderr) == (1, True)
    assert (home / "notes.md").read_text() == "mine"
    done = run("ask", EXPELLED, "--evidence", "notes.pdf", where=home)
    assert (done.returncode, "must end in .md" in done.stderr) == (1, True)
    done = run("verify", "absent.md", where=home)
    assert (done.returncode, "cannot be read" in done.stderr) == (1, True)


def test_interrupted_index_keeps_what_is_done(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "articles"
    folder.mkdir()
    names = [f"{number:02}.txt" for number in range(6)]
    for name in names:
        (folder / name).write_text(f"In town {name} the fair was opened by a mayor.")
    where: dict[str, Any] = {
        "where": home, "QA_ARTICLES": str(folder), "QA_INDEX": str(tmp_path / "index")
    }  # fmt: skip
    put_text, stored = Store.put_text, []

    def interrupt_after_two(store: Store, article: qa.Article, *rest: Any) -> None:
        put_text(store, article, *rest)
        stored.append(article.path)
        if len(stored) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "put_text", interrupt_after_two)
        done = run("index", **where)
    assert stored == names[:2]
    assert done.returncode == 130
    assert "What is done is kept" in done.stderr
    report = json.loads(run("index", "--json", **where).stdout)
    assert (report["unchanged"], report["added"]) == (names[:2], names[2:])


def test_articles_shows_metadata_and_origins(home: Path, tmp_path: Path) -> None:
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


def test_note_on_articles_in_another_language(home: Path, tmp_path: Path) -> None:
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


def test_index_watch_runs_until_it_is_interrupted(folder: Path, tmp_path: Path) -> None:
    news = folder / "ferry.txt"
    command = [sys.executable, "-m", "qa", "index", "--watch", "--articles", str(folder)]
    with subprocess.Popen(
        [*command, "--index", str(tmp_path / "index")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    ) as process:
        assert process.stdout
        assert process.stderr
        printed = []
        for line in process.stdout:
            printed.append(line)
            if line.startswith("Watching for changes"):
                news.write_text("The ferry to Nessebar sails again since Friday.\n")
            if line.startswith("1 added, 0 updated, 0 removed, 2 unchanged"):
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, process.stderr.read()
        assert process.stderr.read() == ""
    assert printed[0].startswith("2 added, 0 updated, 0 removed, 0 unchanged")
