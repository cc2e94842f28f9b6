"""A shadow version judges along: what it would have done otherwise is kept with the decision, and it harms nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest
from refundkit_core.application import shadowing
from refundkit_core.domain import errors
from refundkit_core.domain.policies import Limits, Policy, PolicyVersion, Rule
from refundkit_core.domain.policy import judge
from refundkit_core.domain.shadows import MOST_RULES, ShadowDifference, differing

from tests.support.clock import START
from tests.support.desk import Desk
from tests.support.fact_stores import POLICY_ID
from tests.support.risk import facts
from tests.unit.test_backtest import LAX

STRICT = Policy("Strict", (Rule(category="default", final_sale=True),))


def desk_with(shadow: Policy, real: Policy = LAX) -> Desk:
    desk = Desk()
    desk.policies.publish(real, START - timedelta(days=100))
    desk.policies.publish(shadow, START - timedelta(days=50))
    desk.policies.shadow = 2
    return desk


def test_a_refund_that_the_shadow_would_refuse_is_opened_and_the_difference_kept_with_it() -> None:
    desk = desk_with(STRICT)

    refund = desk.ask().refund

    assert refund.status == "pending"
    (kept,) = desk.store.shadows
    assert [rule.rule for rule in kept.rules] == ["final_sale"]
    assert replace(kept, rules=()) == ShadowDifference(
        decision_id=refund.id,
        policy_id=POLICY_ID,
        version=2,
        at=START,
        currency="usd",
        verdict="allow",
        net_minor=2000,
        shadow_verdict="refuse",
        shadow_net_minor=0,
        rules=(),
    )


def test_another_net_amount_is_a_difference_too() -> None:
    desk = desk_with(Policy("Fee", (Rule(category="default", restocking_fee_bp=1000),)))
    desk.ask()

    (kept,) = desk.store.shadows
    assert (kept.verdict, kept.net_minor, kept.shadow_verdict, kept.shadow_net_minor) == ("allow", 2000, "allow", 1800)
    assert kept.rules == ()


def test_a_shadow_that_agrees_leaves_nothing() -> None:
    desk = desk_with(replace(LAX, name="Same", limits=Limits(auto_approve_threshold_minor=2001)))
    desk.ask()

    assert desk.store.shadows == []


def test_a_refusal_that_the_shadow_would_pay_is_kept_with_the_refusal() -> None:
    desk = desk_with(LAX, STRICT)

    with pytest.raises(errors.Refused):
        desk.ask()

    (refusal,) = desk.refusals.kept
    shadow = refusal.shadow
    assert shadow is not None
    assert (shadow.decision_id, shadow.verdict, shadow.net_minor) == (refusal.id, "refuse", 0)
    assert (shadow.shadow_verdict, shadow.shadow_net_minor, shadow.rules) == ("allow", 2000, ())
    assert desk.store.shadows == []


def test_two_refusals_for_other_reasons_agree() -> None:
    desk = desk_with(Policy("Exchange", (Rule(category="default", exchange_only=True),)), STRICT)

    with pytest.raises(errors.Refused):
        desk.ask()

    assert [refusal.shadow for refusal in desk.refusals.kept] == [None]


def test_a_shadow_that_fails_harms_no_refund_and_no_refusal_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("ada@example.com")

    monkeypatch.setattr(shadowing, "differing", fail)
    desk, refusing = desk_with(STRICT), desk_with(LAX, STRICT)

    with caplog.at_level(logging.WARNING):
        assert desk.ask().refund.status == "pending"
        with pytest.raises(errors.Refused):
            refusing.ask()

    assert (desk.store.shadows, [each.shadow for each in refusing.refusals.kept]) == ([], [None])
    assert [record.message for record in caplog.records] == ["shadow failed"] * 2
    assert {"error": "ZeroDivisionError", "policy_id": POLICY_ID, "policy_version": 2}.items() <= vars(
        caplog.records[0]
    ).items()
    assert "ada" not in caplog.text


def test_a_shadow_that_cannot_be_read_stops_nobody() -> None:
    desk = desk_with(STRICT)
    desk.policies.published.pop()  # what the pointer names is not there

    assert desk.ask().refund.status == "pending"
    assert desk.store.shadows == []


def test_publishing_for_real_ends_it() -> None:
    desk = desk_with(STRICT)
    desk.ask(amount_minor=100)
    desk.policies.shadow = None
    desk.policies.published.pop()

    desk.ask(amount_minor=101)

    assert len(desk.store.shadows) == 1


def test_a_replay_is_judged_by_nobody() -> None:
    desk = desk_with(STRICT)
    desk.ask(idempotency_key="one")
    assert desk.ask(idempotency_key="one").replayed

    assert len(desk.store.shadows) == 1


def test_a_shadow_counts_its_own_fee_not_the_quoted_one_and_keeps_twenty_rules_at_most() -> None:
    asked = facts(amount_minor=2000, quoted_fee_minor=5)
    fee = Policy("Fee", (Rule(category="default", restocking_fee_bp=1000),))
    found = differing("ref_1", PolicyVersion(POLICY_ID, 2, fee), asked, judge(fee, asked))

    assert found is not None
    assert (found.net_minor, found.shadow_net_minor) == (1995, 1800)
    assert len(found.rules) <= MOST_RULES
