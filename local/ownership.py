"""Who runs the stack of a state folder: `run.json` names the processes, and the next run can replace them.

A process id alone proves nothing (ids are used again), so each is kept with the moment its process started,
and only a process that still has both is ever signalled.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from local.processes import Child, end_group, identity, wait_until
from local.settings import StackSettings

REPLACE_TIMEOUT_S = 25.0
OWNER = "owner"


def _file(settings: StackSettings) -> Path:
    return settings.state / "run.json"


def _mark(name: str, pid: int) -> dict[str, Any]:
    return {"name": name, "pid": pid, "started": identity(pid)}


def _is_same(mark: dict[str, Any]) -> bool:
    return mark["started"] is not None and identity(int(mark["pid"])) == mark["started"]


def write_record(settings: StackSettings, children: list[Child]) -> None:
    """Note this process as the owner, and its children."""
    record = {
        "owner": _mark(OWNER, os.getpid()),
        "children": [_mark(child.name, child.pid) for child in children],
    }
    scratch = _file(settings).with_suffix(".new")
    scratch.write_text(json.dumps(record), encoding="utf-8")
    scratch.replace(_file(settings))


def forget(settings: StackSettings) -> None:
    """Remove the note, and the description of a stack that no longer runs."""
    _file(settings).unlink(missing_ok=True)
    settings.record.unlink(missing_ok=True)


def earlier_run(settings: StackSettings) -> list[dict[str, Any]]:
    """The processes of another run of this state folder that still live: its owner first, where that lives."""
    try:
        record = json.loads(_file(settings).read_text(encoding="utf-8"))
        marks = [record["owner"], *record["children"]]
        return [mark for mark in marks if int(mark["pid"]) != os.getpid() and _is_same(mark)]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def stop_earlier_run(settings: StackSettings) -> bool:
    """Stop the run that this state folder names, its left-over processes included; False when there was none.

    The owner is asked to stop by itself; what it leaves, or left when it was killed, is ended here.
    """
    found = earlier_run(settings)
    if found and found[0]["name"] == OWNER:
        owner = found.pop(0)
        os.kill(int(owner["pid"]), signal.SIGTERM)
        if not wait_until(lambda: not _is_same(owner), REPLACE_TIMEOUT_S):
            os.kill(int(owner["pid"]), signal.SIGKILL)
        stopped = True
    else:
        stopped = bool(found)
    for child in found:
        if _is_same(child):
            end_group(int(child["pid"]))
    forget(settings)
    return stopped
