"""Malformed requests of every kind: the documented code, in the envelope; nothing written, asked or told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from refundkit.api_keys import generate_api_key
from refundkit.contracts.errors import ErrorBody

from tests.integration.conftest import World

BODY: dict[str, Any] = {"transactionId": "ch_1", "amount": 2000, "reason": "product_defective"}
KEY_BODY: dict[str, Any] = {"name": "One"}
CANARY = "canary4242424242424242"

BODIES: dict[str, Any] = {
    "no body": None,
    "empty": "",
    "not JSON": "{",
    "an array": [],
    "a number": 3,
    "a name twice": '{"transactionId":"ch_1","amount":1,"amount":2,"reason":"other"}',
    "bad UTF-8": b'{"transactionId":"ch_\xff"}',
    "a lone surrogate": '{"transactionId":"ch_1","amount":1,"reason":"other","metadata":{"a":"\\ud800"}}',
    "nested 3,000 deep": '{"metadata":' + '{"a":' * 3000 + "1" + "}" * 3001,
    "unknown field": {**BODY, "amuont": 1},
    "a field as programs spell it": {"transaction_id": "ch_1", "amount": 1, "reason": "other"},
    "amount true": {**BODY, "amount": True},
    "amount text": {**BODY, "amount": "2000"},
    "amount 2000.0": {**BODY, "amount": 2000.0},
    "amount 1e3": '{"transactionId":"ch_1","amount":1e3,"reason":"other"}',
    "amount NaN": '{"transactionId":"ch_1","amount":NaN,"reason":"other"}',
    "amount 0": {**BODY, "amount": 0},
    "amount negative": {**BODY, "amount": -1},
    "amount absurd": {**BODY, "amount": 10**12 + 1},
    "amount with 5,000 digits": '{"transactionId":"ch_1","reason":"other","amount":' + "9" * 5000 + "}",
    "neither amount nor full": {"transactionId": "ch_1", "reason": "other"},
    "amount and full": {**BODY, "full": True},
    "full false": {"transactionId": "ch_1", "reason": "other", "full": False},
    "no reason": {"transactionId": "ch_1", "amount": 1},
    "unknown reason": {**BODY, "reason": "because"},
    "currency in capitals": {**BODY, "currency": "USD"},
    "currency null byte": {**BODY, "currency": "us\0"},
    "transaction empty": {**BODY, "transactionId": ""},
    "transaction a path": {**BODY, "transactionId": "../../v1/customers"},
    "transaction with a query": {**BODY, "transactionId": "ch_1?expand=x"},
    "transaction 300 long": {**BODY, "transactionId": "ch_" + "a" * 300},
    "processor a path": {**BODY, "processor": "../stripe"},
    "metadata a list": {**BODY, "metadata": [1]},
    "metadata too large": {**BODY, "metadata": {"a": "x" * 9000}},
    "metadata too deep": {**BODY, "metadata": {"a": {"b": {"c": {"d": {"e": {}}}}}}},
    "metadata with 51 keys": {**BODY, "metadata": {str(number): 1 for number in range(51)}},
    "metadata key too long": {**BODY, "metadata": {"k" * 41: 1}},
    "metadata key empty": {**BODY, "metadata": {"": 1}},
    "initiatedBy from the body": {**BODY, "initiatedBy": "dashboard"},
    "metadata key with a lone surrogate": '{"transactionId":"ch_1","reason":"other","metadata":{"\\ud800":1}}',
    "metadata with an infinity": '{"transactionId":"ch_1","amount":1,"reason":"other","metadata":{"a":1e999}}',
    "a list nested 100,000 deep": '{"metadata":' + "[" * 100_000 + "]" * 100_000 + "}",
    "a name twice, deep inside": '{"transactionId":"ch_1","amount":1,"reason":"other","metadata":{"a":{"b":1,"b":2}}}',
    "a comment": '{"transactionId":"ch_1",/* one */"amount":1,"reason":"other"}',
    "two objects": '{"transactionId":"ch_1","amount":1,"reason":"other"}{}',
    "a byte order mark": b'\xef\xbb\xbf{"transactionId":"ch_1","amount":1,"reason":"other"}',
    "UTF-16": json.dumps(BODY).encode("utf-16"),
    "a null byte behind it": json.dumps(BODY).encode() + b"\0",
    "amount null": {**BODY, "amount": None},
    "amount a list": {**BODY, "amount": [2000]},
    "amount -0": '{"transactionId":"ch_1","amount":-0,"reason":"other"}',
    "transaction a number": {**BODY, "transactionId": 1},
    "transaction with a line break": {**BODY, "transactionId": "ch_1\r\nX-Evil: 1"},
    "transaction in other letters": {**BODY, "transactionId": "сh_1"},
    "reason with a blank": {**BODY, "reason": "other "},
    "a name that is a path": {**BODY, "__proto__": {"admin": True}},
    "personal keys of no metadata": {**BODY, "personalMetadata": ["email"]},
}

REQUESTS: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "plain text": ("POST", "/v1/refunds", "amount=1", {"content-type": "text/plain"}),
    "a form": ("POST", "/v1/refunds", "transactionId=ch_1", {"content-type": "application/x-www-form-urlencoded"}),
    "no content type": ("POST", "/v1/refunds", BODY, {"content-type": ""}),
    "a content type like JSON": ("POST", "/v1/refunds", BODY, {"content-type": "application/json2"}),
    "an empty idempotency key": ("POST", "/v1/refunds", BODY, {"Idempotency-Key": ""}),
    "an idempotency key of 256": ("POST", "/v1/refunds", BODY, {"Idempotency-Key": "x" * 256}),
    "an idempotency key with a tab": ("POST", "/v1/refunds", BODY, {"Idempotency-Key": "tab\t"}),
    "an idempotency key with a header in it": ("POST", "/v1/refunds", BODY, {"Idempotency-Key": "a\r\nX-Evil: 1"}),
    "an idempotency key in other letters": ("POST", "/v1/refunds", BODY, {"Idempotency-Key": "é"}),
    "an idempotency key of an unknown source": ("POST", "/v1/refunds", BODY, {"Idempotency-Key-Source": "Generated"}),
    "an idempotency key on any POST": (
        "POST",
        "/v1/policies/check",
        {"transactionId": "ch_1"},
        {"Idempotency-Key": ""},
    ),
    "a body where none is taken": ("POST", "/v1/refunds/ref_1/cancel", {"because": "x"}, {}),
    "a query where none is taken": ("GET", "/v1/refunds/ref_1?expand=charge", None, {}),
    "a query beside a body": ("POST", "/v1/refunds?amount=1", BODY, {}),
    "a query parameter twice": ("GET", "/v1/refunds?limit=1&limit=2", None, {}),
    "a limit beyond reason": ("GET", "/v1/refunds?limit=99999999999999999999", None, {}),
    "a cursor of nobody": ("GET", "/v1/refunds?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", None, {}),
    "a policy check of nothing": ("POST", "/v1/policies/check", {}, {}),
    "a policy check of less than nothing": ("POST", "/v1/policies/check", {"transactionId": "ch_1", "amount": -1}, {}),
    "a policy check with more": ("POST", "/v1/policies/check", {"transactionId": "ch_1", "reason": "other"}, {}),
    "a key without a name": ("POST", "/v1/api-keys", {}, {}),
    "a key whose name has a line break": ("POST", "/v1/api-keys", {"name": "a\nb"}, {}),
    "a key with a right that is none": ("POST", "/v1/api-keys", {**KEY_BODY, "scopes": ["refunds:*"]}, {}),
    "a key without any right": ("POST", "/v1/api-keys", {**KEY_BODY, "scopes": []}, {}),
    "a key above the limit": ("POST", "/v1/api-keys", {**KEY_BODY, "limitPerMinute": 101}, {}),
    "a key that expires on no day": ("POST", "/v1/api-keys", {**KEY_BODY, "expiresAt": "2026-02-30T00:00:00Z"}, {}),
    "a key that expired": ("POST", "/v1/api-keys", {**KEY_BODY, "expiresAt": "2020-01-01T00:00:00Z"}, {}),
    "a registration with more": ("PUT", "/v1/transactions/ch_1", {"orderID": "x"}, {}),
    "a registration with a query": ("PUT", "/v1/transactions/ch_1?a=1", {}, {}),
    "a risk of nothing": ("POST", "/v1/disputes/risk", {}, {}),
    "a risk with a score of the caller's": ("POST", "/v1/disputes/risk", {"transactionId": "ch_1", "score": 1}, {}),
    "assessments of nothing": ("GET", "/v1/disputes/assessments", None, {}),
    "a preview of an amount and of items": (
        "POST",
        "/v1/refunds/preview",
        {"transactionId": "ch_1", "amount": 1, "items": [{"amount": 1}]},
        {},
    ),
    "a processor's key that is none": ("PUT", "/v1/processors/stripe", {"secretKey": "sk test"}, {}),
}
NOT_THERE: dict[str, tuple[str, str]] = {
    "a refund's id in small letters": ("GET", "/v1/refunds/ref_01jd3m5yv7z8q2n4r6t8w0x2y4"),
    "a refund's id of another kind": ("GET", "/v1/refunds/key_01JD3M5YV7Z8Q2N4R6T8W0X2Y4"),
    "a transaction with our own separator": ("GET", "/v1/transactions/ch_1%23LEDGER"),
    "an assessment of another kind": ("GET", "/v1/disputes/assessments/ref_01JD3M5YV7Z8Q2N4R6T8W0X2Y4"),
    "an id with dots": ("GET", "/v1/refunds/..%2f..%2fapi-keys"),
    "an id with a null byte": ("GET", "/v1/refunds/ref_%00"),
    "an id of 5,000": ("GET", "/v1/refunds/ref_" + "A" * 5_000),
    "an id with our own separator": ("GET", "/v1/refunds/ref_1%23HEAD"),
    "a key's id that is none": ("DELETE", "/v1/api-keys/rk_test_" + "a" * 32),
    "a processor's name that is a path": ("GET", "/v1/processors/..%2fstripe"),
}


@pytest.fixture
def asked(shared: World) -> Iterator[Callable[[], list[str]]]:
    """What AWS was asked for since the last look, besides counting the caller's request."""
    seen: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        metering = model.name == "UpdateItem" and b"KEY#" in params["body"]
        if not metering:
            seen.append(model.name)

    services = ("dynamodb", "kms", "sqs", "events")
    for service in services:
        shared.container.client(service).meta.events.register(f"before-call.{service}", note)

    def read() -> list[str]:
        found = seen[:]
        seen.clear()
        return found

    yield read
    for service in services:
        shared.container.client(service).meta.events.unregister(f"before-call.{service}", note)


