"""Trying a policy on the wire: what it would have made of past decisions, what a shadow version makes of new ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from refundkit.contracts.base import Time, TimeInput, Wire
from refundkit.contracts.eligibility import Outcome, TraceEntry

SimulationStatus = Literal["running", "completed"]


class SimulatePolicyRequest(Wire):
    """Judge past refunds and refused requests by a policy, and compare with what was decided."""

    since: TimeInput = Field(alias="from")
    """Decisions from this time on."""
    until: TimeInput = Field(alias="to")
    """Decisions before this time, at most 400 days later; now where it lies in the future."""
    sample: Annotated[int, Field(ge=1, le=100)] = 100
    """How many percent of them are judged: by a hash of their ids, so that it is the same ones every time."""
    version: Annotated[int, Field(ge=1, le=999_999)] | None = None
    """A published version's number; the draft as it stands now where omitted."""
    examples: Annotated[int, Field(ge=0, le=100)] = 20
    """How many decisions that would have been others to show, the newest."""


class SimulationProgressView(Wire):
    """How far a simulation is."""

    examined: int
    """Decisions that were looked at so far."""
    percent: Annotated[int, Field(ge=0, le=100)]
    """Of the range, by time and not by number: how many decisions there are is known at the end only."""


class VerdictCounts(Wire):
    """A number for each verdict: of decisions, or of minor units."""

    allow: int
    review: int
    refuse: int


class FlipView(Wire):
    """How many decisions would have been another one, of one kind."""

    before: Outcome = Field(alias="from")
    after: Outcome = Field(alias="to")
    count: int


class SimulatedMoneyView(Wire):
    """Sums of one currency in minor units: paid without a person, put before one (both less fees), refused."""

    currency: str
    before: VerdictCounts
    after: VerdictCounts
    delta: VerdictCounts
    """After less before."""


class NotJudgedView(Wire):
    """Decisions that were looked at and not judged again."""

    no_facts: int
    """Refunds that were made at the processor: nobody decided on them here."""
    other_merchants: int
    """Judged by another merchant's policy."""
    not_sampled: int


class FlippedDecisionView(Wire):
    """A decision that would have been another one. Amounts in minor units."""

    decision_id: str
    """The refund's id, or ``dec_…`` of a refused request."""
    decided_at: Time
    transaction_id: str
    amount: int
    """What was asked for."""
    currency: str
    before: Outcome
    after: Outcome
    money_before: int
    """What was paid, put before a person or refused."""
    money_after: int
    changed_rules: list[str]
    trace_before: list[TraceEntry]
    """As it was kept."""
    trace_after: list[TraceEntry]


class SimulationResultView(Wire):
    """What the policy would have changed."""

    judged: int
    not_judged: NotJudgedView
    before: VerdictCounts
    after: VerdictCounts
    flips: list[FlipView]
    money: list[SimulatedMoneyView]
    truncated: bool
    """There were over a million decisions, and only the newest were looked at."""
    examples: list[FlippedDecisionView]


class SimulationSummaryView(Wire):
    """A simulation without its result."""

    id: str
    policy_id: str
    version: int | None
    """null: the draft."""
    revision: int
    """The draft's revision that this document is or was."""
    status: SimulationStatus
    since: Time = Field(alias="from")
    until: Time = Field(alias="to")
    sample: int
    progress: SimulationProgressView
    created_at: Time
    updated_at: Time


class SimulationView(SimulationSummaryView):
    """A simulation, with its result once it is completed."""

    result: SimulationResultView | None
    """null while it is running."""
    csv_url: str | None
    """Where every judged decision is a row; whoever knows it may read it for 15 minutes. null while it is running."""


class ShadowDifferenceView(Wire):
    """A decision that a shadow version would have made otherwise. Nets are what is paid: 0 where it is refused."""

    decision_id: str
    """The refund's id, or ``dec_…`` of a refused request."""
    decided_at: Time
    version: int
    """The shadow version."""
    currency: str
    verdict: Outcome
    net: int
    shadow_verdict: Outcome
    shadow_net: int
    shadow_rules: list[TraceEntry]
    """The shadow's rules that refuse or ask for a person, the first 20."""
