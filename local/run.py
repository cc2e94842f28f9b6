"""`make run`: the whole stack on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from types import FrameType

from local import ownership
from local.console import StepFailed, explain, say, step
from local.seed_webhooks import connect_inbox
from local.settings import StackSettings, from_environment
from local.stack import Stack


class Stopped(BaseException):
    """The person, or another run, asked for the end. Not an Exception: no step takes it for a failure."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleaning up
    raise Stopped


def first_commands(record: dict[str, object]) -> str:
    """Two commands to copy: a refund, and its timeline; the second works after the first."""
    transactions = record["transactions"]
    charge = transactions["fresh_usd"] if isinstance(transactions, dict) else ""
    api, key = record["api_base"], record["test_key"]
    return f"""\
Make a refund, and keep its id in $REFUND (copy all of it):

  REFUND=$(curl -s -X POST {api}/v1/refunds \\
    -H 'Authorization: Bearer {key}' \\
    -H 'Content-Type: application/json' \\
    -H "Idempotency-Key: first-$(date +%s)" \\
    -d '{{"transactionId":"{charge}","amount":2000,"reason":"product_defective"}}' \\
    | tee -a /dev/stderr | python3 -c 'import json,sys; print(json.load(sys.stdin)["data"]["id"])')

Then see what became of it:

  curl -s -H 'Authorization: Bearer {key}' \\
    {api}/v1/refunds/$REFUND/events | python3 -m json.tool
"""


def announce(settings: StackSettings, record: dict[str, object], seconds: float) -> None:
    """Print what is where, and what to try first. This goes to stdout: it is the command's result."""
    print(f"""
RefundKit runs ({seconds:.0f} s).

  page             {settings.public_url}/
  API              {settings.api_base}/v1
  test key         {record["test_key"]}
  Stripe sandbox   {settings.stripe_url}/
  inbox            {settings.public_url}/inbox (e-mail, Slack, webhooks)
  AWS endpoint     {settings.aws_url}
  everything else  {settings.record}

{first_commands(record)}
In another terminal: `make demo` plays a story, `make org NAME=shop` adds an organization.
Ctrl-C stops everything.
""")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 0 after a stop, 1 when a step failed."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--stop", action="store_true", help="stop the running stack instead")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    stack: Stack | None = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        settings = from_environment()
        if options.stop:
            say("stopped" if ownership.stop_earlier_run(settings) else "nothing runs")
            return 0
        stack = Stack(settings)
        stack.start()
        with step("webhooks to the inbox"):
            connect_inbox(stack.record)
        announce(settings, stack.record, time.monotonic() - began)
        stack.watch()
    except StepFailed as failure:
        explain(failure)
        return 1
    except Stopped:
        say("\nstopping …")
    finally:
        if stack:
            stack.stop()
    say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
