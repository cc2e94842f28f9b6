"""The organization itself: show it and name it."""

from __future__ import annotations

from typing import Final

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.organization_ports import OrganizationBook, OrganizationState
from refundkit_core.application.ports import Clock, Ids
from refundkit_core.domain.errors import Denied, Detail, Invalid, NotFound, StoreConflict
from refundkit_core.domain.members import name_fault
from refundkit_core.domain.tenancy import Caller

_MAX_TRIES: Final = 20


class ManageOrganization:
    """The use cases behind ``GET`` and ``PATCH /v1/organization``."""

    def __init__(self, book: OrganizationBook, clock: Clock, ids: Ids) -> None:
        self._book = book
        self._auditor = Auditor(clock, ids)
        self._ids = ids

    def show(self, org_id: str) -> OrganizationState:
        """The organization as it stands. Raises NotFound, also where it was deleted."""
        found = self._book.find(org_id)
        if found is None or found.deleted_at is not None:
            raise NotFound("No such organization")
        return found

    def rename(self, caller: Caller, name: str, by: By) -> OrganizationState:
        """Give the organization another name; the same again changes nothing.

        Raises:
            Denied: an agent asks.
            Invalid: the name cannot be one.
            NotFound: it was deleted.
        """
        if caller.is_agent:
            raise Denied("An organization is named by its members")
        fault = name_fault(name)
        if fault is not None:
            raise Invalid("The name is not one", (Detail("name", fault),))
        for attempt in range(1, _MAX_TRIES + 1):
            before = self.show(caller.tenant.org_id)
            if before.name == name:
                return before
            try:
                self._book.rename(before, name, self._auditor.entry(by, "organizations rename", before.id, before.id))
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return before._replace(name=name)
        raise StoreConflict("The organization kept changing")
