"""Refunds as the API serves them: create, retrieve, list, update, cancel. Later changes: refund_lifecycle."""

from __future__ import annotations

from local.stripe_sandbox import disputes, ids, refund_lifecycle
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.errors import invalid
from local.stripe_sandbox.faults import DEFAULT_AFTER_S, Fault
from local.stripe_sandbox.money import spoken
from local.stripe_sandbox.params import (
    Spec,
    amount,
    boolean,
    currency,
    listing,
    merged_metadata,
    metadata,
    one_of,
    text,
)  # fmt: skip
from local.stripe_sandbox.refundable import refundable_base_minor
from local.stripe_sandbox.state import Call

CREATE = Spec(
    {
        "charge": text(), "payment_intent": text(), "amount": amount, "metadata": metadata,
        "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
        "reverse_transfer": boolean, "refund_application_fee": boolean, "instructions_email": text(800),
        "currency": currency, "customer": text(), "origin": one_of("customer_balance"),
    }
)  # fmt: skip
RETRIEVE = Spec()
LIST = listing(charge=text(), payment_intent=text())
UPDATE = Spec({"metadata": metadata})
CANCEL = Spec()


def create(call: Call) -> Json:
    """`POST /v1/refunds`: all that remains, or `amount` of it."""
    charge = _charge_of(call)
    _refuse_unrefundable(call, charge)
    remaining = refundable_base_minor(charge) - charge["amount_refunded"]
    wanted = call.given("amount", remaining)
    if wanted > remaining:
        raise invalid(
            f"Refund amount ({spoken(wanted, charge['currency'])}) is greater than "
            f"unrefunded amount on charge ({spoken(remaining, charge['currency'])})",
            "amount",
        )
    if not charge["captured"] and wanted != charge["amount"]:
        raise invalid(
            "You cannot partially refund an uncaptured charge. Instead, capture the charge for an amount "
            "less than the original amount",
            "amount",
        )
    _refuse_connect_mismatch(call, charge)
    refund = _new_refund(call, charge, wanted)
    notes = call.book.charge_notes[charge["id"]]
    call.book.refunds.put(refund)
    notes.refund_ids.append(refund["id"])
    outcome = call.outcome
    if outcome is None and notes.refund_behaviour:
        outcome = Fault(notes.refund_behaviour, "refunds.create", 1, after_s=DEFAULT_AFTER_S)
    refund_lifecycle.begin(call, charge, refund, outcome)
    return refund


def _charge_of(call: Call) -> Json:
    charge_id, intent_id = call.given("charge"), call.given("payment_intent")
    if charge_id is None and intent_id is None:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    intent = call.require(call.book.payment_intents, intent_id, "payment_intent") if intent_id else None
    if charge_id is None and intent is not None:
        charge_id = intent["latest_charge"]
        if charge_id is None:
            raise _nothing_to_refund(intent["id"], "payment_intent")
    charge = call.require(call.book.charges, str(charge_id), "charge")
    if intent is not None and charge["payment_intent"] != intent["id"]:
        raise invalid(f"Charge {charge['id']} does not belong to PaymentIntent {intent['id']}.", "charge")
    return charge


def _nothing_to_refund(intent_id: str, param: str | None = None) -> Exception:
    return invalid(f"This PaymentIntent ({intent_id}) does not have a successful charge to refund.", param)


def _refuse_unrefundable(call: Call, charge: Json) -> None:
    if charge["status"] != "succeeded":
        if charge["payment_intent"]:
            raise _nothing_to_refund(charge["payment_intent"])
        raise invalid(f"Charge {charge['id']} has failed; there is nothing to refund.", "charge")
    if charge["payment_intent"] and not charge["captured"]:
        raise _nothing_to_refund(charge["payment_intent"])
    if disputes.withdrawn_minor(call.book, charge["id"]):
        raise invalid(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if charge["amount_refunded"] >= refundable_base_minor(charge):
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")


def _refuse_connect_mismatch(call: Call, charge: Json) -> None:
    if call.given("currency", charge["currency"]) != charge["currency"]:
        raise invalid(f"The currency of a refund is its charge's: {charge['currency']}.", "currency")
    if call.given("reverse_transfer") and not charge.get("transfer"):
        raise invalid(f"Charge {charge['id']} has no transfer, so there is none to reverse.", "reverse_transfer")
    if call.given("refund_application_fee") and not charge["application_fee_amount"]:
        raise invalid(
            f"Charge {charge['id']} has no application fee, so there is none to refund.",
            "refund_application_fee",
        )


def _new_refund(call: Call, charge: Json, amount_minor: int) -> Json:
    reverses = bool(call.given("reverse_transfer"))
    refund: Json = {
        "id": ids.new_id("re"), "object": "refund", "amount": amount_minor, "balance_transaction": None,
        "charge": charge["id"], "created": call.unix(), "currency": charge["currency"],
        "destination_details": refund_lifecycle.card_destination("pending"),
        "metadata": merged_metadata({}, call.given("metadata", {})),
        "payment_intent": charge["payment_intent"], "reason": call.given("reason"), "receipt_number": None,
        "source_transfer_reversal": None, "status": "succeeded",
        "transfer_reversal": ids.new_id("trr") if reverses else None,
    }  # fmt: skip
    if "instructions_email" in call.params:
        refund["instructions_email"] = call.params["instructions_email"]
    return refund


def retrieve(call: Call) -> Json:
    """`GET /v1/refunds/{id}` and `GET /v1/charges/{charge}/refunds/{id}`."""
    refund = call.require(call.book.refunds, call.path_ids["id"])
    charge_id = call.path_ids.get("charge")
    if charge_id is not None:
        call.require(call.book.charges, charge_id)
        if refund["charge"] != charge_id:
            raise invalid(f"Refund {refund['id']} does not belong to charge {charge_id}.", "refund")
    return refund


def update(call: Call) -> Json:
    """`POST /v1/refunds/{id}`: metadata, and nothing else."""
    refund = retrieve(call)
    if "metadata" in call.params:
        previous = {"metadata": refund["metadata"]}
        refund["metadata"] = merged_metadata(refund["metadata"], call.params["metadata"])
        refund_lifecycle.announce_update(call, refund, previous)
    return refund


def cancel(call: Call) -> Json:
    """`POST /v1/refunds/{id}/cancel`: only while the customer still has to act."""
    refund = retrieve(call)
    if refund["status"] != "requires_action":
        raise invalid(
            f"Refund {refund['id']} cannot be canceled because its status is {refund['status']}; "
            "only a refund with a status of requires_action can be."
        )
    refund_lifecycle.move(call, refund, "canceled", "merchant_request")
    return refund
