"""Stripe's webhooks: the signature, and which charge the event speaks of. Loads no Stripe library.

Source: Stripe's documentation of webhook signatures: ``Stripe-Signature: t=<unix>,v1=<hex>[,v1=…]``, HMAC-SHA256
over ``<t>.<body>`` with the endpoint's secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final

from refundkit_core.application.records import Connection, ProcessorNews
from refundkit_core.domain.errors import BadSignature

TOLERANCE_S: Final = 300
_MAX_SIGNATURES: Final = 20
_REFUND_EVENTS: Final = frozenset(
    {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated", "charge.refunded"}
)
_DISPUTE: Final = "charge.dispute."
_WARNING: Final = "radar.early_fraud_warning."


def read_stripe_webhook(
    connection: Connection, body: bytes, header: Callable[[str], str | None], now_unix: float
) -> ProcessorNews | None:
    """The charge that a signed event speaks of; None where it concerns no refund or charge, or the other mode.

    Raises:
        BadSignature: no secret of the connection signed this body within 300 s before or after ``now_unix``.
    """
    verify_signature(body, header("stripe-signature"), connection.webhook_secrets, now_unix)
    try:
        event = json.loads(body)
        kind, livemode, shown = event["type"], event["livemode"], event["data"]["object"]
        if not _concerns_us(kind) or livemode is not (connection.tenant.environment == "live"):
            return None
        charge_id = shown["id"] if kind == "charge.refunded" else shown["charge"]
        warning = shown["fraud_type"] if kind.startswith(_WARNING) else None
        return _news(connection, event["id"], kind, charge_id, warning)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise BadSignature("The body is not an event of Stripe's") from exc


def _concerns_us(kind: str) -> bool:
    return kind in _REFUND_EVENTS or kind.startswith((_DISPUTE, _WARNING))


def verify_signature(body: bytes, signature: str | None, secrets: tuple[str, ...], now_unix: float) -> None:
    """Raises BadSignature unless one of ``secrets`` signed ``body`` within the tolerance. Compares in constant time."""
    timestamp, signatures = _parsed(signature or "")
    if abs(now_unix - timestamp) > TOLERANCE_S:
        raise BadSignature("The signature is too old or from the future")
    signed = b"%d." % timestamp + body
    for secret in secrets:
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
        if any(hmac.compare_digest(expected, candidate) for candidate in signatures):
            return
    raise BadSignature("The signature is not that of this endpoint")


def _parsed(header: str) -> tuple[int, list[bytes]]:
    pairs = [part.partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in pairs if name.strip() == "t"]
    signatures = [value.encode("utf-8", "replace") for name, value in pairs if name.strip() == "v1"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12) or not signatures:
        raise BadSignature("The signature header is missing or malformed")
    return int(times[0]), signatures[:_MAX_SIGNATURES]


def _news(connection: Connection, event_id: Any, kind: str, charge_id: Any, warning: Any) -> ProcessorNews | None:
    if charge_id is None:
        return None  # a payment without a charge: nothing of it is in any ledger
    if not (isinstance(event_id, str) and isinstance(charge_id, str) and isinstance(warning, str | None)):
        raise BadSignature("The event has no ids")
    return ProcessorNews(connection.id, connection.tenant, connection.processor, event_id, kind, charge_id, warning)
