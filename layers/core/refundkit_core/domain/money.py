"""Money: an integer in the currency's minor unit, never a float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# ISO 4217 exponents that differ from two; BIF to XPF have no minor unit, BHD to TND have thousandths.
_ZERO_DECIMAL: Final = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
_THREE_DECIMAL: Final = frozenset("bhd iqd jod kwd lyd omr tnd".split())


def exponent(currency: str) -> int:
    """Digits after the decimal point of ``currency`` (lower-case ISO 4217): 0, 2 or 3."""
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency. Arithmetic refuses to mix currencies.

    Raises:
        TypeError: the amount is not an integer (bool counts as none).
        ValueError: the currencies differ, or the currency is not three lower-case letters.
    """

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise TypeError(f"amount_minor must be an int, not {type(self.amount_minor).__name__}")
        if not (
            len(self.currency) == 3 and self.currency.isascii() and self.currency.isalpha() and self.currency.islower()
        ):
            raise ValueError(f"currency must be three lower-case letters, not {self.currency!r}")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._same(other).amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._same(other).amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.amount_minor < self._same(other).amount_minor

    def __le__(self, other: Money) -> bool:
        return self.amount_minor <= self._same(other).amount_minor

    def __str__(self) -> str:
        """In words for people: ``29.99 USD``, ``500 JPY``, ``1.250 KWD``."""
        return f"{Decimal(self.amount_minor).scaleb(-exponent(self.currency))} {self.currency.upper()}"

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other


def allocated(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in whole parts that sum to it, as near to the proportions of ``weights`` as can be: largest remainder,
    the earlier part where two are equal. Without any weight all parts count the same."""
    weights = weights if any(weights) else [1] * len(weights)
    whole = sum(weights)
    parts = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-(total * weights[at] % whole), at))
    for at in by_remainder[: total - sum(parts)]:
        parts[at] += 1
    return parts