def refused(world: World, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str, str]:
    """Status, code and the whole answer as text; the envelope must be one."""
    status, envelope, answered = world.call(method, path, body, headers=headers)
    assert set(envelope) == {"data", "error"}
    assert envelope["data"] is None
    assert ErrorBody.model_validate(envelope["error"]).request_id == "request-1"
    assert answered["content-type"] == "application/json"
    assert not [name for name in answered if "evil" in name.lower()]
    return status, envelope["error"]["code"], json.dumps(envelope)


@pytest.mark.parametrize("case", BODIES)
def test_a_malformed_body_is_400_and_nothing_is_written_or_asked(
    shared: World, asked: Callable[[], list[str]], case: str
) -> None:
    answer = refused(shared, "POST", "/v1/refunds", BODIES[case], {})

    assert answer[:2] == (400, "validation_error")
    assert asked() == []


@pytest.mark.parametrize("case", REQUESTS)
def test_a_malformed_request_is_400_and_nothing_is_written(
    shared: World, asked: Callable[[], list[str]], case: str
) -> None:
    answer = refused(shared, *REQUESTS[case])

    assert answer[:2] == (400, "validation_error")
    reads = asked()
    assert reads == [] or (case == "a cursor of nobody" and set(reads) <= {"GetItem", "Decrypt"})  # whose it is


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=ten", "limit=1.0", "limit=%2B1", "limit=", "limit=-1", "limit=1e1",
        "limit=1&limit=2", "offset=1001", "offset=-1", "offset=1&cursor=abc", "cursor=", f"cursor={'a' * 513}",
        "status=paid", "status=", "processor=Stripe", "initiatedBy=me", "transactionId=", "transactionId=a%20b",
        "createdAfter=yesterday", "createdAfter=2026-11-20", "createdAfter=2026-11-20T12:00:00",
        "createdBefore=2026-13-01T00:00:00Z", "createdBefore=2026-11-20T12:00:00%2B01:00", "createdBefore=1763640000",
        "created_after=2026-11-20T12:00:00Z", "sort=asc", "q=",
    ],
)  # fmt: skip
def test_a_query_that_is_not_as_documented_is_400(shared: World, query: str) -> None:
    status, envelope, _ = shared.call("GET", f"/v1/refunds?{query}")

    assert (status, envelope["data"], envelope["error"]["code"]) == (400, None, "validation_error")
    assert envelope["error"]["details"]


