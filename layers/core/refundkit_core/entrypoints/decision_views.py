"""Decisions as the wire shows them, rule by rule."""

from __future__ import annotations

from typing import Any, Final

from pydantic.alias_generators import to_camel
from refundkit.contracts import eligibility as wire

from refundkit_core.application.check_eligibility import Checked
from refundkit_core.application.explain_decision import Explained
from refundkit_core.application.gather_facts import Asked, Gathered
from refundkit_core.domain.decisions import Decision, RuleResult
from refundkit_core.domain.eligibility import Eligibility
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.claims import claim_from
from refundkit_core.entrypoints.http import Call

_STATUS: Final[dict[str, tuple[wire.RuleStatus, wire.RuleEffect]]] = {
    "pass": ("PASS", "none"),
    "fail": ("FAIL", "refuse"),
    "review": ("FAIL", "review"),
    "unknown": ("UNKNOWN", "review"),
    "skipped": ("SKIPPED", "none"),
}


def asked_from(call: Call) -> Asked:
    """What is asked in a ``POST /v1/eligibility/check``."""
    body: wire.CheckEligibilityRequest = call.body
    return Asked(body.reason, body.amount, body.currency, claim_from(body))


def eligibility_detail(checked: Checked) -> wire.EligibilityDetail:
    """The whole decision."""
    found, decision, now = checked.found, checked.found.decision, checked.gathered.facts.now
    terms = decision.terms
    return wire.EligibilityDetail(
        eligible=found.eligible,
        outcome=decision.verdict,
        reason=found.reason,
        policy=wire.PolicyTerms(
            return_window_days=terms.window_days,
            days_remaining=terms.days_remaining(now),
            days_past_deadline=terms.days_past(now),
            restocking_fee_percent=terms.fee_bp / 100,
            exchange_only=terms.exchange_only,
            final_sale=terms.final_sale,
            policy_id=checked.gathered.version.policy_id,
            version=checked.gathered.version.number,
        ),
        per_item_eligibility=_items(decision),
        customer_history=_history(checked.gathered, decision),
        max_refund_amount=found.max_amount_minor,
        deadline=iso(found.deadline) if found.deadline else None,
        conditions=list(found.conditions),
        trace=[trace_entry(rule) for rule in decision.rules],
        **_money(found, decision),
    )


def _money(found: Eligibility, decision: Decision) -> dict[str, Any]:
    return {
        "amount": decision.amount.amount_minor,
        "restocking_fee": decision.fee_minor,
        "net_amount": decision.net.amount_minor,
        "currency": decision.amount.currency,
        "auto_approved": decision.verdict == "allow" and found.eligible,
        "risk_score": decision.risk.score,
    }


def _items(decision: Decision) -> list[wire.ItemEligibility]:
    return [
        wire.ItemEligibility(
            sku=item.sku,
            eligible=item.eligible,
            reason=item.reason,
            deadline=iso(item.deadline) if item.deadline else None,
            restocking_fee_percent=item.fee_bp / 100,
        )
        for item in decision.items
    ]


def _history(gathered: Gathered, decision: Decision) -> wire.CustomerHistoryView:
    customer, limits = gathered.facts.customer, gathered.version.policy.limits
    counts, most = customer.refunds_30d, limits.max_returns_per_customer_30d
    value, worth = customer.value_90d_minor, limits.max_return_value_per_customer_90d_minor
    over = {rule.rule for rule in decision.why_review} & {"customer_count", "customer_value"}
    reached = (counts is not None and most is not None and counts >= most) or (
        value is not None and worth is not None and value >= worth
    )
    return wire.CustomerHistoryView.model_validate(
        {
            "totalReturns30d": counts,
            "totalReturns90d": customer.refunds_90d,
            "totalValue90d": value,
            "limitReached": bool(reached or over),
        }
    )


def decision_view(explained: Explained) -> wire.DecisionView:
    """A decision that was kept."""
    ground = explained.request.ground
    return wire.DecisionView(
        id=explained.id,
        transaction_id=explained.transaction.charge_id,
        code=explained.code,
        policy_id=ground.policy_id if ground else None,
        policy_version=ground.policy_version if ground else None,
        facts=camel(ground.facts.as_record()) if ground else None,
        trace=[trace_entry(rule) for rule in explained.request.decision],
        decided_at=iso(explained.at),
    )


def trace_entry(rule: RuleResult) -> wire.TraceEntry:
    """What one rule said."""
    status, effect = _STATUS[rule.outcome]
    return wire.TraceEntry(
        rule=rule.rule,
        status=status,
        effect=effect,
        fact=rule.fact,
        limit=rule.limit,
        item=rule.item,
        message=rule.message,
        customer_message=rule.customer_message,
    )


def camel(value: Any) -> Any:
    """Names as the wire spells them, through all levels."""
    if isinstance(value, dict):
        return {to_camel(name): camel(each) for name, each in value.items()}
    return [camel(each) for each in value] if isinstance(value, list) else value
