"""From an event on the bus to a mail in a mailbox, through the queue's real consumer, on moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto.ses.models import ses_backends
from refundkit_core.adapters.events import detail_of
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.domain.events import Event
from refundkit_core.domain.members import Member
from refundkit_core.domain.routing import ApprovalSettings

from tests.integration.conftest import World
from tests.integration.webhook_world import Webhooks
from tests.support.functions import function_module
from tests.support.webhook_receiver import WebhookReceiver, status

SETTINGS = ApprovalSettings(customer_mails=("completed", "rejected"), version=1)


def sent() -> list[Any]:
    """The mails that SES took."""
    return list(ses_backends["123456789012"]["eu-west-1"].sent_messages)


def hire(world: World, name: str, role: Any = "approver") -> Member:
    """A new member."""
    org_id = world.organization.org_id
    member_id = world.container.ids.new("mem")
    member = Member(member_id, org_id, name, f"{name.lower()}@acme.example", role, world.clock.now())
    entry = Auditor(world.clock, world.container.ids).entry(BY_PROGRAM, "members add", member_id, org_id)
    world.container.members.add(world.container.members.roster(org_id), member, entry)
    return member


def set_up(world: World, settings: ApprovalSettings = SETTINGS) -> None:
    """The organization's settings, of version 1."""
    entry = Auditor(world.clock, world.container.ids).entry(BY_PROGRAM, "settings", "approvals", world.tenant)
    world.container.switches.set_approvals(world.tenant, settings, entry)


def ask_people(world: World) -> None:
    """A policy by which no refund of 1,000 or more is approved by itself."""
    document = {"name": "P", "rules": [{"category": "default"}], "globalLimits": {"autoApproveThreshold": 1000}}
    policy = world.call("POST", "/v1/policies", document)[1]["data"]["id"]
    assert world.call("POST", f"/v1/policies/{policy}/publish", {})[0] == 200
    world.clock.advance(seconds=1)


def waiting(world: World, **fields: Any) -> dict[str, Any]:
    """A refund that a person has to approve."""
    ask_people(world)
    charge = world.charge(
        amount=90_000, payment_intent=True, customer={"name": "Mary", "email": "mary@shop.example"}, **fields
    )  # fmt: skip
    opened = world.refund(charge["id"], amount=80_000)
    assert opened["status"] == "pending_approval", opened
    return opened


def hear(event: Event) -> dict[str, Any]:
    """The bus puts the event on the queue, and the consumer takes it."""
    record = {"messageId": "m-1", "body": json.dumps({"detail": json.loads(detail_of(event))})}
    answer: dict[str, Any] = function_module("notify").handler({"Records": [record]}, None)
    return answer


def approval_event(world: World, refund: dict[str, Any]) -> Event:
    return list(world.container.approvals.history(world.tenant, refund["approvalId"]))[-1]


def refund_event(world: World, refund: dict[str, Any]) -> Event:
    return list(world.container.refunds.timeline(world.tenant, refund["id"]))[-1]


