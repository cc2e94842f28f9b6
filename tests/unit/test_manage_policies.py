"""Policies through their use cases: one a merchant, drafts with revisions, versions that never change, one winner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from refundkit_core.application import manage_policies
from refundkit_core.application.audit import AuditEntry, By
from refundkit_core.application.manage_policies import (
    ManagePolicies,
    Once,
    ShownPolicy,
    WantedPolicy,
    WantedPublication,
)
from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.policy_ports import Draft, PolicyHead, PolicyPointer, Publication
from refundkit_core.application.records import Slice
from refundkit_core.application.return_policy import FoundRules, ReturnPolicy
from refundkit_core.domain import errors
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import event_id, is_id
from refundkit_core.domain.policies import DEFAULT_POLICY, Policy, PolicyVersion, Rule

from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_policies import MemoryPolicyStore

BY = By("mem_1 (key_1)")
FIRST = Policy("First", (Rule(category="default", return_window_days=30),))
SECOND = Policy("Second", (Rule(category="hats", final_sale=True), Rule(category="default", return_window_days=14)))
NOBODY = Once(None, "POST /v1/policies")
NEVER = "pol_00000000000000000000000000"
REAL, SHADOW = WantedPublication(), WantedPublication(shadow=True)


class RacingStore(MemoryPolicyStore):
    """Somebody else writes just before the next write, or the answer to the next write is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Callable[[], Any] | None = None
        self.loses_answer = False
        self.busy = False

    def _raced(self, write: Callable[..., None], *given: Any) -> None:
        first, self.first = self.first, None
        if first is not None:
            first()
        if self.busy:
            raise errors.StoreConflict("busy")
        write(*given)
        if self.loses_answer:
            self.loses_answer = False
            raise errors.StoreConflict("The store did not answer")

    def create(self, draft: Draft, audit: AuditEntry) -> None:
        self._raced(super().create, draft, audit)

    def update(self, before: PolicyHead, draft: Draft, audit: AuditEntry) -> None:
        self._raced(super().update, before, draft, audit)

    def publish(
        self, before: PolicyHead, after: PolicyHead, version: PolicyVersion, event: Event, entry: AuditEntry
    ) -> None:
        self._raced(super().publish, before, after, version, event, entry)


