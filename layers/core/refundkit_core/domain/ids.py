"""Ids: a prefix and 26 Crockford base32 characters, random (ULID) or derived from what must have one id only."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final

ID_BODY_LENGTH: Final = 26
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_BITS: Final = 130
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(prefix: str, text: str) -> bool:
    """Whether ``text`` has the shape of one of our ids with ``prefix`` (such as ``ref``)."""
    body = text.removeprefix(f"{prefix}_")
    return len(body) == ID_BODY_LENGTH and body != text and all(letter in _CROCKFORD for letter in body)


def ulid(prefix: str, at: datetime, randomness: bytes) -> str:
    """A new id: 48 bits of ``at`` in milliseconds, then 80 bits of ``randomness`` (10 bytes)."""
    if len(randomness) != 10:
        raise ValueError("a ULID takes 10 random bytes")
    value = ((at - _EPOCH) // timedelta(milliseconds=1) << 80) | int.from_bytes(randomness)
    return f"{prefix}_{_encode(value)}"


def derived(prefix: str, secret: bytes, *parts: str) -> str:
    """The one id that ``parts`` can have under ``secret``: HMAC-SHA256 over their unambiguous join, cut to 130 bits."""
    framed = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
    digest = hmac.new(secret, framed, hashlib.sha256).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest) >> (256 - _BITS))}"


def event_id(subject: str, version: int, at: datetime) -> str:
    """The id of the event of one change of one thing: the same however often it is made, so duplicates are seen.

    It begins with the change's time, as a ULID does, so that an event is found by its id alone.
    """
    return hashed("evt", at, subject, str(version))


def hashed(prefix: str, at: datetime, *parts: str) -> str:
    """The one id that ``parts`` can have at a time: 48 bits of ``at`` in milliseconds, then 80 of their SHA-256."""
    return ulid(prefix, at, hashlib.sha256("#".join(parts).encode()).digest()[:10])


def hashed_id(prefix: str, *parts: str) -> str:
    """The one id that ``parts`` can have: 130 bits of their SHA-256."""
    digest = hashlib.sha256("#".join(parts).encode()).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest) >> (256 - _BITS))}"


def time_of(an_id: str) -> datetime:
    """The time that an id of :func:`ulid` begins with. Any other id names a time that means nothing."""
    value = 0
    for letter in an_id.partition("_")[2]:
        value = value << 5 | _CROCKFORD.index(letter)
    return _EPOCH + timedelta(milliseconds=value >> 80 & (1 << 48) - 1)


def _encode(value: int) -> str:
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(_BITS - 5, -1, -5))
