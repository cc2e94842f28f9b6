"""Ask before refunding: the use case behind ``POST /v1/policies/check`` (document 003)."""

from __future__ import annotations

from refundkit_core.application.ports import Clock
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.domain.eligibility import Eligibility, eligibility
from refundkit_core.domain.policy import DEFAULT_POLICY
from refundkit_core.domain.tenancy import Tenant


class CheckPolicy:
    """Judge a transaction as a refund of it would be judged, and change nothing."""

    def __init__(self, resolve: ResolveTransaction, clock: Clock) -> None:
        self._resolve = resolve
        self._clock = clock

    def __call__(self, tenant: Tenant, transaction_id: str, amount_minor: int | None) -> Eligibility:
        """Whether ``amount_minor`` (None: anything) may be refunded now.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
        """
        ledger = self._resolve(tenant, transaction_id, None).ledger
        return eligibility(DEFAULT_POLICY, ledger, amount_minor, self._clock.now())
