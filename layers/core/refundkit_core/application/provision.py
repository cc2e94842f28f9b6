"""Set up: organizations with their owners, their keys, and their connections to processors. Everything is audited."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from refundkit.api_keys import generate_api_key

from refundkit_core.application.audit import BY_PROGRAM, Auditor, By
from refundkit_core.application.connect_processor import ConnectProcessor, Credentials
from refundkit_core.application.ports import ApiKeyStore, Clock, Ids, OrganizationStore
from refundkit_core.application.records import (
    ApiKeyRecord,
    ListedConnection,
    ListedOrganization,
    Organization,
)
from refundkit_core.domain.errors import Conflict, Invalid, NotFound
from refundkit_core.domain.rights import ADMIN, SCOPES
from refundkit_core.domain.tenancy import Environment, Tenant

DEFAULT_LIMIT_PER_MINUTE: Final = 100
MAX_LIMIT_PER_MINUTE: Final = 30_000
OWNER_SCOPES: Final = frozenset({ADMIN})

_ENVIRONMENTS: Final[tuple[Environment, ...]] = ("test", "live")


class NewOrganization(NamedTuple):
    """A new organization; the two keys are shown here and never again."""

    org_id: str
    owner_id: str
    test_key: str
    live_key: str


class NewKey(NamedTuple):
    """A new key; ``key`` is shown here and never again."""

    record: ApiKeyRecord
    key: str


class WantedKey(NamedTuple):
    """A key to make. ``owner`` is a member's id or an agent's name; None: the organization's owner."""

    name: str
    owner: str | None
    scopes: frozenset[str]
    expires_at: datetime | None
    limit_per_minute: int


class NewConnection(NamedTuple):
    """A new connection, the account behind it, and the secret that signs its webhooks."""

    connection_id: str
    account_id: str
    webhook_secret: str


class Provision:
    """Create organizations, keys and processor connections."""

    def __init__(
        self,
        organizations: OrganizationStore,
        keys: ApiKeyStore,
        connect: ConnectProcessor,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._auditor = Auditor(clock, ids)
        self._organizations = organizations
        self._keys = keys
        self._connect = connect
        self._clock = clock
        self._ids = ids

    def create_organization(self, name: str, owner_name: str, owner_email: str, by: By = BY_PROGRAM) -> NewOrganization:
        """An organization, its owner, and one key of the owner's for each environment, with all rights."""
        organization = Organization(
            id=self._ids.new("org"),
            name=name,
            owner_id=self._ids.new("mem"),
            owner_name=owner_name,
            owner_email=owner_email,
            secret=secrets.token_bytes(32),
            created_at=self._clock.now(),
        )
        entry = self._auditor.entry(by, "organizations create", organization.id, organization.id)
        self._organizations.create(organization, entry)
        owner = organization.owner_id
        test_key, live_key = (
            self._put_key(
                Tenant(organization.id, environment),
                WantedKey(f"First {environment} key", owner, OWNER_SCOPES, None, DEFAULT_LIMIT_PER_MINUTE),
                owner,
                by,
            ).key
            for environment in _ENVIRONMENTS
        )
        return NewOrganization(organization.id, owner, test_key, live_key)

    def organizations(self) -> Sequence[ListedOrganization]:
        """Every organization, oldest first."""
        return self._organizations.all()

    def create_key(self, tenant: Tenant, wanted: WantedKey, by: By) -> NewKey:
        """A key as wanted.

        Raises:
            NotFound: no such organization.
            Invalid: an unknown right, a limit out of bounds, or an expiry that has passed.
        """
        owner = self._organizations.owner(tenant.org_id)
        unknown = sorted(wanted.scopes - SCOPES)
        if unknown or not wanted.scopes:
            raise Invalid(f"Scopes are one or more of {', '.join(sorted(SCOPES))}; not {', '.join(unknown) or 'none'}")
        if not 1 <= wanted.limit_per_minute <= MAX_LIMIT_PER_MINUTE:
            raise Invalid(f"The limit is 1 to {MAX_LIMIT_PER_MINUTE} requests a minute")
        if wanted.expires_at is not None and wanted.expires_at <= self._clock.now():
            raise Invalid("The expiry has passed")
        return self._put_key(tenant, wanted, wanted.owner or owner, by)

    def _put_key(self, tenant: Tenant, wanted: WantedKey, owner: str, by: By) -> NewKey:
        generated = generate_api_key(tenant.environment)
        record = ApiKeyRecord(
            id=self._ids.new("key"),
            tenant=tenant,
            hash=generated.hash,
            prefix=generated.prefix,
            name=wanted.name,
            owner=owner,
            scopes=wanted.scopes,
            created_at=self._clock.now(),
            expires_at=wanted.expires_at,
            limit_per_minute=wanted.limit_per_minute,
        )
        self._keys.put(record, self._auditor.entry(by, "keys create", record.id, tenant))
        return NewKey(record, generated.key)

    def keys(self, tenant: Tenant) -> Sequence[ApiKeyRecord]:
        """The tenant's keys, oldest first. Raises NotFound."""
        self._organizations.owner(tenant.org_id)
        return self._keys.of(tenant)

    def revoke_key(self, tenant: Tenant, key_id: str, by: By) -> None:
        """Refuse a key from its next request on. Raises NotFound, Conflict where it was revoked before."""
        key = next((each for each in self._keys.of(tenant) if each.id == key_id), None)
        if key is None:
            raise NotFound("This organization and environment has no such key")
        if not self._keys.revoke(key, self._clock.now(), self._auditor.entry(by, "keys revoke", key_id, tenant)):
            raise Conflict("The key was revoked before")

    def connect(
        self,
        org_id: str,
        environment: Environment,
        processor: str,
        secret_key: str,
        webhook_base_url: str,
        by: By = BY_PROGRAM,
    ) -> NewConnection:
        """Connect a processor account: checks the key, has the processor post its news to us, keeps both secrets.

        Raises:
            NotFound: no such organization, or no such processor.
            Invalid: the processor refuses the key, or its mode is not ``environment``.
            Upstream: the processor did not answer.
        """
        self._organizations.owner(org_id)
        tenant = Tenant(org_id, environment)
        connection = self._connect(tenant, processor, Credentials(secret_key), webhook_base_url, by)
        return NewConnection(connection.id, connection.account_id, connection.webhook_secrets[0])

    def connections(self, tenant: Tenant) -> Sequence[ListedConnection]:
        """The tenant's connections, without their credentials. Raises NotFound."""
        self._organizations.owner(tenant.org_id)
        return self._connect.listed(tenant)

    def disconnect(self, tenant: Tenant, processor: str, by: By) -> None:
        """Stop using a connection; its webhooks are still read. Raises NotFound where none is active."""
        if self._connect.show(tenant, processor).status == "inactive":
            raise NotFound(f"No {processor} account is connected in the {tenant.environment} environment")
        self._connect.disconnect(tenant, processor, by)
