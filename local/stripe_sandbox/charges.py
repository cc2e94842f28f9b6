"""Charges: created, captured, listed, updated. What was refunded is always computed from the refunds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.stripe_sandbox import cards, disputes, early_fraud_warnings, ids
from local.stripe_sandbox.books import ChargeNotes, Json
from local.stripe_sandbox.cards import TestCard
from local.stripe_sandbox.errors import invalid
from local.stripe_sandbox.ledger import book_movement, card_fee_minor
from local.stripe_sandbox.params import (
    Spec,
    amount,
    anything,
    boolean,
    currency,
    group,
    integer,
    listing,
    merged_metadata,
    metadata,
    one_of,
    optional_text,
    text,
)  # fmt: skip
from local.stripe_sandbox.refundable import recount_refunds
from local.stripe_sandbox.state import Call, Scope

_ADDRESS = group(
    city=optional_text, country=optional_text, line1=optional_text, line2=optional_text,
    postal_code=optional_text, state=optional_text,
)  # fmt: skip
SHIPPING = group(
    address=_ADDRESS, carrier=optional_text, name=optional_text, phone=optional_text,
    tracking_number=optional_text,
)  # fmt: skip
TRANSFER_DATA = group(destination=text(), amount=integer(0))
CREATE = Spec(
    {
        "amount": amount, "currency": currency, "source": text(), "customer": text(), "capture": boolean,
        "description": optional_text, "metadata": metadata,
        "receipt_email": optional_text, "shipping": SHIPPING,
        "statement_descriptor": text(22), "statement_descriptor_suffix": text(22), "on_behalf_of": text(),
        "application_fee_amount": integer(0), "transfer_data": TRANSFER_DATA, "transfer_group": text(),
        "radar_options": anything,
    },
    required=("amount", "currency"),
)  # fmt: skip
RETRIEVE = Spec()
LIST = listing(customer=text(), payment_intent=text(), transfer_group=text())
UPDATE = Spec(
    {
        "description": optional_text, "metadata": metadata, "receipt_email": optional_text,
        "shipping": SHIPPING, "transfer_group": text(), "customer": text(),
        "fraud_details": group(user_report=one_of("fraudulent", "safe")),
    }
)  # fmt: skip
CAPTURE = Spec(
    {
        "amount": amount, "application_fee_amount": integer(0), "receipt_email": optional_text,
        "statement_descriptor": text(22), "statement_descriptor_suffix": text(22),
        "transfer_data": group(amount=integer(0)), "transfer_group": text(),
    }
)  # fmt: skip


@dataclass(frozen=True)
class NewCharge:
    """What a charge is made of, wherever it comes from."""

    amount_minor: int
    currency: str
    card: TestCard
    capture: bool = True
    amount_captured_minor: int | None = None
    customer: str | None = None
    payment_intent: str | None = None
    payment_method: str | None = None
    created: int | None = None
    description: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    billing: dict[str, str | None] = field(default_factory=dict)
    risk_score: int | None = 12
    card_country: str = "US"
    billing_country: str | None = None
    extras: dict[str, Any] = field(default_factory=dict)


def create(call: Call) -> Json:
    """`POST /v1/charges`."""
    customer = call.given("customer")
    if customer:
        call.require(call.book.customers, customer, "customer")
    source = call.given("source")
    if source is None and customer is None:
        raise invalid("Must provide source or customer.")
    card = cards.find_card(source or "tok_visa")
    if card is None:
        raise invalid(f"No such token: '{source}'", "source", "resource_missing")
    kept = ("receipt_email", "shipping", "application_fee_amount", "transfer_group", "on_behalf_of")
    wanted = NewCharge(
        amount_minor=call.params["amount"], currency=call.params["currency"], card=card,
        capture=call.given("capture", True), customer=customer, payment_method=ids.new_id("card"),
        description=call.given("description"), metadata=merged_metadata({}, call.given("metadata", {})),
        extras={name: call.params[name] for name in kept if name in call.params}
        | {name: call.params[name] for name in ("statement_descriptor_suffix",) if name in call.params}
        | transfer_fields(call.given("transfer_data")),
    )  # fmt: skip
    return make_charge(call, wanted)


def transfer_fields(transfer_data: Json | None) -> Json:
    """The fields that a destination charge has on top."""
    if not transfer_data:
        return {}
    shown = {"amount": transfer_data.get("amount"), "destination": transfer_data.get("destination")}
    return {"transfer_data": shown, "transfer": ids.new_id("tr")}


def make_charge(scope: Scope, wanted: NewCharge) -> Json:
    """Make a charge with its balance transaction and events, and what its test card brings about.

    Raises: StripeError (402): the card declines; the failed charge is kept, as Stripe keeps it.
    """
    charge = _new_charge(scope, wanted)
    book = scope.book
    book.charges.put(charge)
    book.charge_notes[charge["id"]] = ChargeNotes(refund_behaviour=wanted.card.refund_behaviour)
    if wanted.card.decline_code:
        refusal = cards.declined(wanted.card, charge["id"])
        charge |= {"status": "failed", "paid": False, "captured": False,
                   "failure_code": refusal.code, "failure_message": refusal.message}  # fmt: skip
        scope.emit("charge.failed", charge)
        raise refusal
    if wanted.capture:
        _take_money(scope, charge, wanted.amount_captured_minor or wanted.amount_minor)
    scope.emit("charge.succeeded", charge)
    if wanted.card.dispute_status:
        disputes.open_dispute(scope, charge, wanted.card.dispute_status, reason=wanted.card.dispute_reason)
    if wanted.card.fraud_warning:
        early_fraud_warnings.open_warning(scope, charge, "fraudulent_card_application")
    return charge


def _new_charge(scope: Scope, wanted: NewCharge) -> Json:
    charge_id = ids.new_id("ch")
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    address["country"] = wanted.billing_country
    billing = {"address": address, "email": None, "name": None, "phone": None, "tax_id": None}
    return {
        "id": charge_id, "object": "charge", "amount": wanted.amount_minor, "amount_captured": 0,
        "amount_refunded": 0, "application": None, "application_fee": None, "application_fee_amount": None,
        "balance_transaction": None, "billing_details": billing | wanted.billing,
        "calculated_statement_descriptor": "REFUNDKIT SANDBOX", "captured": False,
        "created": wanted.created if wanted.created is not None else scope.unix(),
        "currency": wanted.currency, "customer": wanted.customer, "description": wanted.description,
        "disputed": False, "failure_balance_transaction": None, "failure_code": None,
        "failure_message": None, "fraud_details": {}, "livemode": scope.book.livemode,
        "metadata": dict(wanted.metadata), "on_behalf_of": None,
        "outcome": cards.outcome(wanted.card, wanted.risk_score),
        "paid": True, "payment_intent": wanted.payment_intent, "payment_method": wanted.payment_method,
        "payment_method_details": cards.payment_method_details(
            wanted.card, wanted.amount_minor, wanted.card_country
        ),
        "radar_options": {}, "receipt_email": None, "receipt_number": None,
        "receipt_url": f"https://pay.stripe.com/receipts/sandbox/{charge_id}", "refunded": False,
        "review": None, "shipping": None, "source_transfer": None, "statement_descriptor": None,
        "statement_descriptor_suffix": None, "status": "succeeded", "transfer_data": None,
        "transfer_group": None,
    } | wanted.extras  # fmt: skip


def _take_money(scope: Scope, charge: Json, amount_minor: int) -> None:
    """Capture. What was authorized but not captured is released; it was never anyone's to refund."""
    charge["captured"], charge["amount_captured"] = True, amount_minor
    movement = book_movement(
        scope, "charge", amount_minor, charge,
        fee_minor=card_fee_minor(amount_minor), fee_label="Stripe processing fees",
    )  # fmt: skip
    charge["balance_transaction"] = movement["id"]
    if charge["application_fee_amount"]:
        charge["application_fee"] = ids.new_id("fee")


