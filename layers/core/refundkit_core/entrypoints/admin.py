"""``refundkit-admin``: the operator's commands, on AWS and on the local stack.

    python -m refundkit_core.entrypoints.admin --stack refundkit-staging organizations list

Uses the usual AWS settings. The stack is named by ``--stack``, or its functions' ``REFUNDKIT_…`` settings are in the
environment. Exit codes: 0 done; 1 AWS or the store failed; 2 the command is not as it should be; 3 there is no such
thing; 4 its state does not allow this; 5 the processor failed; 6 the report or the trail has findings; 7 not confirmed.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, get_args

from botocore.exceptions import BotoCoreError, ClientError

from refundkit_core.application.manage_keys import DEFAULT_LIMIT_PER_MINUTE
from refundkit_core.application.redrive import DEFAULT_LIMIT, Which
from refundkit_core.domain.errors import Conflict, Denied, Invalid, NotFound, RefundKitError, StoreConflict, Upstream
from refundkit_core.domain.roles import ROLES
from refundkit_core.domain.times import parse_iso
from refundkit_core.entrypoints import admin_audit as audit
from refundkit_core.entrypoints import admin_commands as commands
from refundkit_core.entrypoints import admin_members as members
from refundkit_core.entrypoints.admin_terminal import NotConfirmed, Terminal
from refundkit_core.entrypoints.container import Container, settings_of_stack
from refundkit_core.entrypoints.settings import MissingSetting, Settings

EXIT_CODES: Final[tuple[tuple[type[Exception], int], ...]] = (
    (NotConfirmed, 7),
    (Upstream, 5),
    (Conflict, 4),
    (Denied, 4),
    (NotFound, 3),
    (Invalid, 2),
    (MissingSetting, 2),
    (StoreConflict, 1),
    (RefundKitError, 1),
)
NEXT: Final = {
    1: "nothing is half done: every change is one transaction; try again",
    3: "see what there is: organizations list, keys list, connections list",
    4: "see how it stands: show REFUND, keys list, members list",
    5: "the processor could not be asked; docs/runbook.md says what to look at",
}
_SECRET: Final = re.compile(r"^(sk|rk|whsec)_(test_|live_)?\w{8,}")
_LIFE_DAYS: Final = 3_650


def main(
    arguments: Sequence[str] | None = None, opened: Callable[[argparse.Namespace], Container] | None = None
) -> int:
    """Run one command line; returns the exit code. ``opened`` makes the container (tests give their own)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if any(_SECRET.match(part.rpartition("=")[2]) for part in given):
        print(
            "error: a secret does not belong on the command line: it is in your shell's history now, so roll it.\n"
            "next: put it into REFUNDKIT_STRIPE_SECRET_KEY, or let the command ask for it",
            file=sys.stderr,
        )
        return 2
    options = parser().parse_args(given)
    terminal = Terminal(as_json=options.json, sure=options.yes)
    try:
        code: int = options.run((opened or _opened)(options), options, terminal)
    except (RefundKitError, MissingSetting, NotConfirmed) as exc:
        return _explained(terminal, str(exc), next(code for kind, code in EXIT_CODES if isinstance(exc, kind)))
    except (ClientError, BotoCoreError) as exc:
        return _explained(terminal, f"AWS: {exc}", 1, "check the credentials, the region and --stack")
    return code


def _explained(terminal: Terminal, message: str, code: int, following: str | None = None) -> int:
    terminal.fail(message, following or NEXT.get(code), code)
    return code


