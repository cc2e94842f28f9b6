"""Refused requests, with what refused them and on what ground: for whoever asks why, and for backtests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.judged import packed, unpacked
from refundkit_core.adapters.dynamodb.shadows import shadow_item
from refundkit_core.adapters.dynamodb.table import Item, Table, without_nones
from refundkit_core.application.openings import Refusal
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Request
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_KEPT: Final = timedelta(days=400)


class DynamoRefusalStore:
    """``RefusalStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, refusal: Refusal) -> None:
        key = keys.refusal(refusal.tenant, refusal.id)
        item = {
            "pk": key.pk,
            "sk": key.sk,
            "gsi1pk": keys.refusals_index(refusal.tenant),
            "gsi1sk": f"{iso(refusal.at)}#{refusal.id}",
            "processor": refusal.transaction.processor,
            "account": refusal.transaction.account_id,
            "charge": refusal.transaction.charge_id,
            "code": refusal.code,
            "key": refusal.key_id,
            "judged": packed(refusal.request.decision, refusal.request.ground),
            "ttl": int((refusal.at + _KEPT).timestamp()),
        }
        if refusal.shadow is None:
            self._table.put(without_nones(item))
            return
        both = (without_nones(item), shadow_item(refusal.tenant, refusal.shadow))
        self._table.transact([self._table.put_op(each) for each in both])

    def find(self, tenant: Tenant, refusal_id: str) -> Refusal | None:
        item = self._table.get(keys.refusal(tenant, refusal_id))
        return None if item is None else _refusal_of(tenant, refusal_id, item)

    def page(self, tenant: Tenant, since: datetime, before: str, limit: int) -> tuple[Sequence[Refusal], bool]:
        """Up to ``limit`` refusals, newest first, and whether there may be more; ``before`` is an index sort key."""
        index = keys.refusals_index(tenant)
        items, more = self._table.newest(keys.INDEX, index, iso(since), before, limit)
        return [_refusal_of(tenant, item["gsi1sk"].partition("#")[2], item) for item in items], more


def _refusal_of(tenant: Tenant, refusal_id: str, item: Item) -> Refusal:
    rules, ground = unpacked(item["judged"])
    return Refusal(
        id=refusal_id,
        tenant=tenant,
        transaction=TransactionRef(item["processor"], item["account"], item["charge"]),
        code=item["code"],
        key_id=item.get("key"),
        at=parse_iso(item["gsi1sk"].partition("#")[0]),
        request=Request(fingerprint=None, metadata=None, decision=rules, ground=ground),
    )
