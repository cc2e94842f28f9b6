"""Delete an organization: nothing is opened any more, nothing is under way, then it is gone; its books stay.

1. It is *closed*: from this write on no request opens a refund, because every opening reads that item consistently.
2. What is under way is looked for. Where there is something, the closing is taken back and the caller is told.
3. It is *deleted*, in one transaction that holds the closing of step 1 against those of others.
4. Its connections are disconnected and its keys revoked, the caller's own last.

A refund that was past its reading of step 1 may still be written while step 2 or 3 goes on, and the list of step 2 may
lag. Such a refund is settled as any other: before its hand-over the gate finds no connection, it fails and its money is
free; after that its outcome is recorded. Whoever dies between the steps leaves an organization that opens no refunds,
or one that is deleted with keys that are still valid; the same request again goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.member_ports import MemberStore
from refundkit_core.application.organization_ports import OpenWork, OrganizationBook, OrganizationState
from refundkit_core.application.ports import ApiKeyStore, Clock, ConnectionStore, Ids
from refundkit_core.application.webhook_ports import EndpointStore
from refundkit_core.domain.errors import Denied, Detail, NotFound, OrganizationNotSettled, StoreConflict
from refundkit_core.domain.tenancy import ENVIRONMENTS, Caller, Tenant
from refundkit_core.domain.webhooks import deleted

_NAMED: Final = 3
"""How many open refunds and approvals a refusal names."""

_MAX_TRIES: Final = 10


class DeleteOrganization:
    """The use case behind ``DELETE /v1/organization``: safe to ask for any number of times."""

    def __init__(
        self,
        book: OrganizationBook,
        members: MemberStore,
        work: OpenWork,
        connections: ConnectionStore,
        keys: ApiKeyStore,
        endpoints: EndpointStore,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._book = book
        self._members = members
        self._work = work
        self._connections = connections
        self._keys = keys
        self._endpoints = endpoints
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def __call__(self, caller: Caller, by: By) -> OrganizationState:
        """The organization, deleted. When this returns, every key of it is refused.

        Raises:
            Denied: the caller is no active owner.
            OrganizationNotSettled: refunds or approvals are open; ``details`` counts them and names a few.
            StoreConflict: others kept changing it; ask again.
        """
        org_id = caller.tenant.org_id
        self._insist_on_an_owner(caller)
        state = self._deleted(org_id, by)
        for attempt in range(1, _MAX_TRIES + 1):
            try:
                self._disconnect(org_id, by)
                self._forget_endpoints(org_id, by)
                self._revoke_keys(org_id, caller.key_id, by)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return state
        raise StoreConflict("Not all keys of the deleted organization could be revoked: ask again")

    def _insist_on_an_owner(self, caller: Caller) -> None:
        """By the list of members, which stays readable when the organization is deleted, so that this can go on."""
        member = None if caller.is_agent else self._members.find(caller.tenant.org_id, caller.owner)
        if member is None or not member.active or member.role != "owner":
            raise Denied("An organization is deleted by one of its owners")

    def _deleted(self, org_id: str, by: By) -> OrganizationState:
        for attempt in range(1, _MAX_TRIES + 1):
            state = self._book.find(org_id)
            if state is None:
                raise NotFound("No such organization")
            if state.deleted_at is not None:
                return state
            mark = self._ids.new("cls")
            try:
                self._close_and_delete(org_id, mark, by)
            except OrganizationNotSettled:
                self._reopen(org_id, mark)
                raise
            except StoreConflict:
                self._ids.pause(attempt)
        self._reopen(org_id, mark)
        raise StoreConflict("The organization kept changing")

    def _close_and_delete(self, org_id: str, mark: str, by: By) -> None:
        roster = self._members.roster(org_id)
        self._book.close(org_id, mark)
        self._insist_on_nothing_open(org_id)
        entry = self._auditor.entry(by, "organizations delete", org_id, org_id)
        self._book.delete(roster, mark, self._clock.now(), entry)

    def _insist_on_nothing_open(self, org_id: str) -> None:
        found = (("refunds", self._work.refunds(org_id)), ("approvals", self._work.approvals(org_id)))
        details = tuple(Detail(kind, _counted(ids)) for kind, ids in found if ids)
        if details:
            raise OrganizationNotSettled("Refunds are under way or wait for approval: let them end first", details)

    def _reopen(self, org_id: str, mark: str) -> None:
        with suppress(StoreConflict):  # asking again reopens it as well
            self._book.reopen(org_id, mark)

    def _disconnect(self, org_id: str, by: By) -> None:
        for environment in ENVIRONMENTS:
            tenant = Tenant(org_id, environment)
            for known in self._connections.listed(tenant):
                if known.status != "inactive":
                    entry = self._auditor.entry(by, "connections disconnect", known.processor, tenant)
                    self._connections.disconnect(tenant, known.processor, self._clock.now(), entry)

    def _forget_endpoints(self, org_id: str, by: By) -> None:
        for environment in ENVIRONMENTS:
            for endpoint, _ in self._endpoints.all(Tenant(org_id, environment)):
                entry = self._auditor.entry(by, "webhooks delete", endpoint.id, endpoint.tenant)
                self._endpoints.change(endpoint, deleted(endpoint, self._clock.now()), entry)

    def _revoke_keys(self, org_id: str, own_key: str, by: By) -> None:
        """The caller's own key last: until then they can ask again."""
        valid = [
            key
            for environment in ENVIRONMENTS
            for key in self._keys.of(Tenant(org_id, environment))
            if key.revoked_at is None
        ]
        for key in sorted(valid, key=lambda each: each.id == own_key):
            self._keys.revoke(key, self._clock.now(), self._auditor.entry(by, "keys revoke", key.id, key.tenant))


def _counted(ids: Sequence[str]) -> str:
    """``4: ref_a, ref_b, ref_c and others``."""
    more = " and others" if len(ids) > _NAMED else ""
    return f"{len(ids)}: {', '.join(ids[:_NAMED])}{more}"
