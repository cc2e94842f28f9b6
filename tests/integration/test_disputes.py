"""``/v1/disputes``: document 002's answer with its explanation, kept and told of; and what it does not do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pytest
from refundkit_core.adapters.dynamodb.refund_items import event_of
from refundkit_core.adapters.dynamodb.table import decode
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.times import iso

from tests.integration.conftest import World

UNKNOWN = ["refund_ratio"]
"""Of customers whose orders nobody told us."""


def risk(world: World, transaction_id: str, **fields: Any) -> dict[str, Any]:
    status, envelope, _ = world.call("POST", "/v1/disputes/risk", {"transactionId": transaction_id, **fields})
    assert (status, envelope["error"]) == (201, None), envelope
    found: dict[str, Any] = envelope["data"]
    return found


def register(world: World, transaction_id: str, **body: Any) -> None:
    status, envelope, _ = world.call("PUT", f"/v1/transactions/{transaction_id}", body)
    assert status == 200, envelope


def events(world: World) -> list[Any]:
    items = [decode(item) for item in boto3.client("dynamodb").scan(TableName="refundkit")["Items"]]
    return [event_of(item) for item in items if item["sk"].startswith("EVENT#")]


def test_an_ordinary_charge_is_low_and_its_answer_is_as_documented(world: World) -> None:
    charge = world.charge()

    found = risk(world, charge["id"], customerId="cust_789")

    assert is_id("rsk", found["id"])
    assert found == {
        "id": found["id"],
        "transactionId": charge["id"],
        "riskLevel": "low",
        "score": 15,
        "signals": [
            {
                "type": "amount_anomaly",
                "description": "Refund > 80% of order",
                "weight": 0.2,
                "points": 15,
                "fact": 100,
                "limit": 80,
            }
        ],
        "unknownSignals": [*UNKNOWN, "account_age", "region_mismatch"],
        "recommendation": "auto_approve",
        "preemptiveRefundAdvised": False,
        "createdAt": iso(world.clock.now()),
    }
    assert events(world) == []


def test_a_small_amount_says_nothing_and_one_above_the_charge_is_no_error(world: World) -> None:
    charge = world.charge()

    assert (risk(world, charge["id"], amount=100)["score"], risk(world, charge["id"], amount=9999)["score"]) == (0, 15)


def test_what_a_shop_registered_is_judged_and_a_high_risk_is_told_of(world: World) -> None:
    charge = world.charge(card_country="US", billing_country="US")
    since = iso(world.clock.now() - timedelta(days=3))
    register(
        world,
        charge["id"],
        customer={"id": "cust_789", "since": since},
        delivery={"status": "delivered", "country": "DE"},
        riskScore=80,
        ipCountry="FR",
    )

    found = risk(world, charge["id"], customerId="cust_780", amount=100)

    points = {"account_age": 15, "region_mismatch": 15, "processor_risk": 70, "contradictions": 18}
    assert {signal["type"]: signal["points"] for signal in found["signals"]} == points
    assert (found["score"], found["riskLevel"], found["recommendation"]) == (100, "critical", "deny")
    assert found["unknownSignals"] == UNKNOWN
    (event,) = events(world)
    assert (event.type, event.public, event.subject) == ("dispute.risk_flagged", True, found["id"])
    assert event.payload == {
        "assessmentId": found["id"],
        "transactionId": charge["id"],
        "processor": "stripe",
        "score": 100,
        "riskLevel": "critical",
        "signals": list(points),
    }


def test_an_early_fraud_warning_advises_to_refund_before_the_dispute(world: World) -> None:
    charge = world.charge()
    connection = world.container.connections.of(world.tenant, "stripe")
    assert connection is not None
    processor = world.container.processors.connect(connection)
    world.container.look(connection, processor, charge["id"], "fraudulent_card_application")

    warned = risk(world, charge["id"])

    assert (warned["score"], warned["riskLevel"], warned["preemptiveRefundAdvised"]) == (60, "medium", True)


def test_the_processors_score_counts_as_it_is_at_the_next_look(world: World) -> None:
    assert risk(world, world.charge(risk_score=75)["id"], amount=1)["score"] == 70
    assert "processor_risk" in risk(world, world.charge(risk_score=None)["id"])["unknownSignals"]


def test_an_assessment_is_read_again_as_it_was_whatever_changed_since(world: World) -> None:
    charge = world.charge()
    found = risk(world, charge["id"])
    register(world, charge["id"], riskScore=99)

    assert world.call("GET", f"/v1/disputes/assessments/{found['id']}")[:2] == (200, {"data": found, "error": None})


@pytest.mark.parametrize("name", ["rsk_00000000000000000000000000", "rsk_1", "ref_00000000000000000000000000"])
def test_an_unknown_assessment_is_not_found(world: World, name: str) -> None:
    status, envelope, _ = world.call("GET", f"/v1/disputes/assessments/{name}")
    assert (status, envelope["error"]["code"]) == (404, "not_found")


def test_a_transactions_assessments_are_listed_newest_first_by_any_of_its_names(world: World) -> None:
    charge = world.charge(payment_intent=True)
    made = []
    for number in range(3):
        world.clock.advance(seconds=1)
        made.append(risk(world, charge["payment_intent"], amount=number + 1))
    risk(world, world.charge()["id"])

    for name in (charge["id"], charge["payment_intent"]):
        path = f"/v1/disputes/assessments?transactionId={name}&limit=2"
        status, first, _ = world.call("GET", path)
        assert (status, first["data"]) == (200, made[::-1][:2])
        second = world.call("GET", f"{path}&cursor={first['pagination']['nextCursor']}")[1]
        assert (second["data"], second["pagination"]["nextCursor"]) == (made[:1], None)
    foreign = f"/v1/disputes/assessments?transactionId=ch_other&cursor={first['pagination']['nextCursor']}"
    assert world.call("GET", foreign)[0] == 400


def test_a_list_is_of_one_transaction(world: World) -> None:
    status, envelope, _ = world.call("GET", "/v1/disputes/assessments")
    assert (status, envelope["error"]["details"][0]["field"]) == (400, "transactionId")
    assert world.call("GET", "/v1/disputes/assessments?transactionId=ch_never")[1]["data"] == []


def test_the_same_idempotency_key_assesses_once(world: World) -> None:
    charge, headers = world.charge(), {"idempotency-key": "k-1"}
    body = {"transactionId": charge["id"], "customerId": "cust_789"}

    first = world.call("POST", "/v1/disputes/risk", body, headers=headers)
    world.clock.advance(hours=1)
    again = world.call("POST", "/v1/disputes/risk", body, headers=headers)
    other = world.call("POST", "/v1/disputes/risk", {**body, "amount": 1}, headers=headers)

    assert (again[0], again[1]) == (201, first[1])
    assert ("idempotent-replayed" in first[2], again[2]["idempotent-replayed"]) == (False, "true")
    assert (other[0], other[1]["error"]["code"]) == (409, "idempotency_key_reused")


def test_who_asked_for_a_refund_is_not_kept_and_nothing_is_reserved(world: World) -> None:
    charge = world.charge()
    headers = {"idempotency-key": "k-1"}
    body = {"transactionId": charge["id"], "customerId": "cust_789"}
    world.call("POST", "/v1/disputes/risk", body, headers=headers)

    assert "cust_789" not in str(boto3.client("dynamodb").scan(TableName="refundkit")["Items"])
    assert world.call("GET", f"/v1/transactions/{charge['id']}")[1]["data"]["remaining"] == 5000


@pytest.mark.parametrize(
    "body",
    [{}, {"transactionId": "ch_1", "amount": 0}, {"transactionId": "ch_1", "customerId": ""}, {"transactionId": "#"}],
)
def test_what_is_not_as_documented_is_refused(world: World, body: dict[str, Any]) -> None:
    status, envelope, _ = world.call("POST", "/v1/disputes/risk", body)
    assert (status, envelope["error"]["code"]) == (400, "validation_error")
