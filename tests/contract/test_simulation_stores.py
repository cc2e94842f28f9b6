"""What every store of simulations, and every archive of past decisions, promises: in memory as in the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.decision_archive import DynamoDecisionArchive
from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
from refundkit_core.adapters.dynamodb.refusals import DynamoRefusalStore
from refundkit_core.adapters.dynamodb.shadows import DynamoShadowStore
from refundkit_core.adapters.dynamodb.simulations import DynamoSimulationStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.openings import Beside, Refusal
from refundkit_core.application.records import Page, Position
from refundkit_core.application.simulation_ports import DecisionArchive, Place, Simulation, SimulationStore
from refundkit_core.domain.backtest import PastDecision, Tally
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.errors import NotFound, StoreConflict
from refundkit_core.domain.events import of_change
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.refund import Request
from refundkit_core.domain.shadows import ShadowDifference
from refundkit_core.domain.times import iso

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT, TRANSACTION, ledger, refund
from tests.support.clock import START
from tests.support.fact_stores import POLICY_ID
from tests.support.memory_simulations import MemoryArchive, MemorySimulationStore
from tests.unit.test_backtest import LAX, decided, facts

FEE = Policy("Fee — ☂", (Rule(category="default", restocking_fee_bp=725),), Limits(auto_approve_threshold_minor=0))
TALLY = Tally(
    most_examples=2,
    judged=3,
    others=1,
    before={"allow": 3},
    after={"allow": 2, "review": 1},
    flips={"allow>review": 1},
    money={"usd>before>allow": 10**14},
    examples=(f"{iso(START)}#ref_1",),
)
SIMULATION = Simulation(
    id="sim_00000000000000000000000001",
    tenant=TENANT,
    policy_id=POLICY_ID,
    version=None,
    revision=4,
    since=START - timedelta(days=3),
    until=START,
    sample_percent=50,
    created_at=START,
    updated_at=START,
    place=Place("refunds", iso(START)),
    tally=Tally(2),
    fingerprint="f",
)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        yield Table(boto3.client("dynamodb"), "refundkit")


@pytest.fixture(params=["table", "memory"])
def store(request: pytest.FixtureRequest) -> SimulationStore:
    if request.param == "memory":
        return MemorySimulationStore()
    return DynamoSimulationStore(request.getfixturevalue("table"))


def test_a_simulation_reads_back_as_it_was_kept_with_its_document(store: SimulationStore) -> None:
    store.create(SIMULATION, FEE)

    assert store.find(TENANT, SIMULATION.id) == SIMULATION
    assert store.policy(TENANT, SIMULATION.id) == FEE
    assert store.find(OTHER_TENANT, SIMULATION.id) is None
    with pytest.raises(NotFound):
        store.policy(OTHER_TENANT, SIMULATION.id)
    with pytest.raises(StoreConflict):
        store.create(replace(SIMULATION, sample_percent=1), LAX)
    assert store.find(TENANT, SIMULATION.id) == SIMULATION


def test_a_chunk_is_counted_once(store: SimulationStore) -> None:
    store.create(SIMULATION, FEE)
    after = replace(SIMULATION, chunk=1, tally=TALLY, place=Place("refusals", iso(START)), version=None)

    store.advance(SIMULATION, after)
    with pytest.raises(StoreConflict):
        store.advance(SIMULATION, replace(after, tally=Tally(2)))
    assert store.find(TENANT, SIMULATION.id) == after

    done = replace(after, completed=True, truncated=True, place=None, updated_at=START + timedelta(minutes=1))
    store.advance(after, done)
    with pytest.raises(StoreConflict):
        store.advance(after, done)
    assert store.find(TENANT, SIMULATION.id) == done
    with pytest.raises(StoreConflict):
        store.advance(replace(SIMULATION, id="sim_00000000000000000000000009"), after)


def test_a_list_is_of_one_policy_newest_first(store: SimulationStore) -> None:
    made = [
        replace(
            SIMULATION, id=f"sim_{number:026d}", created_at=START + timedelta(minutes=number), version=number or None
        )
        for number in range(5)
    ]
    for each in made:
        store.create(each, LAX)
    store.create(replace(SIMULATION, id=f"sim_{7:026d}", policy_id="pol_2"), LAX)
    store.create(replace(SIMULATION, id=f"sim_{8:026d}", tenant=OTHER_TENANT), LAX)

    first = store.page(TENANT, POLICY_ID, Position(3, 0, None))
    rest = store.page(TENANT, POLICY_ID, Position(3, 0, first.next_cursor))

    assert [*first.found, *rest.found] == made[::-1]
    assert rest.next_cursor is None


PAST = [
    *(decided(number, FEE, facts(amount_minor=1000 + number)) for number in range(1, 5)),
    replace(decided(5, LAX, facts()), ground=None),
    *(decided(number, LAX, facts(amount_minor=9000)) for number in range(6, 9)),
    decided(9, LAX, facts(amount_minor=None), None, 0),
]


@pytest.fixture(params=["table", "memory"])
def archive(request: pytest.FixtureRequest) -> DecisionArchive:
    if request.param == "memory":
        return MemoryArchive(TENANT, PAST)
    table = request.getfixturevalue("table")
    for past in PAST:
        keep(table, past)
    return DynamoDecisionArchive(table)


def keep(table: Table, past: PastDecision) -> None:
    """The refund or the refusal that a decision was kept with."""
    request = Request(None, None, past.rules, ground=past.ground)
    if past.id.startswith("dec_"):
        at = TRANSACTION._replace(charge_id=past.charge_id)
        DynamoRefusalStore(table).put(Refusal(past.id, TENANT, at, "amount_exceeds_refundable", None, past.at, request))
        return
    store = DynamoRefundStore(table)
    money = past.gross - replace(past.gross, amount_minor=past.fee_minor)
    one = replace(refund(), id=past.id, created_at=past.at, updated_at=past.at, money=money, fee_minor=past.fee_minor)
    held = store.ledger(TENANT, TRANSACTION) or ledger(captured_minor=100_000, version=0)
    store.open(one, request, of_change(None, one), held, refuse_twin=False)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_the_past_is_read_newest_first_each_decision_once(archive: DecisionArchive, size: int) -> None:
    read: dict[str, list[PastDecision]] = {"refunds": [], "refusals": []}
    place: Place | None
    for source in ("refunds", "refusals"):
        place = Place(source, iso(START + timedelta(hours=1)))
        while place is not None:
            found, place = archive.newest(TENANT, place, START, size)
            assert len(found) <= size
            read[source] += found

    newest = PAST[::-1]
    assert read["refunds"] == [each for each in newest if each.id.startswith("ref_")]
    assert read["refusals"] == [each for each in newest if each.id.startswith("dec_")]


def test_a_range_is_from_its_first_moment_on_and_before_its_last(archive: DecisionArchive) -> None:
    until = Place("refunds", iso(START + timedelta(minutes=4)))

    found, after = archive.newest(TENANT, until, START + timedelta(minutes=2), 10)

    assert ([each.at for each in found], after) == ([START + timedelta(minutes=minute) for minute in (3, 2)], None)
    assert archive.newest(OTHER_TENANT, until, START, 10) == ([], None)
    assert archive.newest(TENANT, until, START + timedelta(minutes=4), 10) == ([], None)


def test_decisions_are_found_by_name(archive: DecisionArchive) -> None:
    named = [PAST[0].id, PAST[6].id, "ref_never", "dec_never"]

    assert archive.named(TENANT, named) == {PAST[0].id: PAST[0], PAST[6].id: PAST[6]}
    assert archive.named(OTHER_TENANT, named) == {}
    assert archive.named(TENANT, []) == {}


def shadow(decision_id: str, minutes: int = 0, policy_id: str = POLICY_ID) -> ShadowDifference:
    rules = (RuleResult("final_sale", "fail", "Never — ☂", "No", "x", 5, "HAT"), RuleResult("risk", "unknown", "?"))
    at = START + timedelta(minutes=minutes)
    return ShadowDifference(decision_id, policy_id, 3, at, "usd", "allow", 2000, "refuse", 0, rules)


def test_a_difference_stands_or_falls_with_its_refund(table: Table) -> None:
    store, shadows = DynamoRefundStore(table), DynamoShadowStore(table)
    one = refund()
    beside = Beside(shadow=shadow(one.id))
    store.open(one, Request(None, None, ()), of_change(None, one), ledger(version=0), refuse_twin=False, beside=beside)

    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    again = Beside(shadow=replace(shadow(one.id), version=9))
    with pytest.raises(StoreConflict):
        store.open(one, Request(None, None, ()), of_change(None, one), held, refuse_twin=False, beside=again)

    assert shadows.page(TENANT, POLICY_ID, Position(10, 0, None)) == Page([shadow(one.id)], None)
    assert store.find(TENANT, one.id) == (one, Request(None, None, ()))
    assert len(store.timeline(TENANT, one.id)) == 1
    assert shadows.page(OTHER_TENANT, POLICY_ID, Position(10, 0, None)).found == []


def test_differences_of_refusals_are_listed_newest_first_by_policy(table: Table) -> None:
    refusals, shadows = DynamoRefusalStore(table), DynamoShadowStore(table)
    made = [shadow(f"dec_{number:026d}", number) for number in range(4)]
    for each in (*made, shadow("dec_other", 9, "pol_2")):
        request = Request(None, None, (), ground=PAST[0].ground)
        refusals.put(Refusal(each.decision_id, TENANT, TRANSACTION, "policy_violation", None, each.at, request, each))

    first = shadows.page(TENANT, POLICY_ID, Position(3, 0, None))
    rest = shadows.page(TENANT, POLICY_ID, Position(3, 0, first.next_cursor))

    assert [*first.found, *rest.found] == made[::-1]
    found = refusals.find(TENANT, made[0].decision_id)
    assert found is not None
    assert found.code == "policy_violation"
