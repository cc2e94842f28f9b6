"""Refunds: what they take, what they answer, and that no charge ever gives more than it got."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox.refund_lifecycle import FAILURE_REASONS

from .annotations import problems_of
from .helpers import Merchant, at_once, control, control_answer


def test_a_full_refund_takes_all_that_remains(merchant: Merchant) -> None:
    charge = merchant.charge(amount=2999)
    refund = merchant.test.refunds.create({"charge": charge["id"], "reason": "duplicate", "metadata": {"n": "1"}})
    after = merchant.test.charges.retrieve(charge["id"], {"expand": ["refunds"]})
    assert (refund.amount, refund.status, refund.reason, refund.metadata["n"]) == (
        2999,
        "succeeded",
        "duplicate",
        "1",
    )
    assert (after.amount_refunded, after.refunded) == (2999, True)
    assert [row.id for row in after.refunds.data] == [refund.id]


def test_refunds_are_absent_from_a_charge_unless_expanded(merchant: Merchant) -> None:
    charge = merchant.charge()
    assert "refunds" not in merchant.test.charges.retrieve(charge["id"])


def test_a_payment_intent_names_its_charge(merchant: Merchant) -> None:
    charge = merchant.charge(amount=500, payment_intent=True)
    refund = merchant.test.refunds.create({"payment_intent": charge["payment_intent"], "amount": 200})
    assert (refund.charge, refund.payment_intent, refund.amount) == (
        charge["id"],
        charge["payment_intent"],
        200,
    )


def test_more_than_what_remains_is_refused_in_stripes_words(merchant: Merchant) -> None:
    charge = merchant.charge(amount=3000)
    merchant.test.refunds.create({"charge": charge["id"], "amount": 1000})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.refunds.create({"charge": charge["id"], "amount": 3000})
    assert caught.value.user_message == ("Refund amount ($30.00) is greater than unrefunded amount on charge ($20.00)")
    assert (caught.value.http_status, caught.value.param) == (400, "amount")


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"charge": "ch_nowhere"}, 404, "resource_missing", "charge"),
        ({"payment_intent": "pi_nowhere"}, 404, "resource_missing", "payment_intent"),
        ({}, 400, None, None),
        ({"amount": 0}, 400, "parameter_invalid_integer", "amount"),
        ({"amount": -5}, 400, "parameter_invalid_integer", "amount"),
        ({"amount": "12.5"}, 400, "parameter_invalid_integer", "amount"),
        ({"amount": "1e3"}, 400, "parameter_invalid_integer", "amount"),
        ({"reason": "changed_mind"}, 400, None, "reason"),
        ({"colour": "red"}, 400, "parameter_unknown", "colour"),
        ({"charge": ""}, 400, "parameter_invalid_empty", "charge"),
        ({"reverse_transfer": True}, 400, None, "reverse_transfer"),
        ({"refund_application_fee": True}, 400, None, "refund_application_fee"),
        ({"expand": ["colour"]}, 400, None, "expand"),
    ],
)
def test_a_bad_refund_is_refused(
    merchant: Merchant, fields: dict[str, object], status: int, code: str | None, param: str | None
) -> None:
    charge = merchant.charge()
    wanted = {"charge": charge["id"], **fields} if fields and "payment_intent" not in fields else fields
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.refunds.create(wanted)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (status, code, param)
    assert merchant.test.charges.retrieve(charge["id"]).amount_refunded == 0


def test_a_refunded_charge_is_not_refunded_again(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.test.refunds.create({"charge": charge["id"]})
    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded") as caught:
        merchant.test.refunds.create({"charge": charge["id"]})
    assert caught.value.code == "charge_already_refunded"


def test_only_what_was_captured_can_be_refunded(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000, amount_captured=600)
    with pytest.raises(stripe.InvalidRequestError, match=r"\(\$6\.01\)"):
        merchant.test.refunds.create({"charge": charge["id"], "amount": 601})
    assert merchant.test.refunds.create({"charge": charge["id"]}).amount == 600


def test_an_uncaptured_charge_is_released_whole_or_not_at_all(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000, captured=False)
    with pytest.raises(stripe.InvalidRequestError, match="cannot partially refund an uncaptured charge"):
        merchant.test.refunds.create({"charge": charge["id"], "amount": 400})
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    assert refund.balance_transaction is None
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.charges.capture(charge["id"])


def test_an_uncaptured_payment_intent_has_nothing_to_refund(merchant: Merchant) -> None:
    charge = merchant.charge(captured=False, payment_intent=True)
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
        merchant.test.refunds.create({"payment_intent": charge["payment_intent"]})


def test_fifty_threads_never_refund_more_than_was_captured(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000)
    results = at_once(50, lambda _: merchant.test.refunds.create({"charge": charge["id"], "amount": 90}))
    made = [result for result in results if isinstance(result, stripe.Refund)]
    assert len(made) == 11
    assert all(isinstance(result, stripe.Refund | stripe.InvalidRequestError) for result in results)
    assert merchant.test.charges.retrieve(charge["id"]).amount_refunded == 990


@pytest.mark.parametrize("reason", FAILURE_REASONS)
def test_a_failed_refund_says_why_and_gives_the_money_back(merchant: Merchant, reason: str) -> None:
    charge = merchant.charge(amount=700)
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    control(
        merchant.sandbox,
        "POST",
        f"/_sandbox/refunds/{refund.id}",
        {"status": "failed", "failure_reason": reason},
    )
    failed = merchant.test.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    after = merchant.test.charges.retrieve(charge["id"])
    assert (failed.status, failed.failure_reason) == ("failed", reason)
    assert failed.failure_balance_transaction.amount == 700
    assert (after.amount_refunded, after.refunded) == (0, False)
    assert merchant.test.refunds.create({"charge": charge["id"]}).amount == 700


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("refund_pending", "pending"),
        ("refund_pending_then_succeeded", "pending"),
        ("refund_pending_then_failed", "pending"),
        ("refund_fail_later", "succeeded"),
        ("refund_requires_action", "requires_action"),
        ("refund_failed_now", "failed"),
    ],
)
def test_the_next_refund_starts_as_scripted(merchant: Merchant, kind: str, status: str) -> None:
    charge = merchant.charge()
    merchant.fault(kind, failure_reason="declined")
    refund = merchant.test.refunds.create({"charge": charge["id"], "amount": 100})
    assert refund.status == status
    assert merchant.test.charges.retrieve(charge["id"]).amount_refunded == (0 if status == "failed" else 100)
    assert merchant.test.refunds.create({"charge": charge["id"], "amount": 100}).status == "succeeded"


@pytest.mark.parametrize(
    ("kind", "ends_as"),
    [
        ("refund_pending_then_succeeded", "succeeded"),
        ("refund_pending_then_failed", "failed"),
        ("refund_fail_later", "failed"),
    ],
)
def test_a_scripted_refund_ends_when_the_clock_gets_there(merchant: Merchant, kind: str, ends_as: str) -> None:
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"now": "2026-01-01T00:00:00Z"})
    charge = merchant.charge()
    merchant.fault(kind, after_s=3600, failure_reason="insufficient_funds")
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"advance_s": 3599})
    assert merchant.test.refunds.retrieve(refund.id).status == refund.status
    assert control(merchant.sandbox, "POST", "/_sandbox/clock", {"advance_s": 1})["ran"] == 1
    ended = merchant.test.refunds.retrieve(refund.id)
    assert ended.status == ends_as
    assert ended.to_dict().get("failure_reason") == ("insufficient_funds" if ends_as == "failed" else None)


def test_a_refund_that_waits_for_the_customer_can_be_canceled(merchant: Merchant) -> None:
    charge = merchant.charge(customer={"name": "Ada", "email": "ada@example.com"})
    merchant.fault("refund_requires_action")
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    assert refund.instructions_email == "ada@example.com"
    assert refund.next_action.display_details.email_sent.email_sent_to == "ada@example.com"
    canceled = merchant.test.refunds.cancel(refund.id)
    assert (canceled.status, canceled.failure_reason) == ("canceled", "merchant_request")
    assert "next_action" not in canceled
    assert merchant.test.charges.retrieve(charge["id"]).amount_refunded == 0


@pytest.mark.parametrize("kind", ["refund_pending", "refund_failed_now", None])
def test_no_other_refund_can_be_canceled(merchant: Merchant, kind: str | None) -> None:
    charge = merchant.charge()
    if kind:
        merchant.fault(kind)
    refund = merchant.test.refunds.create({"charge": charge["id"]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        merchant.test.refunds.cancel(refund.id)


@pytest.mark.parametrize(
    ("token", "starts_as", "ends_as"),
    [("tok_pendingRefund", "pending", "succeeded"), ("tok_refundFail", "succeeded", "failed")],
)
def test_magic_cards_change_refunds(merchant: Merchant, token: str, starts_as: str, ends_as: str) -> None:
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"now": 1_800_000_000})
    charge = merchant.test.charges.create({"amount": 100, "currency": "usd", "source": token})
    method = token.replace("tok_", "pm_card_")
    intent = merchant.test.payment_intents.create(
        {"amount": 100, "currency": "usd", "payment_method": method, "confirm": True}
    )
    refunds = [
        merchant.test.refunds.create({"charge": charge.id}),
        merchant.test.refunds.create({"payment_intent": intent.id}),
    ]
    assert [refund.status for refund in refunds] == [starts_as, starts_as]
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"advance_s": 10})
    assert [merchant.test.refunds.retrieve(refund.id).status for refund in refunds] == [ends_as, ends_as]


def test_metadata_is_merged_and_an_empty_value_deletes(merchant: Merchant) -> None:
    charge = merchant.charge()
    refund = merchant.test.refunds.create({"charge": charge["id"], "metadata": {"a": "1", "b": "2"}})
    updated = merchant.test.refunds.update(refund.id, {"metadata": {"b": "", "c": "3"}})
    assert updated.metadata.to_dict() == {"a": "1", "c": "3"}
    assert merchant.test.refunds.update(refund.id, {"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize(
    "metadata",
    [
        {f"key{n}": "x" for n in range(51)},
        {"k" * 41: "x"},
        {"key": "v" * 501},
    ],
)
def test_metadata_has_limits(merchant: Merchant, metadata: dict[str, str]) -> None:
    charge = merchant.charge()
    with pytest.raises(stripe.InvalidRequestError, match=r"[Mm]etadata"):
        merchant.test.refunds.create({"charge": charge["id"], "metadata": metadata})


def test_metadata_at_its_limits_is_kept(merchant: Merchant) -> None:
    charge = merchant.charge()
    full = {f"{n:040d}": "v" * 500 for n in range(50)}
    refund = merchant.test.refunds.create({"charge": charge["id"], "metadata": full})
    assert refund.metadata.to_dict() == full
    with pytest.raises(stripe.InvalidRequestError, match="50 keys"):
        merchant.test.refunds.update(refund.id, {"metadata": {"one_more": "x"}})


def test_only_metadata_of_a_refund_can_be_updated(merchant: Merchant) -> None:
    refund = merchant.test.refunds.create({"charge": merchant.charge()["id"]})
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: amount"):
        merchant.test.refunds.update(refund.id, {"amount": 1})


def test_lists_are_newest_first_filtered_and_paged(merchant: Merchant) -> None:
    charge, other = merchant.charge(amount=1000), merchant.charge(payment_intent=True)
    made = [merchant.test.refunds.create({"charge": charge["id"], "amount": 100}).id for _ in range(5)]
    elsewhere = merchant.test.refunds.create({"charge": other["id"]}).id
    newest = [elsewhere, *reversed(made)]
    first = merchant.test.refunds.list({"limit": 4})
    assert ([row.id for row in first.data], first.has_more) == (newest[:4], True)
    second = merchant.test.refunds.list({"limit": 4, "starting_after": newest[3]})
    assert ([row.id for row in second.data], second.has_more) == (newest[4:], False)
    before = merchant.test.refunds.list({"limit": 2, "ending_before": newest[4]})
    assert ([row.id for row in before.data], before.has_more) == (newest[2:4], True)
    assert [row.id for row in merchant.test.refunds.list({"charge": other["id"]}).data] == [elsewhere]
    by_intent = merchant.test.refunds.list({"payment_intent": other["payment_intent"]})
    assert [row.id for row in by_intent.data] == [elsewhere]
    assert [row.id for row in merchant.test.refunds.list({"limit": 2}).auto_paging_iter()] == newest
    assert merchant.test.refunds.list({"created": {"gt": 2**40}}).data == []


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"starting_after": "re_nowhere"}, {"created": {"near": 1}}]
)
def test_a_bad_list_request_is_refused(merchant: Merchant, query: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.refunds.list(query)


def test_expansion_reaches_through_objects_and_lists(merchant: Merchant) -> None:
    charge = merchant.charge(payment_intent=True, customer={"name": "Ada", "email": "ada@example.com"})
    refund = merchant.test.refunds.create(
        {
            "charge": charge["id"],
            "expand": ["charge.balance_transaction", "payment_intent.latest_charge.customer"],
        }
    )
    assert refund.charge.balance_transaction.type == "charge"
    assert refund.payment_intent.latest_charge.customer.name == "Ada"
    listed = merchant.test.refunds.list({"expand": ["data.charge", "data.balance_transaction"]}).data[0]
    assert (listed.charge.id, listed.balance_transaction.amount) == (charge["id"], -1000)
    with pytest.raises(stripe.InvalidRequestError, match=r"data\.charge"):
        merchant.test.refunds.list({"expand": ["charge"]})


def test_a_destination_charge_reverses_its_transfer(merchant: Merchant) -> None:
    charge = merchant.test.charges.create(
        {
            "amount": 1000, "currency": "usd", "source": "tok_visa", "application_fee_amount": 50,
            "transfer_data": {"destination": "acct_elsewhere"},
        }
    )  # fmt: skip
    refund = merchant.test.refunds.create(
        {"charge": charge.id, "reverse_transfer": True, "refund_application_fee": True}
    )
    assert refund.transfer_reversal.startswith("trr_")


def test_control_moves_a_refund_only_where_stripe_would(merchant: Merchant) -> None:
    refund = merchant.test.refunds.create({"charge": merchant.charge()["id"]})
    path = f"/_sandbox/refunds/{refund.id}"
    assert control_answer(merchant.sandbox, "POST", path, {"status": "canceled"})[0] == 409
    assert control_answer(merchant.sandbox, "POST", path, {"status": "eaten"})[0] == 400
    forced = control(merchant.sandbox, "POST", path, {"status": "eaten", "force": True})
    assert forced["status"] == "eaten"


def test_a_failed_refund_is_not_revived_over_other_refunds(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000)
    first = merchant.test.refunds.create({"charge": charge["id"]})
    control(merchant.sandbox, "POST", f"/_sandbox/refunds/{first.id}", {"status": "failed"})
    merchant.test.refunds.create({"charge": charge["id"], "amount": 1})
    status, answer = control_answer(
        merchant.sandbox, "POST", f"/_sandbox/refunds/{first.id}", {"status": "succeeded", "force": True}
    )
    assert (status, "captured" in answer["error"]["next"]) == (409, True)


def test_control_lists_refunds_by_metadata(merchant: Merchant) -> None:
    charge = merchant.charge()
    for order in ("7", "8"):
        merchant.test.refunds.create({"charge": charge["id"], "amount": 10, "metadata": {"order": order}})
    found = control(merchant.sandbox, "GET", "/_sandbox/refunds", query={"metadata[order]": "8"})
    assert (found["count"], found["data"][0]["metadata"]) == (1, {"order": "8"})
    assert (found["data"][0]["account"], found["data"][0]["mode"]) == (merchant.id, "test")


def test_a_charges_own_refunds_are_served_below_it(merchant: Merchant) -> None:
    charge, other = merchant.charge(), merchant.charge()
    made = [merchant.test.refunds.create({"charge": charge["id"], "amount": 10}).id for _ in range(3)]

    def get(path: str) -> tuple[int, dict[str, Any]]:
        url = f"{merchant.sandbox.url}/v1/charges/{path}"
        answer = requests.get(url, auth=(merchant.test_key, ""), timeout=10)
        return answer.status_code, answer.json()

    status, listed = get(f"{charge['id']}/refunds?limit=2")
    assert (status, problems_of(listed), listed["has_more"]) == (200, [], True)
    assert [row["id"] for row in listed["data"]] == [made[2], made[1]]
    status, one = get(f"{charge['id']}/refunds/{made[0]}")
    assert (status, problems_of(one), one["id"]) == (200, [], made[0])
    assert get(f"{other['id']}/refunds/{made[0]}")[0] == 400
    assert get(f"ch_nowhere/refunds/{made[0]}")[0] == 404


def test_the_names_of_a_payment_must_agree(merchant: Merchant) -> None:
    charge, other = merchant.charge(payment_intent=True), merchant.charge(payment_intent=True)
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        merchant.test.refunds.create({"charge": charge["id"], "payment_intent": other["payment_intent"]})
    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        merchant.test.refunds.create({"charge": charge["id"], "currency": "eur"})
    both = {"charge": charge["id"], "payment_intent": charge["payment_intent"], "currency": "usd"}
    assert merchant.test.refunds.create(both).charge == charge["id"]


def test_an_intent_without_a_successful_charge_has_nothing_to_refund(merchant: Merchant) -> None:
    waiting = merchant.test.payment_intents.create({"amount": 100, "currency": "usd"})
    declined = merchant.test.payment_intents.create(
        {"amount": 100, "currency": "usd", "payment_method": "pm_card_chargeDeclined"}
    )
    with pytest.raises(stripe.CardError):
        merchant.test.payment_intents.confirm(declined.id)
    for intent in (waiting, declined):
        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge to refund"):
            merchant.test.refunds.create({"payment_intent": intent.id})


def test_a_caller_may_say_where_instructions_go(merchant: Merchant) -> None:
    merchant.fault("refund_requires_action")
    refund = merchant.test.refunds.create({"charge": merchant.charge()["id"], "instructions_email": "bo@example.com"})
    assert refund.next_action.display_details.email_sent.email_sent_to == "bo@example.com"


@pytest.mark.parametrize(
    ("currency", "amount", "spoken"),
    [("jpy", 5000, "¥5,000"), ("kwd", 2500, "2.500 KWD"), ("eur", 199, "€1.99"), ("chf", 123456, "1,234.56 CHF")],
)
def test_amounts_are_spoken_in_the_currencys_own_unit(
    merchant: Merchant, currency: str, amount: int, spoken: str
) -> None:
    charge = merchant.charge(amount=amount - 1, currency=currency)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        merchant.test.refunds.create({"charge": charge["id"], "amount": amount})
    assert f"({spoken})" in str(caught.value)
