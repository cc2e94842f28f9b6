"""A schema by the JSON types that it allows, its references followed and its words in one spelling."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def resolved(value: Schema, document: Schema) -> Schema:
    """``value`` with its reference followed; what stands beside a reference adds to it."""
    while "$ref" in value:
        target: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        beside = {name: each for name, each in value.items() if name != "$ref"}
        properties = {**target.get("properties", {}), **beside.get("properties", {})}
        value = {**target, **beside, **({"properties": properties} if properties else {})}
    return value


def by_type(schema: Schema, document: Schema) -> dict[str, Schema] | None:
    """A schema's alternatives by their JSON type, ``any`` where it has none; None where two have the same."""
    schema = resolved(schema, document)
    choices = schema.get("anyOf")
    if choices is None:
        return {kind: _plain(schema, kind) for kind in _types(schema)}
    found: dict[str, Schema] = {}
    for choice in choices:
        inner = by_type(choice, document)
        if inner is None or inner.keys() & found.keys():
            return None
        found |= inner
    return found


def _types(schema: Schema) -> list[str]:
    stated = schema.get("type")
    if stated is None:
        values = schema.get("enum", [schema["const"]] if "const" in schema else [])
        return sorted({"string" if isinstance(value, str) else "any" for value in values}) or ["any"]
    return stated if isinstance(stated, list) else [stated]


def _plain(schema: Schema, kind: str) -> Schema:
    """One way to say the same of one type: a constant is an enum of one, a bound includes its end."""
    if kind == "null":
        return {}
    plain = dict(schema)
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    step = 1 if kind == "integer" else 0
    if "exclusiveMinimum" in plain:
        plain["minimum"] = plain.pop("exclusiveMinimum") + step
    if "exclusiveMaximum" in plain:
        plain["maximum"] = plain.pop("exclusiveMaximum") - step
    return plain


def wider(kind: str) -> tuple[str, ...]:
    """The types whose values include all of ``kind``."""
    return ("number", "any") if kind == "integer" else ("any",)
