"""Tell those who are asked: one e-mail each, with the case in short, their personal link and their code (document 000).

Nobody else is told: not who asked for the refund, not who has agreed already, nobody once it is decided.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.application.approval_desk import Case
from refundkit_core.application.notify_ports import Mail
from refundkit_core.domain.approval_links import deadline_of, expiry_of
from refundkit_core.domain.asked import asked_now
from refundkit_core.domain.decisions import ASKS_A_PERSON
from refundkit_core.domain.money import Money

if TYPE_CHECKING:
    from datetime import datetime

    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.fact_ports import Orders
    from refundkit_core.application.member_ports import MemberStore
    from refundkit_core.application.notify import Deliveries
    from refundkit_core.application.notify_ports import Invite, Letters, Mailer, News
    from refundkit_core.application.ports import Clock, OrganizationStore
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.members import Member
    from refundkit_core.domain.refund import Request

LISTENER: Final = "approvers-email"
ASKING: Final = {
    "approval.pending": "waits for your decision",
    "approval.reminded": "still waits for your decision",
    "approval.escalated": "was escalated and waits for your decision",
    "approval.info_given": "was answered and waits for your decision",
}
"""The events that ask people something, and how their mails say it."""


class TellApprovers:
    """``Listener`` that writes to approvers."""

    def __init__(
        self,
        desk: Desk,
        members: MemberStore,
        organizations: OrganizationStore,
        orders: Orders,
        invite: Invite,
        deliveries: Deliveries,
        letters: Letters,
        mailer: Mailer,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._members = members
        self._organizations = organizations
        self._orders = orders
        self._invite = invite
        self._deliveries = deliveries
        self._letters = letters
        self._mailer = mailer
        self._clock = clock

    def hear(self, news: News) -> None:
        """Write to those whose answer is waited for, as the approval stands; see ``Listener``."""
        approval = news.approval
        if approval is None or "email" not in news.settings.channels or not still_asks(news, self._clock.now()):
            return
        members = self._members.all(news.tenant.org_id)
        asked = asked_now(approval, news.settings, self._desk.requested_by(case_of(news, approval)), members)
        if asked:
            facts = self._facts(news, approval)
            letters = {member.id: partial(self._write, news, approval, member, facts) for member in asked}
            self._deliveries.each(news, LISTENER, letters)

    def _facts(self, news: News, approval: Approval) -> dict[str, Any]:
        order = self._orders.of(news.tenant, news.refund.transaction)
        return {
            "organization": self._organizations.name(news.tenant.org_id),
            "is_test": news.tenant.environment == "test",
            "what": ASKING[news.heard.type],
            "amount": str(Money(approval.amount_minor, approval.currency)),
            "order_id": order.order_id if order else None,
            "transaction_id": news.refund.transaction_id,
            "reason": news.refund.reason.replace("_", " "),
            "reasons": reasons_of(news.request),
            "due_at": deadline_of(approval, news.settings),
        }

    def _write(self, news: News, approval: Approval, member: Member, facts: dict[str, Any]) -> None:
        invitation = self._invite(approval, news.settings, member.id)
        written = self._letters.write("approval", {**facts, "name": member.name, "invitation": invitation})
        self._mailer.send(Mail("approval", member.email, facts["organization"], *written))


def case_of(news: News, approval: Approval) -> Case:
    """The case that the news is of, as it was read for them."""
    return Case(approval, news.refund, news.request, news.settings)


def still_asks(news: News, now: datetime) -> bool:
    """Whether the news still asks people for something: what asks anew since is told by its own event."""
    approval = news.approval
    if approval is None or not approval.is_open or news.heard.type not in ASKING:
        return False
    return news.heard.revision in (None, approval.revision) and now < expiry_of(approval, news.settings, now)


def reasons_of(request: Request) -> list[str]:
    """Why a person is asked, in sentences."""
    return [rule.message for rule in request.decision if rule.outcome in ASKS_A_PERSON]
