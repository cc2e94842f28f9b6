"""Set up: an organization with its owner and first keys, and its connection to a processor."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from refundkit.api_keys import generate_api_key

from refundkit_core.application.ports import ApiKeyStore, Clock, ConnectionStore, Ids, OrganizationStore, ProcessorSetup
from refundkit_core.application.records import ApiKeyRecord, Connection, Organization
from refundkit_core.domain.errors import Invalid
from refundkit_core.domain.tenancy import Environment, Tenant

DEFAULT_LIMIT_PER_MINUTE: Final = 100
OWNER_SCOPES: Final = frozenset({"admin"})


class NewOrganization(NamedTuple):
    """A new organization; the two keys are shown here and never again."""

    org_id: str
    owner_id: str
    test_key: str
    live_key: str


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
        connections: ConnectionStore,
        setups: Mapping[str, ProcessorSetup],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._organizations = organizations
        self._keys = keys
        self._connections = connections
        self._setups = setups
        self._clock = clock
        self._ids = ids

    def create_organization(self, name: str, owner_name: str, owner_email: str) -> NewOrganization:
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
        self._organizations.create(organization)
        test_key = self._create_key(Tenant(organization.id, "test"), "First test key", organization.owner_id)
        live_key = self._create_key(Tenant(organization.id, "live"), "First live key", organization.owner_id)
        return NewOrganization(organization.id, organization.owner_id, test_key, live_key)

    def _create_key(self, tenant: Tenant, name: str, owner: str) -> str:
        generated = generate_api_key(tenant.environment)
        self._keys.put(
            ApiKeyRecord(
                id=self._ids.new("key"),
                tenant=tenant,
                hash=generated.hash,
                prefix=generated.prefix,
                name=name,
                owner=owner,
                scopes=OWNER_SCOPES,
                created_at=self._clock.now(),
                expires_at=None,
                limit_per_minute=DEFAULT_LIMIT_PER_MINUTE,
            )
        )
        return generated.key

    def connect(
        self, org_id: str, environment: Environment, processor: str, secret_key: str, webhook_base_url: str
    ) -> NewConnection:
        """Connect a processor account: checks the key, has the processor post its news to us, keeps both secrets.

        Raises:
            Invalid: no such processor, or the key's mode is not ``environment``.
            Upstream: the processor refused or did not answer.
        """
        setup = self._setups.get(processor)
        if setup is None:
            raise Invalid(f"No processor is called {processor}")
        account = setup.account(secret_key)
        if account.livemode != (environment == "live"):
            raise Invalid(f"This key is not a {environment} key of {processor}")
        connection_id = self._ids.new("con")
        url = f"{webhook_base_url.rstrip('/')}/v1/processors/{processor}/webhook/{connection_id}"
        webhook_secret = setup.create_webhook_endpoint(secret_key, url)
        connection = Connection(
            id=connection_id,
            tenant=Tenant(org_id, environment),
            processor=processor,
            account_id=account.account_id,
            secret_key=secret_key,
            webhook_secrets=(webhook_secret,),
            status="active",
        )
        self._connections.put(connection, self._clock.now())
        return NewConnection(connection_id, account.account_id, webhook_secret)
