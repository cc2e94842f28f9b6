"""Send codes that no event asks for, to people's own mailboxes only: in place of a void one, and to sign in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from refundkit_core.application.identify import SIGN_IN, signing_org
from refundkit_core.application.invitations import about_of, holder_of, new_nonce
from refundkit_core.application.notify_ports import Holder, Mail
from refundkit_core.domain.approval_codes import Code, digits_of, renewed
from refundkit_core.domain.approval_links import expiry_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.invitations import InviteApprover
    from refundkit_core.application.member_ports import MemberStore
    from refundkit_core.application.notify_ports import Codes, Letters, Mailer
    from refundkit_core.application.ports import OrganizationStore
    from refundkit_core.application.session_ports import Mailboxes
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.members import Member
    from refundkit_core.domain.tenancy import Tenant

Outcome = Literal["sent", "not_sent"]

SIGN_IN_LASTS: Final = timedelta(minutes=15)
_SOON: Final = timedelta(minutes=1)


class SendCodes:
    """The use cases behind letters with codes. What is asked twice is sent once, or twice the same."""

    def __init__(
        self,
        desk: Desk,
        members: MemberStore,
        mailboxes: Mailboxes,
        organizations: OrganizationStore,
        codes: Codes,
        invite: InviteApprover,
        letters: Letters,
        mailer: Mailer,
        nonce: Callable[[], str] = new_nonce,
    ) -> None:
        self._desk = desk
        self._members = members
        self._mailboxes = mailboxes
        self._organizations = organizations
        self._codes = codes
        self._invite = invite
        self._letters = letters
        self._mailer = mailer
        self._nonce = nonce

    def for_approval(self, tenant: Tenant, approval_id: str, member_id: str, void_version: int) -> Outcome:
        """A new code for a member, in place of the void one of this version.

        Raises:
            StoreConflict: the code has changed meanwhile.
            NotDelivered: the mail was not taken.
        """
        approval, member = self._desk.find(tenant, approval_id), self._members.find(tenant.org_id, member_id)
        if not approval.is_open or member is None or not member.may_decide:
            return "not_sent"
        code = self._renewed(approval, member_id, void_version)
        if code is None:
            return "not_sent"
        name, secret = self._organizations.name(tenant.org_id), self._organizations.secret(tenant.org_id)
        invitation = self._invite.with_code(approval, member_id, code, secret)
        facts = {
            "organization": name,
            "is_test": tenant.environment == "test",
            "name": member.name,
            "invitation": invitation,
        }
        self._mailer.send(Mail("code", member.email, name, *self._letters.write("code", facts)))
        return "sent"

    def _renewed(self, approval: Approval, member_id: str, void_version: int) -> Code | None:
        """The new code; the one that was made for the same void one before, where sending it failed."""
        holder, now = holder_of(approval, member_id), self._desk.clock.now()
        code = self._codes.find(holder)
        if code is None or code.about != about_of(approval):
            return None
        if code.version == void_version + 1 and code.holds_for(code.about, now):
            return code
        if code.version != void_version or code.tries_left or not code.may_be_renewed(now):
            return None
        expires_at = expiry_of(approval, self._desk.settings(approval.tenant), now)
        fresh = renewed(code, self._nonce(), expires_at, now)
        self._codes.put(holder, fresh)
        return fresh

    def for_signing_in(self, person: str) -> Outcome:
        """A code for the person with this hash of an address; nothing where there is none, or one was sent just now.

        Raises:
            StoreConflict: the code has changed meanwhile.
            NotDelivered: the mail was not taken.
        """
        members = self._mailboxes.of_person(person)
        if not members:
            return "not_sent"
        code = self._for_signing_in(person)
        if code is None:
            return "not_sent"
        member: Member = min(members, key=lambda each: each.org_id)
        name = self._organizations.name(member.org_id)
        digits = digits_of(code, (person,), self._organizations.secret(signing_org(members)))
        facts = {"organization": name, "is_test": False, "name": member.name, "code": digits, "until": code.expires_at}
        self._mailer.send(Mail("sign_in", member.email, name, *self._letters.write("sign_in", facts)))
        return "sent"

    def _for_signing_in(self, person: str) -> Code | None:
        holder, now = Holder(person), self._desk.clock.now()
        before = self._codes.find(holder)
        if before is None:
            before = Code(SIGN_IN, "", now, 0, version=0)
        if not before.may_be_renewed(now) or _is_young(before, now):
            return None
        fresh = renewed(before, self._nonce(), now + SIGN_IN_LASTS, now)
        self._codes.put(holder, fresh)
        return fresh


def _is_young(code: Code, now: datetime) -> bool:
    """Whether it was sent within the last minute and can still be used."""
    return code.holds_for(SIGN_IN, now) and now < code.expires_at - SIGN_IN_LASTS + _SOON
