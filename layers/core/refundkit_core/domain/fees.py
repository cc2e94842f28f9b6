"""Step 8: what is withheld for restocking, rounded down in the customer's favour (decision 17)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from refundkit_core.domain.item_rules import Line
from refundkit_core.domain.money import allocated

_WHOLE_BP: Final = 10_000


class Fee(NamedTuple):
    """What is withheld of an amount; ``certain`` is false where lines have several rates and no known amounts."""

    amount_minor: int
    certain: bool


def fee_on(lines: Sequence[Line], amount_minor: int) -> Fee:
    """The fee on ``amount_minor`` for these lines: each line's share of it at its own rate.

    Where the shares are unknown and the rates differ, the highest rate holds until a person has looked.
    """
    rates = [line.rule.restocking_fee_bp if line.rule is not None else 0 for line in lines]
    if len(set(rates)) == 1:
        return Fee(amount_minor * rates[0] // _WHOLE_BP, certain=True)
    worths = [line.item.amount_minor for line in lines]
    if any(worth is None for worth in worths) or sum(worth or 0 for worth in worths) == 0:
        return Fee(amount_minor * max(rates) // _WHOLE_BP, certain=False)
    shares = allocated(amount_minor, [worth or 0 for worth in worths])
    return Fee(sum(share * rate // _WHOLE_BP for share, rate in zip(shares, rates, strict=True)), certain=True)


def percent(basis_points: int) -> str:
    """A rate in words for people: ``15``, ``12.5``."""
    return f"{Decimal(basis_points) / 100:f}"
