"""Tell Slack: one message an approval, which changes in place; a direct message to whoever is asked; reports.

The message is claimed before it is posted, and shows the approval as it stands after the claim. Whoever changes the
approval meanwhile finds the claim and waits, or is seen. An update looks again after it was made, so that the last one
to arrive is never an older one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from refundkit_core.application.notify_ports import Subject
from refundkit_core.application.slack_messages import (
    CaseFacts,
    case_message,
    closing_line,
    due_text,
    invitation_message,
    pointer,
)
from refundkit_core.application.slack_ports import Message, Post
from refundkit_core.application.tell_approvers import ASKING, case_of, reasons_of, still_asks
from refundkit_core.domain.asked import asked_now
from refundkit_core.domain.errors import SlackRefused, StoreConflict
from refundkit_core.domain.slack_text import escaped, mention

if TYPE_CHECKING:
    from refundkit_core.application.approval_desk import Case, Desk
    from refundkit_core.application.fact_ports import Orders
    from refundkit_core.application.member_ports import MemberStore
    from refundkit_core.application.notify import Deliveries
    from refundkit_core.application.notify_ports import Invite, News
    from refundkit_core.application.ports import Clock
    from refundkit_core.application.slack_ports import SlackApi, SlackConnection, SlackPosts, SlackStore
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.routing import Report

LISTENER: Final = "slack"
BROKEN: Final = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
    }
)
"""Slack's errors that only somebody who renews the connection, or invites the app, can mend."""

GONE: Final = frozenset({"message_not_found", "thread_not_found"})
"""Somebody has deleted the message in Slack: there is nothing left to change."""

_ENDS: Final = frozenset({"approval.decided", "approval.expired", "approval.superseded"})
_THREADED: Final[Mapping[str, str]] = {
    "approval.reminded": "Still waits for a decision",
    "approval.escalated": "Escalated to {level}",
    "approval.info_requested": "More information was asked for",
    "approval.info_given": "The question was answered",
}
_REPORTS: Final[Mapping[str, Report]] = {
    "refund.initiated": "auto_approved",
    "refund.completed": "completed",
    "refund.failed": "failed",
}
_REPORTED: Final[Mapping[Report, str]] = {
    "auto_approved": "was approved by rule",
    "completed": "was paid",
    "failed": "has failed",
}
_MAX_UPDATES: Final = 5
Recipients = dict[str, Callable[[], None]]


