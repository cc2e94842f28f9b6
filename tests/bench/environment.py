"""The process's environment during a measurement, and what the template gives the functions."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.template import resolved, resources, template

_THEIRS = ("AWS_", "REFUNDKIT_", "POWERTOOLS_")


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Run with ``settings`` and nothing else of AWS's or ours; restores what was there."""
    kept = dict(os.environ)
    try:
        for name in kept:
            if name.startswith(_THEIRS):
                del os.environ[name]
        os.environ.update(settings)
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def functions() -> dict[str, dict[str, Any]]:
    """The folder of each function to its properties, the template's globals put in."""
    shared = template()["Globals"]["Function"]
    found = {}
    for made in resources("AWS::Serverless::Function").values():
        own = resolved(made["Properties"])
        variables = {
            **resolved(shared["Environment"]["Variables"]),
            **own.get("Environment", {}).get("Variables", {}),
        }
        found[own["CodeUri"].removeprefix("functions/")] = {
            **resolved(shared),
            **own,
            "Layers": [*shared["Layers"], *own.get("Layers", ())],
            "Variables": variables,
        }
    return found


def memory_mb(function: str) -> int:
    """A function's memory as the template sets it."""
    return int(functions()[function]["MemorySize"])


def layers_of(function: str) -> list[str]:
    """The folders under ``layers/`` that a function has, in the template's order."""
    made = resources("AWS::Serverless::LayerVersion")
    return [made[layer["Ref"]]["Properties"]["ContentUri"].removeprefix("layers/") for layer in _refs(function)]


def _refs(function: str) -> list[dict[str, str]]:
    layers: list[dict[str, str]] = functions()[function]["Layers"]
    return layers


def made_up_variables(function: str) -> dict[str, str]:
    """A function's variables, with stand-ins for what only a deployment knows; none of them is reached."""
    values = {}
    for name, value in functions()[function]["Variables"].items():
        unknown = "http://127.0.0.1:9/queue" if name.endswith("_URL") else f"bench-{name.lower()}"
        values[name] = value if isinstance(value, str) else unknown
    return values
