"""The workflow that waits for a decision: started once, asked for its tokens, woken when an approval moves.

It owns time only. Whatever is lost between it and us, the sweep finds by the approval's next look.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

from refundkit_core.application.approval_ports import ApprovalStore, WaitingToken, Workflow
from refundkit_core.domain.approval_clock import GRACE, ends_in_time, rung_for
from refundkit_core.domain.approvals import START_WITHIN
from refundkit_core.domain.errors import StoreConflict

if TYPE_CHECKING:
    from datetime import datetime

    from refundkit_core.application.pass_time import PassTime
    from refundkit_core.application.ports import Clock
    from refundkit_core.domain.approval_clock import Rung
    from refundkit_core.domain.approvals import Approval
    from refundkit_core.domain.tenancy import Tenant

Outcome = Literal["nothing_to_do", "started", "waiting", "woken", "waits_anew", "ended"]

_AGAIN: Final = timedelta(minutes=5)


class WatchApproval:
    """The use cases behind the queue of approvals; each may run any number of times."""

    def __init__(self, approvals: ApprovalStore, workflow: Workflow, pass_time: PassTime, clock: Clock) -> None:
        self._approvals = approvals
        self._workflow = workflow
        self._pass_time = pass_time
        self._clock = clock

    def waits(self, tenant: Tenant, approval_id: str, token: WaitingToken) -> Outcome:
        """The workflow waits with ``token``: keep it, then see what is due.

        The approval is read after the token is kept: whichever of a decision and this comes second ends the waiting.
        """
        if self._approvals.find(tenant, approval_id) is None:
            self._workflow.end(token.token)
            return "ended"
        if not self._approvals.keep_token(tenant, approval_id, token):
            return "nothing_to_do"  # it waits with a later one already
        approval, due_at = self._pass_time(tenant, approval_id)
        wanted = token.rung if due_at is None else rung_for(due_at - self._clock.now())
        return self._settled(approval, due_at, token, wanted)

    def look(self, tenant: Tenant, approval_id: str) -> Outcome:
        """Bring an approval and its workflow to where they should be: after each of its events, and for the sweep."""
        approval = self._approvals.find(tenant, approval_id)
        if approval is None:
            return "nothing_to_do"
        if approval.is_open and approval.next_look_at is None:
            approval = self._adopted(approval)
        token = self._approvals.token(tenant, approval_id)
        if token is None and approval.is_open:
            self._workflow.start(tenant, approval_id)
            return self._looked_after(approval, "started")
        if token is None:
            self._forget(approval)
            return "nothing_to_do"
        approval, due_at = self._pass_time(tenant, approval_id)
        late = due_at is not None and not ends_in_time(token.lapses_at, due_at)
        wanted = rung_for(due_at - self._clock.now()) if late and due_at is not None else token.rung
        return self._settled(approval, due_at, token, wanted)

    def _adopted(self, approval: Approval) -> Approval:
        """An approval of before there was a workflow: its time begins now."""
        now = self._clock.now()
        adopted = replace(approval, level_since=now, next_look_at=now + START_WITHIN)
        self._approvals.put_off(adopted)
        return adopted

    def _looked_after(self, approval: Approval, outcome: Outcome) -> Outcome:
        """An execution that was begun asks at once; where it died instead, time passes without it."""
        now = self._clock.now()
        if now - approval.at_level_since < START_WITHIN:
            return outcome
        current, due_at = self._pass_time(approval.tenant, approval.id)
        if due_at is not None:
            self._look_again(current, min(due_at, now + _AGAIN))
        return outcome

    def _settled(self, approval: Approval, due_at: datetime | None, token: WaitingToken, wanted: Rung) -> Outcome:
        """End the waiting of what is closed; have it wait as long as is wanted for what is open."""
        if due_at is None:
            self._workflow.end(token.token)
            self._forget(approval)
            return "ended"
        self._look_again(approval, due_at + GRACE)
        if wanted == token.rung:
            return "waiting"
        return "waits_anew" if self._workflow.wait_anew(token.token, wanted) == "woken" else "waiting"

    def _look_again(self, approval: Approval, at: datetime) -> None:
        if approval.next_look_at == at:
            return
        with suppress(StoreConflict):  # it has changed meanwhile, and its own event brings us back
            self._approvals.put_off(replace(approval, next_look_at=at))

    def _forget(self, approval: Approval) -> None:
        """Nobody has to look after a closed approval any more whose workflow has ended."""
        if approval.next_look_at is not None:
            with suppress(StoreConflict):
                self._approvals.put_off(replace(approval, next_look_at=None))
