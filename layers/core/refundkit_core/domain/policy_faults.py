"""What is wrong with a policy's document: everything at once, each fault with the place where it stands.

Places are JSON pointers (RFC 6901). Messages say what to do, and repeat no value of the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from refundkit_core.domain.policies import DEFAULT_CATEGORY, above
from refundkit_core.domain.risk_signals import SIGNALS
from refundkit_core.domain.times import iso, parse_iso

MAX_RULES: Final = 500
MAX_CATEGORIES: Final = 1_000
MAX_NAME: Final = 100
"""What is beyond these bounds is a fault of its own, and is not looked at any further."""

_BARRED: Final = ("finalSale", "nonRefundable")
_GRANTED: Final = ("exchangeOnly", "storeCreditOnly", "requiresReturn", "requiresReview")
_ALWAYS: Final = datetime.min.replace(tzinfo=UTC)
_NEVER_ENDS: Final = datetime.max.replace(tzinfo=UTC)

_Object = Mapping[str, Any]


class Fault(NamedTuple):
    """One thing that is wrong: where, a stable code for programs, and a sentence that says what to do."""

    pointer: str
    code: str
    message: str


def pointer(*parts: str | int) -> str:
    """The JSON pointer to a place, from the document's root."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def faults_of(document: _Object) -> list[Fault]:
    """What a document's fields are wrong about with each other, in the order of the document.

    A value of another type than documented is left to whoever checks types: it takes part in nothing here.
    """
    rules = document.get("rules")
    rules = rules if isinstance(rules, list) and len(rules) <= MAX_RULES else []
    found: list[Fault] = []
    for index, rule in enumerate(rules):
        if isinstance(rule, Mapping):
            found += _faults_of_rule(index, rule)
    found += _overlaps(rules)
    found += _default_faults(rules) if all(_is_named(rule) for rule in rules) and rules else []
    found += _faults_of_limits(_object(document, "globalLimits"))
    found += _cycles(_object(document, "categories"))
    found += _repeated(document.get("nonRefundableFlags"), "nonRefundableFlags")
    found += _unknown_signals(_object(_object(document, "risk"), "weights"))
    return found


def _faults_of_rule(index: int, rule: _Object) -> Iterator[Fault]:
    at = ("rules", index)
    named = [name for name in ("sku", "category") if rule.get(name) is not None]
    if not named:
        yield Fault(pointer(*at), "rule_without_subject", "Name a category or a sku that the rule is for")
    if len(named) > 1:
        yield Fault(pointer(*at, "sku"), "rule_with_two_subjects", "Name either a category or a sku, not both")
    yield from _contradictions(at, rule)
    since, until = _time(rule, "effectiveFrom"), _time(rule, "effectiveUntil")
    if since is not None and until is not None and until <= since:
        said = "End the rule after it begins: effectiveUntil is not after effectiveFrom"
        yield Fault(pointer(*at, "effectiveUntil"), "ends_before_it_begins", said)
    least, most = _number(rule, "minAmount"), _number(rule, "maxAmount")
    if least is not None and most is not None and least > most:
        yield Fault(pointer(*at, "minAmount"), "min_above_max", "Make minAmount no more than maxAmount")
    yield from _idle_buffer(at, rule)
    yield from _repeated(rule.get("conditions"), *at, "conditions")


def _contradictions(at: tuple[str, int], rule: _Object) -> Iterator[Fault]:
    barred = [name for name in _BARRED if rule.get(name) is True]
    if barred:
        for name in (each for each in _GRANTED if rule.get(each) is True):
            said = f"Set either {barred[0]} or {name}: what cannot be refunded at all takes no other way either"
            yield Fault(pointer(*at, name), "contradictory_flags", said)
    if rule.get("exchangeOnly") is True and rule.get("storeCreditOnly") is True:
        said = "Set either exchangeOnly or storeCreditOnly: an exchange pays nothing"
        yield Fault(pointer(*at, "storeCreditOnly"), "contradictory_flags", said)


def _idle_buffer(at: tuple[str, int], rule: _Object) -> Iterator[Fault]:
    if not _number(rule, "fulfilmentBufferDays"):
        return
    here = pointer(*at, "fulfilmentBufferDays")
    if rule.get("returnWindowDays") is None:
        yield Fault(here, "unused_buffer", "Set returnWindowDays as well, or leave the buffer out: there is no window")
    elif rule.get("windowStartsAt") == "purchase":
        said = "Start the window at delivery or fulfilment, or leave the buffer out: a purchase needs none"
        yield Fault(here, "unused_buffer", said)


