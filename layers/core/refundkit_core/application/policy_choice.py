"""Which version of a merchant's policy a purchase is judged by (decision 18)."""

from __future__ import annotations

from datetime import datetime

from refundkit_core.application.policy_ports import PolicyPointer, PolicyStore
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.policies import DEFAULT_POLICY, PolicyVersion, in_force
from refundkit_core.domain.tenancy import Tenant


class PolicyChoice:
    """Chooses by one consistent read of what is in force; versions are read once by a worker."""

    def __init__(self, policies: PolicyStore) -> None:
        self._policies = policies

    def for_purchase(
        self, tenant: Tenant, merchant_id: str | None, purchased_at: datetime, now: datetime
    ) -> PolicyVersion:
        """The version that judges a purchase of then: the one in force at that time, or the one in force now where
        that says so itself; the default policy where none is in force. ``merchant_id`` None: the organization."""
        pointer = self._policies.pointer(tenant, merchant_id or tenant.org_id)
        if pointer is None:
            return DEFAULT_POLICY
        current = in_force(pointer.versions, now, now)
        if current is None:
            return DEFAULT_POLICY
        latest = self._version(tenant, pointer, current)
        if latest.policy.judged_by == "latest":
            return latest
        return self._version(tenant, pointer, in_force(pointer.versions, purchased_at, now) or current)

    def _version(self, tenant: Tenant, pointer: PolicyPointer, number: int) -> PolicyVersion:
        found = self._policies.version(tenant, pointer.policy_id, number)
        if found is None:
            raise StoreConflict("A version that is in force cannot be read")
        return found
