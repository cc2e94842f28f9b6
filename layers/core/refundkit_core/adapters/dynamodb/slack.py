"""Connections to Slack on DynamoDB, secrets under KMS; and where approvals' messages stand."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Table, without_nones
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.notify_ports import Subject
from refundkit_core.application.slack_ports import Post, SlackConnection, SlackStatus, Workspace
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

CLAIMED_FOR: Final = timedelta(seconds=60)
"""How long a worker has for posting; queues give a message back later than that."""

_MAX_OPENED: Final = 1_000
_FREE: Final = "attribute_not_exists(pk) OR (attribute_not_exists(ts) AND claimed_until <= :at)"
_SECRETS: Final = ("bot_token", "signing_secret", "webhook_url")


class DynamoSlackStore:
    """``SlackStore`` on one table. A connection's item is read every time, so that it ends at once when it is
    disconnected; only what KMS opened of it is kept, by its version."""

    def __init__(self, table: Table, box: SecretBox) -> None:
        self._table = table
        self._box = box
        self._opened: dict[tuple[str, int], dict[str, Any]] = {}

    def of(self, tenant: Tenant) -> SlackConnection | None:
        item = self._table.get(keys.slack(tenant))
        return None if item is None else self._open(tenant, item)

    def by_id(self, connection_id: str) -> SlackConnection | None:
        pointer = self._table.get(keys.slack_pointer(connection_id))
        if pointer is None:
            return None
        connection = self.of(Tenant(pointer["org"], pointer["env"]))
        return connection if connection is not None and connection.id == connection_id else None

    def put(self, connection: SlackConnection, at: datetime, audit: AuditEntry) -> None:
        tenant, before = connection.tenant, connection.version - 1
        condition, values = ("version = :before", {":before": before}) if before else ("attribute_not_exists(pk)", None)
        pointer = keys.slack_pointer(connection.id)
        pointed = {"pk": pointer.pk, "sk": pointer.sk, "org": tenant.org_id, "env": tenant.environment}
        self._table.transact(
            [
                self._table.check_op(keys.organization(tenant.org_id), "attribute_not_exists(deleted)", {}),
                self._table.put_op(self._item(connection, at), condition, values),
                self._table.put_op(pointed, "attribute_not_exists(pk) OR org = :org", {":org": tenant.org_id}),
                *audit_ops(self._table, audit),
            ]
        )

    def mark(self, connection: SlackConnection, status: SlackStatus, at: datetime) -> None:
        values = {":state": status, ":at": iso(at), ":version": connection.version}
        with suppress(ConditionFailed):  # other secrets stand there by now, of which this says nothing
            self._table.update(
                keys.slack(connection.tenant),
                "SET #s = :state, updated = :at",
                "version = :version",
                values,
                {"#s": "state"},
            )

    def _item(self, connection: SlackConnection, at: datetime) -> dict[str, Any]:
        key, workspace = keys.slack(connection.tenant), connection.workspace
        secrets = {name: text for name in _SECRETS if (text := getattr(connection, name)) is not None}
        sealed = self._box.seal(json.dumps(secrets).encode(), _context(connection.tenant)) if secrets else None
        return without_nones(
            {
                "pk": key.pk,
                "sk": key.sk,
                "id": connection.id,
                "kind": connection.kind,
                "state": connection.status,
                "version": connection.version,
                "last_four": connection.last_four,
                "channel": connection.channel,
                "workspace": list(workspace) if workspace else None,
                "secrets": sealed,
                "updated": iso(at),
            }
        )

    def _open(self, tenant: Tenant, item: Item) -> SlackConnection:
        connection = SlackConnection(
            id=item["id"],
            tenant=tenant,
            kind=item["kind"],
            status=item["state"],
            last_four=item["last_four"],
            version=item["version"],
            channel=item.get("channel"),
            workspace=Workspace(*item["workspace"]) if "workspace" in item else None,
        )
        return replace(connection, **self._secrets(connection, item)) if "secrets" in item else connection

    def _secrets(self, connection: SlackConnection, item: Item) -> dict[str, Any]:
        name = connection.id, connection.version
        if name not in self._opened:
            if len(self._opened) >= _MAX_OPENED:
                self._opened.clear()
            self._opened[name] = json.loads(self._box.open(item["secrets"], _context(connection.tenant)))
        return self._opened[name]


class DynamoSlackPosts:
    """``SlackPosts`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, subject: Subject, now: datetime) -> Post | None:
        item = self._table.get(keys.slack_message(subject.tenant, subject.id))
        if item is None or ("ts" not in item and item["claimed_until"] <= iso(now)):
            return None
        if "ts" not in item:
            raise StoreConflict("Another worker is about to post the message")
        return Post(item["connection"], item["channel"], item["ts"])

    def claim(self, subject: Subject, now: datetime) -> None:
        key = keys.slack_message(subject.tenant, subject.id)
        item = {"pk": key.pk, "sk": key.sk, "claimed_until": iso(now + CLAIMED_FOR)}
        self._table.put(item, _FREE, {":at": iso(now)})

    def keep(self, subject: Subject, post: Post) -> None:
        key = keys.slack_message(subject.tenant, subject.id)
        item = {"pk": key.pk, "sk": key.sk, "connection": post.connection_id, "channel": post.channel, "ts": post.ts}
        self._table.put(item, "attribute_exists(pk) AND attribute_not_exists(ts)")


def _context(tenant: Tenant) -> dict[str, str]:
    return {"organization": tenant.org_id, "environment": tenant.environment, "integration": "slack"}
