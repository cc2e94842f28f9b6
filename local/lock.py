"""Compile `requirements/*.in` into pinned, hashed lists (`make lock`).

One resolution holds for Python 3.11 to 3.13 and every platform. The layers' lists come first and bind the
others. What layers/vendor ships is left out of the other layers: it is always attached with them.
The lists name neither a package index nor this machine.
"""

from __future__ import annotations

import re
import sys

from local.bootstrap import ROOT, VENVS, chosen_python, ensure, install_environ
from local.captured import run_captured
from local.console import StepFailed, exit_code_of, step

FLAGS = (
    "--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links "
    "--no-header --no-annotate --quiet"
).split()
VENDOR = "layers/vendor/requirements.txt"
LAYERS = {"vendor": VENDOR, **{name: f"layers/{name}/requirements.txt" for name in ("stripe", "people")}}
COMPILE_TIMEOUT_S = 600


def pinned(file: str) -> list[str]:
    """The names of the packages that a compiled list pins."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(r"^([A-Za-z0-9._-]+)==", text, flags=re.MULTILINE)


def compile_list(source: str, target: str, *extra: str, upgrade: bool = False) -> None:
    """Compile `source` into `target`. Raises StepFailed with uv's own words."""
    command = [str(VENVS / "boot/bin/uv"), "pip", "compile", *FLAGS, *extra, source, "-o", target]
    command += ["--upgrade"] if upgrade else []
    environ = install_environ()
    environ.pop("UV_FIND_LINKS", None)  # a local wheel folder must not leak its hashes alone into the lists
    result = run_captured(command, environ, COMPILE_TIMEOUT_S)
    if result.code:
        raise StepFailed(f"could not resolve {source}:\n{result.last_lines()}")


def compile_all(upgrade: bool) -> int:
    """Compile every list, the ones that bind others first; 0, or StepFailed is raised."""
    ensure("boot", chosen_python())
    for name in (*LAYERS, "dev", "mutation", "browser", "ministack", "sam", "schemathesis", "uv"):
        target = LAYERS.get(name, f"requirements/{name}.txt")
        extra: list[str] = []
        if name in LAYERS and name != "vendor":
            shipped = [word for package in pinned(VENDOR) for word in ("--no-emit-package", package)]
            extra = ["-c", VENDOR, *shipped]
        with step(f"lock {name}"):
            compile_list(f"requirements/{name}.in", target, *extra, upgrade=upgrade)
    return 0


def main() -> int:
    """Command line; `--upgrade` moves the pins that the .in files leave open."""
    return exit_code_of(lambda: compile_all("--upgrade" in sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
