"""What was sold, to whom and where it went: the words that orders, claims and quotes share on the wire."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

MAX_QUANTITY: Final = 100_000

ItemFlag = Literal["subscription", "digital", "usage_based", "final_sale"]
DeliveryStatus = Literal["not_shipped", "in_transit", "delivered", "lost", "returned"]
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A SKU, a category, a means of payment: any text without control characters."""
CustomerId = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:@+|\-]+$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1, two capital letters.")]
