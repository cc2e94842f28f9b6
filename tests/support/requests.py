"""API Gateway proxy events, routed by the template as the gateway routes them."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.template import resources


def routes() -> dict[tuple[str, str], str]:
    """(METHOD, resource path) to the folder of the function that serves it, read from the template."""
    table = {}
    for function in resources("AWS::Serverless::Function").values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "Api":
                route = (event["Properties"]["Method"].upper(), event["Properties"]["Path"])
                table[route] = function["Properties"]["CodeUri"].removeprefix("functions/")
    return table


def gateway_event(
    method: str, path: str, body: Any = None, *, key: str | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """The event that the gateway makes of a request; ``function`` in it names who gets it.

    ``body`` may be anything JSON knows, a str (sent as it is) or bytes (sent in base64).
    """
    split = urlsplit(path)
    resource, parameters = _match(method, split.path)
    query = parse_qs(split.query, keep_blank_values=True)
    sent = {"content-type": "application/json", **(headers or {})}
    if key is not None:
        sent["authorization"] = f"Bearer {key}"
    is_bytes = isinstance(body, bytes)
    text = base64.b64encode(body).decode() if is_bytes else body if isinstance(body, str) else json.dumps(body)
    return {
        "function": routes()[method, resource],
        "resource": resource,
        "path": split.path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": parameters or None,
        "requestContext": {"requestId": "request-1", "resourcePath": resource, "httpMethod": method},
        "body": None if body is None else text,
        "isBase64Encoded": is_bytes,
    }


def _match(method: str, path: str) -> tuple[str, dict[str, str]]:
    parts = path.strip("/").split("/")
    for known_method, resource in routes():
        wanted = resource.strip("/").split("/")
        if known_method != method or len(wanted) != len(parts) or "{proxy+}" in resource:
            continue
        if all(is_parameter(name) or name == part for name, part in zip(wanted, parts, strict=True)):
            pairs = zip(wanted, parts, strict=True)
            return resource, {name.strip("{}"): part for name, part in pairs if is_parameter(name)}
    return "/{proxy+}", {"proxy": path.strip("/")}


def is_parameter(part: str) -> bool:
    """Whether a part of a resource path stands for anything."""
    return part.startswith("{")
