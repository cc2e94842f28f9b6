"""Who is at the pages: by a link and its code, by signing in, by a session. Reading never changes anything.

Whoever is known and refused leaves an entry in the audit trail; whoever is not leaves nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.application.approval_desk import ANY, insist_on_open
from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.invitations import about_of, holder_of, whose
from refundkit_core.application.notify_ports import Holder
from refundkit_core.domain.approval_codes import matches, passed, used
from refundkit_core.domain.approval_links import Link, opened, organization_of
from refundkit_core.domain.errors import (
    ApprovalLinkExpired,
    ApprovalSuperseded,
    NotFound,
    RefundKitError,
    StoreConflict,
    WrongCode,
)
from refundkit_core.domain.sessions import Pass, Person, started
from refundkit_core.domain.sessions import passed as pass_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.approval_ports import Deciders
    from refundkit_core.application.notify_ports import Codes, Post
    from refundkit_core.application.ports import AuditTrail, OrganizationStore
    from refundkit_core.application.session_ports import Mailboxes, Sessions
    from refundkit_core.domain.approval_codes import Code
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.members import Member

SIGN_IN: Final = "sign-in"
SIGN_IN_REFUSED: Final = "The code is wrong, or does not hold any more"
_SESSION_BYTES: Final = 32


class Door(NamedTuple):
    """What a link leads to, for who is not identified yet: the organization's name, and nothing of the case."""

    link: Link
    approval: Approval
    organization: str


def new_session_id() -> str:
    """What a browser keeps: 256 random bits."""
    return secrets.token_urlsafe(_SESSION_BYTES)


def person_of(email: str) -> str:
    """The hash under which an address is known."""
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


class OpenDoor:
    """The use case behind a link: what it leads to. It only reads."""

    def __init__(self, desk: Desk, organizations: OrganizationStore) -> None:
        self._desk = desk
        self._organizations = organizations

    def __call__(self, token: str) -> Door:
        """What the link leads to.

        Raises:
            NotFound: it is none of ours: one error, whatever is wrong with it.
            ApprovalLinkExpired: it has lapsed.
            ApprovalAlreadyDecided, ApprovalSuperseded: what it asks is not open any more.
        """
        door = self.known(token)
        self.insist(door)
        return door

    def known(self, token: str) -> Door:
        """What the link leads to, lapsed or not. Raises NotFound."""
        try:
            link = opened(token, self._organizations.secret(organization_of(token)))
            approval = self._desk.find(link.tenant, link.approval_id)
            return Door(link, approval, self._organizations.name(link.tenant.org_id))
        except NotFound as exc:
            raise NotFound("There is nothing here") from exc

    def insist(self, door: Door) -> None:
        """Raises what :meth:`__call__` does for a link that was ours."""
        link, approval = door.link, door.approval
        if link.expires_at <= self._desk.clock.now():
            raise ApprovalLinkExpired("This link has lapsed")
        insist_on_open(approval, ANY)
        if not link.is_about(approval, self._organizations.secret(link.tenant.org_id)):
            raise ApprovalSuperseded("What this link asked was replaced by another question")


