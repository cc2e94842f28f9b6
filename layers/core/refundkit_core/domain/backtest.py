"""What another policy would have made of past decisions: each judged again from its own facts, and counted.

A tally is a sum: tallies of parts, merged in any order, are the tally of the whole. Money is in minor units by
currency: what was (or would be) paid without a person, what would be paid if a person agrees, both less the fee, and
what was asked for where it was refused.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from refundkit_core.domain.decisions import ASKS_A_PERSON, Decision, RuleResult, Verdict
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import PolicyVersion
from refundkit_core.domain.policy import judge
from refundkit_core.domain.refund import Ground
from refundkit_core.domain.times import iso

VERDICTS: Final[tuple[Verdict, ...]] = ("allow", "review", "refuse")
WHOLE: Final = 100
"""A sample of all, in percent."""


@dataclass(frozen=True, slots=True)
class PastDecision:
    """A decision as it was kept. ``id`` is its refund's or its refusal's, ``gross`` what was asked for.

    ``ground`` is None where nobody decided here: refunds that were adopted from the processor.
    """

    id: str
    at: datetime
    charge_id: str
    gross: Money
    fee_minor: int
    rules: tuple[RuleResult, ...]
    ground: Ground | None

    @property
    def verdict(self) -> Verdict:
        """What was decided, as its rules said."""
        outcomes = {rule.outcome for rule in self.rules}
        if "fail" in outcomes:
            return "refuse"
        return "review" if outcomes & ASKS_A_PERSON else "allow"

    @property
    def moved_minor(self) -> int:
        """The money that the decision was about: less the fee, unless it was refused."""
        return self.gross.amount_minor - (0 if self.verdict == "refuse" else self.fee_minor)

    @property
    def place(self) -> str:
        """Where it stands among all, by its time: newer ones sort later."""
        return f"{iso(self.at)}#{self.id}"


class Replayed(NamedTuple):
    """A past decision, and the one that the tried policy makes of the same facts."""

    past: PastDecision
    now: Decision

    @property
    def flipped(self) -> bool:
        """Whether the verdict is another one."""
        return self.past.verdict != self.now.verdict

    @property
    def moved_minor(self) -> int:
        """The money that the new decision is about, as ``PastDecision.moved_minor``."""
        return (self.now.amount if self.now.verdict == "refuse" else self.now.net).amount_minor

    @property
    def changed_rules(self) -> tuple[str, ...]:
        """The rules that say something else now, such as ``auto_approve: pass to review``; absent ones are silent."""
        before, after = _spoken(self.past.rules), _spoken(self.now.rules)
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        return tuple(f"{name}: {before.get(name, 'silent')} to {after.get(name, 'silent')}" for name in names)


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried: one document of the policy ``policy_id``, on ``sample_percent`` of the decisions; ``examples`` is
    how many flipped ones are remembered. The version is None for a draft."""

    policy_id: str
    version: PolicyVersion
    sample_percent: int = WHOLE
    examples: int = 20

    def wants(self, decision_id: str) -> bool:
        """Whether the sample has this decision: told by a hash of its id, so that it is the same ones every time."""
        share = int.from_bytes(hashlib.sha256(decision_id.encode()).digest()[:8]) % WHOLE
        return share < self.sample_percent

    def replayed(self, past: PastDecision) -> Replayed | None:
        """The decision judged anew; None where it is another merchant's, or there are no facts to judge it from."""
        ground = past.ground
        if ground is None or not self.concerns(ground):
            return None
        facts = ground.facts
        if (ground.policy_id, ground.policy_version) != (self.version.policy_id, self.version.number):
            facts = replace(facts, quoted_fee_minor=None)  # a quote held for the policy that made it
        return Replayed(past, judge(self.version.policy, facts))

    def concerns(self, ground: Ground) -> bool:
        """Whether this policy's merchant is meant, or may be: the default policy judges for any merchant."""
        return ground.policy_id in (self.policy_id, None)


