"""Policies' documents in requests: everything that is wrong with one is told at once, by JSON pointers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.application.manage_policies import WantedPolicy
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.policy_documents import policy_of
from refundkit_core.domain.policy_faults import Fault, faults_of, pointer
from refundkit_core.domain.policy_import import import_faults, imported

if TYPE_CHECKING:
    from pydantic import BaseModel

MAX_FAULTS: Final = 500
_MAX_NAME: Final = 100
_CODES: Final = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "literal_error": "unknown_value",
    "string_pattern_mismatch": "malformed",
    "string_too_short": "out_of_range",
    "string_too_long": "out_of_range",
    "too_short": "out_of_range",
    "too_long": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than_equal": "out_of_range",
    "value_error": "malformed",
}
"""By pydantic's kind of error; every other one is of a wrong type."""
_SENTENCES: Final = {
    "missing": "Add this field",
    "extra_forbidden": "Leave this field out: there is none of this name",
}

_Values = Mapping[str, Any]


def policy_body(model: type[BaseModel], values: _Values) -> WantedPolicy:
    """The policy in a body. Raises Invalid with all of its faults."""
    _refuse(document_faults(model, values))
    return WantedPolicy(policy_of(values), values.get("merchantId"), values.get("revision"))


def import_body(model: type[BaseModel], values: _Values) -> WantedPolicy:
    """The policy that document 001's config in a body says. Raises Invalid with all of its faults."""
    _refuse(_faults(model, values, import_faults))
    document = imported(values)
    return WantedPolicy(policy_of(document), document["merchantId"])


def document_faults(model: type[BaseModel], values: _Values) -> list[Fault]:
    """All that is wrong with a document."""
    return _faults(model, values, faults_of)


def _faults(model: type[BaseModel], values: _Values, check: Callable[[_Values], list[Fault]]) -> list[Fault]:
    """Wrong shapes first, then what ``check`` finds in the rest."""
    from pydantic import ValidationError

    found: list[Fault] = []
    try:
        model.model_validate(values, by_name=False)
    except ValidationError as exc:
        problems = exc.errors(include_url=False, include_context=False, include_input=False)
        found = [_fault_of(problem) for problem in problems[:MAX_FAULTS]]
    found += check(values)
    return list(dict.fromkeys(_told(fault) for fault in found[:MAX_FAULTS]))


def _fault_of(problem: Mapping[str, Any]) -> Fault:
    kind = problem["type"]
    at = [part for part in problem["loc"] if part != "[key]"]
    said = _SENTENCES.get(kind) or problem["msg"].removeprefix("Value error, ")
    return Fault(pointer(*at), _CODES.get(kind, "wrong_type"), said)


def _told(fault: Fault) -> Fault:
    """The fault as it may be repeated: names that we did not choose are cut, and shown in plain letters."""
    parts = [part[:_MAX_NAME] for part in fault.pointer.split("/")]
    shown = "/".join(part if part.isascii() and part.isprintable() else ascii(part)[1:-1] for part in parts)
    return fault._replace(pointer=shown)


def _refuse(faults: list[Fault]) -> None:
    if faults:
        details = tuple(Detail(fault.pointer, fault.message) for fault in faults)
        raise Invalid("The policy is not as documented", details)
