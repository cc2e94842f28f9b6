"""Payment intents: create, confirm, capture, cancel; each successful confirmation makes one charge."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import cards, charges, ids
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.charges import SHIPPING, TRANSFER_DATA, NewCharge
from local.stripe_sandbox.errors import StripeError, invalid
from local.stripe_sandbox.params import (
    Spec,
    amount,
    anything,
    boolean,
    currency,
    integer,
    listing,
    merged_metadata,
    metadata,
    one_of,
    optional_text,
    text,
    words,
)  # fmt: skip
from local.stripe_sandbox.state import Call, Scope

_SHARED: dict[str, Any] = {
    "automatic_payment_methods": anything, "description": optional_text, "metadata": metadata,
    "receipt_email": optional_text, "shipping": SHIPPING, "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22), "application_fee_amount": integer(0),
    "transfer_group": text(), "payment_method_types": words, "payment_method": text(),
    "setup_future_usage": one_of("off_session", "on_session"), "payment_method_options": anything,
}  # fmt: skip
_CONFIRMING: dict[str, Any] = {
    "off_session": anything, "return_url": text(), "error_on_requires_action": boolean,
    "use_stripe_sdk": boolean, "payment_method_data": anything, "radar_options": anything,
    "mandate": text(), "mandate_data": anything,
}  # fmt: skip
_CAPTURE_METHOD = one_of("automatic", "automatic_async", "manual")
CREATE = Spec(
    _SHARED | _CONFIRMING | {
        "amount": amount, "currency": currency, "customer": text(), "confirm": boolean,
        "capture_method": _CAPTURE_METHOD, "confirmation_method": one_of("automatic", "manual"),
        "transfer_data": TRANSFER_DATA, "on_behalf_of": text(),
    },
    required=("amount", "currency"),
)  # fmt: skip
RETRIEVE = Spec({"client_secret": text()})
LIST = listing(customer=text())
UPDATE = Spec(_SHARED | {"amount": amount, "currency": currency, "customer": text()})
CONFIRM = Spec(
    _CONFIRMING | {
        "payment_method": text(), "capture_method": _CAPTURE_METHOD, "receipt_email": optional_text,
        "shipping": SHIPPING, "payment_method_options": anything,
        "setup_future_usage": one_of("off_session", "on_session"),
    }
)  # fmt: skip
CAPTURE = Spec(
    {
        "amount_to_capture": amount, "application_fee_amount": integer(0), "final_capture": boolean,
        "metadata": metadata, "statement_descriptor": text(22), "statement_descriptor_suffix": text(22),
        "transfer_data": anything,
    }
)  # fmt: skip
CANCEL = Spec({"cancellation_reason": one_of("abandoned", "duplicate", "fraudulent", "requested_by_customer")})
_STORED = (
    "description", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix",
    "application_fee_amount", "transfer_group", "setup_future_usage", "on_behalf_of", "payment_method",
)  # fmt: skip


def create(call: Call) -> Json:
    """`POST /v1/payment_intents`, confirmed at once with `confirm=true`."""
    if call.given("customer"):
        call.require(call.book.customers, call.params["customer"], "customer")
    intent = new_intent(
        call, call.params["amount"], call.params["currency"], call.given("customer"),
        merged_metadata({}, call.given("metadata", {})),
    )  # fmt: skip
    intent |= {name: call.params[name] for name in _STORED if name in call.params}
    intent["capture_method"] = call.given("capture_method", "automatic_async")
    intent["confirmation_method"] = call.given("confirmation_method", "automatic")
    transfer = call.given("transfer_data")
    if transfer:
        intent["transfer_data"] = {"amount": transfer.get("amount"), "destination": transfer["destination"]}
    if intent["payment_method"]:
        intent["status"] = "requires_confirmation"
    call.book.payment_intents.put(intent)
    call.emit("payment_intent.created", intent)
    return _confirm(call, intent) if call.given("confirm") else intent


def new_intent(
    scope: Scope, amount_minor: int, currency_code: str, customer: str | None, notes: dict[str, str]
) -> Json:
    """An intent that waits for a payment method; not stored yet."""
    intent_id = ids.new_id("pi")
    return {
        "id": intent_id, "object": "payment_intent", "amount": amount_minor, "amount_capturable": 0,
        "amount_details": {"tip": {}}, "amount_received": 0, "application": None,
        "application_fee_amount": None, "automatic_payment_methods": None, "canceled_at": None,
        "cancellation_reason": None, "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{ids.random_text(24)}", "confirmation_method": "automatic",
        "created": scope.unix(), "currency": currency_code, "customer": customer, "description": None,
        "last_payment_error": None, "latest_charge": None, "livemode": scope.book.livemode,
        "metadata": notes, "next_action": None, "on_behalf_of": None, "payment_method": None,
        "payment_method_configuration_details": None, "payment_method_types": ["card"],
        "processing": None, "receipt_email": None, "review": None, "setup_future_usage": None,
        "shipping": None, "source": None, "statement_descriptor": None,
        "statement_descriptor_suffix": None, "status": "requires_payment_method", "transfer_data": None,
        "transfer_group": None,
    }  # fmt: skip


def _confirm(call: Call, intent: Json) -> Json:
    method = intent["payment_method"]
    if method is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Send "
            "payment_method, or update the PaymentIntent with one first.",
            code="payment_intent_unexpected_state",
        )
    card = cards.find_card(method)
    if card is None:
        raise StripeError(404, f"No such PaymentMethod: '{method}'", code="resource_missing", param="payment_method")
    carried = ("receipt_email", "shipping", "application_fee_amount", "transfer_group", "on_behalf_of")
    intent["payment_method"] = method if not method.startswith("pm_card_") else ids.new_id("pm")
    try:
        charge = charges.make_charge(
            call,
            NewCharge(
                amount_minor=intent["amount"], currency=intent["currency"], card=card,
                capture=intent["capture_method"] != "manual", customer=intent["customer"],
                payment_intent=intent["id"], payment_method=intent["payment_method"],
                description=intent["description"], metadata=intent["metadata"],
                extras={name: intent[name] for name in carried}
                | charges.transfer_fields(intent["transfer_data"]),
            ),
        )  # fmt: skip
    except StripeError as refusal:
        _note_decline(call, intent, refusal)
        raise
    intent["latest_charge"] = charge["id"]
    _follow_charge(call, intent, charge)
    return intent


def _note_decline(call: Call, intent: Json, refusal: StripeError) -> None:
    intent |= {"status": "requires_payment_method", "payment_method": None,
               "latest_charge": refusal.extra["charge"]}  # fmt: skip
    intent["last_payment_error"] = {
        "charge": refusal.extra["charge"], "code": refusal.code,
        "decline_code": refusal.extra["decline_code"],
        "message": refusal.message, "type": refusal.kind,
    }  # fmt: skip
    call.emit("payment_intent.payment_failed", intent)


def _follow_charge(scope: Scope, intent: Json, charge: Json) -> None:
    """Bring the intent to where its charge is."""
    if charge["captured"]:
        intent |= {
            "status": "succeeded",
            "amount_capturable": 0,
            "amount_received": charge["amount_captured"],
        }
        scope.emit("payment_intent.succeeded", intent)
    else:
        intent |= {"status": "requires_capture", "amount_capturable": charge["amount"]}
        scope.emit("payment_intent.amount_capturable_updated", intent)


def adopt_charge(scope: Scope, intent: Json, wanted: NewCharge) -> Json:
    """Store an intent together with the charge that it is said to have made; used for samples."""
    charge = charges.make_charge(scope, wanted)
    intent |= {"latest_charge": charge["id"], "payment_method": charge["payment_method"]}
    if wanted.created is not None:
        intent["created"] = wanted.created
    scope.book.payment_intents.put(intent)
    _follow_charge(scope, intent, charge)
    return charge


def retrieve(call: Call) -> Json:
    """`GET /v1/payment_intents/{id}`."""
    return call.require(call.book.payment_intents, call.path_ids["id"])


def update(call: Call) -> Json:
    """`POST /v1/payment_intents/{id}`."""
    intent = retrieve(call)
    changes = {name: call.params[name] for name in (*_STORED, "amount", "currency", "customer")
               if name in call.params}  # fmt: skip
    if {"amount", "currency"} & changes.keys() and intent["status"] not in _CONFIRMABLE:
        raise _unexpected(intent, "change the amount or currency of")
    if "metadata" in call.params:
        changes["metadata"] = merged_metadata(intent["metadata"], call.params["metadata"])
    intent |= changes
    if intent["payment_method"] and intent["status"] == "requires_payment_method":
        intent["status"] = "requires_confirmation"
    return intent


_CONFIRMABLE = ("requires_payment_method", "requires_confirmation")


def confirm(call: Call) -> Json:
    """`POST /v1/payment_intents/{id}/confirm`."""
    intent = retrieve(call)
    if intent["status"] not in _CONFIRMABLE:
        raise _unexpected(intent, "confirm")
    for name in ("payment_method", "capture_method", "receipt_email", "shipping", "setup_future_usage"):
        if name in call.params:
            intent[name] = call.params[name]
    return _confirm(call, intent)


def capture(call: Call) -> Json:
    """`POST /v1/payment_intents/{id}/capture`."""
    intent = retrieve(call)
    if intent["status"] != "requires_capture":
        raise _unexpected(intent, "capture")
    if "metadata" in call.params:
        intent["metadata"] = merged_metadata(intent["metadata"], call.params["metadata"])
    charge = call.require(call.book.charges, intent["latest_charge"])
    charges.capture_charge(call, charge, call.given("amount_to_capture"))
    _follow_charge(call, intent, charge)
    return intent


def cancel(call: Call) -> Json:
    """`POST /v1/payment_intents/{id}/cancel`."""
    intent = retrieve(call)
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected(intent, "cancel")
    if intent["status"] == "requires_capture":
        charges.release_charge(call, call.require(call.book.charges, intent["latest_charge"]))
    intent |= {"status": "canceled", "canceled_at": call.unix(), "amount_capturable": 0,
               "cancellation_reason": call.given("cancellation_reason")}  # fmt: skip
    call.emit("payment_intent.canceled", intent)
    return intent


def _unexpected(intent: Json, verb: str) -> StripeError:
    return StripeError(
        400,
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": dict(intent)},
    )
