"""What changed between two policies: rules are known by what they are for, not by where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from refundkit_core.domain.policies import Policy, Rule
from refundkit_core.domain.policy_documents import rule_spelled_out, spelled_out
from refundkit_core.domain.policy_faults import pointer

Kind = Literal["added", "removed", "changed"]
_Document = Mapping[str, Any]


class Change(NamedTuple):
    """One change. ``pointer`` leads into the later document, or into the earlier one where it is gone from the later.

    ``before`` and ``after`` are as in documents; None where it was not, or is not, said.
    """

    pointer: str
    kind: Kind
    before: Any
    after: Any
    message: str


def changes(before: Policy, after: Policy) -> list[Change]:
    """All that changed from ``before`` to ``after``: rules first, in the order of ``after``, then everything else."""
    was, now = spelled_out(before), spelled_out(after)
    return [*_rule_changes(before.rules, after.rules), *_changes_of(_without_rules(was), _without_rules(now))]


def _rule_changes(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Change]:
    was, now = _by_subject(before), _by_subject(after)
    for subject, (index, rule) in now.items():
        if subject not in was:
            said = f"A rule was added for {_called(subject)}"
            yield Change(pointer("rules", index), "added", None, rule_spelled_out(rule), said)
        else:
            yield from _changes_of(
                rule_spelled_out(was[subject][1]), rule_spelled_out(rule), ("rules", index), f" for {_called(subject)}"
            )
    for subject, (index, rule) in was.items():
        if subject not in now:
            said = f"The rule for {_called(subject)} was removed"
            yield Change(pointer("rules", index), "removed", rule_spelled_out(rule), None, said)


_Subject = tuple[str, str, int]
"""What a rule is for: kind, name, and which of several rules for the same it is, in the order of their times."""


def _by_subject(rules: tuple[Rule, ...]) -> dict[_Subject, tuple[int, Rule]]:
    named: dict[tuple[str, str], list[tuple[str, int, Rule]]] = {}
    for index, rule in enumerate(rules):
        kind = "sku" if rule.sku is not None else "category"
        since = "" if rule.effective_from is None else rule.effective_from.isoformat()
        named.setdefault((kind, rule.sku or rule.category or ""), []).append((since, index, rule))
    ordered = {
        (*subject, place): (index, rule)
        for subject, same in named.items()
        for place, (_, index, rule) in enumerate(sorted(same, key=lambda each: each[:2]))
    }
    return dict(sorted(ordered.items(), key=lambda each: each[1][0]))


def _called(subject: _Subject) -> str:
    kind, name, place = subject
    return f"the {kind} {name}" + (f" (period {place + 1})" if place else "")


def _without_rules(document: _Document) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "rules"}


def _changes_of(was: _Document, now: _Document, at: tuple[str | int, ...] = (), whose: str = "") -> Iterator[Change]:
    for name in [*now, *(name for name in was if name not in now)]:
        before, after = was.get(name), now.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _changes_of(before, after, (*at, name), whose)
        elif before != after:
            yield _change(before, after, (*at, name), whose)


def _change(before: Any, after: Any, at: tuple[str | int, ...], whose: str) -> Change:
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    verb = {
        "added": f"was set to {_shown(after)}",
        "removed": f"was removed; it was {_shown(before)}",
        "changed": f"was changed from {_shown(before)} to {_shown(after)}",
    }[kind]
    return Change(pointer(*at), kind, before, after, f"{at[-1]}{whose} {verb}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)
