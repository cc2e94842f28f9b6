"""A world whose organization is connected to the sandbox of Slack over HTTP, with people who click."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from refundkit_core.adapters.events import detail_of
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.application.connect_slack import IncomingWebhook, SlackApp
from refundkit_core.domain.events import Event
from refundkit_core.domain.members import Member
from refundkit_core.domain.routing import ApprovalSettings

from local.slack_sandbox import App, SlackSandbox
from tests.integration.conftest import World
from tests.support.functions import function_module
from tests.support.requests import gateway_event
from tests.support.slack import served

ACTIONS = "/integrations/slack/actions"
USERS = {"U0ANNA01": "Anna Approver", "U0MAX001": "Max Manager", "U0CARA01": "Cara Clerk", "U0NOBODY": "Stranger"}


@dataclass
class SlackWorld:
    """The world, the sandbox, the app in it, and what the API answered to the last click."""

    world: World
    sandbox: SlackSandbox
    app: App

    @property
    def channel(self) -> str:
        return next(iter(self.app.channels))

    def hire(self, name: str, slack_user: str | None, role: Any = "approver") -> Member:
        """A new member, known in Slack."""
        world, org_id = self.world, self.world.organization.org_id
        member_id = world.container.ids.new("mem")
        address = f"{name.lower()}@acme.example"
        member = Member(member_id, org_id, name, address, role, world.clock.now(), slack_user=slack_user)
        entry = Auditor(world.clock, world.container.ids).entry(BY_PROGRAM, "members add", member_id, org_id)
        world.container.members.add(world.container.members.roster(org_id), member, entry)
        return member

    def dismiss(self, member: Member) -> None:
        """Deactivate a member."""
        world, store = self.world, self.world.container.members
        after = replace(member, active=False, deactivated_at=world.clock.now(), version=member.version + 1)
        entry = Auditor(world.clock, world.container.ids).entry(BY_PROGRAM, "members end", member.id, member.org_id)
        store.change(store.roster(member.org_id), member, after, (), entry)

    def set_up(self, settings: ApprovalSettings) -> None:
        world = self.world
        entry = Auditor(world.clock, world.container.ids).entry(BY_PROGRAM, "settings", "approvals", world.tenant)
        world.container.switches.set_approvals(world.tenant, replace(settings, version=1), entry)

    def waiting(self, key: str | None = None) -> dict[str, Any]:
        """A refund of 350.00 USD that a person has to approve, told to Slack."""
        world = self.world
        document = {"name": "P", "rules": [{"category": "default"}], "globalLimits": {"autoApproveThreshold": 1000}}
        policy = world.call("POST", "/v1/policies", document)[1]["data"]["id"]
        assert world.call("POST", f"/v1/policies/{policy}/publish", {})[0] == 200
        world.clock.advance(seconds=1)
        customer = {"name": "Mary Smith", "email": "mary@shop.example"}
        charge = world.charge(amount=90_000, customer=customer)
        body = {"transactionId": charge["id"], "reason": "product_defective", "amount": 35_000}
        options = {"key": key} if key else {}
        status, envelope, _ = world.call("POST", "/v1/refunds", body, **options)
        assert (status, envelope["data"]["status"]) == (201, "pending_approval"), envelope
        refund: dict[str, Any] = envelope["data"]
        self.hears(refund)
        return refund

    def hears(self, refund: dict[str, Any]) -> dict[str, Any]:
        """The approval's last event comes by the bus."""
        return hear(list(self.world.container.approvals.history(self.world.tenant, refund["approvalId"]))[-1])

    def approval(self, refund: dict[str, Any]) -> Any:
        found = self.world.container.approvals.find(self.world.tenant, refund["approvalId"])
        assert found is not None
        return found

    @property
    def message(self) -> dict[str, Any]:
        """The channel's only message."""
        (found,) = [each for each in self.sandbox.messages if each["kind"] == "channel" and each["thread"] is None]
        return found

    @property
    def whispers(self) -> list[tuple[str, str]]:
        """Who alone was told what."""
        return [(each["user"], each["text"]) for each in self.sandbox.messages if each["kind"] == "ephemeral"]

    def click(self, action: str, user: str = "U0ANNA01") -> dict[str, Any]:
        """Somebody presses a button; what the API answered."""
        sent = {"channel": self.message["channel"], "ts": self.message["ts"], "action": action, "user": user}
        return self._did("click", sent)

    def submit(self, **values: str) -> dict[str, Any]:
        """Somebody sends off the newest window."""
        return self._did("submit", {"view": self.window["id"], "values": values})

    @property
    def window(self) -> dict[str, Any]:
        """The newest window."""
        return [each for each in self.sandbox.views if each["view"]][-1]

    @property
    def refusals(self) -> list[tuple[str, str, Any]]:
        """Who was refused what, as the audit trail has it."""
        entries = self.world.container.trail.of(self.world.tenant)
        refused = [entry for entry in entries if entry.command == "approval refused"]
        assert all(entry.channel == "slack" for entry in refused)
        return [(entry.actor, entry.target, entry.details["refused"]) for entry in refused]

    def _did(self, deed: str, sent: Any) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        reply = self.sandbox.reply("POST", f"/slack/{deed}", json.dumps(sent).encode(), headers)
        assert reply.status == 200, reply.body
        said: dict[str, Any] = json.loads(reply.body)
        return said


def post(body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Slack's request through the handler."""
    lower = {name.lower(): text for name, text in headers.items()}
    event = gateway_event("POST", ACTIONS, body.decode(), headers=lower)
    answer = function_module(event.pop("function")).handler(event, None)
    return answer["statusCode"], answer["body"].encode()


def hear(event: Event) -> dict[str, Any]:
    """The bus puts the event on the queue, and the consumer takes it."""
    record = {"messageId": "m-1", "body": json.dumps({"detail": json.loads(detail_of(event))})}
    answer: dict[str, Any] = function_module("notify").handler({"Records": [record]}, None)
    return answer


@contextmanager
def connected(world: World, patch: pytest.MonkeyPatch) -> Iterator[SlackWorld]:
    """The organization with an app in the sandbox, while the context lasts."""
    sandbox = SlackSandbox(now=lambda: world.clock.now().timestamp(), deliver=post)
    app = sandbox.add_app("Acme", users=USERS)
    with served(sandbox) as base:
        patch.setattr(world.container, "settings", replace(world.container.settings, slack_api_base=base))
        given = SlackApp(app.bot_token, app.signing_secret, next(iter(app.channels)))
        world.container.connect_slack(world.tenant, given)
        yield SlackWorld(world, sandbox, app)


__all__ = ["ACTIONS", "USERS", "IncomingWebhook", "SlackWorld", "connected", "hear", "post"]
