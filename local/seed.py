"""Create an organization in the running stack, with its own sandbox accounts, connections and sample charges.

    python -m local.seed --name acme        (in the environment that local.deploy.provisioning_environ makes)

Prints one JSON line: the organization's keys and the charges by name. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from local.http_json import call
from local.seed_slack import connect_slack

if TYPE_CHECKING:
    from refundkit_core.entrypoints.provisioning import Provisioner


class Sample(NamedTuple):
    """A charge to make. `amount` is in the currency's minor unit; `extra` are the sandbox's other fields."""

    name: str
    amount: int
    currency: str = "usd"
    age_days: int = 0
    extra: dict[str, Any] = {}  # noqa: RUF012  (read, never changed)


TEST_SAMPLES = (
    Sample("fresh_usd", 5_000),
    Sample("small_usd", 999),
    Sample("large_usd", 120_000),
    Sample("yesterday_usd", 7_500, age_days=1),
    Sample("last_month_usd", 6_400, age_days=29),
    Sample("old_usd", 8_000, age_days=45),
    Sample("eur", 4_200, "eur"),
    Sample("jpy", 5_000, "jpy"),
    Sample("kwd", 12_500, "kwd"),
    Sample("payment_intent_usd", 3_300, extra={"payment_intent": True}),
    Sample("disputed_usd", 9_900, extra={"disputed": "needs_response"}),
    Sample("uncaptured_usd", 2_500, extra={"captured": False}),
    Sample("partly_captured_usd", 10_000, extra={"amount_captured": 6_000}),
)
LIVE_SAMPLES = (
    Sample("live_fresh_usd", 5_000),
    Sample("live_eur", 4_200, "eur"),
    Sample("live_old_usd", 8_000, age_days=45),
)
OWNER = "Ada Owner"
MEMBERS: tuple[dict[str, Any], ...] = (
    {"name": "Anna Approver", "role": "approver", "slack_user": "U0ANNA01", "limit_minor": 100_000},
    {"name": "Max Manager", "role": "admin", "slack_user": "U0MAX001"},
    {"name": "Cara Clerk", "role": "member", "slack_user": "U0CARA01"},
)
"""The people of every organization besides its owner; their limits are in US cents."""
CUSTOMERS = ("Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger Dijkstra")


class SeedFailed(Exception):
    """The sandbox or the stack refused a step."""


def create_account(stripe_url: str, name: str) -> dict[str, Any]:
    """A new account at the sandbox: `id`, `test_secret_key`, `live_secret_key`. Raises SeedFailed."""
    answer = call("POST", f"{stripe_url}/_sandbox/accounts", {"name": name})
    if answer.status >= 300:
        raise SeedFailed(f"the Stripe sandbox refused a new account: {answer.status} {answer.body}")
    return dict(answer.body)


def create_charge(stripe_url: str, secret_key: str, sample: Sample, number: int) -> str:
    """Make one sample charge; return `ch_…`, or `pi_…` for a payment intent. Raises SeedFailed."""
    person = CUSTOMERS[number % len(CUSTOMERS)]
    body = {
        "amount": sample.amount,
        "currency": sample.currency,
        "age_days": sample.age_days,
        "captured": True,
        "payment_intent": False,
        "disputed": None,
        "description": f"Sample {sample.name.replace('_', ' ')}",
        "customer": {"name": person, "email": f"{person.split()[0].lower()}@example.com"},
        **sample.extra,
    }
    answer = call("POST", f"{stripe_url}/_sandbox/charges", body, {"Authorization": f"Bearer {secret_key}"})
    if answer.status >= 300:
        raise SeedFailed(f"the Stripe sandbox refused the charge {sample.name}: {answer.status} {answer.body}")
    if sample.extra.get("payment_intent"):
        return str(answer.body["payment_intent"])
    return str(answer.body["id"])


def add_members(provisioner: Provisioner, org_id: str, domain: str) -> dict[str, dict[str, Any]]:
    """The sample members by their first name: id, name, address, role, Slack user, and a test key of each."""
    from refundkit_core.application.manage_members import WantedMember
    from refundkit_core.domain.money import Money

    added = {}
    for sample in MEMBERS:
        first_name = sample["name"].split()[0].lower()
        limit = Money(sample["limit_minor"], "usd") if "limit_minor" in sample else None
        email = f"{first_name}@{domain}"
        wanted = WantedMember(sample["name"], email, sample["role"], limit, sample["slack_user"])
        made = provisioner.add_member(org_id=org_id, wanted=wanted)
        added[first_name] = {
            "id": made.member_id,
            "name": wanted.name,
            "email": email,
            "role": wanted.role,
            "slack_user_id": wanted.slack_user,
            "test_key": made.test_key,
        }
    return added


def provision(name: str, owner_email: str, webhook_base_url: str, account: dict[str, Any]) -> dict[str, Any]:
    """The organization, its first keys and members, and a connection to the account in each mode."""
    from refundkit_core.entrypoints.provisioning import Provisioner

    provisioner = Provisioner.from_environment(os.environ)
    organization = provisioner.create_organization(name=name, owner_name=OWNER, owner_email=owner_email)
    connections = {
        mode: provisioner.connect_stripe(
            org_id=organization.org_id,
            environment=mode,
            secret_key=account[f"{mode}_secret_key"],
            webhook_base_url=webhook_base_url,
        )
        for mode in ("test", "live")
    }
    return {
        "organization": name,
        "org_id": organization.org_id,
        "owner_id": organization.owner_id,
        "owner_email": owner_email,
        "members": add_members(provisioner, organization.org_id, owner_email.rpartition("@")[2]),
        "test_key": organization.test_key,
        "live_key": organization.live_key,
        "stripe_account_id": account["id"],
        "stripe_secret_key": account["test_secret_key"],
        "stripe_live_secret_key": account["live_secret_key"],
        "stripe_connection_id": connections["test"].connection_id,
        "stripe_webhook_secret": connections["test"].webhook_secret,
        "stripe_live_connection_id": connections["live"].connection_id,
        "stripe_live_webhook_secret": connections["live"].webhook_secret,
    }


def seed(name: str, stripe_url: str, webhook_base_url: str, samples: bool = True) -> dict[str, Any]:
    """An organization with everything it needs. Raises SeedFailed where the sandbox refuses."""
    account = create_account(stripe_url, f"{name} {uuid.uuid4().hex[:6]}")
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "shop"
    described = provision(name, f"owner@{slug}.example.com", webhook_base_url, account)
    chosen = (("test", TEST_SAMPLES), ("live", LIVE_SAMPLES)) if samples else (("test", TEST_SAMPLES[:1]),)
    described["slack"] = connect_slack(name, described["org_id"], described["members"].values())
    described["transactions"] = {
        sample.name: create_charge(stripe_url, account[f"{mode}_secret_key"], sample, number)
        for mode, group in chosen
        for number, sample in enumerate(group)
    }
    return described


def main() -> int:
    """Command line; the stack's addresses come from the environment."""
    parser = argparse.ArgumentParser(prog="local.seed", description="Add an organization to the running stack.")
    parser.add_argument("--name", default="acme")
    parser.add_argument("--webhook-base-url", required=True)
    parser.add_argument("--few", action="store_true", help="one sample charge only")
    options = parser.parse_args()
    try:
        described = seed(
            options.name,
            os.environ["REFUNDKIT_STRIPE_API_BASE"],
            options.webhook_base_url,
            samples=not options.few,
        )
    except SeedFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print(json.dumps(described))
    return 0


if __name__ == "__main__":
    sys.exit(main())
