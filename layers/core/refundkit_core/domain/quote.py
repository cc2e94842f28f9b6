"""The money of a refund, exactly: what was paid for the goods that come back, by whom, and what a fee takes of it.

Everything is integers in the currency's minor unit, whatever its exponent, and every part of something adds up to it.
A discount or tax of the whole order is spread over its lines by largest remainder. A line's money is spread over its
units so that the last ones get the remainder: in whatever steps units come back, the steps sum to the line. A fee is
rounded down, in the customer's favour (decision 17).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.money import Money, allocated

_WHOLE_BP: Final = 10_000


@dataclass(frozen=True, slots=True)
class Bought:
    """One line of an order, of which ``quantity`` of the ``bought`` units come back, after ``returned`` came before.

    A line of which nothing comes back is named as well where the order has a discount or tax that no line names.
    ``price_minor`` is that of all units, before discount and tax; ``fee_bp`` the restocking fee in basis points.
    """

    price_minor: int
    bought: int = 1
    quantity: int = 1
    returned: int = 0
    discount_minor: int = 0
    tax_minor: int = 0
    fee_bp: int = 0
    sku: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Tender:
    """One of the means by which the order was paid; ``is_charge`` marks the charge that is refunded."""

    name: str
    amount_minor: int
    is_charge: bool = False


@dataclass(frozen=True, slots=True)
class Purchase:
    """An order with what comes back of it. Discount and tax are those that no line names.

    ``tenders`` are all means by which the order was paid; none: the charge paid all of it.
    """

    lines: tuple[Bought, ...]
    discount_minor: int = 0
    tax_minor: int = 0
    shipping_minor: int = 0
    refunds_shipping: bool = False
    tenders: tuple[Tender, ...] = ()

    def digest(self) -> str:
        """What comes back, in 32 hexadecimal digits: :func:`digest_of` its articles."""
        return digest_of((line.sku, line.category, line.quantity) for line in self.lines if line.sku or line.category)


def digest_of(articles: Iterable[tuple[str | None, str | None, int]]) -> str:
    """Articles (SKU, else category, and how many come back) in 32 hexadecimal digits, in whichever order."""
    named = sorted(
        [sku or "", "" if sku else category or "", quantity] for sku, category, quantity in articles if quantity
    )
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """What comes back of one line: ``net = gross - discount + tax - fee``."""

    sku: str | None
    quantity: int
    gross_minor: int
    discount_minor: int
    tax_minor: int
    fee_minor: int

    @property
    def value_minor(self) -> int:
        """What was paid for these units."""
        return self.gross_minor - self.discount_minor + self.tax_minor

    @property
    def net_minor(self) -> int:
        """What is paid back for them."""
        return self.value_minor - self.fee_minor


@dataclass(frozen=True, slots=True)
class Quote:
    """``value`` is what was paid for all that comes back, shipping with its tax included, and the sum of ``shares``.

    ``gross`` is the charge's share of it, at most what remains; ``fee`` is withheld of it, ``net`` paid. All in minor
    units of ``currency``.
    """

    currency: str
    lines: tuple[QuotedLine, ...]
    shipping_minor: int
    value_minor: int
    shares: tuple[Tender, ...]
    gross_minor: int
    fee_minor: int
    remaining_before_minor: int

    @property
    def net_minor(self) -> int:
        """What is paid."""
        return self.gross_minor - self.fee_minor

    @property
    def remaining_after_minor(self) -> int:
        """What remains of the charge then; a fee that was withheld is not refundable later (decision 17)."""
        return self.remaining_before_minor - self.gross_minor


def quote(purchase: Purchase, remaining: Money) -> Quote:
    """The refund of what comes back of ``purchase``, where ``remaining`` is left of its charge.

    Raises:
        Invalid: the purchase does not add up.
    """
    _insist_on_sums(purchase)
    wholes, shipping_minor = _with_spread(purchase)
    lines = tuple(_quoted_line(line) for line in wholes if line.quantity)
    _insist_on_tenders(purchase.tenders, sum(map(_paid, wholes)) + shipping_minor)
    refunded_shipping = shipping_minor if purchase.refunds_shipping else 0
    value_minor = sum(line.value_minor for line in lines) + refunded_shipping
    shares = _shares(purchase.tenders, value_minor)
    charged_minor = sum(share.amount_minor for share in shares if share.is_charge)
    gross_minor = min(charged_minor, remaining.amount_minor)
    fees_minor = sum(line.fee_minor for line in lines)
    return Quote(
        currency=remaining.currency,
        lines=lines,
        shipping_minor=refunded_shipping,
        value_minor=value_minor,
        shares=shares,
        gross_minor=gross_minor,
        fee_minor=fees_minor * gross_minor // value_minor if value_minor else 0,  # down: in the customer's favour
        remaining_before_minor=remaining.amount_minor,
    )


def _with_spread(purchase: Purchase) -> tuple[list[Bought], int]:
    """The lines with their part of the order's discount and tax, and shipping with its part of the tax."""
    own = [line.price_minor - line.discount_minor for line in purchase.lines]
    discounts = allocated(purchase.discount_minor, own)
    goods = [worth - discount for worth, discount in zip(own, discounts, strict=True)]
    *taxes, shipping_tax = allocated(purchase.tax_minor, [*goods, purchase.shipping_minor])
    spread = [
        _with(line, line.discount_minor + discount, line.tax_minor + tax)
        for line, discount, tax in zip(purchase.lines, discounts, taxes, strict=True)
    ]
    return spread, purchase.shipping_minor + shipping_tax


