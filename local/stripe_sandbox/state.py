"""Everything the sandbox remembers, behind one lock, and the scope in which an operation works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.stripe_sandbox import errors
from local.stripe_sandbox.accounts import Account, Accounts
from local.stripe_sandbox.agenda import Agenda
from local.stripe_sandbox.books import Book, Json, Table
from local.stripe_sandbox.clock import SandboxClock
from local.stripe_sandbox.deliveries import Courier
from local.stripe_sandbox.events import Origin, record_event
from local.stripe_sandbox.faults import Fault, Faults
from local.stripe_sandbox.idempotency import IdempotencyStore
from local.stripe_sandbox.request_log import RequestLog

API_VERSION = "2026-10-28.endive"


class State:
    """The sandbox's memory. Hold `lock` for every read and write of it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = SandboxClock()
        self.accounts = Accounts()
        self.faults = Faults()
        self.idempotency = IdempotencyStore()
        self.requests = RequestLog()
        self.agenda = Agenda(self.lock, self.clock)
        self.courier = Courier(self.lock, self.clock)
        self._books: dict[tuple[str, bool], Book] = {}

    def book(self, account: Account, livemode: bool) -> Book:
        """The objects of an account and mode."""
        slot = (account.id, livemode)
        if slot not in self._books:
            self._books[slot] = Book(account, livemode)
        return self._books[slot]

    def books(self) -> list[Book]:
        """Every book that was ever opened."""
        return list(self._books.values())

    def reset(self, account: Account | None = None) -> None:
        """Forget objects, faults, keys and logs of one account, or of all."""
        account_id = account.id if account else None
        self._books = {slot: book for slot, book in self._books.items() if account_id and slot[0] != account_id}
        self.faults.clear(account_id)
        self.idempotency.forget(account_id)
        self.agenda.forget(account_id)
        self.requests.forget(account_id)
        self.courier.forget(account_id)


@dataclass
class Scope:
    """Where an operation works: one book, and the request that events name as their origin."""

    state: State
    book: Book
    origin: Origin = field(default_factory=Origin)

    def unix(self) -> int:
        """The sandbox's present in whole seconds."""
        return self.state.clock.unix()

    def emit(self, kind: str, subject: Json, previous: Json | None = None) -> Json:
        """Record an event about an object as it stands now, and send it to the endpoints that want it."""
        return record_event(self, API_VERSION, kind, subject, previous)

    def later(self, after_s: float, action: Callable[[Scope], None]) -> None:
        """Do something when the sandbox's clock has moved by `after_s`; its events name no request."""
        scope = Scope(self.state, self.book)
        self.state.agenda.add(after_s, self.book.account.id, lambda: action(scope))

    def require(self, table: Table, object_id: str, param: str | None = None) -> Json:
        """The object of an id.

        Raises: StripeError (404): not in this account and mode.
        """
        row = table.get(object_id)
        if row is not None:
            return row
        other = self.state.book(self.book.account, not self.book.livemode)
        elsewhere = any(
            twin.noun == table.noun and twin.get(object_id) is not None
            for twin in vars(other).values()
            if isinstance(twin, Table)
        )
        other_mode = ("test" if self.book.livemode else "live") if elsewhere else None
        raise errors.missing_resource(table.noun, object_id, param or table.param, other_mode)


@dataclass
class Call(Scope):
    """One API request while it executes: typed parameters, ids from its path, an armed refund outcome."""

    params: Json = field(default_factory=dict)
    path_ids: dict[str, str] = field(default_factory=dict)
    outcome: Fault | None = None

    def given(self, name: str, default: Any = None) -> Any:
        """A parameter, or its default when it was left out."""
        return self.params.get(name, default)
