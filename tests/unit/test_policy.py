"""The default policy: every rule says its piece, and the first no decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.errors import Detail, RefundKitError
from refundkit_core.domain.money import Money
from refundkit_core.domain.policy import DEFAULT_POLICY, Decision, RuleResult, judge

from tests.support.builders import ledger
from tests.support.clock import START

UNTIL = "2026-12-20T12:00:00.000Z"
CAPTURED = RuleResult("captured", "pass", "50.00 USD was captured")
CURRENCY = RuleResult("currency", "pass", "The transaction is in usd")
DISPUTE = RuleResult("dispute", "pass", "No chargeback covers this money")
REMAINING = RuleResult("remaining", "pass", "20.00 USD of the remaining 50.00 USD")
WINDOW = RuleResult("return_window", "pass", f"Within 30 days, until {UNTIL}")

NOT_CAPTURED = "The charge is not captured: release the authorization instead of refunding it"
NOTHING_LEFT = "Nothing is left to refund"
OPEN = "A chargeback is open: refunding as well would pay twice"
INQUIRY = "The card issuer asks about this charge: a person must look before it is refunded"


def refused(decision: Decision) -> tuple[type[RefundKitError], str, tuple[Detail, ...]]:
    """What a refusal says: its kind, its message and its details."""
    assert decision.refusal is not None
    return type(decision.refusal), decision.refusal.message, decision.refusal.details


def outcomes(decision: Decision) -> str:
    """The rules' outcomes in their order, by first letter."""
    return " ".join(rule.outcome for rule in decision.rules)


def test_what_no_rule_forbids_may_be_refunded_and_every_rule_says_why() -> None:
    assert judge(DEFAULT_POLICY, ledger(), 2000, "usd", START) == Decision(
        Money(2000, "usd"), (CAPTURED, CURRENCY, DISPUTE, REMAINING, WINDOW), None
    )


def test_no_stated_amount_means_all_that_remains_and_no_stated_currency_the_charges_own() -> None:
    decision = judge(DEFAULT_POLICY, ledger(refunded_minor=1200), None, None, START)

    all_of_it = RuleResult("remaining", "pass", "38.00 USD of the remaining 38.00 USD")
    assert decision == Decision(Money(3800, "usd"), (CAPTURED, CURRENCY, DISPUTE, all_of_it, WINDOW), None)


def test_an_authorization_is_not_refunded_but_released() -> None:
    decision = judge(DEFAULT_POLICY, ledger(captured_minor=0), 2000, None, START)

    assert refused(decision) == (errors.Refused, NOT_CAPTURED, (Detail("captured", NOT_CAPTURED),))
    assert decision.rules == (
        RuleResult("captured", "fail", NOT_CAPTURED),
        CURRENCY,
        DISPUTE,
        RuleResult("remaining", "skipped", "Nothing was captured"),
        WINDOW,
    )


def test_a_charge_of_a_single_cent_was_captured() -> None:
    assert judge(DEFAULT_POLICY, ledger(captured_minor=1), 1, None, START).refusal is None


def test_another_currency_than_the_charges_is_refused() -> None:
    decision = judge(DEFAULT_POLICY, ledger(), 2000, "eur", START)

    said = "The transaction is in usd, not in eur"
    assert refused(decision) == (errors.CurrencyMismatch, said, (Detail("currency", said),))
    assert decision.rules == (CAPTURED, RuleResult("currency", "fail", said), DISPUTE, REMAINING, WINDOW)


@pytest.mark.parametrize(
    ("dispute", "kind", "said"),
    [("open", errors.TransactionDisputed, OPEN), ("inquiry", errors.Refused, INQUIRY)],
)
def test_a_charge_in_dispute_is_refused(dispute: str, kind: type[RefundKitError], said: str) -> None:
    decision = judge(DEFAULT_POLICY, ledger(dispute=dispute), 2000, None, START)

    assert refused(decision) == (kind, said, (Detail("dispute", said),))
    assert decision.rules == (CAPTURED, CURRENCY, RuleResult("dispute", "fail", said), REMAINING, WINDOW)


