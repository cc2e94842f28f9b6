"""What it takes to start each function, beside a bare client and models: instructions, CPU time, modules."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.build_layer import compiler_for, target_from_environment
from local.check_layers import LayerReport, check_build
from local.console import StepFailed, say
from local.settings import ROOT
from tests.bench.environment import environment, functions, layers_of, made_up_variables
from tests.bench.report import Figure, Section, columns, number, within

CEILING = 0.85
HOT = (
    "refunds",
    "execute_refund",
    "publish_events",
    "processor_webhook",
    "processor_events",
    "dispatch_webhooks",
    "deliver_webhook",
)
_BARE, _NOTHING = "bare", "interpreter alone"
_RUNS = 7
_WORKERS = 2
_TIMEOUT_S = 300
_BUILD_TIMEOUT_S = 900
_GROUPS_SHOWN = 9


@dataclass(frozen=True)
class Subject:
    """Something that is started: a folder with an app.py, its layers merged as Lambda merges them, its variables."""

    name: str
    folder: Path
    layers: Path
    variables: dict[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in this subject's environment. Raises StepFailed."""
        variables = {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": f"{self.folder}:{self.layers}",
            "PYTHONHASHSEED": "0",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            **self.variables,
        }
        done = subprocess.run(command, env=variables, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=_TIMEOUT_S, check=False)  # fmt: skip
        if done.returncode:
            tail = "\n".join(done.stderr.strip().splitlines()[-8:])
            raise StepFailed(f"{self.name} does not start:\n{tail}")
        return done


def measure() -> Section:
    """Build the layers, count every start, and say what the dearest hot function's is made of."""
    section = Section("Start-up: import of app.py with its clients made, on the layers as built")
    with tempfile.TemporaryDirectory(prefix="refundkit-bench-") as scratch:
        runtime, reports = _built_layers(Path(scratch))
        subjects = _subjects(Path(scratch))
        counted = _counted(subjects)
        timed = {subject.name: _timed(subject) for subject in subjects}
        by_name = {subject.name: subject for subject in subjects}
        dearest = max(HOT, key=lambda name: counted[name])
        groups = {name: _import_groups(by_name[name]) for name in (_BARE, dearest)}
    unit = "instructions" if _valgrind() else "CPU seconds"
    section.lines += [f"Counted in {unit} ({_how()}); {runtime}, this machine's wheels", *_table(counted, timed)]
    section.lines += ["", "Imports by package, self time in ms (one run, for orientation)", *_group_table(groups)]
    section.lines += ["", "Layers", *_layer_table(reports)]
    faults = sum(len(report.faults) for report in reports)
    ratios = {name: counted[name] / counted[_BARE] for name in functions()}
    section.record = {
        "unit": unit,
        "counted": counted,
        "ratios": ratios,
        "modules": {name: modules for name, (modules, _) in timed.items()},
        "cpu_ms": {name: cpu_ms for name, (_, cpu_ms) in timed.items()},
        "import_ms": groups,
        "layers": {report.name: {"modules": report.modules, "bytes": report.size_bytes} for report in reports},
        "stale_modules": faults,
    }
    for name in HOT:
        figure = f"start-up of {name}"
        section.figures.append(Figure(figure, f"{ratios[name]:.2f} of bare", f"ceiling {CEILING}",
                                      within(ratios[name], CEILING)))  # fmt: skip
    section.figures.append(Figure("layer modules without valid bytecode", str(faults), "none", within(faults, 0)))
    return section


@cache
def _valgrind() -> str | None:
    return shutil.which("valgrind")


def _how() -> str:
    return "valgrind callgrind, hash seed 0" if _valgrind() else f"no valgrind here: the least of {_RUNS} runs"


