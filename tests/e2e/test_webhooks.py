"""Webhooks on the whole stack: what happens in RefundKit arrives, signed, at a real HTTP server of the merchant's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from refundkit_core.domain.event_types import PUBLIC_EVENTS
from refundkit_core.domain.times import iso, parse_iso

from local.deploy import aws_session
from local.http_json import call
from local.stack import Stack
from tests.e2e.books import Books
from tests.e2e.merchant import eventually, new_merchant
from tests.e2e.subscriber import Subscriber, event_in, faults_of
from tests.e2e.test_approvals import House
from tests.support.webhook_receiver import WebhookReceiver, status

pytestmark = pytest.mark.stack

SLOW = "approval.expired"
"""Takes a minute by nature: a level waits for a whole number of them."""
PROMPT = sorted(set(PUBLIC_EVENTS) - {SLOW})
POLICY = {"name": "Short", "rules": [{"category": "default", "returnWindowDays": 7}]}
SLOWDOWN_S = 1_800
Expected = list[tuple[str, str]]
"""Types of events, and of each what it is about."""


class Shop(House):
    """A merchant with a person who decides, an agent that asks, and an endpoint that takes every event."""

    def __init__(self, stack: Stack, receiver: WebhookReceiver) -> None:
        merchant = new_merchant(stack, "shop")
        Books(stack, merchant).admit(merchant.key, 10_000)
        super().__init__(merchant)
        self.receiver = receiver
        self.all = self.subscribes("/hooks", "*")

    def subscribes(self, path: str, *patterns: str) -> Subscriber:
        return Subscriber(self.merchant, self.receiver, path, patterns)

    def refunds(self, charge: str = "") -> str:
        """A small refund, which nobody has to look at; its id."""
        opened = self.merchant.refund(charge or self.merchant.charge(), 700)
        assert opened.status == 201, opened
        return str(opened.body["data"]["id"])

    def at_stripe(self, path: str, body: Mapping[str, Any]) -> Any:
        headers = {"Authorization": f"Bearer {self.merchant.stripe_key}"}
        answer = call("POST", f"{self.merchant.stripe_url}/_sandbox/{path}", dict(body), headers)
        assert answer.status < 300, answer
        return answer.body

    def publishes(self) -> str:
        """A policy of a merchant of its own, for each merchant has one."""
        policy = self.asks("POST", "/policies", {**POLICY, "merchantId": uuid.uuid4().hex})["id"]
        self.asks("POST", f"/policies/{policy}/publish", {})
        return str(policy)


def a_refund_is_paid(shop: Shop) -> Expected:
    refund = shop.refunds()
    return [(f"refund.{each}", refund) for each in ("initiated", "processing", "completed")]


def a_refund_fails(shop: Shop) -> Expected:
    charge, account = shop.merchant.charge(), shop.merchant.described["stripe_account_id"]
    fault = {"kind": "refund_failed_now", "operation": "refunds.create", "account": account}
    shop.at_stripe("faults", {**fault, "match": {"charge": charge}})
    return [("refund.failed", shop.refunds(charge))]


def a_refund_is_cancelled(shop: Shop) -> Expected:
    refund = shop.waiting()
    shop.asks("POST", f"/refunds/{refund['id']}/cancel")
    return [("approval.pending", refund["approvalId"]), ("refund.cancelled", refund["id"])]


def a_refund_is_rejected(shop: Shop) -> Expected:
    refund = shop.waiting()
    shop.asks("POST", f"/approvals/{refund['approvalId']}/reject", {"reason": "Signed for"})
    return [("approval.decided", refund["approvalId"]), ("refund.rejected", refund["id"])]


def a_refund_is_escalated_and_approved(shop: Shop) -> Expected:
    refund = shop.waiting()
    approval = refund["approvalId"]
    shop.asks("POST", f"/approvals/{approval}/escalate", {"comment": "Over to you"})
    shop.asks("POST", f"/approvals/{approval}/approve", {})
    told = [(f"approval.{each}", approval) for each in ("pending", "escalated", "decided")]
    return [*told, *((f"refund.{each}", refund["id"]) for each in ("initiated", "approved", "processing", "completed"))]


def a_risky_charge_is_disputed_and_won_back(shop: Shop) -> Expected:
    charge = shop.merchant.charge(risk_score=75, customer={"name": "Ada", "email": "ada@example.com"})
    dispute = shop.at_stripe(f"charges/{charge}/dispute", {"status": "needs_response"})
    shop.all.hears("dispute.opened", charge)
    shop.at_stripe(f"disputes/{dispute['id']}", {"status": "won"})
    return [(f"dispute.{each}", charge) for each in ("opened", "risk_flagged", "closed")]


def a_policy_is_published(shop: Shop) -> Expected:
    return [("policy.published", shop.publishes())]


def an_endpoint_is_gone(shop: Shop) -> Expected:
    shop.receiver.answers("/gone", status(410))
    gone = shop.subscribes("/gone", "refund.initiated")
    shop.refunds()
    return [("webhook.disabled", gone.id)]


FLOWS: tuple[Callable[[Shop], Expected], ...] = (
    a_risky_charge_is_disputed_and_won_back,
    an_endpoint_is_gone,
    a_refund_is_paid,
    a_refund_fails,
    a_refund_is_cancelled,
    a_refund_is_rejected,
    a_refund_is_escalated_and_approved,
    a_policy_is_published,
)


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


@pytest.fixture(scope="module")
def shop(stack: Stack, receiver: WebhookReceiver) -> Shop:
    return Shop(stack, receiver)


@pytest.fixture(scope="module")
def other_shop(stack: Stack, receiver: WebhookReceiver) -> Subscriber:
    """Another organization that takes every event, of its own, from before anything happens."""
    return Subscriber(new_merchant(stack, "other"), receiver, "/other", ["*"])


@pytest.fixture(scope="module")
def schemas(shop: Shop) -> dict[str, dict[str, Any]]:
    """The JSON Schema of each type, as the API gives it."""
    return {each["type"]: each["jsonSchema"] for each in shop.asks("GET", "/event-types")}


@pytest.fixture(scope="module")
def happened(shop: Shop, other_shop: Subscriber) -> Expected:
    """All that was made to happen, through the API and at the processor; each of it has been received."""
    with ThreadPoolExecutor(4) as pool:
        expected = [each for told in pool.map(lambda flow: flow(shop), FLOWS) for each in told]
    for kind, subject in expected:
        shop.all.hears(kind, subject)
    return expected


def received(shop: Shop) -> list[dict[str, Any]]:
    """Every event that was received, both verifiers asked about each."""
    return [event_in(post, shop.all.secret) for post in shop.all.posts]


@pytest.mark.parametrize("kind", PROMPT)
def test_each_event_arrives_signed_and_as_its_schema_says(
    shop: Shop, happened: Expected, schemas: dict[str, dict[str, Any]], kind: str
) -> None:
    subjects = [subject for told, subject in happened if told == kind]
    assert subjects
    for subject in subjects:
        post = shop.all.hears(kind, subject)
        told = event_in(post, shop.all.secret)
        assert faults_of(told, schemas[kind]) == []
        assert faults_of({**told, "data": {}}, schemas[kind])
        assert post.headers["content-type"] == "application/json"


def test_what_arrives_is_of_exactly_the_types_that_the_api_lists(
    shop: Shop, happened: Expected, schemas: dict[str, dict[str, Any]]
) -> None:
    types = {told["type"] for told in received(shop)}
    assert types | {SLOW} == set(schemas) == set(PUBLIC_EVENTS)


def test_the_api_lists_every_event_as_it_was_sent(shop: Shop, happened: Expected) -> None:
    listed: dict[str, Any] = {}
    cursor: str | None = ""
    while cursor is not None:
        page = shop.merchant.call("GET", f"/events?limit=10{cursor and '&cursor='}{cursor}").body
        listed |= {event["id"]: event for event in page["data"]}
        cursor = page["pagination"]["nextCursor"]

    for told in received(shop):
        assert listed[told["id"]] == told
        assert shop.asks("GET", f"/events/{told['id']}") == told
    newest_first = [event["created"] for event in listed.values()]
    assert newest_first == sorted(newest_first, reverse=True)


def test_the_log_of_an_endpoint_shows_what_its_receiver_answered(shop: Shop, happened: Expected) -> None:
    for kind, subject in happened:
        event_id = shop.all.hears(kind, subject).headers["webhook-id"]
        delivery = shop.all.log(event_id, 1)
        assert (delivery["status"], delivery["eventType"], delivery["isSample"]) == ("delivered", kind, False)
        assert [attempt["statusCode"] for attempt in delivery["attempts"]] == [200]


def test_nobody_is_sent_what_is_anothers(shop: Shop, happened: Expected, other_shop: Subscriber) -> None:
    theirs = str(other_shop.merchant.refund(other_shop.merchant.charge(), 500).body["data"]["id"])
    last = other_shop.hears("refund.completed", theirs)

    told = [event_in(post, other_shop.secret) for post in other_shop.posts]

    assert last in other_shop.posts
    assert {event["data"]["refundId"] for event in told} == {theirs}
    assert {event["id"] for event in told}.isdisjoint(event["id"] for event in received(shop))


def test_what_was_refused_comes_again_and_is_signed_with_both_secrets_while_one_replaces_the_other(shop: Shop) -> None:
    shop.receiver.answers("/failing", status(500, b"oops"), status(200))
    failing = shop.subscribes("/failing", "refund.initiated")
    refund = shop.refunds()

    failing.hears("refund.initiated", refund)
    new = failing.does("rotate-secret")["secret"]
    first, again = failing.after_posts(2)

    assert event_in(first, failing.secret) == event_in(again, failing.secret, new)
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert 5 <= again.at - first.at < 20
    delivery = failing.log(first.headers["webhook-id"], 2)
    assert (delivery["status"], [each["statusCode"] for each in delivery["attempts"]]) == ("delivered", [500, 200])
    assert failing.shown()["failingSince"] is None


def test_a_receiver_that_asks_for_half_an_hour_is_scheduled_and_a_schedule_like_that_delivers(
    stack: Stack, shop: Shop
) -> None:
    outputs = stack.record["outputs"]
    shop.receiver.answers("/busy", status(429, retry_after=str(SLOWDOWN_S)), status(200))
    busy = shop.subscribes("/busy", "refund.initiated")
    refund = shop.refunds()
    (refused,) = busy.after_posts(1)
    delivery = busy.log(refused.headers["webhook-id"], 1)
    letter = {
        "organizationId": shop.merchant.described["org_id"],
        "environment": "test",
        "endpointId": busy.id,
        "eventId": delivery["eventId"],
        "eventType": "refund.initiated",
        "version": 1,
    }
    completed = shop.all.hears("refund.completed", refund).headers["webhook-id"]

    with closing(aws_session().client("scheduler", endpoint_url=stack.settings.aws_url)) as scheduler:
        group = outputs["DeliveryScheduleGroup"]

        def names() -> list[str]:
            """Of this delivery, and of the schedule below: other tests' endpoints have theirs."""
            wanted = [scheduler.list_schedules(GroupName=group, NamePrefix=each) for each in (delivery["id"], "soon")]
            return [each["Name"] for found in wanted for each in found["Schedules"]]

        eventually(names, 20, lambda: "nothing is scheduled")
        assert names() == [f"{delivery['id']}-1"]
        made = scheduler.get_schedule(GroupName=group, Name=names()[0])
        due = parse_iso(delivery["nextAttemptAt"])
        at = datetime.strptime(made["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
        assert timedelta(0) <= at - due < timedelta(seconds=1)
        assert due - parse_iso(delivery["attempts"][0]["at"]) >= timedelta(seconds=SLOWDOWN_S)
        assert json.loads(made["Target"]["Input"]) == letter
        assert made["Target"]["Arn"] == outputs["PatientDeliveriesQueueArn"]
        assert made["Target"]["RoleArn"] == outputs["DeliveryScheduleRoleArn"]
        assert made["Target"]["DeadLetterConfig"] == {"Arn": outputs["DeliveriesDeadLetterQueueArn"]}
        assert made["ActionAfterCompletion"] == "DELETE"

        soon = {**letter, "eventId": completed, "eventType": "refund.completed", "version": 0}
        scheduler.create_schedule(
            Name="soon",
            GroupName=group,
            ScheduleExpression=f"at({datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion=made["ActionAfterCompletion"],
            Target={**made["Target"], "Input": json.dumps(soon)},
        )
        scheduled = busy.hears("refund.completed", refund)

        assert event_in(scheduled, busy.secret)["id"] == completed
        eventually(lambda: names() == [f"{delivery['id']}-1"], 20, lambda: str(names()))
    assert [post.headers["webhook-id"] for post in busy.posts] == [delivery["eventId"], completed]


def test_an_endpoint_that_came_back_gets_what_failed_and_what_it_missed(shop: Shop) -> None:
    since = iso(datetime.now(UTC) - timedelta(seconds=1))
    shop.receiver.answers("/away", status(410))
    away = shop.subscribes("/away", "policy.published")
    refused_policy = shop.publishes()
    (refused,) = away.after_posts(1)
    assert away.shown_once("disabled")["disabledBecause"] == "gone"
    missed_policy = shop.publishes()
    shop.all.hears("policy.published", missed_policy)
    shop.receiver.answers("/away", status(200))

    assert away.does("enable")["status"] == "enabled"
    assert away.does("recover", {"since": since})["status"] == "started"
    _, failed = away.after_posts(2)
    assert away.does("replay-missing", {"since": since})["status"] == "started"
    missed = away.hears("policy.published", missed_policy)

    assert event_in(failed, away.secret) == event_in(refused, away.secret)
    assert event_in(failed, away.secret)["data"]["policyId"] == refused_policy
    ids = [post.headers["webhook-id"] for post in (refused, failed, missed)]
    assert [post.headers["webhook-id"] for post in away.posts] == ids
    assert [each["statusCode"] for each in away.log(ids[1], 2)["attempts"]] == [410, 200]
    assert away.shown()["status"] == "enabled"


@pytest.mark.slow
def test_an_approval_that_nobody_decides_expires_and_that_is_told_too(
    shop: Shop, happened: Sequence[Any], schemas: dict[str, dict[str, Any]]
) -> None:
    shop.settle({"requireReviewAbove": 10_000, "levels": [{"name": "Quick", "deadlineMinutes": 1}]})
    refund = shop.waiting()

    told = event_in(shop.all.hears(SLOW, refund["approvalId"], timeout_s=150), shop.all.secret)

    assert faults_of(told, schemas[SLOW]) == []
    assert {each["type"] for each in received(shop)} == set(schemas)