class Office:
    """The use cases over the store in memory."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.ids = CountingIds(self.clock)
        self.store = RacingStore()
        self.manage = ManagePolicies(self.store, FakeOrganizations(), self.clock, self.ids)
        self.choice = PolicyChoice(self.store)
        self.return_policy = ReturnPolicy(self.choice, self.clock)

    def made(self, policy: Policy = FIRST, merchant: str | None = "m", key: str | None = None) -> Draft:
        wanted = WantedPolicy(policy, merchant)
        return self.manage.create(TENANT, wanted, NOBODY._replace(key=key), BY).draft

    def write(self, policy_id: str, policy: Policy, revision: int | None = None) -> Draft:
        return self.manage.update(TENANT, policy_id, WantedPolicy(policy, revision=revision), BY)

    def publish(self, policy_id: str, wanted: WantedPublication = REAL, key: str | None = None) -> ShownPolicy:
        self.clock.advance(minutes=1)
        return self.manage.publish(TENANT, policy_id, wanted, Once(key, f"POST /v1/policies/{policy_id}/publish"), BY)

    def judge(self, purchased_at: datetime, merchant: str | None = "m") -> PolicyVersion:
        return self.choice.for_purchase(TENANT, merchant, purchased_at, self.clock.now()).version


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_new_policy_is_a_draft_that_judges_nothing(office: Office) -> None:
    head, policy = office.made()

    assert is_id("pol", head.id)
    assert (head.merchant_id, head.name, head.revision, head.publications) == ("m", "First", 1, ())
    assert policy == FIRST
    assert office.judge(START) == DEFAULT_POLICY
    assert [(entry.command, entry.target, entry.whose) for entry in office.store.audited] == [
        ("policies create", head.id, TENANT)
    ]
    assert office.store.events == []


def test_a_policy_of_no_merchant_is_the_organizations_own(office: Office) -> None:
    draft = office.made(merchant=None)
    office.publish(draft.head.id)

    assert draft.head.merchant_id == TENANT.org_id
    assert office.judge(START, None).policy_id == draft.head.id
    assert office.judge(START, "m") == DEFAULT_POLICY


def test_a_merchant_has_one_policy_whose_name_is_told(office: Office) -> None:
    draft = office.made()

    with pytest.raises(errors.Invalid) as refused:
        office.made(SECOND)
    (detail,) = refused.value.details
    assert detail.field == "/merchantId"
    assert draft.head.id in detail.message
    assert office.made(SECOND, "other").head.merchant_id == "other"


def test_the_same_request_under_one_key_makes_one_policy(office: Office) -> None:
    wanted, once = WantedPolicy(FIRST, "m"), NOBODY._replace(key="k")
    first = office.manage.create(TENANT, wanted, once, BY)
    again = office.manage.create(TENANT, wanted, once, BY)

    assert (first.is_new, again.is_new) == (True, False)
    assert again.draft == first.draft
    with pytest.raises(errors.IdempotencyKeyReused):
        office.manage.create(TENANT, WantedPolicy(SECOND, "m"), once, BY)
    other = office.manage.create(TENANT, WantedPolicy(SECOND, "n"), Once("k", "POST /v1/policies/import"), BY)
    assert other.is_new
    assert len(office.store.audited) == 2


@pytest.mark.parametrize("key", ["k", None])
def test_a_policy_whose_answer_was_lost_is_found_again(office: Office, key: str | None) -> None:
    office.store.loses_answer = True

    draft = office.made(key=key)

    assert office.store.draft(TENANT, draft.head.id) == draft
    assert office.ids.pauses == [1]


def test_of_two_who_make_a_merchants_policy_at_once_one_wins_and_is_named_to_the_other(office: Office) -> None:
    winner: list[Draft] = []
    office.store.first = lambda: winner.append(office.made(SECOND))

    with pytest.raises(errors.Invalid) as refused:
        office.made()
    assert winner[0].head.id in refused.value.details[0].message


def test_a_draft_is_replaced_and_says_at_which_revision_it_is(office: Office) -> None:
    head = office.made().head
    office.clock.advance(hours=1)

    draft = office.write(head.id, SECOND, revision=1)

    assert draft == Draft(replace(head, name="Second", revision=2, updated_at=office.clock.now()), SECOND)
    assert office.write(head.id, FIRST).head.revision == 3


def test_a_stale_revision_is_refused_and_told_which_one_stands(office: Office) -> None:
    head = office.made().head
    office.write(head.id, SECOND)

    with pytest.raises(errors.RevisionSuperseded, match="has changed") as refused:
        office.write(head.id, replace(FIRST, name="Third"), revision=1)
    assert refused.value.details == (errors.Detail("/revision", "The draft is at revision 2: read it again"),)


def test_writing_the_same_again_changes_nothing_even_with_the_old_revision(office: Office) -> None:
    head = office.made().head
    written = office.write(head.id, SECOND, revision=1)

    assert office.write(head.id, SECOND, revision=1) == written
    assert len(office.store.audited) == 2


def test_a_draft_that_changed_meanwhile_is_read_again(office: Office) -> None:
    head = office.made().head
    office.store.first = lambda: office.write(head.id, SECOND)
    third = replace(FIRST, name="Third")

    assert office.write(head.id, third).head.revision == 3
    office.store.first = lambda: office.write(head.id, SECOND)
    with pytest.raises(errors.RevisionSuperseded):
        office.write(head.id, FIRST, revision=3)


def test_a_policy_stays_its_merchants(office: Office) -> None:
    head = office.made().head

    with pytest.raises(errors.Invalid) as refused:
        office.manage.update(TENANT, head.id, WantedPolicy(SECOND, "n"), BY)
    assert refused.value.details[0].field == "/merchantId"
    assert office.manage.update(TENANT, head.id, WantedPolicy(SECOND, "m"), BY).head.revision == 2


def test_a_published_draft_is_a_version_in_force_with_its_event_and_entry(office: Office) -> None:
    head = office.made().head
    shown = office.publish(head.id)

    now = START + timedelta(minutes=1)
    publication = Publication(1, 1, now, now)
    assert shown == ShownPolicy(replace(head, updated_at=now, publications=(publication,)), 1, FIRST)
    assert office.judge(START) == PolicyVersion(head.id, 1, FIRST, now)
    assert office.store.events == [
        Event(
            id=event_id(head.id, 1, now),
            tenant=TENANT,
            subject=head.id,
            version=1,
            type="policy.published",
            public=True,
            created_at=now,
            payload={
                "policyId": head.id,
                "merchantId": "m",
                "version": 1,
                "shadow": False,
                "inForceFrom": "2026-11-20T12:01:00.000Z",
            },
        )
    ]
    assert office.store.audited[-1].command == "policies publish"
    assert office.store.audited[-1].target == f"{head.id} version 1"


def test_publishing_the_same_revision_again_is_the_same_version(office: Office) -> None:
    head = office.made().head
    first = office.publish(head.id)

    assert office.publish(head.id) == first
    assert office.publish(head.id, WantedPublication(revision=1)) == first
    assert len(office.store.events) == 1


def test_a_revision_that_was_published_is_found_after_the_draft_went_on(office: Office) -> None:
    head = office.made().head
    office.publish(head.id)
    office.write(head.id, SECOND)

    assert office.publish(head.id, WantedPublication(revision=1)).number == 1
    assert len(office.store.events) == 1
    office.write(head.id, FIRST)
    with pytest.raises(errors.RevisionSuperseded):
        office.publish(head.id, WantedPublication(revision=2))


def test_a_publication_that_was_asked_for_under_a_key_is_not_made_again_when_the_draft_went_on(office: Office) -> None:
    head = office.made().head
    first = office.publish(head.id, key="k")
    office.write(head.id, SECOND)

    assert office.publish(head.id, key="k").number == first.number
    with pytest.raises(errors.IdempotencyKeyReused):
        office.publish(head.id, SHADOW, key="k")
    assert office.publish(head.id, key="l").number == 2


def test_of_two_publishers_at_once_one_wins_and_the_other_gets_its_version(office: Office) -> None:
    head = office.made().head
    office.store.first = lambda: office.publish(head.id)

    assert office.publish(head.id).number == 1
    assert len(office.store.events) == 1


def test_a_draft_that_changes_while_it_is_published_is_not_published_as_what_it_was(office: Office) -> None:
    head = office.made().head
    office.store.first = lambda: office.write(head.id, SECOND)

    assert office.publish(head.id).policy == SECOND
    office.store.first = lambda: office.write(head.id, FIRST)
    with pytest.raises(errors.RevisionSuperseded):
        office.publish(head.id, WantedPublication(shadow=True, revision=2))


def test_a_publication_whose_answer_was_lost_is_found_again(office: Office) -> None:
    head = office.made().head
    office.store.loses_answer = True

    assert office.publish(head.id).number == 1
    assert len(office.store.events) == 1


def test_a_store_that_stays_busy_is_a_conflict(office: Office) -> None:
    head = office.made().head
    office.store.busy = True

    for write in (
        lambda: office.made(SECOND, "n"),
        lambda: office.write(head.id, SECOND),
        lambda: office.publish(head.id),
    ):
        with pytest.raises(errors.StoreConflict):
            write()
    assert office.ids.pauses == [1, 2, 3, 4, 5] * 3


def test_a_shadow_judges_nothing_until_it_is_published_for_real(office: Office) -> None:
    head = office.made().head
    office.publish(head.id)
    office.write(head.id, SECOND)
    shadow = office.publish(head.id, SHADOW)

    assert (shadow.number, shadow.head.shadow) == (2, 2)
    assert office.judge(office.clock.now()).number == 1
    assert office.publish(head.id, SHADOW) == shadow
    real = office.publish(head.id)
    assert (real.number, real.head.shadow) == (3, None)
    assert office.judge(office.clock.now()) == PolicyVersion(head.id, 3, SECOND, office.clock.now())
    assert office.store.pointer(TENANT, "m") == PolicyPointer(head.id, real.head.in_force, None)
    assert [event.payload["shadow"] for event in office.store.events] == [False, True, False]


def test_a_worker_whose_clock_is_behind_puts_its_version_after_the_others(office: Office) -> None:
    head = office.made().head
    office.publish(head.id)
    office.write(head.id, SECOND)
    office.clock.advance(minutes=-2)
    office.publish(head.id)

    office.clock.advance(minutes=1)
    assert office.judge(office.clock.now()).policy == SECOND


def test_times_are_what_they_are_when_they_are_read_later(office: Office) -> None:
    office.clock.advance(microseconds=1_999)
    head = office.made().head
    kept = START + timedelta(milliseconds=1)
    assert head.created_at == kept
    office.clock.advance(minutes=-1)
    assert office.publish(head.id).head.in_force == ((1, kept),)


def test_a_postponed_version_waits_and_one_of_the_past_is_in_force_from_now_on(office: Office) -> None:
    later = START + timedelta(days=10)
    head = office.made(replace(FIRST, effective_from=START - timedelta(days=10))).head
    office.publish(head.id)
    assert office.judge(START).in_force_from == office.clock.now()
    office.write(head.id, replace(SECOND, effective_from=later))
    office.publish(head.id)

    assert office.judge(office.clock.now()).number == 1
    office.clock.advance(days=10, minutes=-2, milliseconds=-1)
    assert office.judge(later).number == 1
    office.clock.advance(milliseconds=1)
    assert office.judge(later).number == 2
    assert office.judge(later - timedelta(milliseconds=1)).number == 1


def test_the_latest_version_judges_everything_where_it_says_so(office: Office) -> None:
    head = office.made().head
    office.publish(head.id)
    office.write(head.id, replace(SECOND, judged_by="latest"))
    office.publish(head.id)

    assert office.judge(START).number == 2


def test_a_purchase_from_before_the_first_publication_is_judged_by_the_earliest_version(office: Office) -> None:
    head = office.made().head
    office.publish(head.id)
    office.write(head.id, SECOND)
    office.publish(head.id)

    assert office.judge(START - timedelta(days=400)).number == 1


def test_a_version_that_cannot_be_read_is_not_guessed(office: Office) -> None:
    head = office.made().head
    office.publish(head.id)
    office.store._versions.clear()

    with pytest.raises(errors.StoreConflict):
        office.judge(START)


def test_a_policy_has_so_many_versions_and_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage_policies, "MAX_PUBLICATIONS", 2)
    head = office.made().head
    office.publish(head.id)
    office.publish(head.id, SHADOW)

    with pytest.raises(errors.Invalid, match="at most 2"):
        office.publish(head.id)


def test_the_newest_document_is_shown_unless_another_is_asked_for(office: Office) -> None:
    head = office.made().head

    def shown(version: str | None = None) -> tuple[int | None, Policy]:
        found = office.manage.show(TENANT, head.id, version)
        return found.number, found.policy

    assert shown() == (None, FIRST)
    office.publish(head.id)
    assert shown() == (1, FIRST)
    office.write(head.id, SECOND)
    assert shown() == shown("draft") == (None, SECOND)
    assert shown("1") == (1, FIRST)
    with pytest.raises(errors.NotFound):
        shown("2")


def test_versions_are_compared_with_each_other_and_with_the_draft(office: Office) -> None:
    head = office.made().head
    with pytest.raises(errors.NotFound):
        office.manage.compare(TENANT, head.id, None, "draft")
    office.publish(head.id)
    office.write(head.id, SECOND)

    found = office.manage.compare(TENANT, head.id, None, "draft")
    assert [(change.pointer, change.kind) for change in found] == [
        ("/rules/0", "added"),
        ("/rules/1/returnWindowDays", "changed"),
        ("/name", "changed"),
    ]
    assert office.manage.compare(TENANT, head.id, "1", "1") == []
    assert len(office.manage.compare(TENANT, head.id, "draft", "1")) == 3
    with pytest.raises(errors.NotFound):
        office.manage.compare(TENANT, head.id, "1", "7")


@pytest.mark.parametrize("policy_id", [NEVER, "pol_1", "ref_00000000000000000000000000", ""])
def test_a_policy_that_never_was_is_not_found(office: Office, policy_id: str) -> None:
    manage = office.manage
    for ask in (
        lambda: manage.show(TENANT, policy_id),
        lambda: manage.compare(TENANT, policy_id, "1", "draft"),
        lambda: office.write(policy_id, FIRST),
        lambda: office.publish(policy_id),
    ):
        with pytest.raises(errors.NotFound):
            ask()


def test_a_strangers_policy_is_not_found(office: Office) -> None:
    head = office.made().head

    with pytest.raises(errors.NotFound):
        office.manage.show(OTHER_TENANT, head.id)
    assert list(office.manage.page(OTHER_TENANT, Slice(25, 0, None)).found) == []


def test_policies_are_listed_page_by_page_behind_sealed_cursors(office: Office) -> None:
    made = []
    for merchant in ("a", "b", "c"):
        office.clock.advance(minutes=1)
        made.append(office.made(merchant=merchant).head)

    first = office.manage.page(TENANT, Slice(2, 0, None))
    rest = office.manage.page(TENANT, Slice(2, 0, first.next_cursor))

    assert [*first.found, *rest.found] == made[::-1]
    with pytest.raises(errors.Invalid):
        office.manage.page(OTHER_TENANT, Slice(2, 0, first.next_cursor))


def test_a_customer_is_told_the_rule_for_what_they_bought_or_all_that_hold_now(office: Office) -> None:
    over = Rule(category="hats", effective_until=START)
    policy = replace(SECOND, rules=(over, replace(SECOND.rules[0], effective_from=START), SECOND.rules[1]))
    head = office.made(policy).head
    office.publish(head.id)

    version = office.judge(START)
    assert office.return_policy(TENANT, "m", None, None) == FoundRules("m", version, policy.rules[1:])
    assert office.return_policy(TENANT, "m", "hats/straw", None).rules == (policy.rules[1],)
    assert office.return_policy(TENANT, "m", None, "S-1").rules == (policy.rules[2],)
    assert office.return_policy(TENANT, None, None, None) == FoundRules(
        TENANT.org_id, DEFAULT_POLICY, DEFAULT_POLICY.policy.rules
    )
