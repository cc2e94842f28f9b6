"""Policies between the wire and the use cases."""

from __future__ import annotations

from typing import Any

from refundkit.contracts.policy_views import (
    PolicyChangeView,
    PolicyFaultView,
    PolicySummaryView,
    PolicyValidityView,
    PublishedVersionView,
    PublishPolicyRequest,
    ReturnLimitsView,
    ReturnPolicyView,
    ReturnRuleView,
)

from refundkit_core.application.manage_policies import MadePolicy, Once, ShownPolicy, WantedPublication
from refundkit_core.application.policy_ports import Draft, PolicyHead
from refundkit_core.domain.policies import PolicyVersion, Rule
from refundkit_core.domain.policy_diff import Change
from refundkit_core.domain.policy_documents import rule_spelled_out, spelled_out
from refundkit_core.domain.policy_faults import Fault
from refundkit_core.domain.policy_words import limit_sentences, sentences_of
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Answer, Call


def once_of(call: Call) -> Once:
    """The idempotency key of a request, for its method and path alone."""
    return Once(call.idempotency_key, f"{call.event['httpMethod']} {call.event['path']}")


def publication_from(call: Call) -> WantedPublication:
    """What a ``POST /v1/policies/{id}/publish`` asks for."""
    body: PublishPolicyRequest = call.body
    return WantedPublication(body.shadow, body.revision)


def made_policy(made: MadePolicy) -> Answer:
    """A new policy, or the one that an earlier request with the same key made."""
    return Answer(draft_view(made.draft), headers={} if made.is_new else {"idempotent-replayed": "true"})


def draft_view(draft: Draft) -> dict[str, Any]:
    """A policy with its draft as the wire shows it."""
    return policy_view(ShownPolicy(draft.head, None, draft.policy))


def policy_view(shown: ShownPolicy) -> dict[str, Any]:
    """A policy with one of its documents as the wire shows it (``PolicyView``)."""
    head = shown.head
    versions = [
        PublishedVersionView(
            number=each.number,
            revision=each.revision,
            published_at=iso(each.published_at),
            in_force_from=None if each.in_force_from is None else iso(each.in_force_from),
            shadow=each.is_shadow,
        ).model_dump(by_alias=True)
        for each in head.publications
    ]
    document = {"merchantId": head.merchant_id, "version": shown.number, **spelled_out(shown.policy)}
    summary = summary_view(head).model_dump(by_alias=True)
    return {**summary, "versions": versions, "shownVersion": shown.number, "document": document}


def summary_view(head: PolicyHead) -> PolicySummaryView:
    """A policy without its document."""
    return PolicySummaryView(
        id=head.id,
        merchant_id=head.merchant_id,
        name=head.name,
        revision=head.revision,
        latest_version=None if head.latest is None else head.latest.number,
        shadow_version=head.shadow,
        created_at=iso(head.created_at),
        updated_at=iso(head.updated_at),
    )


def validity_view(faults: list[Fault]) -> PolicyValidityView:
    """Whether a document is valid, and why not."""
    return PolicyValidityView(valid=not faults, faults=[PolicyFaultView(**fault._asdict()) for fault in faults])


def change_view(change: Change) -> PolicyChangeView:
    """One difference between two documents."""
    return PolicyChangeView(**change._asdict())


def return_policy_view(merchant_id: str, version: PolicyVersion, rules: tuple[Rule, ...]) -> ReturnPolicyView:
    """What a customer may know of the policy."""
    policy = version.policy
    return ReturnPolicyView(
        merchant_id=merchant_id,
        policy_id=version.policy_id,
        version=version.number or None,
        name=policy.name,
        currency=policy.currency,
        rules=[_return_rule(rule, policy.currency) for rule in rules],
        limits=ReturnLimitsView(
            max_returns_per_customer_30d=policy.limits.max_returns_per_customer_30d,
            max_return_value_per_customer_90d=policy.limits.max_return_value_per_customer_90d_minor,
            sentences=limit_sentences(policy.limits, policy.currency),
        ),
        non_refundable_flags=sorted(policy.non_refundable_flags),
    )


def _return_rule(rule: Rule, currency: str) -> ReturnRuleView:
    told = {field.alias or name for name, field in ReturnRuleView.model_fields.items()}
    known = {name: value for name, value in rule_spelled_out(rule).items() if name in told}
    return ReturnRuleView.model_validate({**known, "sentences": sentences_of(rule, currency)}, by_name=False)
