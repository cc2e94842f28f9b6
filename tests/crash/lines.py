"""What waits durably between processes: delivered at least once, back again after a failure, at last set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

Body = TypeVar("Body")

_MOST_DOUBLINGS: Final = 10


@dataclass(eq=False)
class Message(Generic[Body]):
    """Something to be handled; hidden until ``visible_at`` and while a worker has it."""

    body: Body
    visible_at: datetime
    receives: int = 0
    taken: bool = False


class Line(Generic[Body]):
    """A queue, a stream, a caller's retries: ``handle`` either returns, or the message comes back ``retry_s`` later.

    After ``max_receives`` failures a message is in ``dead`` until it is driven again; None: it is never given up, and
    comes back at longer and longer intervals.
    """

    def __init__(
        self, name: str, handle: Callable[[Body], None], *, retry_s: int, max_receives: int | None = None
    ) -> None:
        self.name = name
        self.handle = handle
        self._retry = timedelta(seconds=retry_s)
        self._max_receives = max_receives
        self.waiting: list[Message[Body]] = []
        self.dead: list[Message[Body]] = []

    def put(self, body: Body, at: datetime) -> None:
        """Durable from here on; visible at ``at``."""
        self.waiting.append(Message(body, at))

    def ready(self, now: datetime) -> list[Message[Body]]:
        """What a worker may take now."""
        return [message for message in self.waiting if not message.taken and message.visible_at <= now]

    def next_at(self) -> datetime | None:
        """When the next hidden message shows; None where nothing waits."""
        return min((message.visible_at for message in self.waiting if not message.taken), default=None)

    def done(self, message: Message[Body]) -> None:
        """It was handled, and its deletion arrived."""
        self.waiting.remove(message)

    def failed(self, message: Message[Body], now: datetime) -> None:
        """It comes back later, or was tried too often."""
        backs_off = 1 if self._max_receives is not None else 2 ** min(message.receives - 1, _MOST_DOUBLINGS)
        message.visible_at = now + self._retry * backs_off
        if self._max_receives is not None and message.receives >= self._max_receives:
            self.waiting.remove(message)
            self.dead.append(message)

    def copy_of(self, message: Message[Body], now: datetime) -> Message[Body]:
        """The same message, delivered a second time."""
        again = Message(message.body, now)
        self.waiting.append(again)
        return again

    def redrive(self, at: datetime) -> None:
        """A person has the dead ones tried again."""
        for message in self.dead:
            self.waiting.append(Message(message.body, at))
        self.dead.clear()
