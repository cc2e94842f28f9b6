"""`make demo`: a story told against the running stack. Every line is checked; a wrong one ends it."""

from __future__ import annotations

import sys
import time
from typing import Any

from local.console import StepFailed, colour, explain, step
from local.demo_approvals import an_approver_decides
from local.demo_rules import the_merchants_rules_judge
from local.demo_webhooks import a_shop_hears_of_it
from local.http_json import Unreachable, call
from local.org import add_organization
from local.settings import from_environment
from local.story import NotAsTold, Story, code_of
from local.warm import headers_for


def refunds_are_paid(story: Story) -> str:
    """A whole refund and partial ones; returns the first refund's id."""
    began = time.monotonic()
    first = story.refund("fresh_usd", 2_000, key="demo-first")
    story.tell("A refund of $20 of a $50 charge is accepted", first.status == 201, first)
    paid = story.finished(first)
    took = time.monotonic() - began
    told = f"and completed at the processor after {took:.1f} s ({paid.get('externalRefundId')})"
    story.tell(told, paid.get("status") == "completed" and bool(paid.get("externalRefundId")), paid)
    again = story.refund("fresh_usd", 2_000, key="demo-first")
    same = (again.body.get("data") or {}).get("id") == first.body["data"]["id"]
    replayed = again.headers.get("idempotent-replayed") == "true"
    story.tell(
        "The same request with the same key is the same refund: nothing is paid twice",
        same and replayed,
        again,
    )
    other = story.refund("fresh_usd", 2_100, key="demo-first")
    story.tell("The key with another body is refused", code_of(other) == "idempotency_key_reused", other)
    rest = story.refund("fresh_usd", 3_000)
    story.tell(
        "A second, partial refund takes the remaining $30",
        story.finished(rest).get("status") == "completed",
        rest,
    )
    more = story.refund("fresh_usd", 1)
    story.tell("Not a cent more: it is already refunded", code_of(more) == "refund_already_processed", more)
    return str(first.body["data"]["id"])


def refunds_are_refused(story: Story) -> None:
    """What must not be paid is not."""
    over = story.refund("small_usd", 1_000)
    story.tell("More than was paid is refused", code_of(over) == "amount_exceeds_refundable", over)
    disputed = story.refund("disputed_usd", 100)
    story.tell(
        "A disputed charge is refused: it would be paid twice",
        code_of(disputed) == "transaction_disputed",
        disputed,
    )
    open_charge = story.refund("uncaptured_usd", 100)
    story.tell("A charge that was never captured is refused", code_of(open_charge) == "policy_violation", open_charge)
    nobody = call("GET", f"{story.api}/refunds", headers=headers_for("rk_test_nobody"))
    story.tell("A wrong key learns nothing", nobody.status == 401 and code_of(nobody) == "invalid_api_key", nobody)


def rules_are_asked_first(story: Story) -> None:
    """What a policy check says, and that waiting for the end of a refund works."""

    def check(charge: str, amount: int) -> dict[str, Any]:
        body = {"transactionId": story.charges[charge], "amount": amount}
        answer = call("POST", f"{story.api}/policies/check", body, headers_for(story.key))
        return dict(answer.body.get("data") or {})

    fresh, old, over = check("yesterday_usd", 2_500), check("old_usd", 2_500), check("yesterday_usd", 9_999)
    story.tell(
        f"Yesterday's charge may be refunded until {fresh.get('deadline')}", fresh.get("eligible") is True, fresh
    )
    story.tell(f"One of 45 days ago may not: {old.get('reason')}", old.get("eligible") is False, old)
    story.tell(f"$99.99 of $75 may not: {over.get('reason')}", over.get("maxAmount") == 7_500, over)
    body = {"transactionId": story.charges["yesterday_usd"], "amount": 2_500, "reason": "wrong_product", "wait": 15}
    waited = call("POST", f"{story.api}/refunds", body, headers_for(story.key))
    held = (waited.body.get("data") or {}).get("status")
    story.tell("Asked to wait, the answer is the completed refund", held == "completed", waited)


def keys_are_handed_out(story: Story) -> None:
    """An agent's key can do what it was given, until it is revoked."""
    wanted = {"name": "Demo", "owner": {"type": "agent", "id": "demo-agent"}, "scopes": ["refunds:read"]}
    made = call("POST", f"{story.api}/api-keys", wanted, headers_for(story.key)).body.get("data") or {}
    agents = headers_for(str(made.get("key")))
    listed = call("GET", f"{story.api}/refunds", headers=agents)
    left = listed.headers.get("ratelimit-remaining")
    story.tell(f"An agent's new key reads refunds ({left} more this minute)", listed.status == 200, listed)
    body = {"transactionId": story.charges["small_usd"], "amount": 1, "reason": "other"}
    refused = call("POST", f"{story.api}/refunds", body, agents)
    story.tell("but opens none: it was not given that", code_of(refused) == "unauthorized", refused)
    call("DELETE", f"{story.api}/api-keys/{made.get('id')}", headers=headers_for(story.key))
    revoked = call("GET", f"{story.api}/refunds", headers=agents)
    story.tell("Revoked, its very next request is refused", revoked.status == 401, revoked)


def refunds_are_seen(story: Story, refund_id: str) -> None:
    """Other currencies, the timeline and the list."""
    yen = story.refund("jpy", 1_200)
    story.tell(
        "¥1200 are 1200, because the yen has no smaller unit",
        story.finished(yen).get("status") == "completed",
        yen,
    )
    events = story.get(f"/refunds/{refund_id}/events")
    names = [event["eventType"] for event in events.body.get("data") or []]
    story.tell(f"The timeline tells it: {', '.join(names)}", events.status == 200 and len(names) >= 2, events)
    listed = story.get("/refunds?limit=10")
    ids = [refund["id"] for refund in listed.body.get("data") or []]
    story.tell(f"The list shows all {len(ids)} refunds, this one too", refund_id in ids and len(ids) == 4, listed)


def main() -> int:
    """Tell the story; 1 when the stack does not run or something is not as told."""
    try:
        with step("an organization for the story"):
            organization = add_organization(from_environment(), "demo")
            story = Story(organization)
        print("\nA merchant gives money back\n")
        refund_id = refunds_are_paid(story)
        print("\nand keeps it where it must\n")
        refunds_are_refused(story)
        print("\nasks before it gives\n")
        rules_are_asked_first(story)
        print("\nlets an agent look\n")
        keys_are_handed_out(story)
        print("\nand sees it all\n")
        refunds_are_seen(story, refund_id)
        print("\ntells the shop's own systems\n")
        a_shop_hears_of_it(story, organization)
        print("\njudges by the merchant's rules\n")
        the_merchants_rules_judge(story)
        print("\nand asks a person\n")
        an_approver_decides(story)
    except StepFailed as failure:
        explain(failure)
        return 1
    except (NotAsTold, Unreachable) as failure:
        print(f"\n{colour('not as told:', '31')} {failure}", file=sys.stderr)
        return 1
    print("\nEverything is as told.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
