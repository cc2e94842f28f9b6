"""Organizations and their processor connections on DynamoDB; secrets are KMS ciphertext, opened for five minutes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Table, without_nones
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.ports import Clock
from refundkit_core.application.records import Connection, ListedConnection, ListedOrganization, Organization
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

OPENED_FOR: Final = timedelta(minutes=5)
_MAX_OPENED: Final = 1_000
_PAGE: Final = 500
_STATE: Final = {"#s": "state"}
_Value = TypeVar("_Value")


class OpenedSecrets(Generic[_Value]):
    """Opened secrets of one kind, each for five minutes, so that a warm worker asks KMS rarely."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[datetime, _Value]] = {}

    def get(self, name: str) -> _Value | None:
        kept = self._kept.get(name)
        return kept[1] if kept is not None and self._clock.now() - kept[0] < OPENED_FOR else None

    def forget(self, name: str) -> None:
        self._kept.pop(name, None)

    def keep(self, name: str, value: _Value) -> None:
        if len(self._kept) >= _MAX_OPENED:
            self._kept.clear()
        self._kept[name] = (self._clock.now(), value)


class DynamoOrganizationStore:
    """``OrganizationStore`` on one table."""

    def __init__(self, table: Table, box: SecretBox, clock: Clock) -> None:
        self._table = table
        self._box = box
        self._opened: OpenedSecrets[bytes] = OpenedSecrets(clock)

    def create(self, organization: Organization, audit: AuditEntry | None = None) -> None:
        from refundkit_core.adapters.dynamodb.members import FIRST_VERSION, item_of, pointer_op

        at, owner = keys.organization(organization.id), organization.owner
        sealed = self._box.seal(organization.secret, _secret_context(organization.id))
        created = iso(organization.created_at)
        self._table.transact(
            [
                self._table.put_op(
                    {
                        "pk": at.pk,
                        "sk": at.sk,
                        "gsi1pk": keys.ORGANIZATIONS,
                        "gsi1sk": f"{created}#{organization.id}",
                        "name": organization.name,
                        "secret": sealed,
                        "created": created,
                        "members_version": FIRST_VERSION,
                    },
                    "attribute_not_exists(pk)",
                ),
                self._table.put_op(item_of(owner), "attribute_not_exists(pk)"),
                pointer_op(self._table, owner),
                *audit_ops(self._table, audit),
            ]
        )

    def all(self) -> Sequence[ListedOrganization]:
        before, more = LAST, True
        found: list[ListedOrganization] = []
        while more:
            items, more = self._table.newest(keys.INDEX, keys.ORGANIZATIONS, FIRST, before, _PAGE)
            for item in items:
                before = item["gsi1sk"]
                created, _, org_id = before.partition("#")
                found.append(ListedOrganization(org_id, item["name"], parse_iso(created)))
        return found[::-1]

    def owner(self, org_id: str) -> str:
        self._standing(org_id)
        prefix = keys.members(org_id)
        owners = [
            (item["created"], item["sk"])
            for item in self._table.query(*prefix)
            if item["role"] == "owner" and item.get("active", True)
        ]
        if not owners:
            raise NotFound("No such organization")
        return str(min(owners)[1]).removeprefix(prefix.sk)

    def name(self, org_id: str) -> str:
        return str(self._standing(org_id)["name"])

    def secret(self, org_id: str) -> bytes:
        opened = self._opened.get(org_id)
        if opened is None:
            opened = self._box.open(self._standing(org_id)["secret"], _secret_context(org_id))
            self._opened.keep(org_id, opened)
        return opened

    def _standing(self, org_id: str) -> Item:
        item = self._table.get(keys.organization(org_id))
        if item is None or "deleted" in item:
            raise NotFound("No such organization")
        return item


