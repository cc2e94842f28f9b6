"""A merchant's policy on the wire: draft and versions, what is wrong with it, what changed, what a customer is told.

Beside ``policies``, so that a function that only judges refunds does not load all of this.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from refundkit.contracts.base import MerchantId, Time, Wire
from refundkit.contracts.goods import ItemFlag
from refundkit.contracts.policy_documents import Category, PolicyDocument, Sku, WindowStart

VersionName = Annotated[str, Field(pattern=r"^(draft|[1-9][0-9]{0,5})$")]
"""A version's number, or ``draft``."""
ChangeKind = Literal["added", "removed", "changed"]


class UpdatePolicyRequest(PolicyDocument):
    """A policy's new draft."""

    revision: Annotated[int, Field(ge=1)] | None = None
    """The draft's revision that this one replaces; another one is refused. Whatever stands where omitted."""


class PublishPolicyRequest(Wire):
    """Publish the draft as a version that never changes."""

    shadow: bool = False
    """Judge refunds by it without effect, beside the version in force; the next publication ends that."""
    revision: Annotated[int, Field(ge=1)] | None = None
    """The draft's revision that is published, and no other; whatever stands where omitted."""


class GetPolicyQuery(Wire):
    """Which document of a policy to show."""

    version: VersionName | None = None
    """A version's number, or ``draft``; whichever was written last where omitted."""


class ComparePoliciesQuery(Wire):
    """Which two documents of a policy to compare."""

    before: VersionName | None = Field(None, alias="from")
    """A version's number, or ``draft``; the version that was published last where omitted."""
    after: VersionName = Field("draft", alias="to")
    """A version's number, or ``draft``."""


class ReturnPolicyQuery(Wire):
    """Whose return policy, and for what."""

    merchant_id: MerchantId | None = None
    """The organization's own where omitted."""
    category: Category | None = None
    """Only the rule for this category."""
    sku: Sku | None = None
    """Only the rule for this article."""


class PublishedVersionView(Wire):
    """A version that was published."""

    number: int
    revision: int
    """The draft's revision that it was."""
    published_at: Time
    in_force_from: Time | None
    """From when on it judges purchases; null for one that judges without effect."""
    shadow: bool


class PolicySummaryView(Wire):
    """A merchant's policy without its document."""

    id: str
    merchant_id: str
    name: str
    revision: int
    """The draft's; each change is the next."""
    latest_version: int | None
    """The number of the version that was published last."""
    shadow_version: int | None
    """The version that judges refunds without effect now."""
    created_at: Time
    updated_at: Time


class PolicyView(PolicySummaryView):
    """A merchant's policy with one of its documents."""

    versions: list[PublishedVersionView]
    """Oldest first."""
    shown_version: int | None
    """The version whose document this is; null: the draft."""
    document: PolicyDocument


class PolicyFaultView(Wire):
    """One thing that is wrong with a policy."""

    pointer: str
    """Where, as a JSON pointer (RFC 6901)."""
    code: str
    """Stable, for programs."""
    message: str
    """What to do about it."""


class PolicyValidityView(Wire):
    """Whether a document could be stored as a policy, and all that is wrong with it (the first 500 faults)."""

    valid: bool
    faults: list[PolicyFaultView]


class PolicyChangeView(Wire):
    """One difference between two documents of a policy. Rules are known by what they are for, not by their place."""

    pointer: str
    """Where in the later document, or in the earlier one where it is gone, as a JSON pointer."""
    kind: ChangeKind
    before: Any
    after: Any
    message: str
    """The same in a sentence for people."""


class ReturnRuleView(Wire):
    """A rule as a customer may know it."""

    category: str | None
    sku: str | None
    return_window_days: int | None
    """null: no deadline."""
    window_starts_at: WindowStart
    restocking_fee_percent: float
    exchange_only: bool
    final_sale: bool
    non_refundable: bool
    store_credit_only: bool
    requires_return: bool
    min_amount: int | None
    max_amount: int | None
    conditions: list[str]
    sentences: list[str]
    """The rule in plain words for a customer."""


class ReturnLimitsView(Wire):
    """The limits that a customer may know."""

    max_returns_per_customer_30d: int | None = Field(alias="maxReturnsPerCustomer30d")
    max_return_value_per_customer_90d: int | None = Field(alias="maxReturnValuePerCustomer90d")
    sentences: list[str]


class ReturnPolicyView(Wire):
    """What holds for a purchase of now."""

    merchant_id: str
    policy_id: str | None
    """null: the merchant has published none, and the default policy holds."""
    version: int | None
    name: str
    currency: str
    """Of all amounts."""
    rules: list[ReturnRuleView]
    """The rule for the category or article that was asked for; all rules where none was."""
    limits: ReturnLimitsView
    non_refundable_flags: list[ItemFlag]
    """Items with one of these flags are not refunded."""
