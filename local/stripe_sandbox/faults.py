"""Faults on demand: which requests go wrong, how, and how often.

Three places where a request can go wrong, and a fourth that is not an error:
  ARRIVAL    before Stripe looks at it: nothing happens, nothing is kept for the idempotency key
  EXECUTION  while it executes: only requests that are not replays
  ANSWER     after the effect: the answer is lost
  OUTCOME    a refund that is created, but does not simply succeed
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from local.stripe_sandbox import ids

ARRIVAL = (
    "timeout_before", "drop_before", "status_429", "status_401", "status_403", "status_409_in_use",
    "status_503",
)  # fmt: skip
EXECUTION = ("slow", "status_500", "status_500_after")
ANSWER = ("timeout_after", "drop_after")
OUTCOME = (
    "refund_pending", "refund_pending_then_succeeded", "refund_pending_then_failed", "refund_fail_later",
    "refund_requires_action", "refund_failed_now",
)  # fmt: skip
KINDS = ARRIVAL + EXECUTION + ANSWER + OUTCOME
DEFAULT_HOLD_S = 30.0
DEFAULT_AFTER_S = 5.0


@dataclass
class Fault:
    """One armed fault. `match` holds parameters (flat names such as `metadata[order]`) that must be equal."""

    kind: str
    operation: str
    remaining: int
    account: str | None = None
    match: dict[str, str] = field(default_factory=dict)
    hold_s: float = DEFAULT_HOLD_S
    after_s: float = DEFAULT_AFTER_S
    failure_reason: str = "unknown"
    instructions_email: str | None = None
    id: str = field(default_factory=lambda: ids.new_id("fault"))
    released: threading.Event = field(default_factory=threading.Event)

    def view(self) -> dict[str, Any]:
        """As `GET /_sandbox/faults` shows it."""
        return {name: value for name, value in vars(self).items() if name != "released"}

    def applies(self, operation: str, account_id: str, flat: dict[str, str]) -> bool:
        """Whether this request is one of those meant."""
        resource = operation.partition(".")[0]
        return (
            self.operation in ("*", operation, f"{resource}.*")
            and self.account in (None, account_id)
            and all(flat.get(name) == wanted for name, wanted in self.match.items())
        )


class Faults:
    """The armed faults, in the order in which they were armed. Guarded by the sandbox's lock."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self._used: deque[Fault] = deque(maxlen=1000)

    def arm(self, fault: Fault) -> None:
        """Add a fault behind those that are armed already."""
        self._armed.append(fault)

    def armed(self) -> list[Fault]:
        """What is still to come."""
        return list(self._armed)

    def clear(self, account_id: str | None = None) -> None:
        """Disarm all, or those for one account only."""
        self._armed = [fault for fault in self._armed if account_id and fault.account != account_id]
        self.release(account_id)

    def release(self, account_id: str | None = None) -> None:
        """Let go of every request that a fault holds right now."""
        for fault in (*self._used, *self._armed):
            if account_id is None or fault.account == account_id:
                fault.released.set()
                # Whoever waits holds the old event; requests to come are held again.
                fault.released = threading.Event()

    def take(self, kinds: Iterable[str], operation: str, account_id: str, flat: dict[str, str]) -> Fault | None:
        """A copy of the first armed fault of these kinds that applies, which counts as used once.

        A copy, because `release` gives the original a new event: who is held waits for the one of now.
        """
        for fault in self._armed:
            if fault.kind in kinds and fault.applies(operation, account_id, flat):
                struck = replace(fault)
                fault.remaining -= 1
                if fault.remaining <= 0:
                    self._armed.remove(fault)
                # Held requests keep the fault that holds them, so that they can be let go.
                self._used.append(fault)
                return struck
        return None


def flat_params(form: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters under the names that they have on the wire."""
    flat: dict[str, str] = {}
    for name, value in form.items():
        full = f"{prefix}[{name}]" if prefix else name
        if isinstance(value, dict):
            flat |= flat_params(value, full)
        else:
            flat[full] = value
    return flat
