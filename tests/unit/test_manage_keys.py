"""Keys as they are asked for: who may make which for whom, repetition, expiry, and what is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from refundkit.api_keys import has_valid_checksum, hash_api_key
from refundkit_core.application.audit import AuditEntry, By
from refundkit_core.application.manage_keys import MadeKey, ManageKeys, WantedKey
from refundkit_core.application.records import ApiKeyRecord, Page, Position, Slice
from refundkit_core.domain import cursors, errors
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.members import Member
from refundkit_core.domain.rights import SCOPES
from refundkit_core.domain.tenancy import Admitted, Caller, Tenant

from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_members import MemoryMemberStore
from tests.support.memory_members import member as a_member

OWNER = "mem_00000000000000000000000001"
STRANGER = "mem_00000000000000000000000002"
BY = By("mem_1 (key_1)")
NEVER = "key_00000000000000000000000000"


class FakeKeys:
    """``ApiKeyStore`` in a dictionary, without a meter."""

    def __init__(self) -> None:
        self.records: dict[str, ApiKeyRecord] = {}
        self.trail: list[AuditEntry] = []
        self.reads = 0
        self.faster: ApiKeyRecord | None = None
        self.busy = False
        self.before_put: Callable[[], None] | None = None

    def admit(self, key_hash: str, now: datetime) -> Admitted:
        raise NotImplementedError

    def put(self, key: ApiKeyRecord, audit: AuditEntry | None = None) -> None:
        if self.before_put is not None:
            self.before_put()
            self.before_put = None
            raise errors.StoreConflict("The member has changed since")
        if self.faster is not None:
            self.records[key.id] = self.faster
        if self.busy or key.id in self.records:
            raise errors.StoreConflict("It exists")
        self.records[key.id] = key
        assert audit is not None
        self.trail.append(audit)

    def find(self, tenant: Tenant, key_id: str) -> ApiKeyRecord | None:
        self.reads += 1
        found = self.records.get(key_id)
        return found if found is not None and found.tenant == tenant else None

    def page(self, tenant: Tenant, part: Position) -> Page[ApiKeyRecord]:
        own = [record for record in self.records.values() if record.tenant == tenant]
        start = int(part.after or 0) + part.offset
        end = start + part.limit
        return Page(own[start:end], str(end) if len(own) > end else None)

    def of(self, tenant: Tenant) -> list[ApiKeyRecord]:
        return [record for record in self.records.values() if record.tenant == tenant]

    def revoke(self, key: ApiKeyRecord, at: datetime, audit: AuditEntry) -> bool:
        if key.revoked_at is not None:
            return False
        self.records[key.id] = replace(key, revoked_at=at)
        self.trail.append(audit)
        return True


class Office:
    """The use case over fakes."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.store = FakeKeys()
        self.organizations = FakeOrganizations()
        self.members = MemoryMemberStore(a_member())
        self.ids = CountingIds(self.clock)
        self.manage = ManageKeys(self.store, self.organizations, self.members, self.clock, self.ids)

    def make(self, caller: Caller, key: str | None = None, **wanted: object) -> MadeKey:
        return self.manage.create_for(caller, WantedKey("One", **wanted), key, BY)  # type: ignore[arg-type]


@pytest.fixture
def office() -> Office:
    return Office()


def member(*scopes: str, owner: str = OWNER) -> Caller:
    return Caller(TENANT, "key_asking", owner, frozenset(scopes))


def agent(*scopes: str) -> Caller:
    return member(*scopes, owner="shopping-agent")


ADMIN = member("admin")


def test_a_key_is_what_was_wanted_and_its_secret_is_known_by_its_hash_only(office: Office) -> None:
    expires = START + timedelta(days=1)
    made = office.make(ADMIN, scopes=frozenset({"refunds:read"}), expires_at=expires, limit_per_minute=7)

    assert made.key is not None
    assert has_valid_checksum(made.key)
    wanted = WantedKey("One", None, frozenset({"refunds:read"}), expires, 7)
    assert made.record == ApiKeyRecord(
        id=made.record.id,
        tenant=TENANT,
        hash=hash_api_key(made.key),
        prefix=made.key[:16],
        name="One",
        owner=OWNER,
        scopes=frozenset({"refunds:read"}),
        created_at=START,
        expires_at=expires,
        limit_per_minute=7,
        fingerprint=wanted.fingerprint,
        role="owner",
    )
    assert office.store.records == {made.record.id: made.record}
    assert made.record.id.startswith("key_")
    (entry,) = office.store.trail
    assert (entry.command, entry.target, entry.whose, entry.actor) == ("keys create", made.record.id, TENANT, BY.actor)


def test_a_key_of_which_nothing_is_said_asks_opens_and_reads_refunds_100_times_a_minute() -> None:
    rights = {"refunds:read", "refunds:write", "policies:read"}
    assert WantedKey("One") == WantedKey("One", None, frozenset(rights), None, 100)


