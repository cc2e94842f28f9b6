"""What Slack refuses about messages and windows: the limits of Block Kit that RefundKit's messages could meet.

Source: Slack's reference of Block Kit: section text 3,000 characters, button text 75, value 2,000, 50 blocks, a modal's
title 24 and its metadata 3,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

Json = dict[str, Any]
MAX_BLOCKS = 50
MAX_TEXT = 40_000


def faults_of_message(sent: Json) -> list[str]:
    """Slack's errors about a message; empty where it takes it."""
    blocks = sent.get("blocks") or []
    if not sent.get("text") and not blocks:
        return ["no_text"]
    if len(str(sent.get("text") or "")) > MAX_TEXT:
        return ["msg_too_long"]
    return ["invalid_blocks"] if list(_faults(blocks)) else []


def faults_of_modal(view: Json) -> list[str]:
    """What is wrong with a window."""
    faults = list(_faults(view.get("blocks") or []))
    if view.get("type") != "modal":
        faults.append("a window is of the type modal")
    faults += _text_faults(view.get("title"), "plain_text", 24)
    faults += _text_faults(view.get("submit") or {"type": "plain_text", "text": "-"}, "plain_text", 24)
    if len(str(view.get("private_metadata", ""))) > 3_000:
        faults.append("private_metadata is too long")
    has_input = any(block.get("type") == "input" for block in view.get("blocks") or [])
    return [*faults, "a window with inputs needs a submit"] if has_input and "submit" not in view else faults


def _faults(blocks: list[Json]) -> Iterator[str]:
    if len(blocks) > MAX_BLOCKS:
        yield "too many blocks"
    for block in blocks:
        checked = _CHECKS.get(block.get("type", ""))
        yield from [f"a block of the type {block.get('type')}"] if checked is None else checked(block)


def _section_faults(block: Json) -> Iterator[str]:
    fields = block.get("fields") or []
    if not fields and "text" not in block:
        yield "a section without text"
    for each in fields:
        yield from _text_faults(each, "mrkdwn", 2_000)
    if "text" in block:
        yield from _text_faults(block["text"], "mrkdwn", 3_000)


def _context_faults(block: Json) -> Iterator[str]:
    elements = block.get("elements", [])
    if not 1 <= len(elements) <= 10:
        yield "a context has 1 to 10 elements"
    for each in elements:
        yield from _text_faults(each, "mrkdwn", 3_000)


def _action_faults(block: Json) -> Iterator[str]:
    elements = block.get("elements", [])
    names = [element.get("action_id") for element in elements]
    if not 1 <= len(elements) <= 25 or len(set(names)) != len(names):
        yield "actions have 1 to 25 elements with names of their own"
    for element in elements:
        yield from _text_faults(element.get("text"), "plain_text", 75)
        if len(element.get("value", "")) > 2_000:
            yield "a value is too long"
        if element.get("style") not in (None, "primary", "danger"):
            yield "a style that is none"


def _text_faults(text: Any, kind: str, longest: int) -> list[str]:
    if not isinstance(text, dict) or text.get("type") not in (kind, "plain_text"):
        return [f"text of the type {kind} is missing"]
    return [] if 1 <= len(text.get("text", "")) <= longest else [f"a text of 1 to {longest} characters is needed"]


_CHECKS: dict[str, Callable[[Json], Iterable[str]]] = {
    "section": _section_faults,
    "context": _context_faults,
    "actions": _action_faults,
    "header": lambda block: _text_faults(block.get("text"), "plain_text", 150),
    "input": lambda block: _text_faults(block.get("label"), "plain_text", 2_000),
    "divider": lambda _block: [],
}
