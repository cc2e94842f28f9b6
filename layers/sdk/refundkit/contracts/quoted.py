"""Quotes on the wire: what is answered."""

from __future__ import annotations

from refundkit.contracts.base import Wire


class QuotedLineView(Wire):
    """What comes back of one line: ``net`` is ``gross - discount + tax - fee``."""

    sku: str | None
    quantity: int
    gross: int
    discount: int
    tax: int
    fee: int
    """The restocking fee of the policy, rounded down."""
    net: int


class QuotedTenderView(Wire):
    """A share of ``value``. Only this charge's can be refunded here."""

    name: str
    amount: int
    this_charge: bool


class QuoteView(Wire):
    """What a refund would pay, in minor units of ``currency``. Nothing is stored, reserved or paid."""

    quote_id: str
    """Binds this quote; good for the same organization, mode and transaction."""
    transaction_id: str
    """The charge's, whichever name was asked for."""
    currency: str
    lines: list[QuotedLineView]
    shipping: int
    """With its part of the tax; 0 where it is not refunded."""
    value: int
    """What was paid for all that comes back: the lines before fees, and shipping."""
    tenders: list[QuotedTenderView]
    gross: int
    """This charge's share of the value, at most what remains: the amount of the refund."""
    fee: int
    """What is withheld of it."""
    net: int
    """What is paid."""
    remaining_before: int
    remaining_after: int
