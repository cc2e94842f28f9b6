"""People who decide, the workflow that waits for them, and the queue between: the part of a system about approvals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from refundkit_core.application.approval_desk import ANY, Seen
from refundkit_core.application.approval_ports import WaitingToken
from refundkit_core.application.decide_approval import Answer, Decision
from refundkit_core.application.route_approval import Move, Reply
from refundkit_core.domain.approvals import ALLOWED, Approval, approval_id_of
from refundkit_core.domain.approver_rules import Decider
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.routing import ApprovalSettings
from refundkit_core.domain.tenancy import Tenant

from tests.crash.callers import Ask, told
from tests.crash.faults import Unreachable
from tests.crash.invariants import insist
from tests.crash.lines import Line
from tests.support.builders import TENANT
from tests.support.clock import FixedClock

if TYPE_CHECKING:
    from tests.crash.system import System

Waits = tuple[Tenant, str, WaitingToken | None]
"""A message of the approvals' queue: with the token of a workflow that waits, or to look at an approval."""

Deed = Literal["approved", "rejected", "escalate", "ask", "answer"]

ANN: Final = Decider("mem_00000000000000000000000002", "approver")
BEN: Final = Decider("mem_00000000000000000000000003", "approver")
OWNER: Final = Decider("mem_00000000000000000000000004", "owner")
DEAF: Final = frozenset({"not_found", "approval_superseded", "approval_already_decided"})


@dataclass(eq=False)
class Wish:
    """What somebody does with the approval of what ``ask`` opened, and what they were told."""

    ask: Ask
    deed: Deed
    by: Decider = ANN
    amount_minor: int | None = None
    seen: Seen = ANY
    answers: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.by.id[-1]} says {self.deed} to what {self.ask} opened"


class Waiting:
    """``ApprovalQueue``, and where the workflow's messages arrive."""

    def __init__(self, line: Line[Waits], clock: FixedClock) -> None:
        self._line = line
        self._clock = clock

    def put(self, tenant: Tenant, approval_id: str, delay_s: int) -> None:
        self._line.put((tenant, approval_id, None), self._clock.now() + timedelta(seconds=delay_s))

    def asked(self, tenant: Tenant, approval_id: str, token: WaitingToken) -> None:
        """The workflow tells where it waits; the message is durable before it waits."""
        self._line.put((tenant, approval_id, token), self._clock.now())


NOTHING_OPEN: Final = "nothing to decide"


