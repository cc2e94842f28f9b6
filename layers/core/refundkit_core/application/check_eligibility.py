"""The full check behind ``POST /v1/eligibility/check``: the decision that a refund asked for now would get."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from refundkit_core.application.gather_facts import Asked, Gathered, GatherFacts
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.domain.eligibility import Eligibility, eligibility
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.tenancy import Tenant


class Checked(NamedTuple):
    """The answer and what it rests on."""

    found: Eligibility
    gathered: Gathered


class CheckEligibility:
    """Judge a request as a refund of it would be judged, and change nothing."""

    def __init__(self, resolve: ResolveTransaction, gather: GatherFacts) -> None:
        self._resolve = resolve
        self._gather = gather

    def __call__(self, tenant: Tenant, transaction_id: str, asked: Asked) -> Checked:
        """The decision on what is asked; without an amount, on what was paid for the items that are named.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
        """
        gathered = self._gather(self._resolve(tenant, transaction_id, None), asked)
        if asked.amount_minor is None and asked.claim.items:
            gathered = replace(gathered, facts=_for_the_items(gathered.facts))
        return Checked(eligibility(gathered.version.policy, gathered.facts), gathered)


def _for_the_items(facts: Facts) -> Facts:
    """The facts with the items' worth as the amount, where it is known, up to what remains."""
    worths = [item.amount_minor for item in facts.items]
    if not worths or None in worths:
        return facts
    worth = min(sum(each or 0 for each in worths), facts.charge.remaining_minor)
    return replace(facts, amount_minor=worth) if worth > 0 else facts
