"""Customers, as far as refunds need them."""

from __future__ import annotations

from local.stripe_sandbox import ids
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.charges import SHIPPING
from local.stripe_sandbox.params import (
    Spec,
    anything,
    listing,
    merged_metadata,
    metadata,
    optional_text,
    text,
)
from local.stripe_sandbox.state import Call, Scope

_FIELDS = {
    "name": optional_text, "email": optional_text, "phone": optional_text, "description": optional_text,
    "metadata": metadata, "shipping": SHIPPING, "source": text(), "payment_method": text(),
    "invoice_settings": anything,
}  # fmt: skip
CREATE = Spec(_FIELDS)
RETRIEVE = Spec()
UPDATE = Spec(_FIELDS)
LIST = listing(email=text())
_KEPT = ("name", "email", "phone", "description", "shipping")


def new_customer(scope: Scope, fields: Json, notes: dict[str, str]) -> Json:
    """Store a customer and tell."""
    customer: Json = {
        "id": ids.new_id("cus"), "object": "customer", "address": None, "balance": 0,
        "created": scope.unix(), "currency": None, "default_source": None, "delinquent": False,
        "description": None, "discount": None, "email": None, "invoice_prefix": ids.random_text(8).upper(),
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None,
                             "rendering_options": None},
        "livemode": scope.book.livemode, "metadata": notes, "name": None, "next_invoice_sequence": 1,
        "phone": None, "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None,
    } | {name: fields[name] for name in _KEPT if name in fields}  # fmt: skip
    scope.book.customers.put(customer)
    scope.emit("customer.created", customer)
    return customer


def create(call: Call) -> Json:
    """`POST /v1/customers`."""
    return new_customer(call, call.params, merged_metadata({}, call.given("metadata", {})))


def retrieve(call: Call) -> Json:
    """`GET /v1/customers/{id}`."""
    return call.require(call.book.customers, call.path_ids["id"])


def update(call: Call) -> Json:
    """`POST /v1/customers/{id}`."""
    customer = retrieve(call)
    changes = {name: call.params[name] for name in _KEPT if name in call.params}
    if "metadata" in call.params:
        changes["metadata"] = merged_metadata(customer["metadata"], call.params["metadata"])
    previous = {name: customer[name] for name in changes}
    customer |= changes
    call.emit("customer.updated", customer, previous)
    return customer
