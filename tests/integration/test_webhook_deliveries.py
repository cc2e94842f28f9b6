"""From a refund to its receiver and back: what is sent, what came of it, and how it is sent again, on moto.

Stream, bus, queues and workers are the real handlers; receivers are real servers on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import standardwebhooks.webhooks
from jsonschema import Draft202012Validator
from refundkit.contracts.events import event_schema
from refundkit.webhook_signature import verify
from refundkit_core.application import dispatch_event
from refundkit_core.domain.times import parse_iso

from tests.integration.conftest import World
from tests.integration.people import BOT, People
from tests.integration.webhook_world import ENDPOINTS, NOWHERE, Webhooks
from tests.support.webhook_receiver import WebhookReceiver, close_before_status, status

READ = ["webhooks:read"]


@pytest.fixture
def webhooks(world: World) -> Webhooks:
    return Webhooks(world).wired()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def refused(webhooks: Webhooks, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, str, list[str]]:
    """Status, code and the fields that details name, of a call that must be refused."""
    got, envelope, _ = webhooks.world.call(method, path, body, **options)
    assert envelope["data"] is None, envelope
    return got, envelope["error"]["code"], [each["field"] for each in envelope["error"].get("details", ())]


def refund(webhooks: Webhooks) -> str:
    """A refund is opened, and told to whom it concerns; its id."""
    opened = webhooks.world.refund(webhooks.world.charge()["id"])
    webhooks.flow()
    return str(opened["id"])


def told(receiver: WebhookReceiver, path: str = "/hooks") -> list[dict[str, Any]]:
    """The bodies that came to a path."""
    return [json.loads(request.body) for request in receiver.requests if request.path == path]


# ---------------------------------------------------------------- there


def test_a_refund_is_told_step_by_step_signed_for_two_kinds_of_receivers(
    webhooks: Webhooks, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = webhooks.world

    class Standing(datetime):
        """The library's clock, which can be given none: the world's."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return world.clock.now().astimezone(tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Standing)
    made = webhooks.endpoint(receiver.url("/hooks?of=shop"), "refund.*")
    webhooks.endpoint(receiver.url("/policies"), "policy.*")
    opened = refund(webhooks)
    world.execute(opened)
    webhooks.flow()

    requests = receiver.requests
    bodies = [json.loads(request.body) for request in requests]
    assert {request.path for request in requests} == {"/hooks?of=shop"}
    assert sorted(body["type"] for body in bodies) == ["refund.completed", "refund.initiated", "refund.processing"]
    timeline = world.call("GET", f"/v1/refunds/{opened}/events")[1]["data"]
    assert {body["id"]: body["data"] for body in bodies} == {each["id"]: each["details"] for each in timeline}
    for request, body in zip(requests, bodies, strict=True):
        assert verify(request.body, request.headers, made["secret"], now=world.clock.now()).event_id == body["id"]
        library = standardwebhooks.webhooks.Webhook(made["secret"])
        assert library.verify(request.body, dict(request.headers)) == body
        assert webhooks.asks("GET", f"/v1/events/{body['id']}") == body
        schema = event_schema(body["apiVersion"], body["type"])
        assert list(Draft202012Validator(schema).iter_errors(body)) == []
        assert request.headers["content-type"] == "application/json"
        assert "x-refundkit-sample" not in request.headers
    listed = webhooks.deliveries(made)
    assert {each["eventId"] for each in listed} == {body["id"] for body in bodies}
    assert {each["status"] for each in listed} == {"delivered"}


