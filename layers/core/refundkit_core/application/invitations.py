"""Invite a member to decide: a link that names them and the question, and a code that comes by the same way only."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from refundkit_core.application.notify_ports import Holder, Invitation, Subject
from refundkit_core.domain.approval_codes import Code, asked, digits_of
from refundkit_core.domain.approval_links import expiry_of, link_to, sealed

if TYPE_CHECKING:
    from collections.abc import Callable

    from refundkit_core.application.notify_ports import Codes
    from refundkit_core.application.ports import Clock, OrganizationStore
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.routing import ApprovalSettings

CALLBACK: Final = "/approvals/callback"
_NONCE_BYTES: Final = 16


def new_nonce() -> str:
    """What a code is made of: 128 random bits."""
    return secrets.token_hex(_NONCE_BYTES)


class InviteApprover:
    """Makes links with their codes. ``base_url`` is where the pages are reached from outside."""

    def __init__(
        self,
        organizations: OrganizationStore,
        codes: Codes,
        clock: Clock,
        base_url: str,
        nonce: Callable[[], str] = new_nonce,
    ) -> None:
        self._organizations = organizations
        self._codes = codes
        self._clock = clock
        self._base_url = base_url
        self._nonce = nonce

    def __call__(self, approval: Approval, settings: ApprovalSettings, member_id: str) -> Invitation:
        """The invitation to ``approval`` as it stands; a later one repeats the code while it holds.

        Raises:
            StoreConflict: the member's code has changed meanwhile.
        """
        now = self._clock.now()
        expires_at = expiry_of(approval, settings, now)
        secret = self._organizations.secret(approval.tenant.org_id)
        code = asked(self._standing(approval, member_id), about_of(approval), self._nonce(), expires_at, now)
        self._codes.put(holder_of(approval, member_id), code)
        return self.with_code(approval, member_id, code, secret)

    def with_code(self, approval: Approval, member_id: str, code: Code, secret: bytes) -> Invitation:
        """The invitation that shows ``code``, which is stored."""
        link = link_to(approval, member_id, code.expires_at, secret)
        url = f"{self._base_url}{CALLBACK}?token={sealed(link, secret)}"
        return Invitation(url, digits_of(code, whose(approval, member_id), secret), code.expires_at)

    def _standing(self, approval: Approval, member_id: str) -> Code | None:
        return self._codes.find(holder_of(approval, member_id))


def about_of(approval: Approval) -> str:
    """Which question of an approval a code answers."""
    return f"revision {approval.revision}"


def holder_of(approval: Approval, member_id: str) -> Holder:
    """Whose code it is, for the store."""
    return Holder(member_id, Subject(approval.tenant, approval.id))


def whose(approval: Approval, member_id: str) -> tuple[str, ...]:
    """Whose code it is, in full."""
    return (approval.tenant.org_id, approval.tenant.environment, approval.id, member_id)
