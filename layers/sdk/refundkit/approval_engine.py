"""When does a refund need a person? The thresholds of ``/v1/settings/approvals`` as a pure class (document 000).

It asks nobody: it says what amount, risk and category mean under the thresholds that it was made with. The API decides
by the merchant's policy as well, which can only ask for more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

DEFAULT_RISK_THRESHOLD: Final = 70
"""From this score on a person looks, also where nothing is set."""

ApprovalOutcome = Literal["approved", "requires_review"]


@dataclass(frozen=True)
class ApprovalDecision:
    """What the engine says, and why in a sentence."""

    status: ApprovalOutcome
    reason: str


@dataclass(frozen=True)
class ApprovalEngine:
    """Thresholds in minor units of one currency; None does not bound.

    ``auto_approve_below``: below it nobody is needed, from it on a person looks. ``require_review_above``: from it on a
    person always looks. ``risk_threshold``: so does one from this risk score (0 to 100) on. ``review_categories``: and
    at every refund of these.

    Raises:
        ValueError: a threshold is no positive integer, the two contradict each other, or the score is none.
    """

    auto_approve_below: int | None = None
    require_review_above: int | None = None
    risk_threshold: int = DEFAULT_RISK_THRESHOLD
    review_categories: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("auto_approve_below", "require_review_above"):
            value = getattr(self, name)
            if value is not None and (not _is_integer(value) or value <= 0):
                raise ValueError(f"{name} is a positive number of minor units")
        below, above = self.auto_approve_below, self.require_review_above
        if below is not None and above is not None and below > above:
            raise ValueError("auto_approve_below is above require_review_above")
        if not _is_integer(self.risk_threshold) or not 1 <= self.risk_threshold <= 100:
            raise ValueError("risk_threshold is a score of 1 to 100")

    def evaluate(self, *, amount: int, risk_score: int = 0, categories: Iterable[str] = ()) -> ApprovalDecision:
        """Whether a refund of ``amount`` minor units, before fees, needs a person.

        Raises:
            ValueError: the amount is no positive integer, or the score not one of 0 to 100.
        """
        if not _is_integer(amount) or amount <= 0:
            raise ValueError("amount is a positive number of minor units")
        if not _is_integer(risk_score) or not 0 <= risk_score <= 100:
            raise ValueError("risk_score is a score of 0 to 100")
        if risk_score >= self.risk_threshold:
            return ApprovalDecision("requires_review", "Risk score exceeds threshold")
        watched = sorted(set(categories) & set(self.review_categories))
        if watched:
            return ApprovalDecision("requires_review", f"Category requires review: {', '.join(watched)}")
        if self.require_review_above is not None and amount >= self.require_review_above:
            return ApprovalDecision("requires_review", "Amount is one that always requires review")
        if self.auto_approve_below is not None and amount >= self.auto_approve_below:
            return ApprovalDecision("requires_review", "Amount is not below the auto-approval threshold")
        return ApprovalDecision("approved", "Within the auto-approval thresholds")


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
