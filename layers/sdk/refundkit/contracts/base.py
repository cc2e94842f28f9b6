"""What every wire model shares."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Wire(BaseModel):
    """A model as it travels: camelCase aliases, nothing unknown, nothing coerced (``"5"`` and ``true`` are no numbers).

    Schemas are built on first use: a worker pays only for the models that it touches.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        strict=True,
        frozen=True,
        defer_build=True,
    )


MerchantId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:\-]{1,64}$")]
"""Your own name of a merchant."""

_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


def _real_time(text: str) -> str:
    if _TIME.fullmatch(text) is None:
        raise ValueError("Must be a time in UTC such as 2026-11-20T12:00:00.000Z")
    try:
        datetime.fromisoformat(text)
    except ValueError as exc:  # whose words differ from Python to Python, and may repeat the text
        raise ValueError("Must be a day and a time that exist") from exc
    return text


_DATE_TIME: Final = {"format": "date-time"}
_STATED_TIME: Final = {
    **_DATE_TIME,
    "pattern": r"^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3])(:[0-5][0-9]){2}(\.[0-9]{1,6})?Z$",
}
Time = Annotated[str, Field(json_schema_extra=_DATE_TIME)]
"""A time that we answer: ISO 8601 in UTC with milliseconds, ``2026-11-20T12:00:00.000Z``."""

TimeInput = Annotated[str, AfterValidator(_real_time), Field(max_length=30, json_schema_extra=_STATED_TIME)]
"""A time that a caller states: ISO 8601 in UTC, which ends in ``Z``; fractions of a second are optional."""
