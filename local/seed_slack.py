"""Give a new organization its workspace in the sandbox of Slack, and people who are known there."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from local.http_json import call


class Person(NamedTuple):
    """Somebody with a role and a Slack user."""

    name: str
    role: str
    slack_user: str


PEOPLE = (
    Person("Anna Approver", "approver", "U0ANNA01"),
    Person("Max Manager", "admin", "U0MAX001"),
    Person("Cara Clerk", "member", "U0CARA01"),
)
STRANGER = Person("Sam Stranger", "", "U0SAM001")
"""Is in the workspace, and no member of the organization."""


def connect_slack(name: str, org_id: str, domain: str) -> dict[str, Any]:
    """Install an app in the sandbox and connect the organization to it, in both modes; its channel, and the members by
    their first name: id, name, address, role and Slack user."""
    from refundkit_core.application.connect_slack import SlackApp
    from refundkit_core.domain.tenancy import Tenant
    from refundkit_core.entrypoints.container import Container
    from refundkit_core.entrypoints.settings import Settings

    container = Container(Settings.parse(os.environ))
    control = container.settings.slack_api_base.removesuffix("/api") + "/control/apps"
    users = {person.slack_user: person.name for person in (*PEOPLE, STRANGER)}
    app = call("POST", control, {"name": name, "channel": "refund-approvals", "users": users}).body
    given = SlackApp(app["bot_token"], app["signing_secret"], app["channel"])
    for environment in ("test", "live"):
        tenant = Tenant(org_id, "test" if environment == "test" else "live")
        container.connect_slack(tenant, given)
    people = {person.name.split()[0].lower(): _known(container, org_id, domain, person) for person in PEOPLE}
    return {"channel": app["channel"], "team": app["team"], "people": people, "stranger": STRANGER.slack_user}


def _known(container: Any, org_id: str, domain: str, person: Person) -> dict[str, Any]:
    """The member who is this Slack user; a new one where there is none."""
    member = container.members.by_slack_user(org_id, person.slack_user) or _added(container, org_id, domain, person)
    return {
        "id": member.id,
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "slack_user_id": member.slack_user,
    }


def _added(container: Any, org_id: str, domain: str, person: Person) -> Any:
    from refundkit_core.application.audit import BY_PROGRAM, Auditor
    from refundkit_core.domain.members import Member

    role: Any = person.role
    member = Member(
        container.ids.new("mem"),
        org_id,
        person.name,
        f"{person.name.split()[0].lower()}@{domain}",
        role,
        container.clock.now(),
        slack_user=person.slack_user,
    )
    entry = Auditor(container.clock, container.ids).entry(BY_PROGRAM, "members add", member.id, org_id)
    container.members.add(container.members.roster(org_id), member, entry)
    return member
