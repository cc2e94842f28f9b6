"""The commands of ``refundkit-admin``: each takes its options, calls one use case and prints what came of it."""

from __future__ import annotations

import os
from argparse import Namespace
from datetime import timedelta
from typing import Any, Final

from refundkit_core.application.audit import Auditor, By, reason_of
from refundkit_core.application.manage_keys import WantedKey
from refundkit_core.domain.errors import Conflict, Invalid
from refundkit_core.domain.money import Money
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.admin_terminal import Terminal
from refundkit_core.entrypoints.container import Container

API_URL: Final = "REFUNDKIT_API_URL"
STRIPE_SECRET_KEY: Final = "REFUNDKIT_STRIPE_SECRET_KEY"  # noqa: S105 - its name, not the secret
HAS_FINDINGS: Final = 6
_ONCE: Final = "The key is shown here and never again."


def _tenant(options: Namespace) -> Tenant:
    return Tenant(options.organization, options.environment)


def by_operator(container: Container, options: Namespace) -> By:
    """Who does this. The reason is judged before anything is asked or done."""
    because = reason_of(options.because)
    return By(options.actor or container.caller_arn(), because)


def create_organization(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``organizations create``"""
    made = container.provision.create_organization(
        options.name, options.owner_name, options.owner_email, by_operator(container, options)
    )
    terminal.facts(
        {"organization": made.org_id, "owner": made.owner_id, "testKey": made.test_key, "liveKey": made.live_key},
        note="The two keys are shown here and never again.",
    )
    return 0


def list_organizations(container: Container, _options: Namespace, terminal: Terminal) -> int:
    """``organizations list``"""
    rows = [
        {"organization": each.id, "name": each.name, "created": iso(each.created_at)}
        for each in container.provision.organizations()
    ]
    terminal.rows(rows, "no organization yet: organizations create")
    return 0


def create_key(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``keys create``"""
    lives = timedelta(days=options.expires_days) if options.expires_days else None
    wanted = WantedKey(
        name=options.name,
        owner=options.owner,
        scopes=frozenset(filter(None, options.scopes.split(","))),
        expires_at=container.clock.now() + lives if lives else None,
        limit_per_minute=options.limit,
    )
    made = container.manage_keys.create(_tenant(options), wanted, by_operator(container, options))
    terminal.facts({**_key_row(made.record), "secret": made.key}, note=_ONCE)
    return 0


def list_keys(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``keys list``"""
    rows = [_key_row(key) for key in container.manage_keys.all(_tenant(options))]
    terminal.rows(rows, "no key: keys create")
    return 0


def _key_row(key: Any) -> dict[str, Any]:
    return {
        "key": key.id,
        "begins": key.prefix,
        "name": key.name,
        "owner": key.owner,
        "scopes": sorted(key.scopes),
        "perMinute": key.limit_per_minute,
        "created": iso(key.created_at),
        "expires": iso(key.expires_at) if key.expires_at else None,
        "revoked": iso(key.revoked_at) if key.revoked_at else None,
    }


def revoke_key(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``keys revoke``"""
    by = by_operator(container, options)
    terminal.confirm(f"{options.key} is refused from now on, for ever.")
    if not container.manage_keys.revoke(_tenant(options), options.key, by):
        raise Conflict("The key was revoked before")
    terminal.facts({"key": options.key, "revoked": True})
    return 0


def list_connections(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``connections list``"""
    rows = [
        {
            "connection": each.id,
            "processor": each.processor,
            "account": each.account_id,
            "status": each.status,
            "updated": iso(each.updated_at),
        }
        for each in container.provision.connections(_tenant(options))
    ]
    terminal.rows(rows, "nothing is connected: connections connect")
    return 0


def connect(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``connections connect``"""
    by, api_url = (
        by_operator(container, options),
        options.api_url or os.environ.get(API_URL) or container.settings.public_api_base,
    )
    if not api_url:
        raise Invalid(f"Say where Stripe posts its news: --api-url, {API_URL} or --stack")
    secret_key = os.environ.get(STRIPE_SECRET_KEY) or terminal.secret("Stripe secret key (not shown): ")
    if not secret_key:
        raise Invalid(f"Put Stripe's secret key into {STRIPE_SECRET_KEY}: nobody is here to type it")
    made = container.provision.connect(
        options.organization, options.environment, "stripe", secret_key.strip(), api_url, by
    )
    terminal.facts({"connection": made.connection_id, "processor": "stripe", "account": made.account_id})
    return 0


def disconnect(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``connections disconnect``"""
    by = by_operator(container, options)
    terminal.confirm("Refunds that are not paid yet will fail, and those under way will need a person.")
    container.provision.disconnect(_tenant(options), "stripe", by)
    terminal.facts({"processor": "stripe", "status": "inactive"})
    return 0


def pause(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``pause``"""
    by = by_operator(container, options)
    terminal.confirm(f"No refund of {options.key or 'this organization and environment'} is paid until you resume.")
    terminal.facts({"stopped": sorted(container.brake.pause(_tenant(options), options.key, by))})
    return 0


def resume(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``resume``"""
    stopped = container.brake.resume(_tenant(options), options.key, by_operator(container, options))
    terminal.facts({"stopped": sorted(stopped)})
    return 0


def show(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``show``"""
    tenant = container.show_refund.tenant_of(options.refund, options.organization)
    case = container.show_refund(tenant, options.refund)
    ledger = case.ledger
    facts: dict[str, Any] = {**_refund_facts(case.refund), "paused": case.paused}
    if ledger is not None:
        held = {
            "captured": ledger.captured_minor,
            "reserved": ledger.reserved_minor,
            "refunded": ledger.refunded_minor,
            "elsewhere": ledger.elsewhere_minor,
            "lost": ledger.lost_minor,
            "available": ledger.available_minor,
        }
        facts.update({"ledger": held, "dispute": ledger.dispute})
    facts["timeline"] = [
        {
            "at": iso(event.created_at),
            "event": event.type,
            "detail": event.payload["statusDetail"],
            "atProcessor": event.payload["externalRefundId"],
        }
        for event in case.timeline
    ]
    if case.shown is None:
        facts["processorSays"] = f"not asked: {case.unasked}"
    else:
        facts["processorShows"] = [
            {
                "refund": seen.external_id,
                "amount": seen.amount_minor,
                "currency": seen.currency,
                "status": seen.status,
                "ours": seen.refund_id,
            }
            for seen in case.shown
        ]
    terminal.facts(facts)
    return 0


def _refund_facts(refund: Refund) -> dict[str, Any]:
    return {
        "refund": refund.id,
        "organization": refund.tenant.org_id,
        "environment": refund.tenant.environment,
        "status": refund.status,
        "statusDetail": refund.status_detail,
        "money": str(Money(refund.money.amount_minor, refund.money.currency)),
        "reason": refund.reason,
        "transaction": refund.transaction.charge_id,
        "account": refund.transaction.account_id,
        "atProcessor": refund.external_refund_id,
        "openedBy": refund.key_id or refund.initiated_by,
        "opened": iso(refund.created_at),
        "changed": iso(refund.updated_at),
        "firstAttempt": iso(refund.first_attempt_at) if refund.first_attempt_at else None,
        "nextLook": iso(refund.next_look_at) if refund.next_look_at else None,
    }


def resolve(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``resolve``"""
    if options.because is None:
        raise Invalid('Say why, for the audit trail: --because "…"')
    by = by_operator(container, options)
    tenant = container.show_refund.tenant_of(options.refund, options.organization)
    said = f"paid by {options.paid}" if options.paid else "not paid; its money is free for another refund"
    terminal.confirm(f"{options.refund} becomes {said}, for ever.")
    verdict: Any = "paid" if options.paid else "not_paid"
    terminal.facts(_refund_facts(container.resolve_refund(tenant, options.refund, verdict, options.paid, by)))
    return 0


def redrive(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``redrive``"""
    by = by_operator(container, options)
    terminal.confirm(f"Up to {options.limit} messages ({options.which}) are worked off again.")
    done = container.redrive(options.which, by, options.limit, lambda seen: terminal.progress(f"{seen} seen …"))
    note = "Run it again for the rest." if done.bounded else None
    terminal.facts(done._asdict(), note=note)
    return 0


def sweep(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``sweep``"""
    entry = Auditor(container.clock, container.ids).entry(
        by_operator(container, options), "sweep", "all due refunds", None
    )
    container.trail.put(entry)
    terminal.facts(container.sweep()._asdict())
    return 0


def report(container: Container, options: Namespace, terminal: Terminal) -> int:
    """``report``"""
    if options.now and options.day:
        raise Invalid("--now looks at today; --day reads what was kept")
    facts = container.report_ledgers().facts() if options.now else container.file_report.filed(options.day)
    terminal.facts({**facts, "counts": {kind: count for kind, count in facts["counts"].items() if count}})
    return HAS_FINDINGS if facts["findings"] else 0
