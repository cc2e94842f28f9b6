"""What the functions logged in the emulator: `make logs`, and the explanation of a step that failed."""

from __future__ import annotations

import sys
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.console import StepFailed, explain
from local.deploy import aws_session
from local.settings import StackSettings, from_environment

MAX_STREAMS = 50
EVENTS_A_STREAM = 200


def read_events(settings: StackSettings, since_ms: int = 0) -> list[str]:
    """The functions' log lines since a moment (Unix milliseconds), oldest first; empty when nobody answers."""
    found: list[tuple[int, str]] = []
    with (
        closing(aws_session().client("logs", endpoint_url=settings.aws_url)) as client,
        suppress(BotoCoreError, ClientError, KeyError),
    ):
        for group in client.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            for stream in client.describe_log_streams(logGroupName=name)["logStreams"][:MAX_STREAMS]:
                page: dict[str, Any] = client.get_log_events(
                    logGroupName=name,
                    logStreamName=stream["logStreamName"],
                    startTime=since_ms,
                    limit=EVENTS_A_STREAM,
                )
                label = name.rsplit("/", 1)[-1]
                found += [(event["timestamp"], f"{label}: {event['message'].rstrip()}") for event in page["events"]]
    return [f"{datetime.fromtimestamp(ms / 1000, UTC):%H:%M:%S} {text}" for ms, text in sorted(found)]


def write_log(settings: StackSettings) -> None:
    """Put the functions' log beside the others, as `functions.log`."""
    lines = read_events(settings)
    (settings.logs / "functions.log").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> int:
    """Print the running stack's function logs, and go on until Ctrl-C where asked with --follow."""
    from local.org import running_record, settings_of

    try:
        own = from_environment()
        settings = settings_of(own, running_record(own))
    except StepFailed as failure:
        explain(failure)
        return 1
    shown: set[str] = set()
    while True:
        for line in read_events(settings, since_ms=int((time.time() - 3600) * 1000)):
            if line not in shown:
                shown.add(line)
                print(line, flush=True)
        if "--follow" not in sys.argv[1:]:
            return 0
        time.sleep(1)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
