"""What knowing people on the pages needs of the outside world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from refundkit_core.domain.members import Member
    from refundkit_core.domain.sessions import Session


class Sessions(Protocol):
    """Sessions, by the hash of what a browser keeps. All reads are consistent."""

    def put(self, session: Session) -> None:
        """Keep a new session. Raises StoreConflict."""

    def find(self, session_hash: str) -> Session | None: ...

    def end(self, session_hash: str, at: datetime) -> None:
        """It counts no more; one that has ended, or never was, stays as it is."""


class Mailboxes(Protocol):
    """Members by a hash of their address."""

    def of_person(self, person: str) -> Sequence[Member]:
        """The active members with the address of this hash, in every organization that stands."""