def test_an_event_that_comes_twice_is_one_delivery_and_a_letter_that_comes_twice_is_old(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    made = webhooks.endpoint(receiver.url("/hooks"))
    opened = webhooks.told(refund(webhooks))[0]
    assert len(told(receiver)) == 1

    webhooks.dispatch(opened)
    webhooks.dispatch(opened)
    webhooks.work()

    assert len(told(receiver)) == 1
    assert len(webhooks.deliveries(made)) == 1


def test_nothing_is_told_across_environments(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    live = webhooks.world.organization.live_key
    webhooks.asks("POST", ENDPOINTS, {"url": receiver.url("/hooks"), "events": ["*"]}, key=live)
    refund(webhooks)

    assert receiver.requests == ()
    assert webhooks.asks("GET", "/v1/events", key=live) == []


# ---------------------------------------------------------------- not there, and then there


def test_what_fails_waits_for_its_next_attempt_and_arrives_under_the_same_id(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers("/hooks", status(503, b"Back in a minute"), close_before_status(), status(204))
    made = webhooks.endpoint(receiver.url("/hooks"))
    refund(webhooks)

    (waits,) = webhooks.deliveries(made)
    (attempt,) = waits["attempts"]
    assert (waits["status"], waits["failedBecause"]) == ("pending", None)
    assert (attempt["statusCode"], attempt["error"], attempt["responseBody"]) == (503, None, "Back in a minute")
    wait = parse_iso(waits["nextAttemptAt"]) - parse_iso(attempt["at"])
    assert timedelta(seconds=5) <= wait < timedelta(seconds=7)
    assert webhooks.asks("GET", webhooks.of(made))["failingSince"] == "2026-11-20T12:00:00.000Z"

    webhooks.later(minutes=1)
    (waits,) = webhooks.deliveries(made, "?status=pending")
    assert [each["error"] for each in waits["attempts"]] == [None, "closed_early"]
    wait = parse_iso(waits["nextAttemptAt"]) - parse_iso(waits["attempts"][1]["at"])
    assert timedelta(minutes=5) <= wait < timedelta(minutes=6)

    webhooks.later(minutes=7)
    (arrived,) = webhooks.deliveries(made)
    assert (arrived["status"], arrived["nextAttemptAt"]) == ("delivered", None)
    assert [each["statusCode"] for each in arrived["attempts"]] == [503, None, 204]
    assert [each["id"] for each in told(receiver)] == [arrived["eventId"]] * 3
    assert webhooks.asks("GET", webhooks.of(made))["failingSince"] is None
    webhooks.later(days=1)
    assert len(receiver.requests) == 3


def test_410_disables_an_endpoint_and_what_it_missed_comes_once_it_is_enabled(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers("/hooks", status(410), status(200))
    made = webhooks.endpoint(receiver.url("/hooks"), "refund.*")
    other = webhooks.endpoint(receiver.url("/others"), "webhook.disabled")
    refund(webhooks)

    off = webhooks.asks("GET", webhooks.of(made))
    assert (off["status"], off["disabledBecause"]) == ("disabled", "gone")
    (gone,) = webhooks.deliveries(made)
    assert (gone["status"], gone["failedBecause"]) == ("failed", "gone")
    assert ("webhooks disable", made["id"]) in webhooks.commands()
    webhooks.flow()
    (event,) = told(receiver, "/others")
    assert event["type"] == "webhook.disabled"
    assert event["data"] == {
        "endpointId": made["id"],
        "reason": "gone",
        "failingSince": "2026-11-20T12:00:00.000Z",
    }
    assert [each["type"] for each in webhooks.asks("GET", "/v1/events?type=webhook.disabled")] == ["webhook.disabled"]

    refund(webhooks)
    assert len(told(receiver)) == 1
    assert [each["id"] for each in webhooks.deliveries(made)] == [gone["id"]]  # nothing was even tried

    webhooks.asks("POST", webhooks.of(made, "/enable"))
    since = {"since": "2026-11-20T00:00:00Z"}
    webhooks.asks("POST", webhooks.of(made, "/replay-missing"), since)
    webhooks.work()
    assert len(told(receiver)) == 2
    webhooks.asks("POST", webhooks.of(made, "/recover"), since)
    webhooks.work()
    assert len(told(receiver)) == 3
    assert {each["status"] for each in webhooks.deliveries(made)} == {"delivered"}
    assert len(webhooks.deliveries(other)) == 1


def test_what_was_under_way_when_an_endpoint_was_disabled_fails_and_says_so(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers("/hooks", status(500))
    made = webhooks.endpoint(receiver.url("/hooks"))
    refund(webhooks)
    webhooks.asks("POST", webhooks.of(made, "/disable"))
    webhooks.later(minutes=1)

    (dropped,) = webhooks.deliveries(made)
    assert (dropped["status"], dropped["failedBecause"]) == ("failed", "endpoint_disabled")
    assert len(receiver.requests) == 1


def test_five_days_of_failure_disable_an_endpoint(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    receiver.answers("/hooks", status(500))
    made = webhooks.endpoint(receiver.url("/hooks"), "refund.*")
    refund(webhooks)
    webhooks.world.clock.advance(days=4, hours=23)
    refund(webhooks)
    assert webhooks.asks("GET", webhooks.of(made))["status"] == "enabled"

    webhooks.later(hours=1)
    off = webhooks.asks("GET", webhooks.of(made))
    assert (off["status"], off["disabledBecause"]) == ("disabled", "failing")
    assert off["failingSince"] == "2026-11-20T12:00:00.000Z"


def test_a_receiver_that_is_none_is_an_attempt_without_a_status(webhooks: Webhooks) -> None:
    made = webhooks.endpoint(NOWHERE)
    refund(webhooks)

    (waits,) = webhooks.deliveries(made)
    (attempt,) = waits["attempts"]
    assert (attempt["statusCode"], attempt["error"], attempt["responseBody"]) == (None, "connect_failed", "")


def test_after_ten_attempts_within_four_days_it_is_over(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    receiver.answers("/hooks", status(500))
    made = webhooks.endpoint(receiver.url("/hooks"))
    refund(webhooks)
    webhooks.later(minutes=1)
    for _ in range(8):
        (waits,) = webhooks.deliveries(made)
        left = parse_iso(waits["nextAttemptAt"]) - webhooks.world.clock.now()
        webhooks.later(seconds=left.total_seconds() + 31)

    (over,) = webhooks.deliveries(made)
    assert (over["status"], over["failedBecause"], over["nextAttemptAt"]) == ("failed", "exhausted", None)
    assert len(over["attempts"]) == len(receiver.requests) == 10
    assert webhooks.world.clock.now() - parse_iso(over["createdAt"]) < timedelta(days=4)


# ---------------------------------------------------------------- looked at


def test_deliveries_are_listed_newest_first_by_filters_and_page_by_page(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers("/hooks", status(200), status(200), status(500))
    made, other = webhooks.endpoint(receiver.url("/hooks")), webhooks.endpoint(receiver.url("/others"), "policy.*")
    for _ in range(4):
        webhooks.world.clock.advance(minutes=1)
        refund(webhooks)
    listed = webhooks.deliveries(made)

    assert [each["createdAt"] for each in listed] == [f"2026-11-20T12:0{minute}:00.000Z" for minute in (4, 3, 2, 1)]
    assert webhooks.deliveries(made, "?status=delivered") == listed[2:]
    assert webhooks.deliveries(made, "?status=pending&type=refund.initiated") == listed[:2]
    assert webhooks.deliveries(made, "?type=refund.completed") == []
    assert webhooks.deliveries(other) == []
    begin = webhooks.of(made, "/deliveries?limit=3")
    first = webhooks.world.call("GET", begin)[1]
    cursor = first["pagination"]["nextCursor"]
    second = webhooks.world.call("GET", f"{begin}&cursor={cursor}")[1]
    assert first["data"] + second["data"] == listed
    assert second["pagination"]["nextCursor"] is None
    for foreign in (webhooks.of(other, "/deliveries?"), webhooks.of(made, "/deliveries?status=failed&")):
        assert refused(webhooks, "GET", f"{foreign}limit=3&cursor={cursor}")[:2] == (400, "validation_error")
    for wrong in ("?status=lost", "?type=refund.paid", "?since=1"):
        assert refused(webhooks, "GET", webhooks.of(made, f"/deliveries{wrong}"))[:2] == (400, "validation_error")


def test_what_receivers_answered_is_shown_to_owners_only(
    world: World, webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    people = People(world)
    receiver.answers("/hooks", status(500, b"Traceback of the shop"))
    made = webhooks.endpoint(receiver.url("/hooks"), "refund.*")
    refund(webhooks)
    (one,) = webhooks.deliveries(made)
    assert one["attempts"][0]["responseBody"] == "Traceback of the shop"

    keys = [people.join(role, scopes=READ).key for role in ("admin", "approver", "member")]
    keys.append(people.key_for(BOT, READ))
    for key in keys:
        world.clock.advance(minutes=1)
        for shown in (webhooks.deliveries(made, key=key)[0], webhooks.asks("GET", delivery_path(made, one), key=key)):
            assert shown == {**one, "attempts": [{**one["attempts"][0], "responseBody": None}]}


def delivery_path(endpoint: dict[str, Any], delivery: dict[str, Any], action: str = "") -> str:
    return f"{ENDPOINTS}/{endpoint['id']}/deliveries/{delivery['id']}{action}"


def test_a_delivery_is_found_under_its_own_endpoint_only(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    made, other = webhooks.endpoint(receiver.url("/hooks")), webhooks.endpoint(receiver.url("/others"))
    refund(webhooks)
    (one,) = webhooks.deliveries(made)

    assert webhooks.asks("GET", delivery_path(made, one)) == one
    for path in (
        delivery_path(other, one),
        delivery_path(made, {"id": one["eventId"]}),
        delivery_path(made, {"id": "x"}),
    ):
        assert refused(webhooks, "GET", path)[:2] == (404, "not_found")
        assert refused(webhooks, "POST", f"{path}/retry")[:2] == (404, "not_found")


# ---------------------------------------------------------------- again


def test_one_that_arrived_is_sent_again_under_the_same_event_id(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    receiver.answers("/hooks", status(200, b"taken"))
    made = webhooks.endpoint(receiver.url("/hooks"))
    refund(webhooks)
    (one,) = webhooks.deliveries(made)
    webhooks.world.clock.advance(minutes=5)

    again = webhooks.asks("POST", delivery_path(made, one, "/retry"))
    assert (again["id"], again["status"], again["nextAttemptAt"]) == (one["id"], "pending", "2026-11-20T12:05:00.000Z")
    webhooks.work()

    after = webhooks.asks("GET", delivery_path(made, one))
    assert after["status"] == "delivered"
    assert [each["responseBody"] for each in after["attempts"]] == ["", "taken"]
    assert [each["id"] for each in told(receiver)] == [one["eventId"]] * 2
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_one_that_failed_has_all_its_attempts_before_it(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    receiver.answers("/hooks", status(500), status(500), status(200))
    made = webhooks.endpoint(receiver.url("/hooks"))
    refund(webhooks)
    (one,) = webhooks.deliveries(made)
    webhooks.asks("POST", delivery_path(made, one, "/retry"))
    webhooks.work()

    (waits,) = webhooks.deliveries(made)
    assert (waits["status"], len(waits["attempts"])) == ("pending", 2)
    wait = parse_iso(waits["nextAttemptAt"]) - parse_iso(waits["attempts"][-1]["at"])
    assert wait < timedelta(seconds=7)  # the wait after a first attempt
    webhooks.asks("POST", webhooks.of(made, "/disable"))
    assert refused(webhooks, "POST", delivery_path(made, one, "/retry"))[:2] == (409, "webhook_endpoint_disabled")


def test_all_that_failed_since_a_time_is_sent_again_page_by_page(
    webhooks: Webhooks, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch_event, "PAGE", 2)
    receiver.answers("/hooks", status(200), status(500))
    made = webhooks.endpoint(receiver.url("/hooks"))
    for _ in range(7):
        webhooks.world.clock.advance(minutes=1)
        refund(webhooks)
    assert len(webhooks.deliveries(made, "?status=pending")) == 6
    receiver.answers("/hooks", status(200))

    begun = webhooks.asks("POST", webhooks.of(made, "/recover"), {"since": "2026-11-20T12:03:00Z"})
    assert begun == {"endpointId": made["id"], "since": "2026-11-20T12:03:00.000Z", "status": "started"}
    before = len(receiver.requests)
    webhooks.work()

    assert len(receiver.requests) == before + 5
    (left,) = webhooks.deliveries(made, "?status=pending")
    assert left["createdAt"] == "2026-11-20T12:02:00.000Z"
    assert len(webhooks.deliveries(made, "?status=delivered")) == 6


def test_what_was_never_tried_is_sent_also_from_before_the_endpoint_was_made(
    webhooks: Webhooks, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch_event, "PAGE", 2)
    opened = []
    for _ in range(5):
        webhooks.world.clock.advance(minutes=1)
        opened.append(refund(webhooks))
    made = webhooks.endpoint(receiver.url("/hooks"), "refund.initiated")
    webhooks.world.clock.advance(minutes=1)
    opened.append(refund(webhooks))
    webhooks.world.call("POST", f"/v1/refunds/{opened[5]}/cancel")
    webhooks.flow()
    assert len(told(receiver)) == 1

    for _ in range(2):
        webhooks.asks("POST", webhooks.of(made, "/replay-missing"), {"since": "2026-11-20T12:02:00Z"})
        webhooks.work()

    assert sorted(each["data"]["refundId"] for each in told(receiver)) == sorted(opened[1:])
    assert {each["type"] for each in told(receiver)} == {"refund.initiated"}
    assert {each["status"] for each in webhooks.deliveries(made)} == {"delivered"}


@pytest.mark.parametrize("action", ["/recover", "/replay-missing"])
def test_nothing_is_brought_back_from_the_future_or_from_before_the_last_thirty_days(
    webhooks: Webhooks, action: str
) -> None:
    made = webhooks.endpoint()

    for since in ("2026-11-20T12:00:01Z", "2026-10-21T11:59:59Z"):
        answer = refused(webhooks, "POST", webhooks.of(made, action), {"since": since})
        assert answer == (400, "validation_error", ["since"])
    for wrong in ({}, {"since": "yesterday"}, {"since": None}):
        assert refused(webhooks, "POST", webhooks.of(made, action), wrong)[:2] == (400, "validation_error")
    for since in ("2026-11-20T12:00:00Z", "2026-10-21T12:00:00Z"):
        webhooks.asks("POST", webhooks.of(made, action), {"since": since})
