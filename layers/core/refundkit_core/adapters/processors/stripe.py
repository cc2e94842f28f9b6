"""Stripe behind the processor port, through its official library. Only functions that call Stripe load this module."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import stripe

from refundkit_core.adapters.processors.stripe_codes import DEFINITE, DISPUTE, REASON, REFUND_STATUS, SEVERITY
from refundkit_core.adapters.processors.stripe_http import Urllib3Client
from refundkit_core.application.records import Connection, ProcessorAccount, WebhookEndpoint
from refundkit_core.domain.errors import (
    Detail,
    Invalid,
    NotFound,
    ProcessorDeclined,
    ProcessorDenied,
    ProcessorUnknown,
)
from refundkit_core.domain.processor import ChargeSnapshot, DisputeState, ProcessorRefund, RefundOrder
from refundkit_core.domain.times import from_unix

CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = 20
WEBHOOK_EVENTS: Final = (
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "radar.early_fraud_warning.created",
)
REFUND_ID: Final = "refundkit_refund_id"
ORG_ID: Final = "refundkit_organization_id"

_CHARGES: Final = ("ch_", "py_")
_PAYMENT_INTENT: Final = "pi_"
_REFUSED_KEY: Final = Detail("secretKey", "Use a secret or restricted key of the account, of this mode")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_Answer = TypeVar("_Answer")


def _client(secret_key: str, api_base: str, connected_account: str | None) -> stripe.StripeClient:
    """A client that retries nothing by itself: whoever calls knows what a retry may do."""
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        secret_key,
        stripe_account=connected_account,
        base_addresses={"api": api_base} if api_base else None,
        max_network_retries=0,
        http_client=Urllib3Client(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
    )


class StripeProcessor:
    """``PaymentProcessor`` for one Stripe account; ``api_base`` is empty for Stripe itself."""

    name = "stripe"

    def __init__(self, connection: Connection, api_base: str) -> None:
        self._api = _client(connection.secret_key, api_base, connection.connected_account).v1
        self._takes_back = {
            name: True for name in ("reverse_transfer", "refund_application_fee") if getattr(connection, name)
        }

    def owns(self, transaction_id: str) -> bool:
        return transaction_id.startswith((*_CHARGES, _PAYMENT_INTENT))

    def is_charge(self, transaction_id: str) -> bool:
        return transaction_id.startswith(_CHARGES)

    def look_up(self, transaction_id: str) -> ChargeSnapshot:
        charge = self._charge(transaction_id)
        dispute, lost_minor = self._disputes(charge)
        return ChargeSnapshot(
            charge_id=charge.id,
            currency=charge.currency,
            captured_minor=charge.amount_captured if charge.status == "succeeded" else 0,
            refunded_minor=charge.amount_refunded,
            lost_minor=lost_minor,
            dispute=dispute,
            purchased_at=from_unix(charge.created),
            customer_id=_id_of(charge.customer),
            processor_risk=getattr(charge.outcome, "risk_score", None),
            countries=_countries(charge),
        )

    def customer_email(self, charge_id: str) -> str | None:
        charge = self._charge(charge_id)
        return charge.receipt_email or getattr(charge.billing_details, "email", None) or None

    def _charge(self, transaction_id: str) -> stripe.Charge:
        if self.is_charge(transaction_id):
            return _answered(lambda: self._api.charges.retrieve(transaction_id))
        intent = _answered(lambda: self._api.payment_intents.retrieve(transaction_id, {"expand": ["latest_charge"]}))
        if not isinstance(intent.latest_charge, stripe.Charge):
            raise NotFound("No such transaction")
        return intent.latest_charge

    def _disputes(self, charge: stripe.Charge) -> tuple[DisputeState, int]:
        if not charge.disputed:
            return "none", 0
        page = _answered(lambda: self._api.disputes.list({"charge": charge.id, "limit": 100}))
        disputes = [(DISPUTE.get(dispute.status, "open"), dispute.amount) for dispute in page.data]
        states = {state for state, _ in disputes} or {"open"}
        worst = next(state for state in SEVERITY if state in states)
        return worst, sum(amount for state, amount in disputes if state == "lost")

    def refund(self, order: RefundOrder) -> ProcessorRefund:
        params: dict[str, Any] = {
            "charge": order.charge_id,
            "amount": order.amount_minor,
            "metadata": {REFUND_ID: order.refund_id, ORG_ID: order.org_id},
            **self._takes_back,
        }
        if order.reason in REASON:
            params["reason"] = REASON[order.reason]
        options: Any = {"idempotency_key": order.processor_key}
        try:
            return _refund_of(_answered(lambda: self._api.refunds.create(params, options)))  # type: ignore[arg-type]
        except NotFound as exc:
            raise ProcessorDeclined("transaction_not_found", exc.message) from exc

    def find_refund(self, external_id: str) -> ProcessorRefund:
        return _refund_of(_answered(lambda: self._api.refunds.retrieve(external_id)))

    def cancel_refund(self, external_id: str) -> ProcessorRefund:
        try:
            return _refund_of(_answered(lambda: self._api.refunds.cancel(external_id)))
        except ProcessorUnknown as exc:
            if isinstance(exc.__cause__, stripe.InvalidRequestError):
                raise ProcessorDeclined("not_cancellable", "Stripe does not take this refund back") from exc
            raise

    def list_refunds(self, charge_id: str) -> Sequence[ProcessorRefund]:
        return [_refund_of(refund) for refund in self._refunds_of(charge_id)]

    def _refunds_of(self, charge_id: str) -> Iterable[stripe.Refund]:
        pages = _answered(lambda: self._api.refunds.list({"charge": charge_id, "limit": 100}))
        return _answered(lambda: list(pages.auto_paging_iter()))


class StripeSetup:
    """``ProcessorSetup`` for Stripe."""

    def __init__(self, api_base: str) -> None:
        self._api_base = api_base

    def account(self, secret_key: str, connected_account: str | None) -> ProcessorAccount:
        api = _client(secret_key, self._api_base, connected_account).v1
        try:
            account = _answered(lambda: api.accounts.retrieve_current())
        except (ProcessorDenied, NotFound) as exc:
            raise Invalid("Stripe refuses this key or this connected account", (_REFUSED_KEY,)) from exc
        return ProcessorAccount(account.id, livemode="_live_" in secret_key[:8])

    def create_webhook_endpoint(self, connection: Connection, url: str) -> WebhookEndpoint:
        api = _client(connection.secret_key, self._api_base, connection.connected_account).v1
        params: Any = {"url": url, "enabled_events": list(WEBHOOK_EVENTS)}
        endpoint = _answered(lambda: api.webhook_endpoints.create(params))
        if endpoint.secret is None:
            raise ProcessorUnknown("Stripe made a webhook endpoint without a secret")
        return WebhookEndpoint(endpoint.id, endpoint.secret)

    def remove_webhook_endpoint(self, connection: Connection, endpoint_id: str) -> None:
        api = _client(connection.secret_key, self._api_base, connection.connected_account).v1
        _answered(lambda: api.webhook_endpoints.delete(endpoint_id))


def _answered(call: Callable[[], _Answer]) -> _Answer:
    """The answer of ``call``, Stripe's errors in our words.

    Raises:
        NotFound: there is no such object in the account.
        ProcessorDenied: 401 or 403.
        ProcessorDeclined: a code of the committed table.
        ProcessorUnknown: everything else, the unexpected included.
    """
    try:
        return call()
    except (stripe.AuthenticationError, stripe.PermissionError) as exc:
        raise ProcessorDenied("Stripe refuses the connection's credentials") from exc
    except stripe.InvalidRequestError as exc:
        raise _refused(exc) from exc
    except stripe.CardError as exc:
        raise _refused(exc) from exc
    except stripe.StripeError as exc:
        raise ProcessorUnknown("Stripe did not say what happened") from exc


def _refused(exc: stripe.StripeError) -> NotFound | ProcessorDeclined | ProcessorUnknown:
    if exc.http_status == 404:
        return NotFound("No such transaction")
    code, param = exc.code, getattr(exc, "param", None)
    if exc.http_status in (400, 402) and code is not None and code in DEFINITE:
        return ProcessorDeclined(DEFINITE[code], f"Stripe refused: {code}")
    if exc.http_status == 400 and code is None and param == "amount":
        return ProcessorDeclined("amount_exceeds_refundable", "Stripe refused the amount")
    return ProcessorUnknown("Stripe refused in a way that does not say what happened")


def _refund_of(refund: stripe.Refund) -> ProcessorRefund:
    return ProcessorRefund(
        external_id=refund.id,
        charge_id=_id_of(refund.charge) or "",
        amount_minor=refund.amount,
        currency=refund.currency,
        status=REFUND_STATUS.get(refund.status or "", "unknown"),
        failure_reason=getattr(refund, "failure_reason", None),
        refund_id=_metadata(refund).get(REFUND_ID),
    )


def _metadata(refund: stripe.Refund) -> dict[str, str]:
    """The metadata as a plain dict: Stripe's own object answers ``.get`` with what is stored under that name."""
    metadata: Any = refund.metadata
    return {} if metadata is None else dict(metadata.to_dict() if hasattr(metadata, "to_dict") else metadata)


def _countries(charge: stripe.Charge) -> tuple[str, ...]:
    """The countries of card and billing address, each once, in capital letters; Stripe may leave either out."""
    card = getattr(charge.payment_method_details, "card", None)
    address = getattr(charge.billing_details, "address", None)
    stated = [str(getattr(each, "country", None) or "").upper() for each in (card, address)]
    return tuple(dict.fromkeys(country for country in stated if _COUNTRY.fullmatch(country)))


def _id_of(reference: Any) -> str | None:
    """The id of an expandable reference: the id itself, or the object's."""
    return reference if reference is None or isinstance(reference, str) else str(reference.id)
