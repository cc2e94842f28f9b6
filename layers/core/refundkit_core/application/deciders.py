"""Who wants to decide: the member or agent behind a key, a session, a link or a Slack user, as they stand now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refundkit_core.domain.approver_rules import AGENT, Decider
from refundkit_core.domain.errors import Denied
from refundkit_core.domain.ids import is_id

if TYPE_CHECKING:
    from refundkit_core.application.member_ports import MemberStore
    from refundkit_core.application.ports import ApiKeyStore
    from refundkit_core.domain.tenancy import Tenant


class KnownDeciders:
    """``Deciders`` from the list of members."""

    def __init__(self, members: MemberStore) -> None:
        self._members = members

    def known(self, tenant: Tenant, owner: str) -> Decider:
        if not is_id("mem", owner):
            return Decider(owner, AGENT)
        member = self._members.find(tenant.org_id, owner)
        if member is None or not member.active:
            raise Denied("This member is no longer active")
        return Decider(member.id, member.role, member.approval_limit)


class OwnersOfKeys:
    """``KeyOwners`` from the keys themselves, revoked ones too."""

    def __init__(self, keys: ApiKeyStore) -> None:
        self._keys = keys

    def owner_of(self, tenant: Tenant, key_id: str) -> str | None:
        record = self._keys.find(tenant, key_id)
        return None if record is None else record.owner
