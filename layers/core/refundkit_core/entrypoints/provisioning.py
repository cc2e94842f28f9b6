"""Set up organizations and connections from outside the API: what a local stack and an operator's shell use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from refundkit_core.application.audit import BY_PROGRAM
from refundkit_core.application.manage_keys import WantedKey
from refundkit_core.application.manage_members import WantedMember
from refundkit_core.application.provision import NewConnection, NewOrganization, Provision
from refundkit_core.domain.roles import RIGHTS
from refundkit_core.domain.tenancy import Environment, Tenant
from refundkit_core.entrypoints.container import Container
from refundkit_core.entrypoints.settings import Settings


class NewMember(NamedTuple):
    """A new member, and a test key of theirs with all that their role allows, which is shown only here."""

    member_id: str
    test_key: str


class Provisioner:
    """Create organizations, add members and connect processors with the operator's own AWS credentials."""

    def __init__(self, container: Container) -> None:
        self._provision: Provision = container.provision
        self._container = container

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Provisioner:
        """With the settings of a function (``REFUNDKIT_…``) and the usual AWS settings. Raises MissingSetting."""
        return cls(Container(Settings.parse(environment)))

    def create_organization(self, *, name: str, owner_name: str, owner_email: str) -> NewOrganization:
        """An organization, its owner, and the owner's first test and live keys, which are shown only here."""
        return self._provision.create_organization(name, owner_name, owner_email)

    def add_member(self, *, org_id: str, wanted: WantedMember) -> NewMember:
        """A member, who may sign in at once, with a key for programs that act as them.

        Raises:
            NotFound: no such organization.
            Invalid: the name, address, Slack user or limit cannot be one, or somebody else has it.
        """
        member = self._container.manage_members.add(org_id, wanted, BY_PROGRAM)
        key = WantedKey(f"{wanted.role} of the test environment", member.id, RIGHTS[wanted.role])
        made = self._container.manage_keys.create(Tenant(org_id, "test"), key, BY_PROGRAM)
        return NewMember(member.id, made.key)

    def connect_stripe(
        self, *, org_id: str, environment: Environment, secret_key: str, webhook_base_url: str
    ) -> NewConnection:
        """Connect a Stripe account: checks the key and creates the webhook endpoint under ``webhook_base_url``.

        Raises:
            Invalid: the key is of the other mode.
            Upstream: Stripe refused the key or did not answer.
        """
        return self._provision.connect(org_id, environment, "stripe", secret_key, webhook_base_url)
