"""An organization's name and end on DynamoDB: its item, and a mark on the item that every opening of a refund reads."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.brakes import CLOSING
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Operation, Table
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.organization_ports import OrganizationState
from refundkit_core.domain.members import Roster
from refundkit_core.domain.tenancy import ENVIRONMENTS, Tenant
from refundkit_core.domain.times import iso, parse_iso

_STANDS: Final = "attribute_exists(pk) AND attribute_not_exists(deleted)"
_MINE: Final = f"{CLOSING} = :mark"
_NAME: Final = {"#name": "name"}
_PAGE: Final = 500


class DynamoOrganizationBook:
    """``OrganizationBook`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, org_id: str) -> OrganizationState | None:
        item = self._table.get(keys.organization(org_id))
        if item is None:
            return None
        deleted = parse_iso(item["deleted"]) if "deleted" in item else None
        return OrganizationState(org_id, item["name"], parse_iso(item["created"]), deleted)

    def rename(self, before: OrganizationState, name: str, audit: AuditEntry) -> None:
        at, values = keys.organization(before.id), {":name": name, ":before": before.name}
        change = self._table.update_op(at, "SET #name = :name", f"{_STANDS} AND #name = :before", values, _NAME)
        self._table.transact([change, *audit_ops(self._table, audit)])

    def close(self, org_id: str, mark: str) -> None:
        table, values = self._table, {":mark": mark}
        stands = table.check_op(keys.organization(org_id), _STANDS, {})
        marks = [table.add_op(at, f"SET {CLOSING} = :mark", values) for at in _switches(org_id)]
        table.transact([stands, *marks])

    def reopen(self, org_id: str, mark: str) -> None:
        for at in _switches(org_id):
            with suppress(ConditionFailed):  # somebody else's mark stands there
                self._table.update(at, f"REMOVE {CLOSING}", _MINE, {":mark": mark})

    def delete(self, roster: Roster, mark: str, at: datetime, audit: AuditEntry) -> None:
        closed = [self._table.check_op(each, _MINE, {":mark": mark}) for each in _switches(roster.org_id)]
        self._table.transact([self._deleted(roster, at), *closed, *audit_ops(self._table, audit)])

    def _deleted(self, roster: Roster, at: datetime) -> Operation:
        """It leaves the index of organizations too, so that no list and no report has it any more."""
        values: dict[str, Any] = {":at": iso(at)}
        unchanged = "attribute_not_exists(members_version)"
        if roster.version:
            values[":members"] = roster.version
            unchanged = "members_version = :members"
        expression, key = "SET deleted = :at REMOVE gsi1pk, gsi1sk", keys.organization(roster.org_id)
        return self._table.update_op(key, expression, f"{_STANDS} AND {unchanged}", values)


class DynamoOpenWork:
    """``OpenWork`` on one table: the indexes of refunds under way, of those that wait, and of open approvals."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def refunds(self, org_id: str) -> Sequence[str]:
        shards = [f(number) for number in range(keys.OPEN_SHARDS) for f in (keys.open_shard, keys.waiting_shard)]
        entries = (entry for shard in shards for entry in self._table.whole_sparse(keys.SPARSE_INDEX, shard))
        named = [keys.tenant_and_refund(entry["pk"]) for entry in entries]
        return sorted(refund_id for tenant, refund_id in named if tenant.org_id == org_id)

    def approvals(self, org_id: str) -> Sequence[str]:
        return [found for environment in ENVIRONMENTS for found in self._open(Tenant(org_id, environment))]

    def _open(self, tenant: Tenant) -> list[str]:
        found: list[str] = []
        before, more = LAST, True
        while more:
            items, more = self._table.newest(keys.INDEX, keys.approvals_index(tenant), FIRST, before, _PAGE)
            for item in items:
                before = item["gsi1sk"]
                found.append(keys.tenant_and_approval(item["pk"])[1])
        return found


def _switches(org_id: str) -> list[keys.Key]:
    return [keys.switches(Tenant(org_id, environment)) for environment in ENVIRONMENTS]