@cache
def _interpreter() -> str:
    """The Python behind this environment. It runs without ``site``: what else is installed here must not count."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _built_layers(scratch: Path) -> tuple[str, list[LayerReport]]:
    """Build every layer as ``sam build`` would, for this Python and machine. Raises StepFailed."""
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    arch = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
    settings = {"REFUNDKIT_RUNTIME": runtime, "REFUNDKIT_PLATFORM": "host", "REFUNDKIT_ARCH": arch}
    with environment(settings):
        compiler_for(target_from_environment())
        for name in sorted({layer for function in functions() for layer in layers_of(function)}):
            say(f"  ...  layer {name}")
            command = [sys.executable, str(ROOT / "local" / "build_layer.py"), name, str(_layer(scratch, name))]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=_BUILD_TIMEOUT_S, check=False)  # fmt: skip
            if done.returncode:
                raise StepFailed(f"the layer {name} could not be built:\n{done.stderr.strip()}")
    return runtime, check_build(scratch, runtime)


def _layer(scratch: Path, name: str) -> Path:
    return scratch / f"{name.capitalize()}Layer"


def _subjects(scratch: Path) -> list[Subject]:
    """The functions, the bare peer on the layers of the first hot function, and nothing at all."""
    own = Path(__file__).parent
    found = [
        _subject(scratch, name, ROOT / "functions" / name, layers_of(name), made_up_variables(name))
        for name in functions()
    ]
    peers = [_subject(scratch, name, None, layers_of(HOT[0]), {}) for name in (_BARE, _NOTHING)]
    shutil.copyfile(own / "bare_peer.py", peers[0].folder / "app.py")
    (peers[1].folder / "app.py").write_text("", encoding="utf-8")
    return [*peers, *found]


def _subject(
    scratch: Path, name: str, source: Path | None, layers: Sequence[str], variables: dict[str, str]
) -> Subject:
    folder, merged = scratch / "task" / name.replace(" ", "-"), scratch / "opt" / "-".join(layers)
    if source is None:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"))
    if not merged.exists():
        for layer in layers:
            shutil.copytree(_layer(scratch, layer) / "python", merged, copy_function=os.link, dirs_exist_ok=True)
    return Subject(name, folder, merged, variables)


def _counted(subjects: Sequence[Subject]) -> dict[str, float]:
    """Instructions of each start, two at a time; CPU seconds, one at a time, where they cannot be counted."""
    if not _valgrind():
        return {subject.name: _timed(subject)[1] / 1000 for subject in subjects}

    def count(subject: Subject) -> float:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = subject.run(*command, _interpreter(), "-S", "-c", "import app")
        found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
        if not found:
            raise StepFailed(f"valgrind did not count {subject.name}:\n{done.stderr[-500:]}")
        say(f"  ...  counted {subject.name}")
        return float(found[1])

    with ThreadPoolExecutor(max_workers=_WORKERS) as pool:
        return dict(zip([subject.name for subject in subjects], pool.map(count, subjects), strict=True))


def _timed(subject: Subject) -> tuple[int, float]:
    """Modules loaded, and the least CPU time of some starts in ms."""
    script = "import app, sys, time; print(len(sys.modules), time.process_time())"
    seen = [subject.run(_interpreter(), "-S", "-c", script).stdout.split() for _ in range(_RUNS)]
    return int(seen[0][0]), min(float(cpu_s) for _, cpu_s in seen) * 1000


def _import_groups(subject: Subject) -> dict[str, float]:
    """Milliseconds of importing each top-level package; what Python brings is ``standard library``."""
    said = subject.run(_interpreter(), "-S", "-X", "importtime", "-c", "import app").stderr
    groups: dict[str, float] = {}
    for self_us, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s*(\S+)", said):
        top = module.split(".")[0].lstrip("_")
        known = (subject.layers / top).is_dir() or (subject.layers / f"{top}.py").exists() or top == "app"
        group = top if known else "standard library"
        groups[group] = groups.get(group, 0) + int(self_us) / 1000
    return dict(sorted(groups.items(), key=lambda each: -each[1]))


def _table(counted: dict[str, float], timed: dict[str, tuple[int, float]]) -> list[str]:
    scale, digits = (1e6, 0) if _valgrind() else (1e-3, 1)
    rows: list[list[Any]] = []
    for name, count in sorted(counted.items(), key=lambda each: -each[1]):
        ratio = count / counted[_BARE]
        verdict = within(ratio, CEILING) if name in HOT else "-" if name in (_BARE, _NOTHING) else "not hot"
        modules, cpu_ms = timed[name]
        rows.append([name, number(count / scale, digits), f"{ratio:.3f}", verdict, modules, number(cpu_ms)])
    headers = ("subject", "millions" if _valgrind() else "ms", "of bare", f"<= {CEILING}", "modules", "CPU ms, least")
    return columns(headers, rows)


def _group_table(groups: dict[str, dict[str, float]]) -> list[str]:
    names = list(groups)
    packages = sorted({package for each in groups.values() for package in each},
                      key=lambda package: -max(each.get(package, 0) for each in groups.values()))  # fmt: skip
    rows = [
        [package, *(number(groups[name].get(package, 0), 1) for name in names)] for package in packages[:_GROUPS_SHOWN]
    ]
    return columns(("package", *names), rows)


def _layer_table(reports: Sequence[LayerReport]) -> list[str]:
    rows = [[each.name, each.modules, number(each.size_bytes / 1e6, 1), len(each.faults)] for each in reports]
    return columns(("layer", "modules", "MB", "stale"), rows)
