"""Hold a refund to its quote: what was quoted is paid, as long as what it was made of still holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from refundkit_core.application.gather_facts import Asked, Gathered
from refundkit_core.domain.errors import Detail, Refused
from refundkit_core.domain.quote import digest_of
from refundkit_core.domain.sealed_quotes import QuotedFacts

QUOTE_LIFE: Final = timedelta(hours=24)


def quoted_fee(quoted: QuotedFacts, asked: Asked, gathered: Gathered) -> int:
    """The fee that was quoted for exactly this request.

    Raises:
        Refused: something that the quote was made of has changed; the details name it.
    """
    facts, ledger, version = gathered.facts, gathered.ledger, gathered.version
    amount = facts.charge.remaining_minor if asked.amount_minor is None else asked.amount_minor
    items = digest_of((item.sku, item.category, item.quantity) for item in asked.claim.items)
    order_version = gathered.order.version if gathered.order is not None else 0
    holds = {
        "transactionId": (quoted.environment, quoted.transaction) == (ledger.tenant.environment, ledger.transaction),
        "amount": (quoted.gross_minor, quoted.currency) == (amount, ledger.currency),
        "items": quoted.items_digest == items,
        "remaining": quoted.remaining_minor == facts.charge.remaining_minor,
        "policy": (quoted.policy_id, quoted.policy_version) == (version.policy_id, version.number),
        "registration": quoted.order_version == order_version,
        "age": timedelta() <= facts.now - quoted.quoted_at <= QUOTE_LIFE,
    }
    changed = tuple(Detail(f"quoteId.{name}", "No longer as it was quoted") for name, same in holds.items() if not same)
    if changed:
        raise Refused("The quote does not hold for this request any more: preview it again", changed)
    return quoted.fee_minor