class DynamoConnectionStore:
    """``ConnectionStore`` on one table."""

    def __init__(self, table: Table, box: SecretBox, clock: Clock) -> None:
        self._table = table
        self._box = box
        self._opened: OpenedSecrets[Connection] = OpenedSecrets(clock)

    def of(self, tenant: Tenant, processor: str) -> Connection | None:
        name = f"{tenant.org_id}#{tenant.environment}#{processor}"
        opened = self._opened.get(name)
        if opened is None:
            item = self._table.get(keys.connection(tenant, processor))
            if item is None:
                return None
            opened = self._open(tenant, processor, item)
            self._keep(name, opened)
        return opened

    def by_id(self, connection_id: str) -> Connection | None:
        opened = self._opened.get(connection_id)
        if opened is None:
            pointer = self._table.get(keys.connection_pointer(connection_id))
            if pointer is None:
                return None
            opened = self.of(Tenant(pointer["org"], pointer["env"]), pointer["processor"])
            if opened is None or opened.id != connection_id:
                return None
            self._keep(connection_id, opened)
        return opened

    def _keep(self, name: str, opened: Connection) -> None:
        """All but refused credentials: whoever renews them waits for no worker to forget the old ones."""
        if opened.status != "error":
            self._opened.keep(name, opened)

    def put(self, connection: Connection, at: datetime, audit: AuditEntry | None = None) -> None:
        tenant, processor = connection.tenant, connection.processor
        key, pointer = keys.connection(tenant, processor), keys.connection_pointer(connection.id)
        credentials = {
            "secret_key": connection.secret_key,
            "webhook_secrets": list(connection.webhook_secrets),
        }
        options = {
            "connected_account": connection.connected_account,
            "reverse_transfer": connection.reverse_transfer or None,
            "refund_application_fee": connection.refund_application_fee or None,
            "webhook_endpoint": connection.webhook_endpoint,
            "merchant": connection.merchant_id,
        }
        item = {
            "pk": key.pk,
            "sk": key.sk,
            "id": connection.id,
            "account": connection.account_id,
            "state": connection.status,
            "version": connection.version,
            "credentials": self._box.seal(json.dumps(credentials).encode(), _credentials_context(tenant, processor)),
            "updated": iso(at),
            **without_nones(options),
        }
        mine = {":org": tenant.org_id}
        pointed = {"pk": pointer.pk, "sk": pointer.sk, "org": tenant.org_id, "env": tenant.environment}
        organization = keys.organization(tenant.org_id)
        self._table.transact(
            [
                self._table.check_op(organization, "attribute_not_exists(deleted)", {}),
                self._table.put_op(item),
                self._table.put_op({**pointed, "processor": processor}, "attribute_not_exists(pk) OR org = :org", mine),
                *audit_ops(self._table, audit),
            ]
        )
        self.forget(tenant, processor)
        self._opened.forget(connection.id)

    def listed(self, tenant: Tenant) -> Sequence[ListedConnection]:
        return [
            ListedConnection(item["id"], item["sk"], item["account"], item["state"], parse_iso(item["updated"]))
            for item in self._table.query_between(keys.connection(tenant, "").pk, "a", "~")
        ]

    def disconnect(self, tenant: Tenant, processor: str, at: datetime, audit: AuditEntry) -> bool:
        known = next((each for each in self.listed(tenant) if each.processor == processor), None)
        if known is None or known.status == "inactive":
            return False
        key, values = keys.connection(tenant, processor), {":state": "inactive", ":at": iso(at), ":id": known.id}
        change = self._table.update_op(key, "SET #s = :state, updated = :at", "id = :id", values, _STATE)
        self._table.transact([change, *audit_ops(self._table, audit)])
        self.forget(tenant, processor)
        self._opened.forget(known.id)
        return True

    def forget(self, tenant: Tenant, processor: str) -> None:
        """Read the connection anew next time, whatever this worker has opened."""
        self._opened.forget(f"{tenant.org_id}#{tenant.environment}#{processor}")

    def mark(self, connection: Connection, status: str, at: datetime) -> None:
        self.forget(connection.tenant, connection.processor)
        self._opened.forget(connection.id)
        key = keys.connection(connection.tenant, connection.processor)
        values = {":state": status, ":at": iso(at), ":version": connection.version, ":id": connection.id}
        with suppress(ConditionFailed):  # other credentials stand there now, of which this says nothing
            self._table.update(key, "SET #s = :state, updated = :at", "version = :version AND id = :id", values, _STATE)

    def _open(self, tenant: Tenant, processor: str, item: Item) -> Connection:
        credentials = json.loads(self._box.open(item["credentials"], _credentials_context(tenant, processor)))
        return Connection(
            id=item["id"],
            tenant=tenant,
            processor=processor,
            account_id=item["account"],
            secret_key=credentials["secret_key"],
            webhook_secrets=tuple(credentials["webhook_secrets"]),
            status=item["state"],
            version=item["version"],
            connected_account=item.get("connected_account"),
            reverse_transfer=item.get("reverse_transfer", False),
            refund_application_fee=item.get("refund_application_fee", False),
            webhook_endpoint=item.get("webhook_endpoint"),
            merchant_id=item.get("merchant"),
        )


def _secret_context(org_id: str) -> dict[str, str]:
    return {"organization": org_id, "purpose": "derived-ids"}


def _credentials_context(tenant: Tenant, processor: str) -> dict[str, str]:
    return {"organization": tenant.org_id, "environment": tenant.environment, "processor": processor}