@pytest.mark.parametrize("case", NOT_THERE)
def test_an_id_that_can_be_nothing_is_404_and_nothing_is_asked(
    shared: World, asked: Callable[[], list[str]], case: str
) -> None:
    method, path = NOT_THERE[case]

    assert refused(shared, method, path, None, {})[:2] == (404, "not_found")
    assert set(asked()) <= ({"GetItem"} if "processors" in path else set())


@pytest.mark.parametrize("size", [256 * 1024 + 1, 300_000, 5_000_000])
def test_a_body_over_256_kb_is_413(shared: World, asked: Callable[[], list[str]], size: int) -> None:
    answer = refused(shared, "POST", "/v1/refunds", {**BODY, "metadata": {"a": "x" * size}}, {})

    assert answer[:2] == (413, "validation_error")
    assert asked() == []


MALFORMED_KEYS = [
    None, "", "Bearer", "Bearer ", "Basic cmtfdGVzdA==", "Bearer rk_test_", "Bearer sk_test_" + "a" * 32,
    "Bearer rk_test_" + "a" * 32, "Bearer rk_live_" + "a" * 31, "Bearer rk_test_" + "a" * 33,
    "Bearer " + "rk_test_" + "é" * 32, "Bearer rk_test_" + "\0" * 32, "Bearer " + "x" * 7_000, "rk_test_" + "a" * 32,
    f"Bearer {generate_api_key('test').key} {generate_api_key('test').key}",
    f"Bearer {generate_api_key('test').key[:-1]}",
    f"Bearer {generate_api_key('live').key.replace('rk_live_', 'rk_test_')}",
]  # fmt: skip


