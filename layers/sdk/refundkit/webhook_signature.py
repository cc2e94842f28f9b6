"""Signatures of webhooks: made by whoever sends, checked by whoever receives. Standard library only.

A signed request carries four headers:

    x-refundkit-signature: t=<unix seconds>,id=<evt_…>,v1=<64 hex digits>
    webhook-id: <evt_…>
    webhook-timestamp: <unix seconds>
    webhook-signature: v1,<base64>

Both signatures are the HMAC-SHA256 of the bytes ``<id>.<t>.<body>`` under the bytes that the secret stands for, so
:func:`verify` and any library of Standard Webhooks accept the same request. While a secret is being replaced both
headers hold a signature for each valid secret, the current one's first: several ``v1=`` parts in ours, several
``v1,…`` with a blank between them in theirs. Parts of a version that is not known here are passed over.

A secret is ``whsec_`` and the base64 of 24 to 64 random bytes; the key is those bytes, not their text.

Source: product decision 25; Standard Webhooks, "Webhook scheme".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

SIGNATURE_HEADER: Final = "x-refundkit-signature"
ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
STANDARD_SIGNATURE_HEADER: Final = "webhook-signature"
SECRET_PREFIX: Final = "whsec_"  # noqa: S105  (what every secret begins with is none)
TOLERANCE_S: Final = 300
MAX_HEADER_LENGTH: Final = 4_096
MAX_ID_LENGTH: Final = 255
MAX_SECRETS: Final = 10

_SECRET_BYTES: Final = 32
_KEY_LENGTHS: Final = range(24, 65)
_LATEST: Final = 253_402_300_799  # the last second of the year 9999
_ID: Final = re.compile(rf"[!-+\-/-~]{{1,{MAX_ID_LENGTH}}}")  # printable ASCII without blank, comma and full stop
_TIME: Final = re.compile(r"[0-9]{1,12}")
_VERSION: Final = "v1"

Reason = Literal["missing", "malformed", "mismatch", "too_old", "from_the_future", "secret", "clock"]
"""Why a request is not accepted.

``missing``: it has no signature. ``malformed``: what it has, or its body, is not what this scheme sends.
``mismatch``: none of the secrets signed this. ``too_old``, ``from_the_future``: the signature is good, but of another
time: a request played again, or a clock that is wrong. Two say that the receiver is set up wrongly: ``secret`` (no
secret, or one that is none) and ``clock`` (``now`` or ``tolerance_s`` is no time, or ``now`` has no time zone).
"""

_SAYS: Final[dict[str, str]] = {
    "missing": "the request has no signature",
    "malformed": "the signature's headers or the body are malformed",
    "mismatch": "none of the secrets signed this request",
    "too_old": "the request was signed too long ago",
    "from_the_future": "the request was signed in the future",
    "secret": "a webhook secret is whsec_ and the base64 of 24 to 64 bytes",
    "clock": "now must be seconds or an aware datetime, and tolerance_s seconds from 0 on",
}


class InvalidSignature(ValueError):
    """A request that must not be trusted; ``reason`` says why. It repeats nothing of the request or a secret."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason

    def __str__(self) -> str:
        return _SAYS[self.reason]


class Verified(NamedTuple):
    """What a good signature vouches for besides the body: the event's id, and when the request was signed (UTC)."""

    event_id: str
    at: datetime


class Headers(Protocol):
    """Any mapping of headers, or what has ``items()`` like one (those of http.server, Flask, Django, Starlette)."""

    def items(self) -> Iterable[tuple[str, str]]: ...


class _Claim(NamedTuple):
    """What headers say: id and time as they stand there, the signatures of the known version, how these are spelled."""

    event_id: str
    timestamp: str
    signatures: list[bytes]
    spelled: Callable[[bytes], bytes]


