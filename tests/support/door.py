"""An API's door without what is behind it: routes of a test's own, a fake container, and the log lines."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from refundkit_core.domain.tenancy import Admitted, Caller, Quota
from refundkit_core.entrypoints import container as containers
from refundkit_core.entrypoints import http, observability
from refundkit_core.entrypoints.http import Api

from tests.support.builders import TENANT

CALLER = Caller(TENANT, "key_1", "mem_1", frozenset({"refunds:read"}))
ADMITTED = Admitted(CALLER, Quota(100, 99, 42))
MILLISECONDS = 2_500
"""How long every request takes, by the door's clock."""


@dataclass
class Door:
    """An ``Api`` whose callers are admitted by the test."""

    api: Api = field(default_factory=Api)
    shown: list[str | None] = field(default_factory=list)
    """The ``Authorization`` headers that were asked about."""
    admits: Callable[[], Admitted] = lambda: ADMITTED
    log: io.StringIO = field(default_factory=io.StringIO)

    def authenticate(self, authorization: str | None) -> Admitted:
        """What the container's use case would be asked."""
        self.shown.append(authorization)
        return self.admits()

    def lines(self) -> list[dict[str, Any]]:
        """The log lines, without their time and the logger's name."""
        parsed = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [{name: line[name] for name in line if name not in ("timestamp", "service")} for line in parsed]


def open_door(monkeypatch: pytest.MonkeyPatch, name: str) -> Door:
    """A door whose log is kept under ``name``, and whose clock is on by ``MILLISECONDS`` at every look."""
    door = Door()
    logger = observability.build_logger(name, door.log)
    ticks = itertools.count(7_000, MILLISECONDS)
    monkeypatch.setattr(observability, "logger", lambda: logger)
    monkeypatch.setattr(containers, "own_container", lambda: SimpleNamespace(authenticate=door.authenticate))
    monkeypatch.setattr(http, "time", SimpleNamespace(perf_counter=lambda: next(ticks) / 1000))
    return door