class Approvals:
    """What a system needs for its approvals, and what must always hold of them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.line: Line[Waits] = Line("approvals", self._look_after, retry_s=180, max_receives=5)
        self.wishing: Line[Wish] = Line("person", self._do, retry_s=1)
        self.queue = Waiting(self.line, system.clock)
        self.workflow = system.make_workflow(self.queue.asked)
        self.wishes: list[Wish] = []
        self._seen: dict[str, Approval] = {}

    def wish(self, wish: Wish, after_s: int = 0) -> Wish:
        """Somebody wants something, ``after_s`` seconds from now."""
        self.wishes.append(wish)
        self.wishing.put(wish, self._system.clock.now() + timedelta(seconds=after_s))
        return wish

    def lapse(self) -> None:
        """The waits that are over begin anew."""
        self.workflow.lapse()

    def looks(self) -> list[datetime]:
        """When the sweep looks after approvals next."""
        kept = self._system.store.approvals.values()
        return [approval.next_look_at for approval in kept if approval.next_look_at is not None]

    def _look_after(self, message: Waits) -> None:
        tenant, approval_id, token = message
        watch = self._system.use_cases.watch_approval
        outcome = watch.look(tenant, approval_id) if token is None else watch.waits(tenant, approval_id, token)
        self._system.calls.note(outcome)

    def _do(self, wish: Wish) -> None:
        if not wish.ask.answers:
            raise Unreachable("nothing to decide yet")
        if not wish.ask.opened:  # refused: there is nothing to decide, even where the same asking opens it later
            wish.answers.append(NOTHING_OPEN)
            return
        refund_id = wish.ask.opened[0]
        answer = told(lambda: self._deeds()[wish.deed](wish, approval_id_of(refund_id)).status)
        self._system.calls.note(f"told {answer}")
        wish.answers.append(answer)

    def _deeds(self) -> Mapping[Deed, Callable[[Wish, str], Approval]]:
        return {
            "approved": self._decide,
            "rejected": self._decide,
            "escalate": lambda wish, named: self._system.use_cases.route.escalate(_move(wish, named)),
            "ask": lambda wish, named: self._system.use_cases.route.request_info(
                _move(wish, named), "request_evidence"
            ),
            "answer": lambda wish, named: self._system.use_cases.answer(
                Reply(TENANT, f"ref_{named[4:]}", "shop", "shop", "Here it is", wish.amount_minor)
            ),
        }

    def _decide(self, wish: Wish, named: str) -> Approval:
        answer: Answer = "rejected" if wish.deed == "rejected" else "approved"
        decision = Decision(TENANT, named, wish.by, "api", answer, "So", wish.amount_minor, wish.seen)
        return self._system.use_cases.decide(decision)

    # What must hold.

    def look(self) -> bool:
        """Look at what has changed, and say whether anything has. Raises Violation."""
        changed = False
        settings = self._system.use_cases.switches.approval_settings(TENANT)
        for approval in self._system.store.approvals.values():
            before = self._seen.get(approval.id)
            if before is not approval:
                check_move(before, approval)
                check_people(approval, settings)
                self._seen[approval.id] = approval
                changed = True
        begun = [execution.approval_id for execution in self.workflow.executions.values()]
        insist(len(set(begun)) == len(begun), f"a workflow was begun twice: {begun}")
        for execution in self.workflow.executions.values():
            insist(execution.approval_id in self._seen, f"{execution.approval_id[-4:]} is waited for, and is none")
        return changed

    def check_paid(self, refund: Refund) -> None:
        """What is paid after somebody was asked is what they approved."""
        approval = None if refund.approval_id is None else self._seen.get(refund.approval_id)
        if approval is not None:
            name = approval.id[-4:]
            insist(approval.status == "approved", f"{name} was sent, and its approval is {approval.status}")
            insist(refund.money.amount_minor <= approval.amount_minor, f"{name}: more is sent than was approved")

    def end(self) -> None:
        """All is quiet: whoever decided was told the truth, and nothing waits for what is closed."""
        for approval in self._seen.values():
            insist(not approval.is_open, f"{approval.id[-4:]} is still {approval.status}")
            insist(approval.next_look_at is None, f"{approval.id[-4:]} is looked after, and is {approval.status}")
        waiting = [name[-4:] for name in self.workflow.waiting]
        insist(not waiting, f"executions still wait: {waiting}")
        for wish in self.wishes:
            self._check_told(wish)

    def _check_told(self, wish: Wish) -> None:
        """A decision that was answered is the one that stands; of two deciders one was told no."""
        if not wish.ask.opened:
            return
        insist(wish.answers, f"{wish} was never answered")
        approval = self._seen.get(approval_id_of(wish.ask.opened[0]))
        if approval is None or wish.deed not in ("approved", "rejected") or wish.deed not in wish.answers:
            return
        ruling = approval.ruling
        insist(ruling is not None, f"{wish}, was told so, and it is {approval.status}")
        insist(ruling is not None and ruling.verdict == wish.deed, f"{wish}, was told so, and another verdict stands")


def check_move(before: Approval | None, after: Approval) -> None:
    """One change of one approval, as its table allows; a verdict never changes."""
    name = f"approval {after.id[-4:]} {after.status} v{after.version}"
    if before is None:
        insist((after.version, after.status) == (1, "pending"), f"{name} is new")
        return
    if before.version == after.version:
        same = replace(before, next_look_at=after.next_look_at, level_since=after.level_since)
        insist(same == after, f"{name} changed without a new version")
        return
    insist(after.version == before.version + 1, f"{name} was v{before.version} before: versions were skipped")
    insist(after.status in ALLOWED[before.status], f"{name} was {before.status}: the table forbids that step")
    insist(after.amount_minor <= before.amount_minor, f"{name}: it asks for more than before")
    for fixed in ("id", "tenant", "refund_id", "transaction", "currency", "opened_at", "requested_by"):
        insist(getattr(before, fixed) == getattr(after, fixed), f"{name}: {fixed} changed")
    insist(
        (after.ruling is None) == (after.status not in ("approved", "rejected", "expired")), f"{name}: {after.ruling}"
    )


def check_people(approval: Approval, settings: ApprovalSettings) -> None:
    """As many different people approved as had to."""
    if approval.ruling is None or approval.status != "approved":
        return
    people = {approval.ruling.act.by, *(act.by for act in approval.consents)}
    needed = 2 if settings.needs_two(approval.amount_minor, approval.currency) else 1
    insist(len(people) >= needed, f"{approval.id[-4:]} was approved by {len(people)} people, and takes {needed}")


def _move(wish: Wish, named: str) -> Move:
    return Move(TENANT, named, wish.by, "api", "Please", wish.seen)


def named(message: Any) -> str:
    """A message of the queue in the story."""
    _, approval_id, token = message
    return f"…{approval_id[-4:]}" + ("" if token is None else f" waits ({token.rung})")
