"""One sandbox for all tests, emptied before each; a merchant with its own account for each test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

sys.path.insert(0, str(Path(__file__).parents[3]))

from local.stripe_sandbox import SandboxServer

from .helpers import Merchant, control


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxServer]:
    stripe.enable_telemetry = False
    with SandboxServer(port=0) as server:
        yield server


@pytest.fixture
def sandbox(running_sandbox: SandboxServer) -> SandboxServer:
    control(running_sandbox, "POST", "/_sandbox/reset", {"accounts": True})
    control(running_sandbox, "POST", "/_sandbox/clock", {"reset": True})
    return running_sandbox


@pytest.fixture
def merchant(sandbox: SandboxServer) -> Merchant:
    return Merchant(sandbox, "acme")
