"""Ask before refunding: the use case behind ``POST /v1/policies/check`` (document 003)."""

from __future__ import annotations

from refundkit_core.application.gather_facts import Asked, GatherFacts
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.domain.eligibility import Eligibility, eligibility
from refundkit_core.domain.tenancy import Tenant

_ANY_REASON = "other"


class CheckPolicy:
    """Judge a transaction as a refund of it would be judged, and change nothing."""

    def __init__(self, resolve: ResolveTransaction, gather: GatherFacts) -> None:
        self._resolve = resolve
        self._gather = gather

    def __call__(self, tenant: Tenant, transaction_id: str, amount_minor: int | None) -> Eligibility:
        """Whether ``amount_minor`` (None: anything) may be refunded now.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
        """
        resolved = self._resolve(tenant, transaction_id, None)
        gathered = self._gather(resolved, Asked(_ANY_REASON, amount_minor, None))
        return eligibility(gathered.version.policy, gathered.facts)
