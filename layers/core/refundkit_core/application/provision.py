"""Set up: organizations with their owners, their keys, and their connections to processors. Everything is audited."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from refundkit_core.application.audit import BY_PROGRAM, Auditor, By
from refundkit_core.application.connect_processor import ConnectProcessor, Credentials
from refundkit_core.application.manage_keys import ManageKeys, WantedKey
from refundkit_core.application.ports import Clock, Ids, OrganizationStore
from refundkit_core.application.records import (
    ListedConnection,
    ListedOrganization,
    Organization,
)
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.rights import ADMIN
from refundkit_core.domain.tenancy import ENVIRONMENTS, Environment, Tenant

OWNER_SCOPES: Final = frozenset({ADMIN})


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
    """Create organizations with their first keys, and processor connections."""

    def __init__(
        self,
        organizations: OrganizationStore,
        keys: ManageKeys,
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
        first = {environment: self._first_key(organization, environment, by) for environment in ENVIRONMENTS}
        return NewOrganization(organization.id, organization.owner_id, first["test"], first["live"])

    def _first_key(self, organization: Organization, environment: Environment, by: By) -> str:
        wanted = WantedKey(f"First {environment} key", organization.owner_id, OWNER_SCOPES)
        return self._keys.create(Tenant(organization.id, environment), wanted, by).key

    def organizations(self) -> Sequence[ListedOrganization]:
        """Every organization, oldest first."""
        return self._organizations.all()

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
