"""A decision on one request, with everything that each rule said (decisions 13 to 18)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from refundkit_core.domain.errors import RefundKitError
from refundkit_core.domain.money import Money

if TYPE_CHECKING:
    from refundkit_core.domain.risk import Assessment

Outcome = Literal["pass", "fail", "review", "unknown", "skipped"]
"""What a rule says: ``fail`` refuses, ``review`` and ``unknown`` (a fact is missing) ask a person."""

Verdict = Literal["allow", "review", "refuse"]
Fact = str | int | None

ASKS_A_PERSON: Final = frozenset({"review", "unknown"})
_CUSTOMERS_DEFAULT: Final[dict[Outcome, str]] = {
    "pass": "This is in order",
    "fail": "This cannot be refunded",
    "review": "A person will look at your request",
    "unknown": "A person will look at your request",
    "skipped": "This was not needed",
}


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule said. ``message`` is for staff, ``for_customer`` tells nothing that a customer should not know.

    ``fact`` was held against ``limit``: minor units, days, a count or score, a time, or words. ``item`` names the line
    that the rule spoke of, where it was not all of them.
    """

    rule: str
    outcome: Outcome
    message: str
    for_customer: str = ""
    fact: Fact = None
    limit: Fact = None
    item: str | None = None

    @property
    def customer_message(self) -> str:
        """A sentence that may be shown to the customer."""
        return self.for_customer or _CUSTOMERS_DEFAULT[self.outcome]

    def as_record(self) -> list[Any]:
        """The result as JSON knows it, without empty ends."""
        record: list[Any] = [
            self.rule, self.outcome, self.message, self.for_customer, self.fact, self.limit, self.item
        ]  # fmt: skip
        while record[-1] in (None, "") and len(record) > 3:
            record.pop()
        return record


class ItemVerdict(NamedTuple):
    """Whether one line may be refunded, and why; ``fee_bp`` is what its rule withholds."""

    name: str
    sku: str | None
    eligible: bool
    reason: str
    deadline: datetime | None
    fee_bp: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What the rules in force allow this request: the strictest of its items' rules."""

    window_days: int | None = None
    deadline: datetime | None = None
    fee_bp: int = 0
    exchange_only: bool = False
    final_sale: bool = False
    conditions: tuple[str, ...] = ()

    def days_remaining(self, now: datetime) -> int | None:
        """Whole days until the deadline, 0 on the last day and after it."""
        return None if self.deadline is None else max((self.deadline - now).days, 0)

    def days_past(self, now: datetime) -> int:
        """Days past the deadline, every begun one counted; 0 within the window."""
        return 0 if self.deadline is None else max(-((self.deadline - now).days), 0)


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one request: ``amount`` is what is asked for, gross; ``fee_minor`` of it would be withheld.

    ``refusal`` is the error to answer with where the verdict is "refuse".
    """

    verdict: Verdict
    amount: Money
    fee_minor: int
    rules: tuple[RuleResult, ...]
    items: tuple[ItemVerdict, ...]
    terms: Terms
    risk: Assessment
    refusal: RefundKitError | None = None

    @property
    def net(self) -> Money:
        """What would be paid: the gross amount less the fee."""
        return Money(self.amount.amount_minor - self.fee_minor, self.amount.currency)

    @property
    def why_review(self) -> tuple[RuleResult, ...]:
        """The rules that ask for a person."""
        return tuple(rule for rule in self.rules if rule.outcome in ASKS_A_PERSON)
