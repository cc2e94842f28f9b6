"""Builders of facts and of what is judged by them: 5,000 usd captured now, of which nothing else is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.facts import ChargeFacts, Facts
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import RiskSettings
from refundkit_core.domain.risk import assess

from tests.support.builders import TENANT, TRANSACTION
from tests.support.clock import START


def charge_facts(**changes: Any) -> ChargeFacts:
    """A charge of 5,000 usd, all of it there."""
    made = ChargeFacts("usd", 5000, 5000, 0, 0, "none", START)
    return replace(made, **changes)


def facts(**changes: Any) -> Facts:
    """A request about that charge."""
    return replace(Facts(START, "other", None, None, charge_facts()), **changes)


def kept_assessment(number: int = 1, score_of: Facts | None = None, **changes: Any) -> KeptAssessment:
    """The kept assessment of a full refund of the builders' charge; a low one unless ``score_of`` says otherwise."""
    made = KeptAssessment(
        id=f"rsk_{number:026d}",
        tenant=TENANT,
        transaction=TRANSACTION,
        gross=Money(5000, "usd"),
        assessment=assess(score_of or facts(), 5000, RiskSettings()),
        policy_id=None,
        policy_version=0,
        created_at=START,
    )
    return replace(made, **changes)
