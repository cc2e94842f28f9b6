"""People who are told: markers and codes in memory, mails in a list, and an organization with approvers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from refundkit_core.adapters.templates import JinjaTemplates
from refundkit_core.application.invitations import InviteApprover
from refundkit_core.application.notify import Deliveries, Notify, Told
from refundkit_core.application.notify_ports import Heard, Holder, Listener, Mail, MailKind, Subject, Written
from refundkit_core.application.tell_approvers import TellApprovers
from refundkit_core.application.tell_customers import TellCustomers
from refundkit_core.domain.approval_codes import Code, tried
from refundkit_core.domain.errors import NotDelivered, StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.routing import ApprovalSettings
from refundkit_core.domain.sessions import Session

from tests.support.approvals import ANN, BEN, OWNER, REQUESTER, ApprovalDesk
from tests.support.builders import TENANT
from tests.support.fake_processor import FakeOrganizations, FakeProcessors
from tests.support.memory_members import MemoryMemberStore, member

LEASE = timedelta(seconds=60)
BASE = "https://refunds.example"


class MemoryMarkers:
    """``Markers`` in dictionaries."""

    def __init__(self) -> None:
        self.leases: dict[tuple[Subject, str], datetime] = {}
        self.told: set[tuple[Subject, str]] = set()

    def begin(self, subject: Subject, name: str, now: datetime) -> bool:
        key = subject, name
        if key in self.told:
            return False
        if key in self.leases and self.leases[key] > now:
            raise StoreConflict("another worker")
        self.leases[key] = now + LEASE
        return True

    def done(self, subject: Subject, name: str, now: datetime) -> None:
        self.told.add((subject, name))


class MemoryCodes:
    """``Codes`` in a dictionary."""

    def __init__(self) -> None:
        self.codes: dict[Holder, Code] = {}

    def find(self, holder: Holder) -> Code | None:
        return self.codes.get(holder)

    def spend(self, holder: Holder) -> Code | None:
        standing = self.codes.get(holder)
        if standing is None or not standing.tries_left:
            return None
        self.codes[holder] = tried(standing)
        return self.codes[holder]

    def put(self, holder: Holder, code: Code) -> None:
        standing = self.codes.get(holder)
        if code.version != (standing.version if standing else 0) + 1:
            raise StoreConflict("another code")
        self.codes[holder] = code


class MemorySessions:
    """``Sessions`` in a dictionary."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}

    def put(self, session: Session) -> None:
        if session.hash in self.sessions:
            raise StoreConflict("it exists")
        self.sessions[session.hash] = session

    def find(self, session_hash: str) -> Session | None:
        return self.sessions.get(session_hash)

    def end(self, session_hash: str, at: datetime) -> None:
        found = self.sessions.get(session_hash)
        if found is not None and found.ended_at is None:
            self.sessions[session_hash] = replace(found, ended_at=at)


class Outbox:
    """``Mailer`` that keeps what it is given; addresses in ``broken`` are not taken."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.broken: set[str] = set()

    def send(self, mail: Mail) -> None:
        if mail.to in self.broken:
            raise NotDelivered("not taken")
        self.mails.append(mail)

    @property
    def addressed_to(self) -> list[str]:
        return sorted(mail.to for mail in self.mails)


class PlainLetters:
    """``Letters`` that keep the facts that they are given beside the real ones."""

    def __init__(self) -> None:
        self._real = JinjaTemplates()
        self.facts: list[Mapping[str, Any]] = []

    def write(self, kind: MailKind, facts: Mapping[str, Any]) -> Written:
        self.facts.append(facts)
        return self._real.write(kind, facts)


class TellingDesk(ApprovalDesk):
    """An organization with a requester, two approvers and an owner, and everybody who tells them."""

    def __init__(self, settings: ApprovalSettings | None = None, **charge: Any) -> None:
        super().__init__(settings, **charge)
        self.markers, self.codes, self.outbox, self.letters = MemoryMarkers(), MemoryCodes(), Outbox(), PlainLetters()
        self.people = MemoryMemberStore(
            member(1, "admin"), member(2, "approver"), member(3, "approver"), member(4, "owner"), member(5, "member")
        )
        self.organizations = FakeOrganizations()
        self.deliveries = Deliveries(self.markers, self.clock)
        nonces = itertools.count(1)
        self.invite = InviteApprover(
            self.organizations, self.codes, self.clock, BASE, lambda: f"nonce-{next(nonces)}"
        )  # fmt: skip
        approvers = TellApprovers(
            self.approval_desk,
            self.people,
            self.organizations,
            self.orders,
            self.invite,
            self.deliveries,
            self.letters,
            self.outbox,
            self.clock,
        )
        customers = TellCustomers(
            self.store,
            self.connections,
            FakeProcessors(self.processor),
            self.organizations,
            self.orders,
            self.deliveries,
            self.letters,
            self.outbox,
        )
        self.listeners: list[Listener] = [approvers, customers]

    def notify(self, heard: Heard) -> Told:
        return Notify(self.approval_desk, self.listeners)(heard)

    def latest(self, refund: Refund) -> Event:
        """The approval's last event."""
        return self.approvals.history(TENANT, refund.approval_id or "")[-1]

    def hears_of(self, refund: Refund) -> Told:
        """The approval's last event comes by the bus."""
        return self.notify(heard_of(self.latest(refund)))

    def hears_of_refund(self, refund: Refund) -> Told:
        """The refund's last event comes by the bus."""
        return self.notify(heard_of(self.store.timeline(TENANT, refund.id)[-1]))


def heard_of(event: Event) -> Heard:
    """An event as the bus tells it."""
    about = event.payload
    return Heard(
        event.id, event.type, event.tenant, about["refundId"], about.get("approvalId"), about.get("revision")
    )  # fmt: skip


def address_of(decider: Any) -> str:
    """The address of a member."""
    return f"member-{int(decider.id.removeprefix('mem_'))}@example.com"


__all__ = ["ANN", "BEN", "OWNER", "REQUESTER", "TellingDesk", "address_of", "heard_of"]
