"""Charges, payment intents, customers and balance transactions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from .helpers import Merchant, control, control_answer, error_of

CARD = {"amount": 1000, "currency": "usd", "source": "tok_visa"}
INTENT = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa"}


def test_a_charge_is_captured_at_once_unless_told_otherwise(merchant: Merchant) -> None:
    charge = merchant.test.charges.create({**CARD, "metadata": {"order": "7"}})
    assert (charge.captured, charge.amount_captured, charge.paid, charge.status) == (
        True,
        1000,
        True,
        "succeeded",
    )
    assert merchant.test.balance_transactions.retrieve(charge.balance_transaction).net == 1000 - 59
    held = merchant.test.charges.create({**CARD, "capture": False})
    assert (held.captured, held.amount_captured, held.balance_transaction) == (False, 0, None)


def test_a_capture_may_be_partial_and_happens_once(merchant: Merchant) -> None:
    held = merchant.test.charges.create({**CARD, "capture": False})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.charges.capture(held.id, {"amount": 1001})
    assert caught.value.code == "amount_too_large"
    captured = merchant.test.charges.capture(held.id, {"amount": 400})
    assert (captured.captured, captured.amount, captured.amount_captured) == (True, 1000, 400)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.charges.capture(held.id)
    assert caught.value.code == "charge_already_captured"


@pytest.mark.parametrize(
    ("score", "level"), [(None, "normal"), (0, "normal"), (64, "normal"), (65, "elevated"), (75, "highest")]
)
def test_a_charge_shows_radars_score_to_accounts_that_see_one(
    merchant: Merchant, score: int | None, level: str
) -> None:
    outcome = merchant.charge(risk_score=score)["outcome"]

    assert (outcome.get("risk_score"), outcome["risk_level"]) == (score, level)
    assert ("risk_score" in outcome) is (score is not None)
    too_high = {"risk_score": 101}
    assert control_answer(merchant.sandbox, "POST", "/_sandbox/charges", too_high, key=merchant.test_key)[0] == 400


def test_a_charge_shows_the_countries_of_card_and_billing_address(merchant: Merchant) -> None:
    charge = merchant.charge(card_country="DE", billing_country="FR", payment_intent=True)

    assert charge["payment_method_details"]["card"]["country"] == "DE"
    assert charge["billing_details"]["address"]["country"] == "FR"


@pytest.mark.parametrize(
    ("token", "decline"),
    [
        ("tok_chargeDeclined", "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_declined_card_is_402_and_leaves_a_failed_charge(merchant: Merchant, token: str, decline: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        merchant.test.charges.create({**CARD, "source": token})
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert error_of(caught).decline_code == decline
    failed = merchant.test.charges.retrieve(error_of(caught).charge)
    assert (failed.status, failed.paid) == ("failed", False)
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.refunds.create({"charge": failed.id})


@pytest.mark.parametrize(
    "fields",
    [
        {**CARD, "source": "tok_nonsense"},
        {"amount": 1000, "currency": "usd"},
        {**CARD, "currency": "dollars"},
        {**CARD, "amount": 0},
        {**CARD, "customer": "cus_nowhere"},
        {**CARD, "destination": "acct_1"},
        {"currency": "usd", "source": "tok_visa"},
    ],
)
def test_a_bad_charge_is_refused(merchant: Merchant, fields: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.charges.create(fields)
    assert merchant.test.charges.list().data == []


def test_a_charge_can_be_updated_and_found(merchant: Merchant) -> None:
    customer = merchant.test.customers.create({"name": "Ada", "email": "ada@example.com", "metadata": {"a": "1"}})
    charge = merchant.test.charges.create({**CARD, "customer": customer.id, "transfer_group": "g1"})
    merchant.test.charges.create(CARD)
    updated = merchant.test.charges.update(
        charge.id, {"description": "Shoes", "metadata": {"a": "1"}, "fraud_details": {"user_report": "safe"}}
    )
    assert (updated.description, updated.metadata.to_dict()) == ("Shoes", {"a": "1"})
    assert updated.fraud_details.user_report == "safe"
    for query in ({"customer": customer.id}, {"transfer_group": "g1"}):
        assert [row.id for row in merchant.test.charges.list(query).data] == [charge.id]
    assert merchant.test.customers.update(customer.id, {"name": "Ada L."}).name == "Ada L."
    assert merchant.test.customers.list({"email": "ada@example.com"}).data[0].id == customer.id


def test_an_intent_is_confirmed_captured_and_refunded(merchant: Merchant) -> None:
    intent = merchant.test.payment_intents.create({"amount": 1000, "currency": "eur", "capture_method": "manual"})
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.payment_intents.confirm(intent.id)
    held = merchant.test.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert (held.status, held.amount_capturable) == ("requires_capture", 1000)
    done = merchant.test.payment_intents.capture(intent.id, {"amount_to_capture": 800, "expand": ["latest_charge"]})
    assert (done.status, done.amount_received, done.latest_charge.amount_captured) == ("succeeded", 800, 800)
    assert merchant.test.refunds.create({"payment_intent": intent.id}).amount == 800


def test_a_canceled_intent_releases_its_charge(merchant: Merchant) -> None:
    intent = merchant.test.payment_intents.create({**INTENT, "confirm": True, "capture_method": "manual"})
    canceled = merchant.test.payment_intents.cancel(intent.id, {"cancellation_reason": "duplicate"})
    charge = merchant.test.charges.retrieve(intent.latest_charge)
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "duplicate")
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 1000)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.payment_intents.cancel(intent.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.refunds.create({"payment_intent": intent.id})


def test_a_declined_intent_waits_for_another_payment_method(merchant: Merchant) -> None:
    intent = merchant.test.payment_intents.create(INTENT)
    assert intent.status == "requires_confirmation"
    with pytest.raises(stripe.CardError):
        merchant.test.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    declined = merchant.test.payment_intents.retrieve(intent.id)
    assert (declined.status, declined.last_payment_error.code) == ("requires_payment_method", "card_declined")
    merchant.test.payment_intents.update(intent.id, {"payment_method": "pm_card_visa", "metadata": {"a": "1"}})
    assert merchant.test.payment_intents.confirm(intent.id).status == "succeeded"
    assert merchant.test.payment_intents.list().data[0].id == intent.id


def test_a_sample_charge_has_the_age_that_was_asked_for(merchant: Merchant) -> None:
    now = control(merchant.sandbox, "POST", "/_sandbox/clock", {"now": 1_800_000_000})["unix"]
    old = merchant.charge(age_days=42, description="Shoes", metadata={"order": "7"}, payment_intent=True)
    exact = merchant.charge(created=1_700_000_000, amount=2999, currency="jpy")
    assert (old["created"], exact["created"]) == (now - 42 * 86_400, 1_700_000_000)
    intent = merchant.test.payment_intents.retrieve(old["payment_intent"])
    assert (intent.status, intent.created, intent.latest_charge) == ("succeeded", old["created"], old["id"])
    assert [row.id for row in merchant.test.charges.list().data] == [old["id"], exact["id"]]
    recent = merchant.test.charges.list({"created": {"gte": old["created"]}}).data
    assert [row.id for row in recent] == [old["id"]]


def test_a_sample_charge_may_belong_to_a_customer_that_is_there(merchant: Merchant) -> None:
    customer = merchant.test.customers.create({"name": "Ada", "email": "ada@example.com"})
    charge = merchant.charge(customer=customer.id)
    assert (charge["customer"], charge["billing_details"]["email"]) == (customer.id, "ada@example.com")


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": 0}, {"amount": "10"}, {"amount": 10, "amount_captured": 11}, {"disputed": "maybe"},
        {"customer": "cus_nowhere"}, {"customer": 7}, {"currency": "euros"}, {"metadata": {"a": 1}},
        {"source": "tok_nonsense"}, {"colour": "red"}, {"age_days": -1}, {"captured": "yes"},
    ],
)  # fmt: skip
def test_a_bad_sample_is_refused_with_advice(merchant: Merchant, fields: dict[str, object]) -> None:
    status, answer = control_answer(merchant.sandbox, "POST", "/_sandbox/charges", fields, key=merchant.test_key)
    assert status in (400, 404)
    assert set(answer["error"]) == {"message", "next"}
    assert merchant.test.charges.list().data == []
    assert merchant.test.customers.list().data == []


def test_a_sample_needs_a_key(merchant: Merchant) -> None:
    status, answer = control_answer(merchant.sandbox, "POST", "/_sandbox/charges", {})
    assert (status, "Authorization" in answer["error"]["message"]) == (401, True)


def test_an_intent_that_has_moved_on_refuses_what_comes_too_late(merchant: Merchant) -> None:
    intents = merchant.test.payment_intents
    done = intents.create(
        {**INTENT, "confirm": True, "shipping": {"name": "Ada", "address": {"city": "Bern"}}, "metadata": {"a": "1"}}
    )
    assert merchant.test.charges.retrieve(done.latest_charge).shipping.address.city == "Bern"
    too_late: list[Callable[[], Any]] = [
        lambda: intents.confirm(done.id),
        lambda: intents.capture(done.id),
        lambda: intents.update(done.id, {"amount": 5}),
        lambda: intents.create({**INTENT, "confirm": True, "payment_method": "pm_card_nonsense"}),
        lambda: intents.create({**INTENT, "customer": "cus_nowhere"}),
        lambda: merchant.test.charges.capture(done.latest_charge),
    ]
    for late in too_late:
        with pytest.raises(stripe.InvalidRequestError):
            late()
    held = intents.create({**INTENT, "confirm": True, "capture_method": "manual"})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a PaymentIntent"):
        merchant.test.charges.capture(held.latest_charge)
    assert intents.capture(held.id, {"metadata": {"b": "2"}}).metadata.to_dict() == {"b": "2"}


def test_a_destination_intent_hands_its_transfer_to_the_charge(merchant: Merchant) -> None:
    intent = merchant.test.payment_intents.create(
        {**INTENT, "confirm": True, "transfer_data": {"destination": "acct_elsewhere", "amount": 900}}
    )
    charge = merchant.test.charges.retrieve(intent.latest_charge)
    assert (charge.transfer_data.destination, charge.transfer_data.amount) == ("acct_elsewhere", 900)
    assert charge.transfer.startswith("tr_")


def test_balance_transactions_can_be_listed_by_their_source(merchant: Merchant) -> None:
    charge = merchant.charge()
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    listed = merchant.test.balance_transactions.list({"source": refund.id, "expand": ["data.source"]}).data
    assert [(row.type, row.amount, row.source.id) for row in listed] == [("refund", -1000, refund.id)]
    assert len(merchant.test.balance_transactions.list({"type": "charge"}).data) == 1