def capture_charge(scope: Scope, charge: Json, amount_minor: int | None) -> Json:
    """Capture an authorized charge, wholly or in part.

    Raises: StripeError (400): captured, refunded or failed already, or more than was authorized.
    """
    if charge["captured"]:
        raise invalid(f"Charge {charge['id']} has already been captured.", code="charge_already_captured")
    if charge["refunded"] or charge["status"] != "succeeded":
        raise invalid(f"Charge {charge['id']} has been refunded or has failed; it cannot be captured.")
    if amount_minor is not None and amount_minor > charge["amount"]:
        raise invalid("Amount to capture is greater than the authorized amount.", "amount", "amount_too_large")
    _take_money(scope, charge, amount_minor or charge["amount"])
    scope.emit("charge.captured", charge)
    return charge


def release_charge(scope: Scope, charge: Json) -> None:
    """Give an authorization back without a refund object, as cancelling its payment intent does."""
    scope.book.charge_notes[charge["id"]].released_minor = charge["amount"]
    recount_refunds(scope.book, charge)
    scope.emit("charge.refunded", charge)


def retrieve(call: Call) -> Json:
    """`GET /v1/charges/{id}`."""
    return call.require(call.book.charges, call.path_ids["id"])


def update(call: Call) -> Json:
    """`POST /v1/charges/{id}`."""
    charge = retrieve(call)
    changes = {name: value for name, value in call.params.items() if name != "expand"}
    if "customer" in changes:
        call.require(call.book.customers, changes["customer"], "customer")
    if "metadata" in changes:
        changes["metadata"] = merged_metadata(charge["metadata"], changes["metadata"])
    previous = {name: charge[name] for name in changes}
    charge |= changes
    call.emit("charge.updated", charge, previous)
    return charge


def capture(call: Call) -> Json:
    """`POST /v1/charges/{id}/capture`."""
    charge = retrieve(call)
    if charge["payment_intent"]:
        raise invalid(f"Charge {charge['id']} belongs to a PaymentIntent; capture {charge['payment_intent']} instead.")
    return capture_charge(call, charge, call.given("amount"))


def list_refunds(call: Call) -> list[Json]:
    """The refunds of `GET /v1/charges/{id}/refunds`, newest first."""
    charge = retrieve(call)
    return call.book.refunds_newest_first(charge["id"])
