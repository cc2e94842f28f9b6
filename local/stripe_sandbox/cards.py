"""Test cards: which tokens exist, what a card looks like on a charge, and what follows from using it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.stripe_sandbox import ids
from local.stripe_sandbox.errors import StripeError


@dataclass(frozen=True)
class TestCard:
    """One of Stripe's documented test cards."""

    brand: str
    last4: str
    refund_behaviour: str | None = None
    dispute_status: str | None = None
    dispute_reason: str = "fraudulent"
    fraud_warning: bool = False
    decline_code: str | None = None


# Names and meanings: Stripe's testing page, sections "Refunds", "Disputes" and "Declined payments".
_CARDS = {
    "visa": TestCard("visa", "4242"),
    "visa_debit": TestCard("visa", "5556"),
    "mastercard": TestCard("mastercard", "4444"),
    "amex": TestCard("amex", "8431"),
    "discover": TestCard("discover", "1117"),
    "pendingRefund": TestCard("visa", "7726", refund_behaviour="refund_pending_then_succeeded"),
    "refundFail": TestCard("visa", "5126", refund_behaviour="refund_fail_later"),
    "createDispute": TestCard("visa", "0259", dispute_status="needs_response"),
    "createDisputeProductNotReceived": TestCard(
        "visa", "2685", dispute_status="needs_response", dispute_reason="product_not_received"
    ),
    "createDisputeInquiry": TestCard("visa", "1976", dispute_status="warning_needs_response"),
    "createIssuerFraudRecord": TestCard("visa", "5423", fraud_warning=True),
    "chargeDeclined": TestCard("visa", "0002", decline_code="generic_decline"),
    "chargeDeclinedInsufficientFunds": TestCard("visa", "9995", decline_code="insufficient_funds"),
    "chargeDeclinedLostCard": TestCard("visa", "9987", decline_code="lost_card"),
    "chargeDeclinedStolenCard": TestCard("visa", "9979", decline_code="stolen_card"),
}
_ALIASES = {"visa_chargeDeclined": "chargeDeclined"}


def find_card(name: str) -> TestCard | None:
    """The card behind `tok_…`, `pm_card_…`, or an id that this sandbox made up for one (plain visa)."""
    for prefix in ("pm_card_", "tok_"):
        if name.startswith(prefix):
            rest = name[len(prefix) :]
            return _CARDS.get(_ALIASES.get(rest, rest))
    return _CARDS["visa"] if name.startswith(("pm_", "card_", "src_")) else None


def declined(card: TestCard, charge_id: str) -> StripeError:
    """402: the bank said no."""
    insufficient = card.decline_code == "insufficient_funds"
    message = "Your card has insufficient funds." if insufficient else "Your card was declined."
    return StripeError(
        402, message, kind="card_error", code="card_declined",
        extra={"charge": charge_id, "decline_code": card.decline_code},
    )  # fmt: skip


def payment_method_details(card: TestCard, amount_minor: int, country: str) -> dict[str, Any]:
    """A charge's `payment_method_details`."""
    return {
        "card": {
            "amount_authorized": amount_minor, "authorization_code": ids.digits(6), "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": country, "exp_month": 8, "exp_year": 2034,
            "extended_authorization": {"status": "disabled"}, "fingerprint": f"fp{card.last4}sandbox",
            "funding": "credit", "incremental_authorization": {"status": "unavailable"},
            "installments": None, "last4": card.last4, "mandate": None,
            "multicapture": {"status": "unavailable"}, "network": card.brand,
            "network_token": {"used": False}, "network_transaction_id": ids.digits(15),
            "overcapture": {"maximum_amount_capturable": amount_minor, "status": "unavailable"},
            "regulated_status": "unregulated", "three_d_secure": None, "wallet": None,
        },
        "type": "card",
    }  # fmt: skip


# From these scores on, as Radar's documentation says.
_RISK_LEVELS = ((75, "highest"), (65, "elevated"))


def outcome(card: TestCard, risk_score: int | None) -> dict[str, Any]:
    """A charge's `outcome`; only accounts with Radar for Fraud Teams see a score, the others get none."""
    ok = card.decline_code is None
    level = next((level for least, level in _RISK_LEVELS if (risk_score or 0) >= least), "normal")
    return {
        "advice_code": None if ok else "try_again_later", "network_advice_code": None,
        "network_decline_code": None if ok else "05",
        "network_status": "approved_by_network" if ok else "declined_by_network",
        "reason": card.decline_code, "risk_level": level,
        **({} if risk_score is None else {"risk_score": risk_score}),
        "seller_message": "Payment complete." if ok else "The bank did not return any further details.",
        "type": "authorized" if ok else "issuer_declined",
    }  # fmt: skip
