"""What changed between two descriptions of the API, as its clients feel it.

A request may be taken more generously and an answer may say more; everything else breaks a client that was right
before. A value newly possible in an answer's enum is a warning: clients are told to expect it, and not all do. A change
that this module cannot judge counts as breaking in a request.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from refundkit_core.domain.rights import covers

from local.schema_types import Schema, by_type, resolved, wider

METHODS = ("get", "put", "post", "patch", "delete")
LOWER_BOUNDS = ("minimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "maxLength", "maxItems", "maxProperties")
JUDGED = frozenset(
    "type enum const default description example examples title anyOf items properties required additionalProperties "
    "exclusiveMinimum exclusiveMaximum $ref".split()
) | {*LOWER_BOUNDS, *UPPER_BOUNDS}
"""Words of a schema that are judged by their meaning, or that mean nothing to a client."""


class Finding(NamedTuple):
    """One change: where, what, and whether a client that was right before may fail by it."""

    where: str
    what: str
    breaking: bool = True

    def __str__(self) -> str:
        return f"{'breaking' if self.breaking else 'warning'}: {self.where}: {self.what}"


def compare(before: Schema, after: Schema) -> list[Finding]:
    """All that a client of ``before`` should know of ``after``, in the order of the document."""
    return list(_Comparison(before, after).findings())


class _Comparison:
    def __init__(self, before: Schema, after: Schema) -> None:
        self._before = before
        self._after = after
        self._under_way: set[tuple[str, str, str]] = set()

    @contextlib.contextmanager
    def _once(self, side: str, was: Schema, now: Schema) -> Iterator[bool]:
        """False inside of a comparison of the same two: a schema may hold itself."""
        pair = (side, json.dumps(was, sort_keys=True), json.dumps(now, sort_keys=True))
        is_new = pair not in self._under_way
        self._under_way.add(pair)
        yield is_new
        if is_new:
            self._under_way.discard(pair)

    def findings(self) -> Iterator[Finding]:
        for path, item in self._before["paths"].items():
            for method in (method for method in METHODS if method in item):
                where = f"{method.upper()} {path}"
                now = self._after["paths"].get(path, {}).get(method)
                if now is None:
                    yield Finding(where, "the operation is gone")
                else:
                    yield from self._operation(where, item[method], now)

    def _operation(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        yield from _scope(where, was.get("x-required-scope"), now.get("x-required-scope"))
        if was.get("operationId") != now.get("operationId"):
            yield Finding(where, f"its operationId is {now.get('operationId')}, clients are generated from it", False)
        yield from self._parameters(where, was, now)
        yield from self._request_body(f"{where} body", was.get("requestBody"), now.get("requestBody"))
        for status, answer in was["responses"].items():
            if status.startswith("2"):
                yield from self._answer(f"{where} {status}", answer, now["responses"].get(status))
        for status in now["responses"].keys() - was["responses"].keys():
            if status.startswith("2"):
                yield Finding(where, f"may newly answer {status}", False)

    def _parameters(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        known, taken = self._by_name(was, self._before), self._by_name(now, self._after)
        for place, name in known.keys() - taken.keys():
            yield Finding(f"{where} {place} {name}", "the parameter is gone")
        for (place, name), parameter in taken.items():
            at, earlier = f"{where} {place} {name}", known.get((place, name))
            if parameter.get("required") and not (earlier or {}).get("required"):
                yield Finding(at, "the parameter is newly required")
            if earlier is not None:
                yield from self._asked(at, earlier["schema"], parameter["schema"])

    @staticmethod
    def _by_name(operation: Schema, document: Schema) -> dict[tuple[str, str], Schema]:
        parameters = [resolved(each, document) for each in operation.get("parameters", [])]
        return {
            (each["in"], each["name"].lower() if each["in"] == "header" else each["name"]): each for each in parameters
        }

    def _request_body(self, where: str, was: Schema | None, now: Schema | None) -> Iterator[Finding]:
        if was is None or now is None:
            if was is not None:
                yield Finding(where, "takes no body any more")
            elif now is not None and now.get("required"):
                yield Finding(where, "is newly required")
            return
        if now.get("required") and not was.get("required"):
            yield Finding(where, "is newly required")
        for kind, content in was["content"].items():
            if kind not in now["content"]:
                yield Finding(where, f"is not taken as {kind} any more")
            else:
                yield from self._asked(where, content["schema"], now["content"][kind]["schema"])

    def _answer(self, where: str, was: Schema, now: Schema | None) -> Iterator[Finding]:
        if now is None:
            yield Finding(where, "this success is gone")
            return
        was, now = resolved(was, self._before), resolved(now, self._after)
        for name in was.get("headers", {}).keys() - now.get("headers", {}).keys():
            yield Finding(where, f"the header {name} is gone")
        for kind, content in was.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield Finding(where, f"is not answered as {kind} any more")
            else:
                yield from self._answered(where, content["schema"], now["content"][kind]["schema"])

    # ---------------------------------------------------------------- what a request may hold

    def _asked(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        with self._once("asked", was, now) as is_new:
            if is_new:
                yield from self._asked_alternatives(where, was, now)

    def _asked_alternatives(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        known, taken = by_type(was, self._before), by_type(now, self._after)
        if known is None or taken is None:
            yield from _unjudged(where, was, now)
            return
        for kind, earlier in known.items():
            later = next((taken[each] for each in (kind, *wider(kind)) if each in taken), None)
            if later is None:
                yield Finding(where, f"{kind} is not taken any more")
            else:
                yield from self._asked_type(where, earlier, later)

    def _asked_type(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        yield from _bounds(where, was, now)
        lost = _values_lost(was.get("enum"), now.get("enum"))
        if lost:
            yield Finding(where, f"{lost} not taken any more")
        for word in sorted(now.keys() - JUDGED):
            if now[word] != was.get(word):
                yield Finding(where, f"{word} is {json.dumps(now[word])}, it was {json.dumps(was.get(word))}")
        if was.get("default") != now.get("default"):
            yield Finding(where, f"the default is {now.get('default')}, it was {was.get('default')}", False)
        yield from self._asked_properties(where, was, now)
        if "items" in now:
            yield from self._asked(f"{where}[]", was.get("items", {}), now["items"])

    def _asked_properties(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        known, taken = was.get("properties", {}), now.get("properties", {})
        for name in known:
            if name not in taken:
                yield Finding(f"{where}.{name}", "the property is gone")
            else:
                yield from self._asked(f"{where}.{name}", known[name], taken[name])
        for name in now.get("required", []):
            if name not in was.get("required", []):
                yield Finding(f"{where}.{name}", "the property is newly required")
        others, still = was.get("additionalProperties", True), now.get("additionalProperties", True)
        if others is not False and still is False:
            yield Finding(where, "other properties are not taken any more")
        elif others is not False and still is not True and others != still:
            yield from self._asked(f"{where}.*", {} if others is True else others, still)

    # ---------------------------------------------------------------- what an answer holds

    def _answered(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        with self._once("answered", was, now) as is_new:
            if is_new:
                yield from self._answered_alternatives(where, was, now)

    def _answered_alternatives(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        known, given = by_type(was, self._before), by_type(now, self._after)
        if known is None or given is None:
            yield from _unjudged(where, was, now)
        elif "any" not in known:
            for kind, later in given.items():
                earlier = next((known[each] for each in (kind, *wider(kind)) if each in known), None)
                if earlier is None:
                    yield Finding(where, f"may newly be {kind}, it was {' or '.join(known)}")
                else:
                    yield from self._answered_type(where, earlier, later)

    def _answered_type(self, where: str, was: Schema, now: Schema) -> Iterator[Finding]:
        new = _values_lost(now.get("enum"), was.get("enum"))
        if new:
            yield Finding(where, f"{new} newly possible", breaking=False)
        if was.get("format") != now.get("format"):
            yield Finding(where, f"its format is {now.get('format')}, it was {was.get('format')}")
        known, given = was.get("properties", {}), now.get("properties", {})
        for name in known:
            if name not in given:
                yield Finding(f"{where}.{name}", "the property is gone")
                continue
            if name in was.get("required", []) and name not in now.get("required", []):
                yield Finding(f"{where}.{name}", "the property may newly be missing")
            yield from self._answered(f"{where}.{name}", known[name], given[name])
        others, still = was.get("additionalProperties"), now.get("additionalProperties")
        if isinstance(others, dict):
            yield from self._answered(f"{where}.*", others, still if isinstance(still, dict) else {})
        if "items" in was:
            yield from self._answered(f"{where}[]", was["items"], now.get("items", {}))


def _scope(where: str, was: str | None, now: str | None) -> Iterator[Finding]:
    if now is not None and (was is None or not covers(frozenset({was}), now, for_agent=False)):
        yield Finding(where, f"needs the scope {now}, it was {was or 'open to all'}")


def _bounds(where: str, was: Schema, now: Schema) -> Iterator[Finding]:
    """Bounds that are new or tighter."""
    for word in LOWER_BOUNDS:
        if word in now and now[word] > was.get(word, float("-inf")) and now[word] > _floor(word):
            yield Finding(where, f"{word} is {now[word]}, it was {was.get(word, 'open')}")
    for word in UPPER_BOUNDS:
        if word in now and now[word] < was.get(word, float("inf")):
            yield Finding(where, f"{word} is {now[word]}, it was {was.get(word, 'open')}")


def _floor(word: str) -> float:
    """What a lower bound says nothing at: a length cannot be negative."""
    return float("-inf") if word == "minimum" else 0


def _values_lost(known: list[Any] | None, still: list[Any] | None) -> str:
    """Which of the values ``known`` are not in ``still``, and their verb; None stands for any value."""
    if still is None:
        return ""
    if known is None:
        return "a value outside the enum is"
    lost = [json.dumps(each) for each in known if each not in still]
    return f"{', '.join(lost)} {'is' if len(lost) == 1 else 'are'}" if lost else ""


def _unjudged(where: str, was: Schema, now: Schema) -> Iterator[Finding]:
    if was != now:
        yield Finding(where, "changed in a way that this check cannot judge")
