"""Form decoding: `a[b][0]=c` becomes nested dicts with text keys. Lists stay dicts until a spec asks for one,
because `metadata[0]=x` is a hash and `expand[0]=x` is a list."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote_to_bytes

from local.stripe_sandbox.errors import StripeError, invalid

MAX_FIELDS = 1000
MAX_DEPTH = 6
MAX_NAME_CHARS = 500
_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_SEGMENT = re.compile(r"\[([^\[\]]*)\]")

Form = dict[str, Any]


def decode_form(*encoded: bytes) -> Form:
    """Decode query strings and bodies into one nested form.

    Raises: StripeError (400) for anything that is not a well-formed, bounded form in UTF-8.
    """
    form: Form = {}
    seen = 0
    for piece in encoded:
        for pair in piece.split(b"&"):
            if not pair:
                continue
            seen += 1
            if seen > MAX_FIELDS:
                raise invalid(f"Too many parameters: no more than {MAX_FIELDS} are read.")
            name, _, value = pair.partition(b"=")
            _store(form, _text(name), _text(value))
    return form


def _text(raw: bytes) -> str:
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise invalid("Invalid string: a parameter is not valid UTF-8.") from exc
    if "\x00" in text:
        raise invalid("Invalid string: a parameter contains a null byte.")
    return text


def _store(form: Form, name: str, value: str) -> None:
    matched = _NAME.match(name) if len(name) <= MAX_NAME_CHARS else None
    if matched is None:
        raise _malformed(name)
    path = [matched.group(1), *_SEGMENT.findall(matched.group(2))]
    if len(path) > MAX_DEPTH:
        raise invalid(f"Parameters are nested too deeply: no more than {MAX_DEPTH} levels are read.")
    target = form
    for segment in path[:-1]:
        target = _descend(target, segment, name)
    last = path[-1] or str(len(target))
    if isinstance(target.get(last), dict):
        raise _malformed(name)
    target[last] = value


def _descend(form: Form, segment: str, name: str) -> Form:
    inner = form.setdefault(segment or str(len(form)), {})
    if not isinstance(inner, dict):
        raise _malformed(name)
    return inner


def _malformed(name: str) -> StripeError:
    return invalid(f"Invalid parameter name: {name[:100]!r} cannot be read.", name[:100])
