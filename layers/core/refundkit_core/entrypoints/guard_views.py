"""Guards between the wire and the use cases."""

from __future__ import annotations

from refundkit.contracts.guards import GuardsView, PutGuardsRequest, SpendCap, VelocityBreaker

from refundkit_core.domain.budgets import Breaker, Cap, Guards
from refundkit_core.entrypoints.http import Call


def guards_from(call: Call) -> Guards:
    """The guards in a ``PUT /v1/settings/guards``."""
    body: PutGuardsRequest = call.body
    breaker = body.breaker
    return Guards(
        caps=tuple(Cap(cap.scope, cap.currency, cap.per_day, cap.per_refund, cap.id) for cap in body.caps or ()),
        breaker=Breaker(breaker.minutes, breaker.refunds, breaker.amount, breaker.currency) if breaker else None,
    )


def guards_view(guards: Guards) -> GuardsView:
    """Guards as the wire shows them."""
    breaker = guards.breaker
    return GuardsView(
        caps=[
            SpendCap(
                scope=cap.scope,
                id=cap.id,
                per_day=cap.per_day_minor,
                per_refund=cap.per_refund_minor,
                currency=cap.currency,
            )
            for cap in guards.caps
        ],
        breaker=None if breaker is None else _breaker_view(breaker),
        version=guards.version,
    )


def _breaker_view(breaker: Breaker) -> VelocityBreaker:
    return VelocityBreaker(
        minutes=breaker.minutes,
        refunds=breaker.refunds,
        amount=breaker.amount_minor,
        currency=breaker.currency,
    )
