"""Past decisions, read in bulk: refunds with their first events, and refusals, from the indexes by time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.judged import unpacked
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.table import Item, Table
from refundkit_core.application.simulation_ports import Place
from refundkit_core.domain.backtest import PastDecision
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.money import Money
from refundkit_core.domain.refund import Ground
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_A_BATCH: Final = 100
"""Items that one batch may read."""


class DynamoDecisionArchive:
    """``DecisionArchive`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def newest(
        self, tenant: Tenant, place: Place, since: datetime, limit: int
    ) -> tuple[Sequence[PastDecision], Place | None]:
        refunds = place.source == "refunds"
        index = keys.refunds_index(tenant) if refunds else keys.refusals_index(tenant)
        # one more than wanted: the item that stands at the place itself is read again and left out
        read, more = self._table.newest(keys.INDEX, index, iso(since), place.before, limit + 1)
        items = read[:limit]
        found = self._refunds(items) if refunds else [_of_refusal(item) for item in items]
        if not items or not (more or len(read) > limit):
            return found, None
        return found, Place(place.source, items[-1]["gsi1sk"])

    def named(self, tenant: Tenant, decision_ids: Sequence[str]) -> Mapping[str, PastDecision]:
        heads = [Key(keys.refund_pk(tenant, each), keys.HEAD) for each in decision_ids if each.startswith("ref_")]
        refused = [keys.refusal(tenant, each) for each in decision_ids if each.startswith("dec_")]
        found = self._table.batch_get([*heads, *refused]) if decision_ids else []
        refunds = self._refunds([item for item in found if item["sk"] == keys.HEAD])
        refusals = [_of_refusal(item) for item in found if item["sk"] != keys.HEAD]
        return {past.id: past for past in (*refunds, *refusals)}

    def _refunds(self, heads: Sequence[Item]) -> list[PastDecision]:
        """The decisions that opened refunds, in the order of ``heads``."""
        wanted = [Key(head["pk"], keys.FIRST_EVENT) for head in heads]
        starts = range(0, len(wanted), _A_BATCH)
        batches = (self._table.batch_get(wanted[start : start + _A_BATCH]) for start in starts)
        judged = {item["pk"]: item["judged"] for batch in batches for item in batch}
        return [_of_refund(head, judged.get(head["pk"]) or self._judged(head)) for head in heads]

    def _judged(self, head: Item) -> bytes:
        """Of a refund that is so new that a batch does not see its first event yet."""
        item = self._table.get(Key(head["pk"], keys.FIRST_EVENT))
        if item is None:
            raise ValueError("a refund without its first event")
        judged: bytes = item["judged"]
        return judged


def _of_refund(head: Item, judged: bytes) -> PastDecision:
    at, _, refund_id = head["gsi1sk"].partition("#")
    rules, ground = unpacked(judged)
    fee_minor = head.get("fee", 0)
    gross = Money(head["amount"] + fee_minor, head["currency"])
    return PastDecision(refund_id, parse_iso(at), head["charge"], gross, fee_minor, rules, ground)


def _of_refusal(item: Item) -> PastDecision:
    at, _, refusal_id = item["gsi1sk"].partition("#")
    rules, ground = unpacked(item["judged"])
    if ground is None:
        raise ValueError("a refusal without its facts")
    gross, fee_minor = _asked(ground), _fee_of(rules)
    return PastDecision(refusal_id, parse_iso(at), item["charge"], gross, fee_minor, rules, ground)


def _asked(ground: Ground) -> Money:
    charge, amount_minor = ground.facts.charge, ground.facts.amount_minor
    return Money(charge.remaining_minor if amount_minor is None else amount_minor, charge.currency)


def _fee_of(rules: Sequence[RuleResult]) -> int:
    """What would have been withheld, as its rule said; a fee of nothing says nothing."""
    said = [rule.fact for rule in rules if rule.rule == "restocking_fee" and rule.outcome != "fail"]
    return said[0] if said and isinstance(said[0], int) else 0
