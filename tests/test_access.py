"""Who may ask the server: its own routes, without and with a word on who asks; hosts; limits."""

import base64
import http.client
import json
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import load
import pytest
from asking import Asker, Refused
from starlette.routing import Mount, Route

import qa
from qa.cli import main
from qa.errors import AccessError
from qa.web import access, guard, users
from qa.web.access import Access, Rate, is_called_by
from qa.web.server import Server
from qa.web.users import Users

PASSWORD = "correct horse battery"


@contextmanager
def served(
    corpus: qa.Corpus, access: Access | None = None, host: str = "127.0.0.1"
) -> Iterator[int]:
    corpus.warm_up()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(corpus, host, port, access or Access())
    served_by[port] = server
    yield port
    server.close()
    del served_by[port]


served_by: dict[int, Server] = {}


@pytest.fixture(scope="module")
def port(seeds: qa.Corpus) -> Iterator[int]:
    with served(seeds) as found:
        yield found


def ask(
    port: int, path: str = "/", method: str = "GET", body: str | None = None, **headers: str
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def routes(port: int) -> set[tuple[str, str]]:
    """Every method and path of the running application, from its own table."""
    found: set[tuple[str, str]] = set()

    def walk(table: list[Any], before: str) -> None:
        for route in table:
            path = before + re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
            if isinstance(route, Mount):
                walk(list(route.routes or []), path.rstrip("/"))
                found.add(("GET", f"{path}/"))
            elif hasattr(route, "original_router"):  # FastAPI's for what was included
                walk(route.original_router.routes, path)
            else:
                assert isinstance(route, Route) or hasattr(route, "path"), route
                for method in getattr(route, "methods", None) or {"GET", "POST"}:
                    found.add((method, path))

    walk(served_by[port]._guard._app.routes, "")  # type: ignore[attr-defined]
    return found


def test_every_route_is_closed_without_a_password(seeds: qa.Corpus, tmp_path: Path) -> None:
    file = tmp_path / "users"
    users.put(file, "iva", PASSWORD)
    with served(seeds, Access(Users(file))) as port:
        table = routes(port)
        paths = {path for _, path in table}
        assert len(table) > 80
        assert {"/", "/config", "/gradio_api/queue/join", "/gradio_api/upload"} <= paths
        assert any("mcp" in path or "proxy" in path for path in paths)
        for method, path in sorted(table | {("GET", "/nowhere"), ("POST", "/gradio_api/mcp/")}):
            response = ask(port, path, method, body="{}" if method == "POST" else None)
            assert response.status == 401, (method, path, response.status)
            assert response.headers["WWW-Authenticate"] == 'Basic realm="qa"'
        for wrong in ("", "Basic", "Basic !", basic("iva", "wrong"), f"Bearer {PASSWORD}"):
            assert ask(port, Authorization=wrong).status == 401
        assert ask(port, "/config", Authorization=basic("iva", PASSWORD)).status == 200


def test_every_route_is_closed_without_the_header_of_the_proxy(seeds: qa.Corpus) -> None:
    with served(seeds, Access(header="X-Forwarded-User")) as port:
        for method, path in sorted(routes(port)):
            response = ask(port, path, method, body="{}" if method == "POST" else None)
            assert response.status == 401, (method, path)
        assert ask(port, X_Forwarded_User="").status == 401
        assert ask(port, X_Forwarded_User="iva").status == 200
        with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
            client.sendall(
                b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-User: admin\r\n"
                b"X-Forwarded-User: iva\r\n\r\n"
            )
            assert client.recv(4000).startswith(b"HTTP/1.1 401"), "which is the proxy's?"
    with served(seeds, Access(header="X-Forwarded-User", proxies=("10.1.2.3",))) as port:
        assert ask(port, X_Forwarded_User="iva").status == 401, "anyone could set it"


def test_wrong_passwords_are_slowed_down(seeds: qa.Corpus, tmp_path: Path) -> None:
    users.put(tmp_path / "users", "iva", PASSWORD)
    with served(seeds, Access(Users(tmp_path / "users"))) as port:
        right = basic("iva", PASSWORD)
        assert ask(port, "/config", Authorization=right).status == 200
        said = [ask(port, Authorization=basic("iva", f"guess {n}")).status for n in range(14)]
        assert said[:5] == [401] * 5
        assert said[-1] == 429
        assert ask(port, "/config", Authorization=right).status == 200, "who was in stays in"


def test_routes_that_the_page_does_not_need_are_closed_to_everyone(port: int) -> None:
    for path in (
        "/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/vibe-code/", "/monitoring",
        "/gradio_api/run-history/buckets", "/gradio_api/file=/etc/passwd", "/openapi.json",
        "/gradio_api/call/ask", "/gradio_api/dev/reload", "/login", "/docs", "/gradio_api/info/x",
        "/gradio_api/stream/x/1/2/playlist.m3u8", "/gradio_api/mcp/", "/assets/../config/../x",
    ):  # fmt: skip
        for method in ("GET", "POST"):
            assert ask(port, path, method, "{}").status == 404, (method, path)


@pytest.mark.parametrize(
    ("host", "loopback", "right"),
    [
        ("127.0.0.1:7860", True, True),
        ("localhost", True, True),
        ("LOCALHOST:1", True, True),
        ("[::1]:7860", True, True),
        ("desk.local:7860", True, True),
        ("evil.example:7860", True, False),
        ("127.0.0.1.evil.example", True, False),
        ("192.168.1.7:7860", True, False),
        ("", True, False),
        ("192.168.1.7:7860", False, True),
        ("[fe80::1]:80", False, True),
        ("evil.example", False, False),
        ("1.2.3.4.evil.example", False, False),
    ],
)
def test_host_header_is_one_of_its_own(host: str, *, loopback: bool, right: bool) -> None:
    assert is_called_by(host, ["desk.local"], loopback=loopback) == right


def test_page_under_a_name_that_was_pointed_here_is_refused(port: int) -> None:
    assert ask(port, Host="evil.example").status == 421
    assert ask(port, Host=f"127.0.0.1:{port}").status == 200
    assert ask(port, "/gradio_api/queue/join", "POST", "{}", Host="evil.example").status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "cors", "Sec_Fetch_Dest": "empty"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ],
)
def test_another_site_cannot_send(port: int, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload"), ("GET", "/config"),
        ("GET", "/gradio_api/queue/data?session_hash=x"),
    ):  # fmt: skip
        assert ask(port, path, method, "{}", **headers).status == 403, (method, path)


