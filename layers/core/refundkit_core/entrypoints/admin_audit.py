"""The command ``audit`` of ``refundkit-admin``: list the trail, verify its chain, queue what is not in it."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Final

from refundkit_core.application.verify_chain import Verification
from refundkit_core.domain.errors import Invalid
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import EARLIEST, iso
from refundkit_core.entrypoints.admin_commands import HAS_FINDINGS
from refundkit_core.entrypoints.admin_terminal import Terminal
from refundkit_core.entrypoints.container import Container


def show(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``audit``"""
    if options.environment and not options.organization:
        raise Invalid("An environment is an organization's: --organization")
    if options.environment and options.what != "list":
        raise Invalid("A chain is a whole organization's: leave out --environment")
    return ACTIONS[options.what](container, options, terminal)


def _list(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``audit list``"""
    whose = Tenant(options.organization, options.environment) if options.environment else options.organization
    rows = [
        {
            "at": iso(entry.at),
            "entry": entry.id,
            "actor": entry.actor,
            "command": entry.command,
            "target": entry.target,
            "because": entry.because,
        }
        for entry in container.trail.of(whose)
    ]
    terminal.rows(rows, "nothing was done by hand")
    return 0


def _verify(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``audit verify``: the whole chain, part by part, up to the first fault."""
    seen = container.verify_chain(options.organization, math.inf)
    parts = [seen]
    while seen.position is not None:
        terminal.progress(f"{sum(part.entries for part in parts)} looked at …")
        seen = container.verify_chain(options.organization, math.inf, seen.position)
        parts.append(seen)
    terminal.facts(_facts(parts))
    return 0 if all(part.ok for part in parts) else HAS_FINDINGS


def _facts(parts: list[Verification]) -> dict[str, object]:
    head, fault = parts[-1].head, parts[-1].fault
    return {
        "ok": all(part.ok for part in parts),
        "blocks": sum(part.blocks for part in parts),
        "headNumber": head.number if head else 0,
        "headHash": head.hash if head else None,
        "fault": fault.kind if fault else None,
        "faultyBlock": fault.block if fault else None,
        "faultyEntry": fault.entry if fault else None,
        "unchained": [place.id for part in parts for place in part.unchained],
    }


def _requeue(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``audit requeue``: what is in no block, since ever."""
    terminal.facts(container.queue_unchained.of(options.organization, EARLIEST)._asdict())
    return 0


ACTIONS: Final[Mapping[str, Callable[[Container, Namespace, Terminal], int]]] = {
    "list": _list,
    "verify": _verify,
    "requeue": _requeue,
}
