"""The rules of the charge itself, which hold under every policy: each says its piece, and the first no decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.decisions import Decision, RuleResult
from refundkit_core.domain.errors import Detail, RefundKitError
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import DEFAULT_POLICY, Rule
from refundkit_core.domain.policy import judge

from tests.support.clock import START
from tests.support.risk import charge_facts
from tests.support.risk import facts as any_facts

POLICY = DEFAULT_POLICY.policy
UNTIL = "2026-12-20T12:00:00.000Z"
NOT_CAPTURED = "The charge is not captured: release the authorization instead of refunding it"
NOTHING_LEFT = "Nothing is left to refund"
OPEN = "A chargeback is open: refunding as well would pay twice"
INQUIRY = "The card issuer asks about this charge: a person must look before it is refunded"


def facts(amount: int | None = 2000, currency: str | None = None, **charge: Any) -> Facts:
    """A request about a charge of 5,000 usd; what remains follows from what is held and lost."""
    held, lost = charge.get("held_minor", 0), charge.get("lost_minor", 0)
    left = max(charge.get("captured_minor", 5000) - held - lost, 0)
    about = charge_facts(**{"remaining_minor": left, **charge})
    return any_facts(amount_minor=amount, stated_currency=currency, charge=about)


def said(decision: Decision) -> str:
    """What every rule said, in order."""
    return " ".join(f"{rule.rule}:{rule.outcome}" for rule in decision.rules)


def refused(decision: Decision) -> tuple[type[RefundKitError], str, tuple[Detail, ...]]:
    """What a refusal says: its kind, its message and its details."""
    assert decision.refusal is not None
    assert decision.verdict == "refuse"
    return type(decision.refusal), decision.refusal.message, decision.refusal.details


def rule(decision: Decision, code: str) -> RuleResult:
    """The one rule of that code that spoke."""
    (found,) = [result for result in decision.rules if result.rule == code]
    return found


def test_what_no_rule_forbids_is_allowed_and_every_rule_says_why() -> None:
    decision = judge(POLICY, facts(currency="usd"))

    assert (decision.verdict, decision.refusal, decision.amount) == ("allow", None, Money(2000, "usd"))
    assert (decision.net, decision.fee_minor) == (Money(2000, "usd"), 0)
    assert decision.rules == (
        RuleResult("captured", "pass", "50.00 USD was captured", fact=5000),
        RuleResult("currency", "pass", "The transaction is in usd", fact="usd", limit="usd"),
        RuleResult("dispute", "pass", "No chargeback covers this money", fact="none"),
        RuleResult("remaining", "pass", "20.00 USD of the remaining 50.00 USD", fact=2000, limit=5000),
        RuleResult("final_sale", "pass", "Nothing of it was a final sale or is non-refundable"),
        RuleResult(
            "return_window",
            "pass",
            f"Within 30 days, until {UNTIL}",
            "You are in time: this can be returned until 2026-12-20",
            "2026-11-20T12:00:00.000Z",
            UNTIL,
        ),
        RuleResult("exchange_only", "pass", "It may be refunded, not only exchanged"),
        RuleResult("risk", "pass", "Risk score 0 is below 70", fact=0, limit=70),
    )


def test_no_stated_amount_means_all_that_remains_and_no_stated_currency_the_charges_own() -> None:
    decision = judge(POLICY, facts(None, held_minor=1200))

    assert decision.amount == Money(3800, "usd")
    assert rule(decision, "remaining").message == "38.00 USD of the remaining 38.00 USD"


def test_an_authorization_is_not_refunded_but_released() -> None:
    decision = judge(POLICY, facts(captured_minor=0))

    assert refused(decision) == (errors.Refused, NOT_CAPTURED, (Detail("captured", NOT_CAPTURED),))
    assert said(decision) == (
        "captured:fail currency:pass dispute:pass remaining:skipped final_sale:pass return_window:pass "
        "exchange_only:pass approval:skipped"
    )


def test_a_charge_of_a_single_cent_was_captured() -> None:
    assert judge(POLICY, facts(1, captured_minor=1)).verdict == "allow"


def test_another_currency_than_the_charges_is_refused() -> None:
    message = "The transaction is in usd, not in eur"

    assert refused(judge(POLICY, facts(currency="eur"))) == (
        errors.CurrencyMismatch,
        message,
        (Detail("currency", message),),
    )


def test_an_open_chargeback_refuses_and_an_inquiry_asks_a_person() -> None:
    assert refused(judge(POLICY, facts(dispute="open"))) == (
        errors.TransactionDisputed,
        OPEN,
        (Detail("dispute", OPEN),),
    )
    asking = judge(POLICY, facts(dispute="inquiry"))
    assert asking.verdict == "review"
    assert [result.message for result in asking.why_review] == [INQUIRY]


def test_a_lost_chargeback_is_the_answer_to_whoever_asks_for_more_than_it_left() -> None:
    lost = "A lost chargeback took 40.00 USD; 10.00 USD is left to refund"
    more = "10.01 USD is more than the remaining 10.00 USD"

    assert refused(judge(POLICY, facts(1001, dispute="lost", lost_minor=4000))) == (
        errors.TransactionDisputed,
        lost,
        (Detail("dispute", lost), Detail("remaining", more)),
    )
    assert judge(POLICY, facts(1000, dispute="lost", lost_minor=4000)).verdict == "allow"


@pytest.mark.parametrize("amount", [None, 5000])
def test_a_lost_chargeback_that_took_everything_is_named_even_where_no_amount_is(amount: int | None) -> None:
    decision = judge(POLICY, facts(amount, dispute="lost", lost_minor=5000))

    lost = "A lost chargeback took 50.00 USD; 0.00 USD is left to refund"
    assert refused(decision) == (
        errors.TransactionDisputed,
        lost,
        (Detail("dispute", lost), Detail("remaining", NOTHING_LEFT)),
    )


def test_a_lost_chargeback_of_a_single_cent_is_named() -> None:
    assert refused(judge(POLICY, facts(5000, dispute="lost", lost_minor=1)))[0] is errors.TransactionDisputed
    assert rule(judge(POLICY, facts(5000, held_minor=1)), "dispute").outcome == "pass"


@pytest.mark.parametrize("amount", [None, 1])
def test_a_charge_with_nothing_left_is_refunded_already(amount: int | None) -> None:
    assert refused(judge(POLICY, facts(amount, held_minor=5000))) == (
        errors.AlreadyProcessed,
        NOTHING_LEFT,
        (Detail("remaining", NOTHING_LEFT),),
    )


def test_more_than_remains_is_refused_with_the_rest_as_a_number() -> None:
    decision = judge(POLICY, facts(2001, held_minor=3000))

    message = "20.01 USD is more than the remaining 20.00 USD"
    assert refused(decision) == (
        errors.AmountExceedsRefundable,
        message,
        (Detail("remaining", "2000"), Detail("remaining", message)),
    )
    assert decision.amount == Money(2001, "usd")


def test_the_last_cent_can_be_refunded() -> None:
    assert judge(POLICY, facts(1, held_minor=4999)).verdict == "allow"


def test_the_window_closes_thirty_days_after_the_purchase_to_the_millisecond() -> None:
    bought = START - timedelta(days=30)
    late = bought - timedelta(milliseconds=1)

    assert judge(POLICY, facts(purchased_at=bought)).verdict == "allow"
    message = "The 30-day refund window closed on 2026-11-20T11:59:59.999Z, 1 day ago"
    assert refused(judge(POLICY, facts(purchased_at=late))) == (
        errors.ReturnWindowExpired,
        message,
        (Detail("daysPastDeadline", "1"), Detail("return_window", message)),
    )


def test_the_first_no_decides_and_names_every_other() -> None:
    decision = judge(
        POLICY, facts(2000, "eur", dispute="open", held_minor=5000, purchased_at=START - timedelta(days=31))
    )

    assert decision.refusal is not None
    assert decision.refusal.code == "currency_mismatch"
    named = [detail.field for detail in decision.refusal.details]
    assert named == ["currency", "dispute", "remaining", "return_window"]


def test_once_refused_nobody_is_asked_and_without_items_there_is_no_verdict_on_any() -> None:
    decision = judge(POLICY, facts(held_minor=5000))

    assert decision.rules[-1] == RuleResult("approval", "skipped", "Refused before anybody had to be asked")
    assert decision.items == ()


def test_the_fee_of_a_quote_holds_and_is_certain() -> None:
    dear = replace(POLICY, rules=(Rule(category="default", restocking_fee_bp=5000),))

    quoted = judge(dear, replace(facts(), quoted_fee_minor=299))
    free = judge(dear, replace(facts(), quoted_fee_minor=0))

    assert (quoted.verdict, quoted.fee_minor, rule(quoted, "restocking_fee").outcome) == ("allow", 299, "pass")
    assert (free.verdict, free.fee_minor) == ("allow", 0)
    assert judge(dear, facts()).fee_minor == 1000
