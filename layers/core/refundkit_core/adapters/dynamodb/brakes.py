"""What slows refunds down or stops them: the kill switches, and the throttle of each processor connection."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Table
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.openings import Brakes
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import from_unix

if TYPE_CHECKING:
    from refundkit_core.adapters.dynamodb.table import Item
    from refundkit_core.domain.budgets import Guards
    from refundkit_core.domain.routing import ApprovalSettings

CALLS_A_SECOND: Final = 15
"""Stripe allows 25 requests a second to one endpoint in live mode; the rest is for look-ups and people."""

CLOSING: Final = "closing"
"""The mark of whoever deletes the organization: while it stands, no refund is opened."""

_KEPT_S: Final = 300
_ALL: Final = "all"


class DynamoSwitches:
    """``Switches`` on one table: one item a tenant, absent while nothing was ever stopped."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def paused(self, tenant: Tenant, key_id: str | None) -> bool:
        return bool(self.stopped(tenant) & {_ALL, key_id or _ALL})

    def stopped(self, tenant: Tenant) -> frozenset[str]:
        item = self._table.get(keys.switches(tenant))
        return frozenset() if item is None else item.get("stopped", frozenset())

    def brakes(self, tenant: Tenant) -> Brakes:
        from refundkit_core.domain.budgets import NO_GUARDS, Guards

        item = self._table.get(keys.switches(tenant)) or {}
        guards = Guards.from_record(json.loads(item["guards"])) if "guards" in item else NO_GUARDS
        return Brakes(item.get("stopped", frozenset()), guards, _approvals(item), CLOSING in item)

    def guard(self, tenant: Tenant, guards: Guards, audit: AuditEntry) -> None:
        text = json.dumps(guards.as_record(), separators=(",", ":"))
        values = {":guards": text, ":version": guards.version, ":before": guards.version - 1}
        condition = "guards_version = :before" if guards.version > 1 else "attribute_not_exists(guards_version)"
        if guards.version == 1:
            del values[":before"]
        expression = "SET guards = :guards, guards_version = :version"
        change = self._table.update_op(keys.switches(tenant), expression, condition, values)
        self._table.transact([change, *audit_ops(self._table, audit)])

    def approval_settings(self, tenant: Tenant) -> ApprovalSettings:
        from refundkit_core.domain.routing import DEFAULT_SETTINGS

        return _approvals(self._table.get(keys.switches(tenant)) or {}) or DEFAULT_SETTINGS

    def set_approvals(self, tenant: Tenant, settings: ApprovalSettings, audit: AuditEntry) -> None:
        text = json.dumps(settings.as_record(), separators=(",", ":"))
        values: dict[str, object] = {":settings": text, ":version": settings.version}
        condition = "attribute_not_exists(approvals_version)"
        if settings.version > 1:
            condition, values[":before"] = "approvals_version = :before", settings.version - 1
        expression = "SET approvals = :settings, approvals_version = :version"
        change = self._table.update_op(keys.switches(tenant), expression, condition, values)
        self._table.transact([change, *audit_ops(self._table, audit)])

    def set(self, tenant: Tenant, key_id: str | None, paused: bool, audit: AuditEntry | None = None) -> None:
        expression = "ADD stopped :names" if paused else "DELETE stopped :names"
        # Adding to and taking from a set suits whatever stands there, so that there is nothing to insist on.
        anything = "attribute_exists(pk) OR attribute_not_exists(pk)"
        names = {":names": {key_id or _ALL}}
        change = self._table.update_op(keys.switches(tenant), expression, anything, names)
        self._table.transact([change, *audit_ops(self._table, audit)])


def _approvals(item: Item) -> ApprovalSettings | None:
    """What was set about approvals; most organizations' refunds never load what reads it."""
    if "approvals" not in item:
        return None
    from refundkit_core.domain.routing import ApprovalSettings

    return ApprovalSettings.from_record(json.loads(item["approvals"]))


class DynamoThrottle:
    """``Throttle``: a counter a connection and second in the table; a rest is kept by the worker that needs it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._resting: dict[str, datetime] = {}

    def wait_s(self, connection_id: str, now: datetime) -> int:
        resting = self._resting.get(connection_id)
        if resting is not None and now < resting:
            return max(1, round((resting - now).total_seconds()))
        second = int(now.timestamp())
        key = keys.throttle(connection_id, str(second))
        expression = "SET calls = if_not_exists(calls, :zero) + :one, #ttl = :ttl"
        condition = "attribute_not_exists(calls) OR calls < :most"
        values = {":zero": 0, ":one": 1, ":most": CALLS_A_SECOND, ":ttl": second + _KEPT_S}
        try:
            self._table.update(key, expression, condition, values, {"#ttl": "ttl"})
        except ConditionFailed:
            return 1 + second % 3
        return 0

    def rest(self, connection_id: str, until: datetime) -> None:
        self._resting[connection_id] = from_unix(int(until.timestamp()))
