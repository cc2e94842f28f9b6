"""Approvals: opened with their refund, superseded with it."""

from __future__ import annotations

from typing import Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Item, Operation, Table
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_STATE: Final = {"#state": "state"}


class DynamoApprovalStore:
    """``ApprovalStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, tenant: Tenant, approval_id: str) -> Approval | None:
        item = self._table.get(keys.approval(tenant, approval_id))
        return None if item is None else _approval_of(tenant, approval_id, item)


def opening_op(table: Table, approval: Approval) -> Operation:
    """Open an approval, once."""
    key = keys.approval(approval.tenant, approval.id)
    item = {
        "pk": key.pk,
        "sk": key.sk,
        "gsi1pk": keys.approvals_index(approval.tenant),
        "gsi1sk": f"{iso(approval.opened_at)}#{approval.id}",
        "refund": approval.refund_id,
        "processor": approval.transaction.processor,
        "account": approval.transaction.account_id,
        "charge": approval.transaction.charge_id,
        "amount": approval.amount_minor,
        "currency": approval.currency,
        "state": approval.status,
        "reasons": list(approval.reasons),
        "version": approval.version,
    }
    return table.put_op(item, "attribute_not_exists(pk)")


def superseding_op(table: Table, tenant: Tenant, approval_id: str) -> Operation:
    """Make an approval that is still pending one that nobody can decide any more."""
    expression = "SET #state = :superseded, version = version + :one"
    values = {":superseded": "superseded", ":pending": "pending", ":one": 1}
    return table.update_op(keys.approval(tenant, approval_id), expression, "#state = :pending", values, _STATE)


def _approval_of(tenant: Tenant, approval_id: str, item: Item) -> Approval:
    return Approval(
        id=approval_id,
        tenant=tenant,
        refund_id=item["refund"],
        transaction=TransactionRef(item["processor"], item["account"], item["charge"]),
        amount_minor=item["amount"],
        currency=item["currency"],
        status=item["state"],
        reasons=tuple(item["reasons"]),
        opened_at=parse_iso(item["gsi1sk"].partition("#")[0]),
        version=item["version"],
    )
