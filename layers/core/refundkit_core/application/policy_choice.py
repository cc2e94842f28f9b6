"""Which version of a merchant's policy a purchase is judged by, and which one judges along (decision 18)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from refundkit_core.application.fact_ports import InForce, Policies
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.policies import DEFAULT_POLICY, PolicyVersion, in_force
from refundkit_core.domain.tenancy import Tenant


class Chosen(NamedTuple):
    """The version that judges, and the one that judges along without effect."""

    version: PolicyVersion
    shadow: PolicyVersion | None


class PolicyChoice:
    """Chooses by one consistent read of what is in force; versions are read once by a worker."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def for_purchase(self, tenant: Tenant, merchant_id: str | None, purchased_at: datetime, now: datetime) -> Chosen:
        """What judges a purchase of then: the version in force at that time, or the one in force now where that says
        so itself; the default policy where none is in force. ``merchant_id`` None: the organization."""
        pointer = self._policies.pointer(tenant, merchant_id or tenant.org_id)
        if pointer is None:
            return Chosen(DEFAULT_POLICY, None)
        shadow = self._shadow(tenant, pointer)
        current = in_force(pointer.versions, now, now)
        if current is None:
            return Chosen(DEFAULT_POLICY, shadow)
        latest = self._version(tenant, pointer, current)
        if latest.policy.judged_by == "latest":
            return Chosen(latest, shadow)
        number = in_force(pointer.versions, purchased_at, now) or current
        return Chosen(latest if number == current else self._version(tenant, pointer, number), shadow)

    def _shadow(self, tenant: Tenant, pointer: InForce) -> PolicyVersion | None:
        """The version without effect; one that cannot be read stops nobody's refund."""
        return None if pointer.shadow is None else self._policies.version(tenant, pointer.policy_id, pointer.shadow)

    def _version(self, tenant: Tenant, pointer: InForce, number: int) -> PolicyVersion:
        found = self._policies.version(tenant, pointer.policy_id, number)
        if found is None:
            raise StoreConflict("A version that is in force cannot be read")
        return found
