"""Pause and resume: a person's kill switches, audited."""

from __future__ import annotations

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.ports import ApiKeyStore, Clock, Ids, OrganizationStore, Switches
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.tenancy import Tenant


class Brake:
    """The use cases behind ``refundkit-admin pause`` and ``resume``."""

    def __init__(
        self, organizations: OrganizationStore, keys: ApiKeyStore, switches: Switches, clock: Clock, ids: Ids
    ) -> None:
        self._organizations = organizations
        self._keys = keys
        self._switches = switches
        self._auditor = Auditor(clock, ids)

    def pause(self, tenant: Tenant, key_id: str | None, by: By) -> frozenset[str]:
        """Stop all refunds of a tenant, or those opened with one key; returns all that is stopped then.

        Raises:
            NotFound: no such organization, or no such key in it.
        """
        self._organizations.owner(tenant.org_id)
        if key_id is not None and self._keys.find(tenant, key_id) is None:
            raise NotFound("This organization and environment has no such key")
        entry = self._auditor.entry(by, "pause", key_id or "all refunds", tenant)
        self._switches.set(tenant, key_id, True, entry)
        return self._switches.stopped(tenant)

    def resume(self, tenant: Tenant, key_id: str | None, by: By) -> frozenset[str]:
        """Let them go on. What else was stopped stays so. Raises NotFound for an unknown organization."""
        self._organizations.owner(tenant.org_id)
        entry = self._auditor.entry(by, "resume", key_id or "all refunds", tenant)
        self._switches.set(tenant, key_id, False, entry)
        return self._switches.stopped(tenant)
