"""Guards on the wire: spend caps and the velocity breaker of an organization's environment."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from refundkit.contracts.base import Wire
from refundkit.contracts.refunds import AmountMinor, Currency

MAX_CAPS: Final = 20
CapScope = Literal["key", "agent", "customer", "organization"]


def _one_of(*names: str) -> dict[str, Any]:
    """A schema that wants at least one of these numbers."""
    return {"anyOf": [{"required": [name], "properties": {name: {"type": "integer"}}} for name in names]}


_CAP: Final[dict[str, Any]] = {
    **_one_of("perDay", "perRefund"),
    "if": {"required": ["id"], "properties": {"id": {"type": "string"}}},
    "then": {"properties": {"scope": {"enum": ["key", "agent"]}}},
}


class SpendCap(Wire):
    """At most so much is refunded, at once or a UTC day: what is paid counts, and comes back when a refund fails."""

    model_config = ConfigDict(json_schema_extra=_CAP)

    scope: CapScope
    id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[!-~]+$")] | None = None
    """The one key (``key_…``) or agent (its name) that is meant; each by itself where omitted."""
    per_day: AmountMinor | None = None
    per_refund: AmountMinor | None = None
    currency: Currency = "usd"
    """Refunds in other currencies go to a person."""

    @model_validator(mode="after")
    def _caps_something(self) -> SpendCap:
        if self.per_day is None and self.per_refund is None:
            raise ValueError("Name perDay or perRefund")
        if self.id is not None and self.scope not in ("key", "agent"):
            raise ValueError("Only a key or an agent can be named")
        return self


class VelocityBreaker(Wire):
    """After so many refunds, or so much money, within so many minutes a person looks at every further one."""

    model_config = ConfigDict(json_schema_extra=_one_of("refunds", "amount"))

    minutes: Annotated[int, Field(ge=1, le=1440)]
    refunds: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    amount: AmountMinor | None = None
    currency: Currency = "usd"

    @model_validator(mode="after")
    def _bounds_something(self) -> VelocityBreaker:
        if self.refunds is None and self.amount is None:
            raise ValueError("Name refunds or amount")
        return self


class PutGuardsRequest(Wire):
    """All guards, in place of those before; empty ones take them away."""

    caps: Annotated[list[SpendCap], Field(max_length=MAX_CAPS)] | None = None
    breaker: VelocityBreaker | None = None
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The version that you have read; where another stands, nothing is changed."""


class GuardsView(Wire):
    """The guards as they stand; ``version`` 0: none were ever set."""

    caps: list[SpendCap]
    breaker: VelocityBreaker | None
    version: int
