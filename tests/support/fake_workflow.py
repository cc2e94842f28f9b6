"""The state machine that waits for decisions, as its definition says, under a clock of the test's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from refundkit_core.application.approval_ports import WaitingToken, Woken
from refundkit_core.application.ports import Clock
from refundkit_core.domain.approval_clock import RUNGS, Rung
from refundkit_core.domain.tenancy import Tenant

Asked = Callable[[Tenant, str, WaitingToken], None]
FIRST: Rung = "Day"


@dataclass
class Execution:
    """One execution: in which wait it is, with which token; ``transitions`` are billed."""

    tenant: Tenant
    approval_id: str
    rung: Rung
    since: datetime
    token: str
    transitions: int = 1
    ended: bool = False

    @property
    def lapses_at(self) -> datetime:
        return self.since + RUNGS[self.rung]


class FakeWorkflow:
    """``Workflow``: every wait tells ``asked`` its token, as the state machine's message does."""

    def __init__(self, clock: Clock, asked: Asked) -> None:
        self._clock = clock
        self._asked = asked
        self.executions: dict[str, Execution] = {}
        self._tokens = 0

    def start(self, tenant: Tenant, approval_id: str) -> None:
        if approval_id in self.executions:
            return
        execution = Execution(tenant, approval_id, FIRST, self._clock.now(), "")
        self.executions[approval_id] = execution
        self._ask(execution, FIRST)

    def end(self, token: str) -> Woken:
        execution = self._waiting(token)
        if execution is None:
            return "nobody_waits"
        execution.ended, execution.token = True, ""
        execution.transitions += 1
        return "woken"

    def wait_anew(self, token: str, rung: Rung) -> Woken:
        execution = self._waiting(token)
        if execution is None:
            return "nobody_waits"
        execution.transitions += 1
        self._ask(execution, rung)
        return "woken"

    def lapse(self) -> None:
        """Every wait that is over begins anew."""
        for execution in list(self.executions.values()):
            if not execution.ended and execution.lapses_at <= self._clock.now():
                execution.transitions += 1
                self._ask(execution, execution.rung)

    def next_lapse(self) -> datetime | None:
        """When the next wait is over; None where nobody waits."""
        return min((each.lapses_at for each in self.executions.values() if not each.ended), default=None)

    @property
    def waiting(self) -> list[str]:
        """The approvals that are still waited for."""
        return [each.approval_id for each in self.executions.values() if not each.ended]

    def _ask(self, execution: Execution, rung: Rung) -> None:
        self._tokens += 1
        execution.token, execution.rung, execution.since = f"token {self._tokens}", rung, self._clock.now()
        token = WaitingToken(execution.token, rung, execution.since)
        self._asked(execution.tenant, execution.approval_id, token)

    def _waiting(self, token: str) -> Execution | None:
        return next((each for each in self.executions.values() if token and each.token == token), None)
