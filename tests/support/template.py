"""The template as a plain structure, intrinsic functions as ``{"Ref": …}`` and ``{"Fn::…": …}``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags."""


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _intrinsic)


@cache
def template() -> dict[str, Any]:
    """The whole template."""
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return loaded


def resources(*types: str) -> dict[str, dict[str, Any]]:
    """The resources of ``types`` by logical id."""
    return {name: made for name, made in template()["Resources"].items() if made["Type"] in types}


def resolved(value: Any, *, true: frozenset[str] = frozenset(), parameters: dict[str, Any] | None = None) -> Any:
    """``value`` with its conditions decided (``true`` names those that hold) and its parameters put in."""
    defaults = {name: parameter.get("Default") for name, parameter in template()["Parameters"].items()}
    known = {**defaults, **(parameters or {})}
    match value:
        case {"Fn::If": [condition, then, otherwise]}:
            return resolved(then if condition in true else otherwise, true=true, parameters=parameters)
        case {"Ref": name} if name in known:
            return known[name]
        case dict():
            return {key: resolved(inner, true=true, parameters=parameters) for key, inner in value.items()}
        case list():
            return [resolved(inner, true=true, parameters=parameters) for inner in value]
    return value
