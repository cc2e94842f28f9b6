"""The ``members`` commands of ``refundkit-admin``: for the very first set-up, and for an owner who is lost."""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import Any, Final

from refundkit_core.application.manage_members import Left, MemberChange, WantedMember
from refundkit_core.domain.members import Member
from refundkit_core.domain.money import Money
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.admin_commands import by_operator
from refundkit_core.entrypoints.admin_terminal import Terminal
from refundkit_core.entrypoints.container import Container

NONE: Final = "none"
"""Takes a limit or a Slack user away."""


def limit_of(text: str) -> Money | None:
    """``100000:usd`` in minor units, or ``none``. Raises ValueError."""
    if text == NONE:
        return None
    amount, _, currency = text.partition(":")
    return Money(int(amount), currency)


def list_members(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``members list``"""
    rows = [_row(member) for member in container.manage_members.all(options.organization)]
    terminal.rows(rows, "no member: organizations create makes the first owner")
    return 0


def add(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``members add``"""
    wanted = WantedMember(options.name, options.email, options.role, options.limit, options.slack_user)
    by = by_operator(container, options)
    terminal.facts(_row(container.manage_members.add(options.organization, wanted, by)))
    return 0


def change(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``members change``"""
    slack_user = None if options.slack_user == NONE else options.slack_user
    wanted = MemberChange(
        name=options.name,
        email=options.email,
        role=options.role,
        approval_limit=options.limit,
        slack_user=slack_user if options.slack_user else Left.ALONE,
    )
    return _changed(container, options, terminal, wanted)


def deactivate(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``members deactivate``"""
    terminal.confirm(f"{options.member} decides nothing from now on, and all their keys are refused for ever.")
    return _changed(container, options, terminal, MemberChange(active=False))


def reactivate(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``members reactivate``"""
    return _changed(container, options, terminal, MemberChange(active=True))


def _changed(container: Container, options: Namespace, terminal: Terminal, wanted: MemberChange) -> int:
    by = by_operator(container, options)
    terminal.facts(_row(container.manage_members.change(options.organization, options.member, wanted, by)))
    return 0


def _row(member: Member) -> dict[str, Any]:
    """Names and addresses are shown to whoever has the operator's rights, and written down nowhere."""
    return {
        "member": member.id,
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "limit": str(member.approval_limit) if member.approval_limit else None,
        "slackUser": member.slack_user,
        "active": member.active,
        "created": iso(member.created_at),
    }


def describe(leaf: argparse.ArgumentParser, roles: tuple[str, ...], *, required: bool) -> None:
    """The options that say what a member is to be."""
    leaf.add_argument("--name", required=required)
    leaf.add_argument("--email", required=required)
    leaf.add_argument("--role", choices=roles, required=required)
    without = None if required else Left.ALONE
    leaf.add_argument("--limit", type=limit_of, default=without, help="100000:usd in minor units, or none")
    leaf.add_argument("--slack-user", help="U012AB3CD" if required else "U012AB3CD, or none")
