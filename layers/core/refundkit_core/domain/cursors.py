"""Cursors: where a list goes on, sealed for one list of one tenant with one set of filters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from refundkit_core.domain.errors import Detail, Invalid

_SEAL_BYTES: Final = 16


def sealed(secret: bytes, position: str, scope: Sequence[str | None]) -> str:
    """A cursor that says ``position`` and holds for exactly this ``scope``: the list's name, tenant and filters."""
    text = position.encode()
    return base64.urlsafe_b64encode(_seal(secret, text, scope) + text).decode().rstrip("=")


def opened(secret: bytes, cursor: str, scope: Sequence[str | None]) -> str:
    """The position that :func:`sealed` put into ``cursor``. Raises Invalid for any other cursor or scope."""
    try:
        content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _foreign() from exc
    seal, text = content[:_SEAL_BYTES], content[_SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(secret, text, scope)):
        raise _foreign()
    return text.decode()


def _seal(secret: bytes, text: bytes, scope: Sequence[str | None]) -> bytes:
    parts = [b"\0" if part is None else b"\1" + part.encode() for part in scope]
    framed = b"".join(len(part).to_bytes(4) + part for part in (b"cursor", *parts, text))
    return hmac.new(secret, framed, hashlib.sha256).digest()[:_SEAL_BYTES]


def _foreign() -> Invalid:
    message = "The cursor is not one that this list answered with, for these filters"
    return Invalid(message, (Detail("cursor", "Send nextCursor as it was, with the same filters"),))
