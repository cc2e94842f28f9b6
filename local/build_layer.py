"""Build one Lambda layer, with bytecode that the runtime accepts; the layers' Makefiles call this.

    python3 local/build_layer.py vendor ARTIFACTS_DIR

Start-up is five times slower without valid `.pyc`: Lambda cannot write them, and those that pip makes are
stale once a zip has changed the files' times. So the sources are compiled here by a Python of exactly the
runtime's version, with hash-based `.pyc` that are never checked against the source.

| setting | default | meaning |
| --- | --- | --- |
| `REFUNDKIT_RUNTIME` | python3.13 | the Lambda runtime (template parameter `PythonRuntime`) |
| `REFUNDKIT_ARCH` | arm64 | arm64 or x86_64 (template parameter `Architecture`) |
| `REFUNDKIT_PLATFORM` | lambda | `host` takes wheels for this machine, which the local stack runs on |
| `REFUNDKIT_LINK` | | `1`: a layer of packages holds a pointer to them instead of them, see `link` |

The layers of third-party packages are kept in `.local/cache/layers`, so that only a changed list of
requirements costs a build. Standard library only; runs on any Python 3.8 or newer.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from local import interpreters  # noqa: E402  (after the path is set)
from local.bootstrap import VENVS, install_environ  # noqa: E402
from local.captured import run_captured  # noqa: E402
from local.console import StepFailed, exit_code_of  # noqa: E402

CACHE = ROOT / ".local" / "cache" / "layers"
PACKAGES = {"sdk": "refundkit", "core": "refundkit_core"}
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
EPOCH_S = 315_619_200  # 1980-01-02: zip files know no earlier day; equal sources give equal archives
INSTALL_TIMEOUT_S = 600
BOTOCORE_SERVICES = frozenset(
    "cloudwatch dynamodb events kms lambda logs s3 scheduler secretsmanager ses sesv2 sqs stepfunctions sts".split()
)
"""The services that the functions call; botocore's descriptions of the other 400 are left out."""
ENDPOINT_NAMES = BOTOCORE_SERVICES | {"email", "monitoring", "states"}
"""The same services by the names that botocore's list of endpoints has for them."""
UNUSED_PACKAGES = ("requests", "certifi", "charset_normalizer", "idna")
"""What stripe asks for and our client of it does not need: it speaks HTTP through urllib3, which botocore brings."""


class Target(NamedTuple):
    """What a layer is built for."""

    runtime: str
    arch: str
    on_host: bool

    @property
    def version(self) -> tuple[int, int]:
        """The runtime's Python version."""
        major, minor = self.runtime[len("python") :].split(".")
        return int(major), int(minor)


def target_from_environment() -> Target:
    """Read the settings of the module's table.

    Raises:
        StepFailed: a setting has a value that is not in the table.
    """
    runtime = os.environ.get("REFUNDKIT_RUNTIME") or "python3.13"
    arch = os.environ.get("REFUNDKIT_ARCH") or "arm64"
    where = os.environ.get("REFUNDKIT_PLATFORM") or "lambda"
    supported = [f"python{major}.{minor}" for major, minor in interpreters.SUPPORTED]
    for name, given, allowed in (
        ("REFUNDKIT_RUNTIME", runtime, supported),
        ("REFUNDKIT_ARCH", arch, list(MACHINES)),
        ("REFUNDKIT_PLATFORM", where, ["lambda", "host"]),
    ):
        if given not in allowed:
            raise StepFailed(f"{name}={given} is none of: {', '.join(allowed)}")
    return Target(runtime, arch, where == "host")


def compiler_for(target: Target) -> str:
    """The Python whose bytecode the runtime accepts: exactly the same minor version.

    Raises:
        StepFailed: there is none on this machine.
    """
    chosen = interpreters.probe(os.environ.get(interpreters.OVERRIDE) or sys.executable)
    if chosen is None or chosen.version != target.version:
        chosen = interpreters.find(target.version)
    if chosen is None:
        raise StepFailed(
            f"the layers are built for {target.runtime}, and no {target.runtime} that runs was found here",
            f"install {target.runtime}, or build for a Python that is here: set REFUNDKIT_RUNTIME and deploy "
            "with the parameter PythonRuntime of the same name (`make deploy` keeps the two together)",
        )
    return chosen.path


def install(requirements: Path, folder: Path, target: Target, python: str) -> None:
    """Install a hashed list into `folder`: wheels only, for the target, nothing resolved anew.

    Raises:
        StepFailed: the installer failed; the message carries its last lines.
    """
    uv = VENVS / "boot" / "bin" / "uv"
    version = target.runtime[len("python") :]
    machine = MACHINES[target.arch]
    if uv.exists():
        command = [str(uv), "pip", "install", "-q", "--python", python, "--no-build"]
        command += [] if target.on_host else ["--python-version", version]
        command += [] if target.on_host else ["--python-platform", f"{machine}-manylinux2014"]
    else:
        command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=:all:"]
        command += [] if target.on_host else ["--python-version", version, "--implementation", "cp"]
        command += [] if target.on_host else ["--platform", f"manylinux2014_{machine}"]
    command += ["--no-deps", "--require-hashes", "--target", str(folder), "-r", str(requirements)]
    result = run_captured(command, install_environ(), INSTALL_TIMEOUT_S)
    if result.code:
        what = f"installing {requirements.relative_to(ROOT)} for {target.runtime}"
        raise StepFailed(f"{what} failed:\n{result.last_lines()}")


