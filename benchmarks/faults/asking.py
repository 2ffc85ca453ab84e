"""Ask a running server as its page does: with Gradio's own protocol, without a browser."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from secrets import token_hex
from typing import Any

API = "/gradio_api"


class Refused(Exception):  # noqa: N818  # a reply of the server, not a failure of this program
    """The server refused a request: its status and message."""


class Dropped(Refused):
    """The server accepted a request, and did not complete it."""


class Asker:
    """A client with the page open."""

    def __init__(
        self, port: int, address: str = "127.0.0.1", source: str = "127.0.0.1", timeout: float = 60
    ) -> None:
        """Open the page.

        Args:
            port: Port of the server.
            address: Address of the server.
            source: The client's own address; loopback has many.
            timeout: Seconds to wait for a reply.

        Raises:
            Refused: The server accepts no new clients.
        """
        self._port, self._address, self._source = port, address, source
        self._timeout = timeout
        self._session = token_hex(6)
        status, config = self.get("/config")
        if status != http.HTTPStatus.OK:
            raise Refused(f"{status} {config[:200]}")
        self._config = json.loads(config)
        self._ask = self._event("qa-question", "submit")

    def get(self, path: str) -> tuple[int, str]:
        """Return status and content of a page."""
        with closing(self._connection()) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def submit(self, question: str) -> Iterator[dict[str, Any]]:
        """Send a question; yield the messages of the server.

        Raises:
            Refused: The server refused it.
            Dropped: It accepted it, and does not say what became of it.
        """
        number, inputs = self._ask
        yield from self.send(number, [question] + [None] * (inputs - 1))

    def ask(self, question: str) -> str:
        """Return the conversation after a question, as the page's HTML.

        Raises:
            Refused: The server refused it.
            Dropped: It accepted it, and did not answer.
        """
        for message in self.submit(question):
            if message["msg"] == "process_completed":
                if not message["success"]:
                    raise Refused(str(message["output"]))
                parts = map(str, message["output"]["data"])
                return next(part for part in parts if part.startswith("<section"))
        raise Dropped("the connection ended without an answer")

    def upload(self, files: dict[str, bytes]) -> str:
        """Add articles, as by dropping them on the page; return the page's message.

        Raises:
            Refused: The server refused them.
        """
        mark = token_hex(16)
        body = b"".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        )
        sent = self._post(
            "/upload", body + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"
        )
        placed = [
            {"path": path, "name": name} for path, name in zip(json.loads(sent), files, strict=True)
        ]
        number, inputs = self._event("qa-intake", "upload")
        shown = ""
        for message in self.send(number, [None] * inputs, {"files": placed}):
            if message["msg"] == "process_completed":
                shown = str(message["output"])
        return shown

    def send(
        self, event: int, data: list[Any], event_data: object = None
    ) -> Iterator[dict[str, Any]]:
        """Send an event; yield the messages of the server.

        Raises:
            Refused: The server refused it.
            Dropped: It accepted it, and does not say what became of it.
        """
        body = {"data": data, "fn_index": event, "session_hash": self._session}
        body["event_data"] = event_data
        self._post("/queue/join", json.dumps(body).encode(), "application/json")
        with closing(self._connection()) as connection:
            connection.request("GET", f"{API}/queue/data?session_hash={self._session}")
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                raise Dropped(f"{response.status} {response.read().decode()[:200]}")
            for line in response:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def _event(self, name: str, event: str) -> tuple[int, int]:
        """Return the number of an event of the page, and the number of its inputs."""
        ids = {
            part["id"]
            for part in self._config["components"]
            if part["props"].get("elem_id") == name
        }
        return next(
            (number, len(one["inputs"]))
            for number, one in enumerate(self._config["dependencies"])
            for target, kind in one["targets"]
            if kind == event and target in ids
        )

    def _post(self, path: str, body: bytes, kind: str) -> str:
        with closing(self._connection()) as connection:
            connection.request("POST", API + path, body, {"Content-Type": kind})
            response = connection.getresponse()
            reply = response.read().decode()
            if response.status != http.HTTPStatus.OK:
                raise Refused(f"{response.status} {reply[:200]}")
        return reply

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            self._address, self._port, self._timeout, source_address=(self._source, 0)
        )