def test_form_of_another_site_cannot_send_and_a_link_may_be_followed(port: int) -> None:
    opened = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate",
              "Sec_Fetch_Dest": "document"}  # fmt: skip
    assert ask(port, "/gradio_api/upload", "POST", "{}", **opened).status == 403
    assert ask(port, "/", **opened).status == 200
    own = {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}
    assert ask(port, "/gradio_api/queue/join", "POST", "{}", **own).status == 422  # let through


@pytest.mark.parametrize("path", ["/", "/config", "/nowhere", "/gradio_api/upload"])
def test_every_answer_forbids_framing_and_guessing_types(port: int, path: str) -> None:
    for host in ("127.0.0.1", "evil.example"):
        headers = ask(port, path, Host=host).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "connect-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Server" not in headers


def test_what_is_too_large_is_refused_before_it_is_sent(port: int) -> None:
    for path, most in (("queue/join", guard.LARGEST_BODY), ("upload", guard.LARGEST_UPLOAD)):
        with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
            client.sendall(
                f"POST /gradio_api/{path} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {most + 1}\r\n\r\n".encode()
            )
            said = client.makefile(encoding="utf-8").read()
        assert said.startswith("HTTP/1.1 413"), said
        assert "MB at most" in said
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
        client.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        assert client.recv(4000).startswith(b"HTTP/1.1 411")


def test_question_of_100_000_characters_is_declined_in_words(port: int) -> None:
    said = Asker(port).ask("why?" * 25_000)
    assert "The question has 100,000 characters; at most 2,000 can be searched for." in said


def test_client_that_says_nothing_is_hung_up_on_and_others_are_answered(
    seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.web.server.HEADERS_WITHIN", 1.0)
    monkeypatch.setattr("qa.web.guard._STALLED", 1.0)
    with served(seeds) as port:
        slow = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(40)]
        for client in slow[:20]:
            client.sendall(b"GET / HTTP/1.1\r\nHost: local")
        for client in slow[20:30]:
            client.sendall(b"GET /robots.txt HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT")
        for client in slow[30:]:
            client.sendall(
                b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
            )
        assert "quotes from" in Asker(port).ask("Who called for a ceasefire?")
        for client in slow:
            while client.recv(10_000):  # until the server hangs up; else this times out
                pass
            client.close()


