"""Connecting processor accounts: verified, encrypted, never shown; renewed, rotated, replaced, disconnected."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from tests.integration.conftest import World

PATH = "/v1/processors/stripe"


def put(world: World, **body: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    return world.call("PUT", PATH, {"secretKey": world.sandbox.test_key, **body})


def endpoints(world: World) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.stripe("GET", "/v1/webhook_endpoints?limit=100")["data"]
    return found


def account(world: World, name: str, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = world.stripe("POST", "/_sandbox/accounts", {"name": name, **fields})
    return made


def test_a_connection_is_shown_without_its_credentials(world: World) -> None:
    status, envelope, _ = world.call("GET", PATH)

    assert status == 200
    assert envelope["data"] == {
        "name": "stripe",
        "connectionId": world.connection.connection_id,
        "environment": "test",
        "status": "active",
        "accountId": world.connection.account_id,
        "connectedAccount": None,
        "merchantId": None,
        "webhookUrl": f"http://127.0.0.1:9/api/v1/processors/stripe/webhook/{world.connection.connection_id}",
    }


def test_the_same_account_again_keeps_its_connection_and_endpoint_and_is_active_after_an_error(world: World) -> None:
    stored = world.container.connections.of(world.tenant, "stripe")
    assert stored is not None
    world.container.connections.mark(stored, "error", world.clock.now())
    assert world.call("GET", PATH)[1]["data"]["status"] == "error"
    before = len(endpoints(world))

    status, envelope, _ = put(world)

    assert (status, envelope["data"]["status"]) == (200, "active")
    assert envelope["data"]["connectionId"] == world.connection.connection_id
    assert len(endpoints(world)) == before
    assert world.sandbox.test_key not in json.dumps(envelope)


def test_another_account_gets_a_connection_of_its_own_and_the_old_endpoint_goes(world: World) -> None:
    other = account(world, "other")
    before = [each["url"] for each in endpoints(world)]

    status, envelope, _ = put(world, secretKey=other["test_secret_key"])

    assert status == 200
    assert envelope["data"]["accountId"] == other["id"]
    assert envelope["data"]["connectionId"] != world.connection.connection_id
    assert len(endpoints(world)) == len(before) - 1
    assert world.call("POST", f"{PATH}/webhook/{world.connection.connection_id}", "{}", key=None)[0] == 404


@pytest.mark.parametrize("key", ["sk_test_unknown0", "sk_live_refundkit_sandbox_default"])
def test_a_key_that_is_refused_or_of_the_other_mode_is_400_and_changes_nothing(world: World, key: str) -> None:
    status, envelope, _ = put(world, secretKey=key)

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert envelope["error"]["details"][0]["field"] == "secretKey"
    assert key not in json.dumps(envelope)
    assert world.call("GET", PATH)[1]["data"]["status"] == "active"


def test_a_processor_that_does_not_answer_is_502_and_one_that_nobody_knows_404(world: World) -> None:
    world.stripe("POST", "/_sandbox/faults", {"operation": "*", "kind": "status_500", "times": 1})

    assert put(world)[1]["error"]["code"] == "processor_error"
    assert (
        world.call("PUT", "/v1/processors/square", {"secretKey": "sk_test_12345678"})[1]["error"]["code"] == "not_found"
    )
    assert world.call("GET", "/v1/processors/square")[1]["error"]["code"] == "not_found"


def test_a_rotated_webhook_secret_is_valid_beside_the_one_before(world: World) -> None:
    from tests.integration.test_money_path import refund_event, webhook

    put(world, webhookSecret="whsec_second0")
    world.container.connections.forget(world.tenant, "stripe")

    for secret in ("whsec_second0", world.connection.webhook_secret):
        assert webhook(world, refund_event("ch_1"), secret=secret)[0] == 200
    put(world, webhookSecret="whsec_third00")
    assert webhook(world, refund_event("ch_1"), secret="whsec_second0")[0] == 200
    assert webhook(world, refund_event("ch_1"), secret=world.connection.webhook_secret)[0] == 400


def test_a_disconnected_account_refuses_new_refunds_fails_queued_ones_and_can_come_back(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge, amount=1)

    answers = [world.call("DELETE", PATH) for _ in range(2)]

    assert [(status, envelope["data"]["status"]) for status, envelope, _ in answers] == [(200, "inactive")] * 2
    body = {"transactionId": charge, "amount": 2, "reason": "other"}
    assert world.call("POST", "/v1/refunds", body)[1]["error"]["code"] == "processor_not_connected"
    world.execute(opened["id"])
    assert world.shown(opened["id"])["statusDetail"] == "processor_not_connected"
    assert endpoints(world) == []
    assert put(world)[1]["data"]["status"] == "active"
    assert len(endpoints(world)) == 1
    assert world.call("POST", "/v1/refunds", body)[0] == 201


def test_a_connected_accounts_refund_goes_to_it_and_takes_transfer_and_fee_back(world: World) -> None:
    platform = account(world, "platform")
    connected = account(world, "connected", connected_to=platform["id"])
    status, envelope, _ = put(
        world,
        secretKey=platform["test_secret_key"],
        connectedAccount=connected["id"],
        reverseTransfer=True,
        refundApplicationFee=True,
    )
    assert (status, envelope["data"]["accountId"]) == (200, connected["id"])
    created = int(world.clock.now().timestamp())
    sold = {"amount": 5000, "currency": "usd", "created": created}
    charge = world.stripe("POST", "/_sandbox/charges", sold, connected["test_secret_key"])

    opened = world.refund(charge["id"])
    world.execute(opened["id"])

    (asked,) = [
        row for row in world.stripe("GET", "/_sandbox/requests?operation=refunds.create")["data"]
        if row["params"].get("charge") == charge["id"]
    ]  # fmt: skip
    assert asked["account"] == connected["id"]
    assert (asked["params"]["reverse_transfer"], asked["params"]["refund_application_fee"]) == ("true", "true")


@pytest.mark.parametrize(
    "body",
    [{}, {"secretKey": "short"}, {"secretKey": "sk_test_1234 678"}, {"secretKey": 1}, {"secretKey": "x" * 256},
     {"secretKey": "sk_test_12345678", "connectedAccount": "../x"}, {"secretKey": "sk_test_12345678", "extra": 1},
     {"secretKey": "sk_test_12345678", "reverseTransfer": "yes"}],
)  # fmt: skip
def test_malformed_credentials_are_400_without_a_call(world: World, body: dict[str, Any]) -> None:
    before = len(world.stripe("GET", "/_sandbox/requests")["data"])

    assert world.call("PUT", PATH, body)[1]["error"]["code"] == "validation_error"

    assert len(world.stripe("GET", "/_sandbox/requests")["data"]) == before


def test_connecting_and_disconnecting_are_audited_without_secrets(world: World) -> None:
    put(world)
    world.call("DELETE", PATH)

    items = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]
    audited = [item for item in items if "AUDIT" in item["sk"]["S"] or "AUDIT" in item["pk"]["S"]]

    assert len(audited) >= 3
    assert world.sandbox.test_key not in json.dumps(audited, default=repr)
