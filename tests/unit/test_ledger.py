"""The ledger of a charge: what is left, who blocks it, and what a fresh look changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain import ledger as ledgers
from refundkit_core.domain.ledger import Ledger, LedgerChange, twin_of
from refundkit_core.domain.money import Money

from tests.support.builders import TENANT, TRANSACTION, ledger, snapshot
from tests.support.clock import START

HELD = ("elsewhere_minor", "lost_minor", "reserved_minor", "refunded_minor")
HALF_A_DAY = timedelta(hours=12)


@given(st.integers(0, 10**9), st.tuples(*[st.integers(0, 10**9)] * 4))
def test_what_is_available_is_what_was_captured_less_all_that_is_held(captured: int, held: tuple[int, ...]) -> None:
    standing = ledger(captured_minor=captured, **dict(zip(HELD, held, strict=True)))

    assert standing.available_minor == captured - sum(held)
    assert standing.remaining() == Money(max(0, captured - sum(held)), "usd")


@pytest.mark.parametrize(
    ("dispute", "blocked"), [("none", False), ("inquiry", False), ("open", True), ("won", False), ("lost", False)]
)
def test_only_an_open_chargeback_blocks(dispute: str, blocked: bool) -> None:
    assert ledger(dispute=dispute).blocked is blocked


@pytest.mark.parametrize(
    ("held", "anything"),
    [({}, False), ({"elsewhere_minor": 1}, True), ({"reserved_minor": 1}, True), ({"refunded_minor": 1}, True),
     ({"lost_minor": 1}, False)],
)  # fmt: skip
def test_a_refund_takes_from_the_charge_where_one_is_under_way_done_or_made_elsewhere(
    held: dict[str, int], anything: bool
) -> None:
    assert ledger(**held).holds_anything is anything


def test_the_processor_is_asked_again_after_ten_minutes() -> None:
    standing = ledger(snapshot_at=START)

    assert standing.is_fresh(START + timedelta(minutes=10))
    assert not standing.is_fresh(START + timedelta(minutes=10, milliseconds=1))


def test_a_twin_counts_for_a_day_and_only_for_its_own_amount_and_reason() -> None:
    refunds = {"ref_old": START, "ref_new": START + HALF_A_DAY}
    standing = ledger(twins={twin_of(2000, "other"): refunds, twin_of(2000, "duplicate_charge"): {"ref_x": START}})
    just_within, a_day_later = START + timedelta(hours=24, milliseconds=-1), START + timedelta(hours=24)

    assert standing.live_twins(twin_of(2000, "other"), just_within) == refunds
    assert standing.live_twins(twin_of(2000, "other"), a_day_later) == {"ref_new": START + HALF_A_DAY}
    assert standing.live_twins(twin_of(2001, "other"), START) == {}


def test_twins_have_one_amount_and_one_reason() -> None:
    assert twin_of(2000, "other") == twin_of(2000, "other")
    assert len({twin_of(2000, "other"), twin_of(200, "0other"), twin_of(2000, "agent_error")}) == 3


def test_a_charge_that_is_seen_first_holds_what_the_processor_says_and_nothing_of_ours() -> None:
    looked = {"lost_minor": 100, "dispute": "lost", "customer_id": "cus_9", "processor_risk": 7, "countries": ("JP",)}
    seen = snapshot(currency="jpy", captured_minor=900, **looked)

    assert ledgers.opened(TENANT, TRANSACTION, seen, 50, START + HALF_A_DAY) == Ledger(
        tenant=TENANT,
        transaction=TRANSACTION,
        currency="jpy",
        captured_minor=900,
        elsewhere_minor=50,
        lost_minor=100,
        reserved_minor=0,
        refunded_minor=0,
        dispute="lost",
        purchased_at=START,
        customer_id="cus_9",
        snapshot_at=START + HALF_A_DAY,
        version=1,
        twins={},
        adopted=frozenset(),
        fraud_warning=None,
        processor_risk=7,
        countries=("JP",),
    )


def test_a_fresh_look_takes_the_processors_facts_and_leaves_our_own_money_alone() -> None:
    before = ledger(
        reserved_minor=10,
        refunded_minor=20,
        version=4,
        adopted=frozenset({"re_1"}),
        fraud_warning="made_with_lost_card",
        processor_risk=7,
        countries=("JP",),
    )
    seen = snapshot(captured_minor=4000, lost_minor=300, dispute="won", customer_id="cus_2", processor_risk=71)

    assert ledgers.refreshed(before, seen, 50, START + HALF_A_DAY) == Ledger(
        tenant=TENANT,
        transaction=TRANSACTION,
        currency="usd",
        captured_minor=4000,
        elsewhere_minor=50,
        lost_minor=300,
        reserved_minor=10,
        refunded_minor=20,
        dispute="won",
        purchased_at=START,
        customer_id="cus_2",
        snapshot_at=START + HALF_A_DAY,
        version=5,
        twins={},
        adopted=frozenset({"re_1"}),
        fraud_warning="made_with_lost_card",
        processor_risk=71,
        countries=(),
    )


def test_a_fresh_look_forgets_twins_that_no_longer_count() -> None:
    twins = {"1:other": {"ref_old": START, "ref_new": START + HALF_A_DAY}, "2:other": {"ref_gone": START}}

    after = ledgers.refreshed(ledger(twins=twins), snapshot(), 0, START + timedelta(hours=25))

    assert after.twins == {"1:other": {"ref_new": START + HALF_A_DAY}}


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"snapshot_at": START + HALF_A_DAY}, True),
        ({"version": 9}, True),
        ({"twins": {"1:other": {"ref_1": START}}}, True),
        ({"captured_minor": 4999}, False),
        ({"elsewhere_minor": 1}, False),
        ({"lost_minor": 1}, False),
        ({"reserved_minor": 1}, False),
        ({"refunded_minor": 1}, False),
        ({"dispute": "open"}, False),
        ({"customer_id": None}, False),
        ({"adopted": frozenset({"re_1"})}, False),
        ({"fraud_warning": "misc"}, False),
        ({"processor_risk": 1}, False),
        ({"countries": ("US",)}, False),
    ],
)
def test_a_look_that_finds_nothing_new_says_the_same(change: dict[str, Any], same: bool) -> None:
    assert ledger().says_the_same_as(ledger(**change)) is same


def test_a_ledger_that_was_only_looked_at_again_says_the_same() -> None:
    later: datetime = START + timedelta(hours=1)

    assert ledger().says_the_same_as(ledgers.refreshed(ledger(), snapshot(), 0, later))


def test_a_ledger_is_new_until_it_is_stored_with_its_first_refund() -> None:
    new = ledger(version=0)

    stored = ledgers.with_first_refund(new, "ref_1", LedgerChange("reserve", 1700, 300), "2000:other", START)

    assert (new.is_new, stored.is_new) == (True, False)
    expected = ledger(version=1, reserved_minor=1700, withheld_minor=300, twins={"2000:other": {"ref_1": START}})
    assert stored == expected
    assert stored.available_minor == 3000


def test_an_erased_customer_stays_erased_whatever_a_later_look_shows() -> None:
    named = ledger(customer_id="cus_1", version=3)
    assert named.customer_erased is False

    erased = ledgers.without_customer(named)

    assert erased == ledger(customer_id=None, customer_erased=True, version=4)
    later = ledgers.refreshed(erased, snapshot(customer_id="cus_1"), 0, START)
    assert (later.customer_id, later.customer_erased) == (None, True)
    assert ledgers.refreshed(named, snapshot(customer_id="cus_1"), 0, START).customer_id == "cus_1"


def test_a_ledger_says_whether_its_charge_is_asked_about_or_disputed_now() -> None:
    said = [ledger(dispute=state).disputed for state in ("none", "inquiry", "open", "won", "lost")]

    assert said == [False, True, True, False, False]


def test_what_nobody_told_of_a_charge_is_not_there_and_a_change_has_no_fee_unless_it_says_so() -> None:
    bare = ledgers.opened(TENANT, TRANSACTION, snapshot(), 0, START)

    assert (bare.processor_risk, bare.countries, bare.withheld_minor) == (None, (), 0)
    assert LedgerChange("reserve", 5) == LedgerChange("reserve", 5, 0)


def test_a_ledger_made_of_nothing_but_the_necessary_knows_no_risk_and_no_countries() -> None:
    bare = Ledger(
        TENANT, TRANSACTION, "usd", 1, 0, 0, 0, 0, "none", purchased_at=START, customer_id=None, snapshot_at=START,
        version=1,
    )  # fmt: skip

    assert (bare.processor_risk, bare.countries) == (None, ())
