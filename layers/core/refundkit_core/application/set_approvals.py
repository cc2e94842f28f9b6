"""Show and set what an organization's environment wants of approvals (the use cases of ``/v1/settings/approvals``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from refundkit_core.application.audit import Auditor, By
from refundkit_core.domain.errors import Detail, RevisionSuperseded, StoreConflict

if TYPE_CHECKING:
    from refundkit_core.application.approval_ports import SettingsStore
    from refundkit_core.application.ports import Clock, Ids
    from refundkit_core.domain.routing import ApprovalSettings
    from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20


class SetApprovals:
    """Thresholds hold from the next refund on, levels and deadlines for open approvals too; every change is audited."""

    def __init__(self, settings: SettingsStore, clock: Clock, ids: Ids) -> None:
        self._settings = settings
        self._auditor = Auditor(clock, ids)
        self._ids = ids

    def show(self, tenant: Tenant) -> ApprovalSettings:
        """The settings as they stand."""
        return self._settings.approval_settings(tenant)

    def __call__(
        self, tenant: Tenant, wanted: ApprovalSettings, expected_version: int | None, by: By
    ) -> ApprovalSettings:
        """Replace the settings; the same again changes nothing.

        Raises:
            RevisionSuperseded: another version stands than ``expected_version``.
            StoreConflict: others were faster again and again.
        """
        for attempt in range(1, _MAX_TRIES + 1):
            stands = self.show(tenant)
            if expected_version not in (None, stands.version):
                said = f"They are at version {stands.version}: read them again"
                raise RevisionSuperseded("The settings have changed since", (Detail("version", said),))
            if wanted.says_the_same_as(stands):
                return stands
            after = replace(wanted, version=stands.version + 1)
            entry = self._auditor.entry(by, "approvals set", str(after.version), tenant)
            try:
                self._settings.set_approvals(tenant, after, entry)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return after
        raise StoreConflict("The settings kept changing")
