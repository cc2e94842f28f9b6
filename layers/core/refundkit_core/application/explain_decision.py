"""Why was it decided so? The decision on a refund, or on a request that was refused, as it was kept."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from refundkit_core.application.ports import RefundStore, RefusalStore
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Request
from refundkit_core.domain.tenancy import Tenant


class Explained(NamedTuple):
    """One decision: ``code`` is what the caller was told where it was refused, None where a refund was opened."""

    id: str
    transaction: TransactionRef
    code: str | None
    at: datetime
    request: Request


class ExplainDecision:
    """The use case behind ``GET /v1/decisions/{id}``."""

    def __init__(self, refunds: RefundStore, refusals: RefusalStore) -> None:
        self._refunds = refunds
        self._refusals = refusals

    def __call__(self, tenant: Tenant, decision_id: str) -> Explained:
        """The decision named by the id of its refund (``ref_…``) or refusal (``dec_…``). Raises NotFound."""
        if is_id("ref", decision_id) and (found := self._refunds.find(tenant, decision_id)) is not None:
            refund, request = found
            return Explained(refund.id, refund.transaction, None, refund.created_at, request)
        if is_id("dec", decision_id) and (refusal := self._refusals.find(tenant, decision_id)) is not None:
            return Explained(refusal.id, refusal.transaction, refusal.code, refusal.at, refusal.request)
        raise NotFound("No such decision")
