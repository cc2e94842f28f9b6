"""The wire models as JSON schemas of the API's description.

Field docs are the bare strings after the fields, read from the source: at run time they cost nothing. Enums that the
contract names are schemas of their own. What a request may hold is closed; what an answer holds may grow.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema
from refundkit import contracts

REF = "#/components/schemas/{model}"
Schema = dict[str, Any]


class Schemas:
    """The schemas of the models that requests (``asked``) and answers (``answered``) are made of."""

    def __init__(self, asked: Iterable[type[BaseModel]], answered: Iterable[type[BaseModel]]) -> None:
        requests = _definitions(asked, "validation")
        answers = {name: _open(schema) for name, schema in _definitions(answered, "serialization").items()}
        self._inputs = {name: f"{name}Input" for name in requests.keys() & answers.keys()}
        requests = {self._inputs.get(name, name): self._renamed(schema) for name, schema in requests.items()}
        enums = {name: {"type": "string", "enum": list(values)} for values, name in named_enums().items()}
        self._all: dict[str, Schema] = enums | requests | answers

    def asked(self, model: type[BaseModel]) -> Schema:
        """A reference to what a request of ``model`` holds."""
        return reference(self._inputs.get(model.__name__, model.__name__))

    def components(self, document: Any) -> dict[str, Schema]:
        """The schemas that ``document`` refers to, and those that they refer to, by name in order."""
        wanted: set[str] = set()
        found = references(document)
        while found:
            wanted |= found
            found = set().union(*(references(self._all[name]) for name in found)) - wanted
        return {name: self._all[name] for name in sorted(wanted)}

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, dict) and "$ref" in value:
            name = value["$ref"].rpartition("/")[2]
            return {**value, **reference(self._inputs.get(name, name))}
        return _mapped(value, self._renamed)


def reference(name: str) -> Schema:
    """A reference to the schema called ``name``."""
    return {"$ref": REF.format(model=name)}


def references(value: Any) -> set[str]:
    """The names of the schemas that ``value`` refers to anywhere."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = set().union(*(references(each) for each in inner))
    target = value.get("$ref") if isinstance(value, dict) else None
    prefix = REF.format(model="")
    return found | {target.removeprefix(prefix)} if isinstance(target, str) and target.startswith(prefix) else found


def query_fields(model: type[BaseModel]) -> list[tuple[str, bool, Schema]]:
    """A query's parameters: name, whether it must be given, and its schema. A query cannot say null."""
    schema = _definitions([model], "validation")[model.__name__]
    required = schema.get("required", [])
    return [(name, name in required, _without_null(field)) for name, field in schema["properties"].items()]


@cache
def named_enums() -> dict[tuple[str, ...], str]:
    """The contract's enums by their values: ``RefundStatus`` and the like."""
    found: dict[tuple[str, ...], str] = {}
    for each in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        for name, value in vars(importlib.import_module(each.name)).items():
            if get_origin(value) is Literal and not name.startswith("_"):
                found[get_args(value)] = name
    return found


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """What the source says of each field of ``model``, inherited ones too."""
    docs: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if issubclass(each, BaseModel) and each is not BaseModel:
            docs |= _own_docs(each)
    return docs


def _own_docs(model: type[BaseModel]) -> dict[str, str]:
    statements = _classes(inspect.getfile(model)).get(model.__name__, [])
    return {
        field.target.id: inspect.cleandoc(said.value.value)
        for field, said in itertools.pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }


@cache
def _classes(file: str) -> dict[str, list[ast.stmt]]:
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}


class Described(GenerateJsonSchema):
    """Pydantic's schemas with the fields' docs in them, and without the titles that only repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (the base class names it)
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        model = schema["cls"]
        shown = super().model_schema(schema)
        shown.pop("title", None)
        docs = field_docs(model)
        for name, field in model.model_fields.items():
            alias = field.alias or name
            shown["properties"][alias] = _tidied(shown["properties"][alias], docs.get(name))
        return shown


def _tidied(field: Schema, doc: str | None) -> Schema:
    """A field's schema with its doc outside of the choice between a value and null, and no default of null."""
    choices = [dict(choice) for choice in field.get("anyOf", [])]
    said = [choice.pop("description") for choice in choices if "description" in choice]
    rest = {name: value for name, value in field.items() if not (name == "default" and value is None)}
    texts = [text for text in (doc, rest.get("description"), *said) if text]
    described = {**rest, "anyOf": choices} if choices else rest
    return {**described, "description": " ".join(dict.fromkeys(texts))} if texts else described


def _definitions(models: Iterable[type[BaseModel]], mode: JsonSchemaMode) -> dict[str, Schema]:
    unique: dict[type[BaseModel], None] = dict.fromkeys(models)
    _, found = models_json_schema([(model, mode) for model in unique], ref_template=REF, schema_generator=Described)
    named: dict[str, Schema] = _with_named_enums(found.get("$defs", {}))
    return named


def _with_named_enums(value: Any) -> Any:
    name = named_enums().get(tuple(value["enum"])) if isinstance(value, dict) and "enum" in value else None
    if name is None:
        return _mapped(value, _with_named_enums)
    return {**{key: each for key, each in value.items() if key not in ("enum", "type")}, **reference(name)}


def _open(value: Any) -> Any:
    """An answer may get more properties in time: nobody should rely on there being none."""
    if isinstance(value, dict) and value.get("additionalProperties") is False:
        value = {name: each for name, each in value.items() if name != "additionalProperties"}
    return _mapped(value, _open)


def _without_null(field: Schema) -> Schema:
    choices = [choice for choice in field.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return field
    return {**choices[0], **{name: value for name, value in field.items() if name != "anyOf"}}


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: change(each) for name, each in value.items()}
    return [change(each) for each in value] if isinstance(value, list) else value
