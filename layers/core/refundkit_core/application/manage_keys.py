"""API keys: make, list, show, revoke (document 002 "API Key Security", decisions 11, 23 and 29)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from refundkit.api_keys import generate_api_key

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.member_ports import MemberStore
from refundkit_core.application.paging import Paging
from refundkit_core.application.ports import ApiKeyStore, Clock, Ids, OrganizationStore
from refundkit_core.application.records import ApiKeyRecord, Page, Slice
from refundkit_core.domain.errors import Denied, Detail, IdempotencyKeyReused, Invalid, NotFound, StoreConflict
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.rights import ADMIN, DECIDE, DEFAULT_SCOPES, NEVER_FOR_AGENTS, SCOPES, is_agent_name
from refundkit_core.domain.roles import Role, is_above, role_may
from refundkit_core.domain.tenancy import Caller, Tenant
from refundkit_core.domain.times import iso

DEFAULT_LIMIT_PER_MINUTE: Final = 100
MAX_LIMIT_PER_MINUTE: Final = 30_000
_ROUTE: Final = "POST /v1/api-keys"
_MAX_TRIES: Final = 10


class WantedKey(NamedTuple):
    """A key to make. ``owner`` is a member's id or an agent's name; None: whoever asks, or the organization's owner."""

    name: str
    owner: str | None = None
    scopes: frozenset[str] = DEFAULT_SCOPES
    expires_at: datetime | None = None
    limit_per_minute: int = DEFAULT_LIMIT_PER_MINUTE

    @property
    def fingerprint(self) -> str:
        """What makes two requests the same: a hash of all that was asked for."""
        expires = iso(self.expires_at) if self.expires_at else None
        asked = [self.name, self.owner, sorted(self.scopes), expires, self.limit_per_minute]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


class NewKey(NamedTuple):
    """A new key; ``key`` is shown here and never again."""

    record: ApiKeyRecord
    key: str


class MadeKey(NamedTuple):
    """A key that a caller asked for; ``key`` is None where an earlier request with the same idempotency key made it."""

    record: ApiKeyRecord
    key: str | None


