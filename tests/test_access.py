"""Who may send requests to the server: routes, passwords, host names, limits."""

import asyncio
import base64
import http.client
import logging
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import load
import pytest
from asking import Asker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import qa
from qa.cli import main
from qa.errors import AccessError
from qa.web import access, guard, page, server, users
from qa.web.access import Access, RateLimiter, is_own_host
from qa.web.server import Server
from qa.web.users import Users

PASSWORD = "correct horse battery"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _respond(request: Request) -> PlainTextResponse:
    await request.body()
    return PlainTextResponse("stub")


STUB = Starlette(routes=[Route("/{path:path}", _respond, methods=METHODS)])
"""Responds to every request: what is refused was refused by the guard."""


@contextmanager
def served(
    access: Access | None = None, host: str = "127.0.0.1", application: Any = STUB
) -> Iterator[int]:
    """Serve an application as `qa serve` does the page; yield its port."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "application", lambda _: application)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        started = Server(None, host, port, access or Access())  # type: ignore[arg-type]
    servers[port] = started
    yield port
    started.close()
    del servers[port]


servers: dict[int, Server] = {}


@pytest.fixture(scope="module")
def stub_port() -> Iterator[int]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def application(seeds: qa.Corpus) -> Any:
    """The page itself."""
    seeds.warm_up()
    return page.application(seeds)


@pytest.fixture(scope="module")
def port(application: Any) -> Iterator[int]:
    with served(application=application) as found:
        yield found


def ask(
    port: int, path: str = "/", method: str = "GET", body: str | None = None,
    source: str = "127.0.0.1", **headers: str
) -> http.client.HTTPResponse:  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, 30, source_address=(source, 0))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    response.text = response.read().decode("utf-8", "replace")  # type: ignore[attr-defined]
    connection.close()
    return response


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def routes(application: Any) -> set[tuple[str, str]]:
    """Every method and path of an application, from its own table."""
    found: set[tuple[str, str]] = set()

    def walk(table: list[Any], before: str) -> None:
        for route in table:
            path = before + re.sub(r"\{[^}]*\}", "x", getattr(route, "path", ""))
            if isinstance(route, Mount):
                walk(list(route.routes or []), path.rstrip("/"))
                found.add(("GET", f"{path}/"))
            elif hasattr(route, "original_router"):  # FastAPI's for included routers
                walk(route.original_router.routes, path)
            else:
                assert isinstance(route, Route) or hasattr(route, "path"), route
                for method in getattr(route, "methods", None) or {"GET", "POST"}:
                    found.add((method, path))

    walk(application.routes, "")
    return found


def test_every_route_is_closed_without_a_password(application: Any, tmp_path: Path) -> None:
    file = tmp_path / "users"
    users.put(file, "iva", PASSWORD)
    table = routes(application)
    paths = {path for _, path in table}
    assert len(table) > 80
    assert {"/", "/config", "/gradio_api/queue/join", "/gradio_api/upload"} <= paths
    assert any("mcp" in path or "proxy" in path for path in paths)
    with served(Access(Users(file))) as port:
        for method, path in sorted(table | {("GET", "/nowhere"), ("POST", "/gradio_api/mcp/")}):
            response = ask(port, path, method, body="{}" if method == "POST" else None)
            assert response.status == 401, (method, path, response.status)
            assert response.headers["WWW-Authenticate"] == 'Basic realm="qa"'
        for wrong in ("", "Basic", "Basic !", basic("iva", "wrong"), f"Bearer {PASSWORD}"):
            refused = ask(port, Authorization=wrong)
            assert (refused.status, refused.text) == (401, "Authentication required.\n")
        assert ask(port, "/config", Authorization=basic("iva", PASSWORD)).text == "stub"


def test_every_route_is_closed_without_the_header_of_the_proxy(application: Any) -> None:
    with served(Access(header="X-Forwarded-User")) as port:
        for method, path in sorted(routes(application)):
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
    with served(Access(header="X-Forwarded-User", proxies=("10.1.2.3",))) as port:
        assert ask(port, X_Forwarded_User="iva").status == 401, "anyone could set it"


def test_wrong_passwords_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "_N", 2)  # each check takes a moment, not a tenth of a second
    users.put(tmp_path / "users", "iva", PASSWORD)
    with served(Access(Users(tmp_path / "users"))) as port:
        right = basic("iva", PASSWORD)
        assert ask(port, Authorization=right).status == 200
        statuses = [ask(port, Authorization=basic("iva", f"guess {n}")).status for n in range(14)]
        assert statuses[:5] == [401] * 5
        assert statuses[-1] == 429
        assert ask(port, Authorization=right).status == 200, "a known password still works"


def test_page_and_what_it_needs_are_served(port: int) -> None:
    assert "<html" in ask(port).text
    for path in ("/config", "/theme.css", "/robots.txt", "/gradio_api/startup-events"):
        assert ask(port, path).status == 200, path


def test_routes_that_the_page_does_not_need_are_closed_to_everyone(stub_port: int) -> None:
    for path in (
        "/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/vibe-code/", "/monitoring",
        "/gradio_api/run-history/buckets", "/gradio_api/file=/etc/passwd", "/openapi.json",
        "/gradio_api/call/ask", "/gradio_api/dev/reload", "/login", "/docs", "/gradio_api/info/x",
        "/gradio_api/stream/x/1/2/playlist.m3u8", "/gradio_api/mcp/", "/assets/../config/../x",
    ):  # fmt: skip
        for method in ("GET", "POST"):
            assert ask(stub_port, path, method, "{}").status == 404, (method, path)


@pytest.mark.parametrize(
    ("host", "loopback", "own"),
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
def test_host_header_is_one_of_its_own(host: str, *, loopback: bool, own: bool) -> None:
    assert is_own_host(host, ["desk.local"], loopback=loopback) == own


def test_page_under_the_name_of_another_site_is_refused(stub_port: int) -> None:
    assert ask(stub_port, Host="evil.example").status == 421
    assert ask(stub_port, Host=f"127.0.0.1:{stub_port}").status == 200
    assert ask(stub_port, "/gradio_api/queue/join", "POST", "{}", Host="evil.example").status == 421


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
def test_another_site_cannot_send(stub_port: int, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload"), ("GET", "/config"),
        ("GET", "/gradio_api/queue/data?session_hash=x"),
    ):  # fmt: skip
        assert ask(stub_port, path, method, "{}", **headers).status == 403, (method, path)


def test_form_of_another_site_cannot_send_and_a_link_may_be_followed(stub_port: int) -> None:
    opened = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate",
              "Sec_Fetch_Dest": "document"}  # fmt: skip
    assert ask(stub_port, "/gradio_api/upload", "POST", "{}", **opened).status == 403
    assert ask(stub_port, "/", **opened).status == 200
    own = {"Origin": f"http://127.0.0.1:{stub_port}", "Sec_Fetch_Site": "same-origin"}
    assert ask(stub_port, "/gradio_api/queue/join", "POST", "{}", **own).status == 200


@pytest.mark.parametrize("path", ["/", "/config", "/nowhere", "/gradio_api/upload"])
def test_every_response_forbids_framing_and_guessing_types(port: int, path: str) -> None:
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


def test_body_that_is_too_large_is_refused_before_it_is_sent(stub_port: int) -> None:
    for path, most in (("queue/join", guard.LARGEST_BODY), ("upload", guard.LARGEST_UPLOAD)):
        with closing(socket.create_connection(("127.0.0.1", stub_port), timeout=30)) as client:
            client.sendall(
                f"POST /gradio_api/{path} HTTP/1.1\r\nHost: localhost\r\n"
                f"Content-Length: {most + 1}\r\n\r\n".encode()
            )
            response = client.makefile(encoding="utf-8").read()
        assert response.startswith("HTTP/1.1 413"), response
        assert f"at most {most // 1_000_000:,} MB" in response
    with closing(socket.create_connection(("127.0.0.1", stub_port), timeout=30)) as client:
        client.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        response = client.makefile(encoding="utf-8").read()
        assert response.startswith("HTTP/1.1 411")
        assert "Content-Length required" in response


def test_uploads_at_once_are_limited(stub_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "UPLOADS", 1)
    with closing(socket.create_connection(("127.0.0.1", stub_port), timeout=30)) as client:
        client.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{"
        )
        until = time.monotonic() + 30
        while ask(stub_port, "/gradio_api/upload", "POST", "{}").status == 200:
            assert time.monotonic() < until
        refused = ask(stub_port, "/gradio_api/upload", "POST", "{}")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
        client.sendall(b"}")
        assert client.recv(4000).startswith(b"HTTP/1.1 200")


def test_question_of_100_000_characters_is_declined_in_words(port: int) -> None:
    reply = Asker(port).ask("why?" * 25_000)
    assert "The question has 100,000 characters" in reply


def test_question_is_answered_while_another_one_takes_long(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick = "Who is the US ambassador to Turkey?", "Who called for a ceasefire?"
    held, released = Event(), Event()
    ask_corpus = qa.Corpus.ask

    def ask_slowly(corpus: qa.Corpus, question: qa.Question) -> qa.Answer:
        if question.text == slow:
            held.set()
            assert released.wait(60)
        return ask_corpus(corpus, question)

    monkeypatch.setattr(qa.Corpus, "ask", ask_slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(Asker(port).ask, slow)
        try:
            assert held.wait(60)
            second = pool.submit(Asker(port).ask, quick)
            assert "quotes from" in second.result(30)
            assert not first.done()
        finally:
            released.set()
        assert "quotes from" in first.result(60)


def test_client_that_sends_nothing_is_disconnected_and_others_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "HEADERS_WITHIN", 0.5)
    monkeypatch.setattr(guard, "_READ_TIMEOUT", 0.5)
    with served() as port:
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
        assert ask(port).text == "stub"
        for client in slow:
            while client.recv(10_000):  # until the server disconnects; else this times out
                pass
            client.close()


def test_one_address_cannot_take_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_EACH", 5)
    with served() as port:
        greedy = [
            socket.create_connection(("127.0.0.1", port), 30, source_address=("127.0.0.9", 0))
            for _ in range(12)
        ]
        assert [client.recv(1) for client in greedy[5:]] == [b""] * 7
        assert ask(port, source="127.0.0.8").text == "stub"
        for client in greedy:
            client.close()


def test_accepted_question_is_answered_however_many_connections_follow(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Asker(port)
    event, inputs = asker._ask
    messages = asker.send(event, ["Who called for a ceasefire?"] + [None] * (inputs - 1))
    send = asker._post
    crowd: list[socket.socket] = []

    def post(*given: Any) -> str:  # the crowd comes between the question and its answer
        accepted = send(*given)
        monkeypatch.setattr(server, "CONNECTIONS", 5)
        crowd.extend(socket.create_connection(("127.0.0.1", port), 30) for _ in range(6))
        return accepted

    monkeypatch.setattr(asker, "_post", post)
    assert any("quotes from" in str(message.get("output")) for message in messages)
    refused = ask(port)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    for client in crowd:
        client.close()


@pytest.mark.skipif("glibc" not in platform.libc_ver(), reason="other systems return it")
def test_server_returns_freed_memory_and_deletes_old_uploads_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trimmed = Event()
    trim = server._trim_memory

    def trim_and_note() -> None:
        trim()
        trimmed.set()

    monkeypatch.setattr(server, "_trim_memory", trim_and_note)
    monkeypatch.setattr(server, "_CLEAN_UP_EVERY", 1)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with served():
        (tmp_path / "old").mkdir()
        os.utime(tmp_path / "old", (0, 0))
        held = [bytes(1_000) for _ in range(300_000)]
        kept = held[::1_000]
        before = load.memory(os.getpid())
        del held
        for _ in range(2):  # the first may have begun before
            trimmed.clear()
            assert trimmed.wait(30)
        assert load.memory(os.getpid()) < before - 150
        assert len(kept) == 300
        assert not (tmp_path / "old").exists()


def test_asyncio_errors_are_logged_but_not_dropped_connections(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = asyncio.new_event_loop()
    for error in (ConnectionResetError(), BrokenPipeError(), ValueError("a fault of ours")):
        loop.call_exception_handler({"message": f"{type(error).__name__}", "exception": error})
    loop.close()
    logging.getLogger("asyncio").warning("socket.send() raised exception.")
    assert [record.getMessage() for record in caplog.records] == ["ValueError"]
    assert caplog.records[0].exc_info


def test_rate_limiter_allows_a_burst_and_then_so_many_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    # Not time.monotonic itself, which the servers of other tests use.
    monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: now))
    limiter = RateLimiter(2, 5)
    assert [limiter.allow("a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert limiter.allow("b"), "another client has its own limit"
    now += 1
    assert [limiter.allow("a") for _ in range(3)] == [True, True, False]
    for number in range(20_000):
        limiter.allow(str(number))
    assert len(limiter._buckets) <= 10_000


def test_too_many_requests_are_refused_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "BURST", 10)
    monkeypatch.setattr(access, "REQUESTS_PER_SECOND", 0.01)
    with served() as port:
        responses = [ask(port, "/gradio_api/cancel", "POST", "{}") for _ in range(12)]
        assert [response.status for response in responses] == [200] * 10 + [429] * 2
        assert responses[-1].headers["Retry-After"] == "1"
        assert ask(port, "/gradio_api/cancel", "POST", "{}", source="127.0.0.7").status == 200


def test_server_on_the_network_accepts_addresses_and_its_own_names() -> None:
    with served(Access(names=("desk.example",)), host="0.0.0.0") as port:
        assert ask(port, Host="192.168.7.7:1").status == 200
        assert ask(port, Host="desk.example").status == 200
        assert ask(port, Host=socket.gethostname()).status == 200
        assert ask(port, Host="evil.example").status == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::"])
def test_network_address_needs_a_choice_of_who_may_ask(
    host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["qa", "serve", "--host", host])
    with pytest.raises(SystemExit, match="1"):
        main()
    output = " ".join(capsys.readouterr().err.split())
    assert "--auth FILE" in output
    assert "--open-to-all" in output


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
    assert known.is_known("Ömer", PASSWORD)
    assert not known.check("iva", PASSWORD + " ")
    assert not known.check("nobody", "nobody has it...")
    assert not known.is_known("iva", PASSWORD)
    users.put(file, "iva", "another password")
    assert not Users(file).check("iva", PASSWORD)
    users.remove(file, "iva")
    assert not Users(file).check("iva", "another password")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"", "has no users"),
        (b"iva:secret\n", "invalid entry in .*, line 1"),
        (b"iva:plain:1:1:1:c2VjcmV0:c2VjcmV0\n", "invalid entry in .*, line 1"),
        (b"# a\niva:scrypt:2:8:1:!:c2VjcmV0\n", "invalid entry in .*, line 2"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_invalid_user_file_is_explained(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "users"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AccessError, match=message) as error:
        Users(file)
    assert f"qa user NAME --auth {file}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "password"), [("", PASSWORD), ("a:b", PASSWORD), ("iva", "short")]
)
def test_invalid_name_or_password_is_refused(name: str, password: str, tmp_path: Path) -> None:
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


def test_server_that_shuts_down_accepts_no_questions() -> None:
    with served() as port:
        servers[port]._guard.closing = True
        refused = ask(port, "/gradio_api/queue/join", "POST", "{}")
        assert (refused.status, refused.text) == (503, "The server is shutting down.\n")
        assert ask(port, "/config").text == "stub"
