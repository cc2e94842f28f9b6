"""`python -m tests.bench [section …]`: measure, print, and write `.local/bench.json`.

Sections: startup, latency, engine, operations, approved, log_bytes, paid, webhooks. Nothing is asserted: 1 only where
something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for _folder in ("layers/sdk", "layers/core"):
    if str(ROOT / _folder) not in sys.path:
        sys.path.insert(0, str(ROOT / _folder))

from local.console import StepFailed, explain, say, step  # noqa: E402  (after the path is set)
from tests.bench.report import Section, columns, markdown  # noqa: E402

SECTIONS = ("startup", "latency", "engine", "operations", "approved", "log_bytes", "paid", "webhooks")
RESULT = ROOT / ".local" / "bench.json"


def main() -> int:
    """Command line: the sections to run, all of them unless named."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    wanted = parser.parse_args().sections or SECTIONS
    if unknown := [name for name in wanted if name not in SECTIONS]:
        parser.error(f"no such section: {', '.join(unknown)}")
    measured: dict[str, Section] = {}
    failed: list[str] = []
    for name in wanted:
        section = _measured(name)
        if section is None:
            failed.append(name)
        else:
            measured[name] = section
            print("\n".join(["", section.title, "=" * len(section.title), *section.lines]), flush=True)
    _close(measured, failed)
    return 1 if failed else 0


def _measured(name: str) -> Section | None:
    """One section, or None where it could not be measured; then it is said why."""
    try:
        with step(name):
            section: Section = import_module(f"tests.bench.{name}").measure()
    except StepFailed as failure:
        explain(failure)
        return None
    except Exception:  # a report with one part missing is better than none
        say(traceback.format_exc())
        return None
    return section


def _close(measured: dict[str, Section], failed: list[str]) -> None:
    figures = [figure for section in measured.values() for figure in section.figures]
    about = f"measured on {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
    about += f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    print("\n".join(["", "Summary", "=======", *columns(("figure", "measured", "beside", "verdict"), figures)]))
    print("\n".join(["", f"For the README ({about}):", "", *markdown(("figure", "measured", "beside", ""), figures)]))
    RESULT.parent.mkdir(exist_ok=True)
    sections = {name: {"title": each.title, **each.record} for name, each in measured.items()}
    rows = [figure._asdict() for figure in figures]
    record = {"about": about, "figures": rows, "not_measured": failed, "sections": sections}
    RESULT.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(f"\nAll of it: {RESULT.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
