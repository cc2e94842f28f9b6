"""Answer whoever clicks in Slack: the use case behind ``POST /integrations/slack/actions``.

The button names the connection that it was posted by, whose signing secret must have signed the request; the workspace
must be the connection's, and the person a member. What they may do is decided by the same use cases as everywhere.
A refusal is told to them alone, changes nothing, and is written down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args

from refundkit_core.application.approval_desk import Seen, insist_on_open
from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.decide_approval import Decision
from refundkit_core.application.notify_ports import Subject
from refundkit_core.application.route_approval import Move
from refundkit_core.application.slack_clicks import Click, Submission
from refundkit_core.application.slack_messages import (
    MAX_WORDS,
    TEXT,
    ask_window,
    notice_window,
    reject_window,
)
from refundkit_core.domain.approvals import NextBestAction
from refundkit_core.domain.errors import BadSignature, Conflict, Denied, Invalid, NotFound, RefundKitError
from refundkit_core.domain.slack_text import escaped

if TYPE_CHECKING:
    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.approval_ports import Deciders
    from refundkit_core.application.decide_approval import DecideApproval
    from refundkit_core.application.member_ports import MemberStore
    from refundkit_core.application.notify_ports import Markers
    from refundkit_core.application.ports import AuditTrail
    from refundkit_core.application.route_approval import RouteApproval
    from refundkit_core.application.slack_clicks import Header, ReadClick, VerifySlack
    from refundkit_core.application.slack_ports import SlackApi, SlackConnection, SlackStore
    from refundkit_core.domain.approver_rules import Decider
    from refundkit_core.domain.tenancy import Tenant

Answer = Mapping[str, Any]
"""What Slack is to do with the window, if there is one."""

TAKEN: Final[Answer] = {}
_CLOSED: Final[Answer] = {"response_action": "clear"}
_NOBODY: Final = "Your Slack user is not known here: ask an admin to enter it with your membership"


class AnswerSlack:
    """Takes buttons and windows."""

    def __init__(
        self,
        desk: Desk,
        store: SlackStore,
        members: MemberStore,
        deciders: Deciders,
        decide: DecideApproval,
        route: RouteApproval,
        slack: SlackApi,
        markers: Markers,
        trail: AuditTrail,
        read: ReadClick,
        verify: VerifySlack,
    ) -> None:
        self._desk = desk
        self._store = store
        self._members = members
        self._deciders = deciders
        self._decide = decide
        self._route = route
        self._slack = slack
        self._markers = markers
        self._trail = trail
        self._read = read
        self._verify = verify
        self._auditor = Auditor(desk.clock, desk.ids)

    def __call__(self, body: bytes, header: Header) -> Answer:
        """Do what was clicked, or tell who clicked why not.

        Raises:
            BadSignature: nobody whom we know signed this, not now, or for another workspace.
            NotDelivered: Slack did not take our answer.
            StoreConflict: the approval kept changing; nothing was done.
        """
        said = self._read(body)
        if said is None:
            return TAKEN
        connection = self._store.by_id(said.reference.connection_id)
        if connection is None or not connection.is_used or connection.signing_secret is None:
            raise BadSignature("This was not signed by Slack for a connection that stands")
        self._verify(body, header, connection.signing_secret, self._desk.clock.now().timestamp())
        self._insist_on_workspace(said, connection)
        try:
            decider = self._decider(connection.tenant, said.slack_user)
            if isinstance(said, Click):
                return self._clicked(said, decider, connection)
            return self._sent(said, decider, connection.tenant)
        except (Conflict, Denied, Invalid, NotFound) as refusal:
            self._write_down(said, connection.tenant, refusal.code)
            return self._refused(said, connection, refusal)

    def _insist_on_workspace(self, said: Click | Submission, connection: SlackConnection) -> None:
        team_id = connection.workspace.team_id if connection.workspace else None
        if said.team_id != team_id or said.user_team_id not in (None, team_id):
            self._write_down(said, connection.tenant, "another_workspace")
            raise BadSignature("This was not signed by Slack for a connection that stands")

    def _decider(self, tenant: Tenant, slack_user: str) -> Decider:
        member = self._members.by_slack_user(tenant.org_id, slack_user)
        if member is None:
            raise Denied(_NOBODY)
        return self._deciders.known(tenant, member.id)

    def _clicked(self, click: Click, decider: Decider, connection: SlackConnection) -> Answer:
        tenant, reference = connection.tenant, click.reference
        if click.deed == "approve":
            seen = Seen(revision=reference.revision)
            self._decide(Decision(tenant, reference.approval_id, decider, "slack", "approved", seen=seen))
        elif click.deed == "escalate":
            self._route.escalate(_move(tenant, click, decider, None))
        else:
            case = self._desk.case(tenant, reference.approval_id)
            insist_on_open(case.approval, Seen(revision=reference.revision))
            self._desk.insist_on_right(case, decider)
            window = reject_window if click.deed == "reject" else ask_window
            self._slack.open_modal(connection, click.trigger_id, window(reference))
        return TAKEN

    def _sent(self, sent: Submission, decider: Decider, tenant: Tenant) -> Answer:
        if not 1 <= len(sent.text) <= MAX_WORDS:
            return _errors({TEXT: f"Say it in 1 to {MAX_WORDS} characters"})
        if sent.deed == "reject":
            seen, approval_id = Seen(revision=sent.reference.revision), sent.reference.approval_id
            self._decide(Decision(tenant, approval_id, decider, "slack", "rejected", sent.text, seen=seen))
        elif sent.deed == "ask":
            self._asked(tenant, sent, decider)
        return _CLOSED

    def _asked(self, tenant: Tenant, sent: Submission, decider: Decider) -> None:
        """Ask once, however often Slack's request is sent again: it changes no revision, and could be asked twice."""
        action = _action(sent)
        subject = Subject(tenant, sent.reference.approval_id)
        name = f"slack#{hashlib.sha256(sent.trigger_id.encode()).hexdigest()[:32]}"
        if self._markers.begin(subject, name, self._desk.clock.now()):
            self._route.request_info(_move(tenant, sent, decider, sent.text), action)
            self._markers.done(subject, name, self._desk.clock.now())

    def _refused(self, said: Click | Submission, connection: SlackConnection, refusal: RefundKitError) -> Answer:
        """Tell who clicked why nothing was done, and nobody else."""
        if isinstance(said, Click):
            self._slack.whisper(connection, said.channel, said.slack_user, escaped(f"{refusal.message}."))
            return TAKEN
        if isinstance(refusal, Invalid):
            return _errors({TEXT: refusal.message})
        return {"response_action": "update", "view": notice_window(f"{refusal.message}.")}

    def _write_down(self, said: Click | Submission, tenant: Tenant, code: str) -> None:
        member = self._members.by_slack_user(tenant.org_id, said.slack_user)
        by = By(member.id if member is not None else f"slack:{said.slack_user}")
        details = {"deed": said.deed, "refused": code}
        entry = self._auditor.entry(
            by, "approval refused", said.reference.approval_id, tenant, channel="slack", details=details
        )
        self._trail.put(entry)


def _move(tenant: Tenant, said: Click | Submission, decider: Decider, text: str | None) -> Move:
    seen = Seen(revision=said.reference.revision)
    return Move(tenant, said.reference.approval_id, decider, "slack", text, seen)


def _action(sent: Submission) -> NextBestAction:
    """What a question is about. Raises Invalid."""
    for action in get_args(NextBestAction):
        if action == sent.action:
            known: NextBestAction = action
            return known
    raise Invalid("Choose what it is about")


def _errors(errors: Mapping[str, str]) -> Answer:
    return {"response_action": "errors", "errors": dict(errors)}
