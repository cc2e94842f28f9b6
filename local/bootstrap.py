"""Create the project's environments under `.venvs/`, from pinned and hashed requirements.

    python3 -m local.bootstrap dev ministack sam

`boot` holds uv, installed by pip with hashes; uv fills the others. Each environment is stamped with the
hash of its requirement files and its Python, so that a second run takes no time. Standard library only;
runs on any Python 3.8 or newer, and finds the 3.11 to 3.13 that the environments are made of.

| environment | holds |
| --- | --- |
| `dev` | tests, checks and the local tools, on the newest Python found |
| `dev-3.11` … | the same on another supported Python, for tests on both ends |
| `ministack` | the AWS emulator; its Lambda workers run on this Python |
| `sam` | the SAM CLI and cfn-lint |
| `schemathesis` | what holds the running API against its description |
| `browser` | what drives a Chromium that is installed, for `make full` |
| `mutation` | what changes the code (mutmut), and what the unit tests need, for `make mutation` |
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import fcntl
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Iterator, Optional

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":  # also runnable as a file, from any folder
    sys.path.insert(0, str(ROOT))

from local import interpreters  # noqa: E402  (after the path is set)
from local.captured import run_captured  # noqa: E402
from local.console import StepFailed, done, exit_code_of, say  # noqa: E402

VENVS = ROOT / ".venvs"
INSTALL_TIMEOUT_S = 900
REQUIREMENTS = {
    "boot": ("requirements/uv.txt",),
    "dev": ("requirements/dev.txt",),
    "ministack": ("requirements/ministack.txt",),
    "sam": ("requirements/sam.txt",),
    "schemathesis": ("requirements/schemathesis.txt",),
    "mutation": ("requirements/mutation.txt",),
    "browser": ("requirements/browser.txt",),
}


def python_of(name: str) -> Path:
    """The interpreter of the environment called `name` (it may not exist yet)."""
    return VENVS / name / "bin" / "python"


def install_environ() -> dict[str, str]:
    """The child environment for uv: never downloads a Python, and follows the user's pip settings.

    uv does not read pip's configuration, so the settings that people rely on are handed over by name.
    """
    environ = dict(os.environ, UV_PYTHON_DOWNLOADS="never", UV_NO_PROGRESS="1", UV_LINK_MODE="copy")
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environ.pop(name, None)
    for theirs, ours in (
        ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"),
        ("PIP_EXTRA_INDEX_URL", "UV_INDEX"),
        ("PIP_FIND_LINKS", "UV_FIND_LINKS"),
        ("PIP_CERT", "SSL_CERT_FILE"),
        ("PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT"),
    ):
        if environ.get(theirs):
            environ.setdefault(ours, environ[theirs])
    return environ


def _stamp(name: str, python: interpreters.Interpreter) -> str:
    digest = hashlib.sha256(f"{python.path} {python.version}".encode())
    for file in REQUIREMENTS[name.split("-")[0]]:
        digest.update((ROOT / file).read_bytes())
    return digest.hexdigest()


def _run(command: list[str], what: str) -> None:
    """Run an install command, its output kept for the error.

    Raises:
        StepFailed: the command failed or took longer than `INSTALL_TIMEOUT_S`.
    """
    result = run_captured(command, install_environ(), INSTALL_TIMEOUT_S)
    if result.code:
        raise StepFailed(
            f"{what} failed:\n{result.last_lines()}",
            "packages come from your configured Python package index (PIP_INDEX_URL is honoured): "
            "check that it can be reached, then run the same command again",
        )


def _install(name: str, python: interpreters.Interpreter) -> None:
    folder = VENVS / name
    shutil.rmtree(folder, ignore_errors=True)
    base = name.split("-")[0]
    files = [argument for file in REQUIREMENTS[base] for argument in ("-r", file)]
    if base == "boot":
        _run([python.path, "-m", "venv", str(folder)], f"making the environment {name}")
        pip = [str(python_of(name)), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", *files], f"installing {name}")
        return
    uv = str(VENVS / "boot" / "bin" / "uv")
    _run(
        [uv, "venv", "-q", "--no-project", "--python", python.path, str(folder)],
        f"making the environment {name}",
    )
    install = [uv, "pip", "install", "-q", "--python", str(python_of(name)), "--require-hashes"]
    _run([*install, "--compile-bytecode", *files], f"installing {name}")


@contextlib.contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold the environment's lock, so that two commands at once do not build it twice."""
    VENVS.mkdir(exist_ok=True)
    with open(VENVS / f".{name}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ensure(name: str, python: interpreters.Interpreter) -> Path:
    """Make the environment `name` on `python` unless it is there already; return its interpreter.

    Raises:
        StepFailed: an install failed. A half-made environment is made anew by the next call.
    """
    with _locked(name):
        stamp_file = VENVS / name / ".stamp"
        stamp = _stamp(name, python)
        try:
            current = stamp_file.read_text(encoding="utf-8") == stamp and python_of(name).exists()
        except OSError:
            current = False
        if not current:
            began = time.monotonic()
            _install(name, python)
            stamp_file.write_text(stamp, encoding="utf-8")
            done(f"environment {name}", time.monotonic() - began, python.runtime)
    return python_of(name)


def chosen_python() -> interpreters.Interpreter:
    """The interpreter of the environments.

    The choice is remembered as long as the same candidates are there, because asking them all takes a second.

    Raises:
        StepFailed: no supported Python was found.
    """
    if os.environ.get(interpreters.OVERRIDE):
        return interpreters.best()
    memory = VENVS / ".python"
    there = [path for version in interpreters.SUPPORTED for path in interpreters.candidates(version, os.environ)]
    fingerprint = hashlib.sha256("\n".join(there).encode()).hexdigest()
    with contextlib.suppress(OSError, ValueError):
        known, seen = memory.read_text(encoding="utf-8").split("\n")
        remembered = interpreters.probe(known) if seen == fingerprint else None
        if remembered and remembered.version in interpreters.SUPPORTED:
            return remembered
    found = interpreters.best()
    VENVS.mkdir(exist_ok=True)
    memory.write_text(f"{found.path}\n{fingerprint}", encoding="utf-8")
    return found


def ensure_all(names: list[str]) -> interpreters.Interpreter:
    """Make the environments `names`, side by side, and return the Python they run on.

    `dev-3.11` asks for `dev` on that version; it is left out, with a line, where that Python is missing.

    Raises:
        StepFailed: no supported Python was found, or an install failed.
    """
    python = chosen_python()
    jobs: list[tuple[str, interpreters.Interpreter]] = []
    for name in dict.fromkeys(names):
        other: Optional[interpreters.Interpreter] = python
        if "-" in name:
            major, _, minor = name.split("-")[1].partition(".")
            if (int(major), int(minor)) == python.version:
                continue  # `dev` is that one
            other = interpreters.find((int(major), int(minor)))
        if other is None:
            say(f"  --   environment {name:<16} no such Python here, left out")
            continue
        jobs.append((name, other))
    ensure("boot", python)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for future in [pool.submit(ensure, name, other) for name, other in jobs if name != "boot"]:
            future.result()
    return python


def main(arguments: Optional[list[str]] = None) -> int:
    """Command line: the names of the environments to make. Prints nothing when all are there."""
    parser = argparse.ArgumentParser(prog="local.bootstrap", description="Create the environments under .venvs/.")
    parser.add_argument("names", nargs="*", default=["dev", "ministack", "sam"])
    parser.add_argument("--print-python", action="store_true", help="print the interpreter's path")
    options = parser.parse_args(arguments)

    def work() -> int:
        python = ensure_all(options.names)
        if options.print_python:
            print(python.path)
        return 0

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
