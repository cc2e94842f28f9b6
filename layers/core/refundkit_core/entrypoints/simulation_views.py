"""Simulations and shadows between the wire and the use cases."""

from __future__ import annotations

from typing import Any

from refundkit.contracts import simulations as wire

from refundkit_core.application.read_simulations import ShownSimulation
from refundkit_core.application.simulate_policy import MadeSimulation, WantedSimulation
from refundkit_core.application.simulation_ports import Simulation
from refundkit_core.domain.backtest import VERDICTS, Replayed, Tally
from refundkit_core.domain.shadows import ShadowDifference
from refundkit_core.domain.times import iso, parse_iso
from refundkit_core.entrypoints.decision_views import trace_entry
from refundkit_core.entrypoints.http import Answer, Call


def simulation_from(call: Call) -> WantedSimulation:
    """What a ``POST /v1/policies/{id}/simulate`` asks for."""
    body: wire.SimulatePolicyRequest = call.body
    since, until = (parse_iso(iso(parse_iso(each))) for each in (body.since, body.until))  # to the millisecond
    return WantedSimulation(call.path["id"], since, until, body.sample, body.version, body.examples)


def made_simulation(made: MadeSimulation, shown: ShownSimulation) -> Answer:
    """A new simulation, or the one that an earlier request with the same key made."""
    return Answer(simulation_view(shown), headers={"idempotent-replayed": "true"} if made.replayed else {})


def simulation_view(shown: ShownSimulation) -> wire.SimulationView:
    """A simulation with its result, where there is one."""
    simulation = shown.simulation
    result = _result(simulation, shown) if simulation.completed else None
    return wire.SimulationView(**_summary(simulation), result=result, csv_url=shown.csv_url)


def summary_view(simulation: Simulation) -> wire.SimulationSummaryView:
    """A simulation without its result."""
    return wire.SimulationSummaryView(**_summary(simulation))


def difference_view(found: ShadowDifference) -> wire.ShadowDifferenceView:
    """Where a shadow differs."""
    return wire.ShadowDifferenceView(
        decision_id=found.decision_id,
        decided_at=iso(found.at),
        version=found.version,
        currency=found.currency,
        verdict=found.verdict,
        net=found.net_minor,
        shadow_verdict=found.shadow_verdict,
        shadow_net=found.shadow_net_minor,
        shadow_rules=[trace_entry(rule) for rule in found.rules],
    )


def _summary(simulation: Simulation) -> dict[str, Any]:
    progress = wire.SimulationProgressView(examined=simulation.tally.examined, percent=simulation.percent)
    return {
        "id": simulation.id,
        "policy_id": simulation.policy_id,
        "version": simulation.version,
        "revision": simulation.revision,
        "status": "completed" if simulation.completed else "running",
        "since": iso(simulation.since),
        "until": iso(simulation.until),
        "sample": simulation.sample_percent,
        "progress": progress,
        "created_at": iso(simulation.created_at),
        "updated_at": iso(simulation.updated_at),
    }


def _result(simulation: Simulation, shown: ShownSimulation) -> wire.SimulationResultView:
    tally = simulation.tally
    flips = (name.split(">") for name in sorted(tally.flips))
    return wire.SimulationResultView(
        judged=tally.judged,
        not_judged=wire.NotJudgedView(
            no_facts=tally.without_ground, other_merchants=tally.others, not_sampled=tally.not_sampled
        ),
        before=_counts(dict(tally.before)),
        after=_counts(dict(tally.after)),
        flips=[
            wire.FlipView.model_validate({"from": before, "to": after, "count": tally.flips[f"{before}>{after}"]})
            for before, after in flips
        ],
        money=[_money(tally, currency) for currency in tally.currencies],
        truncated=simulation.truncated,
        examples=[_example(each) for each in shown.examples],
    )


def _money(tally: Tally, currency: str) -> wire.SimulatedMoneyView:
    before = {verdict: tally.moved_minor(currency, "before", verdict) for verdict in VERDICTS}
    after = {verdict: tally.moved_minor(currency, "after", verdict) for verdict in VERDICTS}
    return wire.SimulatedMoneyView(
        currency=currency,
        before=_counts(dict(before)),
        after=_counts(dict(after)),
        delta=_counts({verdict: after[verdict] - before[verdict] for verdict in VERDICTS}),
    )


def _counts(found: dict[Any, int]) -> wire.VerdictCounts:
    return wire.VerdictCounts(allow=found.get("allow", 0), review=found.get("review", 0), refuse=found.get("refuse", 0))


def _example(each: Replayed) -> wire.FlippedDecisionView:
    past, now = each.past, each.now
    return wire.FlippedDecisionView(
        decision_id=past.id,
        decided_at=iso(past.at),
        transaction_id=past.charge_id,
        amount=past.gross.amount_minor,
        currency=past.gross.currency,
        before=past.verdict,
        after=now.verdict,
        money_before=past.moved_minor,
        money_after=each.moved_minor,
        changed_rules=list(each.changed_rules),
        trace_before=[trace_entry(rule) for rule in past.rules],
        trace_after=[trace_entry(rule) for rule in now.rules],
    )
