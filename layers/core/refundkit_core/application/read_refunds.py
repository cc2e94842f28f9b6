"""Read refunds: one, its timeline, and the list."""

from __future__ import annotations

from collections.abc import Sequence

from refundkit_core.application.ports import RefundStore
from refundkit_core.application.records import RefundFilter, RefundPage
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant


class ReadRefunds:
    """The use cases behind the ``GET`` routes of refunds."""

    def __init__(self, refunds: RefundStore) -> None:
        self._refunds = refunds

    def one(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request]:
        """The refund as it stands. Raises NotFound where the tenant has none such; a malformed id costs no read."""
        found = self._refunds.find(tenant, refund_id) if is_id("ref", refund_id) else None
        if found is None:
            raise NotFound("No such refund")
        return found

    def timeline(self, tenant: Tenant, refund_id: str) -> Sequence[Event]:
        """Every change of the refund, oldest first. Raises NotFound."""
        events = self._refunds.timeline(tenant, refund_id) if is_id("ref", refund_id) else ()
        if not events:
            raise NotFound("No such refund")
        return events

    def page(self, tenant: Tenant, wanted: RefundFilter) -> RefundPage:
        """One page of the tenant's refunds, newest first."""
        return self._refunds.page(tenant, wanted)
