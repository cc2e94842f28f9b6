"""Refunds as a report reads them: whole indexes, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.paging import LAST
from refundkit_core.adapters.dynamodb.refund_items import refund_of
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

_PAGE: Final = 500


class DynamoRefundBooks:
    """``RefundBooks`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def opened_since(self, tenant: Tenant, since: datetime) -> Iterable[Refund]:
        before, more = LAST, True
        while more:
            items, more = self._table.newest(keys.INDEX, keys.refunds_index(tenant), iso(since), before, _PAGE)
            for item in items:
                before = item["gsi1sk"]
                yield refund_of(item)

    def unfinished(self) -> Iterable[tuple[Tenant, str]]:
        for number in range(keys.OPEN_SHARDS):
            for shard in (keys.open_shard(number), keys.waiting_shard(number)):
                yield from self._shard(shard)

    def waiting(self) -> Iterable[tuple[Tenant, str]]:
        for number in range(keys.OPEN_SHARDS):
            yield from self._shard(keys.waiting_shard(number))

    def _shard(self, shard: str) -> Iterable[tuple[Tenant, str]]:
        for item in self._table.whole_sparse(keys.SPARSE_INDEX, shard):
            yield keys.tenant_and_refund(item["pk"])
