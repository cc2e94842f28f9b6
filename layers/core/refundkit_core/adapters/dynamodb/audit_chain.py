"""The audit trail's chains on DynamoDB: a block, its head and the marks of its entries are one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import entry_item, entry_of
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, page_of
from refundkit_core.adapters.dynamodb.table import Item, Operation, Table
from refundkit_core.application.audit_ports import AuditFilter, Kept, KeptBlock, Mention, Place, Taken
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.audit_chain import Block, Chain, Head, Link
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.audit import AuditEntry, Whose
    from refundkit_core.application.audit_ports import MentionKind
    from refundkit_core.domain.tenancy import Tenant

_NEW: Final = "attribute_not_exists(pk)"
_UNCHAINED: Final = "attribute_exists(pk) AND attribute_not_exists(chained)"
_MOST_AT_ONCE: Final = 100
_PAGE: Final = 500
_NO_BLOCK: Final = 0
"""Numbers begin with 1."""


class DynamoChainStore:
    """``ChainStore`` and ``AuditPages`` on one table. An entry keeps in ``chained`` the number of its block."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def head(self, chain: Chain) -> Head | None:
        item = self._table.get(keys.chain_head(chain))
        return None if item is None else Head(item["height"], item["seal"])

    def append(self, chain: Chain, before: Head | None, block: Block, taken: Sequence[Taken]) -> None:
        table = self._table
        key = keys.chain_head(chain)
        head = {"pk": key.pk, "sk": key.sk, "height": block.number, "seal": block.hash, "at": block.at}
        if before is None:
            moved = table.put_op(head, _NEW)
        else:
            stands = {":height": before.number, ":seal": before.hash}
            moved = table.put_op(head, "height = :height AND seal = :seal", stands)
        put = table.put_op(_block_item(chain, block), _NEW)
        table.transact([moved, put, *(self._taken_op(each, block.number) for each in taken)])

    def _taken_op(self, taken: Taken, number: int) -> Operation:
        item = entry_item(taken.entry)
        if taken.is_new:
            return self._table.put_op({**item, "chained": number}, _NEW)
        key = keys.Key(item["pk"], item["sk"])
        return self._table.update_op(key, "SET chained = :number", _UNCHAINED, {":number": number})

    def blocks(self, chain: Chain, first: int, last: int) -> Sequence[KeptBlock]:
        ends = keys.chain_block(chain, first), keys.chain_block(chain, last)
        return [_kept_block(item) for item in self._table.query_between(ends[0].pk, ends[0].sk, ends[1].sk)]

    def entries(self, places: Sequence[Place]) -> Sequence[Kept]:
        wanted = list(dict.fromkeys(places))
        found: list[Item] = []
        for start in range(0, len(wanted), _MOST_AT_ONCE):
            batch = [keys.audit_entry(*place) for place in wanted[start : start + _MOST_AT_ONCE]]
            found += self._table.batch_get_consistent(batch)
        return [_kept(item) for item in found]

    def entries_after(self, whose: Whose, after: str, limit: int) -> tuple[Sequence[Kept], str | None]:
        items, more = self._table.oldest(keys.audit(whose), after or FIRST, limit)
        return [_kept(item) for item in items], items[-1]["sk"] if items and more else None

    def page(
        self, tenant: Tenant, wanted: AuditFilter, shown: Callable[[AuditEntry], bool], part: Position
    ) -> Page[Kept]:
        since = FIRST if wanted.since is None else iso(wanted.since)
        until = LAST if wanted.until is None else iso(wanted.until)

        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            of_both = [
                self._table.newest_of(keys.audit(whose), since, before, size) for whose in (tenant, tenant.org_id)
            ]
            merged = sorted((item for items, _ in of_both for item in items), key=_by_time, reverse=True)
            return merged[:size], any(more for _, more in of_both) or len(merged) > size

        def matches(item: Item) -> bool:
            entry = _kept(item).entry
            return entry is not None and shown(entry)

        items, after = page_of(fetch, part, "sk", until, matches)
        return Page([_kept(item) for item in items], after)


class DynamoAuditSources:
    """``AuditSources`` from the indexes of refunds and refusals."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def mentions(self, tenant: Tenant, since: datetime, until: datetime) -> Iterable[Mention]:
        for item in self._listed(keys.refunds_index(tenant), since, until):
            if item["by"] != "processor":
                yield _mention(tenant, "refund", item)
        for item in self._listed(keys.refusals_index(tenant), since, until):
            yield _mention(tenant, "refusal", item)

    def _listed(self, index: str, since: datetime, until: datetime) -> Iterable[Item]:
        before, more = iso(until), True
        while more:
            items, more = self._table.newest(keys.INDEX, index, iso(since), before, _PAGE)
            yield from items
            before = items[-1]["gsi1sk"] if items else before


def _mention(tenant: Tenant, kind: MentionKind, item: Item) -> Mention:
    at, _, subject = item["gsi1sk"].partition("#")
    return Mention(tenant.org_id, tenant.environment, kind, subject, at)


def _by_time(item: Item) -> str:
    return str(item["sk"])


def _block_item(chain: Chain, block: Block) -> dict[str, Any]:
    key = keys.chain_block(chain, block.number)
    return {
        "pk": key.pk,
        "sk": key.sk,
        "height": block.number,
        "previous": block.previous,
        "links": [list(link) for link in block.links],
        "at": block.at,
        "seal": block.hash,
    }


def _kept_block(item: Item) -> KeptBlock:
    number = int(item["sk"].rpartition("#")[2])
    try:
        links = tuple(Link(*link) for link in item["links"])
        return KeptBlock(number, Block(item["height"], item["previous"], links, item["at"], item["seal"]))
    except (KeyError, TypeError):
        return KeptBlock(number, None)


def _kept(item: Item) -> Kept:
    at, _, entry_id = item["sk"].partition("#")
    place = Place(keys.whose_audit(item["pk"]), at, entry_id)
    chained = item.get("chained")
    block = chained if chained is None or isinstance(chained, int) else _NO_BLOCK
    try:
        return Kept(place, entry_of(place.whose, item), block)
    except (AttributeError, KeyError, TypeError, ValueError):  # somebody has changed it: the walk says so
        return Kept(place, None, block)
