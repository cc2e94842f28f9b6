"""How much of a charge has been refunded, and how much could be: always computed from its refunds."""

from __future__ import annotations

from local.stripe_sandbox.books import Book, Json


def recount_refunds(book: Book, charge: Json) -> None:
    """Set `amount_refunded` and `refunded`: failed and canceled refunds have given their amount back."""
    live = [row for row in book.refunds_of(charge["id"]) if row["status"] not in ("failed", "canceled")]
    refunded = sum(row["amount"] for row in live) + book.charge_notes[charge["id"]].released_minor
    charge["amount_refunded"] = refunded
    charge["refunded"] = refunded > 0 and refunded >= refundable_base_minor(charge)


def refundable_base_minor(charge: Json) -> int:
    """What all refunds together may reach: what was captured, or the authorization while it is uncaptured."""
    return int(charge["amount_captured"] if charge["captured"] else charge["amount"])
