"""Early fraud warnings: what the card's issuer suspects, before there is a dispute."""

from __future__ import annotations

from local.stripe_sandbox import ids
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.params import Spec, listing, text
from local.stripe_sandbox.state import Call, Scope

LIST = listing(charge=text(), payment_intent=text())
RETRIEVE = Spec()
# The list in the `fraud_type` documentation of Stripe's EarlyFraudWarning object.
FRAUD_TYPES = (
    "card_never_received", "fraudulent_card_application", "made_with_counterfeit_card",
    "made_with_lost_card", "made_with_stolen_card", "misc", "unauthorized_use_of_card",
)  # fmt: skip


def open_warning(scope: Scope, charge: Json, fraud_type: str) -> Json:
    """Warn about a charge. Nothing can be done about one that is fully refunded or disputed already."""
    warning: Json = {
        "id": ids.new_id("issfr"), "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"] and not charge["disputed"], "charge": charge["id"],
        "created": scope.unix(), "fraud_type": fraud_type, "livemode": scope.book.livemode,
        "payment_intent": charge["payment_intent"],
    }  # fmt: skip
    scope.book.warnings.put(warning)
    scope.emit("radar.early_fraud_warning.created", warning)
    return warning


def settle_warnings(scope: Scope, charge: Json) -> None:
    """A refunded or disputed charge leaves nothing to act on."""
    if not (charge["refunded"] or charge["disputed"]):
        return
    for warning in scope.book.warnings.all():
        if warning["charge"] == charge["id"] and warning["actionable"]:
            warning["actionable"] = False
            scope.emit("radar.early_fraud_warning.updated", warning, {"actionable": True})


def retrieve(call: Call) -> Json:
    """`GET /v1/radar/early_fraud_warnings/{id}`."""
    return call.require(call.book.warnings, call.path_ids["id"])
