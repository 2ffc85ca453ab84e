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
        """
        self._port, self._address, self._source = port, address, source
        self._timeout = timeout
        self._session = token_hex(6)
        config = json.loads(self.get("/config")[1])
        by_id = {part["id"]: part for part in config["components"]}
        self._submit, self._inputs = next(
            (number, one["inputs"])
            for number, one in enumerate(config["dependencies"])
            for target, event in one["targets"]
            if event == "submit" and by_id[target]["props"].get("elem_id") == "qa-question"
        )

    def get(self, path: str) -> tuple[int, str]:
        """Return status and content of an address."""
        with closing(self._connection()) as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def ask(self, question: str) -> str:
        """Return the conversation after a question, as the page's HTML.

        Raises:
            Refused: The server would not take it, or did not answer it.
        """
        for message in self.send(self._submit, [question] + [None] * (len(self._inputs) - 1)):
            if message["msg"] == "process_completed":
                if not message["success"]:
                    raise Refused(str(message["output"]))
                return next(d for d in message["output"]["data"] if str(d).startswith("<section"))
        raise Refused("the answer broke off")

    def send(self, event: int, data: list[Any]) -> Iterator[dict[str, Any]]:
        """Send one event and yield what the server says to it.

        Raises:
            Refused: The server would not take it.
        """
        body = {"data": data, "fn_index": event, "session_hash": self._session, "event_data": None}
        with closing(self._connection()) as connection:
            connection.request(
                "POST",
                f"{API}/queue/join",
                json.dumps(body),
                {"Content-Type": "application/json"},
            )
            response = connection.getresponse()
            said = response.read().decode()
            if response.status != http.HTTPStatus.OK:
                raise Refused(f"{response.status} {said[:200]}")
        with closing(self._connection()) as connection:
            connection.request("GET", f"{API}/queue/data?session_hash={self._session}")
            for line in connection.getresponse():
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(
            self._address, self._port, self._timeout, source_address=(self._source, 0)
        )

    def __enter__(self) -> Self:
        """Nothing stays open between questions."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to close."""
