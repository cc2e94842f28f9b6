"""One change of one refund as operations of a transaction: its head, event and money, and what it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refundkit_core.adapters.dynamodb import ledger_ops
from refundkit_core.adapters.dynamodb.refund_items import event_item, head_item
from refundkit_core.domain.ledger import twin_of

if TYPE_CHECKING:
    from refundkit_core.adapters.dynamodb.table import Operation, Table
    from refundkit_core.application.ports import RefundStore
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.ledger import LedgerChange, Twins
    from refundkit_core.domain.refund import Refund


def change_ops(
    table: Table, refunds: RefundStore, before: Refund, after: Refund, event: Event, ledger: LedgerChange | None
) -> list[Operation]:
    """Move a refund from the version of ``before`` to that of ``after``, on the condition that nobody else has."""
    operations = [
        table.put_op(head_item(after), "version = :before", {":before": before.version}),
        table.put_op(event_item(event), "attribute_not_exists(pk)"),
    ]
    if ledger is not None and ledger.kind == "gate":
        operations.append(ledger_ops.gate_op(table, after, ledger))
    elif ledger is not None:
        operations.append(ledger_ops.moving_op(table, after, ledger, _twins_left(refunds, after, ledger)))
    gives_back = ledger is not None and ledger.kind in ledger_ops.GIVE_BACK
    if gives_back and (after.customer_key or after.taken):
        from refundkit_core.adapters.dynamodb.beside import given_back_ops

        operations += given_back_ops(table, after)
    return operations


def _twins_left(refunds: RefundStore, refund: Refund, change: LedgerChange) -> Twins | None:
    """The twins as they stand, where money comes back and takes the refund out of them as well."""
    ledger = refunds.ledger(refund.tenant, refund.transaction) if change.kind in ledger_ops.GIVE_BACK else None
    known = ledger.twins.get(twin_of(refund.gross_minor, refund.reason)) if ledger else None
    return known if known is not None and refund.id in known else None
