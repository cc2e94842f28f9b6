"""A decision and the results in it: what is kept of them, what a customer reads, and what days are left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.decisions import ASKS_A_PERSON, Decision, Outcome, RuleResult, Terms
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import RiskSettings
from refundkit_core.domain.risk import assess

from tests.support.clock import START
from tests.support.risk import facts

DAY, MOMENT = timedelta(days=1), timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("result", "record"),
    [
        (RuleResult("a", "pass", "said"), ["a", "pass", "said"]),
        (RuleResult("a", "pass", ""), ["a", "pass", ""]),
        (RuleResult("a", "fail", "said", "told"), ["a", "fail", "said", "told"]),
        (RuleResult("a", "pass", "said", fact=0), ["a", "pass", "said", "", 0]),
        (RuleResult("a", "pass", "said", limit=0), ["a", "pass", "said", "", None, 0]),
        (RuleResult("a", "pass", "said", "told", 1, 2, "HAT"), ["a", "pass", "said", "told", 1, 2, "HAT"]),
        (RuleResult("a", "pass", "said", item="HAT"), ["a", "pass", "said", "", None, None, "HAT"]),
    ],
)
def test_a_result_is_kept_without_empty_ends(result: RuleResult, record: list[Any]) -> None:
    assert result.as_record() == record
    assert RuleResult(*record) == result
    assert RuleResult("a", "pass", "said").item is None


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("pass", "This is in order"),
        ("fail", "This cannot be refunded"),
        ("review", "A person will look at your request"),
        ("unknown", "A person will look at your request"),
        ("skipped", "This was not needed"),
    ],
)
def test_a_customer_reads_what_was_meant_for_them_or_a_sentence_that_tells_nothing(outcome: Outcome, told: str) -> None:
    assert RuleResult("a", outcome, "for staff").customer_message == told
    assert RuleResult("a", outcome, "for staff", "for the customer").customer_message == "for the customer"


def test_terms_set_nothing_unless_a_rule_does() -> None:
    assert Terms() == Terms(None, None, 0, exchange_only=False, final_sale=False, conditions=())
    assert (Terms().days_remaining(START), Terms().days_past(START)) == (None, 0)


@pytest.mark.parametrize(
    ("late", "remaining", "past"),
    [
        (-2 * DAY, 2, 0),
        (-DAY - MOMENT, 1, 0),
        (-DAY, 1, 0),
        (-MOMENT, 0, 0),
        (timedelta(), 0, 0),
        (MOMENT, 0, 1),
        (DAY, 0, 1),
        (DAY + MOMENT, 0, 2),
    ],
)
def test_whole_days_are_left_and_every_begun_day_is_past(late: timedelta, remaining: int, past: int) -> None:
    terms = Terms(deadline=START)

    assert (terms.days_remaining(START + late), terms.days_past(START + late)) == (remaining, past)


def test_what_asks_a_person_is_a_review_and_what_is_not_known() -> None:
    results = [RuleResult(kind, kind, kind) for kind in ("pass", "fail", "review", "unknown", "skipped")]
    decision = Decision(
        verdict="review",
        amount=Money(1000, "usd"),
        fee_minor=150,
        rules=tuple(results),
        items=(),
        terms=Terms(),
        risk=assess(facts(), 1000, RiskSettings()),
    )

    assert [rule.rule for rule in decision.why_review] == ["review", "unknown"]
    assert frozenset({"review", "unknown"}) == ASKS_A_PERSON
    assert (decision.net, decision.refusal) == (Money(850, "usd"), None)
