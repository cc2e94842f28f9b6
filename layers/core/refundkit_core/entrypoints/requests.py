"""The raw parts of an API Gateway request: body, query and headers, refused where they are not what they claim."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from refundkit_core.domain.errors import Detail, Invalid

MAX_BODY_BYTES: Final = 256 * 1024


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
    except (binascii.Error, UnicodeEncodeError) as exc:
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


def query_of(event: Mapping[str, Any]) -> dict[str, str]:
    """The query's parameters, each given once. Raises Invalid."""
    many: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    single: Mapping[str, str] = event.get("queryStringParameters") or {}
    repeated = [name for name, values in many.items() if len(values) > 1]
    if repeated:
        raise Invalid("A query parameter is given twice", tuple(Detail(name, "Give it once") for name in repeated))
    return dict(single)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise Invalid("The body has a name twice in one object")
    return unique


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not a JSON value")
