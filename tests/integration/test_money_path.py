"""Money through the real handlers: refusals, replays, faults at Stripe, webhooks and the stream."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
import stripe
from refundkit_core.adapters.dynamodb.brakes import DynamoThrottle
from refundkit_core.domain.errors import Invalid

from tests.integration.conftest import World
from tests.support.functions import function_module


def post(world: World, transaction_id: str, amount: int = 2000, **options: Any) -> tuple[int, dict[str, Any], Any]:
    body = {"transactionId": transaction_id, "amount": amount, "reason": "product_defective", **options.pop("more", {})}
    return world.call("POST", "/v1/refunds", body, **options)


def webhook(world: World, event: dict[str, Any], secret: str | None = None, **options: Any) -> Any:
    body = json.dumps(event)
    sent_at = int(world.clock.now().timestamp()) + options.get("skew_s", 0)
    signed = f"{sent_at}.{body}".encode()
    digest = hmac.new((secret or world.connection.webhook_secret).encode(), signed, hashlib.sha256).hexdigest()
    path = f"/v1/processors/stripe/webhook/{options.get('connection_id', world.connection.connection_id)}"
    headers = {"stripe-signature": options.get("signature", f"t={sent_at},v1={digest}")}
    return world.call("POST", path, body, key=None, headers=headers)


def refund_event(charge_id: str, kind: str = "refund.updated", livemode: bool = False) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "livemode": livemode,
        "data": {"object": {"id": "re_1", "object": "refund", "charge": charge_id}},
    }


def deliver_news(world: World) -> list[Any]:
    """Hand every queued piece of news to its worker; returns what came back."""
    sqs, queue = boto3.client("sqs"), world.container.settings.processor_events_queue_url
    answers = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            answers.append(function_module("processor_events").handler({"Records": [record]}, None))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return answers


def test_the_same_idempotency_key_replays_and_another_body_is_409(world: World) -> None:
    charge, headers = world.charge()["id"], {"Idempotency-Key": "order-7"}

    first = post(world, charge, headers=headers)
    again = post(world, charge, headers=headers)
    other = post(world, charge, 1999, headers=headers)

    assert (first[0], again[0], other[0]) == (201, 201, 409)
    assert again[1] == first[1]
    assert "idempotent-replayed" not in first[2]
    assert again[2]["idempotent-replayed"] == "true"
    assert other[1]["error"]["code"] == "idempotency_key_reused"


def test_a_twin_by_the_payment_intent_names_the_first_by_the_charge(world: World) -> None:
    charge = world.charge(payment_intent=True)

    first = post(world, charge["id"])
    twin = post(world, charge["payment_intent"])

    assert (first[0], twin[0]) == (201, 409)
    assert twin[1]["error"]["details"] == [{"field": "refundId", "message": first[1]["data"]["id"]}]


@pytest.mark.parametrize(
    ("charge", "asked", "status", "code"),
    [
        ({"disputed": "needs_response"}, {}, 409, "transaction_disputed"),
        ({"disputed": "lost"}, {}, 409, "transaction_disputed"),
        ({"disputed": "warning_needs_response"}, {"onReview": "reject"}, 422, "approval_required"),
        ({"disputed": "won"}, {}, 201, None),
        ({"captured": False}, {}, 422, "policy_violation"),
        ({"age_days": 29}, {}, 201, None),
        ({"age_days": 31}, {}, 422, "return_window_expired"),
        ({}, {"currency": "eur"}, 422, "currency_mismatch"),
        ({"currency": "jpy"}, {"currency": "jpy"}, 201, None),
        ({"currency": "kwd"}, {}, 201, None),
        ({}, {"amount": 5001}, 422, "amount_exceeds_refundable"),
        ({}, {"processor": "square"}, 422, "processor_not_connected"),
    ],
)
def test_what_stripe_says_of_a_charge_decides(
    world: World, charge: dict[str, Any], asked: dict[str, Any], status: int, code: str | None
) -> None:
    if "age_days" in charge:
        created = int(world.clock.now().timestamp()) - charge.pop("age_days") * 86_400
        made = world.charge(**charge, created=created)
    else:
        made = world.charge(**charge)

    answered, envelope, _ = post(world, made["id"], asked.pop("amount", 2000), more=asked)

    assert (answered, envelope["error"] and envelope["error"]["code"]) == (status, code)


def test_an_unknown_transaction_is_404_and_an_environment_without_a_connection_422(world: World) -> None:
    assert post(world, "ch_unknown")[1]["error"]["code"] == "not_found"
    assert post(world, "txn_abc123")[1]["error"]["code"] == "not_found"
    answer = post(world, world.charge()["id"], key=world.organization.live_key)
    assert (answer[0], answer[1]["error"]["code"]) == (422, "processor_not_connected")


def test_a_refund_made_in_stripes_dashboard_counts(world: World) -> None:
    charge = world.charge(payment_intent=False)
    request = {"charge": charge["id"], "amount": "4500"}
    client = stripe.StripeClient(world.sandbox.test_key, base_addresses={"api": world.sandbox.url})
    client.v1.refunds.create({"charge": request["charge"], "amount": 4500})

    status, envelope, _ = post(world, charge["id"], 501)

    assert (status, envelope["error"]["code"]) == (422, "amount_exceeds_refundable")
    assert envelope["error"]["details"][0] == {"field": "remaining", "message": "500"}


def test_an_outage_while_looking_up_is_502_and_holds_nothing(world: World) -> None:
    charge = world.charge()["id"]
    world.stripe("POST", "/_sandbox/faults", {"operation": "charges.retrieve", "kind": "status_500", "times": 1})

    status, envelope, _ = post(world, charge)

    assert (status, envelope["error"]["code"]) == (502, "processor_error")
    assert post(world, charge)[0] == 201


@pytest.mark.parametrize(
    "kind",
    [
        "drop_before",
        "drop_after",
        "status_500",
        "status_500_after",
        "status_429",
        "status_401",
        "status_409_in_use",
        "status_503",
    ],
)
def test_whatever_stripe_answers_the_refund_is_paid_once(world: World, kind: str) -> None:
    opened = world.refund(world.charge()["id"])
    world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": kind, "times": 1})

    assert world.execute(opened["id"]) == {"batchItemFailures": []}

    unknown = world.shown(opened["id"])
    assert (unknown["status"], unknown["statusDetail"]) == ("processing", "outcome_unknown")
    if kind == "status_401":
        world.reconnect()
    world.sweep_and_work(minutes=2)
    paid = world.paid_at_stripe(opened["id"])
    shown = world.shown(opened["id"])
    if kind == "status_500":
        assert paid == []  # Stripe replays the 500 that it saved for this key, for 24 hours
        assert shown["statusDetail"] == "outcome_unknown"
    else:
        assert (shown["status"], [row["id"] for row in paid]) == ("completed", [shown["externalRefundId"]])


def test_a_refund_that_stripe_answers_with_500_for_ever_ends_with_a_person(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": "status_500", "times": 1})
    world.execute(opened["id"])

    for _ in range(30):
        world.sweep_and_work(minutes=60)

    shown = world.shown(opened["id"])
    assert (shown["status"], shown["statusDetail"]) == ("processing", "needs_review")
    assert world.paid_at_stripe(opened["id"]) == []


def test_a_refund_that_stripe_refuses_for_good_fails_and_frees_its_money(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge)
    world.stripe("POST", f"/_sandbox/charges/{charge}/dispute", {"status": "needs_response"})

    world.execute(opened["id"])

    shown = world.shown(opened["id"])
    assert (shown["status"], shown["statusDetail"]) == ("failed", "transaction_disputed")
    assert world.paid_at_stripe(opened["id"]) == []


def test_a_pending_refund_finishes_through_the_webhook_and_duplicates_change_nothing(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge)
    world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": "refund_pending", "times": 1})
    world.execute(opened["id"])
    external = world.shown(opened["id"])["externalRefundId"]
    world.stripe("POST", f"/_sandbox/refunds/{external}", {"status": "succeeded"})

    answers = [webhook(world, refund_event(charge))[:2] for _ in range(2)]

    assert answers == [(200, {"data": {"received": True}, "error": None})] * 2
    assert deliver_news(world) == [{"batchItemFailures": []}] * 2
    assert world.shown(opened["id"])["status"] == "completed"
    _, timeline, _ = world.call("GET", f"/v1/refunds/{opened['id']}/events")
    assert [event["eventType"] for event in timeline["data"]].count("refund.completed") == 1


def test_a_late_failure_through_the_webhook_frees_the_money(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge, amount=5000)
    world.execute(opened["id"])
    external = world.shown(opened["id"])["externalRefundId"]
    world.stripe("POST", f"/_sandbox/refunds/{external}", {"status": "failed", "failure_reason": "declined"})

    webhook(world, refund_event(charge, "refund.failed"))
    deliver_news(world)

    shown = world.shown(opened["id"])
    assert (shown["status"], shown["statusDetail"]) == ("failed", "declined")
    assert post(world, charge, 5000)[0] == 201


def test_news_of_a_charge_that_the_account_has_not_is_taken_and_changes_nothing(world: World) -> None:
    assert webhook(world, refund_event("ch_unknown"))[0] == 200
    assert deliver_news(world) == [{"batchItemFailures": []}]


@pytest.mark.parametrize(
    "options",
    [
        {"secret": "whsec_wrong"},
        {"skew_s": -301},
        {"skew_s": 301},
        {"signature": ""},
        {"signature": "t=1,v1=é"},
        {"signature": "t=1e9,v1=00"},
        {"signature": "v1=00"},
    ],
)
def test_a_webhook_that_nobody_signed_is_400_and_queues_nothing(world: World, options: dict[str, Any]) -> None:
    status, envelope, _ = webhook(world, refund_event("ch_1"), **options)

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert deliver_news(world) == []


@pytest.mark.parametrize("skew_s", [-300, 300])
def test_a_signature_within_the_tolerance_is_taken(world: World, skew_s: int) -> None:
    assert webhook(world, refund_event("ch_1"), skew_s=skew_s)[0] == 200


def test_news_of_the_other_mode_or_of_other_things_is_acknowledged_and_not_queued(world: World) -> None:
    assert webhook(world, refund_event("ch_1", livemode=True))[0] == 200
    assert webhook(world, refund_event("ch_1", "customer.created"))[0] == 200
    assert deliver_news(world) == []


@pytest.mark.parametrize("connection_id", ["con_00000000000000000000000000", "x", "con_"])
def test_an_unknown_connection_is_404(world: World, connection_id: str) -> None:
    assert webhook(world, refund_event("ch_1"), connection_id=connection_id)[0] == 404


def test_a_signed_body_that_is_no_event_is_400(world: World) -> None:
    assert webhook(world, {"hello": "world"})[0] == 400


def stream_record(item: dict[str, Any]) -> dict[str, Any]:
    keys = {"pk": item["pk"], "sk": item["sk"]}
    return {"eventID": "1", "eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": item, "SequenceNumber": "1"}}


def test_stored_events_leave_for_the_bus_and_an_unreadable_one_is_parked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = world.refund(world.charge()["id"])
    items = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]
    (event,) = [item for item in items if item["sk"]["S"].startswith("EVENT#")]
    poison = {"pk": event["pk"], "sk": {"S": "EVENT#000009"}}
    sent: list[Any] = []
    bus = world.container.client("events")
    put_events = bus.put_events

    def noted(**call: Any) -> Any:
        sent.extend(call["Entries"])
        return put_events(**call)

    monkeypatch.setattr(bus, "put_events", noted)

    answer = function_module("publish_events").handler({"Records": [stream_record(poison), stream_record(event)]}, None)

    assert answer == {"batchItemFailures": []}
    (entry,) = sent
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == (
        "refundkit",
        "refund.initiated",
        "refundkit",
    )
    detail = json.loads(entry["Detail"])
    assert detail["data"] == {
        "refundId": opened["id"],
        "transactionId": opened["transactionId"],
        "amount": 2000,
        "currency": "usd",
        "processor": "stripe",
        "externalRefundId": None,
        "status": "pending",
        "statusDetail": None,
        "reason": "product_defective",
    }
    assert {name: detail[name] for name in ("type", "organizationId", "environment")} == {
        "type": "refund.initiated",
        "organizationId": world.tenant.org_id,
        "environment": "test",
    }
    queue = world.container.settings.parked_events_queue_url
    (parked,) = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(parked["Body"]) == {"unreadable": f"{event['pk']['S']} EVENT#000009"}


def test_an_event_that_the_bus_refuses_twice_is_parked_and_the_others_leave(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = world.refund(world.charge()["id"])
    world.execute(opened["id"])
    items = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]
    events = sorted((item for item in items if item["sk"]["S"].startswith("EVENT#")), key=lambda item: item["sk"]["S"])
    calls: list[list[str]] = []

    def put_events(Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - the client's own name
        calls.append([entry["DetailType"] for entry in Entries])
        refused = {"refund.processing"}
        return {
            "Entries": [{"ErrorCode": "x"} if entry["DetailType"] in refused else {"EventId": "1"} for entry in Entries]
        }

    monkeypatch.setattr(world.container.client("events"), "put_events", put_events)

    function_module("publish_events").handler({"Records": [stream_record(item) for item in events]}, None)

    assert calls == [["refund.initiated", "refund.processing", "refund.completed"], ["refund.processing"]]
    queue = world.container.settings.parked_events_queue_url
    (parked,) = boto3.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(parked["Body"])["type"] == "refund.processing"


def test_a_key_of_the_other_mode_connects_nothing(world: World) -> None:
    with pytest.raises(Invalid):
        world.container.provision.connect(
            world.organization.org_id, "live", "stripe", world.sandbox.test_key, "http://127.0.0.1:9/api"
        )
    with pytest.raises(Invalid):
        world.container.provision.connect(
            world.organization.org_id, "test", "stripe", "sk_test_unknown", "http://127.0.0.1:9/api"
        )


def test_credentials_are_stored_as_ciphertext_only(world: World) -> None:
    items = json.dumps(boto3.client("dynamodb").scan(TableName="refundkit")["Items"], default=repr)

    for secret in (world.sandbox.test_key, world.connection.webhook_secret, world.organization.test_key):
        assert secret not in items


def test_a_refund_made_in_the_dashboard_becomes_ours_through_the_webhook(world: World) -> None:
    charge = world.charge()["id"]
    client = stripe.StripeClient(world.sandbox.test_key, base_addresses={"api": world.sandbox.url})
    made = client.v1.refunds.create({"charge": charge, "amount": 1200})

    for _ in range(2):
        webhook(world, refund_event(charge, "refund.created"))
    deliver_news(world)

    (adopted,) = world.call("GET", "/v1/refunds")[1]["data"]
    assert {name: adopted[name] for name in ("externalRefundId", "amount", "status", "initiatedBy")} == {
        "externalRefundId": made.id,
        "amount": 1200,
        "status": "completed",
        "initiatedBy": "processor",
    }
    assert post(world, charge, 3801)[1]["error"]["code"] == "amount_exceeds_refundable"
    assert post(world, charge, 3800)[0] == 201


def test_a_dispute_stops_a_refund_that_was_not_handed_over_and_a_won_one_unblocks(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge)
    dispute = world.stripe("POST", f"/_sandbox/charges/{charge}/dispute", {"status": "needs_response"})
    event = {**refund_event(charge), "type": "charge.dispute.created"}
    event["data"] = {"object": {"id": dispute["id"], "object": "dispute", "charge": charge}}
    webhook(world, event)
    deliver_news(world)

    world.execute(opened["id"])

    assert world.shown(opened["id"])["statusDetail"] == "transaction_disputed"
    assert world.paid_at_stripe(opened["id"]) == []
    world.stripe("POST", f"/_sandbox/disputes/{dispute['id']}", {"status": "won"})
    webhook(world, event)
    deliver_news(world)
    assert post(world, charge)[0] == 201


def test_an_early_fraud_warning_is_recorded(world: World) -> None:
    charge = world.charge()["id"]
    warning = world.stripe("POST", f"/_sandbox/charges/{charge}/early_fraud_warning", {"fraud_type": "misc"})
    event = {**refund_event(charge), "type": "radar.early_fraud_warning.created"}
    event["data"] = {"object": warning}

    webhook(world, event)
    deliver_news(world)

    items = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]
    assert [item["fraud_warning"]["S"] for item in items if item["sk"]["S"] == "LEDGER"] == ["misc"]


def test_a_pending_refund_is_cancelled_and_a_paid_one_is_not(world: World) -> None:
    charge = world.charge()["id"]
    opened, paid = world.refund(charge), world.refund(charge, amount=1)
    world.execute(paid["id"])

    answers = [world.call("POST", f"/v1/refunds/{opened['id']}/cancel") for _ in range(2)]
    refused = world.call("POST", f"/v1/refunds/{paid['id']}/cancel")

    assert [(status, envelope["data"]["status"]) for status, envelope, _ in answers] == [(200, "cancelled")] * 2
    assert (refused[0], refused[1]["error"]["code"]) == (409, "refund_not_cancellable")
    world.execute(opened["id"])
    assert world.paid_at_stripe(opened["id"]) == []


def test_a_refund_that_requires_action_is_taken_back(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    fault = {"operation": "refunds.create", "kind": "refund_requires_action", "times": 1}
    world.stripe("POST", "/_sandbox/faults", fault)
    world.execute(opened["id"])
    assert world.shown(opened["id"])["statusDetail"] == "requires_action"

    status, envelope, _ = world.call("POST", f"/v1/refunds/{opened['id']}/cancel")

    assert (status, envelope["data"]["status"]) == (200, "cancelled")


def test_paused_refunds_are_503_and_queued_ones_wait(world: World) -> None:
    charge = world.charge()["id"]
    opened = world.refund(charge, amount=1)
    world.container.switches.set(world.tenant, None, paused=True)

    status, envelope, _ = post(world, charge)
    world.execute(opened["id"])

    assert (status, envelope["error"]["code"]) == (503, "refunds_paused")
    assert world.shown(opened["id"])["status"] == "pending"
    world.container.switches.set(world.tenant, None, paused=False)
    world.sweep_and_work(minutes=5)
    assert world.shown(opened["id"])["status"] == "completed"


def test_the_sixteenth_call_of_a_second_waits_and_other_connections_do_not(world: World) -> None:
    throttle, now = DynamoThrottle(world.container.table), world.clock.now()

    waits = [throttle.wait_s("con_1", now) for _ in range(17)]

    assert waits[:15] == [0] * 15
    assert all(wait > 0 for wait in waits[15:])
    assert throttle.wait_s("con_2", now) == 0
    throttle.rest("con_1", now + timedelta(seconds=10))
    assert throttle.wait_s("con_1", now) == 10
    assert throttle.wait_s("con_2", now) == 0
    throttle.rest("con_1", now)
    world.clock.advance(seconds=1)
    assert throttle.wait_s("con_1", world.clock.now()) == 0


def test_expired_credentials_mark_the_connection_and_newer_ones_stay_as_they_are(world: World) -> None:
    stored = world.container.connections.of(world.tenant, "stripe")
    assert stored is not None
    world.container.connections.mark(stored, "error", world.clock.now())
    marked = world.container.connections.of(world.tenant, "stripe")
    assert marked is not None
    assert marked.status == "error"

    world.reconnect()
    world.container.connections.mark(stored, "error", world.clock.now())
    world.clock.advance(minutes=6)

    renewed = world.container.connections.of(world.tenant, "stripe")
    assert renewed is not None
    assert renewed.status == "active"
