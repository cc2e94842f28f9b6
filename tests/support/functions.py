"""The functions' modules, loaded from where the template says that they are."""

from __future__ import annotations

import importlib.util
from functools import cache
from types import ModuleType

from tests.support.template import ROOT


@cache
def function_module(name: str) -> ModuleType:
    """``functions/<name>/app.py``, imported once."""
    spec = importlib.util.spec_from_file_location(f"functions_{name}", ROOT / "functions" / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
