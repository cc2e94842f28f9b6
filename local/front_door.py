"""The front door of the local stack: one loopback address for the API, its reference, the inbox, Slack and a page.

`/api/*` goes to the deployed REST API as it came: method, path, query, headers and body unchanged. Only a few
requests are let through at once and the others wait, because the emulator gives every concurrent invocation a
process of its own: a storm of cold starts would be far slower than the queue.
"""

from __future__ import annotations

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

from local.http_json import Unreachable, call
from local.inbox import Inbox, Message, Reply, from_ses
from local.reference import reference_reply
from local.settings import HOST, StackSettings
from local.slack_sandbox import SlackSandbox

PAGE = Path(__file__).parent / "pages" / "front.html"
MAX_BODY_BYTES = 12 * 1024 * 1024
UPSTREAM_TIMEOUT_S = 60.0
KEPT_FOR_S = 2.0  # the emulator drops idle connections after five seconds
WAIT_TIMEOUT_S = 60.0
HOP_HEADERS = frozenset(
    "connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Passed(NamedTuple):
    """The API's answer, whole."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    content: bytes


class Upstream:
    """The deployed API: kept connections, and a bound on the requests that run at once."""

    def __init__(self, api_url: str, admitted: int) -> None:
        target = urlsplit(api_url)
        self._address = (target.hostname or HOST, target.port or 80)
        self._prefix = target.path
        self._gate = threading.BoundedSemaphore(admitted)
        self._closed = False
        self._idle: queue.SimpleQueue[tuple[http.client.HTTPConnection, float]] = queue.SimpleQueue()

    def forward(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Passed:
        """Send a request on, once.

        Raises:
            Unreachable: the API did not answer, or the queue did not move in time.
        """
        if not self._gate.acquire(timeout=WAIT_TIMEOUT_S):
            raise Unreachable("too many requests are waiting")
        try:
            return self._send(method, self._prefix + target, headers, body)
        finally:
            self._gate.release()

    def _connection(self) -> http.client.HTTPConnection:
        """A kept connection that the other side still holds, or a new one.

        One that was idle for longer may be closed at any moment, and nothing must be sent twice.
        """
        while True:
            try:
                connection, since = self._idle.get_nowait()
            except queue.Empty:
                return http.client.HTTPConnection(*self._address, timeout=UPSTREAM_TIMEOUT_S)
            if time.monotonic() - since < KEPT_FOR_S:
                return connection
            connection.close()

    def close(self) -> None:
        """Drop the kept connections, and keep none from now on."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait()[0].close()
            except queue.Empty:
                return

    def _send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> Passed:
        connection = self._connection()
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, text in headers:
                connection.putheader(name, text)
            connection.endheaders(body or None)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as exc:
            connection.close()
            raise Unreachable(str(exc) or type(exc).__name__) from exc
        if answer.will_close or self._closed:
            connection.close()
        else:
            self._idle.put((connection, time.monotonic()))
        return Passed(answer.status, answer.reason, answer.getheaders(), content)


class Door:
    """What the handler serves; the parts that are known only after the deployment are set then."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.upstream: Upstream | None = None
        self.record: dict[str, Any] = {}
        self.inbox = Inbox(self._emails)
        self.slack = SlackSandbox(deliver=self._tell_api)

    def open_api(self, api_url: str) -> None:
        """Begin to pass requests on to the deployed API."""
        self.upstream = Upstream(api_url, self.settings.admitted)

    def api(self) -> Upstream:
        """The deployed API. Raises Unreachable while it is being deployed."""
        if self.upstream is None:
            raise Unreachable("the API is being deployed")
        return self.upstream

    def _tell_api(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Post what somebody did in Slack to the API, as Slack would."""
        whole = {**headers, "Host": f"{HOST}:{self.settings.port}", "Content-Length": str(len(body))}
        try:
            answer = self.api().forward("POST", "/integrations/slack/actions", list(whole.items()), body)
        except Unreachable as exc:
            return 503, str(exc).encode()
        return answer.status, answer.content

    def _emails(self) -> list[Message]:
        try:
            return from_ses(call("GET", f"{self.settings.aws_url}/_ministack/ses/messages", timeout_s=5).body)
        except Unreachable:
            return []

    def local_reply(self, method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> Reply:
        """Answer what is not the API's."""
        if path == "/inbox" or path.startswith("/inbox/"):
            return self.inbox.reply(method, path, query, body, headers)
        if method not in ("GET", "HEAD"):
            return Reply.json(405, {"error": "method not allowed"})
        if path == "/":
            return Reply(200, "text/html; charset=utf-8", PAGE.read_bytes())
        if path == "/reference" or path.startswith("/reference/"):
            return reference_reply(path)
        if path == "/_stack.json":
            return Reply.json(200, self.record)
        return Reply.json(404, {"error": "not found: the API begins with /api"})


class Handler(BaseHTTPRequestHandler):
    """One connection to the front door."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # unbuffered writes make the standard server send a packet a header
    timeout = 120
    door: ClassVar[Door]

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        if path.startswith("/api/"):
            self._pass_on(body)
        elif (self.headers.get("Host") or "").rsplit(":", 1)[0] not in LOCAL_NAMES:
            # A page elsewhere could point its own name at this machine and read the keys.
            self._send(Reply.json(403, {"error": "open this page as localhost"}))
        elif path.startswith("/slack/"):
            self._send(self.door.slack.reply(self.command, path, body, self._small_headers()))
        else:
            self._send(self.door.local_reply(self.command, path, query, body, self._small_headers()))

    def _small_headers(self) -> dict[str, str]:
        return {name.lower(): text for name, text in self.headers.items()}

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve

    def _read_body(self) -> bytes | None:
        """The request's body; None when it was refused."""
        if (self.headers.get("Transfer-Encoding") or "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Reply.json(413, {"error": "the body is too large"}))
            return None
        return self.rfile.read(int(length))

    def _read_chunks(self) -> bytes | None:
        body = bytearray()
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                size = -1
            if size < 0 or len(body) + size > MAX_BODY_BYTES:
                self.close_connection = True
                self._send(Reply.json(400, {"error": "the chunked body is malformed or too large"}))
                return None
            body += self.rfile.read(size)
            self.rfile.readline(8)
            if size == 0:
                return bytes(body)

    def _pass_on(self, body: bytes) -> None:
        sent = [(name, text) for name, text in self.headers.items() if name.lower() not in HOP_HEADERS]
        if "Content-Length" not in self.headers and body:
            sent.append(("Content-Length", str(len(body))))
        try:
            answer = self.door.api().forward(self.command, self.path[len("/api") :], sent, body)
        except Unreachable as exc:
            self.log_error("API: %s", exc)
            self._send(Reply.json(503, {"data": None, "error": {"message": str(exc), "code": "internal_error"}}))
            return
        self.send_response_only(answer.status, answer.reason)
        for name, text in answer.headers:
            if name.lower() not in HOP_HEADERS and name.lower() != "content-length":
                self.send_header(name, text)
        stated = [text for name, text in answer.headers if name.lower() == "content-length"]
        length = stated[0] if self.command == "HEAD" and stated else str(len(answer.content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(answer.content)
        self.wfile.flush()

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, text in reply.headers:
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it)
        """Into the log file, not onto the terminal."""
        log = self.door.settings.logs / "front-door.log"
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{self.log_date_time_string()} {format % args}\n")


class FrontDoor:
    """The running server. Listens on loopback addresses only."""

    def __init__(self, settings: StackSettings) -> None:
        self.door = Door(settings)
        handler: Callable[..., BaseHTTPRequestHandler] = type("BoundHandler", (Handler,), {"door": self.door})
        self._server = ThreadingHTTPServer((HOST, settings.port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._thread.start()

    def describe(self, record: dict[str, Any]) -> None:
        """Set what `/_stack.json` and the page say."""
        self.door.record = json.loads(json.dumps(record))

    def stop(self) -> None:
        """Stop to listen. Requests under way end with the process."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        if self.door.upstream:
            self.door.upstream.close()
