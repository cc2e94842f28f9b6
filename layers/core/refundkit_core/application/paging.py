"""Lists with cursors: where a caller's page begins, and how the next one is told."""

from __future__ import annotations

from typing import TypeVar

from refundkit_core.application.ports import OrganizationStore
from refundkit_core.application.records import Page, Position, Slice
from refundkit_core.domain import cursors
from refundkit_core.domain.tenancy import Tenant

_Shown = TypeVar("_Shown")


class Paging:
    """The cursors of one kind of list, sealed with the organization's secret, which is read only where one is used."""

    def __init__(self, organizations: OrganizationStore, name: str) -> None:
        self._organizations = organizations
        self._name = name

    def position(self, tenant: Tenant, part: Slice, *filters: str | None) -> Position:
        """Where the page begins. Raises Invalid for a cursor of another list, tenant or of other filters."""
        after = None
        if part.cursor is not None:
            after = cursors.opened(self._secret(tenant), part.cursor, self._scope(tenant, filters))
        return Position(part.limit, part.offset, after)

    def sealed(self, tenant: Tenant, page: Page[_Shown], *filters: str | None) -> Page[_Shown]:
        """A store's page, with the position where the next one begins as a cursor."""
        if page.next_cursor is None:
            return page
        cursor = cursors.sealed(self._secret(tenant), page.next_cursor, self._scope(tenant, filters))
        return page._replace(next_cursor=cursor)

    def _scope(self, tenant: Tenant, filters: tuple[str | None, ...]) -> tuple[str | None, ...]:
        return (self._name, tenant.environment, *filters)

    def _secret(self, tenant: Tenant) -> bytes:
        return self._organizations.secret(tenant.org_id)
