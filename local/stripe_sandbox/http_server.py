"""The HTTP server: one thread a connection, kept alive, on loopback addresses only."""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from local.stripe_sandbox.accounts import create_account
from local.stripe_sandbox.api import answer_api
from local.stripe_sandbox.control import answer_control
from local.stripe_sandbox.deliveries import is_loopback_host
from local.stripe_sandbox.errors import StripeError, api_failure
from local.stripe_sandbox.http_messages import Answer, Request, json_bytes
from local.stripe_sandbox.state import State

DEFAULT_TEST_KEY = "sk_test_refundkit_sandbox_default"
DEFAULT_LIVE_KEY = "sk_live_refundkit_sandbox_default"
DEFAULT_ACCOUNT_ID = "acct_sandboxdefault"
MAX_BODY_BYTES = 1_000_000
IDLE_S = 75
DRAIN_S = 0.2
DRAIN_CHUNKS = 512
_LOOK_AGAIN_S = 0.05


class SandboxServer:
    """A sandbox with its own memory. `with SandboxServer(port=0) as sandbox: sandbox.url`.

    Raises: ValueError for an address beyond this machine, OSError for a port that is taken.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        test_key: str = DEFAULT_TEST_KEY,
        live_key: str = DEFAULT_LIVE_KEY,
    ) -> None:
        if not is_loopback_host(host):
            raise ValueError(f"host {host!r} is not a loopback address; use 127.0.0.1")
        self.test_key, self.live_key = test_key, live_key
        self.state = State()
        wanted = {"name": "default", "id": DEFAULT_ACCOUNT_ID, "test_secret_key": test_key,
                  "live_secret_key": live_key}  # fmt: skip
        self.account = create_account(self.state.accounts, wanted, self.state.clock.unix())
        self._server = _Server(host, port, self.state)
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="stripe-sandbox",
            daemon=True,
        )

    @property
    def port(self) -> int:
        """The port in use, also when 0 was asked for."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base address for clients."""
        host = str(self._server.server_address[0])
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> None:
        """Serve in the background."""
        self.state.agenda.start()
        self.state.courier.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop serving; requests that a fault holds are let go first."""
        self._server.closing.set()
        with self.state.lock:
            self.state.faults.clear()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self.state.courier.stop()
        self.state.agenda.stop()
        self._thread.join(timeout=5)

    def __enter__(self) -> SandboxServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, host: str, port: int, state: State) -> None:
        self.state = state
        self.closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a new connection, and remember that it is open."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """A connection ends."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep alive: a stopped sandbox must not go on answering."""
        with self._open_lock:
            for connection in self._open:
                # The client may have been quicker.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report; anything else is a defect to see."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "stripe-sandbox"
    # Without a write buffer, headers and body leave as separate packets and every answer waits for an ACK.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = IDLE_S

    def _handle(self) -> None:
        try:
            answer = self._answer(self._read())
        except StripeError as refusal:
            self.close_connection = True
            answer = Answer(refusal.status, json_bytes(refusal.body("req_unread")))
        if answer.transport == "send":
            self._send(answer)
            return
        if answer.transport == "hang":
            self._hang(answer)
        self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        # http.server looks for `do_<METHOD>`; here all methods, also unheard-of ones, take the same way.
        if name.startswith("do_"):
            return self._handle
        raise AttributeError(name)

    def _read(self) -> Request:
        """Read the request whole.

        Raises: StripeError: a body that is too large or whose length is not known, or a foreign Host.
        """
        headers = {name.lower(): value for name, value in self.headers.items()}
        # A page on the web must not steer the sandbox through a name that resolves to this machine.
        if not is_loopback_host(_host_name(headers.get("host", "localhost"))):
            raise StripeError(403, "This sandbox answers on loopback addresses only.")
        if "transfer-encoding" in headers:
            raise StripeError(411, "Send the body with a Content-Length.")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise StripeError(400, "Invalid Content-Length.")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:
            self._drain()
            raise StripeError(413, f"The request body is larger than {MAX_BODY_BYTES} bytes.")
        body = self.rfile.read(int(length)) if int(length) else b""
        path, _, query = self.path.partition("?")
        return Request(self.command, unquote(path), query.encode("latin-1", "replace"), headers, body)

    def _drain(self) -> None:
        """Read on for a while: a client that is still sending would not see the answer."""
        self.connection.settimeout(DRAIN_S)
        try:
            for _ in range(DRAIN_CHUNKS):
                if not self.rfile.read1(65536):
                    return
        except TimeoutError:
            return

    def _answer(self, request: Request) -> Answer:
        """The one place that catches everything: a defect is answered as a 500 and shown on stderr."""
        is_api = request.path.startswith("/v1/") or not (request.path == "/" or request.path.startswith("/_sandbox"))
        try:
            return (answer_api if is_api else answer_control)(self.server.state, request)
        except Exception:
            traceback.print_exc()
            return Answer(500, json_bytes(api_failure(500).body("req_defect")))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in answer.headers.items():
            self.send_header(name, value.replace("\r", "").replace("\n", ""))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _hang(self, answer: Answer) -> None:
        """Answer nothing until the client goes away, the hold is over, or someone lets go."""
        deadline = time.monotonic() + answer.hold_s
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            while time.monotonic() < deadline and not answer.released() and not self.server.closing.is_set():
                readable = selector.select(_LOOK_AGAIN_S)
                if readable and self.connection.recv(1, socket.MSG_PEEK) == b"":
                    return
                if readable:
                    self.server.closing.wait(_LOOK_AGAIN_S)

    def log_message(self, *_: object) -> None:
        """Nothing: `GET /_sandbox/requests` is the log."""


def _host_name(header: str) -> str:
    """The name in a `Host` header, without its port; empty when it cannot be read."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""
