"""The facts of a request that nobody has made yet: for an assessment of its risk, or a quote."""

from __future__ import annotations

from refundkit_core.application.gather_facts import Asked, GatherFacts
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.risk_ports import Claim, Gathered
from refundkit_core.domain import claims
from refundkit_core.domain.tenancy import Tenant


class GatheredFacts:
    """``FactsOf`` from the same place as every decision."""

    def __init__(self, resolve: ResolveTransaction, gather: GatherFacts) -> None:
        self._resolve = resolve
        self._gather = gather

    def __call__(self, tenant: Tenant, transaction_id: str, claim: Claim) -> Gathered:
        said = claims.Claim(customer_id=claim.customer_id)
        asked = Asked(claim.reason, claim.amount_minor, None, said)
        found = self._gather(self._resolve(tenant, transaction_id, None), asked)
        return Gathered(found.facts, found.ledger, found.version)
