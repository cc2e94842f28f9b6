"""An outage on the whole stack that only the merchant can end: refunds wait for it, and none fails."""

from __future__ import annotations

import pytest
from refundkit_core.domain.refund import FIRST_LOOK_AFTER

from local.http_json import call
from local.stack import Stack
from tests.e2e.books import Books
from tests.e2e.merchant import Merchant, eventually

pytestmark = pytest.mark.stack


def test_refunds_wait_for_an_expired_key_and_are_paid_with_the_new_one(stack: Stack, merchant: Merchant) -> None:
    books = Books(stack, merchant)
    account = merchant.described["stripe_account_id"]
    charges = [merchant.charge() for _ in range(4)]
    expired = {"kind": "status_401", "operation": "refunds.*", "times": 1_000, "account": account}
    assert call("POST", f"{merchant.stripe_url}/_sandbox/faults", expired).status < 300

    opened = [merchant.refund(charge, 2_000) for charge in charges]

    assert [answer.status for answer in opened] == [201] * len(charges)
    ids = [str(answer.body["data"]["id"]) for answer in opened]

    def has_been_tried(refund_id: str) -> bool:
        """It got a 401, or was put off because another did."""
        head = books.head(refund_id)
        put_off = head.next_look_at is not None and head.next_look_at > head.created_at + FIRST_LOOK_AFTER
        return put_off and head.status_detail in (None, "outcome_unknown")

    eventually(lambda: all(map(has_been_tried, ids)), 20, lambda: f"{[books.head(refund_id) for refund_id in ids]}")
    assert merchant.call("GET", "/processors/stripe").body["data"]["status"] == "error"
    assert {books.head(refund_id).status for refund_id in ids} <= {"pending", "processing"}
    assert call("DELETE", f"{merchant.stripe_url}/_sandbox/faults?account={account}").status < 300
    assert [merchant.at_the_processor(charge) for charge in charges] == [[]] * len(charges)

    renewed = merchant.call("PUT", "/processors/stripe", {"secretKey": merchant.stripe_key})

    assert (renewed.status, renewed.body["data"]["status"]) == (200, "active")
    books.send_again(ids)  # as the sweep does within two minutes
    for refund_id, charge in zip(ids, charges, strict=True):
        merchant.refund_in(refund_id, "completed")
        assert [seen["amount"] for seen in merchant.at_the_processor(charge)] == [2_000]
        books.check(charge)