def test_every_thing_that_is_asked_for_makes_another_fingerprint() -> None:
    changes: list[dict[str, object]] = [
        {},
        {"name": "Two"},
        {"owner": OWNER},
        {"scopes": frozenset({"admin"})},
        {"expires_at": START},
        {"limit_per_minute": 99},
    ]
    asked = [WantedKey("One")._replace(**change) for change in changes]  # type: ignore[arg-type]
    assert len({wanted.fingerprint for wanted in asked}) == len(asked)
    scopes = [frozenset({"refunds:read", "keys:read", "admin"}), frozenset({"admin", "keys:read", "refunds:read"})]
    assert len({WantedKey("One", scopes=each).fingerprint for each in scopes}) == 1
    # a fingerprint is stored: it may not change from one release to the next
    assert WantedKey("One").fingerprint == "90c1c31b5393f6a8c2e5e948177ef085e3849c510701484df1085069334b4d17"


def test_a_repetition_is_the_same_key_without_its_secret(office: Office) -> None:
    first, again = office.make(ADMIN, "k-1"), office.make(ADMIN, "k-1")

    assert first.key is not None
    assert again == MadeKey(first.record, None)
    assert list(office.store.records) == [first.record.id]
    secret = office.organizations.secret(TENANT.org_id)
    assert first.record.id == derived("key", secret, "test", "POST /v1/api-keys", "k-1")
    office.store.busy = True  # a repetition asks the store for nothing but what stands there
    assert office.make(ADMIN, "k-1") == again
    with pytest.raises(errors.IdempotencyKeyReused) as refused:
        office.manage.create_for(ADMIN, WantedKey("Two"), "k-1", BY)
    assert refused.value.message == "This idempotency key made another API key"
    assert refused.value.details == (errors.Detail("Idempotency-Key", first.record.id),)


def test_a_repetition_meets_no_rule_that_its_first_request_met(office: Office) -> None:
    expires = START + timedelta(hours=1)
    first = office.make(ADMIN, "k-1", expires_at=expires)
    office.clock.advance(days=1)

    assert office.make(member("keys:write"), "k-1", expires_at=expires) == MadeKey(first.record, None)


def test_who_loses_the_race_with_a_repetition_is_answered_the_winners_key(office: Office) -> None:
    office.store.faster = office.make(ADMIN, "k-0").record

    assert office.make(ADMIN, "k-1") == MadeKey(office.store.faster, None)


def test_a_store_that_is_only_busy_is_no_repetition(office: Office) -> None:
    office.store.busy = True

    for key in (None, "k-1"):
        with pytest.raises(errors.StoreConflict):
            office.make(ADMIN, key)


@pytest.mark.parametrize(
    ("caller", "owner"),
    [
        (ADMIN, OWNER),
        (ADMIN, "shopping-agent"),
        (member("admin", owner=STRANGER), OWNER),
        (member("keys:write", "refunds:read"), None),
        (member("keys:write", "refunds:read"), "shopping-agent"),
        (agent("keys:write", "refunds:read"), None),
        (agent("keys:write", "refunds:read"), "shopping-agent"),
    ],
)
def test_a_key_is_made_for_whom_the_caller_answers(office: Office, caller: Caller, owner: str | None) -> None:
    made = office.make(caller, owner=owner, scopes=frozenset({"refunds:read"}))

    assert made.record.owner == (owner or caller.owner)


@pytest.mark.parametrize(
    ("caller", "owner", "said"),
    [
        (member("keys:write", "refunds:read", owner=STRANGER), OWNER, "The keys of other members take the scope admin"),
        (agent("keys:write", "refunds:read"), OWNER, "An agent's key manages the keys of that agent only"),
        (agent("admin"), OWNER, "An agent's key manages the keys of that agent only"),
        (agent("admin"), "other-agent", "An agent's key manages the keys of that agent only"),
    ],
)
def test_a_key_for_somebody_else_is_refused(office: Office, caller: Caller, owner: str, said: str) -> None:
    mine = office.make(ADMIN, owner=owner, scopes=frozenset({"refunds:read"})).record

    with pytest.raises(errors.Denied) as making:
        office.make(caller, owner=owner, scopes=frozenset({"refunds:read"}))
    with pytest.raises(errors.Denied) as revoking:
        office.manage.revoke_for(caller, mine.id, BY)
    assert (making.value.message, revoking.value.message) == (said, said)
    assert office.store.records == {mine.id: mine}


def test_no_right_is_given_that_the_caller_lacks(office: Office) -> None:
    with pytest.raises(errors.Denied) as refused:
        office.make(member("keys:*", "refunds:read"), scopes=frozenset({"refunds:read", "refunds:write", "admin"}))

    assert refused.value.message == "This key cannot give what it lacks: admin, refunds:write"
    assert office.store.records == {}


