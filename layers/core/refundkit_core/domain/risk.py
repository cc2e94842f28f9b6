"""How risky is a refund? A score of 0 to 100 that is the sum of its signals, each with a weight, a band and a reason.

A signal adds ``weight * band // 100`` points, and the score is their sum, at most 100. The weight says how much the
signal counts, the band how strongly it speaks; docs/risk.md has both for each, with reasons. A fact that is missing
adds nothing, and its signal is named as unknown. The same facts always give the same score.

Source: document 002 "Disputes", document 001 "Step 2", decision 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from refundkit_core.domain.facts import Facts
from refundkit_core.domain.policies import REVIEW_FROM_RISK, RiskSettings
from refundkit_core.domain.risk_signals import DEFAULT_WEIGHTS, READINGS, SIGNALS, Reading

Level = Literal["low", "medium", "high", "critical"]
Recommendation = Literal["auto_approve", "approve_with_review", "escalate", "deny"]

_HIGHEST: Final = 100
_LEVELS: Final[tuple[tuple[int, Level], ...]] = ((90, "critical"), (REVIEW_FROM_RISK, "high"), (40, "medium"))
RECOMMENDED: Final[dict[Level, Recommendation]] = {
    "low": "auto_approve",
    "medium": "approve_with_review",
    "high": "escalate",
    "critical": "deny",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that speaks against a refund: ``fact`` is what was found, ``limit`` from where on it counts so much.

    ``weight`` and ``band`` are 0 to 100, ``points`` what the two add to the score.
    """

    type: str
    description: str
    weight: int
    band: int
    points: int
    fact: int | str
    limit: int | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """A score with all that explains it. ``signals`` are those with points, ``unknown`` those whose facts are missing.

    ``preemptive_refund_advised``: refunding now is cheaper than the dispute that is to be expected.
    """

    score: int
    level: Level
    signals: tuple[Signal, ...]
    unknown: tuple[str, ...]
    recommendation: Recommendation
    preemptive_refund_advised: bool

    def as_record(self) -> dict[str, Any]:
        """The assessment as JSON knows it, for storage."""
        record = asdict(self)
        return {**record, "signals": [asdict(signal) for signal in self.signals], "unknown": list(self.unknown)}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Assessment:
        """The assessment of :meth:`as_record`."""
        signals = tuple(Signal(**signal) for signal in record["signals"])
        return cls(**{**record, "signals": signals, "unknown": tuple(record["unknown"])})


def assess(facts: Facts, gross_minor: int, settings: RiskSettings) -> Assessment:
    """The risk of refunding ``gross_minor`` (in minor units of the charge's currency) on these facts."""
    readings = [(name, READINGS[name](facts, gross_minor)) for name in SIGNALS]
    signals = _signals(readings, settings)
    score = min(_HIGHEST, sum(signal.points for signal in signals))
    level = level_of(score)
    return Assessment(
        score=score,
        level=level,
        signals=signals,
        unknown=tuple(name for name, reading in readings if reading is None),
        recommendation=RECOMMENDED[level],
        preemptive_refund_advised=_refund_before_dispute(facts, settings),
    )


def level_of(score: int) -> Level:
    """The level of a score: low 0–39, medium 40–69, high 70–89, critical 90+ (decision 4)."""
    return next((level for least, level in _LEVELS if score >= least), "low")


def _signals(readings: Sequence[tuple[str, Reading | None]], settings: RiskSettings) -> tuple[Signal, ...]:
    made = []
    for name, reading in readings:
        weight = settings.weights.get(name, DEFAULT_WEIGHTS[name])
        points = 0 if reading is None else weight * reading.band // 100
        if reading is not None and points > 0:
            made.append(Signal(name, reading.description, weight, reading.band, points, reading.fact, reading.limit))
    return tuple(made)


def _refund_before_dispute(facts: Facts, settings: RiskSettings) -> bool:
    """Whether to refund what remains before the card issuer's early warning becomes a dispute.

    A refund costs what remains, for certain. Waiting costs the same and the dispute's fee, as often as a warning
    becomes a dispute: such disputes are about fraud and seldom won. So with ``p`` = ``dispute_likelihood_percent``
    it is advised where ``remaining * 100 < p * (remaining + fee)``; by default up to 59.99 USD. The fee compares only
    with a charge in its own currency; without a fee, waiting is never dearer. An inquiry is no dispute yet.
    """
    charge = facts.charge
    if charge.fraud_warning is None or charge.dispute not in ("none", "inquiry") or charge.remaining_minor <= 0:
        return False
    if settings.dispute_fee_minor and charge.currency != settings.dispute_fee_currency:
        return False
    at_stake = charge.remaining_minor + settings.dispute_fee_minor
    return charge.remaining_minor * 100 < settings.dispute_likelihood_percent * at_stake
