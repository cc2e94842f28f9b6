"""What comes to the front door reaches the API as it came, a few requests at a time."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from refundkit.webhook_signature import new_secret, sign

from local.front_door import FrontDoor
from local.reference import files
from local.settings import StackSettings, free_stack_settings


class Api(BaseHTTPRequestHandler):
    """Answers with what it was asked, and counts how many requests run at once."""

    protocol_version = "HTTP/1.1"
    lock: ClassVar[threading.Lock] = threading.Lock()
    running: ClassVar[int] = 0
    most: ClassVar[int] = 0
    pause: ClassVar[threading.Event] = threading.Event()

    def _answer(self) -> None:
        with Api.lock:
            Api.running += 1
            Api.most = max(Api.most, Api.running)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Api.pause.wait(5)
        with Api.lock:
            Api.running -= 1
        told = {"method": self.command, "target": self.path, "headers": list(self.headers.items()), "body": body.hex()}
        answer = json.dumps(told).encode()
        self.send_response(418)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Own", "kept")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  (http.server names them so)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def api() -> Iterator[str]:
    """An API behind the door; its address."""
    Api.running = Api.most = 0
    Api.pause.set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/stage"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    """A door's settings that let two requests through at once."""
    chosen = replace(free_stack_settings(tmp_path), admitted=2)
    chosen.logs.mkdir()
    return chosen


@pytest.fixture
def door(settings: StackSettings) -> Iterator[FrontDoor]:
    """A door that is open, with no API behind it yet."""
    opened = FrontDoor(settings)
    opened.start()
    yield opened
    opened.stop()


