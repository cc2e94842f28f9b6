"""Find a Python that really runs.

A `python3.13` in PATH proves nothing: version managers put a shim there that exits with an error when
that version is not switched on. So every candidate is asked for its version, and for the modules that
making an environment needs. Runs on any Python 3.8 or newer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Mapping, NamedTuple, Optional

from local.console import StepFailed

SUPPORTED = ((3, 13), (3, 12), (3, 11))
"""Lambda runtimes that the code supports, the preferred first."""

OVERRIDE = "REFUNDKIT_PYTHON"
PROBE_TIMEOUT_S = 20
_PROBE = "import ensurepip, venv, sys; print(sys.version_info[0], sys.version_info[1], sys.executable)"


class Interpreter(NamedTuple):
    """A Python that was started and answered. `path` is the real executable, not a shim."""

    version: tuple[int, int]
    path: str

    @property
    def runtime(self) -> str:
        """The name of the Lambda runtime with this version, such as `python3.13`."""
        return f"python{self.version[0]}.{self.version[1]}"


def probe(candidate: str) -> Optional[Interpreter]:
    """Start `candidate` and ask who it is; None when it fails, hangs or lacks venv or ensurepip."""
    clean = {key: text for key, text in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        answer = subprocess.run(
            [candidate, "-I", "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            env=clean,
            check=True,
        ).stdout.split(maxsplit=2)
        return Interpreter((int(answer[0]), int(answer[1])), answer[2].strip())
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def candidates(version: tuple[int, int], environ: Mapping[str, str]) -> list[str]:
    """Paths that may be a Python of `version`, the likeliest first, each once."""
    name = f"python{version[0]}.{version[1]}"
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    found = [os.path.join(folder, file) for folder in folders for file in (name, "python3")]
    home = Path(environ.get("HOME", "/nonexistent"))
    homes = [Path(environ[key]) for key in ("PYENV_ROOT",) if environ.get(key)] + [home / ".pyenv"]
    patterns = [(root / "versions", f"{version[0]}.{version[1]}*/bin/{name}") for root in homes]
    patterns.append((home / ".local/share/uv/python", f"cpython-{version[0]}.{version[1]}*/bin/{name}"))
    patterns.append((home / ".asdf/installs/python", f"{version[0]}.{version[1]}*/bin/{name}"))
    for root, pattern in patterns:
        found += sorted((str(path) for path in root.glob(pattern)), reverse=True)
    if sys.version_info[:2] == version:
        found.append(sys.executable)
    runnable = (path for path in found if os.path.isfile(path) and os.access(path, os.X_OK))
    return list(dict.fromkeys(runnable))


def find(version: tuple[int, int], environ: Optional[Mapping[str, str]] = None) -> Optional[Interpreter]:
    """The first candidate that runs and is exactly `version`, or None."""
    for path in candidates(version, os.environ if environ is None else environ):
        interpreter = probe(path)
        if interpreter and interpreter.version == version:
            return interpreter
    return None


def best(environ: Optional[Mapping[str, str]] = None) -> Interpreter:
    """The interpreter to use: `REFUNDKIT_PYTHON` where set, else the newest supported one found.

    Raises:
        StepFailed: none runs, or the one asked for does not, or is of an unsupported version.
    """
    settings = os.environ if environ is None else environ
    wanted = settings.get(OVERRIDE, "").strip()
    names = ", ".join(f"{major}.{minor}" for major, minor in reversed(SUPPORTED))
    if wanted:
        chosen = probe(wanted)
        if chosen is None:
            raise StepFailed(
                f"{OVERRIDE}={wanted} does not run, or lacks the venv and ensurepip modules",
                f"point it at a Python of version {names}, or unset it",
            )
        if chosen.version not in SUPPORTED:
            raise StepFailed(f"{OVERRIDE}={wanted} is {chosen.runtime}; RefundKit runs on {names}")
        return chosen
    for version in SUPPORTED:
        found = find(version, settings)
        if found:
            return found
    raise StepFailed(
        f"no Python of version {names} was found that runs (a shim that fails does not count)",
        f"install one with its venv module (Debian: apt-get install python3-venv), or set {OVERRIDE}=/path/to/python",
    )
