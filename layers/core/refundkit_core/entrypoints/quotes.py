"""Quotes between the wire and the use case; what only a preview needs is loaded when one is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Call

if TYPE_CHECKING:
    from refundkit.contracts.quoted import QuoteView
    from refundkit.contracts.quotes import PreviewRefundRequest

    from refundkit_core.application.quote_refund import MadeQuote, WantedQuote


def quoted(call: Call) -> QuoteView:
    """The answer to a ``POST /v1/refunds/preview``."""
    return _quote_view(container().quote_refund(call.caller.tenant, _wanted_quote_from(call)))


def _wanted_quote_from(call: Call) -> WantedQuote:
    from refundkit_core.application.quote_refund import WantedItem, WantedQuote
    from refundkit_core.domain.quote import Tender

    body: PreviewRefundRequest = call.body
    return WantedQuote(
        transaction_id=body.transaction_id,
        amount_minor=body.amount,
        items=tuple(
            WantedItem(
                sku=item.sku,
                category=item.category,
                quantity=item.quantity,
                bought=item.quantity_bought,
                returned=item.quantity_returned,
                price_minor=item.amount,
                discount_minor=item.discount,
                tax_minor=item.tax,
            )
            for item in body.items or ()
        ),
        discount_minor=body.discount,
        tax_minor=body.tax,
        shipping_minor=body.shipping.amount if body.shipping else 0,
        refunds_shipping=body.shipping.refund if body.shipping else False,
        tenders=tuple(Tender(tender.name, tender.amount, tender.this_charge) for tender in body.tenders or ()),
    )


def _quote_view(made: MadeQuote) -> QuoteView:
    from refundkit.contracts.quoted import QuotedLineView, QuotedTenderView, QuoteView

    found = made.quote
    return QuoteView(
        quote_id=made.quote_id,
        transaction_id=made.transaction.charge_id,
        currency=found.currency,
        lines=[
            QuotedLineView(
                sku=line.sku,
                quantity=line.quantity,
                gross=line.gross_minor,
                discount=line.discount_minor,
                tax=line.tax_minor,
                fee=line.fee_minor,
                net=line.net_minor,
            )
            for line in found.lines
        ],
        shipping=found.shipping_minor,
        value=found.value_minor,
        tenders=[
            QuotedTenderView(name=share.name, amount=share.amount_minor, this_charge=share.is_charge)
            for share in found.shares
        ],
        gross=found.gross_minor,
        fee=found.fee_minor,
        net=found.net_minor,
        remaining_before=found.remaining_before_minor,
        remaining_after=found.remaining_after_minor,
    )
