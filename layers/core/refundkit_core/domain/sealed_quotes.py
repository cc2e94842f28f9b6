"""Quote ids: what was quoted, sealed with the organization's secret, so that a refund can be held to it later.

Nothing is stored. Who has an id can read what it says, but nobody can make one that we did not.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime
from typing import Final, NamedTuple

from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Environment
from refundkit_core.domain.times import iso, parse_iso

PREFIX: Final = "quo_"
MAX_LENGTH: Final = 1_024
_SEAL_BYTES: Final = 16


class QuotedFacts(NamedTuple):
    """What a quote binds. ``items_digest`` is :meth:`Purchase.digest`; ``order_version`` 0 is no registered order."""

    environment: Environment
    transaction: TransactionRef
    currency: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    items_digest: str
    remaining_minor: int
    policy_id: str | None
    policy_version: int
    order_version: int
    quoted_at: datetime


def seal(secret: bytes, quoted: QuotedFacts) -> str:
    """The id of a quote."""
    said = [*quoted[:-1], iso(quoted.quoted_at)]
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    return PREFIX + base64.urlsafe_b64encode(_sealed(secret, text) + text).decode().rstrip("=")


def opened(secret: bytes, quote_id: str) -> QuotedFacts:
    """What :func:`seal` put into ``quote_id``. Raises Invalid for any other."""
    encoded = quote_id.removeprefix(PREFIX)
    if encoded == quote_id or len(quote_id) > MAX_LENGTH:
        raise _foreign()
    try:
        content = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _foreign() from exc
    text = content[_SEAL_BYTES:]
    if not hmac.compare_digest(content[:_SEAL_BYTES], _sealed(secret, text)):
        raise _foreign()
    environment, transaction, *rest, quoted_at = json.loads(text)
    return QuotedFacts._make([environment, TransactionRef(*transaction), *rest, parse_iso(quoted_at)])


def _sealed(secret: bytes, text: bytes) -> bytes:
    framed = b"".join(len(part).to_bytes(4) + part for part in (b"quote", text))
    return hmac.new(secret, framed, hashlib.sha256).digest()[:_SEAL_BYTES]


def _foreign() -> Invalid:
    return Invalid("The quote is not one of ours", (Detail("quoteId", "Send the quoteId of a preview as it was"),))
