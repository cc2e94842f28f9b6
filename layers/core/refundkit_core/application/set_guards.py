"""Show and set an organization's guards (the use cases of ``/v1/settings/guards``)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.ports import Clock, Ids, Switches
from refundkit_core.domain.budgets import Guards
from refundkit_core.domain.errors import Detail, RevisionSuperseded, StoreConflict
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20


class SetGuards:
    """Guards hold from the next refund on; every change is audited."""

    def __init__(self, switches: Switches, clock: Clock, ids: Ids) -> None:
        self._switches = switches
        self._auditor = Auditor(clock, ids)
        self._ids = ids

    def show(self, tenant: Tenant) -> Guards:
        """The guards as they stand."""
        return self._switches.brakes(tenant).guards

    def __call__(self, tenant: Tenant, wanted: Guards, expected_version: int | None, by: By) -> Guards:
        """Replace the guards; the same again changes nothing.

        Raises:
            RevisionSuperseded: another version stands than ``expected_version``.
            StoreConflict: others were faster again and again.
        """
        for attempt in range(1, _MAX_TRIES + 1):
            stands = self.show(tenant)
            if expected_version not in (None, stands.version):
                said = f"They are at version {stands.version}: read them again"
                raise RevisionSuperseded("The guards have changed since", (Detail("version", said),))
            if replace(wanted, version=stands.version) == stands:
                return stands
            after = replace(wanted, version=stands.version + 1)
            try:
                self._switches.guard(tenant, after, self._auditor.entry(by, "guards set", str(after.version), tenant))
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return after
        raise StoreConflict("The guards kept changing")
