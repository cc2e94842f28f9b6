"""The server: hostile input, unknown paths, the request log, the clock, the page, and where it may listen."""

from __future__ import annotations

import ast
import json
import os
import re
import socket
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import requests
import stripe

from local.stripe_sandbox import SandboxServer, faults
from local.stripe_sandbox import control as control_module
from local.stripe_sandbox import page as page_module
from local.stripe_sandbox.__main__ import main
from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.forms import decode_form
from local.stripe_sandbox.refund_lifecycle import FAILURE_REASONS

from .helpers import DEADLINE_S, Merchant, at_once, control, control_answer, wait_for

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("host", [str(IPv4Address(0)), "::", "192.168.0.1", "example.com", "", "127.0.0.1.example.com"])
def test_an_address_beyond_this_machine_is_refused(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="loopback"):
        SandboxServer(host=host)
    assert main(["--host", host, "--port", "0"]) == 2
    assert "loopback" in capsys.readouterr().err


def test_the_command_line_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "-m", "local.stripe_sandbox", "--port", "0", "--test-key", "sk_test_mine"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = re.findall(r"http://\S+", line)[0]
        answer = requests.get(f"{url}/v1/account", auth=("sk_test_mine", ""), timeout=DEADLINE_S)
        process.terminate()
        assert (answer.status_code, process.wait(DEADLINE_S)) == (200, 0)


def test_two_sandboxes_share_nothing(merchant: Merchant) -> None:
    with SandboxServer(port=0) as other:
        Merchant(other, "acme", test_secret_key=merchant.test_key).charge()
        assert merchant.test.charges.list().data == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/payouts"), ("POST", "/v1/refunds/re_1/explode"), ("PUT", "/v1/refunds"), ("GET", "/v2/core"),
     ("DELETE", "/v1/charges/ch_1"), ("BREW", "/v1/account"),
     ("PATCH", "/v1/charges/ch_1"), ("GET", "/v1/charges/../account")],
)  # fmt: skip
def test_an_unknown_path_is_stripes_404(merchant: Merchant, method: str, path: str) -> None:
    answer = requests.request(method, merchant.sandbox.url + path, auth=(merchant.test_key, ""), timeout=DEADLINE_S)
    if ".." in path:
        assert answer.status_code == 200, "the client resolves dots itself"
        return
    assert answer.status_code == 404
    assert answer.json()["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path})")


HOSTILE = [
    b"charge[" * 2000, b"a[b[c]]=1", b"a]b=1", b"=1", b"[]=1", b"charge=%ff%fe", b"charge=%00", b"charge[a]=1",
    b"metadata[a][b]=1", b"metadata=x", b"amount[]=1", b"expand=charge", b"expand[x]=charge", b"expand[0][1]=a",
    b"a" * 600 + b"=1", b"&".join(b"k%d=1" % n for n in range(1001)), b"a=1&a[b]=2", b"a[b]=2&a=1",
    b"x" + b"[y]" * 50 + b"=1", b"metadata[%5B]=1", b"charge=" + b"9" * 6000, b"amount=" + b"9" * 4000,
    b"\xff\xfe\x00", b"%", b"charge=ch_1&charge=ch_2",
]  # fmt: skip


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_forms_are_4xx_and_never_a_traceback(merchant: Merchant, body: bytes) -> None:
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"Bearer {merchant.test_key}",
    }
    answer = requests.post(f"{merchant.sandbox.url}/v1/refunds", data=body, headers=headers, timeout=DEADLINE_S)
    assert 400 <= answer.status_code < 500
    assert "Traceback" not in answer.text
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_forms_nest_as_the_sdk_writes_them() -> None:
    assert decode_form(b"a[b][0]=c&a[b][1]=d+e&x[]=1&x[]=2&m[%C3%A9]=%26", b"limit=3") == {
        "a": {"b": {"0": "c", "1": "d e"}}, "x": {"0": "1", "1": "2"}, "m": {"é": "&"}, "limit": "3",
    }  # fmt: skip


def test_depth_and_number_of_fields_are_bounded() -> None:
    with pytest.raises(StripeError, match="nested too deeply"):
        decode_form(b"a" + b"[b]" * 6 + b"=1")
    with pytest.raises(StripeError, match="Too many"):
        decode_form(b"a=1&" * 1001)


