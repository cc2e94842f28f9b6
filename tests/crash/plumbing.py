"""The ports between processes: the bus and its rule, the queues, and where refused events wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

from refundkit_core.application.approval_ports import ApprovalQueue
from refundkit_core.application.ports import PaymentProcessor
from refundkit_core.application.processor_news import Header
from refundkit_core.application.records import Connection, Erasure, ProcessorNews
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant

from tests.crash.lines import Line
from tests.support.clock import START, FixedClock
from tests.support.memory_store import MemoryRefundStore
from tests.support.template import resources

_OF_TIME = set(resources("AWS::Events::Rule")["ApprovalRule"]["Properties"]["EventPattern"]["detail-type"])
"""The events that the template's rule hands to the approvals' queue."""

Due = tuple[Tenant, str]
"""A refund on the execution queue."""


class Bus:
    """``EventBus`` with two rules: a refund that may be paid goes to the execution queue, what moves an approval's
    time to the approvals' queue."""

    def __init__(self, execution: Line[Due], approvals: ApprovalQueue, clock: FixedClock) -> None:
        self._execution = execution
        self._approvals = approvals
        self._clock = clock
        self.published: list[Event] = []
        self.refuses: deque[str] = deque()

    def publish(self, events: Sequence[Event]) -> Sequence[Event]:
        refused = [event for event in events if self._is_refused(event)]
        for event in events:
            if event in refused:
                continue
            self.published.append(event)
            if event.type in ("refund.initiated", "refund.approved") and event.payload["status"] == "pending":
                self._execution.put((event.tenant, event.payload["refundId"]), self._clock.now())
            if event.type in _OF_TIME:
                self._approvals.put(event.tenant, event.payload["approvalId"], 0)
        return refused

    def _is_refused(self, event: Event) -> bool:
        """The next events of the types in ``refuses`` are refused, one each."""
        if event.type not in self.refuses:
            return False
        self.refuses.remove(event.type)
        return True


class Parked:
    """``ParkingLot`` of which a person sends every event again."""

    def __init__(self, again: Callable[[Event], None]) -> None:
        self._again = again

    def park(self, event: Event) -> None:
        self._again(event)

    def park_unreadable(self, key: str) -> None:
        raise AssertionError(f"an event cannot be read: {key}")


class Executions:
    """``ExecutionQueue``."""

    def __init__(self, line: Line[Due], clock: FixedClock) -> None:
        self._line = line
        self._clock = clock

    def put(self, tenant: Tenant, refund_id: str, delay_s: int) -> None:
        self._line.put((tenant, refund_id), self._clock.now() + timedelta(seconds=delay_s))


class News:
    """``ProcessorNewsQueue``."""

    def __init__(self, line: Line[ProcessorNews], clock: FixedClock) -> None:
        self._line = line
        self._clock = clock

    def put(self, news: ProcessorNews) -> None:
        self._line.put(news, self._clock.now())


class Registry:
    """``Processors`` with one processor, called stripe."""

    def __init__(self, stripe: PaymentProcessor) -> None:
        self._stripe = stripe

    def names(self) -> Sequence[str]:
        return ("stripe",)

    def named_by(self, transaction_id: str) -> str | None:
        return "stripe" if self._stripe.owns(transaction_id) else None

    def connect(self, connection: Connection) -> PaymentProcessor:
        return self._stripe


def read_webhook(connection: Connection, body: bytes, header: Header, now_unix: float) -> ProcessorNews:
    """The fake processor's wording: ``<event id> <type> <charge>``; a warning has its type's last part as its kind."""
    event_id, kind, charge_id = body.decode().split()
    warning = kind.rpartition(".")[2] if kind.startswith("early_fraud_warning.") else None
    return ProcessorNews(connection.id, connection.tenant, connection.processor, event_id, kind, charge_id, warning)


class Erased:
    """``Erasures`` as the store counted them."""

    def __init__(self, store: MemoryRefundStore) -> None:
        self._store = store

    def of(self, tenant: Tenant, customer: str) -> Erasure | None:
        counted = [refunds for name, refunds in self._store.erased if name == customer]
        return Erasure(customer, len(counted), sum(counted), START) if counted else None
