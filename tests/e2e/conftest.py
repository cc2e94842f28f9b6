"""One whole stack on free ports for all tests of this folder: the real template, deployed by the real SAM CLI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import function_logs
from local.settings import ROOT, free_stack_settings
from local.stack import Stack
from tests.e2e.merchant import Merchant, new_merchant


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running stack."""
    if not (ROOT / "template.yaml").exists():
        pytest.skip("there is no template yet")
    with Stack(free_stack_settings(tmp_path_factory.mktemp("stack"))) as running:
        yield running
        function_logs.write_log(running.settings)


@pytest.fixture
def merchant(stack: Stack) -> Merchant:
    """An organization for one test: a key has 100 requests a minute, and lists hold only what the test did."""
    return new_merchant(stack, "merchant")


@pytest.fixture(scope="session")
def refused(stack: Stack) -> Merchant:
    """One organization for all requests that are refused and leave nothing behind: fewer than its key has a minute."""
    return new_merchant(stack, "refused")


@pytest.fixture
def other_merchant(stack: Stack) -> Merchant:
    """A second organization."""
    return new_merchant(stack, "other")