@pytest.mark.parametrize("authorization", MALFORMED_KEYS)
def test_a_malformed_key_is_401_and_costs_nothing_at_all(shared: World, authorization: str | None) -> None:
    calls: list[str] = []
    events = shared.container.client("dynamodb").meta.events
    note = lambda model, **_: calls.append(model.name)  # noqa: E731
    events.register("before-call.dynamodb", note)
    headers = {} if authorization is None else {"authorization": authorization}

    status, envelope, _ = shared.call("POST", "/v1/refunds", "not even JSON", key=None, headers=headers)

    events.unregister("before-call.dynamodb", note)
    assert (status, envelope["error"]["code"], calls) == (401, "invalid_api_key", [])


def test_what_was_wrong_is_named_and_its_value_is_not(shared: World, logs: Callable[[], list[dict[str, Any]]]) -> None:
    logs()
    for field in ("transactionId", "amount", "reason", "currency", "processor", "wait"):
        answer = refused(shared, "POST", "/v1/refunds", {**BODY, field: f"{CANARY} {field}!"}, {})
        assert f'"field": "{field}"' in answer[2]
        assert CANARY not in answer[2]
    assert CANARY not in json.dumps(logs())


def test_a_field_that_nobody_knows_is_named_shortly_and_in_plain_letters(shared: World) -> None:
    (detail,) = json.loads(refused(shared, "POST", "/v1/refunds", {**BODY, "é" * 500: 1}, {})[2])["error"]["details"]

    assert detail["field"].isascii()
    assert len(detail["field"]) <= 600


def test_at_most_twenty_problems_are_listed(shared: World) -> None:
    many = {**BODY, **{f"field{number}": 1 for number in range(5_000)}}

    assert len(json.loads(refused(shared, "POST", "/v1/refunds", many, {})[2])["error"]["details"]) == 20


def test_there_are_sixty_of_them() -> None:
    assert len(BODIES) + len(REQUESTS) + len(NOT_THERE) + len(MALFORMED_KEYS) > 60
