"""What a policy makes of a request: paid at once, put before a person, or refused, and always kept with its ground."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.approval_clock import GRACE
from refundkit_core.domain.approvals import Approval, approval_id_of
from refundkit_core.domain.claims import Claim, Evidence
from refundkit_core.domain.customers import Counted
from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.money import Money
from refundkit_core.domain.orders import Order
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.policy import judge

from tests.support.builders import TENANT, TRANSACTION, snapshot
from tests.support.clock import START
from tests.support.desk import Desk
from tests.support.fact_stores import POLICY_ID

DEFAULT = Rule(category="default", return_window_days=30)


def policy(*rules: Rule, **changes: Any) -> Policy:
    return replace(Policy("Ours", (*rules, DEFAULT)), **changes)


def desk_with(published: Policy, **charge: Any) -> Desk:
    desk = Desk(**charge)
    desk.policies.publish(published, START - timedelta(days=100))
    return desk


def order(**changes: Any) -> Order:
    return replace(Order(TENANT, TRANSACTION, 1, START), **changes)


def test_a_refund_over_the_threshold_waits_for_a_person_with_its_question_and_its_money_reserved() -> None:
    desk = desk_with(policy(limits=Limits(auto_approve_threshold_minor=2000)))

    refund = desk.ask().refund

    assert (refund.status, refund.next_look_at) == ("pending_approval", None)
    assert refund.approval_id == approval_id_of(refund.id)
    assert desk.sums == (2000, 0, 3000)
    assert desk.store.approvals[TENANT, refund.approval_id] == Approval(
        id=refund.approval_id,
        tenant=TENANT,
        refund_id=refund.id,
        transaction=TRANSACTION,
        amount_minor=2000,
        currency="usd",
        status="pending",
        reasons=("auto_approve",),
        opened_at=START,
        next_look_at=START + timedelta(hours=24) + GRACE,
    )
    assert [event.type for event in desk.store.told] == ["approval.pending"]
    assert desk.execute(refund) == "nothing_to_do"
    assert desk.sweep_and_work() == []


def test_just_below_the_threshold_nobody_is_asked() -> None:
    desk = desk_with(policy(limits=Limits(auto_approve_threshold_minor=2001)))

    assert desk.ask().refund.status == "pending"
    assert desk.store.told == []


def test_whoever_does_not_want_to_wait_for_a_person_is_told_and_nothing_is_opened() -> None:
    desk = desk_with(policy(limits=Limits(auto_approve_threshold_minor=2000)))

    with pytest.raises(errors.ApprovalRequired) as asked:
        desk.ask(on_review="reject")

    assert [detail.field for detail in asked.value.details] == ["auto_approve", "decisionId"]
    assert asked.value.details[-1].message == desk.refusals.kept[0].id
    assert desk.sums == (0, 0, 5000)
    assert [kept.code for kept in desk.refusals.kept] == ["approval_required"]


def test_cancelling_what_waits_for_a_person_gives_its_money_back_and_supersedes_the_question() -> None:
    desk = desk_with(policy(limits=Limits(auto_approve_threshold_minor=1)))
    refund = desk.ask().refund

    cancelled, _ = desk.cancel(TENANT, refund.id)

    assert cancelled.status == "cancelled"
    assert desk.sums == (0, 0, 5000)
    question = desk.store.approvals[TENANT, approval_id_of(refund.id)]
    assert (question.status, question.version) == ("superseded", 2)


def test_a_fee_is_withheld_from_what_is_paid_and_is_not_refundable_later() -> None:
    desk = desk_with(policy(Rule(category="default", restocking_fee_bp=1500)))

    refund = desk.ask(amount_minor=1999).refund

    assert (refund.money, refund.fee_minor, refund.gross_minor) == (Money(1700, "usd"), 299, 1999)
    assert desk.sums == (1700, 0, 3001)
    desk.execute(refund)
    assert desk.sums == (0, 1700, 3001)
    with pytest.raises(errors.AmountExceedsRefundable):
        desk.ask(amount_minor=3002)


def test_a_fee_comes_back_with_the_money_of_a_refund_that_is_cancelled() -> None:
    desk = desk_with(policy(Rule(category="default", restocking_fee_bp=1500)))
    refund = desk.ask(amount_minor=1999).refund

    desk.cancel(TENANT, refund.id)

    assert desk.sums == (0, 0, 5000)
    assert desk.ledger.withheld_minor == 0


def test_a_refusal_is_kept_with_its_ground_and_without_the_callers_words() -> None:
    desk = desk_with(policy(Rule(category="gift_card", non_refundable=True)))
    claim = Claim(items=(Item(category="gift_card"),), evidence=(Evidence("photo", "https://x.example/1"),))

    with pytest.raises(errors.Refused):
        desk.ask(claim=claim, metadata={"email": "a@shop.example"})

    (kept,) = desk.refusals.kept
    assert (kept.code, kept.transaction, kept.at) == ("policy_violation", TRANSACTION, START)
    assert (kept.request.metadata, kept.request.fingerprint, kept.request.evidence) == (None, None, ())
    ground = kept.request.ground
    assert ground is not None
    assert (ground.policy_id, ground.policy_version) == (POLICY_ID, 1)
    version = desk.policies.published[0]
    assert judge(version.policy, ground.facts).rules == kept.request.decision


def test_a_refund_keeps_the_ground_on_which_the_same_decision_is_made_again() -> None:
    desk = desk_with(policy(Rule(category="apparel", restocking_fee_bp=1000, conditions=("unworn",))))

    opened = desk.ask(claim=Claim(items=(Item("TSHIRT", "apparel", 1, 2000),)))

    assert opened.request.ground is not None
    again = judge(desk.policies.published[0].policy, opened.request.ground.facts)
    assert (again.rules, again.net) == (opened.request.decision, opened.refund.money)


def test_what_the_shop_registered_beats_what_the_caller_says() -> None:
    desk = desk_with(policy(Rule(category="final", final_sale=True)))
    desk.orders.registered[TRANSACTION] = order(items=(Item("HAT", "final", 1, 2000),))

    with pytest.raises(errors.Refused) as refused:
        desk.ask(claim=Claim(items=(Item("HAT", "apparel"),)))
    with pytest.raises(errors.Refused):
        desk.ask()

    assert "HAT" in refused.value.message
    (first, second) = desk.refusals.kept
    assert first.request.ground is not None
    assert second.request.ground is not None
    assert first.request.ground.facts.contradictions == ("item_category",)
    assert second.request.ground.facts.contradictions == ()


def test_a_window_counts_from_the_registered_delivery_whatever_the_caller_claims() -> None:
    desk = desk_with(policy(), purchased_at=START - timedelta(days=50))
    desk.orders.registered[TRANSACTION] = order(delivery=Delivery("delivered", delivered_at=START - timedelta(days=42)))

    with pytest.raises(errors.ReturnWindowExpired):
        desk.ask(claim=Claim(delivery=Delivery(delivered_at=START - timedelta(days=1))))


def test_a_customer_is_counted_with_each_refund_and_again_without_those_that_came_to_nothing() -> None:
    desk = desk_with(policy(limits=Limits(max_returns_per_customer_30d=2)))
    first, second = desk.ask(amount_minor=1000).refund, desk.ask(amount_minor=1001).refund
    assert first.customer_key is not None

    third = desk.ask(amount_minor=1002).refund
    desk.cancel(TENANT, third.id)
    desk.cancel(TENANT, second.id)
    fourth = desk.ask(amount_minor=1003).refund

    assert [first.status, second.status, third.status, fourth.status] == [
        "pending",
        "pending",
        "pending_approval",
        "pending",
    ]
    record = desk.store.of(TENANT, first.customer_key)
    assert record.refunds == {
        first.id: Counted(START, 1000, "usd"),
        fourth.id: Counted(START, 1003, "usd"),
    }


def test_many_refunds_of_one_customer_at_once_never_exceed_the_limit_unseen() -> None:
    desk = desk_with(policy(limits=Limits(max_returns_per_customer_30d=5)))
    opened: list[str] = []

    def ask(number: int) -> None:
        opened.append(desk.ask(amount_minor=100 + number).refund.status)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert sorted(opened) == ["pending"] * 5 + ["pending_approval"] * 7


def test_a_chargeback_counts_against_its_customer_for_a_year() -> None:
    desk = desk_with(policy(limits=Limits(review_at_chargebacks=1)))
    first = desk.ask(amount_minor=100).refund
    desk.processor.charges["ch_1"] = snapshot(dispute="open")
    desk.look()
    desk.processor.charges["ch_1"] = snapshot(dispute="won")
    desk.clock.advance(minutes=11)

    second = desk.ask(amount_minor=101).refund

    assert (first.status, second.status) == ("pending", "pending_approval")
    assert first.customer_key is not None
    assert desk.store.of(TENANT, first.customer_key).chargebacks == {TRANSACTION.charge_id: START}


def test_a_customer_that_nobody_knows_is_no_way_round_a_limit() -> None:
    desk = desk_with(policy(limits=Limits(max_returns_per_customer_30d=5)), customer_id=None)

    asked = desk.ask(amount_minor=100)
    named = desk.ask(amount_minor=101, claim=Claim(customer_id="cust_789"))

    assert (asked.refund.status, named.refund.status) == ("pending_approval", "pending")
    outcomes = {rule.rule: rule.outcome for rule in asked.request.decision}
    assert outcomes["customer_count"] == "unknown"


def test_the_same_request_with_other_claims_is_another_request() -> None:
    desk = Desk()
    desk.ask(idempotency_key="one")

    assert desk.ask(idempotency_key="one").replayed
    with pytest.raises(errors.IdempotencyKeyReused):
        desk.ask(idempotency_key="one", claim=Claim(items=(Item("HAT"),)))
    with pytest.raises(errors.IdempotencyKeyReused):
        desk.ask(idempotency_key="one", on_review="reject")


def test_naming_an_item_twice_does_not_bring_more_back_than_was_bought() -> None:
    desk = Desk()
    desk.orders.registered[TRANSACTION] = order(items=(Item("HAT", None, 2, 2000),))
    twice = Claim(items=(Item("HAT", None, 2), Item("HAT", None, 1)))

    opened = desk.ask(amount_minor=2001, claim=twice)

    ground = opened.request.ground
    assert ground is not None
    assert ground.facts.contradictions == ("item_quantity",)
    assert [(item.quantity, item.amount_minor) for item in ground.facts.items] == [(2, 2000), (0, 0)]
    assert opened.refund.status == "pending_approval"