@dataclass(frozen=True, slots=True)
class Tally:
    """A sum over past decisions. Every one that was ``examined`` is in exactly one of ``judged``, ``not_sampled``,
    ``others`` (another merchant's policy judged it) and ``without_ground``.

    ``flips`` counts by ``allow>review`` and the like; ``money`` is by currency, side (``before``, ``after``) and
    verdict. ``examples`` are the newest flipped decisions by their places, at most ``most_examples``.
    """

    most_examples: int = 20
    judged: int = 0
    not_sampled: int = 0
    others: int = 0
    without_ground: int = 0
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    flips: Mapping[str, int] = field(default_factory=dict)
    money: Mapping[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    @property
    def examined(self) -> int:
        """How many decisions were looked at."""
        return self.judged + self.not_sampled + self.others + self.without_ground

    def moved_minor(self, currency: str, side: str, verdict: Verdict) -> int:
        """A sum of money."""
        return self.money.get(f"{currency}>{side}>{verdict}", 0)

    @property
    def currencies(self) -> list[str]:
        """The currencies that money was counted in, in the order of their names."""
        return sorted({name.partition(">")[0] for name in self.money})

    def __add__(self, other: Tally) -> Tally:
        most = max(self.most_examples, other.most_examples)
        return Tally(
            most_examples=most,
            judged=self.judged + other.judged,
            not_sampled=self.not_sampled + other.not_sampled,
            others=self.others + other.others,
            without_ground=self.without_ground + other.without_ground,
            before=_sum(self.before, other.before),
            after=_sum(self.after, other.after),
            flips=_sum(self.flips, other.flips),
            money=_sum(self.money, other.money),
            examples=tuple(sorted((*self.examples, *other.examples), reverse=True)[:most]),
        )

    def as_record(self) -> dict[str, Any]:
        """The tally as it is stored."""
        return {
            "most_examples": self.most_examples,
            "judged": self.judged,
            "not_sampled": self.not_sampled,
            "others": self.others,
            "without_ground": self.without_ground,
            "before": dict(self.before),
            "after": dict(self.after),
            "flips": dict(self.flips),
            "money": dict(self.money),
            "examples": list(self.examples),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Tally:
        """The tally of :meth:`as_record`."""
        return cls(**{**record, "examples": tuple(record["examples"])})


class Judged(NamedTuple):
    """A part of the decisions: its tally, and each that was judged anew, in the order given."""

    tally: Tally
    replayed: tuple[Replayed, ...]


def judged_anew(trial: Trial, decisions: Sequence[PastDecision]) -> Judged:
    """Judge a part of the past by ``trial`` and count."""
    skipped: Counter[str] = Counter()
    found: list[Replayed] = []
    for past in decisions:
        if not trial.wants(past.id):
            skipped["not_sampled"] += 1
        elif past.ground is None:
            skipped["without_ground"] += 1
        elif (replayed := trial.replayed(past)) is None:
            skipped["others"] += 1
        else:
            found.append(replayed)
    return Judged(_counted(found, skipped, trial.examples), tuple(found))


def _counted(found: Sequence[Replayed], skipped: Mapping[str, int], most_examples: int) -> Tally:
    before: Counter[str] = Counter(each.past.verdict for each in found)
    after: Counter[str] = Counter(each.now.verdict for each in found)
    flips: Counter[str] = Counter(f"{each.past.verdict}>{each.now.verdict}" for each in found if each.flipped)
    money: Counter[str] = Counter()
    for each in found:
        money[f"{each.past.gross.currency}>before>{each.past.verdict}"] += each.past.moved_minor
        money[f"{each.now.amount.currency}>after>{each.now.verdict}"] += each.moved_minor
    examples = sorted((each.past.place for each in found if each.flipped), reverse=True)[:most_examples]
    return Tally(
        most_examples=most_examples,
        judged=len(found),
        before=dict(before),
        after=dict(after),
        flips=dict(flips),
        money=dict(money),
        examples=tuple(examples),
        **skipped,
    )


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _spoken(rules: Sequence[RuleResult]) -> dict[str, str]:
    """By rule, what it said of each line that it spoke of."""
    spoken: dict[str, list[str]] = {}
    for rule in rules:
        spoken.setdefault(rule.rule, []).append(rule.outcome)
    return {name: "+".join(sorted(outcomes)) for name, outcomes in spoken.items()}
