"""Finding a Python that really runs, among shims that only look like one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local import interpreters
from local.console import StepFailed

HERE = (sys.version_info.major, sys.version_info.minor)


def shim(folder: Path, name: str, script: str) -> Path:
    """An executable called `name`, as version managers and distributions leave them in PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def answering(version: tuple[int, int], path: str = "/opt/python") -> str:
    """A script that answers the probe as that Python would."""
    return f'echo "{version[0]} {version[1]} {path}"'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An empty PATH and home."""
    return {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path / "home")}


def test_a_shim_that_exists_and_fails_is_passed_over(tmp_path: Path, environ: dict[str, str]) -> None:
    shim(tmp_path / "bin", "python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    shim(tmp_path / "bin", "python3.12", answering((3, 12)))
    found = interpreters.best({**environ, "PATH": f"{environ['PATH']}:/bin"})
    assert found.version in ((3, 13), (3, 12))
    assert found.path != str(tmp_path / "bin" / "python3.13")


def test_the_real_one_is_found_in_the_version_managers_folder(tmp_path: Path, environ: dict[str, str]) -> None:
    shim(tmp_path / "bin", "python3.13", "exit 1")
    real = shim(tmp_path / "home/.pyenv/versions/3.13.0/bin", "python3.13", answering((3, 13), "/real/python3.13"))
    assert real.exists()
    assert interpreters.best(environ) == interpreters.Interpreter((3, 13), "/real/python3.13")


def test_the_newest_is_preferred(tmp_path: Path, environ: dict[str, str]) -> None:
    for minor in (11, 12, 13):
        shim(tmp_path / "bin", f"python3.{minor}", answering((3, minor), f"/opt/python3.{minor}"))
    assert interpreters.best(environ).path == "/opt/python3.13"


def test_python3_counts_by_its_version_and_not_by_its_name(tmp_path: Path, environ: dict[str, str]) -> None:
    shim(tmp_path / "bin", "python3", answering((3, 12), "/usr/bin/python3.12"))
    assert interpreters.find((3, 12), environ) == interpreters.Interpreter((3, 12), "/usr/bin/python3.12")


def test_a_python_without_venv_does_not_count(tmp_path: Path) -> None:
    broken = shim(tmp_path, "python3.13", "echo \"ModuleNotFoundError: No module named 'ensurepip'\" >&2; exit 1")
    assert interpreters.probe(str(broken)) is None


def test_a_program_that_hangs_does_not_stop_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "PROBE_TIMEOUT_S", 0.2)
    assert interpreters.probe(str(shim(tmp_path, "python3.13", "exec sleep 30"))) is None


def test_the_setting_wins(tmp_path: Path, environ: dict[str, str]) -> None:
    shim(tmp_path / "bin", "python3.13", answering((3, 13)))
    assert interpreters.best({**environ, "REFUNDKIT_PYTHON": sys.executable}).version == HERE


def test_a_setting_that_does_not_run_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(StepFailed, match="REFUNDKIT_PYTHON=/nowhere/python does not run"):
        interpreters.best({**environ, "REFUNDKIT_PYTHON": "/nowhere/python"})


def test_a_setting_of_an_unsupported_version_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    old = shim(tmp_path, "python3.9", answering((3, 9)))
    with pytest.raises(StepFailed, match=r"is python3\.9; RefundKit runs on 3\.11, 3\.12, 3\.13"):
        interpreters.best({**environ, "REFUNDKIT_PYTHON": str(old)})


def test_where_nothing_runs_the_error_says_what_to_install(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "probe", lambda _: None)
    with pytest.raises(StepFailed) as caught:
        interpreters.best(environ)
    assert "3.11, 3.12, 3.13" in str(caught.value)
    assert "REFUNDKIT_PYTHON" in caught.value.advice
