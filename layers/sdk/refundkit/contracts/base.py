"""What every wire model shares."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
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
