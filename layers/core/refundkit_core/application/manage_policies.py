"""Policies as data: write a draft, publish it as a version that never changes, show and compare (decision 18)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from typing import Final, NamedTuple

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.paging import Paging
from refundkit_core.application.policy_ports import Draft, PolicyHead, PolicyStore, Publication
from refundkit_core.application.ports import Clock, Ids, OrganizationStore
from refundkit_core.application.records import Page, Slice
from refundkit_core.domain.errors import (
    Detail,
    IdempotencyKeyReused,
    Invalid,
    NotFound,
    RevisionSuperseded,
    StoreConflict,
)
from refundkit_core.domain.events import of_publication
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.policies import Policy, PolicyVersion
from refundkit_core.domain.policy_diff import Change, changes
from refundkit_core.domain.policy_documents import document_of
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

MAX_PUBLICATIONS: Final = 1_000
_MAX_TRIES: Final = 6


class WantedPolicy(NamedTuple):
    """A policy to write. ``merchant_id`` None: the organization itself; ``revision`` is the one that it replaces."""

    policy: Policy
    merchant_id: str | None = None
    revision: int | None = None


class Once(NamedTuple):
    """An idempotency key, and the route that it was sent to."""

    key: str | None
    route: str


class WantedPublication(NamedTuple):
    """What to publish: the draft, or exactly the revision that is named; a shadow judges without effect."""

    shadow: bool = False
    revision: int | None = None

    @property
    def asked(self) -> str:
        """What makes two requests the same."""
        return json.dumps([self.shadow, self.revision])


class MadePolicy(NamedTuple):
    """A new policy; ``is_new`` is false where an earlier request with the same idempotency key made it."""

    draft: Draft
    is_new: bool


class ShownPolicy(NamedTuple):
    """A policy with one of its documents: that of version ``number``, None: the draft."""

    head: PolicyHead
    number: int | None
    policy: Policy


class ManagePolicies:
    """The use cases behind ``/v1/policies``; what comes in was found to be without faults before."""

    def __init__(self, policies: PolicyStore, organizations: OrganizationStore, clock: Clock, ids: Ids) -> None:
        self._policies = policies
        self._organizations = organizations
        self._paging = Paging(organizations, "policies")
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def create(self, tenant: Tenant, wanted: WantedPolicy, once: Once, by: By) -> MadePolicy:
        """A policy with its first draft, or the one that the same idempotency key made before.

        Raises:
            Invalid: the merchant has a policy, which is named.
            IdempotencyKeyReused: the key was used with another body.
        """
        policy_id = self._derived(tenant, once) or self._ids.new("pol")
        merchant_id = wanted.merchant_id or tenant.org_id
        fingerprint = _fingerprint(merchant_id, wanted.policy)
        for attempt in range(1, _MAX_TRIES):
            found = self._policies.draft(tenant, policy_id) if once.key is not None or attempt > 1 else None
            if found is not None:
                if found.head.fingerprint != fingerprint:
                    detail = Detail("Idempotency-Key", policy_id)
                    raise IdempotencyKeyReused("This idempotency key made another policy", (detail,))
                return MadePolicy(found, is_new=once.key is None)
            self._refuse_second(tenant, merchant_id)
            now = self._now()
            head = PolicyHead(
                policy_id, tenant, merchant_id, wanted.policy.name, now, now, revision=1, fingerprint=fingerprint
            )
            draft = Draft(head, wanted.policy)
            try:
                self._policies.create(draft, self._auditor.entry(by, "policies create", policy_id, tenant))
            except StoreConflict:  # another was faster, or an answer of our own was lost: see what stands
                self._ids.pause(attempt)
                continue
            return MadePolicy(draft, is_new=True)
        raise StoreConflict("The merchant's policy kept changing")

    def _refuse_second(self, tenant: Tenant, merchant_id: str) -> None:
        standing = self._policies.pointer(tenant, merchant_id)
        if standing is not None:
            said = f"This merchant has the policy {standing.policy_id}: change that one"
            raise Invalid("The merchant has a policy", (Detail("/merchantId", said),))

    def update(self, tenant: Tenant, policy_id: str, wanted: WantedPolicy, by: By) -> Draft:
        """The draft, replaced; one that says the same already stays as it is.

        Raises:
            NotFound: no such policy.
            Invalid: the document names another merchant.
            RevisionSuperseded: the draft is not at the revision that was to be replaced.
        """
        for attempt in range(1, _MAX_TRIES):
            standing = self._draft(tenant, policy_id)
            head = standing.head
            if wanted.merchant_id not in (None, head.merchant_id):
                said = "Name the merchant whose policy it is, or leave it out: it cannot change"
                raise Invalid("The policy is another merchant's", (Detail("/merchantId", said),))
            if standing.policy == wanted.policy:
                return standing
            _insist_on(wanted.revision, head)
            after = replace(head, name=wanted.policy.name, revision=head.revision + 1, updated_at=self._now())
            draft = Draft(after, wanted.policy)
            try:
                self._policies.update(head, draft, self._auditor.entry(by, "policies update", policy_id, tenant))
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return draft
        raise StoreConflict("The draft kept changing")

    def publish(self, tenant: Tenant, policy_id: str, wanted: WantedPublication, once: Once, by: By) -> ShownPolicy:
        """The version that the draft has become, or had become before.

        Raises:
            NotFound: no such policy.
            RevisionSuperseded: the revision was replaced before it was published.
            IdempotencyKeyReused: the key was used with another body.
            Invalid: the policy has as many versions as a policy can have.
        """
        request = self._derived(tenant, once)
        for attempt in range(1, _MAX_TRIES):
            draft = self._draft(tenant, policy_id)
            done = _published(draft.head, wanted, request)
            if done is not None:
                return self.show(tenant, policy_id, str(done.number))
            _insist_on(wanted.revision, draft.head)
            if len(draft.head.publications) >= MAX_PUBLICATIONS:
                raise Invalid(f"A policy has at most {MAX_PUBLICATIONS} versions")
            try:
                return self._publish(draft, wanted, request, by)
            except StoreConflict:
                self._ids.pause(attempt)
        raise StoreConflict("The policy kept changing")

    def _publish(self, draft: Draft, wanted: WantedPublication, request: str | None, by: By) -> ShownPolicy:
        head, policy = draft
        at = max(self._now(), head.updated_at)
        since = None if wanted.shadow else max(at, policy.effective_from or at)
        number = 1 if head.latest is None else head.latest.number + 1
        publication = Publication(number, head.revision, at, since, request, None if request is None else wanted.asked)
        after = replace(
            head,
            updated_at=at,
            publications=(*head.publications, publication),
            shadow=number if wanted.shadow else None,
        )
        self._policies.publish(
            head,
            after,
            PolicyVersion(head.id, number, policy, since),
            of_publication(head.tenant, head.id, head.merchant_id, number, at, since),
            self._auditor.entry(by, "policies publish", f"{head.id} version {number}", head.tenant),
        )
        return ShownPolicy(after, number, policy)

    def show(self, tenant: Tenant, policy_id: str, version: str | None = None) -> ShownPolicy:
        """The policy with the document of ``version``: a number, ``draft``, or None: whichever is newest.

        Raises NotFound.
        """
        draft = self._draft(tenant, policy_id)
        latest = draft.head.latest
        if version is None and latest is not None and latest.revision == draft.head.revision:
            version = str(latest.number)
        if version is None or version == "draft":
            return ShownPolicy(draft.head, None, draft.policy)
        found = self._policies.version(tenant, policy_id, int(version))
        if found is None:
            raise NotFound("No such version")
        return ShownPolicy(draft.head, found.number, found.policy)

    def page(self, tenant: Tenant, part: Slice) -> Page[PolicyHead]:
        """One page of the tenant's policies, newest first. Raises Invalid for a foreign cursor."""
        return self._paging.sealed(tenant, self._policies.page(tenant, self._paging.position(tenant, part)))

    def compare(self, tenant: Tenant, policy_id: str, before: str | None, after: str) -> list[Change]:
        """What changed between two versions; ``before`` None is the one that was published last. Raises NotFound."""
        head = self._draft(tenant, policy_id).head
        if before is None and head.latest is None:
            raise NotFound("No version was published yet")
        earlier = before or str(head.latest.number if head.latest else 0)
        was, now = (self.show(tenant, policy_id, each).policy for each in (earlier, after))
        return changes(was, now)

    def _draft(self, tenant: Tenant, policy_id: str) -> Draft:
        found = self._policies.draft(tenant, policy_id) if is_id("pol", policy_id) else None
        if found is None:
            raise NotFound("No such policy")
        return found

    def _derived(self, tenant: Tenant, once: Once) -> str | None:
        if once.key is None:
            return None
        secret = self._organizations.secret(tenant.org_id)
        return derived("pol", secret, tenant.environment, once.route, once.key)

    def _now(self) -> datetime:
        """To the millisecond, as it is kept: what is answered now is what is read later."""
        return parse_iso(iso(self._clock.now()))


def _fingerprint(merchant_id: str, policy: Policy) -> str:
    asked = json.dumps([merchant_id, document_of(policy)], sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()


def _insist_on(revision: int | None, head: PolicyHead) -> None:
    if revision not in (None, head.revision):
        said = f"The draft is at revision {head.revision}: read it again"
        raise RevisionSuperseded("The draft has changed since this revision", (Detail("/revision", said),))


def _published(head: PolicyHead, wanted: WantedPublication, request: str | None) -> Publication | None:
    """What an earlier request has published of the same: under its idempotency key, or of the same revision."""
    for each in head.publications:
        if request is not None and each.request == request:
            if each.asked != wanted.asked:
                detail = Detail("Idempotency-Key", f"{head.id} version {each.number}")
                raise IdempotencyKeyReused("This idempotency key published something else", (detail,))
            return each
    revision = wanted.revision or head.revision
    alike = [each for each in head.publications if (each.revision, each.is_shadow) == (revision, wanted.shadow)]
    still_latest = bool(alike) and alike[-1] is head.latest
    return alike[-1] if alike and (still_latest or revision != head.revision) else None
