"""Six-digit codes: they stand in a person's own mailbox, never in a link, and five wrong tries void one (decision 21).

A code is made of a random nonce and the organization's secret. Only the nonce is stored, so that a reminder can repeat
the code of the first message, and who reads the table still knows no code.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from refundkit_core.domain.approval_links import key_for

TRIES: Final = 5
RENEWALS: Final = 3
RENEWAL_TIME: Final = timedelta(hours=1)
DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Code:
    """The code of one person for one thing. ``about`` says which: an approval's revision, or signing in.

    ``tries_left`` counts down before a try is looked at. ``renewals`` are when new ones were sent for void ones.
    """

    about: str
    nonce: str
    expires_at: datetime
    tries_left: int = TRIES
    renewals: tuple[datetime, ...] = ()
    version: int = 1

    def holds_for(self, about: str, now: datetime) -> bool:
        """Whether a try at ``about`` can succeed now."""
        return self.about == about and self.tries_left > 0 and now < self.expires_at

    def may_be_renewed(self, now: datetime) -> bool:
        """Whether another one may be sent in its place: three an hour."""
        return len(_recent(self.renewals, now)) < RENEWALS


def digits_of(code: Code, whose: tuple[str, ...], secret: bytes) -> str:
    """The six digits. ``whose`` names the tenant, the subject and the person, in full."""
    framed = "\n".join((*whose, code.about, code.nonce)).encode()
    digest = hmac.new(key_for("codes", secret), framed, hashlib.sha256).digest()
    return f"{int.from_bytes(digest) % 10**DIGITS:0{DIGITS}d}"


def matches(code: Code, whose: tuple[str, ...], secret: bytes, given: str) -> bool:
    """Whether ``given`` are the digits; takes the same time whatever is wrong with them."""
    return hmac.compare_digest(digits_of(code, whose, secret).encode(), given.encode())


def asked(before: Code | None, about: str, nonce: str, expires_at: datetime, now: datetime) -> Code:
    """The code that a message shows: the one before, while it holds, for as long as the new message says; else a new
    one made of ``nonce``. What was sent in place of void ones still counts."""
    if before is None:
        return Code(about, nonce, expires_at)
    if before.holds_for(about, now):
        return replace(before, expires_at=max(before.expires_at, expires_at), version=before.version + 1)
    renewals = _recent(before.renewals, now)
    return Code(about, nonce, expires_at, renewals=renewals, version=before.version + 1)


def renewed(before: Code, nonce: str, expires_at: datetime, now: datetime) -> Code:
    """A new code in place of a void one."""
    renewals = (*_recent(before.renewals, now), now)
    return Code(before.about, nonce, expires_at, renewals=renewals, version=before.version + 1)


def tried(before: Code) -> Code:
    """With one try less."""
    return replace(before, tries_left=before.tries_left - 1, version=before.version + 1)


def passed(before: Code) -> Code:
    """After the right digits: wrong ones before are forgiven."""
    return replace(before, tries_left=TRIES, version=before.version + 1)


def used(before: Code) -> Code:
    """After it has let somebody in who may come in once."""
    return replace(before, tries_left=0, version=before.version + 1)


def _recent(renewals: tuple[datetime, ...], now: datetime) -> tuple[datetime, ...]:
    return tuple(at for at in renewals if now - at < RENEWAL_TIME)
