"""Hostile bytes on the wire, through API Gateway to the functions: an envelope, no 5xx, and nothing in the logs."""

from __future__ import annotations

import http.client
import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from refundkit.api_keys import generate_api_key

from local import function_logs
from local.stack import Stack
from tests.e2e.merchant import Merchant, eventually

pytestmark = pytest.mark.stack

GOOD = '{"transactionId":"ch_1","amount":1,"reason":"other"'
BODIES: dict[str, tuple[bytes, int]] = {
    "metadata 3,000 deep": (f'{GOOD},"metadata":{"{"}"a":{"[" * 3000}{"]" * 3000}{"}}"}'.encode(), 400),
    "100,000 open brackets": (b"[" * 100_000, 400),
    "300 KB": (f'{GOOD},"metadata":{{"a":"{"x" * 300_000}"}}}}'.encode(), 413),
    "a name twice": (f'{GOOD},"amount":2}}'.encode(), 400),
    "bad UTF-8": (GOOD.encode() + b',"currency":"\xff\xfe"}', 400),
    "a lone surrogate": (f'{GOOD},"metadata":{{"a":"\\ud800"}}}}'.encode(), 400),
    "a null byte": (GOOD.encode() + b',"currency":"us\x00"}', 400),
    "NaN": (b'{"transactionId":"ch_1","amount":NaN,"reason":"other"}', 400),
    "5,000 digits": (b'{"transactionId":"ch_1","reason":"other","amount":' + b"9" * 5_000 + b"}", 400),
    "nothing": (b"", 400),
}
PATHS = {
    "/v1/refunds/%2e%2e%2fapi-keys": 404,
    "/v1/refunds/..%2f..%2f..%2fetc%2fpasswd": 404,
    "/v1/../../v1/refunds/x": 404,
    "/v1/refunds/ref_%00": 404,
    "/v1/refunds/%c0%ae%c0%ae": 404,
    "/v1/refunds/" + "A" * 3_000: 404,
    "/v1/REFUNDS": 404,
    "/v1/refunds/ref_1;admin=true": 404,
    "/v1/nothing?__proto__=1": 404,
    "/v1/refunds?limit=1%0d%0aX-Evil:%201": 400,
    "/v1/refunds?cursor=" + "A" * 3_000: 400,
}


def answered(stack: Stack, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any, str]:
    """Status, envelope and all that was answered as text."""
    target = urlsplit(stack.record["api_base"])
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
    try:
        connection.request(method, f"{target.path}{path}", body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text), f"{answer.getheaders()} {text}"
    finally:
        connection.close()


def keyed(merchant: Merchant, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {merchant.key}", "Content-Type": "application/json", **headers}


def assert_refused(found: tuple[int, Any, str], status: int) -> None:
    assert found[0] == status, found[2][:500]
    assert set(found[1]) == {"data", "error"}
    assert found[1]["data"] is None
    assert found[1]["error"]["code"] == {400: "validation_error", 404: "not_found", 413: "validation_error"}[status]
    assert "Traceback" not in found[2]


@pytest.mark.parametrize("case", BODIES)
def test_a_hostile_body_is_refused(stack: Stack, refused: Merchant, case: str) -> None:
    body, status = BODIES[case]

    assert_refused(answered(stack, "POST", "/v1/refunds", body, keyed(refused)), status)


def test_a_hostile_path_is_refused(stack: Stack, refused: Merchant) -> None:
    for path, status in PATHS.items():
        assert_refused(answered(stack, "GET", path, None, keyed(refused)), status)


def test_a_header_within_a_header_is_no_header_of_the_answer(stack: Stack, refused: Merchant) -> None:
    target = urlsplit(stack.record["api_base"])
    lines = [
        f"GET {target.path}/v1/refunds/ref_1 HTTP/1.1",
        f"Host: {target.netloc}",
        f"Authorization: Bearer {refused.key}",
        "Idempotency-Key: a",
        " X-Evil: folded",
        "X-Request-Id: mine",
        "Connection: close",
        "",
        "",
    ]
    with socket.create_connection((target.hostname or "", target.port or 80), timeout=30) as wire:
        wire.sendall("\r\n".join(lines).encode())
        told = b"".join(iter(lambda: wire.recv(65_536), b"")).decode("latin-1")

    status = int(re.match(r"HTTP/1\.1 (\d+)", told)[1])  # type: ignore[index]
    assert status in (400, 404)
    head = told.partition("\r\n\r\n")[0].lower()
    assert "x-evil" not in head
    assert "x-request-id: mine" not in head


def test_what_is_secret_or_personal_is_in_no_log_of_the_stack(stack: Stack, merchant: Merchant) -> None:
    planted = {
        "key": generate_api_key("test").key,
        "token": "eyJhbGciOiJIUzI1NiJ9.c3RhY2tjYW5hcnk.c2ln",
        "email": "stack.canary@example.com",
        "card": "4012888888881881",
        "cookie": "stackcanarycookie",
        "idempotency": "stack-canary-idempotency",
    }
    charge = merchant.charge()
    body = {"transactionId": charge, "amount": 100, "reason": "other", "metadata": {"email": planted["email"]}}
    sent = keyed(merchant, **{"Idempotency-Key": planted["idempotency"], "Cookie": planted["cookie"]})
    opened = answered(stack, "POST", "/v1/refunds", json.dumps(body).encode(), sent)
    assert opened[0] == 201
    merchant.refund_in(opened[1]["data"]["id"], "completed")
    refused = [
        answered(stack, "GET", "/v1/refunds", None, {"Authorization": f"Bearer {planted['key']}"}),
        answered(stack, "GET", "/v1/refunds", None, {"Authorization": f"Bearer {planted['token']}"}),
        answered(stack, "GET", f"/v1/refunds/{planted['card']}", None, keyed(merchant)),
        answered(stack, "GET", f"/v1/refunds?limit={planted['card']}", None, keyed(merchant)),
        answered(stack, "GET", f"/v1/{planted['email']}", None, keyed(merchant)),
        answered(stack, "POST", "/v1/refunds", f'{{"email":"{planted["email"]}'.encode(), keyed(merchant)),
        answered(stack, "DELETE", f"/v1/customers/{planted['email']}", None, keyed(merchant)),
    ]

    def logged() -> str:
        return "\n".join(function_logs.read_events(stack.settings))

    eventually(lambda: opened[1]["data"]["id"] in logged(), 20, lambda: "the refund is not in the logs")
    secrets = [*planted.values(), merchant.key, merchant.stripe_key, merchant.described["stripe_webhook_secret"]]
    places = {"the logs": logged(), "the refusals": " ".join(found[2] for found in refused)}
    assert [(secret, place) for secret in secrets for place, text in places.items() if secret in text] == []