def _overlaps(rules: list[Any]) -> Iterator[Fault]:
    """Every rule that holds at the same time as an earlier one for the same article or category."""
    earlier: dict[tuple[str, str], list[tuple[int, datetime, datetime]]] = {}
    for index, rule in enumerate(rules):
        for kind in ("sku", "category"):
            name = rule.get(kind) if isinstance(rule, Mapping) else None
            if not isinstance(name, str):
                continue
            since, until = _time(rule, "effectiveFrom") or _ALWAYS, _time(rule, "effectiveUntil") or _NEVER_ENDS
            same = earlier.setdefault((kind, name), [])
            clash = next((number for number, begins, ends in same if begins < until and since < ends), None)
            if clash is not None:
                said = f"Rule {clash} is for the same {kind} at the same time: merge the two, or part their times"
                yield Fault(pointer("rules", index), "overlapping_rules", said)
            same.append((index, since, until))


def _is_named(rule: Any) -> bool:
    """Whether it can be told what the rule is for, and when."""
    if not isinstance(rule, Mapping):
        return False
    timed = (rule.get(name) is None or _time(rule, name) is not None for name in ("effectiveFrom", "effectiveUntil"))
    return isinstance(rule.get("category"), str | None) and all(timed)


def _default_faults(rules: list[_Object]) -> Iterator[Fault]:
    """The default rule is for everything that no other rule is for: it must be there, at any time."""
    times = sorted(
        (_time(rule, "effectiveFrom") or _ALWAYS, _time(rule, "effectiveUntil") or _NEVER_ENDS)
        for rule in rules
        if rule.get("category") == DEFAULT_CATEGORY
    )
    if not times:
        yield Fault("/rules", "no_default_rule", "Add a rule for the category default")
        return
    reached = _ALWAYS
    for since, until in times:
        if since > reached:
            break
        reached = max(reached, until)
    if reached < _NEVER_ENDS:
        said = "Have a rule for the category default at any time: the ones that there are leave some time out"
        yield Fault("/rules", "default_rule_has_gaps", said)


def _faults_of_limits(limits: _Object) -> Iterator[Fault]:
    threshold, review = _number(limits, "autoApproveThreshold"), _number(limits, "requireReviewAbove")
    if threshold is not None and review is not None and threshold > review:
        said = "Make autoApproveThreshold no more than requireReviewAbove"
        yield Fault(pointer("globalLimits", "autoApproveThreshold"), "threshold_above_review", said)
    risk, refused = _number(limits, "autoApproveMaxRisk"), _number(limits, "refuseAtRisk")
    if risk is not None and refused is not None and risk > refused:
        said = "Make autoApproveMaxRisk no more than refuseAtRisk"
        yield Fault(pointer("globalLimits", "autoApproveMaxRisk"), "risk_above_refusal", said)


def _cycles(categories: _Object) -> Iterator[Fault]:
    """Every category that is above itself; each step upwards is taken once, however the categories hang together."""
    if len(categories) > MAX_CATEGORIES:
        return
    parents = {child: parent for child, parent in categories.items() if _is_name(child) and _is_name(parent)}
    settled: set[str] = set()
    circles: set[str] = set()
    for child in parents:
        trail: list[str] = []
        step: str | None = child
        while step is not None and step not in settled:
            settled.add(step)
            trail.append(step)
            step = above(step, parents)
        if step in trail:
            circles.update(trail[trail.index(step) :])
    for child in parents:
        if child in circles:
            said = "Break the circle: a category is above itself here"
            yield Fault(pointer("categories", child), "cyclic_categories", said)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


def _repeated(values: Any, *at: str | int) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, value in enumerate(values if isinstance(values, list) else ()):
        if isinstance(value, str) and value in seen:
            yield Fault(pointer(*at, index), "repeated", "Say it once")
        if isinstance(value, str):
            seen.add(value)


def _unknown_signals(weights: _Object) -> Iterator[Fault]:
    for name in weights:
        if name not in SIGNALS:
            said = f"Weigh one of the signals that there are: {', '.join(SIGNALS)}"
            yield Fault(pointer("risk", "weights", name), "unknown_signal", said)


def _object(document: _Object, name: str) -> _Object:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}


def _number(document: _Object, name: str) -> int | None:
    value = document.get(name)
    return value if type(value) is int else None


def _time(document: _Object, name: str) -> datetime | None:
    """To the millisecond, as it is kept."""
    value = document.get(name)
    try:
        return parse_iso(iso(parse_iso(value))) if isinstance(value, str) and value.endswith("Z") else None
    except ValueError:  # whoever checks types says so
        return None
