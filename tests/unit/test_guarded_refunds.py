"""Refunds under guards: they fit into the caps or are refused, give back what came to nothing, and trip the breaker."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from refundkit_core.application.audit import BY_PROGRAM
from refundkit_core.application.set_guards import SetGuards
from refundkit_core.domain import errors
from refundkit_core.domain.budgets import Breaker, Cap, Guards
from refundkit_core.domain.errors import Detail
from refundkit_core.domain.policies import Policy, Rule

from tests.support.builders import TENANT
from tests.support.clock import START
from tests.support.desk import Desk


def desk_with(*caps: Cap, breaker: Breaker | None = None, **charge: Any) -> Desk:
    desk = Desk(**charge)
    desk.switches.guards = Guards(caps, breaker, 1)
    return desk


@pytest.mark.parametrize(
    ("scope", "who"),
    [
        ("key", {"key_id": "key_1"}),
        ("agent", {"key_id": "key_1", "agent": "robot"}),
        ("customer", {}),
        ("organization", {}),
    ],
)
def test_a_day_holds_its_cap_to_the_last_unit_and_the_next_day_a_new_one(scope: Any, who: dict[str, Any]) -> None:
    desk = desk_with(Cap(scope, "usd", per_day_minor=1000))
    desk.ask(amount_minor=600, **who)
    desk.ask(amount_minor=400, **who)

    with pytest.raises(errors.BudgetExceeded) as refused:
        desk.ask(amount_minor=1, **who)

    assert refused.value.details[:2] == (Detail(scope, refused.value.message), Detail("left", "0"))
    assert [kept.code for kept in desk.refusals.kept] == ["budget_exceeded"]
    desk.clock.advance(hours=12)
    assert desk.ask(amount_minor=1, **who).refund.status == "pending"


def test_a_cap_on_one_refund_holds_for_each() -> None:
    desk = desk_with(Cap("organization", "usd", per_refund_minor=500))

    assert [desk.ask(amount_minor=500, reason=reason).refund.status for reason in ("other", "agent_error")] == [
        "pending",
        "pending",
    ]
    with pytest.raises(errors.BudgetExceeded):
        desk.ask(amount_minor=501)


def test_what_is_paid_counts_not_the_fee() -> None:
    desk = desk_with(Cap("organization", "usd", per_day_minor=850))
    desk.policies.publish(Policy("P", (Rule(category="default", restocking_fee_bp=1500),)), START)

    refund = desk.ask(amount_minor=1000).refund

    assert sum(amount for _, amount in refund.taken) == refund.money.amount_minor == 850
    with pytest.raises(errors.BudgetExceeded):
        desk.ask(amount_minor=2)


def test_a_refund_that_fails_or_is_cancelled_gives_back_what_it_took() -> None:
    desk = desk_with(Cap("organization", "usd", per_day_minor=1000), Cap("key", "usd", per_day_minor=1000))
    refund = desk.ask(amount_minor=1000, key_id="key_1").refund
    assert sum(desk.store.purses.values()) == 2000

    desk.cancel(TENANT, refund.id)

    assert set(desk.store.purses.values()) == {0}
    assert desk.ask(amount_minor=1000, key_id="key_1").refund.status == "pending"


def test_who_has_no_cap_is_not_held_to_anothers() -> None:
    desk = desk_with(Cap("agent", "usd", per_day_minor=1), Cap("key", "usd", per_day_minor=1, id="key_2"))

    assert desk.ask(amount_minor=500, key_id="key_1").refund.taken == ()


def test_a_cap_that_cannot_be_compared_asks_a_person() -> None:
    euros = desk_with(Cap("organization", "eur", per_day_minor=10**9))
    nobody = desk_with(Cap("customer", "usd", per_day_minor=10**9), customer_id=None)

    for desk in (euros, nobody):
        opened = desk.ask()
        assert opened.refund.status == "pending_approval"
        assert [rule.rule for rule in opened.request.decision if rule.outcome == "unknown"] == ["spend_caps"]


def test_after_too_many_refunds_in_a_short_time_a_person_looks_until_it_is_quieter() -> None:
    desk = desk_with(breaker=Breaker(10, refunds=2))

    statuses = [desk.ask(amount_minor=100 + number).refund.status for number in range(3)]
    desk.clock.advance(minutes=11)

    assert statuses == ["pending", "pending", "pending_approval"]
    assert desk.ask(amount_minor=200).refund.status == "pending"


def test_a_breaker_counts_money_of_its_currency_and_nothing_that_the_policy_refuses() -> None:
    desk = desk_with(breaker=Breaker(10, amount_minor=1000))
    with pytest.raises(errors.AmountExceedsRefundable):
        desk.ask(amount_minor=50_000)

    statuses = [desk.ask(amount_minor=amount).refund.status for amount in (600, 400, 1)]

    assert statuses == ["pending", "pending", "pending_approval"]
    assert desk_with(breaker=Breaker(10, amount_minor=1, currency="eur")).ask().refund.status == "pending"


def test_fifty_at_once_never_exceed_a_cap() -> None:
    desk = desk_with(
        Cap("organization", "usd", per_day_minor=2000), Cap("key", "usd", per_day_minor=1500), captured_minor=10**6
    )
    said: list[str] = []

    def ask(number: int) -> None:
        try:
            said.append(desk.ask(amount_minor=100, reason="other", key_id=f"key_{number % 2}").refund.status)
        except errors.BudgetExceeded:
            said.append("budget_exceeded")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(said) == ["budget_exceeded"] * 30 + ["pending"] * 20
    assert desk.ledger.reserved_minor == 2000


def test_guards_are_replaced_as_a_whole_and_not_over_anothers_change() -> None:
    desk = Desk()
    settings = SetGuards(desk.switches, desk.clock, desk.ids)
    wanted = Guards((Cap("organization", "usd", 5),))

    first = settings(TENANT, wanted, None, BY_PROGRAM)
    again = settings(TENANT, wanted, 1, BY_PROGRAM)
    with pytest.raises(errors.RevisionSuperseded):
        settings(TENANT, Guards(), 0, BY_PROGRAM)
    last = settings(TENANT, Guards(), 1, BY_PROGRAM)

    assert (first.version, again, last) == (1, first, Guards(version=2))
    assert settings.show(TENANT) == last


def test_two_caps_on_one_key_take_from_its_purse_once() -> None:
    desk = desk_with(Cap("key", "usd", per_day_minor=1000), Cap("key", "usd", per_day_minor=700, id="key_1"))

    refund = desk.ask(amount_minor=400, key_id="key_1").refund

    assert [amount for _, amount in refund.taken] == [400]
    with pytest.raises(errors.BudgetExceeded):
        desk.ask(amount_minor=301, key_id="key_1")
    assert desk.ask(amount_minor=300, key_id="key_1").refund.status == "pending"


def test_what_a_cap_refuses_does_not_count_for_the_breaker() -> None:
    desk = desk_with(Cap("organization", "usd", per_refund_minor=500), breaker=Breaker(10, refunds=1))
    for _ in range(3):
        with pytest.raises(errors.BudgetExceeded):
            desk.ask(amount_minor=501)

    assert desk.ask(amount_minor=500).refund.status == "pending"
