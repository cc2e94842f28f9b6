"""Checks objects against stripe-python's own type annotations.

The SDK's annotations are generated from Stripe's OpenAPI description. For an object, walked recursively:
every field that is there is annotated and has the annotated type (literal enums, nullability, lists,
expandable fields, and values that a field's documentation enumerates), and every field that is not optional
is there.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import types
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, ForwardRef, Literal, Union, get_args, get_origin

from stripe import ListObject, StripeObject
from stripe._object_classes import get_object_class
from stripe._stripe_object import UntypedStripeObject

_ENUMERATED = re.compile(
    r"(?:One of|Either|either|Possible values (?:are|include)|[Cc]an be):?\s+"
    r"((?:`[a-z0-9_]+`(?:, (?:or |and )?| or | and )?){2,})"
)


def problems_of(value: dict[str, Any], where: str = "$", *, partial: bool = False) -> list[str]:
    """What is wrong with an object that names its class in `object`; empty when it is as annotated.

    `partial` objects (an event's `previous_attributes`) may lack fields.
    """
    if value.get("object") == "list":
        return _check_list(value, None, where)
    return _check_object(value, class_of(value), where, partial=partial)


def class_of(value: dict[str, Any]) -> type[StripeObject]:
    """The SDK's class for an object."""
    return get_object_class("V1", value["object"])


def _check_object(value: dict[str, Any], cls: type[StripeObject], where: str, *, partial: bool = False) -> list[str]:
    known: Any = cls
    fields = _fields(known)
    found: list[str] = []
    for name, item in value.items():
        if name not in fields:
            found.append(f"{where}.{name}: {cls.__qualname__} has no such field")
            continue
        found += _check(item, fields[name], cls, f"{where}.{name}")
        if isinstance(item, str) and (enumerated := _documented(known).get(name)) and item not in enumerated:
            found.append(f"{where}.{name}: {item!r} is not among the documented {sorted(enumerated)}")
    gone = value.get("deleted") is True
    if not partial and not gone:
        found += [
            f"{where}.{name}: missing"
            for name, annotation in fields.items()
            if name not in value and not _is_optional(annotation)
        ]
    if cls.__qualname__ == "Event":
        found += _check_event_data(value, where)
    return found


def _check_event_data(value: dict[str, Any], where: str) -> list[str]:
    """The annotation leaves an event's object untyped; it names its own class."""
    data = value.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("object"), dict):
        return [f"{where}.data.object: missing"]
    subject = data["object"]
    found = problems_of(subject, f"{where}.data.object")
    previous = data.get("previous_attributes")
    if previous is not None:
        found += _check_object(previous, class_of(subject), f"{where}.data.previous_attributes", partial=True)
    return found


def _check(value: Any, annotation: Any, cls: type, where: str) -> list[str]:
    annotation = _resolve(annotation, cls)
    if annotation is Any:
        return []
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return _check_union(value, annotation, cls, where)
    if origin is Literal:
        return _verdict(_is_literal(value, get_args(annotation)), value, annotation, where)
    if origin is list:
        if not isinstance(value, list):
            return _verdict(False, value, annotation, where)
        (inner,) = get_args(annotation)
        return [bad for i, item in enumerate(value) for bad in _check(item, inner, cls, f"{where}[{i}]")]
    if origin is ListObject:
        return _check_list(value, get_args(annotation)[0], where, cls)
    if origin is UntypedStripeObject or annotation is UntypedStripeObject:
        return _check_untyped(value, get_args(annotation) or (Any,), cls, where)
    if isinstance(annotation, type) and issubclass(annotation, StripeObject):
        if not isinstance(value, dict):
            return _verdict(False, value, annotation, where)
        return _check_object(value, annotation, where)
    return _verdict(_is_scalar(value, annotation), value, annotation, where)


