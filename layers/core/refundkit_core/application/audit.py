"""What people do from outside the API is written down: who, what, to what, why, when; no personal data, no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from refundkit_core.domain.errors import Invalid
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

MAX_REASON: Final = 500
_REVEALING: Final = re.compile(r"\b(sk|rk|whsec)_|[^\s@]+@[^\s@]+\.[^\s@]+")
_BY_KEY: Final = re.compile(r"\(key_[^)]+\)$")

Whose = Tenant | str | None
"""What an entry belongs to: one organization's environment, an organization as a whole, or the stack."""

Channel = Literal["rule", "api", "slack", "email", "link", "session", "operator", "system"]
"""By which way something was decided or done."""

Details = Mapping[str, str | int | None]
"""What an entry says besides: refundId, processor, factsHash, policyId, policyVersion, recommendation, humanOverride,
amount, currency, comment and the like. Ids, numbers and words of ours; a comment is checked as a reason is."""


class By(NamedTuple):
    """Who has something done (an AWS ARN, or the name that they gave), and why."""

    actor: str
    because: str | None = None


BY_PROGRAM: Final = By("program")
"""A program of ours: the local stack's set-up, tests."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done; never changed, never removed. ``target`` is an id or a queue's name."""

    id: str
    whose: Whose
    actor: str
    command: str
    target: str
    because: str | None
    at: datetime
    channel: Channel = "operator"
    details: Details = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """All that the entry says, as JSON knows it: what its hash is over."""
        whose = self.whose
        environment = whose.environment if isinstance(whose, Tenant) else None
        return {
            "id": self.id,
            "organizationId": whose.org_id if isinstance(whose, Tenant) else whose,
            "environment": environment,
            "actor": self.actor,
            "command": self.command,
            "target": self.target,
            "because": self.because,
            "at": iso(self.at),
            "channel": self.channel,
            "details": {name: value for name, value in self.details.items() if value is not None},
        }


class _Clock(Protocol):
    def now(self) -> datetime: ...


class _Ids(Protocol):
    def new(self, prefix: str) -> str: ...


class Auditor:
    """Makes the entries; whoever changes something stores one with the change, or before it."""

    def __init__(self, clock: _Clock, ids: _Ids) -> None:
        self._clock = clock
        self._ids = ids

    def entry(
        self,
        by: By,
        command: str,
        target: str,
        whose: Whose,
        *,
        channel: Channel | None = None,
        details: Details | None = None,
    ) -> AuditEntry:
        """An entry of now. ``channel`` follows from the actor where nothing else is known.

        Raises:
            Invalid: the reason or the comment holds what an audit entry must not (see the module).
        """
        said = {name: value for name, value in (details or {}).items() if value is not None}
        if "comment" in said:
            reason_of(str(said["comment"]))
        return AuditEntry(
            self._ids.new("aud"),
            whose,
            by.actor,
            command,
            target,
            reason_of(by.because),
            self._clock.now(),
            channel or channel_of(by.actor),
            said,
        )


def channel_of(actor: str) -> Channel:
    """Who names a key came over the API, a program of ours is the system, everybody else an operator."""
    if _BY_KEY.search(actor):
        return "api"
    return "system" if actor == BY_PROGRAM.actor else "operator"


def reason_of(because: str | None) -> str | None:
    """``because`` as it may be kept. Raises Invalid where it is too long or shows an address or a secret."""
    if because is None:
        return None
    if len(because) > MAX_REASON or not because.strip():
        raise Invalid(f"Say why in 1 to {MAX_REASON} characters")
    if _REVEALING.search(because):
        raise Invalid("The reason is kept for ever: leave out e-mail addresses and keys, name ids instead")
    return because.strip()
