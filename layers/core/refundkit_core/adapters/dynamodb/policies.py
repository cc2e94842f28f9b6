"""Policies on DynamoDB: one item is read at every refund, and versions never change.

Documents are JSON text, which is read by plain code: a function that judges refunds loads no library for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, everything, page_of
from refundkit_core.adapters.dynamodb.refund_items import event_item
from refundkit_core.adapters.dynamodb.table import Item, Operation, Table, without_nones
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.policy_ports import Draft, PolicyHead, PolicyPointer, Publication
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.policies import Policy, PolicyVersion
from refundkit_core.domain.policy_documents import document_of, policy_of
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_UNCHANGED: Final = "revision = :revision AND latest = :latest"
_MAX_REMEMBERED: Final = 64
_MAX_TRIES: Final = 4


class DynamoPolicyStore:
    """``PolicyStore`` on one table. A worker keeps the versions that it has read: they never change."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._versions: dict[tuple[Tenant, str, int], PolicyVersion] = {}

    def pointer(self, tenant: Tenant, merchant_id: str) -> PolicyPointer | None:
        item = self._table.get(keys.merchant_policy(tenant, merchant_id))
        if item is None:
            return None
        versions = tuple((number, parse_iso(since)) for number, since in item["versions"])
        return PolicyPointer(item["policy"], versions, item.get("shadow"))

    def version(self, tenant: Tenant, policy_id: str, number: int) -> PolicyVersion | None:
        known = self._versions.get((tenant, policy_id, number))
        if known is not None:
            return known
        item = self._table.get(keys.policy_version(tenant, policy_id, number))
        if item is None:
            return None
        since = item.get("in_force_from")
        policy = policy_of(json.loads(item["document"]))
        found = PolicyVersion(policy_id, number, policy, None if since is None else parse_iso(since))
        if len(self._versions) >= _MAX_REMEMBERED:
            self._versions.clear()
        self._versions[tenant, policy_id, number] = found
        return found

    def head(self, tenant: Tenant, policy_id: str) -> PolicyHead | None:
        item = self._table.get(keys.policy_head(tenant, policy_id))
        return None if item is None else _head_of(tenant, item)

    def draft(self, tenant: Tenant, policy_id: str) -> Draft | None:
        for _ in range(_MAX_TRIES):  # two reads: another revision may be written between them
            head = self.head(tenant, policy_id)
            item = None if head is None else self._table.get(keys.policy_draft(tenant, policy_id))
            if head is None or item is None:
                return None
            if item["revision"] == head.revision:
                return Draft(head, policy_of(json.loads(item["document"])))
        raise StoreConflict("The draft kept changing")

    def page(self, tenant: Tenant, part: Position) -> Page[PolicyHead]:
        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest(keys.INDEX, keys.policies_index(tenant), FIRST, before, size)

        items, after = page_of(fetch, part, "gsi1sk", LAST, everything)
        return Page([_head_of(tenant, item) for item in items], after)

    def create(self, draft: Draft, audit: AuditEntry) -> None:
        head, table = draft.head, self._table
        claim = _keyed(keys.merchant_policy(head.tenant, head.merchant_id), {"policy": head.id, "versions": []})
        puts = [_head_item(head), _draft_item(draft), claim]
        table.transact([*(table.put_op(item, _NEW) for item in puts), *audit_ops(table, audit)])

    def update(self, before: PolicyHead, draft: Draft, audit: AuditEntry) -> None:
        table = self._table
        ops = [self._head_op(before, draft.head), table.put_op(_draft_item(draft)), *audit_ops(table, audit)]
        table.transact(ops)

    def publish(
        self, before: PolicyHead, after: PolicyHead, version: PolicyVersion, event: Event, entry: AuditEntry
    ) -> None:
        table = self._table
        pointed = {
            **_keyed(keys.merchant_policy(after.tenant, after.merchant_id), {"policy": after.id}),
            "versions": [[number, iso(since)] for number, since in after.in_force],
            "shadow": after.shadow,
        }
        table.transact(
            [
                table.put_op(_version_item(after, version), _NEW),
                self._head_op(before, after),
                table.put_op(without_nones(pointed), "policy = :policy", {":policy": after.id}),
                table.put_op(event_item(event), _NEW),
                *audit_ops(table, entry),
            ]
        )

    def _head_op(self, before: PolicyHead, after: PolicyHead) -> Operation:
        expected = {":revision": before.revision, ":latest": _latest(before)}
        return self._table.put_op(_head_item(after), _UNCHANGED, expected)


def _latest(head: PolicyHead) -> int:
    return head.latest.number if head.latest is not None else 0


def _keyed(key: Key, values: Mapping[str, Any]) -> dict[str, Any]:
    return {"pk": key.pk, "sk": key.sk, **without_nones(values)}


def _head_item(head: PolicyHead) -> dict[str, Any]:
    values = {
        "id": head.id,
        "merchant": head.merchant_id,
        "name": head.name,
        "created": iso(head.created_at),
        "updated": iso(head.updated_at),
        "revision": head.revision,
        "latest": _latest(head),
        "publications": [_publication_value(each) for each in head.publications],
        "shadow": head.shadow,
        "fingerprint": head.fingerprint,
        "gsi1pk": keys.policies_index(head.tenant),
        "gsi1sk": f"{iso(head.created_at)}#{head.id}",
    }
    return _keyed(keys.policy_head(head.tenant, head.id), values)


def _publication_value(each: Publication) -> dict[str, Any]:
    since = each.in_force_from
    return without_nones(
        {
            "number": each.number,
            "revision": each.revision,
            "at": iso(each.published_at),
            "in_force_from": None if since is None else iso(since),
            "request": each.request,
            "asked": each.asked,
        }
    )


def _publication_of(value: Mapping[str, Any]) -> Publication:
    since = value.get("in_force_from")
    return Publication(
        number=value["number"],
        revision=value["revision"],
        published_at=parse_iso(value["at"]),
        in_force_from=None if since is None else parse_iso(since),
        request=value.get("request"),
        asked=value.get("asked"),
    )


def _head_of(tenant: Tenant, item: Item) -> PolicyHead:
    return PolicyHead(
        id=item["id"],
        tenant=tenant,
        merchant_id=item["merchant"],
        name=item["name"],
        created_at=parse_iso(item["created"]),
        updated_at=parse_iso(item["updated"]),
        revision=item["revision"],
        publications=tuple(_publication_of(value) for value in item["publications"]),
        shadow=item.get("shadow"),
        fingerprint=item.get("fingerprint"),
    )


def _draft_item(draft: Draft) -> dict[str, Any]:
    head = draft.head
    values = {"revision": head.revision, "document": _text(draft.policy)}
    return _keyed(keys.policy_draft(head.tenant, head.id), values)


def _version_item(head: PolicyHead, version: PolicyVersion) -> dict[str, Any]:
    since = version.in_force_from
    values = {
        "document": _text(version.policy),
        "in_force_from": None if since is None else iso(since),
        "published": iso(head.updated_at),
    }
    return _keyed(keys.policy_version(head.tenant, head.id, version.number), values)


def _text(policy: Policy) -> str:
    return json.dumps(document_of(policy), ensure_ascii=False, separators=(",", ":"))
