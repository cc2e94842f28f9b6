"""Disputes and early fraud warnings: opened by control, seen by the API, felt by refunds."""

from __future__ import annotations

import pytest
import stripe

from local.stripe_sandbox.disputes import STATUSES
from local.stripe_sandbox.early_fraud_warnings import FRAUD_TYPES

from .helpers import Merchant, control, control_answer

REFUNDABLE = ("warning_needs_response", "warning_under_review", "warning_closed", "won")


def dispute(merchant: Merchant, charge_id: str, **fields: object) -> str:
    """A new dispute's id."""
    opened = control(merchant.sandbox, "POST", f"/_sandbox/charges/{charge_id}/dispute", fields)
    return str(opened["id"])


def move(merchant: Merchant, dispute_id: str, status: str) -> None:
    """Bring a dispute to another status."""
    control(merchant.sandbox, "POST", f"/_sandbox/disputes/{dispute_id}", {"status": status})


@pytest.mark.parametrize("status", STATUSES)
def test_a_refund_passes_only_where_no_money_is_withdrawn(merchant: Merchant, status: str) -> None:
    charge = merchant.charge(disputed=status)
    (opened,) = merchant.test.disputes.list({"charge": charge["id"]}).data
    held = -sum(movement.amount for movement in opened.balance_transactions)
    refundable = status in REFUNDABLE
    assert (opened.status, opened.is_charge_refundable, held) == (
        status,
        refundable,
        0 if refundable else 1000,
    )
    assert merchant.test.charges.retrieve(charge["id"]).disputed is True
    if refundable:
        assert merchant.test.refunds.create({"charge": charge["id"]}).status == "succeeded"
    else:
        with pytest.raises(stripe.InvalidRequestError, match="has been charged back") as caught:
            merchant.test.refunds.create({"charge": charge["id"]})
        assert caught.value.code == "charge_disputed"


def test_an_inquiry_escalates_and_is_won(merchant: Merchant) -> None:
    charge = merchant.charge(payment_intent=True)
    opened = dispute(merchant, charge["id"], status="warning_needs_response", reason="product_not_received")
    for status in ("needs_response", "under_review", "won"):
        move(merchant, opened, status)
    won = merchant.test.disputes.retrieve(opened, {"expand": ["charge", "payment_intent"]})
    assert [movement.amount for movement in won.balance_transactions] == [-1000, 1000]
    assert (won.reason, won.charge.id, won.payment_intent.id) == (
        "product_not_received", charge["id"], charge["payment_intent"]
    )  # fmt: skip
    types = [event.type for event in merchant.test.events.list({"type": "charge.dispute.*"}).data]
    assert types == [
        "charge.dispute.closed", "charge.dispute.funds_reinstated", "charge.dispute.updated",
        "charge.dispute.updated", "charge.dispute.funds_withdrawn", "charge.dispute.updated",
        "charge.dispute.created",
    ]  # fmt: skip


def test_a_partial_dispute_withdraws_its_part(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000)
    opened = merchant.test.disputes.retrieve(dispute(merchant, charge["id"], amount=300))
    assert (opened.amount, opened.balance_transactions[0].amount) == (300, -300)
    assert opened.balance_transactions[0].fee == 1500


def test_evidence_is_taken_and_submitted(merchant: Merchant) -> None:
    opened = dispute(merchant, merchant.charge()["id"])
    staged = merchant.test.disputes.update(
        opened, {"evidence": {"customer_name": "Ada"}, "submit": False, "metadata": {"a": "1"}}
    )
    assert (staged.status, staged.evidence_details.has_evidence, staged.metadata["a"]) == (
        "needs_response",
        True,
        "1",
    )
    submitted = merchant.test.disputes.update(opened, {"submit": True})
    assert (submitted.status, submitted.evidence.customer_name) == ("under_review", "Ada")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.disputes.update(opened, {"evidence": {"colour": "red"}})
    assert caught.value.code == "parameter_unknown"


@pytest.mark.parametrize(
    ("status", "ends_as"), [("needs_response", "lost"), ("warning_needs_response", "warning_closed")]
)
def test_a_dispute_can_be_accepted_once(merchant: Merchant, status: str, ends_as: str) -> None:
    opened = dispute(merchant, merchant.charge()["id"], status=status)
    assert merchant.test.disputes.close(opened).status == ends_as
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.disputes.close(opened)


