"""Read refunds: one, its timeline, and the list."""

from __future__ import annotations

from refundkit_core.application.ports import OrganizationStore, RefundStore
from refundkit_core.application.records import Page, Position, RefundFilter, Slice
from refundkit_core.domain import cursors
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
        self._organizations = organizations

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
        scope = ("events", tenant.environment, refund_id)
        start = wanted.offset
        if wanted.cursor is not None:
            start = int(cursors.opened(self._secret(tenant), wanted.cursor, scope))
        end = start + wanted.limit
        more = len(events) > end
        return Page(events[start:end], cursors.sealed(self._secret(tenant), str(end), scope) if more else None)

    def page(self, tenant: Tenant, wanted: RefundFilter, part: Slice) -> Page[tuple[Refund, Request]]:
        """One page of the tenant's refunds, newest first. Raises Invalid for a foreign cursor."""
        scope = ("refunds", tenant.environment, *_texts(wanted))
        after = None if part.cursor is None else cursors.opened(self._secret(tenant), part.cursor, scope)
        page = self._refunds.page(tenant, wanted, Position(part.limit, part.offset, after))
        if page.next_cursor is None:
            return page
        return page._replace(next_cursor=cursors.sealed(self._secret(tenant), page.next_cursor, scope))

    def _secret(self, tenant: Tenant) -> bytes:
        return self._organizations.secret(tenant.org_id)


def _texts(wanted: RefundFilter) -> tuple[str | None, ...]:
    """A filter as what a cursor is bound to."""
    opened_from = iso(wanted.created_from) if wanted.created_from else None
    opened_before = iso(wanted.created_before) if wanted.created_before else None
    return (
        wanted.status, wanted.processor, wanted.transaction_id, opened_from, opened_before, wanted.initiated_by,
    )  # fmt: skip