def ask(
    settings: StackSettings, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, http.client.HTTPResponse]:
    """One request: its status, its JSON (or raw) body, and the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        raw = answer.read()
    finally:
        connection.close()
    try:
        return answer.status, json.loads(raw), answer
    except ValueError:
        return answer.status, raw, answer


def test_a_request_passes_unchanged(door: FrontDoor, settings: StackSettings, api: str) -> None:
    door.door.open_api(api)
    body = b'{"amount": 1, "raw": "\xc3\xa9"}'
    headers = {"Authorization": "Bearer k", "Idempotency-Key": "a b", "Content-Type": "application/json"}
    status, told, answer = ask(settings, "POST", "/api/v1/refunds?a=1&a=%20x&b", body, headers)
    assert (status, answer.getheader("X-Own")) == (418, "kept")
    assert (told["method"], told["target"], told["body"]) == ("POST", "/stage/v1/refunds?a=1&a=%20x&b", body.hex())
    sent = {name.lower(): text for name, text in told["headers"]}
    assert sent["host"] == f"127.0.0.1:{settings.port}"
    assert {name: sent[name.lower()] for name in headers} == headers


def test_a_chunked_body_passes_whole(door: FrontDoor, settings: StackSettings, api: str) -> None:
    door.door.open_api(api)
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=10)
    connection.request(
        "POST", "/api/v1/x", body=iter([b"one", b"two"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"}
    )
    told = json.loads(connection.getresponse().read())
    connection.close()
    assert bytes.fromhex(told["body"]) == b"onetwo"


def test_one_connection_serves_many_requests(door: FrontDoor, settings: StackSettings, api: str) -> None:
    door.door.open_api(api)
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=10)
    for number in range(5):
        connection.request("GET", f"/api/v1/{number}")
        assert json.loads(connection.getresponse().read())["target"] == f"/stage/v1/{number}"
    connection.close()


def test_a_head_request_has_no_body_and_its_length(door: FrontDoor, settings: StackSettings, api: str) -> None:
    door.door.open_api(api)
    status, raw, answer = ask(settings, "HEAD", "/api/v1/x")
    assert (status, raw) == (418, b"")
    assert int(answer.getheader("Content-Length") or 0) > 0


def test_only_as_many_requests_run_at_once_as_are_admitted(door: FrontDoor, settings: StackSettings, api: str) -> None:
    door.door.open_api(api)
    Api.pause.clear()
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(ask, settings, "GET", f"/api/v1/{number}") for number in range(8)]
        threading.Timer(0.3, Api.pause.set).start()
        assert [answer.result()[0] for answer in answers] == [418] * 8
    assert Api.most == settings.admitted


def test_before_the_api_is_there_the_door_says_so_in_the_envelope(door: FrontDoor, settings: StackSettings) -> None:
    status, told, _ = ask(settings, "GET", "/api/v1/refunds")
    assert status == 503
    assert told == {"data": None, "error": {"message": "the API is being deployed", "code": "internal_error"}}


def test_an_api_that_is_gone_is_an_error_and_not_a_hang(door: FrontDoor, settings: StackSettings) -> None:
    door.door.open_api("http://127.0.0.1:9/stage")
    status, told, _ = ask(settings, "GET", "/api/v1/refunds")
    assert (status, told["error"]["code"]) == (503, "internal_error")


def test_the_page_names_no_other_machine(door: FrontDoor, settings: StackSettings) -> None:
    for path in ("/", "/inbox"):
        status, raw, _ = ask(settings, "GET", path)
        assert status == 200
        assert b"//" not in raw.replace(b"// ", b"").replace(b"http://www.w3.org", b"")


def test_the_reference_page_is_whole_and_may_load_from_here_only(door: FrontDoor, settings: StackSettings) -> None:
    status, page, answer = ask(settings, "GET", "/reference")

    assert (status, answer.getheader("Content-Type")) == (200, "text/html; charset=utf-8")
    parts = re.findall(r'(?:src|href)="(/reference/[^"]+)"', page.decode())
    assert len(parts) == 4
    for part in parts:
        status, _, answer = ask(settings, "GET", part)
        policy = answer.getheader("Content-Security-Policy") or ""
        assert status == 200, part
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
    assert b"//" not in page.replace(b"data:,", b"")
    assert ask(settings, "GET", "/reference/../front_door.py")[0] == 404


def test_the_reference_page_knows_openapi_3_1() -> None:
    bundle = files()["/reference/swagger-ui.js"][1].read_text()

    version = re.search(r'PACKAGE_VERSION:"(\d+)\.', bundle)
    assert version is not None
    assert int(version[1]) >= 5


def test_the_keys_are_shown_under_this_machines_names_only(door: FrontDoor, settings: StackSettings) -> None:
    door.describe({"test_key": "rk_test_x"})
    assert ask(settings, "GET", "/_stack.json")[:2] == (200, {"test_key": "rk_test_x"})
    status, told, _ = ask(settings, "GET", "/_stack.json", headers={"Host": "attacker.example"})
    assert (status, "test_key" in told) == (403, False)


def test_the_inbox_takes_and_shows_messages(door: FrontDoor, settings: StackSettings) -> None:
    email = {"from": "a@x.example", "to": "b@x.example", "subject": "Hi", "text": "t", "html": "<b>t</b>"}
    assert ask(settings, "POST", "/inbox/email", json.dumps(email).encode())[0] == 200
    assert ask(settings, "POST", "/inbox/slack/refunds", b'{"text": "ping"}')[:2] == (200, b"ok")
    assert ask(settings, "POST", "/inbox/slack/refunds", b"nonsense")[0] == 400
    assert ask(settings, "POST", "/inbox/email", b'{"subject": "to nobody"}')[0] == 400
    shown = ask(settings, "GET", "/inbox/messages?to=B@x.example")[1]
    assert [each["subject"] for each in shown] == ["Hi"]
    assert ask(settings, "GET", f"/inbox/messages/{shown[0]['id']}/html")[1] == b'<base target="_blank"><b>t</b>'
    assert [each["text"] for each in ask(settings, "GET", "/inbox/messages?channel=refunds")[1]] == ["ping"]
    ask(settings, "DELETE", "/inbox/messages")
    assert ask(settings, "GET", "/inbox/messages")[1] == []


def test_the_inbox_takes_webhooks_and_says_whether_their_signature_is_right(
    door: FrontDoor, settings: StackSettings
) -> None:
    secret, body = new_secret(), b'{"id":"evt_1","type":"refund.completed","data":{}}'
    signed = sign(body, event_id="evt_1", at=datetime.now(UTC), secrets=[secret])

    def post(sent: bytes) -> int:
        return int(ask(settings, "POST", "/inbox/webhooks/acme", sent, headers=signed)[0])

    assert post(body) == 200
    assert ask(settings, "PUT", "/inbox/webhooks/acme", json.dumps({"secret": secret}).encode())[0] == 200
    assert post(body) == 200
    assert post(body.replace(b"completed", b"failed")) == 200
    assert post(b"nonsense") == 400
    assert ask(settings, "PUT", "/inbox/webhooks/acme", b"{}")[0] == 400
    shown = ask(settings, "GET", "/inbox/messages?channel=acme")[1]
    assert [(each["subject"], each["verified"]) for each in shown] == [
        ("refund.completed", False),
        ("refund.completed", True),
        ("refund.failed", False),
    ]
    assert [each["where"].partition(", ")[2] for each in shown] == [
        "signature not checked: its secret is not known here",
        "signature verified",
        "signature refused (mismatch)",
    ]
