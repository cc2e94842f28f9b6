"""Refunds, ledgers and events as items of the table, and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Item, without_nones
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.money import Money
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import from_unix, iso, parse_iso


def head_item(refund: Refund) -> dict[str, Any]:
    """The mutable head: under 1 KB, so that a change costs one write unit and its share of the index one."""
    pk = keys.refund_pk(refund.tenant, refund.id)
    return without_nones(
        {
            "pk": pk,
            "sk": keys.HEAD,
            "gsi1pk": keys.refunds_index(refund.tenant),
            "gsi1sk": f"{iso(refund.created_at)}#{refund.id}",
            "txn": refund.transaction_id,
            "processor": refund.transaction.processor,
            "account": refund.transaction.account_id,
            "charge": refund.transaction.charge_id,
            "amount": refund.money.amount_minor,
            "currency": refund.money.currency,
            "reason": refund.reason,
            "state": refund.status,
            "detail": refund.status_detail,
            "by": refund.initiated_by,
            "updated": iso(refund.updated_at),
            "version": refund.version,
            "external": refund.external_refund_id,
            "processor_key": refund.processor_key,
            "first_attempt": iso(refund.first_attempt_at) if refund.first_attempt_at else None,
            "key": refund.key_id,
            "looks": refund.looks or None,
            "fee": refund.fee_minor or None,
            "customer": refund.customer_key,
            "approval": refund.approval_id,
            "taken": [[purse, amount] for purse, amount in refund.taken] or None,
            "lowered": refund.lowered_minor or None,
            "tell": refund.tell or None,
            **_open_index(refund, pk),
        }
    )


def _open_index(refund: Refund, pk: str) -> dict[str, Any]:
    """The sparse index of refunds under way, by when they are looked at next; ten shards, so that none is hot.

    What holds money and is not looked at any more waits for a person, in shards of its own: reports find it there.
    """
    if refund.next_look_at is None:
        if not refund.holds_reservation:
            return {}
        return {"gsi2pk": keys.waiting_index(refund.id), "gsi2sk": f"{iso(refund.created_at)}#{pk}"}
    return {"gsi2pk": keys.open_index(refund.id), "gsi2sk": f"{iso(refund.next_look_at)}#{pk}"}


def refund_of(item: Item) -> Refund:
    """The refund whose head is ``item``."""
    tenant, refund_id = keys.tenant_and_refund(item["pk"])
    first_attempt = item.get("first_attempt")
    return Refund(
        id=refund_id,
        tenant=tenant,
        transaction_id=item["txn"],
        transaction=TransactionRef(item["processor"], item["account"], item["charge"]),
        money=Money(item["amount"], item["currency"]),
        reason=item["reason"],
        status=item["state"],
        status_detail=item.get("detail"),
        initiated_by=item["by"],
        created_at=parse_iso(item["gsi1sk"].partition("#")[0]),
        updated_at=parse_iso(item["updated"]),
        version=item["version"],
        external_refund_id=item.get("external"),
        processor_key=item.get("processor_key"),
        first_attempt_at=parse_iso(first_attempt) if first_attempt else None,
        key_id=item.get("key"),
        next_look_at=_next_look(item),
        looks=item.get("looks", 0),
        fee_minor=item.get("fee", 0),
        customer_key=item.get("customer"),
        approval_id=item.get("approval"),
        taken=tuple((purse, amount) for purse, amount in item.get("taken", ())),
        lowered_minor=item.get("lowered", 0),
        tell=item.get("tell", False),
    )


def _next_look(item: Item) -> datetime | None:
    """When the refund is looked at next; what waits for a person is not."""
    if "gsi2pk" not in item or item["gsi2pk"].startswith(keys.WAITING_PREFIX):
        return None
    return parse_iso(item["gsi2sk"].partition("#")[0])


def first_event_item(event: Event, request: Request, refund: Refund) -> dict[str, Any]:
    """A refund's first event with what was asked and decided, which only an erasure changes. One item less to write.

    Metadata is kept as JSON text, which knows fractions and nulls. The item stands in the index of its charge.
    """
    from refundkit_core.adapters.dynamodb.judged import packed

    asked = {
        "fingerprint": request.fingerprint,
        "metadata": metadata_value(request),
        "personal": list(request.personal) or None,
        "evidence": [list(piece) for piece in request.evidence] or None,
        "judged": packed(request.decision, request.ground),
        "gsi2pk": keys.charge_index(refund.tenant, refund.transaction.charge_id),
        "gsi2sk": f"{iso(refund.created_at)}#{refund.id}",
    }
    return {**event_item(event), **without_nones(asked)}


def metadata_value(request: Request) -> str | None:
    """A request's metadata as stored."""
    return None if request.metadata is None else json.dumps(request.metadata, ensure_ascii=False)


