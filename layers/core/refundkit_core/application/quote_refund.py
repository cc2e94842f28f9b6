"""Quote a refund: what would be paid, to the last minor unit, and nothing done (``POST /v1/refunds/preview``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from refundkit_core.application.order_ports import OrderStore
from refundkit_core.application.ports import Clock, OrganizationStore
from refundkit_core.application.risk_ports import Claim, FactsOf, Gathered
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.facts import Item
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.policies import PolicyVersion
from refundkit_core.domain.quote import Bought, Purchase, Quote, Tender, quote
from refundkit_core.domain.sealed_quotes import QuotedFacts, seal
from refundkit_core.domain.tenancy import Tenant


@dataclass(frozen=True, slots=True)
class WantedItem:
    """A line of which ``quantity`` comes back. Without a price it is the one of the registered order's line."""

    sku: str | None = None
    category: str | None = None
    quantity: int = 1
    bought: int | None = None
    returned: int = 0
    price_minor: int | None = None
    discount_minor: int = 0
    tax_minor: int = 0


@dataclass(frozen=True, slots=True)
class WantedQuote:
    """What comes back: items of an order, or ``amount_minor``, or (neither) all that remains."""

    transaction_id: str
    amount_minor: int | None = None
    items: tuple[WantedItem, ...] = ()
    discount_minor: int = 0
    tax_minor: int = 0
    shipping_minor: int = 0
    refunds_shipping: bool = False
    tenders: tuple[Tender, ...] = ()


class MadeQuote(NamedTuple):
    """A quote, the charge that it is for, and the sealed id that binds it."""

    quote_id: str
    transaction: TransactionRef
    quote: Quote


class QuoteRefund:
    """Compute and seal; nothing is stored."""

    def __init__(self, facts_of: FactsOf, orders: OrderStore, organizations: OrganizationStore, clock: Clock) -> None:
        self._facts_of = facts_of
        self._orders = orders
        self._organizations = organizations
        self._clock = clock

    def __call__(self, tenant: Tenant, wanted: WantedQuote) -> MadeQuote:
        """The money of ``wanted`` by the policy that judges the transaction.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
            Invalid: the items do not add up, or have no price.
        """
        gathered = self._facts_of(tenant, wanted.transaction_id, Claim(wanted.amount_minor))
        order = self._orders.of(tenant, gathered.ledger.transaction)
        purchase = _purchase(wanted, gathered, order.items if order else ())
        found = quote(purchase, gathered.ledger.remaining())
        quoted = QuotedFacts(
            environment=tenant.environment,
            transaction=gathered.ledger.transaction,
            currency=found.currency,
            gross_minor=found.gross_minor,
            fee_minor=found.fee_minor,
            net_minor=found.net_minor,
            items_digest=purchase.digest(),
            remaining_minor=found.remaining_before_minor,
            policy_id=gathered.version.policy_id,
            policy_version=gathered.version.number,
            order_version=order.version if order else 0,
            quoted_at=self._clock.now(),
        )
        quote_id = seal(self._organizations.secret(tenant.org_id), quoted)
        return MadeQuote(quote_id, gathered.ledger.transaction, found)


def _purchase(wanted: WantedQuote, gathered: Gathered, registered: tuple[Item, ...]) -> Purchase:
    facts, version = gathered.facts, gathered.version
    if not wanted.items:
        remaining = facts.charge.remaining_minor
        price_minor = remaining if wanted.amount_minor is None else wanted.amount_minor
        fee_bp = _fee_bp(version, None, None, gathered)
        return Purchase((Bought(price_minor, fee_bp=fee_bp),))
    known = {item.sku: item for item in registered if item.sku is not None}
    lines = []
    for number, item in enumerate(wanted.items):
        lines.append(_bought(number, item, known.get(item.sku) if item.sku else None, gathered))
    return Purchase(
        lines=tuple(lines),
        discount_minor=wanted.discount_minor,
        tax_minor=wanted.tax_minor,
        shipping_minor=wanted.shipping_minor,
        refunds_shipping=wanted.refunds_shipping,
        tenders=wanted.tenders,
    )


def _bought(number: int, item: WantedItem, known: Item | None, gathered: Gathered) -> Bought:
    """A wanted line; what it leaves out is the registered one's. A registered amount is what was paid for all of it."""
    registered = None if known is None else known.amount_minor
    if registered is not None and (item.price_minor not in (None, registered) or item.discount_minor or item.tax_minor):
        said = "The shop registered what was paid for this line: state no other amount, discount or tax of it"
        raise Invalid("An item contradicts the registered order", (Detail(f"items.{number}.amount", said),))
    price_minor = item.price_minor if registered is None else registered
    if price_minor is None:
        raise Invalid(
            "An item has no price", (Detail(f"items.{number}.amount", "State it, or register the order with it"),)
        )
    category = (known.category if known else None) or item.category  # or a fee could be quoted away
    return Bought(
        price_minor=price_minor,
        bought=known.quantity if known else item.bought or max(1, item.returned + item.quantity),
        quantity=item.quantity,
        returned=item.returned,
        discount_minor=item.discount_minor,
        tax_minor=item.tax_minor,
        fee_bp=_fee_bp(gathered.version, item.sku, category, gathered),
        sku=item.sku,
        category=category,
    )


def _fee_bp(version: PolicyVersion, sku: str | None, category: str | None, gathered: Gathered) -> int:
    rule = version.policy.rule_for(sku, category, gathered.facts.charge.purchased_at)
    return 0 if rule is None else rule.restocking_fee_bp
