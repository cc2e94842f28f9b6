"""A receiver of webhooks on 127.0.0.1 that answers as it is told, well or badly, and keeps what it was sent.

    with WebhookReceiver() as receiver:
        receiver.answers("/hooks", status(500), status(200))   # one after another; the last one stays
        post_to(receiver.url("/hooks"))
        first, second = receiver.wait_for(2, timeout_s=5)

A path that was told nothing answers 200. An answer is a function of a ``Turn``; those below are made by functions
that are named for what the receiver does. ``tls`` makes it speak TLS with the given context.
"""

from __future__ import annotations

import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Condition, Event, Thread
from typing import Any, NamedTuple

LONGEST_S = 60.0
"""For which a receiver that hangs or drips does so, where nobody ends it before."""


class Received(NamedTuple):
    """One request, read whole. ``headers`` have their names in small letters; ``at`` is on ``time.monotonic``."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float


@dataclass(frozen=True)
class Turn:
    """One request's turn to be answered: what came, the way back, and the end of the receiver, which ends waits."""

    request: Received
    send: Callable[[bytes], object]
    stopping: Event


Answer = Callable[[Turn], None]


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """A whole answer: ``status(429, retry_after="7")``."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    whole = f"HTTP/1.1 {code} Told\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body
    return raw(whole)


def redirect(url: str, code: int = 302) -> Answer:
    """Sends the sender elsewhere."""
    return status(code, location=url)


def raw(*pieces: bytes) -> Answer:
    """Exactly these bytes, then the end of the connection: malformed answers, or some that break off."""

    def answer(turn: Turn) -> None:
        for piece in pieces:
            turn.send(piece)

    return answer


def close_before_status() -> Answer:
    """Nothing but the end of the connection."""
    return raw()


def close_in_body() -> Answer:
    """A status, and less of a body than was said."""
    return raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def close_in_headers() -> Answer:
    """A status, and headers that break off."""
    return raw(b"HTTP/1.1 200 OK\r\nContent-Le")


def hang(first: bytes = b"") -> Answer:
    """``first``, and then nothing, with the connection open."""

    def answer(turn: Turn) -> None:
        turn.send(first)
        turn.stopping.wait(LONGEST_S)

    return answer


def drip(first: bytes, piece: bytes, every_s: float = 0.05) -> Answer:
    """``first``, and then ``piece`` again and again, with pauses: a body, headers, interim answers."""

    def answer(turn: Turn) -> None:
        until = time.monotonic() + LONGEST_S
        turn.send(first)
        while not turn.stopping.wait(every_s) and time.monotonic() < until:
            turn.send(piece)

    return answer


def drip_body(every_s: float = 0.05) -> Answer:
    """A whole head, and a body that comes by the byte and never ends."""
    return drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x", every_s)


def drip_headers(every_s: float = 0.05) -> Answer:
    """A status, and a header that comes by the byte and never ends."""
    return drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x", every_s)


def flood(first: bytes, piece: bytes) -> Answer:
    """``first``, and then ``piece`` for ever, as fast as it is taken."""
    return drip(first, piece * 100, every_s=0.0)


def endless_interim() -> Answer:
    """103 for ever."""
    return flood(b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")


def endless_headers() -> Answer:
    """A status, and headers for ever."""
    return flood(b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n")


class WebhookReceiver:
    """The receiver, from ``with`` to its end. Safe to be told, asked and called by several threads at a time."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._changed = Condition()
        self._answers: dict[str, list[Answer]] = {}
        self._requests: list[Received] = []
        self._connections = 0
        self._stopping = Event()
        self._server = _Server(self, tls)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._scheme = "http" if tls is None else "https"

    def __enter__(self) -> WebhookReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """Any that was free."""
        return int(self._server.server_address[1])

    def url(self, path: str = "/") -> str:
        """Of a path here, at 127.0.0.1."""
        return f"{self._scheme}://127.0.0.1:{self.port}{path}"

    def answers(self, path: str, *answers: Answer) -> None:
        """From now on, ``path`` (without its query) answers with these in turn, and with the last one thereafter."""
        with self._changed:
            self._answers[path] = list(answers)

    @property
    def requests(self) -> tuple[Received, ...]:
        """All that came whole, in their order."""
        with self._changed:
            return tuple(self._requests)

    @property
    def connections(self) -> int:
        """How many connections were taken, with or without a request on them."""
        with self._changed:
            return self._connections

    def wait_for(self, count: int, timeout_s: float) -> tuple[Received, ...]:
        """All requests, as soon as there are ``count``. Raises TimeoutError where they do not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, timeout_s):
                raise TimeoutError(f"{len(self._requests)} of {count} requests came within {timeout_s} s")
            return tuple(self._requests)

    def wait_until(self, is_there: Callable[[tuple[Received, ...]], bool], timeout_s: float) -> tuple[Received, ...]:
        """All requests, as soon as ``is_there`` says so of them. Raises TimeoutError where it does not."""
        with self._changed:
            if not self._changed.wait_for(lambda: is_there(tuple(self._requests)), timeout_s):
                raise TimeoutError(f"not among the {len(self._requests)} requests of {timeout_s} s")
            return tuple(self._requests)

    def took_connection(self) -> None:
        with self._changed:
            self._connections += 1

    def answer(self, request: Received, send: Callable[[bytes], object]) -> None:
        """Keep the request, and give its path's next answer."""
        with self._changed:
            self._requests.append(request)
            left = self._answers.get(request.path.partition("?")[0]) or [status(200)]
            chosen = left[0] if len(left) == 1 else left.pop(0)
            self._changed.notify_all()
        chosen(Turn(request, send, self._stopping))


class _Server(ThreadingMixIn, TCPServer):
    """A thread for each connection. Not ``HTTPServer``, which looks up its own name."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, receiver: WebhookReceiver, tls: ssl.SSLContext | None) -> None:
        self.receiver = receiver
        self.tls = tls
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.receiver.took_connection()
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(LONGEST_S)
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        with self.tls.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders that hang up, or do not like the certificate, are what this is for; mistakes of ours are not."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request, answers, and ends the connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # unbuffered, each write of the standard library's is a packet
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, body, time.monotonic())
        self.close_connection = True
        with suppress(OSError):
            self.server.receiver.answer(received, self._send)
            self.connection.shutdown(socket.SHUT_WR)

    def do_GET(self) -> None:
        self.do_POST()

    def _send(self, piece: bytes) -> None:
        self.wfile.write(piece)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Nothing: tests read ``requests``."""
