"""Simulations on fakes: at once or chunk by chunk, once whoever asks twice, and nothing lost or counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.application import read_simulations, simulate_policy
from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.manage_policies import Once
from refundkit_core.application.policy_ports import Draft, PolicyHead
from refundkit_core.application.read_simulations import ReadSimulations
from refundkit_core.application.replay import HEADER, Replay
from refundkit_core.application.simulate_policy import SimulatePolicy, WantedSimulation, WorkSimulation
from refundkit_core.application.simulation_ports import Place, Simulation
from refundkit_core.domain import errors
from refundkit_core.domain.backtest import PastDecision, Tally, judged_anew
from refundkit_core.domain.policies import Limits
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.entrypoints.messages import ComesBack, simulated

from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.fact_stores import POLICY_ID
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_policies import MemoryPolicyStore
from tests.support.memory_simulations import (
    MemoryArchive,
    MemoryShelf,
    MemorySimulationQueue,
    MemorySimulationStore,
)
from tests.unit.test_backtest import LAX, decided, facts, trial

TRIED = replace(LAX, limits=Limits(auto_approve_threshold_minor=1500))
ROUTE = "POST /v1/policies/x/simulate"


class Lab:
    """One tenant with a policy's draft, a past, and the use cases over them."""

    def __init__(self, decisions: Sequence[PastDecision] = ()) -> None:
        self.clock = FixedClock(START + timedelta(days=30))
        self.simulations, self.shelf, self.queue = MemorySimulationStore(), MemoryShelf(), MemorySimulationQueue()
        self.archive = MemoryArchive(TENANT, decisions)
        policies, organizations, ids = MemoryPolicyStore(), FakeOrganizations(), CountingIds(self.clock)
        head = PolicyHead(POLICY_ID, TENANT, "merchant", "Tried", START, START, revision=4)
        entry = Auditor(self.clock, ids).entry(By("test"), "policies create", POLICY_ID, TENANT)
        policies.create(Draft(head, TRIED), entry)
        replay = Replay(self.archive)
        self.simulate = SimulatePolicy(
            self.simulations, policies, organizations, replay, self.shelf, self.queue, self.clock, ids
        )
        self.work = WorkSimulation(self.simulations, replay, self.shelf, self.queue, self.clock)
        self.read = ReadSimulations(self.simulations, policies, self.archive, self.shelf, NoShadows(), organizations)

    def ask(self, key: str | None = None, **changes: Any) -> Simulation:
        wanted = WantedSimulation(POLICY_ID, START, START + timedelta(days=20), 100, None, 5)
        return self.simulate(TENANT, replace(wanted, **changes), Once(key, ROUTE)).simulation

    def finish(self) -> int:
        """Work the queue off; how many messages that took."""
        worked = 0
        while self.queue.messages:
            self.work(*self.queue.messages.pop(0))
            worked += 1
        return worked

    def found(self, simulation: Simulation) -> Simulation:
        found = self.simulations.find(TENANT, simulation.id)
        assert found is not None
        return found


class NoShadows:
    def page(self, *_: object) -> Any:
        raise NotImplementedError


def past(count: int) -> list[PastDecision]:
    """As many decisions, every third of them refused."""
    return [
        decided(number, LAX, facts(amount_minor=9000 if number % 3 == 0 else 1000 + number)) for number in range(count)
    ]


def expected(decisions: Sequence[PastDecision]) -> Tally:
    return Tally(5) + judged_anew(trial(TRIED, examples=5), decisions).tally


def test_five_hundred_decisions_are_answered_at_once_and_one_more_is_not() -> None:
    at_once, later = Lab(past(500)), Lab(past(501))

    done, running = at_once.ask(), later.ask()

    assert (done.completed, done.tally, at_once.queue.messages) == (True, expected(past(500)), [])
    assert len(at_once.shelf.files[done.id].splitlines()) == 501
    assert (running.completed, running.tally, running.percent) == (False, Tally(5), 0)
    assert later.queue.messages == [(TENANT, running.id, 0)]


@pytest.mark.parametrize("count", [501, 999, 1000, 1001, 2500])
def test_a_large_past_is_the_same_sum_chunk_by_chunk(count: int) -> None:
    lab = Lab(past(count))
    running = lab.ask()

    chunks = lab.finish()

    done = lab.found(running)
    assert (done.completed, done.percent, done.tally) == (True, 100, expected(past(count)))
    lines = lab.shelf.files[done.id].splitlines(keepends=True)
    assert (lines[0], len(lines)) == (HEADER, count + 1)
    assert len({line.split(",")[0] for line in lines}) == count + 1
    assert chunks == -(-count // 1000) + 1


def test_a_message_that_comes_again_sends_the_next_again_and_counts_nothing() -> None:
    lab = Lab(past(2500))
    running = lab.ask()
    lab.queue.messages.clear()

    outcomes = [lab.work(TENANT, running.id, chunk) for chunk in (0, 0, 1, 0, 7)]

    assert outcomes == ["chunk", "sent_again", "chunk", "superseded", "superseded"]
    assert [chunk for _, _, chunk in lab.queue.messages] == [1, 1, 2]
    lab.finish()
    assert lab.found(running).tally == expected(past(2500))
    assert lab.work(TENANT, running.id, 4) == "nothing_to_do"
    assert lab.work(OTHER_TENANT, running.id, 0) == "nothing_to_do"


def test_a_worker_that_was_overtaken_counts_nothing_and_its_message_comes_back() -> None:
    lab = Lab(past(2500))
    running = lab.ask()
    overtaken = lab.simulations.find

    def stale(tenant: Tenant, simulation_id: str) -> Simulation | None:
        return running

    lab.work(TENANT, running.id, 0)
    lab.simulations.find = stale  # type: ignore[method-assign]
    message = {"organizationId": TENANT.org_id, "environment": "test", "simulationId": running.id, "chunk": 0}
    with pytest.raises(ComesBack) as back:
        simulated(lab.work, message)
    lab.simulations.find = overtaken  # type: ignore[method-assign]

    assert back.value.said["outcome"] == "conflict"
    lab.finish()
    assert lab.found(running).tally == expected(past(2500))


def test_what_is_tried_is_the_draft_as_it_stood_when_it_was_asked() -> None:
    lab = Lab(past(3))

    done = lab.ask()

    assert (done.version, done.revision, lab.simulations.policy(TENANT, done.id)) == (None, 4, TRIED)


def test_more_than_a_simulation_takes_is_cut_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulate_policy, "MOST_CHUNKS", 2)
    lab = Lab(past(2500))
    running = lab.ask()

    lab.finish()

    done = lab.found(running)
    assert (done.completed, done.truncated, done.tally.examined) == (True, True, 2000)
    newest = sorted(past(2500), key=lambda each: (each.id.startswith("ref_"), each.place), reverse=True)
    assert done.tally == expected(newest[:2000])


