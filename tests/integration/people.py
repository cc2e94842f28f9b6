"""People of a world's organization: members with keys of their own, and refunds that wait for them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.domain.members import Member, Role
from refundkit_core.domain.money import Money

from tests.integration.conftest import World
from tests.support.functions import function_module

DECIDING = ["approvals:read", "approvals:decide", "refunds:read"]
BOT = {"type": "agent", "id": "refund-bot"}


@dataclass(frozen=True)
class Person:
    """A member, and a key that belongs to them."""

    id: str
    key: str


class People:
    """An organization where everything from 50 USD on waits for a person; ``bot`` is an agent's key that asks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.owner = Person(world.organization.owner_id, world.organization.test_key)
        self.bot = self.key_for(BOT, ["refunds:read", "refunds:write"])
        self._made = 0
        document = {"name": "House", "rules": [{"category": "default"}], "globalLimits": {"autoApproveThreshold": 5000}}
        policy = self.asks("POST", "/v1/policies", document)["id"]
        self.asks("POST", f"/v1/policies/{policy}/publish", {})

    def asks(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """A call that must succeed: its data. Each has a minute of its own."""
        status, envelope, _ = self.world.call(method, path, body, key=key or self.owner.key)
        assert status in (200, 201), envelope
        return envelope["data"]

    def refused(self, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, str]:
        """A call that must be refused: its status and code."""
        status, envelope, _ = self.world.call(method, path, body, key=key or self.owner.key)
        assert status >= 400, envelope
        return status, envelope["error"]["code"]

    def key_for(self, owner: dict[str, str], scopes: list[str]) -> str:
        """A key of a member or an agent."""
        wanted = {"name": "Own", "owner": owner, "scopes": scopes}
        key: str = self.asks("POST", "/v1/api-keys", wanted)["key"]
        return key

    def join(self, role: Role = "approver", limit: int | None = None, scopes: list[str] = DECIDING) -> Person:
        """A new member with a key."""
        world, self._made = self.world, self._made + 1
        org_id = world.organization.org_id
        member = Member(
            id=world.container.ids.new("mem"),
            org_id=org_id,
            name=f"Person {self._made}",
            email=f"person-{self._made}@example.com",
            role=role,
            created_at=world.clock.now(),
            approval_limit=None if limit is None else Money(limit, "usd"),
        )
        entry = Auditor(world.clock, world.container.ids).entry(BY_PROGRAM, "members add", member.id, org_id)
        world.container.members.add(world.container.members.roster(org_id), member, entry)
        return Person(member.id, self.key_for({"type": "member", "id": member.id}, scopes))

    def waiting(self, amount: int = 35_000, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """A refund of a charge of its own that waits for a person."""
        charge = self.world.charge(amount=amount)
        body = {"transactionId": charge["id"], "amount": amount, "reason": "product_defective", **fields}
        made: dict[str, Any] = self.asks("POST", "/v1/refunds", body, key=key or self.bot)
        assert made["status"] == "pending_approval", made
        return made

    def decide(self, approval: str, by: Person, verb: str = "approve", **body: Any) -> Any:
        """Somebody decides, or does something else, and may."""
        return self.asks("POST", f"/v1/approvals/{approval}/{verb}", body, key=by.key)

    def may_not(self, approval: str, by: Person, verb: str = "approve", **body: Any) -> tuple[int, str]:
        """Somebody tries to, and is refused."""
        return self.refused("POST", f"/v1/approvals/{approval}/{verb}", body, key=by.key)

    def approval(self, approval: str) -> Any:
        return self.asks("GET", f"/v1/approvals/{approval}")

    def told(self, approval: dict[str, Any] | str) -> None:
        """The bus tells the approvals' queue of one of its events, and the queue is worked off."""
        approval_id = approval if isinstance(approval, str) else approval["approvalId"]
        tenant = self.world.tenant
        detail = {
            "organizationId": tenant.org_id,
            "environment": tenant.environment,
            "data": {"approvalId": approval_id},
        }
        assert steps({"detail": detail}) == []
        self.work()

    def work(self) -> None:
        """Work off the approvals' queue."""
        sqs, queue = boto3.client("sqs"), self.world.container.settings.approval_queue_url
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                assert steps(json.loads(message["Body"])) == []
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def waits(self, approval_id: str, token: str, rung: str = "Day") -> None:
        """The workflow says where it waits."""
        tenant = self.world.tenant
        said = {
            "organizationId": tenant.org_id,
            "environment": tenant.environment,
            "approvalId": approval_id,
            "taskToken": token,
            "rung": rung,
            "since": self.world.clock.now().isoformat(),
        }
        assert steps(said) == []


def steps(message: dict[str, Any]) -> list[Any]:
    """Hand one message to the approvals' function: what comes back."""
    record = {"messageId": "m-1", "body": json.dumps(message)}
    answer = function_module("approval_steps").handler({"Records": [record]}, None)
    failures: list[Any] = answer["batchItemFailures"]
    return failures
