"""A merchant's refunds on the whole stack: API Gateway, functions, stream, bus, queues, and the processor."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import closing
from typing import Any

import pytest

from local.deploy import aws_session
from local.http_json import call
from local.run import first_commands
from local.stack import Stack
from tests.e2e.merchant import Merchant, eventually

pytestmark = pytest.mark.stack


def error_of(body: Any) -> str:
    """An error envelope's code; both of its keys are there."""
    assert set(body) == {"data", "error"}
    assert body["data"] is None
    return str(body["error"]["code"])


def test_a_refund_is_accepted_and_then_paid_exactly_once(merchant: Merchant) -> None:
    charge = merchant.charge()
    accepted = merchant.refund(charge, 2_000)
    assert accepted.status == 201
    assert accepted.body["error"] is None
    assert accepted.body["data"]["status"] == "pending"
    paid = merchant.refund_in(accepted.body["data"]["id"], "completed")
    (at_processor,) = merchant.at_the_processor(charge)
    assert (at_processor["id"], at_processor["amount"]) == (paid["externalRefundId"], 2_000)


def test_the_printed_commands_make_a_refund_and_show_its_timeline(stack: Stack) -> None:
    lines = first_commands(stack.record)
    refund, timeline = re.findall(r"^  (\S.*(?:\n    .*)*)", lines, flags=re.MULTILINE)
    shell = f"{refund}\n{timeline}\n"
    environ = {"PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", shell], env=environ, capture_output=True, text=True, timeout=60, check=True)
    events = json.loads(done.stdout)["data"]
    assert events[0]["eventType"] == "refund.initiated"


def test_the_timeline_tells_every_step_in_order(merchant: Merchant) -> None:
    refund_id = merchant.refund(merchant.charge(), 500).body["data"]["id"]
    merchant.refund_in(refund_id, "completed")
    events = merchant.call("GET", f"/refunds/{refund_id}/events").body["data"]
    names = [event["eventType"] for event in events]
    assert names == ["refund.initiated", "refund.processing", "refund.completed"]
    assert {event["refundId"] for event in events} == {refund_id}


def test_the_same_key_and_body_are_the_same_refund(merchant: Merchant) -> None:
    charge = merchant.charge()
    first, again = merchant.refund(charge, 1_000, "same"), merchant.refund(charge, 1_000, "same")
    assert again.status == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.body["data"]["id"] == first.body["data"]["id"]
    merchant.refund_in(first.body["data"]["id"], "completed")
    assert len(merchant.at_the_processor(charge)) == 1


def test_the_same_key_with_another_body_is_refused(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.refund(charge, 1_000, "reused")
    refused = merchant.refund(charge, 1_001, "reused")
    assert (refused.status, error_of(refused.body)) == (409, "idempotency_key_reused")


def test_more_than_remains_is_refused(merchant: Merchant) -> None:
    charge = merchant.charge(5_000)
    merchant.refund(charge, 3_000)
    over = merchant.refund(charge, 2_001)
    assert (over.status, error_of(over.body)) == (422, "amount_exceeds_refundable")


def test_a_disputed_charge_is_refused(merchant: Merchant) -> None:
    refused = merchant.refund(merchant.charge(disputed="needs_response"), 100)
    assert (refused.status, error_of(refused.body)) == (409, "transaction_disputed")


def test_a_payment_intent_and_its_charge_are_one_transaction(merchant: Merchant) -> None:
    body = {"amount": 1_000, "currency": "usd", "payment_intent": True}
    headers = {"Authorization": f"Bearer {merchant.stripe_key}"}
    charge = call("POST", f"{merchant.stripe_url}/_sandbox/charges", body, headers).body
    by_intent = merchant.refund(charge["payment_intent"], 600)
    merchant.refund_in(by_intent.body["data"]["id"], "completed")
    by_charge = merchant.refund(charge["id"], 600)
    assert (by_charge.status, error_of(by_charge.body)) == (422, "amount_exceeds_refundable")


def test_a_refund_that_is_pending_at_the_processor_finishes_through_its_webhook(merchant: Merchant) -> None:
    charge = merchant.charge()
    fault = {
        "kind": "refund_pending",
        "operation": "refunds.create",
        "account": merchant.described["stripe_account_id"],
        "match": {"charge": charge},
    }
    assert call("POST", f"{merchant.stripe_url}/_sandbox/faults", fault).status < 300
    refund_id = merchant.refund(charge, 700).body["data"]["id"]
    merchant.refund_in(refund_id, "processing")
    (at_processor,) = eventually(lambda: merchant.at_the_processor(charge), 20, lambda: "the processor has none")
    assert at_processor["status"] == "pending"
    moved = call("POST", f"{merchant.stripe_url}/_sandbox/refunds/{at_processor['id']}", {"status": "succeeded"})
    assert moved.status < 300, moved
    done = merchant.refund_in(refund_id, "completed")
    assert done["externalRefundId"] == at_processor["id"]
    assert len(merchant.at_the_processor(charge)) == 1


@pytest.mark.parametrize("key", ["", "rk_test_nobody", "rk_test_" + "a" * 32])
def test_a_wrong_key_is_answered_with_one_body(refused: Merchant, key: str) -> None:
    answer = call("GET", f"{refused.api}/refunds", headers={"Authorization": f"Bearer {key}"} if key else {})
    assert (answer.status, error_of(answer.body)) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/refunds/ref_00000000000000000000000000"),
        ("GET", "/nothing"),
        ("PUT", "/refunds"),
        ("GET", "/refunds/a/b/c"),
    ],
)
def test_what_is_not_there_is_answered_in_the_envelope(refused: Merchant, method: str, path: str) -> None:
    missing = refused.call(method, path)
    assert (missing.status, error_of(missing.body)) == (404, "not_found")


