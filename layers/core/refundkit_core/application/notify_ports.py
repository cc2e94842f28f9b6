"""What telling people needs: what was heard, who listens, and the ways to reach somebody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from refundkit_core.domain.approval_codes import Code
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.refund import Refund, Request
    from refundkit_core.domain.routing import ApprovalSettings
    from refundkit_core.domain.tenancy import Tenant


class Heard(NamedTuple):
    """An event as the bus tells it: old news, however young. ``revision`` is the approval's, for events of one."""

    event_id: str
    type: str
    tenant: Tenant
    refund_id: str
    approval_id: str | None = None
    revision: int | None = None


@dataclass(frozen=True, slots=True)
class News:
    """What was heard, and how everything that it is about stands now. ``approval`` is None where there is none."""

    heard: Heard
    refund: Refund
    request: Request
    settings: ApprovalSettings
    approval: Approval | None = None

    @property
    def tenant(self) -> Tenant:
        """Whose it is."""
        return self.heard.tenant


class Listener(Protocol):
    """Somebody who wants to hear of what happens, and tells people of it."""

    def hear(self, news: News) -> None:
        """Tell whom it concerns, each once: what was told before is not told again.

        Raises:
            RefundKitError: somebody could not be told; the same news has to come again for them.
        """


MailKind = Literal["approval", "code", "sign_in", "completed", "rejected", "info_requested", "webhook_disabled"]


class Mail(NamedTuple):
    """One e-mail to one person. ``sender_name`` is shown beside the stack's own address."""

    kind: MailKind
    to: str
    sender_name: str
    subject: str
    text: str
    html: str


class Mailer(Protocol):
    """The way out for e-mails."""

    def send(self, mail: Mail) -> None:
        """Hand a mail over. A stack without an address to send from hands over nothing, and says so in its log.

        Raises:
            NotDelivered: it was not taken; the same mail may be sent again.
        """


class Written(NamedTuple):
    """A letter in both forms."""

    subject: str
    text: str
    html: str


class Letters(Protocol):
    """How letters are written."""

    def write(self, kind: MailKind, facts: Mapping[str, Any]) -> Written:
        """The letter of this kind; ``facts`` are shown as they are, and never taken for markup."""


class Subject(NamedTuple):
    """Whose partition something belongs to: an approval, a refund or a webhook endpoint, by its id."""

    tenant: Tenant
    id: str


class Markers(Protocol):
    """What was told to whom: one for each event, listener and recipient."""

    def begin(self, subject: Subject, name: str, now: datetime) -> bool:
        """Take it upon oneself to tell somebody; False where they were told before.

        Raises:
            StoreConflict: another worker is at it, or no answer came.
        """

    def done(self, subject: Subject, name: str, now: datetime) -> None:
        """Keep that they were told. Raises StoreConflict where no answer came."""


class Holder(NamedTuple):
    """Whose code: a member's for an approval, or, without one, that of who signs in, by a hash of their address."""

    who: str
    subject: Subject | None = None


class Codes(Protocol):
    """Codes, by their holders. All reads are consistent."""

    def find(self, holder: Holder) -> Code | None: ...

    def put(self, holder: Holder, code: Code) -> None:
        """Store a code in place of the one a version before.

        Raises:
            StoreConflict: another one stands there, or no answer came.
        """

    def spend(self, holder: Holder) -> Code | None:
        """Take one try of the code, in one write, before the try is looked at; the code as it stands then.

        None: there is no code, or none with a try left.
        """


class Post(Protocol):
    """Where letters wait to be written that no event asks for."""

    def ask_for_code(self, tenant: Tenant, approval_id: str, member_id: str, void_version: int) -> None:
        """Have a new code sent to a member's own mailbox, in place of the void one of that version."""

    def ask_for_sign_in(self, person: str) -> None:
        """Have a code for signing in sent to the person with this hash of an address, if there is one."""


class Invitation(NamedTuple):
    """A member's personal way to an approval: the link, and the code that never stands in it."""

    url: str
    code: str
    expires_at: datetime


Invite = Callable[["Approval", "ApprovalSettings", str], Invitation]
"""Makes the invitation of a member (by id) to an approval as it stands."""