def test_a_member_of_another_organization_is_nobody(office: Office) -> None:
    with pytest.raises(errors.NotFound) as refused:
        office.make(ADMIN, owner=STRANGER)
    assert refused.value.message == "No such member"
    assert office.store.records == {}


def test_a_key_expires_in_the_future_only(office: Office) -> None:
    for expires in (START, START - timedelta(days=1)):
        with pytest.raises(errors.Invalid) as refused:
            office.make(ADMIN, expires_at=expires)
        assert refused.value.message == "The expiry has passed"
        assert refused.value.details == (errors.Detail("expiresAt", "A time in the future"),)
    assert office.make(ADMIN, expires_at=START + timedelta(milliseconds=1)).key


def test_an_operator_makes_keys_for_the_owner_or_for_whom_they_name(office: Office) -> None:
    made = office.manage.create(TENANT, WantedKey("One", limit_per_minute=30_000), BY)
    named = office.manage.create(TENANT, WantedKey("Two", "shopping-agent", limit_per_minute=1), BY)

    assert (made.record.owner, named.record.owner) == (OWNER, "shopping-agent")
    assert is_id("key", made.record.id)
    assert office.manage.all(TENANT) == [made.record, named.record]
    with pytest.raises(errors.NotFound):
        office.manage.create(OTHER_TENANT, WantedKey("One"), BY)
    with pytest.raises(errors.NotFound):
        office.manage.all(OTHER_TENANT)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (WantedKey("One", scopes=frozenset({"refunds:all", "x"})), "not refunds:all, x"),
        (WantedKey("One", scopes=frozenset()), "not none"),
        (WantedKey("One", "Shop Bot"), "small letters, digits, dots and hyphens"),
        (WantedKey("One", "mem_1"), "small letters, digits, dots and hyphens"),
        (WantedKey("One", "a" * 65), "small letters, digits, dots and hyphens"),
        (WantedKey("One", limit_per_minute=0), "The limit is 1 to 30000 requests a minute"),
        (WantedKey("One", limit_per_minute=30_001), "The limit is 1 to 30000 requests a minute"),
    ],
)
def test_an_operators_wrong_wish_is_said(office: Office, wanted: WantedKey, said: str) -> None:
    with pytest.raises(errors.Invalid) as refused:
        office.manage.create(TENANT, wanted, BY)

    assert refused.value.message.endswith(said)
    assert ", ".join(sorted(SCOPES)) in refused.value.message or not said.startswith("not ")
    assert office.store.records == {}


def test_an_owner_who_can_be_nobody_is_named(office: Office) -> None:
    with pytest.raises(errors.Invalid) as refused:
        office.manage.create(TENANT, WantedKey("One", "Shop Bot"), BY)

    said = "An owner is a member's id or an agent's name: small letters, digits, dots and hyphens"
    assert refused.value.message == said
    assert refused.value.details == (errors.Detail("owner", "mem_… or an agent's name"),)


def test_a_key_that_is_not_there_is_not_found_and_a_malformed_id_costs_no_read(office: Office) -> None:
    mine = office.make(ADMIN).record

    assert office.manage.show(TENANT, mine.id) == mine
    office.store.reads = 0
    for tenant, key_id in ((TENANT, "key_1"), (TENANT, f"ref_{mine.id[4:]}")):
        with pytest.raises(errors.NotFound):
            office.manage.show(tenant, key_id)
    assert office.store.reads == 0
    for tenant, key_id in ((TENANT, NEVER), (OTHER_TENANT, mine.id)):
        with pytest.raises(errors.NotFound) as refused:
            office.manage.show(tenant, key_id)
        assert refused.value.message == "No such API key"


def test_a_revoked_key_stays_revoked_as_it_was(office: Office) -> None:
    mine = office.make(ADMIN).record

    revoked = office.manage.revoke_for(ADMIN, mine.id, BY)
    office.clock.advance(days=1)

    assert revoked == replace(mine, revoked_at=START)
    assert office.manage.revoke_for(ADMIN, mine.id, BY) == revoked
    assert office.manage.revoke(TENANT, mine.id, BY) is False
    entry = office.store.trail[-1]
    assert (len(office.store.trail), entry.command, entry.target) == (2, "keys revoke", mine.id)
    assert (entry.whose, entry.actor) == (TENANT, BY.actor)
    other = office.make(ADMIN).record
    assert office.manage.revoke(TENANT, other.id, BY) is True
    assert office.manage.show(TENANT, other.id).revoked_at == office.clock.now()