def test_the_list_shows_the_newest_first_and_pages(merchant: Merchant) -> None:
    charge = merchant.charge()
    ids = [merchant.refund(charge, amount).body["data"]["id"] for amount in (10, 20, 30)]
    first = merchant.call("GET", "/refunds?limit=2").body
    assert [refund["id"] for refund in first["data"]] == [ids[2], ids[1]]
    assert first["pagination"]["limit"] == 2
    following = merchant.call("GET", f"/refunds?limit=2&cursor={first['pagination']['nextCursor']}").body
    assert following["data"][0]["id"] == ids[0]


def test_another_organization_sees_nothing_of_it(merchant: Merchant, other_merchant: Merchant) -> None:
    refund_id = merchant.refund(merchant.charge(), 100).body["data"]["id"]
    for path in (f"/refunds/{refund_id}", f"/refunds/{refund_id}/events"):
        hidden = other_merchant.call("GET", path)
        assert (hidden.status, error_of(hidden.body)) == (404, "not_found")
    assert other_merchant.call("GET", "/refunds").body["data"] == []


def test_a_live_key_sees_nothing_of_test_mode(merchant: Merchant) -> None:
    refund_id = merchant.refund(merchant.charge(), 100).body["data"]["id"]
    hidden = merchant.call("GET", f"/refunds/{refund_id}", key=merchant.described["live_key"])
    assert (hidden.status, error_of(hidden.body)) == (404, "not_found")


def test_the_inbox_holds_the_owners_welcome(stack: Stack) -> None:
    owner = stack.record["owner_email"]
    messages = call("GET", f"{stack.record['inbox_url']}/messages?to={owner}").body
    subjects = [message["subject"] for message in messages]
    assert subjects.count("Welcome to RefundKit on your machine") == 1


def test_what_is_sent_through_ses_is_in_the_inbox(stack: Stack) -> None:
    with closing(aws_session().client("sesv2", endpoint_url=stack.settings.aws_url)) as mailer:
        mailer.create_email_identity(EmailIdentity="hello@refundkit.example.com")
        mailer.send_email(
            FromEmailAddress="hello@refundkit.example.com",
            Destination={"ToAddresses": ["finance@acme.example.com"]},
            Content={
                "Simple": {
                    "Subject": {"Data": "Approve a refund"},
                    "Body": {"Text": {"Data": "of 120 USD"}, "Html": {"Data": "<b>of 120 USD</b>"}},
                }
            },
        )
    (message,) = call("GET", f"{stack.record['inbox_url']}/messages?to=finance@acme.example.com").body
    told = {name: message[name] for name in ("kind", "from", "subject", "text", "html")}
    assert told == {
        "kind": "email",
        "from": "hello@refundkit.example.com",
        "subject": "Approve a refund",
        "text": "of 120 USD",
        "html": "<b>of 120 USD</b>",
    }


def test_the_description_of_the_stack_is_for_its_owner_only(stack: Stack) -> None:
    assert stack.settings.record.stat().st_mode & 0o077 == 0
    assert json.loads(stack.settings.record.read_text(encoding="utf-8"))["test_key"] == stack.record["test_key"]
