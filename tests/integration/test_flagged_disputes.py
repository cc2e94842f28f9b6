"""Stripe's news of a dispute or an early warning, to the flag that it raises: once, however often it is delivered."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from refundkit_core.domain.errors import StoreConflict

from tests.integration.conftest import World
from tests.integration.test_disputes import events
from tests.integration.test_money_path import deliver_news, refund_event, webhook

RISKY = {"risk_score": 75}


def warn(world: World, charge_id: str) -> dict[str, Any]:
    """Stripe's webhook of an early fraud warning that the issuer of the charge's card sent."""
    warning = world.stripe("POST", f"/_sandbox/charges/{charge_id}/early_fraud_warning", {"fraud_type": "misc"})
    kind = {"type": "radar.early_fraud_warning.created", "data": {"object": warning}}
    return {**refund_event(charge_id), **kind}


def dispute(world: World, charge_id: str) -> dict[str, Any]:
    """Stripe's webhook of a dispute."""
    opened = world.stripe("POST", f"/_sandbox/charges/{charge_id}/dispute", {"status": "needs_response"})
    return {**refund_event(charge_id), "type": "charge.dispute.created", "data": {"object": opened}}


def flags(world: World) -> list[dict[str, Any]]:
    return [event.payload for event in events(world) if event.type == "dispute.risk_flagged"]


def listed(world: World, charge_id: str) -> list[dict[str, Any]]:
    status, envelope, _ = world.call("GET", f"/v1/disputes/assessments?transactionId={charge_id}")
    assert status == 200, envelope
    found: list[dict[str, Any]] = envelope["data"]
    return found


def test_a_warning_of_a_risky_charge_is_flagged_once_though_delivered_five_times(world: World) -> None:
    charge = world.charge(**RISKY)["id"]
    event = warn(world, charge)

    for number in range(5):
        webhook(world, {**event, "id": f"evt_{number}"})
        assert deliver_news(world) == [{"batchItemFailures": []}]
        world.clock.advance(minutes=number * 7)

    (flag,) = flags(world)
    (kept,) = listed(world, charge)
    assert (flag["assessmentId"], flag["transactionId"], flag["riskLevel"]) == (kept["id"], charge, "critical")
    assert flag["signals"] == ["amount_anomaly", "fraud_warning", "processor_risk"]


def test_five_deliveries_waiting_together_raise_one_flag(world: World) -> None:
    event = dispute(world, world.charge(**RISKY, customer={"name": "Ada", "email": "ada@example.com"})["id"])

    for _ in range(5):
        webhook(world, event)
    deliver_news(world)

    assert [flag["signals"] for flag in flags(world)] == [["amount_anomaly", "chargebacks", "processor_risk"]]
    assert [each.type for each in events(world) if each.type == "dispute.opened"] == ["dispute.opened"]


def test_an_ordinary_charge_that_is_warned_of_is_assessed_and_not_flagged(world: World) -> None:
    charge = world.charge()["id"]

    webhook(world, warn(world, charge))
    deliver_news(world)

    assert (flags(world), [each["score"] for each in listed(world, charge)]) == ([], [60])


def test_news_whose_flag_could_not_be_kept_comes_back_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = warn(world, world.charge(**RISKY)["id"])
    put = world.container.assessments.put

    def busy(*_: Any) -> None:
        raise StoreConflict("The table is too busy")

    monkeypatch.setattr(world.container.assessments, "put", busy)
    webhook(world, event)
    (answer,) = deliver_news(world)
    assert [failure.keys() for failure in answer["batchItemFailures"]] == [{"itemIdentifier"}]
    assert flags(world) == []

    monkeypatch.setattr(world.container.assessments, "put", put)
    webhook(world, event)
    assert deliver_news(world) == [{"batchItemFailures": []}]
    assert len(flags(world)) == 1


def test_nothing_that_a_flag_tells_or_keeps_names_the_customer(world: World) -> None:
    webhook(world, warn(world, world.charge(**RISKY, customer={"name": "Ada", "email": "ada@example.com"})["id"]))
    deliver_news(world)

    items = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]
    about = [item for item in items if "rsk_" in item["pk"]["S"]]
    assert about
    assert "ada" not in str(about).lower()
    assert "cus_" not in str(about)
