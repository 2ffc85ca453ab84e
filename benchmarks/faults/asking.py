"""Ask a running server as its page does: Gradio's own protocol, without a browser."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from secrets import token_hex
from typing import Any, Self

API = "/gradio_api"


class Refused(Exception):  # noqa: N818  # what a server does, not what went wrong here
    """The server did not take it: status and what it said."""


class Dropped(Refused):
    """The server took it, and then did not do it."""


class Asker:
    """One page that is open somewhere."""

    def __init__(
        self, port: int, address: str = "127.0.0.1", source: str = "127.0.0.1", timeout: float = 60
    ) -> None:
        """Open the page.

        Args:
            port: Of the server.
            address: Of the server.
            source: The address that this one asks from; loopback has many.
            timeout: Seconds until an answer is given up.

        Raises:
            Refused: The server lets nobody in just now.
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
        """Return status and content of an address."""
        with closing(self._connection()) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def ask(self, question: str) -> str:
        """Return the conversation after a question, as the page's HTML.

        Raises:
            Refused: The server would not take it.
            Dropped: It took it, and did not answer.
        """
        number, inputs = self._ask
        for message in self.send(number, [question] + [None] * (inputs - 1)):
            if message["msg"] == "process_completed":
                if not message["success"]:
                    raise Refused(str(message["output"]))
                said = map(str, message["output"]["data"])
                return next(d for d in said if d.startswith("<section"))
        raise Dropped("the answer broke off")

    def bring(self, files: dict[str, bytes]) -> str:
        """Add articles, as by dropping them on the page; return what it says of them.

        Raises:
            Refused: The server would not take them.
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
        said = ""
        for message in self.send(number, [None] * inputs, {"files": placed}):
            if message["msg"] == "process_completed":
                said = str(message["output"])
        return said

    def _event(self, name: str, event: str) -> tuple[int, int]:
        """Return the number of an event of the page, and how many inputs it has."""
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

    def send(
        self, event: int, data: list[Any], event_data: object = None
    ) -> Iterator[dict[str, Any]]:
        """Send one event and yield what the server says to it.

        Raises:
            Refused: The server would not take it.
            Dropped: It took it, and would not say what came of it.
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

    def _post(self, path: str, body: bytes, kind: str) -> str:
        with closing(self._connection()) as connection:
            connection.request("POST", API + path, body, {"Content-Type": kind})
            response = connection.getresponse()
            said = response.read().decode()
            if response.status != http.HTTPStatus.OK:
                raise Refused(f"{response.status} {said[:200]}")
        return said

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            self._address, self._port, self._timeout, source_address=(self._source, 0)
        )

    def __enter__(self) -> Self:
        """Nothing stays open between questions."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to close."""
