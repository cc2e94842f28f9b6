"""Secrets and personal data are planted everywhere that a caller can reach, and are looked for everywhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from refundkit.api_keys import generate_api_key
from refundkit_core.application.audit import BY_PROGRAM
from refundkit_core.entrypoints.observability import log

from tests.integration.conftest import World
from tests.support.functions import function_module

CANARIES = {
    "an unknown key": generate_api_key("test").key,
    "a mistyped key": "rk_test_Canary0Canary0Canary0Canary0Cana",
    "a foreign bearer token": "eyJhbGciOiJIUzI1NiJ9.Y2FuYXJ5.c2lnbmVk",
    "a Stripe key": "sk_test_Canary0Canary0Canary0",
    "a webhook secret": "whsec_Canary0Canary0Canary0",
    "a cookie": "session=canary-cookie-7f3a",
    "an idempotency key": "canary-idempotency-9b1c",
    "an e-mail in metadata": "canary.customer@example.com",
    "a phone number in metadata": "+4915112345678",
    "a street in metadata": "Canary Street 12",
    "a card number in metadata": "4242424242424242",
    "a card number as an amount": "4000056655665556",
    "a card number as a transaction": "5555555555554444",
    "a card number in the path": "378282246310005",
    "a card number in the query": "6011111111111117",
    "an e-mail as a reason": "canary.reason@example.com",
    "an e-mail as a currency": "canary.currency@example.com",
    "an e-mail in an unknown field": "canary.field@example.com",
    "an e-mail in a broken body": "canary.broken@example.com",
    "an e-mail as a customer": "canary.erase@example.com",
    "an e-mail in a webhook": "canary.webhook@example.com",
    "a name at the processor": "Canary Cardholder",
}


@pytest.fixture
def sent(world: World) -> list[str]:
    """Everything that leaves for the bus and the queues."""
    bodies: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        bodies.append(str(params["body"]))

    for service in ("events", "sqs"):
        world.container.client(service).meta.events.register(f"before-call.{service}", note)
    return bodies


def call_with_all_of_them(world: World) -> tuple[list[str], list[str]]:
    """Use the API with a canary in every place; the bodies of refusals, and the secrets that the API itself made."""
    planted = CANARIES
    charge = world.charge(customer={"name": planted["a name at the processor"], "email": "x@example.com"})
    metadata = {name: planted[f"{name} in metadata"] for name in ("an e-mail", "a phone number", "a street")}
    metadata["a card number"] = planted["a card number in metadata"]
    body = {"transactionId": charge["id"], "amount": 100, "reason": "other", "metadata": metadata}
    headers = {"idempotency-key": planted["an idempotency key"], "cookie": planted["a cookie"]}
    opened = world.call("POST", "/v1/refunds", body, headers=headers)[1]["data"]
    world.execute(opened["id"])
    made = world.call("POST", "/v1/api-keys", {"name": "Shop", "scopes": ["refunds:read"]})[1]["data"]["key"]
    world.call("GET", "/v1/refunds", key=made)
    webhook = f"/v1/processors/stripe/webhook/{world.connection.connection_id}"
    refused = [
        world.call("GET", "/v1/refunds", key=planted["an unknown key"]),
        world.call("GET", "/v1/refunds", key=planted["a mistyped key"]),
        world.call("GET", "/v1/refunds", key=planted["a foreign bearer token"]),
        world.call("PUT", "/v1/processors/stripe", {"secretKey": planted["a Stripe key"]}),
        world.call("PUT", "/v1/processors/stripe", {"webhookSecret": planted["a webhook secret"]}),
        world.call("POST", "/v1/refunds", {**body, "amount": 200}, headers=headers),
        world.call("POST", "/v1/refunds", {**body, "amount": planted["a card number as an amount"]}),
        world.call("POST", "/v1/refunds", {**body, "amount": int(planted["a card number as an amount"])}),
        world.call("POST", "/v1/refunds", {**body, "transactionId": planted["a card number as a transaction"]}),
        world.call("POST", "/v1/policies/check", {"transactionId": planted["a card number as a transaction"]}),
        world.call("GET", f"/v1/refunds/{planted['a card number in the path']}"),
        world.call("GET", f"/v1/api-keys/{planted['a card number in the path']}"),
        world.call("GET", f"/v1/refunds?limit={planted['a card number in the query']}"),
        world.call("GET", f"/v1/refunds?cursor={planted['a card number in the query']}"),
        world.call("POST", "/v1/refunds", {**body, "reason": planted["an e-mail as a reason"]}),
        world.call("POST", "/v1/refunds", {**body, "currency": planted["an e-mail as a currency"]}),
        world.call("POST", "/v1/refunds", {**body, "contact": planted["an e-mail in an unknown field"]}),
        world.call("POST", "/v1/refunds", '{"email": "' + planted["an e-mail in a broken body"]),
        world.call("DELETE", f"/v1/customers/{quote(planted['an e-mail as a customer'])}"),
        world.call("POST", webhook, {"email": planted["an e-mail in a webhook"]}, headers={"stripe-signature": "t=1"}),
    ]
    assert {status for status, _, _ in refused} <= {400, 401, 404, 409}
    secrets = [made, world.organization.test_key, world.sandbox.test_key, world.connection.webhook_secret]
    return [json.dumps([envelope, headers]) for _, envelope, headers in refused], secrets


def found(planted: list[str], *places: list[str]) -> list[str]:
    return [canary for canary in planted if any(canary in text for place in places for text in place)]


def test_no_canary_is_in_a_log_line_an_event_an_error_or_the_trail(
    world: World, logs: Callable[[], list[dict[str, Any]]], sent: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    refused, secrets = call_with_all_of_them(world)
    world.container.brake.pause(world.tenant, None, BY_PROGRAM)
    images = world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
    records = [
        {
            "eventID": str(number),
            "eventName": "INSERT",
            "dynamodb": {
                "Keys": {"pk": image["pk"], "sk": image["sk"]},
                "NewImage": image,
                "SequenceNumber": str(number),
            },
        }
        for number, image in enumerate(images)
        if image["sk"]["S"].startswith("EVENT#")
    ]
    function_module("publish_events").handler({"Records": records}, None)
    function_module("sweep").handler({}, None)

    lines = [json.dumps(line) for line in logs()]
    trail = [str(entry) for entry in world.container.trail.of(world.tenant)]
    printed = list(capfd.readouterr())
    assert len(lines) > 20
    assert "refund.completed" in "".join(sent)
    assert found([*CANARIES.values(), *secrets], lines, sent, refused, trail, printed) == []


def test_a_canary_that_is_logged_would_be_found(world: World, logs: Callable[[], list[dict[str, Any]]]) -> None:
    log("request", key=CANARIES["an unknown key"])

    assert found(list(CANARIES.values()), [json.dumps(line) for line in logs()]) == [CANARIES["an unknown key"]]


def test_there_are_twenty_of_them() -> None:
    assert len(set(CANARIES.values())) >= 20


def test_secrets_are_stored_as_ciphertext_or_hash_only(world: World) -> None:
    _, secrets = call_with_all_of_them(world)

    stored = str(world.container.client("dynamodb").scan(TableName="refundkit")["Items"])
    assert found(secrets, [stored]) == []
    assert CANARIES["an idempotency key"] not in stored
