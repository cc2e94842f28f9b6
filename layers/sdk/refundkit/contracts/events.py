"""Events on the wire: the envelope that webhooks carry, and a register of all types in every version of the API.

The envelope is ``{"id", "type", "created", "apiVersion", "data"}`` (document 002, decision 25). The shapes of the data
belong to the version that it names. A changed shape is a new version beside the old ones in :data:`VERSIONS`; within a
version fields are only added, so receivers pass over what they do not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema

from refundkit.contracts.base import Time, Wire
from refundkit.contracts.event_data import (
    ApprovalDecided,
    ApprovalEscalated,
    ApprovalExpired,
    ApprovalPending,
    DisputeChanged,
    PolicyPublished,
    RefundApproved,
    RefundCancelled,
    RefundCompleted,
    RefundFailed,
    RefundInitiated,
    RefundProcessing,
    RefundRejected,
    RiskFlagged,
    WebhookDisabled,
)

API_VERSION: Final = "2026-11-01"
EventGroup = Literal["refunds", "approvals", "disputes", "policies", "webhooks"]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_BODY: Final = "01KA5W8Q3N7X2Y4Z6B8C0D1E2F"  # of the ids in examples
_AT: Final = "2026-11-20T12:00:00.000Z"


class EventEnvelope(Wire):
    """What every webhook's body is."""

    id: str = Field(description="The event's id, `evt_…`. The same event may come twice: keep it to tell.")
    type: str = Field(description="What happened.")
    created: Time = Field(description="When it happened. Events arrive in any order.")
    api_version: str = Field(description="The version of the API whose shapes the event has.")
    data: dict[str, Any] = Field(description="What it happened to; the shape depends on the type.")


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of events in one version of the API: what it tells, and the model of its data.

    ``sample`` are the data of the example, by their names on the wire.
    """

    name: str
    group: EventGroup
    description: str
    data: type[Wire]
    sample: Mapping[str, Any]
    version: str = API_VERSION

    @property
    def example(self) -> dict[str, Any]:
        """A whole event as it is sent."""
        data = self.data.model_validate(self.sample)
        envelope = EventEnvelope(
            id=f"evt_{_BODY}",
            type=self.name,
            created=_AT,
            api_version=self.version,
            data=data.model_dump(mode="json", by_alias=True, exclude_unset=True),
        )
        return envelope.model_dump(mode="json", by_alias=True)


_REFUND: Final = {
    "refundId": f"ref_{_BODY}",
    "transactionId": "ch_3PqX2eLkdIwHu7ix",
    "amount": 2999,
    "currency": "usd",
    "processor": "stripe",
    "externalRefundId": None,
    "statusDetail": None,
    "reason": "product_defective",
}
_AT_STRIPE: Final = {**_REFUND, "externalRefundId": "re_3PqX2eLkdIwHu7ix"}
_APPROVAL: Final = {
    "approvalId": f"apr_{_BODY}",
    "refundId": f"ref_{_BODY}",
    "transactionId": "ch_3PqX2eLkdIwHu7ix",
    "amount": 2999,
    "currency": "usd",
    "revision": 1,
}
_MEMBER: Final = {"by": f"mem_{_BODY}", "channel": "session"}
_DISPUTE: Final = {"transactionId": "ch_3PqX2eLkdIwHu7ix", "processor": "stripe", "currency": "usd"}
_RISK: Final = {
    "assessmentId": f"rsk_{_BODY}",
    "transactionId": "ch_3PqX2eLkdIwHu7ix",
    "processor": "stripe",
    "score": 85,
    "riskLevel": "high",
    "signals": ["fraud_warning", "velocity"],
}
_POLICY: Final = {
    "policyId": f"pol_{_BODY}",
    "merchantId": "merch_123",
    "version": 3,
    "shadow": False,
    "inForceFrom": _AT,
}
_ENDPOINT: Final = {
    "endpointId": f"whe_{_BODY}",
    "reason": "failing",
    "failingSince": "2026-11-15T11:58:03.000Z",
}

_TYPES: Final = (
    EventType(
        "refund.initiated", "refunds", "A refund was opened.", RefundInitiated, {**_REFUND, "status": "pending"}
    ),
    EventType(
        "refund.approved", "refunds", "A person approved a refund.", RefundApproved, {**_REFUND, "status": "pending"}
    ),
    EventType(
        "refund.processing", "refunds", "A refund was handed to the processor.", RefundProcessing,
        {**_REFUND, "status": "processing"},
    ),
    EventType(
        "refund.completed", "refunds", "The processor paid a refund.", RefundCompleted,
        {**_AT_STRIPE, "status": "completed"},
    ),
    EventType(
        "refund.failed", "refunds", "A refund failed, perhaps days after it was completed.", RefundFailed,
        {**_AT_STRIPE, "status": "failed", "statusDetail": "expired_or_canceled_card"},
    ),
    EventType(
        "refund.cancelled", "refunds", "A refund was cancelled before it was paid.", RefundCancelled,
        {**_REFUND, "status": "cancelled"},
    ),
    EventType(
        "refund.rejected", "refunds", "A refund was not approved.", RefundRejected, {**_REFUND, "status": "rejected"}
    ),
    EventType(
        "approval.pending", "approvals", "A refund waits for a person.", ApprovalPending,
        {**_APPROVAL, "status": "pending", "reasons": ["auto_approve"]},
    ),
    EventType(
        "approval.decided", "approvals", "A person approved or rejected.", ApprovalDecided,
        {**_APPROVAL, "status": "approved", **_MEMBER},
    ),
    EventType(
        "approval.escalated", "approvals", "The next level is asked about a refund.", ApprovalEscalated,
        {**_APPROVAL, "status": "escalated", "revision": 2, "level": 1, "by": "system", "channel": "time"},
    ),
    EventType(
        "approval.expired", "approvals", "Nobody decided in time.", ApprovalExpired, {**_APPROVAL, "status": "expired"}
    ),
    EventType(
        "dispute.risk_flagged", "disputes", "A transaction or a refund was found to be of high risk.", RiskFlagged,
        _RISK,
    ),
    EventType(
        "dispute.opened", "disputes", "The card's bank asks about a charge or disputes it.", DisputeChanged,
        {**_DISPUTE, "dispute": "open", "lostAmount": 0},
    ),
    EventType(
        "dispute.closed", "disputes", "A dispute ended.", DisputeChanged,
        {**_DISPUTE, "dispute": "lost", "lostAmount": 2999},
    ),
    EventType("policy.published", "policies", "A version of a policy was published.", PolicyPublished, _POLICY),
    EventType(
        "webhook.disabled", "webhooks", "An endpoint was disabled because its deliveries fail.", WebhookDisabled,
        _ENDPOINT,
    ),
)  # fmt: skip

EVENT_TYPES: Final[Mapping[str, EventType]] = MappingProxyType({each.name: each for each in _TYPES})
"""Every type of the present version, by name."""

VERSIONS: Final[Mapping[str, Mapping[str, EventType]]] = MappingProxyType({API_VERSION: EVENT_TYPES})
"""Every version of the API whose events can still be sent, each with its types."""


def event_schema(version: str, name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the whole event ``name`` in ``version``, open to fields that are added later.

    Raises:
        KeyError: there is no such version, or no such type in it.
    """
    kind = VERSIONS[version][name]
    envelope, fields = _schema(EventEnvelope), _schema(EventEnvelope)["properties"]
    stated = {
        "type": {**fields["type"], "const": name},
        "apiVersion": {**fields["apiVersion"], "const": version},
        "data": _schema(kind.data),
    }
    return {
        "$schema": _DIALECT,
        **envelope,
        "title": name,
        "description": kind.description,
        "properties": {**fields, **stated},
    }


class _Plain(GenerateJsonSchema):
    """Fields without a title: their names on the wire say it."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (of the base class)
        return False


def _schema(model: type[Wire]) -> dict[str, Any]:
    """Without the ban on further fields, which holds for what is sent and not for what receivers may rely on."""
    schema = model.model_json_schema(schema_generator=_Plain)
    return {name: value for name, value in schema.items() if name != "additionalProperties"}
