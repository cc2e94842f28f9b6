"""Who a browser belongs to: a person who signed in, or the holder of one approval's link and code.

The browser keeps 256 random bits, and we a hash of them. A session ends after eight hours, when its owner signs out,
and for everybody whose membership has ended: that is looked at each time.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from refundkit_core.domain.tenancy import Tenant

LASTS: Final = timedelta(hours=8)


class Person(NamedTuple):
    """A member of one organization, by ids."""

    org_id: str
    member_id: str


class Pass(NamedTuple):
    """What the holder of a link and its code may decide: this question, and no other."""

    tenant: Tenant
    approval_id: str
    revision: int


@dataclass(frozen=True, slots=True)
class Session:
    """Who is known by it: one person, in each of their organizations. ``only`` limits it to one question."""

    hash: str
    people: tuple[Person, ...]
    started_at: datetime
    expires_at: datetime
    only: Pass | None = None
    ended_at: datetime | None = None

    @property
    def via(self) -> Literal["email", "session"]:
        """By which channel its owner decides."""
        return "session" if self.only is None else "email"

    def lasts(self, now: datetime) -> bool:
        """Whether it counts."""
        return self.ended_at is None and self.started_at <= now < self.expires_at


def hash_of(session_id: str) -> str:
    """What is kept of a browser's session."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def started(session_id: str, people: tuple[Person, ...], now: datetime) -> Session:
    """A session of who signed in."""
    return Session(hash_of(session_id), people, now, now + LASTS)


def passed(session_id: str, person: Person, only: Pass, until: datetime, now: datetime) -> Session:
    """A session of who has a link and its code: never longer than the link."""
    return Session(hash_of(session_id), (person,), now, min(now + LASTS, until), only)


def form_token(browser_key: str) -> str:
    """What a form of ours carries to show that it is ours: made of what the browser keeps in a cookie."""
    return hmac.new(browser_key.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(browser_key: str, given: str) -> bool:
    """Whether a form was made for this browser; takes the same time whatever is wrong."""
    return hmac.compare_digest(form_token(browser_key).encode(), given.encode())