class ManageKeys:
    """The use cases behind ``/v1/api-keys`` and the operators' ``keys`` commands."""

    def __init__(
        self, keys: ApiKeyStore, organizations: OrganizationStore, members: MemberStore, clock: Clock, ids: Ids
    ) -> None:
        self._keys = keys
        self._organizations = organizations
        self._members = members
        self._paging = Paging(organizations, "api-keys")
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def create_for(self, caller: Caller, wanted: WantedKey, idempotency_key: str | None, by: By) -> MadeKey:
        """A key as ``caller`` wants it, or without its secret the one that the same idempotency key made before.

        Raises:
            Denied: it is for somebody whom the caller's key cannot make keys for, or may do what that key or its owner
                may not.
            NotFound: the organization has no such member.
            Invalid: the expiry has passed.
            IdempotencyKeyReused: the key was used with another body.
        """
        if idempotency_key is None:
            return MadeKey(*self._make_for(caller, wanted, self._ids.new("key"), by))
        secret = self._organizations.secret(caller.tenant.org_id)
        key_id = derived("key", secret, caller.tenant.environment, _ROUTE, idempotency_key)
        replay = self._replay(caller.tenant, key_id, wanted)
        if replay is not None:
            return replay
        try:
            return MadeKey(*self._make_for(caller, wanted, key_id, by))
        except StoreConflict:  # a call with the same key was faster, or an answer of our own was lost
            replay = self._replay(caller.tenant, key_id, wanted)
            if replay is None:
                raise
            return replay

    def _replay(self, tenant: Tenant, key_id: str, wanted: WantedKey) -> MadeKey | None:
        found = self._keys.find(tenant, key_id)
        if found is None:
            return None
        if found.fingerprint != wanted.fingerprint:
            raise IdempotencyKeyReused(
                "This idempotency key made another API key", (Detail("Idempotency-Key", key_id),)
            )
        return MadeKey(found, None)

    def _make_for(self, caller: Caller, wanted: WantedKey, key_id: str, by: By) -> NewKey:
        owner = wanted.owner or caller.owner
        _insist_on_managing(caller, owner)
        lacking = sorted(scope for scope in wanted.scopes if not caller.may(scope))
        if lacking:
            raise Denied(f"This key cannot give what it lacks: {', '.join(lacking)}")
        if not is_id("mem", owner) and wanted.scopes & NEVER_FOR_AGENTS:
            raise Denied("An agent never writes members: leave members:write and members:* out")
        if caller.is_agent and DECIDE in wanted.scopes:
            raise Denied(f"An agent gets {DECIDE} from an owner or admin only, by name")
        return self._make(caller.tenant, wanted, owner, key_id, by, caller.member_role)

    def create(self, tenant: Tenant, wanted: WantedKey, by: By) -> NewKey:
        """A key as an operator wants it.

        Raises:
            NotFound: no such organization, or member of it.
            Denied: the member is inactive, or their role does not allow all of it.
            Invalid: an unknown right, a limit out of bounds, or an expiry that has passed.
        """
        unknown = sorted(wanted.scopes - SCOPES)
        if unknown or not wanted.scopes:
            raise Invalid(f"Scopes are one or more of {', '.join(sorted(SCOPES))}; not {', '.join(unknown) or 'none'}")
        if not 1 <= wanted.limit_per_minute <= MAX_LIMIT_PER_MINUTE:
            raise Invalid(f"The limit is 1 to {MAX_LIMIT_PER_MINUTE} requests a minute")
        owner = self._organizations.owner(tenant.org_id)
        return self._make(tenant, wanted, wanted.owner or owner, self._ids.new("key"), by)

    def _make(
        self, tenant: Tenant, wanted: WantedKey, owner: str, key_id: str, by: By, giver: Role | None = "owner"
    ) -> NewKey:
        if wanted.expires_at is not None and wanted.expires_at <= self._clock.now():
            raise Invalid("The expiry has passed", (Detail("expiresAt", "A time in the future"),))
        for attempt in range(1, _MAX_TRIES + 1):
            role = self._role_of(tenant, owner, wanted.scopes, giver)
            try:
                return self._put(tenant, wanted, owner, role, key_id, by)
            except StoreConflict:  # the member has changed since, gets another key just now, or the store was busy
                if self._keys.find(tenant, key_id) is not None:
                    raise
                self._ids.pause(attempt)
        raise StoreConflict("The member kept changing")

    def _role_of(self, tenant: Tenant, owner: str, scopes: frozenset[str], giver: Role | None) -> Role | None:
        """The role of the member for whom a key is, which must allow it all; None for an agent."""
        if not is_id("mem", owner):
            _insist_on_agent_name(owner)
            return None
        member = self._members.find(tenant.org_id, owner)
        if member is None:
            raise NotFound("No such member")
        if not member.active:
            raise Denied("This member is inactive: no key is made for them")
        if giver is not None and is_above(member.role, giver):
            raise Denied(f"Who has the role {giver} makes no key for who has the role {member.role}")
        excessive = sorted(scope for scope in scopes if not role_may(member.role, scope))
        if excessive:
            raise Denied(f"The member's role ({member.role}) does not allow: {', '.join(excessive)}")
        return member.role

    def _put(self, tenant: Tenant, wanted: WantedKey, owner: str, role: Role | None, key_id: str, by: By) -> NewKey:
        now = self._clock.now()
        generated = generate_api_key(tenant.environment)
        record = ApiKeyRecord(
            id=key_id,
            tenant=tenant,
            hash=generated.hash,
            prefix=generated.prefix,
            name=wanted.name,
            owner=owner,
            scopes=wanted.scopes,
            created_at=now,
            expires_at=wanted.expires_at,
            limit_per_minute=wanted.limit_per_minute,
            fingerprint=wanted.fingerprint,
            role=role,
        )
        self._keys.put(record, self._auditor.entry(by, "keys create", key_id, tenant))
        return NewKey(record, generated.key)

    def show(self, tenant: Tenant, key_id: str) -> ApiKeyRecord:
        """The key as it stands. Raises NotFound; a malformed id costs no read."""
        found = self._keys.find(tenant, key_id) if is_id("key", key_id) else None
        if found is None:
            raise NotFound("No such API key")
        return found

    def page(self, tenant: Tenant, part: Slice) -> Page[ApiKeyRecord]:
        """One page of the tenant's keys, newest first, revoked ones too. Raises Invalid for a foreign cursor."""
        return self._paging.sealed(tenant, self._keys.page(tenant, self._paging.position(tenant, part)))

    def all(self, tenant: Tenant) -> Sequence[ApiKeyRecord]:
        """All keys of the tenant, oldest first. Raises NotFound where there is no such organization."""
        self._organizations.owner(tenant.org_id)
        return self._keys.of(tenant)

    def revoke_for(self, caller: Caller, key_id: str, by: By) -> ApiKeyRecord:
        """Refuse a key from its next request on; one that is revoked already stays as it is.

        Raises:
            NotFound: no such key.
            Denied: it is of somebody whose keys the caller's key cannot manage.
        """
        record = self.show(caller.tenant, key_id)
        _insist_on_managing(caller, record.owner)
        self._insist_on_no_one_above(caller, record.owner)
        self._revoke(record, by)
        return self.show(caller.tenant, key_id)

    def _insist_on_no_one_above(self, caller: Caller, owner: str) -> None:
        """Who may manage everybody's keys still leaves those of whoever stands above them. Raises Denied."""
        giver = caller.member_role
        if owner == caller.owner or giver is None or not is_id("mem", owner):
            return
        member = self._members.find(caller.tenant.org_id, owner)
        if member is not None and member.active and is_above(member.role, giver):
            raise Denied(f"Who has the role {giver} revokes no key of who has the role {member.role}")

    def revoke(self, tenant: Tenant, key_id: str, by: By) -> bool:
        """Refuse a key from its next request on; False where it was revoked before. Raises NotFound."""
        return self._revoke(self.show(tenant, key_id), by)

    def _revoke(self, record: ApiKeyRecord, by: By) -> bool:
        entry = self._auditor.entry(by, "keys revoke", record.id, record.tenant)
        return self._keys.revoke(record, self._clock.now(), entry)


def _insist_on_agent_name(owner: str) -> None:
    if not is_agent_name(owner):
        said = "An owner is a member's id or an agent's name: small letters, digits, dots and hyphens"
        raise Invalid(said, (Detail("owner", "mem_… or an agent's name"),))


def _insist_on_managing(caller: Caller, owner: str) -> None:
    """An agent manages its own keys, a member their own and the agents', and whoever has all rights, everybody's.

    Raises Denied.
    """
    if owner == caller.owner:
        return
    if caller.is_agent:
        raise Denied("An agent's key manages the keys of that agent only")
    if is_id("mem", owner) and not caller.may(ADMIN):
        raise Denied("The keys of other members take the scope admin")
