"""What surrounds every answer: ``{"data": …, "error": null}`` or ``{"data": null, "error": {…}}``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator, model_validator

from refundkit.contracts.base import Wire


class Pagination(Wire):
    """Beside a list's ``data``: how it was cut, and where it goes on."""

    limit: int
    offset: int
    next_cursor: str | None
    """For the next page, with the same filters; null where nothing is left."""


class PageQuery(Wire):
    """Paging of a list. Query strings carry text, so numbers are read from text here."""

    limit: Annotated[int, Field(ge=1, le=100, strict=False)] = 25
    """How many to answer with, at most."""
    offset: Annotated[int, Field(ge=0, le=1_000, strict=False)] = 0
    """How many to skip. Further than 1,000 only a cursor leads."""
    cursor: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """The ``nextCursor`` of the page before; instead of an offset, and with the same filters."""

    @field_validator("limit", "offset", mode="before")
    @classmethod
    def _plain_digits(cls, value: object) -> object:
        if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 6):
            raise ValueError("Must be a whole number in plain digits")
        return value

    @model_validator(mode="after")
    def _one_way_of_paging(self) -> PageQuery:
        if self.cursor is not None and self.offset:
            raise ValueError("Use either cursor or offset")
        return self
