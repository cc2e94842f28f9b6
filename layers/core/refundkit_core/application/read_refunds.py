"""Read refunds: one, its timeline, and the list."""

from __future__ import annotations

from refundkit_core.application.paging import Paging
from refundkit_core.application.ports import OrganizationStore, RefundStore
from refundkit_core.application.records import Page, RefundFilter, Slice
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso


class ReadRefunds:
    """The use cases behind the ``GET`` routes of refunds."""

    def __init__(self, refunds: RefundStore, organizations: OrganizationStore) -> None:
        self._refunds = refunds
        self._lists = Paging(organizations, "refunds")
        self._events = Paging(organizations, "events")

    def one(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request]:
        """The refund as it stands. Raises NotFound where the tenant has none such; a malformed id costs no read."""
        found = self._refunds.find(tenant, refund_id) if is_id("ref", refund_id) else None
        if found is None:
            raise NotFound("No such refund")
        return found

    def timeline(self, tenant: Tenant, refund_id: str, wanted: Slice) -> Page[Event]:
        """Every change of the refund, oldest first. Raises NotFound, Invalid for a foreign cursor."""
        events = self._refunds.timeline(tenant, refund_id) if is_id("ref", refund_id) else ()
        if not events:
            raise NotFound("No such refund")
        part = self._events.position(tenant, wanted, refund_id)
        start = int(part.after or part.offset)
        end = start + part.limit
        page = Page(events[start:end], str(end) if len(events) > end else None)
        return self._events.sealed(tenant, page, refund_id)

    def page(self, tenant: Tenant, wanted: RefundFilter, part: Slice) -> Page[tuple[Refund, Request]]:
        """One page of the tenant's refunds, newest first. Raises Invalid for a foreign cursor."""
        filters = _texts(wanted)
        page = self._refunds.page(tenant, wanted, self._lists.position(tenant, part, *filters))
        return self._lists.sealed(tenant, page, *filters)


def _texts(wanted: RefundFilter) -> tuple[str | None, ...]:
    """A filter as what a cursor is bound to."""
    opened_from = iso(wanted.created_from) if wanted.created_from else None
    opened_before = iso(wanted.created_before) if wanted.created_before else None
    return (
        wanted.status, wanted.processor, wanted.transaction_id, opened_from, opened_before, wanted.initiated_by,
    )  # fmt: skip