def request_of(item: Item) -> Request:
    """The request that ``item`` keeps."""
    from refundkit_core.adapters.dynamodb.judged import unpacked

    metadata = item.get("metadata")
    rules, ground = unpacked(item["judged"])
    return Request(
        fingerprint=item.get("fingerprint"),
        metadata=None if metadata is None else json.loads(metadata),
        personal=tuple(item.get("personal", ())),
        decision=rules,
        ground=ground,
        evidence=tuple((kind, reference) for kind, reference in item.get("evidence", ())),
    )


def event_item(event: Event) -> dict[str, Any]:
    """An event, which the table's stream carries to the bus."""
    key = keys.event(event.tenant, event.subject, event.version)
    item = {
        "pk": key.pk,
        "sk": key.sk,
        "id": event.id,
        "type": event.type,
        "public": event.public,
        "at": iso(event.created_at),
        "payload": json.dumps(event.payload, separators=(",", ":")),
    }
    return {**item, **without_nones({"tell": event.tell or None, "note": event.note})}


def event_of(item: Item) -> Event:
    """The event that ``item`` keeps. Raises KeyError or ValueError for an item that is none."""
    tenant, subject = keys.tenant_and_subject(item["pk"])
    return Event(
        id=item["id"],
        tenant=tenant,
        subject=subject,
        version=int(item["sk"].removeprefix(keys.EVENT_PREFIX)),
        type=item["type"],
        public=item["public"],
        created_at=parse_iso(item["at"]),
        payload=json.loads(item["payload"]),
        tell=item.get("tell", False),
        note=item.get("note"),
    )


def ledger_item(ledger: Ledger) -> dict[str, Any]:
    """A ledger; ``available`` is stored so that a condition can compare it."""
    key = keys.ledger(ledger.tenant, ledger.transaction)
    found_by = None if ledger.customer_id is None else keys.customer_index(ledger.tenant, ledger.customer_id)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "gsi2pk": found_by,
            "gsi2sk": found_by and key.pk,
            "currency": ledger.currency,
            "captured": ledger.captured_minor,
            "elsewhere": ledger.elsewhere_minor,
            "lost": ledger.lost_minor,
            "reserved": ledger.reserved_minor,
            "refunded": ledger.refunded_minor,
            "available": ledger.available_minor,
            "dispute": ledger.dispute,
            "purchased": iso(ledger.purchased_at),
            "customer": ledger.customer_id,
            "snapshot": iso(ledger.snapshot_at),
            "version": ledger.version,
            "twins": {name: twins_value(twins) for name, twins in ledger.twins.items()},
            "adopted": ledger.adopted or None,
            "fraud_warning": ledger.fraud_warning,
            "customer_erased": ledger.customer_erased or None,
            "risk": ledger.processor_risk,
            "countries": list(ledger.countries) or None,
            "withheld": ledger.withheld_minor or None,
        }
    )


def twins_value(twins: Any) -> dict[str, int]:
    """Twins as stored: refund id to Unix seconds."""
    return {refund_id: int(at.timestamp()) for refund_id, at in twins.items()}


def ledger_of(tenant: Tenant, transaction: TransactionRef, item: Item) -> Ledger:
    """The ledger that ``item`` keeps."""
    return Ledger(
        tenant=tenant,
        transaction=transaction,
        currency=item["currency"],
        captured_minor=item["captured"],
        elsewhere_minor=item["elsewhere"],
        lost_minor=item["lost"],
        reserved_minor=item["reserved"],
        refunded_minor=item["refunded"],
        dispute=item["dispute"],
        purchased_at=parse_iso(item["purchased"]),
        customer_id=item.get("customer"),
        snapshot_at=parse_iso(item["snapshot"]),
        version=item["version"],
        twins={
            name: {refund_id: from_unix(at) for refund_id, at in twins.items()} for name, twins in item["twins"].items()
        },
        adopted=item.get("adopted", frozenset()),
        fraud_warning=item.get("fraud_warning"),
        customer_erased=item.get("customer_erased", False),
        processor_risk=item.get("risk"),
        countries=tuple(item.get("countries", ())),
        withheld_minor=item.get("withheld", 0),
    )