def new_secret() -> str:
    """A new secret: 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()


def sign(body: bytes | str, *, event_id: str, at: int | datetime, secrets: Sequence[str]) -> dict[str, str]:
    """The four headers of a request with ``body``, signed ``at`` (Unix seconds or an aware datetime).

    ``secrets`` are the valid ones, at most ten, the current one first. A ``str`` body is signed as UTF-8.

    Raises:
        ValueError: a secret is malformed, or there is none or too many; ``event_id`` is empty, over 255 characters,
            or has a full stop, a comma, a blank or anything but printable ASCII; ``at`` is naive or before 1970.
    """
    if not isinstance(event_id, str) or _ID.fullmatch(event_id) is None:
        raise ValueError("an event's id is printable ASCII without blank, comma and full stop")
    if isinstance(secrets, str) or not 1 <= len(secrets) <= MAX_SECRETS:
        raise ValueError(f"secrets are a list of 1 to {MAX_SECRETS}")
    keys = [_key_of(secret) for secret in secrets]
    moment = str(_unix_seconds(at))
    digests = [_digest(key, event_id, moment, _as_bytes(body)) for key in keys]
    ours = [f"t={moment}", f"id={event_id}", *(f"{_VERSION}={digest.hex()}" for digest in digests)]
    theirs = [f"{_VERSION},{base64.b64encode(digest).decode()}" for digest in digests]
    return {
        SIGNATURE_HEADER: ",".join(ours),
        ID_HEADER: event_id,
        TIMESTAMP_HEADER: moment,
        STANDARD_SIGNATURE_HEADER: " ".join(theirs),
    }


def verify(
    body: bytes | str,
    headers: Headers,
    secrets: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now: datetime | float | None = None,
) -> Verified:
    """Accept a request that one of ``secrets`` signed within ``tolerance_s`` seconds before or after ``now``.

    ``body`` is the raw one, as it came. Names of headers count in any case; one that comes twice is malformed. Where
    ``x-refundkit-signature`` is there it alone decides, and the three standard headers are not looked at; where it is
    not, those three do. ``now`` (Unix seconds, or an aware datetime) is the machine's clock where omitted. Signatures
    are compared in constant time, each with each, so the time taken does not tell which one was how near.

    The signature does not stop a request from coming twice within the tolerance: keep the ids that you have handled.

    Raises:
        InvalidSignature: and nothing else, whatever the request holds; its ``reason`` is one of :data:`Reason`.
    """
    keys = _keys_of(secrets)
    moment, tolerance = _seconds_of(now), _tolerance_of(tolerance_s)
    claim = _claim_of(_known(headers))
    try:
        content = _as_bytes(body)
    except ValueError:
        raise InvalidSignature("malformed") from None
    if not _is_signed(claim, content, keys):
        raise InvalidSignature("mismatch")
    seconds = int(claim.timestamp)
    if moment - seconds > tolerance:
        raise InvalidSignature("too_old")
    if seconds - moment > tolerance:
        raise InvalidSignature("from_the_future")
    return Verified(claim.event_id, datetime.fromtimestamp(seconds, UTC))


def verify_webhook_signature(
    body: bytes | str,
    signature_header: str | None,
    secret: str | Sequence[str],
    tolerance_s: float = TOLERANCE_S,
    now: datetime | float | None = None,
) -> bool:
    """Whether the value of ``x-refundkit-signature`` is good for ``body`` (document 002). Never raises.

    False as well where ``secret`` is none; :func:`verify` tells why.
    """
    try:
        verify(body, {SIGNATURE_HEADER: signature_header or ""}, secret, tolerance_s=tolerance_s, now=now)
    except InvalidSignature:
        return False
    return True


def _digest(key: bytes, event_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()


def _is_signed(claim: _Claim, body: bytes, keys: list[bytes]) -> bool:
    """Whether any of ``keys`` made any of the signatures. Every pair is compared, also after one that matches."""
    found = False
    for key in keys:
        expected = claim.spelled(_digest(key, claim.event_id, claim.timestamp, body))
        for candidate in claim.signatures:
            found |= hmac.compare_digest(expected, candidate)
    return found


def _key_of(secret: Any) -> bytes:
    """The bytes that a secret stands for.

    Raises:
        ValueError: it is malformed. The message does not repeat it.
    """
    encoded = secret.removeprefix(SECRET_PREFIX) if isinstance(secret, str) else None
    if encoded is None or encoded == secret:
        raise ValueError(_SAYS["secret"])
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise ValueError(_SAYS["secret"]) from None
    if len(key) not in _KEY_LENGTHS or base64.b64encode(key).decode() != encoded:
        raise ValueError(_SAYS["secret"])
    return key


def _keys_of(secrets: Any) -> list[bytes]:
    try:
        keys = [_key_of(secret) for secret in ((secrets,) if isinstance(secrets, str) else tuple(secrets))]
    except (TypeError, ValueError):
        raise InvalidSignature("secret") from None
    if not keys:
        raise InvalidSignature("secret")
    return keys


def _as_bytes(body: Any) -> bytes:
    """Raises ValueError where there are no bytes, or the text cannot be UTF-8."""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    raise ValueError("a body is bytes or text")


def _unix_seconds(at: Any) -> int:
    if isinstance(at, datetime):
        if at.tzinfo is None:
            raise ValueError("a naive datetime says no instant")
        at = math.floor(at.timestamp())
    if not isinstance(at, int) or not 0 <= at <= _LATEST:
        raise ValueError("a time is whole Unix seconds or an aware datetime")
    return int(at)


def _seconds_of(now: Any) -> float:
    if now is None:
        return time.time()
    if isinstance(now, datetime):
        now = None if now.tzinfo is None else now.timestamp()
    return _number(now)


def _tolerance_of(tolerance_s: Any) -> float:
    tolerance = _number(tolerance_s)
    if tolerance < 0:
        raise InvalidSignature("clock")
    return tolerance


def _number(value: Any) -> float:
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            raise InvalidSignature("clock") from None
        if math.isfinite(number):
            return number
    raise InvalidSignature("clock")


def _known(headers: Any) -> dict[str, str]:
    """The headers that matter here, by their names in lower case; those whose value is None are not there.

    One that comes twice, is no ASCII text or is over 4,096 characters long counts as empty, which is malformed.
    """
    known: dict[str, str] = {}
    for name, value in _pairs(headers):
        lower = name.lower() if isinstance(name, str) else name
        if value is None or lower not in (SIGNATURE_HEADER, ID_HEADER, TIMESTAMP_HEADER, STANDARD_SIGNATURE_HEADER):
            continue
        if lower in known:
            known[lower] = ""  # which of the two holds is anybody's guess
        else:
            known[lower] = value if _is_plain(value) else ""
    return known


def _pairs(headers: Any) -> list[tuple[Any, Any]]:
    try:
        return [(name, value) for name, value in headers.items()]
    except (AttributeError, TypeError, ValueError):
        raise InvalidSignature("malformed") from None


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_HEADER_LENGTH and value.isascii()


def _claim_of(known: dict[str, str]) -> _Claim:
    """Raises InvalidSignature where headers are missing or malformed."""
    if SIGNATURE_HEADER in known:
        return _our_claim(known[SIGNATURE_HEADER])
    if not {ID_HEADER, TIMESTAMP_HEADER, STANDARD_SIGNATURE_HEADER} <= known.keys():
        raise InvalidSignature("missing")
    parts = [part.partition(",") for part in known[STANDARD_SIGNATURE_HEADER].split(" ")]
    return _checked(
        [known[ID_HEADER].strip(" \t")],
        [known[TIMESTAMP_HEADER].strip(" \t")],
        [(version, value) for version, comma, value in parts if comma],
        base64.b64encode,
    )


def _our_claim(header: str) -> _Claim:
    parts = [part.strip(" \t").partition("=") for part in header.split(",")]
    if not all(name and equals for name, equals, _ in parts):
        raise InvalidSignature("malformed")
    named = [(name, value) for name, _, value in parts]
    ids, times = ([value for name, value in named if name == wanted] for wanted in ("id", "t"))
    return _checked(ids, times, named, binascii.hexlify)


def _checked(
    ids: list[str], times: list[str], versions: list[tuple[str, str]], spelled: Callable[[bytes], bytes]
) -> _Claim:
    """The claim with what there is of the known version; malformed unless there is one good id and one good time."""
    if len(ids) != 1 or _ID.fullmatch(ids[0]) is None or not versions:
        raise InvalidSignature("malformed")
    if len(times) != 1 or _TIME.fullmatch(times[0]) is None or int(times[0]) > _LATEST:
        raise InvalidSignature("malformed")
    signatures = [value.encode() for version, value in versions if version == _VERSION]
    return _Claim(ids[0], times[0], signatures, spelled)
