"""How money moves in a ledger: every change of a refund as one operation of its transaction, with its condition."""

from __future__ import annotations

from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.refund_items import ledger_item, twins_value
from refundkit_core.adapters.dynamodb.table import Operation, Table
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.ledger import Ledger, LedgerChange, Twins, twin_of, with_first_refund
from refundkit_core.domain.refund import Refund, change_of

_NEW: Final = "attribute_not_exists(pk)"
_UNBLOCKED: Final = "dispute <> :open"
_UNBLOCKED_VALUES: Final = {":open": "open"}

_MOVES: Final = {
    "reserve": "reserved = reserved + :m, available = available - :g",
    "release": "reserved = reserved - :m, available = available + :g",
    "lower": "reserved = reserved - :m, available = available + :g",
    "settle": "reserved = reserved - :m, refunded = refunded + :m",
    "unsettle": "refunded = refunded - :m, available = available + :g",
    "adopt_reserved": "elsewhere = elsewhere - :m, reserved = reserved + :m",
    "adopt_refunded": "elsewhere = elsewhere - :m, refunded = refunded + :m",
}
_FREE: Final = ("reserve", "release", "lower", "unsettle")
"""What changes what is available; ``:g`` is the gross amount, of which ``:m`` is paid and the fee withheld."""

GIVE_BACK: Final = ("release", "unsettle")
_GUARDS: Final = {
    "reserve": f"available >= :g AND {_UNBLOCKED}",
    "release": "reserved >= :m",
    "lower": "reserved > :m",
    "settle": "reserved >= :m",
    "unsettle": "refunded >= :m",
    "adopt_reserved": "elsewhere >= :m AND NOT contains(adopted, :external)",
    "adopt_refunded": "elsewhere >= :m AND NOT contains(adopted, :external)",
}


def opening_op(table: Table, refund: Refund, ledger: Ledger, twin: str, known: Twins) -> Operation:
    """The ledger's part of a new refund: its money reserved, in a ledger that stands or one that begins with it."""
    at, reserve = refund.created_at, change_of("reserve", refund)
    if not ledger.is_new:
        reserving = _ledger_op(table, refund, reserve, ledger.twins.get(twin), {**known, refund.id: at})
        if not ledger.customer_erased:  # an erasure since then decides what may be kept of the request
            reserving["Update"]["ConditionExpression"] += " AND attribute_not_exists(customer_erased)"
        return reserving
    if ledger.blocked or ledger.available_minor < refund.gross_minor:
        raise StoreConflict("The new ledger does not allow it")
    return table.put_op(ledger_item(with_first_refund(ledger, refund.id, reserve, twin, at)), _NEW)


def gate_op(table: Table, refund: Refund, change: LedgerChange) -> Operation:
    """Insist, before the processor is called, that the money is still reserved and nothing blocks it."""
    condition = f"reserved >= :m AND available >= :zero AND currency = :currency AND {_UNBLOCKED}"
    values = {":m": change.amount_minor, ":zero": 0, ":currency": refund.money.currency, **_UNBLOCKED_VALUES}
    return table.check_op(keys.ledger(refund.tenant, refund.transaction), condition, values)


def moving_op(table: Table, refund: Refund, change: LedgerChange, known: Twins | None) -> Operation:
    """Move a refund's money; where ``known`` twins are given, the refund leaves exactly them."""
    if known is None:
        return _ledger_op(table, refund, change, None, None)
    left = {refund_id: at for refund_id, at in known.items() if refund_id != refund.id}
    return _ledger_op(table, refund, change, known, left)


def adopting_op(table: Table, refund: Refund, change: LedgerChange) -> Operation:
    """Count money that was held elsewhere as ours, once per refund at the processor."""
    expression = f"SET version = version + :one, {_MOVES[change.kind]} ADD adopted :externals"
    external = refund.external_refund_id or ""
    values = {":one": 1, ":m": change.amount_minor, ":external": external, ":externals": {external}}
    return table.update_op(keys.ledger(refund.tenant, refund.transaction), expression, _GUARDS[change.kind], values)


def _ledger_op(table: Table, refund: Refund, change: LedgerChange, known: Any, twins: Any) -> Operation:
    """Move money in the ledger; where ``twins`` is given, replace exactly the twins ``known`` with them."""
    expression = f"SET version = version + :one, {_MOVES[change.kind]}"
    condition = _GUARDS[change.kind]
    values: dict[str, Any] = {":one": 1, ":m": change.amount_minor}
    if change.kind in _FREE:
        values[":g"] = change.amount_minor + change.fee_minor
    if change.fee_minor and change.kind in _FREE:
        expression += ", withheld = if_not_exists(withheld, :zero) "
        expression += "+ :fee" if change.kind == "reserve" else "- :fee"
        values.update({":fee": change.fee_minor, ":zero": 0})
    names: dict[str, str] = {}
    if change.kind == "reserve":
        values.update(_UNBLOCKED_VALUES)
    if twins is not None:
        names["#twin"] = twin_of(refund.gross_minor, refund.reason)
        if twins:
            expression += ", twins.#twin = :twins"
            values[":twins"] = twins_value(twins)
        else:
            expression += " REMOVE twins.#twin"
        condition += " AND attribute_not_exists(twins.#twin)" if known is None else " AND twins.#twin = :known"
        if known is not None:
            values[":known"] = twins_value(known)
    return table.update_op(keys.ledger(refund.tenant, refund.transaction), expression, condition, values, names)