class TellSlack:
    """``Listener`` that writes to Slack. ``base_url`` is where the pages are reached from outside."""

    def __init__(
        self,
        desk: Desk,
        store: SlackStore,
        posts: SlackPosts,
        slack: SlackApi,
        members: MemberStore,
        orders: Orders,
        invite: Invite,
        deliveries: Deliveries,
        clock: Clock,
        base_url: str,
    ) -> None:
        self._desk = desk
        self._store = store
        self._posts = posts
        self._slack = slack
        self._members = members
        self._orders = orders
        self._invite = invite
        self._deliveries = deliveries
        self._clock = clock
        self._base_url = base_url

    def hear(self, news: News) -> None:
        """Write what the news makes necessary, where Slack is connected; see ``Listener``."""
        connection = self._store.of(news.tenant)
        if connection is None or not connection.is_used:
            return
        recipients = self._recipients(news, connection)
        if recipients:
            noted = {name: partial(self._noting, connection, tell) for name, tell in recipients.items()}
            self._deliveries.each(news, LISTENER, noted)

    def _recipients(self, news: News, connection: SlackConnection) -> Recipients:
        if news.approval is None:
            return self._reports(news, connection)
        if connection.kind == "webhook":
            return self._lines(news, news.approval, connection)
        told: Recipients = {"channel": partial(self._show, news, connection)}
        if "slack" not in news.settings.channels:
            return told  # a message of before that was set still has to show how it ends
        if news.heard.type in _THREADED and news.approval.is_open:
            told["thread"] = partial(self._note_below, news, news.approval, connection)
        if still_asks(news, self._clock.now()):
            told |= self._directs(news, news.approval, connection)
        return told

    def _show(self, news: News, connection: SlackConnection) -> None:
        """Make the channel's message show the approval as it stands; post it, where nobody has and somebody shall."""
        approval_id = news.heard.approval_id or ""
        subject, shown = Subject(news.tenant, approval_id), 0
        post = self._posts.find(subject, self._clock.now())
        if post is None and "slack" in news.settings.channels:
            post, shown = self._posted(subject, connection)
        if post is None or post.connection_id != connection.id:
            return
        for _ in range(_MAX_UPDATES):
            case = self._desk.case(news.tenant, approval_id)
            if case.approval.version == shown:
                return
            self._slack.update(connection, post, case_message(self._facts(case), connection.id))
            shown = case.approval.version
        raise StoreConflict("The approval changes faster than its message")

    def _posted(self, subject: Subject, connection: SlackConnection) -> tuple[Post | None, int]:
        """Where the message stands now, and which version of the approval it shows."""
        if not self._desk.find(subject.tenant, subject.id).is_open:
            return None, 0
        self._posts.claim(subject, self._clock.now())
        case = self._desk.case(subject.tenant, subject.id)  # as it stands now that others can see the claim
        if not case.approval.is_open:
            return None, 0
        message = case_message(self._facts(case), connection.id)
        post = self._slack.post(connection, connection.channel or "", message)
        self._posts.keep(subject, post)
        return post, case.approval.version

    def _note_below(self, news: News, approval: Approval, connection: SlackConnection) -> None:
        """Say in the message's thread what has happened, so that whoever follows it is told."""
        post = self._posts.find(Subject(news.tenant, approval.id), self._clock.now())
        if post is None or post.connection_id != connection.id:
            return
        facts = self._facts(self._desk.case(news.tenant, approval.id))
        if facts.approval.is_open:
            level = escaped(facts.settings.level(facts.approval.level).name)
            said = _THREADED[news.heard.type].format(level=level)
            self._slack.post(connection, post.channel, Message(f"{said}. Due {due_text(facts)}"), post.ts)

    def _directs(self, news: News, approval: Approval, connection: SlackConnection) -> Recipients:
        """A direct message to each who is asked and is known by a Slack user."""
        case = case_of(news, approval)
        members = self._members.all(news.tenant.org_id)
        asked = asked_now(approval, news.settings, self._desk.requested_by(case), members)
        facts = self._facts(case)
        return {
            f"direct-{member.id}": partial(self._direct, facts, connection, member.id, member.slack_user)
            for member in asked
            if member.slack_user is not None
        }

    def _direct(self, facts: CaseFacts, connection: SlackConnection, member_id: str, slack_user: str) -> None:
        invitation = self._invite(facts.approval, facts.settings, member_id)
        self._slack.direct(connection, slack_user, invitation_message(facts, invitation))

    def _lines(self, news: News, approval: Approval, connection: SlackConnection) -> Recipients:
        """For a webhook, which can neither update nor take clicks: where to go, and how it ended."""
        if "slack" not in news.settings.channels:
            return {}
        facts = self._facts(case_of(news, approval))
        if news.heard.type in _ENDS and not approval.is_open:
            return {"line": partial(self._slack.send, connection, closing_line(facts))}
        if news.heard.type in ASKING and still_asks(news, self._clock.now()):
            line = pointer(facts, f"{self._base_url}/approvals/{approval.id}")
            return {"line": partial(self._slack.send, connection, line)}
        return {}

    def _reports(self, news: News, connection: SlackConnection) -> Recipients:
        report = _REPORTS.get(news.heard.type)
        if report is None or report not in news.settings.reports:
            return {}
        by_rule, refund = report == "auto_approved", news.refund
        if refund.approval_id is not None if by_rule else refund.status != report:
            return {}
        order = self._orders.of(news.tenant, refund.transaction)
        about = f" (order {escaped(order.order_id)})" if order is not None and order.order_id else ""
        tag = "[test] " if news.tenant.environment == "test" else ""
        line = f"{tag}Refund {refund.id} of {refund.money}{about} {_REPORTED[report]}"
        return {"report": partial(self._report, connection, line)}

    def _report(self, connection: SlackConnection, line: str) -> None:
        if connection.kind == "webhook":
            self._slack.send(connection, line)
        else:
            self._slack.post(connection, connection.channel or "", Message(line))

    def _facts(self, case: Case) -> CaseFacts:
        approval, request = case.approval, case.request
        order = self._orders.of(approval.tenant, approval.transaction)
        return CaseFacts(
            approval=approval,
            settings=case.settings,
            is_test=approval.tenant.environment == "test",
            reason=case.refund.reason.replace("_", " "),
            reasons=reasons_of(request),
            order_id=order.order_id if order else None,
            names=self._names(approval),
        )

    def _names(self, approval: Approval) -> dict[str, str]:
        """Whoever did something, as Slack shows them: their Slack user, else their name."""
        acts = [*approval.consents, *([approval.ruling.act] if approval.ruling else [])]
        acts += [approval.question.asked] if approval.question else []
        found = {}
        for by in {act.by for act in acts}:
            member = self._members.find(approval.tenant.org_id, by)
            if member is not None:
                found[by] = mention(member.slack_user) if member.slack_user else escaped(member.name)
        return found

    def _noting(self, connection: SlackConnection, tell: Callable[[], None]) -> None:
        """Note on the connection whether Slack takes it."""
        try:
            tell()
        except SlackRefused as exc:
            if exc.message in GONE:
                return
            if exc.message in BROKEN:
                self._store.mark(connection, "error", self._clock.now())
            raise
        if connection.status == "error":
            self._store.mark(connection, "active", self._clock.now())
