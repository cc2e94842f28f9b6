"""What was taken from spend caps, and the counts of the breaker: items that are forgotten by TTL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Operation, Table
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from refundkit_core.domain.budgets import Breaker, Taking

_KEPT: Final = timedelta(days=60)
_TTL: Final = {"#ttl": "ttl"}


class DynamoPurses:
    """``Purses`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def spent(self, tenant: Tenant, purses: Sequence[str]) -> Mapping[str, int]:
        by_key = {keys.purse(tenant, purse).pk: purse for purse in purses}
        items = self._table.batch_get_consistent([keys.purse(tenant, purse) for purse in purses])
        return {by_key[item["pk"]]: item["taken"] for item in items}

    def count(self, tenant: Tenant, breaker: Breaker, at: datetime, amount_minor: int) -> tuple[int, int]:
        bucket = breaker.bucket_of(at)
        first = breaker.bucket_of(at - timedelta(minutes=breaker.minutes))
        counts = self._table.update(
            keys.rush(tenant, breaker.minutes, bucket),
            "SET #ttl = :ttl ADD refunds :one, amount :amount",
            "attribute_exists(pk) OR attribute_not_exists(pk)",
            {":one": 1, ":amount": amount_minor, ":ttl": int((at + _KEPT).timestamp())},
            _TTL,
        )
        before = keys.rush(tenant, breaker.minutes, bucket - 1)
        earlier = self._table.query_between(before.pk, keys.rush(tenant, breaker.minutes, first).sk, before.sk)
        items = [counts, *earlier]
        return sum(item["refunds"] for item in items), sum(item["amount"] for item in items)


def taking_op(table: Table, refund: Refund, taking: Taking) -> Operation:
    """Take from a purse, on the condition that it holds no more then than it may."""
    expression = "SET taken = if_not_exists(taken, :zero) + :amount, #ttl = :ttl"
    condition = "attribute_not_exists(taken) OR taken <= :left"
    values = {
        ":zero": 0,
        ":amount": taking.amount_minor,
        ":left": taking.most_minor - taking.amount_minor,
        ":ttl": int((refund.created_at + _KEPT).timestamp()),
    }
    return table.update_op(keys.purse(refund.tenant, taking.purse), expression, condition, values, _TTL)


def giving_back_ops(table: Table, refund: Refund) -> Iterator[Operation]:
    """Give back what a refund took that came to nothing."""
    for purse, amount_minor in refund.taken:
        values = {":zero": 0, ":amount": amount_minor, ":ttl": int((refund.updated_at + _KEPT).timestamp())}
        expression = "SET taken = if_not_exists(taken, :zero) - :amount, #ttl = :ttl"
        yield table.add_op(keys.purse(refund.tenant, purse), expression, values, _TTL)