def _opened(options: argparse.Namespace) -> Container:
    if options.stack is None:
        return Container(Settings.parse(os.environ))
    found = settings_of_stack(options.stack)
    os.environ.setdefault(commands.API_URL, found[commands.API_URL])
    return Container(Settings.parse(found))


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="refundkit-admin", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    _common(top, first=True)
    groups = top.add_subparsers(required=True, metavar="COMMAND")

    organizations = _group(groups, "organizations", "merchants and their owners")
    made = _leaf(organizations, "create", commands.create_organization, "an organization with two first keys")
    made.add_argument("--name", required=True)
    made.add_argument("--owner-name", required=True)
    made.add_argument("--owner-email", required=True)
    _leaf(organizations, "list", commands.list_organizations, "all of them")

    people = _group(groups, "members", "the people of one organization")
    _organization(_leaf(people, "list", members.list_members, "all of them, inactive ones too"))
    members.describe(_organization(_leaf(people, "add", members.add, "one more")), ROLES, required=True)
    changed = _member(_leaf(people, "change", members.change, "what is named of one of them"))
    members.describe(changed, ROLES, required=False)
    _member(_leaf(people, "deactivate", members.deactivate, "they decide nothing any more, and their keys are refused"))
    _member(_leaf(people, "reactivate", members.reactivate, "a member again; their keys stay refused"))

    keys = _group(groups, "keys", "API keys of one organization and environment")
    made = _tenant(_leaf(keys, "create", commands.create_key, "a key; shown once"))
    made.add_argument("--name", required=True)
    made.add_argument("--owner", help="a member (mem_…) or an agent's name; default: the organization's owner")
    made.add_argument("--scopes", default="refunds:read,refunds:write", help="comma-separated; default: %(default)s")
    made.add_argument("--expires-days", type=_days, help="default: never")
    made.add_argument("--limit", type=int, default=DEFAULT_LIMIT_PER_MINUTE, help="requests a minute: %(default)s")
    _tenant(_leaf(keys, "list", commands.list_keys, "its keys, without their secrets"))
    _tenant(_leaf(keys, "revoke", commands.revoke_key, "refuse a key from now on")).add_argument("key", metavar="KEY")

    connections = _group(groups, "connections", "processor accounts of one organization and environment")
    _tenant(_leaf(connections, "list", commands.list_connections, "its connections, without credentials"))
    made = _tenant(_leaf(connections, "connect", commands.connect, "connect Stripe, or renew its key"))
    made.add_argument("--api-url", help=f"where Stripe posts its news; default: {commands.API_URL}, or the stack's")
    _tenant(_leaf(connections, "disconnect", commands.disconnect, "stop using Stripe"))

    for name, run, what in (
        ("pause", commands.pause, "stop paying refunds"),
        ("resume", commands.resume, "let refunds go on"),
    ):
        _tenant(_leaf(groups, name, run, what)).add_argument("--key", help="only refunds opened with this key (key_…)")

    shown = _leaf(groups, "show", commands.show, "one refund: ours, its ledger, and what the processor shows")
    settled = _leaf(groups, "resolve", commands.resolve, "settle a refund that needs a person")
    for each in (shown, settled):
        each.add_argument("refund", metavar="REFUND")
        each.add_argument("--organization", metavar="ORG", help="default: searched among all")
    verdict = settled.add_mutually_exclusive_group(required=True)
    verdict.add_argument("--paid", metavar="RE", help="the refund at the processor that paid it (re_…)")
    verdict.add_argument("--not-paid", action="store_true", help="the processor has paid nothing for it")

    again = _leaf(groups, "redrive", commands.redrive, "bring back what was given up")
    again.add_argument("which", choices=get_args(Which))
    again.add_argument("--limit", type=_positive, default=DEFAULT_LIMIT, help="at most so many: %(default)s")
    _leaf(groups, "sweep", commands.sweep, "bring forward now what is due")
    report = _leaf(groups, "report", commands.report, "the daily report, ledger against processor")
    report.add_argument("--day", type=_day, help="2026-11-20; default: the latest")
    report.add_argument("--now", action="store_true", help="look now, and keep nothing")
    trail = _leaf(groups, "audit", audit.show, "what was done and decided, and whether the trail is what it was")
    trail.add_argument("what", nargs="?", choices=tuple(audit.ACTIONS), default="list", help="default: %(default)s")
    trail.add_argument("--organization", metavar="ORG", help="default: what was done to the stack")
    trail.add_argument("--environment", choices=("test", "live"))
    return top


def _group(parent: Any, name: str, what: str) -> Any:
    return parent.add_parser(name, help=what, description=what).add_subparsers(required=True, metavar="WHAT")


def _leaf(parent: Any, name: str, run: Callable[..., int], what: str) -> argparse.ArgumentParser:
    leaf: argparse.ArgumentParser = parent.add_parser(name, help=what, description=what)
    _common(leaf, first=False)
    leaf.set_defaults(run=run)
    return leaf


def _common(part: argparse.ArgumentParser, *, first: bool) -> None:
    """Options that may stand before and after the command."""
    silent: Any = None if first else argparse.SUPPRESS
    off: Any = False if first else argparse.SUPPRESS
    part.add_argument("--stack", default=silent, help="the CloudFormation stack; default: REFUNDKIT_… settings")
    part.add_argument("--json", action="store_true", default=off, help="for programs")
    part.add_argument("--yes", action="store_true", default=off, help="do not ask")
    part.add_argument("--actor", default=silent, help="who does this; default: your AWS identity")
    part.add_argument("--because", default=silent, help="why; kept in the audit trail, so name no person")


def _organization(leaf: argparse.ArgumentParser) -> argparse.ArgumentParser:
    leaf.add_argument("--organization", metavar="ORG", required=True)
    return leaf


def _member(leaf: argparse.ArgumentParser) -> argparse.ArgumentParser:
    leaf.add_argument("member", metavar="MEMBER")
    return _organization(leaf)


def _tenant(leaf: argparse.ArgumentParser) -> argparse.ArgumentParser:
    leaf.add_argument("--organization", metavar="ORG", required=True)
    leaf.add_argument("--environment", choices=("test", "live"), required=True)
    return leaf


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _days(text: str) -> int:
    number = _positive(text)
    if number > _LIFE_DAYS:
        raise ValueError
    return number


def _day(text: str) -> str:
    day: datetime = parse_iso(text)
    return day.date().isoformat()


if __name__ == "__main__":
    sys.exit(main())