def test_the_same_key_is_answered_with_the_same_simulation_and_queued_again_until_it_has_begun() -> None:
    lab = Lab(past(600))
    first = lab.ask("one")
    lab.clock.advance(minutes=1)

    assert lab.ask("one") == first
    assert [chunk for _, _, chunk in lab.queue.messages] == [0, 0]
    with pytest.raises(errors.IdempotencyKeyReused):
        lab.ask("one", sample_percent=10)
    lab.finish()
    assert lab.ask("one").completed
    assert lab.queue.messages == []
    assert lab.ask("two").id != first.id


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        (START, START, "to"),
        (START + timedelta(milliseconds=1), START, "to"),
        (START - timedelta(days=400), START + timedelta(milliseconds=1), "to"),
        (START + timedelta(days=30), START + timedelta(days=31), "from"),
    ],
)
def test_a_range_that_cannot_be_is_refused(since: Any, until: Any, field: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        Lab().ask(since=since, until=until)

    assert [detail.field for detail in refused.value.details] == [field]


def test_a_range_of_four_hundred_days_is_taken_and_ends_now() -> None:
    since = START - timedelta(days=370) + timedelta(milliseconds=1)

    assert Lab().ask(since=since, until=since + timedelta(days=400)).until == START + timedelta(days=30)


@pytest.mark.parametrize("changes", [{"policy_id": "pol_x"}, {"policy_id": f"{POLICY_ID[:-1]}9"}, {"version": 1}])
def test_what_does_not_exist_is_not_found(changes: dict[str, Any]) -> None:
    with pytest.raises(errors.NotFound):
        Lab().ask(**changes)


def test_a_range_begins_with_its_first_moment_and_ends_before_its_last() -> None:
    lab = Lab([decided(number, LAX, facts()) for number in range(3)])

    done = lab.ask(since=START + timedelta(minutes=1), until=START + timedelta(minutes=2))

    assert done.tally.examined == 1


def test_examples_are_shown_with_both_decisions_and_those_that_are_gone_are_left_out() -> None:
    lab = Lab(past(6))
    done = lab.ask(examples=2, sample_percent=100)
    shown = lab.read.one(TENANT, done.id)

    assert shown.examples == []  # nothing flips at 1,000 and a bit
    flipping = Lab([decided(number, LAX, facts(amount_minor=2000 + number)) for number in range(4)])
    done = flipping.ask(examples=2)
    shown = flipping.read.one(TENANT, done.id)
    assert [each.past.id for each in shown.examples] == [f"ref_{number:026d}" for number in (3, 2)]
    assert [(each.past.verdict, each.now.verdict) for each in shown.examples] == [("allow", "review")] * 2
    assert shown.csv_url == f"https://files.test/{done.id}?for=900"
    del flipping.archive.decisions[-1]
    assert len(flipping.read.one(TENANT, done.id).examples) == 1
    with pytest.raises(errors.NotFound):
        flipping.read.one(OTHER_TENANT, done.id)


def test_no_more_examples_are_shown_than_fit_into_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab([decided(number, LAX, facts(amount_minor=2000 + number)) for number in range(4)])
    done = lab.ask(examples=4)
    whole = lab.read.one(TENANT, done.id).examples
    two = sum(len(each.past.rules) + len(each.now.rules) for each in whole[:2])
    monkeypatch.setattr(read_simulations, "MOST_RULES", two)

    assert lab.read.one(TENANT, done.id).examples == whole[:2]


def test_progress_grows_with_time_one_source_after_the_other() -> None:
    lab = Lab(past(600))
    running = lab.ask()
    halves = [
        replace(running, place=Place("refunds", (START + timedelta(days=10)).isoformat())).percent,
        replace(running, place=Place("refusals", (START + timedelta(days=20)).isoformat())).percent,
        replace(running, place=Place("refusals", START.isoformat())).percent,
        replace(running, place=None).percent,
    ]

    assert halves == [25, 50, 99, 99]


def test_a_policy_without_a_past_is_tried_on_nothing() -> None:
    lab = Lab()
    done = lab.ask()

    assert (done.completed, done.tally, lab.shelf.files[done.id]) == (True, Tally(5), HEADER)