def test_one_address_cannot_take_all_connections(
    seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.web.server.CONNECTIONS_EACH", 5)
    with served(seeds) as port:
        greedy = [
            socket.create_connection(("127.0.0.1", port), 30, source_address=("127.0.0.9", 0))
            for _ in range(12)
        ]
        assert [client.recv(1) for client in greedy[5:]] == [b""] * 7
        assert "quotes from" in Asker(port, source="127.0.0.8").ask("Who called for a ceasefire?")
        for client in greedy:
            client.close()


def test_question_that_was_taken_is_answered_however_many_come_after_it(
    seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(seeds) as port:
        asker = Asker(port)
        event, inputs = asker._ask
        taken = asker.send(event, ["Who called for a ceasefire?"] + [None] * (inputs - 1))
        asked = asker._post
        crowd: list[socket.socket] = []

        def post(*given: Any) -> str:  # the crowd comes between the question and its answer
            said = asked(*given)
            monkeypatch.setattr("qa.web.server.CONNECTIONS", 5)
            crowd.extend(socket.create_connection(("127.0.0.1", port), 30) for _ in range(6))
            return said

        monkeypatch.setattr(asker, "_post", post)
        assert any("quotes from" in str(message.get("output")) for message in taken)
        refused = ask(port)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        for client in crowd:
            client.close()


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="other systems give it back")
def test_server_gives_freed_memory_back(seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qa.web.server._GIVE_BACK_EVERY", 3)
    with served(seeds):
        held = [bytes(1_000) for _ in range(300_000)]
        kept = held[::1_000]
        before = load.memory(os.getpid())
        del held
        until = time.monotonic() + 30
        while load.memory(os.getpid()) > before - 150 and time.monotonic() < until:
            time.sleep(0.2)
        assert load.memory(os.getpid()) < before - 150
        assert len(kept) == 300


def test_rate_lets_a_burst_through_and_then_so_many_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(access.time, "monotonic", lambda: now)
    rate = Rate(2, 5)
    assert [rate.take("a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert rate.take("b"), "another client has its own"
    now += 1
    assert [rate.take("a") for _ in range(3)] == [True, True, False]
    for number in range(20_000):
        rate.take(str(number))
    assert len(rate._buckets) <= 10_000


def test_too_many_requests_are_refused_and_others_are_not(
    seeds: qa.Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qa.web.guard.BURST", 10)
    monkeypatch.setattr("qa.web.guard.REQUESTS_PER_SECOND", 0.01)
    with served(seeds) as port:
        said = [ask(port, "/gradio_api/cancel", "POST", "{}") for _ in range(12)]
        assert [response.status for response in said[-2:]] == [429, 429]
        assert said[-1].headers["Retry-After"] == "1"
        assert "quotes from" in Asker(port, source="127.0.0.7").ask("Who called for a ceasefire?")


def test_network_address_takes_bare_addresses_and_its_own_names(seeds: qa.Corpus) -> None:
    with served(seeds, Access(names=("desk.example",)), host="0.0.0.0") as port:
        assert ask(port, Host="192.168.7.7:1").status == 200
        assert ask(port, Host="desk.example").status == 200
        assert ask(port, Host=socket.gethostname()).status == 200
        assert ask(port, Host="evil.example").status == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_network_address_demands_a_word_on_who_may_ask(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["qa", "serve", "--host", host])
    with pytest.raises(SystemExit, match="1"):
        main()
    said = " ".join(capsys.readouterr().err.split())
    assert "--auth FILE" in said
    assert "--open-to-all" in said


def test_user_file_holds_salted_hashes_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "users"
    users.put(file, "iva", PASSWORD)
    users.put(file, "Ömer", PASSWORD)
    text = file.read_text(encoding="utf-8")
    assert PASSWORD not in text
    first, second = (line.split(":") for line in text.splitlines())
    assert first[1:5] == ["scrypt", "32768", "8", "3"]
    assert first[5:] != second[5:], "salted"
    assert file.stat().st_mode & 0o777 == 0o600
    known = Users(file)
    assert known.check("Ömer", PASSWORD)
    assert known.remembers("Ömer", PASSWORD)
    assert not known.check("iva", PASSWORD + " ")
    assert not known.check("nobody", "nobody has it...")
    assert not known.remembers("iva", PASSWORD)
    users.put(file, "iva", "another password")
    assert not Users(file).check("iva", PASSWORD)
    users.remove(file, "iva")
    assert not Users(file).check("iva", "another password")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"", "holds no user"),
        (b"iva:secret\n", "line 1, is no user"),
        (b"iva:plain:1:1:1:c2VjcmV0:c2VjcmV0\n", "line 1, is no user"),
        (b"# a\niva:scrypt:2:8:1:!:c2VjcmV0\n", "line 2, is no user"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_user_file_that_cannot_be_used_says_why(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "users"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AccessError, match=said) as error:
        Users(file)
    assert f"qa user NAME --auth {file}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "password"), [("", PASSWORD), ("a:b", PASSWORD), ("iva", "short")]
)
def test_user_that_cannot_be_is_refused(name: str, password: str, tmp_path: Path) -> None:
    with pytest.raises(AccessError):
        users.put(tmp_path / "users", name, password)
    assert not list(tmp_path.iterdir())


def test_user_is_added_by_the_command(tmp_path: Path) -> None:
    file = tmp_path / "users"
    command = [sys.executable, "-m", "qa", "user", "iva", "--auth", str(file)]
    done = subprocess.run(
        command,
        input=f"{PASSWORD}\n{PASSWORD}\n",
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert Users(file).check("iva", PASSWORD)
    subprocess.run([*command, "--remove"], check=True, capture_output=True, timeout=60)
    assert users.read(file) == {}


def test_server_that_is_ending_takes_no_question(seeds: qa.Corpus) -> None:
    with served(seeds) as port:
        served_by[port]._guard.closing = True
        asker = Asker(port)
        with pytest.raises(Refused, match="503 The server is about to end"):
            asker.ask("Who called for a ceasefire?")
        assert json.loads(asker.get("/config")[1])
