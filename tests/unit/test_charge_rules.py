"""What the charge itself says, in full: the sentence for staff, the customer's, the fact and the limit."""

from __future__ import annotations

from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.charge_rules import Spoken, on_the_charge
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.errors import Detail, RefundKitError
from refundkit_core.domain.money import Money

from tests.support.risk import charge_facts, facts

BANK = "Your bank is dealing with this payment already"


def spoken(amount: int = 2000, currency: str | None = None, **charge: Any) -> dict[str, Spoken]:
    """What each rule says of refunding ``amount`` of a charge of 5,000 usd."""
    said = on_the_charge(facts(charge=charge_facts(**charge), stated_currency=currency), Money(amount, "usd"))
    assert [result.rule for result, _ in said] == ["captured", "currency", "dispute", "remaining"]
    return {result.rule: (result, error) for result, error in said}


def refusal(of: Spoken, kind: type[RefundKitError]) -> RuleResult:
    """The result of a rule that refused, with an error of that kind that says the same."""
    result, error = of
    assert type(error) is kind
    assert (result.outcome, error.message) == ("fail", result.message)
    return result


def test_a_charge_that_nothing_speaks_against() -> None:
    assert spoken() == {
        "captured": (RuleResult("captured", "pass", "50.00 USD was captured", "", 5000), None),
        "currency": (RuleResult("currency", "pass", "The transaction is in usd", "", "usd", None), None),
        "dispute": (RuleResult("dispute", "pass", "No chargeback covers this money", "", "none"), None),
        "remaining": (
            RuleResult("remaining", "pass", "20.00 USD of the remaining 50.00 USD", "", 2000, 5000),
            None,
        ),
    }
    assert spoken(currency="usd")["currency"][0].limit == "usd"


def test_what_was_never_captured_is_released_and_nothing_is_left_of_it_to_judge() -> None:
    said = spoken(captured_minor=0, remaining_minor=0)

    message = "The charge is not captured: release the authorization instead of refunding it"
    told = "Your payment was not taken yet, so there is nothing to give back"
    assert refusal(said["captured"], errors.Refused) == RuleResult("captured", "fail", message, told, 0)
    assert said["remaining"] == (RuleResult("remaining", "skipped", "Nothing was captured"), None)


def test_another_currency_is_told_with_the_right_one() -> None:
    assert refusal(spoken(currency="eur")["currency"], errors.CurrencyMismatch) == RuleResult(
        "currency", "fail", "The transaction is in usd, not in eur", "Your payment was made in USD", "usd", "eur"
    )


def test_a_dispute_is_told_by_its_state() -> None:
    asks = "The card issuer asks about this charge: a person must look before it is refunded"
    assert spoken(dispute="inquiry")["dispute"] == (RuleResult("dispute", "review", asks, "", "inquiry"), None)
    twice = "A chargeback is open: refunding as well would pay twice"
    assert refusal(spoken(dispute="open")["dispute"], errors.TransactionDisputed) == RuleResult(
        "dispute", "fail", twice, BANK, "open"
    )
    assert spoken(dispute="won")["dispute"][0].fact == "won"


@pytest.mark.parametrize(
    ("amount", "lost", "left", "refuses"), [(1000, 4000, 1000, False), (1001, 4000, 1000, True), (1, 5000, 0, True)]
)
def test_a_lost_chargeback_is_told_with_what_it_took_and_left(amount: int, lost: int, left: int, refuses: bool) -> None:
    said = spoken(amount, dispute="lost", lost_minor=lost, remaining_minor=left)["dispute"]

    if not refuses:
        assert said == (RuleResult("dispute", "pass", "No chargeback covers this money", "", "lost"), None)
        return
    message = f"A lost chargeback took {Money(lost, 'usd')}; {Money(left, 'usd')} is left to refund"
    assert refusal(said, errors.TransactionDisputed) == RuleResult("dispute", "fail", message, BANK, "lost")


def test_nothing_left_is_told_as_refunded() -> None:
    assert refusal(spoken(remaining_minor=0)["remaining"], errors.AlreadyProcessed) == RuleResult(
        "remaining", "fail", "Nothing is left to refund", "This payment has been refunded already", 2000, 0
    )


def test_more_than_is_left_is_told_what_is() -> None:
    said = spoken(2001, remaining_minor=2000)["remaining"]

    message = "20.01 USD is more than the remaining 20.00 USD"
    told = "20.00 USD of this payment can be refunded"
    assert refusal(said, errors.AmountExceedsRefundable) == RuleResult("remaining", "fail", message, told, 2001, 2000)
    assert said[1] is not None
    assert said[1].details == (Detail("remaining", "2000"),)
    assert spoken(2000, remaining_minor=2000)["remaining"][0].outcome == "pass"


def test_a_single_cent_is_captured_lost_or_left_like_any_other_amount() -> None:
    assert spoken(1, captured_minor=1, remaining_minor=1)["captured"][0].outcome == "pass"
    assert spoken(5000, dispute="lost", lost_minor=1, remaining_minor=4999)["dispute"][0].outcome == "fail"
    assert spoken(1, dispute="lost", lost_minor=4999, remaining_minor=1)["dispute"][0].outcome == "pass"


def test_what_a_chargeback_took_is_named_even_where_nothing_is_asked_for_and_only_where_it_took_anything() -> None:
    assert spoken(0, dispute="lost", lost_minor=5000, remaining_minor=0)["dispute"][0].outcome == "fail"
    assert spoken(1, remaining_minor=0, held_minor=5000)["dispute"][0].outcome == "pass"