def _with(line: Bought, discount_minor: int, tax_minor: int) -> Bought:
    units = (line.price_minor, line.bought, line.quantity, line.returned)
    return Bought(*units, discount_minor, tax_minor, line.fee_bp, line.sku, line.category)


def _paid(line: Bought) -> int:
    return line.price_minor - line.discount_minor + line.tax_minor


def _quoted_line(line: Bought) -> QuotedLine:
    gross, discount, tax = (_of_units(line, each) for each in (line.price_minor, line.discount_minor, line.tax_minor))
    fee_minor = (gross - discount + tax) * line.fee_bp // _WHOLE_BP
    return QuotedLine(line.sku, line.quantity, gross, discount, tax, fee_minor)


def _of_units(line: Bought, whole_minor: int) -> int:
    """What the units that come back have of ``whole_minor``; the line's last units carry its remainder."""
    each, remainder = divmod(whole_minor, line.bought)
    first, last = line.returned, line.returned + line.quantity
    without_extra = line.bought - remainder
    return each * line.quantity + max(0, last - without_extra) - max(0, first - without_extra)


def _shares(tenders: tuple[Tender, ...], value_minor: int) -> tuple[Tender, ...]:
    if not tenders:
        return (Tender("charge", value_minor, is_charge=True),)
    parts = allocated(value_minor, [tender.amount_minor for tender in tenders])
    return tuple(Tender(each.name, part, each.is_charge) for each, part in zip(tenders, parts, strict=True))


def _insist_on_sums(purchase: Purchase) -> None:
    details = list(_wrong_lines(purchase.lines))
    goods_minor = sum(line.price_minor - line.discount_minor for line in purchase.lines)
    if not details and purchase.discount_minor > goods_minor:
        details.append(Detail("discount", f"Not more than the lines cost: {goods_minor}"))
    if details:
        raise Invalid("The purchase does not add up", tuple(details))


def _wrong_lines(lines: tuple[Bought, ...]) -> Iterator[Detail]:
    if not any(line.quantity for line in lines):
        yield Detail("items", "Name at least one that comes back")
    for number, line in enumerate(lines):
        if line.quantity < 0 or line.returned + line.quantity > line.bought:
            left = max(0, line.bought - line.returned)
            yield Detail(f"items.{number}.quantity", f"At most {left} of {line.bought} can come back")
        if line.discount_minor > line.price_minor:
            yield Detail(f"items.{number}.discount", "Not more than the line costs")


def _insist_on_tenders(tenders: tuple[Tender, ...], total_minor: int) -> None:
    if not tenders:
        return
    paid_minor = sum(tender.amount_minor for tender in tenders)
    if paid_minor != total_minor:
        raise Invalid(
            "The purchase does not add up",
            (Detail("tenders", f"They sum to {paid_minor}, the order to {total_minor}"),),
        )
    if sum(tender.is_charge for tender in tenders) != 1:
        raise Invalid("The purchase does not add up", (Detail("tenders", "Mark the one that is this charge"),))
