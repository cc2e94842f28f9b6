"""Tell people what happened: every listener hears of it, and each of its recipients is told once, as far as can be.

Before somebody is told, a marker takes the delivery for a minute; afterwards the marker says that it is done. What dies
in between is told again later: twice at the worst, and never not at all. One recipient or listener that fails does not
hold back the others, and comes alone the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from refundkit_core.application.notify_ports import Heard, Listener, News, Subject
from refundkit_core.domain.errors import NotDelivered, NotFound, RefundKitError

if TYPE_CHECKING:
    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.notify_ports import Markers
    from refundkit_core.application.ports import Clock

Outcome = Literal["told", "unknown", "failed"]


class Told(NamedTuple):
    """What came of some news: ``unknown`` is of a refund that is not there; ``failures`` are why it must come again."""

    outcome: Outcome
    failures: Sequence[Exception] = ()


class Notify:
    """The use case behind the notifications' queue."""

    def __init__(self, desk: Desk, listeners: Sequence[Listener]) -> None:
        self._desk = desk
        self._listeners = listeners

    def __call__(self, heard: Heard) -> Told:
        """Have every listener hear of it, as everything stands now."""
        news = self._news(heard)
        if news is None:
            return Told("unknown")
        failures: list[Exception] = []
        for listener in self._listeners:
            try:
                listener.hear(news)
            except Exception as exc:  # whatever one of them stumbles over: the others shall hear of it all the same
                failures.append(exc)
        return Told("failed" if failures else "told", failures)

    def _news(self, heard: Heard) -> News | None:
        try:
            if heard.approval_id is not None:
                case = self._desk.case(heard.tenant, heard.approval_id)
                return News(heard, case.refund, case.request, case.settings, case.approval)
        except NotFound:
            return None
        found = self._desk.refunds.find(heard.tenant, heard.refund_id)
        return None if found is None else News(heard, *found, self._desk.settings(heard.tenant))


class Deliveries:
    """How listeners tell each of their recipients once."""

    def __init__(self, markers: Markers, clock: Clock) -> None:
        self._markers = markers
        self._clock = clock

    def each(self, news: News, listener: str, recipients: Mapping[str, Callable[[], None]]) -> None:
        """Tell every one of ``recipients`` (by id) who was not told before.

        Raises:
            NotDelivered: somebody could not be told.
        """
        subject = Subject(news.tenant, news.heard.approval_id or news.refund.id)
        self.each_of(subject, news.heard.event_id, listener, recipients)

    def each_of(
        self, subject: Subject, event_id: str, listener: str, recipients: Mapping[str, Callable[[], None]]
    ) -> None:
        """The same of an event that is about ``subject``."""
        failure: RefundKitError | None = None
        for recipient, tell in recipients.items():
            try:
                self._once(subject, f"{event_id}#{listener}#{recipient}", tell)
            except RefundKitError as exc:
                failure = exc
        if failure is not None:
            raise NotDelivered("Somebody could not be told") from failure

    def _once(self, subject: Subject, name: str, tell: Callable[[], None]) -> None:
        if self._markers.begin(subject, name, self._clock.now()):
            tell()
            self._markers.done(subject, name, self._clock.now())
