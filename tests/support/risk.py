"""Builders of facts: one request of 5,000 usd captured now, of which nothing else is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refundkit_core.domain.facts import ChargeFacts, Facts

from tests.support.clock import START


def charge_facts(**changes: Any) -> ChargeFacts:
    """A charge of 5,000 usd, all of it there."""
    made = ChargeFacts("usd", 5000, 5000, 0, 0, "none", START)
    return replace(made, **changes)


def facts(**changes: Any) -> Facts:
    """A request about that charge."""
    return replace(Facts(START, "other", None, None, charge_facts()), **changes)