@pytest.mark.parametrize(
    ("token", "status"),
    [("tok_createDispute", "needs_response"), ("tok_createDisputeInquiry", "warning_needs_response")],
)
def test_magic_cards_open_disputes(merchant: Merchant, token: str, status: str) -> None:
    charge = merchant.test.charges.create({"amount": 100, "currency": "usd", "source": token})
    assert [row.status for row in merchant.test.disputes.list({"charge": charge.id}).data] == [status]


@pytest.mark.parametrize("fraud_type", FRAUD_TYPES)
def test_a_warning_can_be_opened_and_found(merchant: Merchant, fraud_type: str) -> None:
    charge = merchant.charge(payment_intent=True)
    merchant.charge()
    opened = control(
        merchant.sandbox,
        "POST",
        f"/_sandbox/charges/{charge['id']}/early_fraud_warning",
        {"fraud_type": fraud_type},
    )
    warnings = merchant.test.radar.early_fraud_warnings
    assert [row.id for row in warnings.list({"charge": charge["id"]}).data] == [opened["id"]]
    found = warnings.retrieve(opened["id"], {"expand": ["charge"]})
    assert (found.fraud_type, found.actionable, found.charge.id) == (fraud_type, True, charge["id"])
    assert merchant.test.events.list({"type": "radar.early_fraud_warning.created"}).data[0].livemode is False


def test_a_warning_about_a_refunded_charge_is_not_actionable(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.test.refunds.create({"charge": charge["id"]})
    opened = control(merchant.sandbox, "POST", f"/_sandbox/charges/{charge['id']}/early_fraud_warning", {})
    assert opened["actionable"] is False


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/_sandbox/charges/ch_nowhere/dispute", {}, 404),
        ("/_sandbox/disputes/du_nowhere", {"status": "won"}, 404),
        ("/_sandbox/charges/{charge}/dispute", {"status": "angry"}, 400),
        ("/_sandbox/charges/{charge}/dispute", {"amount": 5000}, 409),
        ("/_sandbox/charges/{charge}/dispute", {"reason": "spite"}, 400),
        ("/_sandbox/charges/{charge}/early_fraud_warning", {"fraud_type": "aliens"}, 400),
    ],
)
def test_bad_dispute_control_is_refused(merchant: Merchant, path: str, body: dict[str, object], status: int) -> None:
    target = path.replace("{charge}", merchant.charge()["id"])
    assert control_answer(merchant.sandbox, "POST", target, body)[0] == status


def test_a_chargeback_fails_the_refunds_that_are_on_their_way(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000)
    done = merchant.test.refunds.create({"charge": charge["id"], "amount": 100})
    merchant.fault("refund_pending_then_succeeded")
    pending = merchant.test.refunds.create({"charge": charge["id"], "amount": 300})
    opened = dispute(merchant, charge["id"], status="warning_needs_response")
    assert merchant.test.refunds.retrieve(pending.id).status == "pending"
    move(merchant, opened, "needs_response")
    overtaken = merchant.test.refunds.retrieve(pending.id)
    assert (overtaken.status, overtaken.failure_reason) == ("failed", "charge_for_pending_refund_disputed")
    assert merchant.test.refunds.retrieve(done.id).status == "succeeded"
    assert merchant.test.charges.retrieve(charge["id"]).amount_refunded == 100


@pytest.mark.parametrize("how", ["refund", "dispute"])
def test_a_warning_ends_when_there_is_nothing_left_to_act_on(merchant: Merchant, how: str) -> None:
    charge = merchant.charge()
    opened = control(merchant.sandbox, "POST", f"/_sandbox/charges/{charge['id']}/early_fraud_warning", {})
    if how == "refund":
        merchant.test.refunds.create({"charge": charge["id"]})
    else:
        dispute(merchant, charge["id"])
    assert merchant.test.radar.early_fraud_warnings.retrieve(opened["id"]).actionable is False
    assert len(merchant.test.events.list({"type": "radar.early_fraud_warning.updated"}).data) == 1
