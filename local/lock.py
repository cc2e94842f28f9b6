"""Compile `requirements/*.in` into pinned, hashed lists (`make lock`).

One resolution holds for Python 3.11 to 3.13 and every platform. The layers' lists come first and bind the
others. What layers/vendor ships is left out of layers/stripe: both are always attached together.
The lists name neither a package index nor this machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from local.bootstrap import ROOT, VENVS, chosen_python, ensure, install_environ
from local.console import StepFailed, explain, step

FLAGS = (
    "--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links "
    "--no-header --no-annotate --quiet"
).split()
VENDOR = "layers/vendor/requirements.txt"
STRIPE = "layers/stripe/requirements.txt"


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
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False)
    if result.returncode:
        raise StepFailed(f"could not resolve {source}:\n{result.stderr.strip()}")


def main() -> int:
    """Recompile every list; `--upgrade` moves the pins that the .in files leave open."""
    upgrade = "--upgrade" in sys.argv[1:]
    try:
        python = chosen_python()
        if Path(ROOT / "requirements/uv.txt").exists():
            ensure("boot", python)
        for name, target in (
            ("vendor", VENDOR),
            ("stripe", STRIPE),
            ("dev", ""),
            ("ministack", ""),
            ("sam", ""),
            ("uv", ""),
        ):
            extra = ["-c", VENDOR] if name == "stripe" else []
            if name == "stripe":
                extra += [word for package in pinned(VENDOR) for word in ("--no-emit-package", package)]
            with step(f"lock {name}"):
                compile_list(f"requirements/{name}.in", target or f"requirements/{name}.txt", *extra, upgrade=upgrade)
    except StepFailed as failure:
        explain(failure)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