class EnterCode:
    """The use case behind a link's form: six digits let one person see and decide one question."""

    def __init__(
        self,
        open_door: OpenDoor,
        desk: Desk,
        organizations: OrganizationStore,
        deciders: Deciders,
        codes: Codes,
        sessions: Sessions,
        post: Post,
        trail: AuditTrail,
        session_id: Callable[[], str] = new_session_id,
    ) -> None:
        self._open_door = open_door
        self._desk = desk
        self._organizations = organizations
        self._deciders = deciders
        self._codes = codes
        self._sessions = sessions
        self._post = post
        self._trail = trail
        self._session_id = session_id
        self._auditor = Auditor(desk.clock, desk.ids)

    def __call__(self, token: str, digits: str) -> tuple[Door, str]:
        """What the link leads to, and a new session's id for the browser.

        Raises:
            NotFound, ApprovalLinkExpired, ApprovalAlreadyDecided, ApprovalSuperseded: as opening the link does.
            Denied: its owner is not an active member any more.
            WrongCode: with the tries that are left; after the fifth a new code is on its way, or must wait.
        """
        door = self._open_door.known(token)
        try:
            self._open_door.insist(door)
            self._deciders.known(door.link.tenant, door.link.member_id)
        except RefundKitError as exc:
            self._refused(door, "approval link refused", exc)
            raise
        try:
            self._insist_on_code(door, digits)
        except WrongCode as exc:
            self._refused(door, "approval code refused", exc)
            raise
        link, session_id = door.link, self._session_id()
        only = Pass(link.tenant, link.approval_id, link.revision)
        person = Person(link.tenant.org_id, link.member_id)
        self._sessions.put(pass_of(session_id, person, only, link.expires_at, self._desk.clock.now()))
        return door, session_id

    def _insist_on_code(self, door: Door, digits: str) -> None:
        approval, member_id, now = door.approval, door.link.member_id, self._desk.clock.now()
        holder = holder_of(approval, member_id)
        code = self._codes.spend(holder)
        if code is None:
            raise WrongCode(self._about_a_void_one(self._codes.find(holder)), 0)
        secret = self._organizations.secret(approval.tenant.org_id)
        is_current = code.about == about_of(approval) and now < code.expires_at
        if is_current and matches(code, whose(approval, member_id), secret, digits):
            forgive(self._codes, holder, code)
            return
        if code.tries_left:
            raise WrongCode("The code is wrong", code.tries_left)
        if code.may_be_renewed(now):
            self._post.ask_for_code(approval.tenant, approval.id, member_id, code.version)
        raise WrongCode(self._about_a_void_one(code), 0)

    def _about_a_void_one(self, code: Code | None) -> str:
        if code is not None and code.may_be_renewed(self._desk.clock.now()):
            return "Too many wrong codes: a new one is on its way to your mailbox"
        return "Too many wrong codes: ask again later"

    def _refused(self, door: Door, command: str, exc: RefundKitError) -> None:
        link = door.link
        details = {"refundId": door.approval.refund_id, "code": exc.code}
        entry = self._auditor.entry(
            By(link.member_id), command, link.approval_id, link.tenant, channel="link", details=details
        )  # fmt: skip
        self._trail.put(entry)


class SignIn:
    """The use cases behind signing in: nobody learns from them who is a member."""

    def __init__(
        self,
        desk: Desk,
        organizations: OrganizationStore,
        mailboxes: Mailboxes,
        codes: Codes,
        sessions: Sessions,
        post: Post,
        session_id: Callable[[], str] = new_session_id,
    ) -> None:
        self._desk = desk
        self._organizations = organizations
        self._mailboxes = mailboxes
        self._codes = codes
        self._sessions = sessions
        self._post = post
        self._session_id = session_id

    def ask(self, email: str) -> str:
        """Have a code sent where the address is a member's; returns the hash that stands for it, in any case."""
        person = person_of(email)
        self._post.ask_for_sign_in(person)
        return person

    def enter(self, person: str, digits: str) -> str:
        """A new session's id for the browser. Raises WrongCode, in the same words whatever is wrong."""
        holder, now = Holder(person), self._desk.clock.now()
        code = self._codes.spend(holder)
        members = self._mailboxes.of_person(person)
        if code is None or not members or now >= code.expires_at:
            raise WrongCode(SIGN_IN_REFUSED)
        secret = self._organizations.secret(signing_org(members))
        if not matches(code, (person,), secret, digits):
            raise WrongCode(SIGN_IN_REFUSED)
        try:
            self._codes.put(holder, used(code))
        except StoreConflict as exc:  # another try came at the same time: a code lets in once
            raise WrongCode(SIGN_IN_REFUSED) from exc
        session_id = self._session_id()
        people = tuple(Person(member.org_id, member.id) for member in members)
        self._sessions.put(started(session_id, people, now))
        return session_id


def signing_org(members: Sequence[Member]) -> str:
    """Whose secret a person's code for signing in is made with: that of the first of their organizations."""
    return min(member.org_id for member in members)


def forgive(codes: Codes, holder: Holder, code: Code) -> None:
    """After the right digits the code has all its tries again; where another try came meanwhile, it keeps fewer."""
    with suppress(StoreConflict):
        codes.put(holder, passed(code))