def test_a_lost_chargeback_is_the_answer_to_whoever_asks_for_more_than_it_left() -> None:
    standing = ledger(dispute="lost", lost_minor=4000)

    decision = judge(DEFAULT_POLICY, standing, 1001, None, START)

    lost = "A lost chargeback took 40.00 USD; 10.00 USD is left to refund"
    more = "10.01 USD is more than the remaining 10.00 USD"
    assert refused(decision) == (
        errors.TransactionDisputed,
        lost,
        (Detail("dispute", lost), Detail("remaining", more)),
    )
    assert judge(DEFAULT_POLICY, standing, 1000, None, START).refusal is None


def test_a_lost_chargeback_that_took_everything_is_named_even_where_no_amount_is() -> None:
    decision = judge(DEFAULT_POLICY, ledger(dispute="lost", lost_minor=5000), None, None, START)

    lost = "A lost chargeback took 50.00 USD; 0.00 USD is left to refund"
    assert refused(decision) == (
        errors.TransactionDisputed,
        lost,
        (Detail("dispute", lost), Detail("remaining", NOTHING_LEFT)),
    )


def test_a_lost_chargeback_of_a_single_cent_is_named() -> None:
    decision = judge(DEFAULT_POLICY, ledger(dispute="lost", lost_minor=1), 5000, None, START)

    assert refused(decision)[0] is errors.TransactionDisputed
    assert judge(DEFAULT_POLICY, ledger(refunded_minor=1), 5000, None, START).rules[2] == DISPUTE


@pytest.mark.parametrize("amount", [None, 1])
def test_a_charge_with_nothing_left_is_refunded_already(amount: int | None) -> None:
    decision = judge(DEFAULT_POLICY, ledger(refunded_minor=5000), amount, None, START)

    assert refused(decision) == (errors.AlreadyProcessed, NOTHING_LEFT, (Detail("remaining", NOTHING_LEFT),))
    assert outcomes(decision) == "pass pass pass fail pass"


def test_more_than_remains_is_refused_with_the_rest_as_a_number() -> None:
    decision = judge(DEFAULT_POLICY, ledger(reserved_minor=3000), 2001, None, START)

    said = "20.01 USD is more than the remaining 20.00 USD"
    assert refused(decision) == (
        errors.AmountExceedsRefundable,
        said,
        (Detail("remaining", "2000"), Detail("remaining", said)),
    )
    assert decision.amount == Money(2001, "usd")
    assert outcomes(decision) == "pass pass pass fail pass"


def test_the_last_cent_can_be_refunded() -> None:
    decision = judge(DEFAULT_POLICY, ledger(reserved_minor=4999), 1, None, START)

    assert decision.rules[3] == RuleResult("remaining", "pass", "0.01 USD of the remaining 0.01 USD")


def test_the_window_closes_thirty_days_after_the_purchase() -> None:
    deadline = START + timedelta(days=30)

    assert judge(DEFAULT_POLICY, ledger(), 2000, None, deadline).refusal is None

    decision = judge(DEFAULT_POLICY, ledger(), 2000, None, deadline + timedelta(milliseconds=1))
    said = f"The 30-day refund window closed on {UNTIL}"
    assert refused(decision) == (errors.ReturnWindowExpired, said, (Detail("return_window", said),))
    assert decision.rules == (CAPTURED, CURRENCY, DISPUTE, REMAINING, RuleResult("return_window", "fail", said))


def test_the_first_no_decides_and_names_every_other() -> None:
    worst: dict[str, Any] = {"dispute": "open", "refunded_minor": 5000}

    decision = judge(DEFAULT_POLICY, ledger(**worst), 2000, "eur", START + timedelta(days=31))

    assert decision.refusal is not None
    assert decision.refusal.code == "currency_mismatch"
    assert [detail.field for detail in decision.refusal.details] == [
        "currency",
        "dispute",
        "remaining",
        "return_window",
    ]
    assert outcomes(decision) == "pass fail fail fail fail"