def _check_untyped(value: Any, arguments: tuple[Any, ...], cls: type, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is not a hash"]
    return [bad for name, item in value.items() for bad in _check(item, arguments[0], cls, f"{where}.{name}")]


def _check_list(value: Any, inner: Any, where: str, cls: type = StripeObject) -> list[str]:
    if not isinstance(value, dict) or value.get("object") != "list":
        return [f"{where}: {str(value)[:60]!r} is not a list object"]
    wanted = {"data": list, "has_more": bool, "url": str}
    found = [
        f"{where}.{name}: missing or not {kind.__name__}"
        for name, kind in wanted.items()
        if not isinstance(value.get(name), kind)
    ]
    found += [f"{where}.{name}: a list has no such field" for name in value if name not in (*wanted, "object")]
    for index, item in enumerate(value.get("data") or []):
        at = f"{where}.data[{index}]"
        found += problems_of(item, at) if inner is None else _check(item, inner, cls, at)
    return found


def _check_union(value: Any, annotation: Any, cls: type, where: str) -> list[str]:
    members = [_resolve(member, cls) for member in get_args(annotation)]
    if value is None:
        return _verdict(type(None) in members, value, annotation, where)
    literals = [word for member in members if get_origin(member) is Literal for word in get_args(member)]
    if literals and isinstance(value, str):
        # `Union[Literal[...], str]` keeps old clients alive when Stripe adds a word; the sandbox adds none.
        return _verdict(_is_literal(value, literals), value, f"one of {literals}", where)
    if isinstance(value, dict) and isinstance(value.get("object"), str):
        named = [member for member in members if getattr(member, "OBJECT_NAME", None) == value["object"]]
        members = named or members
    tries = [_check(value, member, cls, where) for member in members if member is not type(None)]
    return min(tries, key=len)


def _verdict(fits: bool, value: Any, annotation: Any, where: str) -> list[str]:
    return [] if fits else [f"{where}: {value!r} is not {annotation}"]


def _is_literal(value: Any, allowed: Any) -> bool:
    return any(type(word) is type(value) and word == value for word in allowed)


def _is_scalar(value: Any, annotation: Any) -> bool:
    if annotation is type(None):
        return value is None
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(annotation, type) and isinstance(value, annotation)


def _is_optional(annotation: Any) -> bool:
    return get_origin(annotation) is Union and type(None) in get_args(annotation)


def _is_class_variable(annotation: Any) -> bool:
    origin: Any = get_origin(annotation)
    return origin is ClassVar


@cache
def _fields(cls: Any) -> dict[str, Any]:
    own: dict[str, Any] = inspect.get_annotations(cls)
    return {
        name: annotation
        for name, annotation in own.items()
        if not name.startswith("_") and not _is_class_variable(annotation)
    }


def _resolve(annotation: Any, cls: type) -> Any:
    """A class for a name that the SDK imports only while type checking."""
    if isinstance(annotation, str):
        annotation = ForwardRef(annotation)
    if not isinstance(annotation, ForwardRef):
        return annotation
    name = annotation.__forward_arg__
    module = sys.modules[cls.__module__]
    if hasattr(module, name):
        return getattr(module, name)
    home, original = _type_checking_imports(cls.__module__)[name]
    return getattr(importlib.import_module(home), original)


@cache
def _tree(module_name: str) -> ast.Module:
    return ast.parse(inspect.getsource(sys.modules[module_name]))


@cache
def _type_checking_imports(module_name: str) -> dict[str, tuple[str, str]]:
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(_tree(module_name))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@cache
def _documented(cls: Any) -> dict[str, frozenset[str]]:
    """The values that a field's documentation enumerates, for fields that are annotated as plain strings."""
    body: list[ast.stmt] = _tree(cls.__module__).body
    for part in cls.__qualname__.split("."):
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == part)
    enumerated: dict[str, frozenset[str]] = {}
    for field, after in pairwise(body):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            matched = _ENUMERATED.search(str(after.value.value))
            if matched and "Literal" not in ast.unparse(field.annotation):
                enumerated[field.target.id] = frozenset(re.findall(r"`([a-z0-9_]+)`", matched.group(1)))
    return enumerated
