"""Approvals and their workflow's tokens as items of the table, and back."""

from __future__ import annotations

from typing import Any

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.table import Item, without_nones
from refundkit_core.application.approval_ports import WaitingToken
from refundkit_core.domain.approvals import Act, Approval, Question, Ruling
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.times import iso, parse_iso


def approval_item(approval: Approval) -> dict[str, Any]:
    """An approval; open ones and closed ones stand in indexes of their own, so that the queue's list stays short."""
    tenant, key = approval.tenant, keys.approval(approval.tenant, approval.id)
    index = keys.approvals_index(tenant) if approval.is_open else keys.closed_approvals_index(tenant)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "gsi1pk": index,
            "gsi1sk": f"{iso(approval.opened_at)}#{approval.id}",
            "refund": approval.refund_id,
            "processor": approval.transaction.processor,
            "account": approval.transaction.account_id,
            "charge": approval.transaction.charge_id,
            "amount": approval.amount_minor,
            "currency": approval.currency,
            "state": approval.status,
            "reasons": list(approval.reasons),
            "version": approval.version,
            "revision": approval.revision,
            "requested_by": approval.requested_by,
            "level": approval.level or None,
            "level_since": iso(approval.level_since) if approval.level_since else None,
            "reminders": approval.reminders or None,
            "consents": [_act(act) for act in approval.consents] or None,
            "question": _question(approval.question),
            "ruling": _ruling(approval.ruling),
            "seal": approval.seal,
            **_look(approval, key),
        }
    )


def _look(approval: Approval, key: Key) -> dict[str, str]:
    if approval.next_look_at is None:
        return {}
    return {"gsi2pk": keys.asked_index(approval.id), "gsi2sk": f"{iso(approval.next_look_at)}#{key.pk}"}


def approval_of(item: Item) -> Approval:
    """The approval that ``item`` keeps; what those of before lack is what it meant then."""
    tenant, approval_id = keys.tenant_and_approval(item["pk"])
    since, question, ruling = item.get("level_since"), item.get("question"), item.get("ruling")
    return Approval(
        id=approval_id,
        tenant=tenant,
        refund_id=item["refund"],
        transaction=TransactionRef(item["processor"], item["account"], item["charge"]),
        amount_minor=item["amount"],
        currency=item["currency"],
        status=item["state"],
        reasons=tuple(item["reasons"]),
        opened_at=parse_iso(item["gsi1sk"].partition("#")[0]),
        version=item["version"],
        revision=item.get("revision", 1),
        requested_by=item.get("requested_by"),
        level=item.get("level", 0),
        level_since=parse_iso(since) if since else None,
        reminders=item.get("reminders", 0),
        consents=tuple(_act_of(act) for act in item.get("consents", ())),
        question=None if question is None else _question_of(question),
        ruling=None if ruling is None else _ruling_of(ruling),
        seal=item.get("seal"),
        next_look_at=parse_iso(item["gsi2sk"].partition("#")[0]) if "gsi2pk" in item else None,
    )


def token_item(key: Key, token: WaitingToken) -> dict[str, Any]:
    """Where the workflow waits; the token opens nothing but that, and never leaves the server."""
    return {"pk": key.pk, "sk": key.sk, "token": token.token, "rung": token.rung, "since": iso(token.since)}


def token_of(item: Item) -> WaitingToken:
    """The token that ``item`` keeps."""
    return WaitingToken(item["token"], item["rung"], parse_iso(item["since"]))


def _act(act: Act) -> dict[str, str]:
    return {"by": act.by, "via": act.via, "at": iso(act.at)}


def _act_of(value: Any) -> Act:
    return Act(value["by"], value["via"], parse_iso(value["at"]))


def _question(question: Question | None) -> dict[str, Any] | None:
    if question is None:
        return None
    return {
        "text": question.text,
        "action": question.action,
        "asked": _act(question.asked),
        "until": iso(question.until),
    }


def _question_of(value: Any) -> Question:
    return Question(value["text"], value["action"], _act_of(value["asked"]), parse_iso(value["until"]))


def _ruling(ruling: Ruling | None) -> dict[str, Any] | None:
    return None if ruling is None else {"verdict": ruling.verdict, "act": _act(ruling.act), "comment": ruling.comment}


def _ruling_of(value: Any) -> Ruling:
    return Ruling(value["verdict"], _act_of(value["act"]), value["comment"])
