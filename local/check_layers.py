"""Prove that every module of a built layer has bytecode that the runtime will use.

    python -m local.check_layers .aws-sam/build python3.13

A `.pyc` counts when it carries the runtime's magic number, is hash-based and unchecked, its hash is that of
the source beside it, and it does not name this machine.
"""

from __future__ import annotations

import _imp
import sys
from pathlib import Path
from typing import NamedTuple

from local.settings import ROOT

MAGIC = {"python3.11": 3495, "python3.12": 3531, "python3.13": 3571}
"""The bytecode version of each runtime; fixed for all its releases."""
UNCHECKED_HASH = 0b01


class LayerReport(NamedTuple):
    """What a layer holds, unzipped. `faults` names each module without good bytecode, and why."""

    name: str
    modules: int
    size_bytes: int
    faults: list[str]


def fault_of(source: Path, runtime: str) -> str | None:
    """What is wrong with a module's bytecode, or None."""
    tag = f"cpython-{runtime.removeprefix('python').replace('.', '')}"
    compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
    if not compiled.exists():
        return f"no {tag} bytecode"
    header = compiled.read_bytes()
    if int.from_bytes(header[:2], "little") != MAGIC[runtime]:
        return "compiled by another Python"
    if int.from_bytes(header[4:8], "little") != UNCHECKED_HASH:
        return "not hash-based and unchecked"
    if header[8:16] != _imp.source_hash(int.from_bytes(header[:4], "little"), source.read_bytes()):
        return "stale: the source is another"
    if str(ROOT).encode() in header:
        return "names this machine's folders"
    return None


def check_layer(folder: Path, runtime: str) -> LayerReport:
    """Look at every module of one built layer."""
    sources = sorted(folder.rglob("*.py"))
    found = ((source, fault_of(source, runtime)) for source in sources)
    faults = [f"{source.relative_to(folder)}: {fault}" for source, fault in found if fault]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return LayerReport(folder.name, len(sources), size, faults)


def check_build(build: Path, runtime: str) -> list[LayerReport]:
    """The layers of a `sam build` folder, by name."""
    layers = sorted(path for path in build.glob("*Layer*") if (path / "python").is_dir())
    return [check_layer(layer, runtime) for layer in layers]


def main() -> int:
    """Print a line a layer; 1 when a module lacks good bytecode, or there is no layer at all."""
    build, runtime = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "python3.13"
    reports = check_build(build, runtime)
    for report in reports:
        size_mb = report.size_bytes / 1e6
        print(f"  {report.name:<14} {report.modules:>5} modules  {size_mb:6.1f} MB  {len(report.faults)} faults")
        for fault in report.faults[:10]:
            print(f"    {fault}")
    if not reports:
        print(f"no built layer in {build}", file=sys.stderr)
    return 0 if reports and not any(report.faults for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
