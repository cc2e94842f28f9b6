"""The parts of an API Gateway request: body, query and headers, refused where they are not what they should be."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.times import parse_iso

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

MAX_BODY_BYTES: Final = 256 * 1024
MAX_KEY_LENGTH: Final = 255
_MAX_DETAILS: Final = 20
_MAX_NAME: Final = 60


class TooLarge(Invalid):
    """The body is over 256 KB (413)."""


def header(event: Mapping[str, Any], name: str) -> str | None:
    """A header's value, whatever case its name has; None where it is absent."""
    headers: Mapping[str, str] = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), None)


def raw_body(event: Mapping[str, Any]) -> bytes:
    """The body's bytes as they were sent.

    Raises:
        TooLarge: over 256 KB.
        Invalid: not the base64 or text that the gateway says.
    """
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except ValueError as exc:  # of base64, of text that is no ASCII where base64 is said, of lone surrogates
        raise Invalid("The body is not valid UTF-8") from exc
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(f"The body is over {MAX_BODY_BYTES} bytes")
    return body


def body_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The body's JSON object: UTF-8, no name twice, no NaN, no nesting beyond reason. Raises Invalid."""
    body = raw_body(event)
    content_type = (header(event, "content-type") or "").partition(";")[0].strip().lower()
    if content_type != "application/json":
        raise Invalid("Send JSON with Content-Type: application/json", (Detail("Content-Type", "application/json"),))
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError as exc:
        raise Invalid("The body is not valid UTF-8") from exc
    except RecursionError as exc:
        raise Invalid("The body is nested too deeply") from exc
    except ValueError as exc:
        raise Invalid("The body is not valid JSON") from exc
    if not isinstance(value, dict):
        raise Invalid("The body must be a JSON object")
    return value


def idempotency_key(event: Mapping[str, Any]) -> str | None:
    """The ``Idempotency-Key`` header.

    Raises Invalid where it is not 1 to 255 printable ASCII characters, or its source is not one that we know: taken for
    a key of the caller's own, it would lift the check for a twin.
    """
    if header(event, "idempotency-key-source") not in (None, "generated"):
        detail = Detail("Idempotency-Key-Source", "generated")
        raise Invalid("The source of the idempotency key is unknown", (detail,))
    key = header(event, "idempotency-key")
    if key is not None and not (1 <= len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        detail = Detail("Idempotency-Key", f"1 to {MAX_KEY_LENGTH} printable ASCII characters")
        raise Invalid("The idempotency key is malformed", (detail,))
    return key


def query_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The query's parameters, each given once. Raises Invalid."""
    many: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    single: Mapping[str, str] = event.get("queryStringParameters") or {}
    repeated = [name for name, values in many.items() if len(values) > 1]
    if repeated:
        raise Invalid(
            "A query parameter is given twice", tuple(Detail(_spelled(name), "Give it once") for name in repeated)
        )
    return dict(single)


def moment(text: str | None) -> datetime | None:
    """The time that a caller stated, which was found well-formed before."""
    return None if text is None else parse_iso(text)


def known_moment(text: str) -> datetime:
    """The time that a caller had to state."""
    return parse_iso(text)


def refuse_unknown(event: Mapping[str, Any], *, takes_body: bool, takes_query: bool) -> None:
    """Refuse what a route does not take at all; an empty object passes, for clients that always send one.

    Raises Invalid.
    """
    if not takes_body and raw_body(event).strip() and body_of(event):
        raise Invalid("This route takes no body")
    if not takes_query and (given := query_of(event)):
        details = tuple(Detail(_spelled(name), "This route takes no such parameter") for name in given)
        raise Invalid("The request is not as documented", details[:_MAX_DETAILS])


def validated(model: type[BaseModel], values: Mapping[str, Any]) -> BaseModel:
    """``values`` as ``model``. Raises Invalid."""
    from pydantic import ValidationError  # a function without models never loads the library

    try:
        return model.model_validate(values, by_name=False)
    except ValidationError as exc:
        raise _invalid(exc) from exc


def _invalid(exc: ValidationError) -> Invalid:
    """What was wrong with a request, field by field, without the values: they may be secrets."""
    problems = exc.errors(include_url=False, include_context=False, include_input=False)
    details = tuple(
        Detail(".".join(_spelled(part) for part in problem["loc"]), problem["msg"].removeprefix("Value error, "))
        for problem in problems[:_MAX_DETAILS]
    )
    return Invalid(_summary(str(problems[0]["type"]), details[0].field), details)


def _spelled(part: int | str) -> str:
    """A field's name as it may be repeated: names that we did not choose are cut, and shown in plain letters."""
    text = str(part)[:_MAX_NAME]
    return text if text.isascii() and text.isprintable() else ascii(text)[1:-1]


def _summary(kind: str, path: str) -> str:
    """The first problem in a sentence, where it is one of the common ones."""
    label = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", path).capitalize()
    label = re.sub(r"\bid\b", "ID", label)
    if kind in ("missing", "string_too_short"):
        return f"{label} is required"
    if kind == "greater_than":
        return f"{label} must be positive"
    return "The request is not as documented"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise Invalid("The body has a name twice in one object")
    return unique


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not a JSON value")