def test_a_list_goes_on_by_a_cursor_of_its_own(office: Office) -> None:
    made = [office.make(ADMIN).record for _ in range(3)]

    first = office.manage.page(TENANT, Slice(2, 0, None))
    assert first.found == made[:2]
    assert first.next_cursor is not None
    assert office.manage.page(TENANT, Slice(2, 0, first.next_cursor)) == Page(made[2:], None)
    assert office.manage.page(TENANT, Slice(2, 1, None)) == Page(made[1:], None)
    live = Tenant(TENANT.org_id, "live")
    for tenant in (OTHER_TENANT, live):
        with pytest.raises(errors.Invalid):
            office.manage.page(tenant, Slice(2, 0, first.next_cursor))
    secret = office.organizations.secret(TENANT.org_id)
    assert cursors.opened(secret, first.next_cursor, ("api-keys", "test")) == "2"


def with_members(office: Office, *more: Member) -> None:
    """The office with further members, on whom new keys are counted."""
    office.members = MemoryMemberStore(a_member(), *more)
    office.manage = ManageKeys(office.store, office.organizations, office.members, office.clock, office.ids)


def test_a_key_does_no_more_than_its_owners_role_allows(office: Office) -> None:
    with_members(office, a_member(2, "approver"))

    made = office.make(ADMIN, owner=STRANGER, scopes=frozenset({"refunds:read", "approvals:decide"}))
    with pytest.raises(errors.Denied) as refused:
        office.make(ADMIN, owner=STRANGER, scopes=frozenset({"refunds:read", "refunds:write", "admin"}))
    with pytest.raises(errors.Denied):
        office.manage.create(TENANT, WantedKey("One", STRANGER, frozenset({"admin"})), BY)

    assert made.record.role == "approver"
    assert refused.value.message == "The member's role (approver) does not allow: admin, refunds:write"
    assert list(office.store.records) == [made.record.id]


def test_an_admin_makes_no_key_for_an_owner_who_may_do_more(office: Office) -> None:
    with_members(office, a_member(2, "admin"), a_member(3, "admin"))
    admin = replace(member("admin", owner=STRANGER), role="admin")

    with pytest.raises(errors.Denied) as refused:
        office.make(admin, owner=OWNER, scopes=frozenset({"refunds:read"}))

    assert refused.value.message == "Who has the role admin makes no key for who has the role owner"
    assert office.make(admin, owner=a_member(3).id, scopes=frozenset({"admin"})).record.role == "admin"
    with pytest.raises(errors.Denied):
        office.make(admin, owner="shopping-agent", scopes=frozenset({"members:write"}))


def test_an_agent_never_writes_members_and_decides_only_where_a_member_named_it(office: Office) -> None:
    decide = frozenset({"approvals:decide"})
    decider = agent("keys:write", "approvals:decide")

    with pytest.raises(errors.Denied) as members:
        office.make(ADMIN, owner="shopping-agent", scopes=frozenset({"refunds:read", "members:*"}))
    with pytest.raises(errors.Denied) as decides:
        office.make(decider, scopes=decide)

    assert members.value.message == "An agent never writes members: leave members:write and members:* out"
    assert decides.value.message == "An agent gets approvals:decide from an owner or admin only, by name"
    assert not agent("admin").may("approvals:decide")
    assert office.make(ADMIN, owner="shopping-agent", scopes=decide).record.scopes == decide


def test_an_admin_revokes_no_key_of_an_owner_and_everybody_elses(office: Office) -> None:
    with_members(office, a_member(2, "admin"), a_member(3, "approver"))
    admin = replace(member("admin", owner=STRANGER), role="admin")
    owners, approvers, agents = (
        office.make(ADMIN, owner=owner, scopes=frozenset({"refunds:read"})).record.id
        for owner in (OWNER, a_member(3).id, "shopping-agent")
    )

    with pytest.raises(errors.Denied) as refused:
        office.manage.revoke_for(admin, owners, BY)

    assert refused.value.message == "Who has the role admin revokes no key of who has the role owner"
    assert office.store.records[owners].revoked_at is None
    for each in (approvers, agents):
        assert office.manage.revoke_for(admin, each, BY).revoked_at == START


def test_an_inactive_member_gets_no_key(office: Office) -> None:
    with_members(office, a_member(2, "admin", active=False))

    with pytest.raises(errors.Denied) as refused:
        office.make(ADMIN, owner=STRANGER, scopes=frozenset({"refunds:read"}))

    assert refused.value.message == "This member is inactive: no key is made for them"
    assert office.store.records == {}


def test_who_changes_between_the_question_and_the_key_is_judged_again(office: Office) -> None:
    with_members(office, a_member(2, "admin"))
    office.store.before_put = lambda: office.members.replace(a_member(2, "member"))

    with pytest.raises(errors.Denied) as refused:
        office.make(ADMIN, owner=STRANGER, scopes=frozenset({"admin"}))

    assert refused.value.message == "The member's role (member) does not allow: admin"
    assert (office.store.records, office.ids.pauses) == ({}, [1])