OVER: dict[str, Any] = {"batchItemFailures": []}
AGAIN: dict[str, Any] = {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_approvers_get_their_mail_once_however_often_the_event_comes(world: World) -> None:
    hire(world, "Ann"), hire(world, "Ben")
    refund = waiting(world)

    assert hear(approval_event(world, refund)) == OVER
    assert hear(approval_event(world, refund)) == OVER

    assert sorted(mail.destinations["ToAddresses"][0] for mail in sent()) == ["ann@acme.example", "ben@acme.example"]
    assert {mail.source for mail in sent()} == {"acme <refunds@mail.example>"}
    assert "http://127.0.0.1:9/api/approvals/callback?token=" in sent()[0].body


def test_a_mail_that_ses_refuses_comes_again_alone(world: World, logs: Callable[[], list[dict[str, Any]]]) -> None:
    hire(world, "Ann")
    refund = waiting(world)
    logs()
    boto3.client("sesv2").delete_email_identity(EmailIdentity="refunds@mail.example")

    assert hear(approval_event(world, refund)) == AGAIN
    assert [line["message"] for line in logs()] == ["could not tell", "message comes back"]

    boto3.client("sesv2").create_email_identity(EmailIdentity="refunds@mail.example")
    world.clock.advance(minutes=3)
    assert hear(approval_event(world, refund)) == OVER
    assert len(sent()) == 1


def test_without_an_address_to_send_from_it_is_logged_and_over(
    world: World, logs: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    hire(world, "Ann")
    refund = waiting(world)
    logs()
    monkeypatch.setattr(world.container, "settings", replace(world.container.settings, mail_from=""))

    assert hear(approval_event(world, refund)) == OVER

    (unsent, over) = logs()
    assert (unsent["message"], unsent["kind"]) == ("mail not sent", "approval")
    assert over["outcome"] == "told"
    assert sent() == []


def test_the_customers_address_is_the_charges_and_is_kept_nowhere(world: World) -> None:
    set_up(world)
    refund = waiting(world)
    ann = hire(world, "Ann")
    world.container.decide_approval(_decision(world, refund, ann))
    world.execute(refund["id"])

    assert hear(refund_event(world, refund)) == OVER

    (mail,) = sent()
    assert mail.destinations["ToAddresses"] == ["mary@shop.example"]
    assert "5 to 10 working days" in mail.body
    stored = str(world.container.client("dynamodb").scan(TableName="refundkit")["Items"])
    assert "mary@shop.example" not in stored


def test_an_erased_customer_is_never_written_to(world: World) -> None:
    set_up(world)
    refund = waiting(world)
    customer = world.stripe("GET", f"/v1/charges/{refund['transactionId']}")["customer"]
    world.container.decide_approval(_decision(world, refund, hire(world, "Ann")))
    world.execute(refund["id"])
    assert world.call("DELETE", f"/v1/customers/{customer}")[0] == 200

    assert hear(refund_event(world, refund)) == OVER
    assert sent() == []


def _decision(world: World, refund: dict[str, Any], member: Member) -> Any:
    from refundkit_core.application.decide_approval import Decision

    decider = world.container.deciders.known(world.tenant, member.id)
    return Decision(world.tenant, refund["approvalId"], decider, "session", "approved")


def test_no_log_line_names_an_address_a_code_or_a_link(world: World, logs: Callable[[], list[dict[str, Any]]]) -> None:
    hire(world, "Ann")
    refund = waiting(world)
    logs()
    hear(approval_event(world, refund))
    written = json.dumps(logs())

    assert "@" not in written
    assert "token" not in written


def disabled_endpoint(webhooks: Webhooks, code: int = 410) -> dict[str, Any]:
    """An endpoint whose receiver does not want what it is sent, and that was disabled for it."""
    with WebhookReceiver() as receiver:
        receiver.answers("/in", status(code))
        made = webhooks.endpoint(receiver.url("/in?token=s3cr3t"), "refund.*", description="Orders")
        webhooks.world.refund(webhooks.world.charge()["id"])
        webhooks.flow()
        if code != 410:
            webhooks.later(days=5)
    webhooks.publish()
    return made


def heard_by_people(world: World) -> list[dict[str, Any]]:
    """Work off the notifications' queue as the bus has filled it; the answers."""
    sqs, url, answers = boto3.client("sqs"), world.container.settings.notify_queue_url, []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            record = {"messageId": "m-1", "body": message["Body"]}
            answers.append(function_module("notify").handler({"Records": [record]}, None))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return answers


@pytest.mark.parametrize(
    ("code", "why"), [(410, "410 Gone"), (500, "nothing has arrived there since 20 November 2026, 12:00 UTC")]
)
def test_owners_hear_that_an_endpoint_was_disabled_and_what_to_do(
    world: World, logs: Callable[[], list[dict[str, Any]]], code: int, why: str
) -> None:
    hire(world, "Ann", "admin"), hire(world, "Olga", "owner")
    webhooks = Webhooks(world).wired()
    made = disabled_endpoint(webhooks, code)
    logs()

    assert OVER in heard_by_people(world)
    (line,) = [each for each in logs() if each.get("type") == "webhook.disabled"]
    assert (line["outcome"], line["endpoint_id"]) == ("told", made["id"])
    assert not [hidden for hidden in ("@", "127.0.0.1", "s3cr3t") if hidden in json.dumps(line)]
    assert sorted(mail.destinations["ToAddresses"][0] for mail in sent()) == ["ada@example.com", "olga@acme.example"]
    for mail in sent():
        assert why in mail.body
        assert f"/v1/webhook-endpoints/{made['id']}/enable" in mail.body
        assert "Orders" in mail.body
        assert "s3cr3t" not in mail.body
        assert made["secret"] not in mail.body


def test_owners_hear_of_it_once_also_where_the_bus_had_lost_it(world: World) -> None:
    webhooks = Webhooks(world).wired()
    made = disabled_endpoint(webhooks)
    sqs, settings = boto3.client("sqs"), world.container.settings
    (message,) = [
        each
        for each in sqs.receive_message(QueueUrl=settings.notify_queue_url, MaxNumberOfMessages=10)["Messages"]
        if made["id"] in each["Body"]
    ]
    sqs.purge_queue(QueueUrl=settings.notify_queue_url)
    sqs.purge_queue(QueueUrl=settings.webhooks_queue_url)
    sqs.send_message(QueueUrl=settings.undelivered_events_queue_url, MessageBody=message["Body"])

    moved = world.container.redrive("undelivered", BY_PROGRAM, 10, lambda _: None)

    assert (moved.moved, moved.left) == (1, 0)
    assert heard_by_people(world) == [OVER]
    assert len(sent()) == 1
    webhooks.work()
    assert [each["type"] for each in webhooks.asks("GET", "/v1/events?type=webhook.disabled")] == ["webhook.disabled"]
    assert hear_again(message["Body"]) == OVER
    assert len(sent()) == 1


def hear_again(body: str) -> dict[str, Any]:
    answer: dict[str, Any] = function_module("notify").handler({"Records": [{"messageId": "m-1", "body": body}]}, None)
    return answer


def test_an_endpoint_that_was_enabled_meanwhile_is_nothing_to_tell_of(world: World) -> None:
    webhooks = Webhooks(world).wired()
    made = disabled_endpoint(webhooks)
    webhooks.asks("POST", webhooks.of(made, "/enable"))

    assert OVER in heard_by_people(world)
    assert sent() == []


def test_an_owner_whose_mail_ses_refuses_comes_again(world: World) -> None:
    webhooks = Webhooks(world).wired()
    disabled_endpoint(webhooks)
    boto3.client("sesv2").delete_email_identity(EmailIdentity="refunds@mail.example")

    assert AGAIN in heard_by_people(world)