def prune(folder: Path) -> None:
    """Drop what a function never reads: other services' descriptions, tests, stubs, scripts, examples.

    Of a distribution's metadata the headers stay: pydantic and Powertools read versions from them.
    """
    shutil.rmtree(folder / "bin", ignore_errors=True)
    (folder / ".lock").unlink(missing_ok=True)
    for service in [*folder.glob("botocore/data/*/"), *folder.glob("boto3/data/*/")]:
        if service.is_dir() and service.name not in BOTOCORE_SERVICES:
            shutil.rmtree(service)
    for pattern in ("boto3/examples", "**/tests", "**/test", "**/__pycache__"):
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path, ignore_errors=True)
    for pattern in ("**/*.pyi", "**/py.typed", "botocore/data/*/*/examples-1.json*"):
        for path in list(folder.glob(pattern)):
            path.unlink()
    for package in UNUSED_PACKAGES:
        for path in [folder / package, *folder.glob(f"{package}-*.dist-info")]:
            shutil.rmtree(path, ignore_errors=True)
    trim_descriptions(folder / "botocore" / "data")
    for metadata in folder.glob("*.dist-info"):
        headers = re.split(r"\n\s*\n", (metadata / "METADATA").read_text(encoding="utf-8"), maxsplit=1)[0]
        shutil.rmtree(metadata)
        metadata.mkdir()
        (metadata / "METADATA").write_text(headers + "\n", encoding="utf-8")


def trim_descriptions(data: Path) -> None:
    """Take out of botocore's descriptions what only people read, and endpoints of services that are not here.

    A function parses them whenever it starts; they are left unpacked, for the same reason.
    """
    endpoints = data / "endpoints.json"
    if endpoints.exists():
        known = json.loads(endpoints.read_text(encoding="utf-8"))
        for partition in known["partitions"]:
            services = partition["services"]
            partition["services"] = {name: services[name] for name in services if name in ENDPOINT_NAMES}
        endpoints.write_text(json.dumps(known, separators=(",", ":")), encoding="utf-8")
    for packed in list(data.glob("*/*/service-2.json.gz")):
        with gzip.open(packed, "rt", encoding="utf-8") as stream:
            description = _without_documentation(json.load(stream))
        for parameter in description.get("clientContextParams", {}).values():
            parameter["documentation"] = ""  # S3 has some, and botocore asks for the texts of these alone
        packed.with_suffix("").write_text(json.dumps(description, separators=(",", ":")), encoding="utf-8")
        packed.unlink()


def _without_documentation(node: Any) -> Any:
    """`node` without its texts; a shape's member may be called `documentation` as well, and is no text."""
    if isinstance(node, list):
        return [_without_documentation(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if name != "documentation" or not isinstance(value, str)}
    return {name: _without_documentation(value) for name, value in kept.items()}


def compile_all(folder: Path, python: str) -> None:
    """Compile every module in `folder`, naming it by where Lambda mounts it, and fix all times.

    Raises:
        StepFailed: a module has a syntax error for this Python.
    """
    command = [
        python,
        "-I",
        "-m",
        "compileall",
        "-q",
        "-f",
        "-j",
        "0",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    command += ["-s", str(folder), "-p", "/opt/python", str(folder)]
    result = run_captured(command, os.environ, INSTALL_TIMEOUT_S)
    if result.code:
        raise StepFailed(f"compiling {folder.name} failed:\n{result.last_lines()}")
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (EPOCH_S, EPOCH_S))


def build_packages(name: str, target: Target) -> Path:
    """Build the third-party layer `name`, or find it in the cache; return the folder of its modules."""
    requirements = ROOT / "layers" / name / "requirements.txt"
    python = compiler_for(target)
    digest = hashlib.sha256(Path(__file__).read_bytes() + requirements.read_bytes()).hexdigest()[:16]
    where = f"host-{platform.system()}-{platform.machine()}" if target.on_host else target.arch
    kept = CACHE / f"{name}-{target.runtime}-{where}-{digest}".lower()
    if kept.is_dir():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix=".building-") as scratch:
        folder = Path(scratch) / "python"
        install(requirements, folder, target, python)
        prune(folder)
        compile_all(folder, python)
        try:
            folder.rename(kept)
        except OSError:
            if not kept.is_dir():  # otherwise another build of the same was faster
                raise
    return kept


def link(packages: Path, folder: Path, runtime: str) -> None:
    """Make a layer that points at `packages` on this machine, for the emulator only.

    The emulator unpacks every layer anew for each worker: 4,800 files, 1.7 of a cold start's 2 seconds. It does
    read `.pth` files as Lambda would. The line puts the packages before those of the emulator's own environment.
    """
    site = folder / "lib" / runtime / "site-packages"
    site.mkdir(parents=True)
    line = f"import sys; sys.path.insert(0, {str(packages)!r})\n"
    (site / "refundkit-layer.pth").write_text(line, encoding="utf-8")


def build(name: str, artifacts: Path) -> None:
    """Put the layer `name` into `artifacts`/python.

    Raises:
        StepFailed: a setting is wrong, the Python is missing, or installing or compiling failed.
    """
    target = target_from_environment()
    folder = artifacts / "python"
    shutil.rmtree(folder, ignore_errors=True)
    if name in PACKAGES:
        source = ROOT / "layers" / name / PACKAGES[name]
        shutil.copytree(source, folder / PACKAGES[name], ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        compile_all(folder, compiler_for(target))
    elif target.on_host and os.environ.get("REFUNDKIT_LINK") == "1":
        link(build_packages(name, target), folder, target.runtime)
    else:
        shutil.copytree(build_packages(name, target), folder)


def main() -> int:
    """Command line: the layer's name and the folder that SAM gives as ARTIFACTS_DIR."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2

    def work() -> int:
        build(sys.argv[1], Path(sys.argv[2]))
        return 0

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