RAW = [
    (b"POST /v1/refunds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n", 413),
    (b"POST /v1/refunds HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
    (b"POST /v1/refunds HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + b"9" * 40 + b"\r\n\r\n", 413),
    (b"POST /v1/refunds HTTP/1.1\r\nHost: localhost\r\nContent-Length: \xb2\r\n\r\n", 400),
    (b"POST /v1/refunds HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
    (b"POST /_sandbox/reset HTTP/1.1\r\nHost: evil.example.com\r\nContent-Length: 0\r\n\r\n", 403),
    (b"POST /_sandbox/reset HTTP/1.1\r\nHost: [::1\r\nContent-Length: 0\r\n\r\n", 403),
    (b"NONSENSE\r\n\r\n", 400),
    (b"GET /v1/charges HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    (b"GET /v1/%00%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 401),
    (b"HEAD /v1/charges HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 401),
]


@pytest.mark.parametrize(("sent", "status"), RAW, ids=range(len(RAW)))
def test_hostile_http_is_answered_and_closed(sandbox: SandboxServer, sent: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=DEADLINE_S) as connection:
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert re.search(rb"HTTP/1\.1 (\d+)|Error code: (\d+)", answer)
    assert str(status).encode() in answer
    assert b"Traceback" not in answer


def test_json_is_not_a_form(merchant: Merchant) -> None:
    answer = requests.post(
        f"{merchant.sandbox.url}/v1/refunds",
        json={"charge": "x"},
        auth=(merchant.test_key, ""),
        timeout=DEADLINE_S,
    )
    assert (answer.status_code, "x-www-form-urlencoded" in answer.text) == (400, True)


def test_versions_are_echoed_and_connections_kept(merchant: Merchant) -> None:
    with requests.Session() as session:
        session.auth = (merchant.test_key, "")
        for _ in range(3):
            answer = session.get(
                f"{merchant.sandbox.url}/v1/account",
                headers={"Stripe-Version": "2024-06-20"},
                timeout=DEADLINE_S,
            )
        assert answer.headers["Stripe-Version"] == "2024-06-20"
        assert "Connection" not in answer.headers


def test_every_request_is_logged_with_what_became_of_it(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.test.refunds.create({"charge": charge["id"], "metadata": {"order": "7"}}, {"idempotency_key": "k1"})
    merchant.test.refunds.create({"charge": charge["id"], "metadata": {"order": "7"}}, {"idempotency_key": "k1"})
    second, first = merchant.requests(operation="refunds.create")
    time, request_id = first.pop("time"), first.pop("request_id")
    assert (time > 1_700_000_000, request_id.startswith("req_")) == (True, True)
    assert first == {
        "method": "POST", "path": "/v1/refunds", "operation": "refunds.create", "account": merchant.id,
        "mode": "test", "params": {"charge": charge["id"], "metadata": {"order": "7"}},
        "idempotency_key": "k1", "status": 200, "replayed": False, "fault": None,
    }  # fmt: skip
    assert (second["replayed"], len(merchant.requests(idempotency_key="k1", limit=1))) == (True, 1)
    assert merchant.test_key not in json.dumps(merchant.requests())


def test_the_clock_can_be_frozen_moved_and_let_go(sandbox: SandboxServer) -> None:
    path = "/_sandbox/clock"
    assert control(sandbox, "GET", path)["mode"] == "real"
    frozen = control(sandbox, "POST", path, {"now": "2026-03-01T12:00:00+01:00"})
    assert (frozen["now"], frozen["mode"]) == ("2026-03-01T11:00:00.000Z", "frozen")
    assert control(sandbox, "POST", path, {"advance_s": 90})["now"] == "2026-03-01T11:01:30.000Z"
    assert control(sandbox, "POST", path, {"reset": True, "advance_s": 3600})["mode"] == "shifted"
    assert control(sandbox, "POST", path, {"reset": True})["mode"] == "real"


@pytest.mark.parametrize(
    "body", [{"now": "yesterday"}, {"now": "2026-01-01T00:00:00"}, {"now": -1}, {"now": None}, {"advance_s": -1},
             {"advance_s": True}, {"reset": 1}, {"sign_with": "blood"}, {"tomorrow": 1}]
)  # fmt: skip
def test_a_bad_time_is_refused_with_advice(sandbox: SandboxServer, body: dict[str, object]) -> None:
    status, answer = control_answer(sandbox, "POST", "/_sandbox/clock", body)
    assert (status, set(answer["error"])) == (400, {"message", "next"})


def test_a_running_clock_brings_late_changes_by_itself(merchant: Merchant) -> None:
    merchant.fault("refund_pending_then_succeeded", after_s=0.05)
    refund = merchant.test.refunds.create({"charge": merchant.charge()["id"]})
    assert refund.status == "pending"
    wait_for(lambda: merchant.test.events.list({"type": "refund.updated"}).data)
    assert merchant.test.refunds.retrieve(refund.id).status == "succeeded"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/_sandbox/nowhere", b"", 404),
        ("DELETE", "/_sandbox/clock", b"", 405),
        ("POST", "/_sandbox/clock", b"{", 400),
        ("POST", "/_sandbox/clock", b"[]", 400),
        ("POST", "/_sandbox/clock", b"\xff", 400),
        ("POST", "/_sandbox/clock", b'{"now": NaN}', 400),
        ("POST", "/_sandbox/clock", b"[" * 100_000, 400),
        ("POST", "/_sandbox/reset", b'{"account": "acct_nowhere"}', 404),
        ("GET", "/_sandbox/requests?limit=0", b"", 400),
        ("GET", "/_sandbox/requests?limit=" + "9" * 5000, b"", 400),
        ("GET", "/_sandbox/requests?colour=red", b"", 400),
        ("GET", "/_sandbox/deliveries?limit=%C2%B2", b"", 400),
        ("POST", "/_sandbox/refunds/re_nowhere", b'{"status": "failed"}', 404),
    ],
)
def test_bad_control_requests_are_answered_with_advice(
    sandbox: SandboxServer, method: str, path: str, body: bytes, status: int
) -> None:
    answer = requests.request(method, sandbox.url + path, data=body, timeout=DEADLINE_S)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "next"}


def test_health_is_open_and_the_page_needs_nothing_from_outside(sandbox: SandboxServer) -> None:
    assert requests.get(f"{sandbox.url}/_sandbox/health", timeout=DEADLINE_S).json()["status"] == "ok"
    for path in ("/", "/_sandbox"):
        page = requests.get(sandbox.url + path, timeout=DEADLINE_S)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert not re.search(r"(src|href)=.?(https?:)?//", page.text)
        assert "prefers-color-scheme" in page.text
        for needed in ("/_sandbox/faults", "/_sandbox/clock", "tok_refundFail", "timeout_after", "sk_test_"):
            assert needed in page.text


def test_many_connections_at_once_are_served(merchant: Merchant) -> None:
    answers = at_once(50, lambda _: merchant.charge(amount=100)["id"])
    assert len(set(answers)) == 50


def test_the_page_and_the_document_name_everything_that_is_served() -> None:
    document = (ROOT / "docs" / "stripe-sandbox.md").read_text(encoding="utf-8")
    served = {(method, pattern.replace(control_module._ID, "{id}")) for method, pattern, _ in control_module._HANDLERS}
    assert {tuple(request.split(" ")) for request, *_ in page_module.CONTROL} == served
    assert {kind for kind, _ in page_module.FAULTS} == set(faults.KINDS)
    for method, path in served:
        assert f"`{method} {path}`" in document
    for kind in (*faults.KINDS, *FAILURE_REASONS):
        assert f"`{kind}`" in document
    fields = {name.strip() for _, names, _ in page_module.CONTROL for name in names.replace(";", ",").split(",")}
    assert [name for name in fields if name and f"`{name}`" not in document] == []


def test_a_body_that_is_too_large_is_refused_while_it_is_still_sent(merchant: Merchant) -> None:
    answer = requests.post(
        f"{merchant.sandbox.url}/v1/refunds",
        data=b"a=" + b"x" * 3_000_000,
        auth=(merchant.test_key, ""),
        timeout=DEADLINE_S,
    )
    assert answer.status_code == 413


def test_a_stopped_sandbox_answers_nobody_any_more() -> None:
    with requests.Session() as session:
        with SandboxServer(port=0) as server:
            assert session.get(f"{server.url}/_sandbox/health", timeout=DEADLINE_S).status_code == 200
            url = server.url
        with pytest.raises(requests.ConnectionError):
            session.get(f"{url}/_sandbox/health", timeout=DEADLINE_S)


def test_a_stop_lets_go_of_requests_that_are_held() -> None:
    with SandboxServer(port=0) as server:
        merchant = Merchant(server, "acme")
        merchant.fault("timeout_before", operation="charges.list")

        def list_or_stop(index: int) -> object:
            if index == 0:
                return merchant.test.charges.list()
            wait_for(lambda: merchant.requests(fault="timeout_before"))
            server.stop()
            return None

        held, _ = at_once(2, list_or_stop)
        assert isinstance(held, stripe.APIConnectionError)


def test_the_sandbox_needs_the_standard_library_only() -> None:
    imported: set[str] = set()
    for source in (ROOT / "local" / "stripe_sandbox").glob("*.py"):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").split(".")[0])
    assert imported - sys.stdlib_module_names == {"local"}
