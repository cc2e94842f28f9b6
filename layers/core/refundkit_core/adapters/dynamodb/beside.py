"""What stands or falls with a refund besides its money: its customer's record, approval, caps, further events."""

from __future__ import annotations

from collections.abc import Iterator

from refundkit_core.adapters.dynamodb import approvals
from refundkit_core.adapters.dynamodb.customers import counting_op, uncounting_op
from refundkit_core.adapters.dynamodb.purses import giving_back_ops, taking_op
from refundkit_core.adapters.dynamodb.refund_items import event_item
from refundkit_core.adapters.dynamodb.table import Operation, Table
from refundkit_core.application.openings import Beside
from refundkit_core.domain.refund import Refund


def beside_ops(table: Table, refund: Refund, beside: Beside) -> Iterator[Operation]:
    """What is written with a new refund; most have no more than their customer's record."""
    if beside.customer is not None:
        yield counting_op(table, beside.customer, refund)
    if beside.approval is not None:
        yield approvals.opening_op(table, beside.approval)
    for event in beside.events:
        yield table.put_op(event_item(event), "attribute_not_exists(pk)")
    for taking in beside.takings:
        yield taking_op(table, refund, taking)
    if beside.shadow is not None:
        from refundkit_core.adapters.dynamodb.shadows import shadow_item

        yield table.put_op(shadow_item(refund.tenant, beside.shadow), "attribute_not_exists(pk)")


def given_back_ops(table: Table, after: Refund) -> Iterator[Operation]:
    """What is written with a change that gives money back: a refund no longer counts or takes that came to nothing."""
    if after.customer_key is not None:
        yield uncounting_op(table, after, after.customer_key)
    yield from giving_back_ops(table, after)
