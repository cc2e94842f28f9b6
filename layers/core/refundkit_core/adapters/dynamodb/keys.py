"""Every key of the table. Nothing else spells one.

=================  ======================================  ==================  ======================================
item               pk                                      sk                  gsi1pk / gsi1sk
=================  ======================================  ==================  ======================================
refund head        ORG#<org>#<env>#REFUND#<ref>            #HEAD               ORG#<org>#<env>#REFUNDS / <time>#<ref>
                   while under way, gsi2pk / gsi2sk:       OPEN#<shard> / <next look>#<pk>
                   while it waits for a person:            WAITING#<shard> / <opened>#<pk>
event              the same, or the ledger's               EVENT#<version>
approval           ORG#<org>#<env>#APPROVAL#<apr>          #HEAD               ORG#<org>#<env>#APPROVALS / <time>#<apr>
                   once it is closed:                      …#CLOSED_APPROVALS / <time>#<apr>
                   while somebody looks after it:          gsi2pk / gsi2sk:    ASKED#<shard> / <next look>#<pk>
where it waits     the same                                TOKEN               (its workflow's task token)
told               the approval's or refund's              TOLD#<evt>#<…>      (forgotten by TTL)
Slack message      the approval's                          SLACK               (where it stands, for updates)
code               the approval's                          CODE#<mem>          (forgotten by TTL)
code to sign in    PERSON#<sha256 of the e-mail address>   CODE                (forgotten by TTL)
session            SESSION#<sha256>                        SESSION             (forgotten by TTL)
refused request    ORG#<org>#<env>#REFUSAL#<dec>           REFUSAL             ORG#<org>#<env>#REFUSALS / <time>#<dec>
customer           ORG#<org>#<env>#CUSTOMER#<derived>      RECORD              (forgotten by TTL)
ledger             ORG#<org>#<env>#TXN#<p>#<acct>#<ch>     LEDGER
order              the ledger's                            ORDER
assessment         ORG#<org>#<env>#RISK#<rsk>              RISK
transaction name   ORG#<org>#<env>#NAME#<p>#<acct>#<id>    NAME
connection         ORG#<org>#<env>#CONNECTION              <processor>
connection by id   CONNECTION#<con>                        CONNECTION          (points to the connection)
Slack              ORG#<org>#<env>#SLACK                   SLACK
Slack by id        CONNECTION#<con>                        SLACK               (points to the connection)
API key            KEY#<sha256>                            KEY                 (what is metered; names its tenant)
API key, listed    ORG#<org>#<env>#KEYS                    KEY#<key>
policy             ORG#<org>#<env>#POLICY#<pol>            #HEAD               ORG#<org>#<env>#POLICIES / <time>#<pol>
policy's draft     the same                                DRAFT
policy's version   the same                                VERSION#<number>    (never changes)
shadow differs     the refund's, or the refused request's  SHADOW              ORG#<org>#<env>#SHADOWS#<pol>
                                                                               / <time>#<ref> or <dec>
simulation         ORG#<org>#<env>#SIMULATION#<sim>        #HEAD               ORG#<org>#<env>#SIMULATIONS#<pol>
                                                                               / <time>#<sim>
what it tries      the same                                DOCUMENT            (never changes)
policy in force    ORG#<org>#<env>#MERCHANT#<merchant>     POLICY              (read at every refund)
switches           ORG#<org>#<env>#SWITCHES                SWITCHES
throttle           CONNECTION#<con>                        THROTTLE#<second>   (forgotten by TTL)
purse              ORG#<org>#<env>#PURSE#<whose>#<day>     PURSE               (forgotten by TTL)
breaker's count    ORG#<org>#<env>#RUSH#<minutes>          RUSH#<part>         (forgotten by TTL)
webhook endpoint   ORG#<org>#<env>#WEBHOOKS                ENDPOINT#<whe>
its gate           the same                                GATE#<whe>          (slots, turns and health)
how many           the same                                #COUNT
its events         ORG#<org>#<env>#WEBHOOK#<whe>           EVENT#<version>     (of its being disabled)
delivery           the same                                <whd>               (forgotten by TTL)
                   while it has to be tried:               gsi2pk / gsi2sk:    DUE#<shard> / <next look>#<pk>
asked once         the same                                ONCE#<sha256>       (forgotten by TTL)
public event       ORG#<org>#<env>#EVENTS                  <evt>               (forgotten by TTL)
organization       ORG#<org>                               ORG                 ORGS / <time>#<org>
member             ORG#<org>                               MEMBER#<mem>
membership         PERSON#<sha256 of the e-mail address>   ORG#<org>           (points to the member)
audit entry        ORG#<org>#<env>#AUDIT, ORG#<org>#AUDIT  <time>#<aud>
                   or STACK#AUDIT
audit chain's head ORG#<org>#CHAIN, or STACK#CHAIN         #HEAD
audit chain        the same                                BLOCK#<number>      (never changes)
=================  ======================================  ==================  ======================================
"""

from __future__ import annotations

from typing import Final, NamedTuple

from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Environment, Tenant

INDEX: Final = "gsi1"
SPARSE_INDEX: Final = "gsi2"
"""Entries of keys only: refunds under way, refunds and assessments of a charge, charges of a customer."""

OPEN_SHARDS: Final = 10
WAITING_PREFIX: Final = "WAITING#"
ORGANIZATIONS: Final = "ORGS"
HEAD: Final = "#HEAD"
EVENT_PREFIX: Final = "EVENT#"
REFUSAL: Final = "REFUSAL"
FIRST_EVENT: Final = f"{EVENT_PREFIX}000001"
"""A refund's first event holds what was asked for and decided as well; its key sorts right after the head's."""


_KINDS: Final = {"ref": "REFUND", "apr": "APPROVAL", "pol": "POLICY", "rsk": "RISK", "whe": "WEBHOOK"}
"""What events tell of, by the prefix of its id."""


class Key(NamedTuple):
    """A primary key."""

    pk: str
    sk: str


def _tenant(tenant: Tenant) -> str:
    return f"ORG#{tenant.org_id}#{tenant.environment}"


def refund_pk(tenant: Tenant, refund_id: str) -> str:
    return f"{_tenant(tenant)}#REFUND#{refund_id}"


def _subject_pk(tenant: Tenant, subject: str) -> str:
    """The partition of something with an id of its own that events tell of."""
    return f"{_tenant(tenant)}#{_KINDS[subject.partition('_')[0]]}#{subject}"


def event(tenant: Tenant, subject: str | TransactionRef, version: int) -> Key:
    pk = _subject_pk(tenant, subject) if isinstance(subject, str) else ledger(tenant, subject).pk
    return Key(pk, f"{EVENT_PREFIX}{version:06d}")


def open_index(refund_id: str) -> str:
    """The shard of the index of refunds under way; one sweep serves all tenants, whose names stand in its sort key."""
    return open_shard(sum(refund_id.encode()) % OPEN_SHARDS)


def open_shard(number: int) -> str:
    return f"OPEN#{number}"


def waiting_index(refund_id: str) -> str:
    """The shard of refunds that hold money and that the sweep lets be: they wait for a person."""
    return waiting_shard(sum(refund_id.encode()) % OPEN_SHARDS)


def waiting_shard(number: int) -> str:
    return f"{WAITING_PREFIX}{number}"


def refunds_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#REFUNDS"


def charge_index(tenant: Tenant, charge_id: str) -> str:
    """Where a charge's refunds are found, by the time when they were opened."""
    return f"{_tenant(tenant)}#CHARGE#{charge_id}"


def customer_index(tenant: Tenant, customer_id: str) -> str:
    """Where a customer's charges are found: by the processor's name of them, and by the one in a registered order."""
    return f"{_tenant(tenant)}#CUSTOMER#{customer_id}"


def customer(tenant: Tenant, customer: str) -> Key:
    """The record of a customer, who is named by a derived id only."""
    return Key(f"{_tenant(tenant)}#CUSTOMER#{customer}", "RECORD")


def approval(tenant: Tenant, approval_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#APPROVAL#{approval_id}", HEAD)


def approvals_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#APPROVALS"


def closed_approvals_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#CLOSED_APPROVALS"


def approval_token(tenant: Tenant, approval_id: str) -> Key:
    """Where an approval's workflow waits."""
    return Key(approval(tenant, approval_id).pk, "TOKEN")


def told(tenant: Tenant, subject: str, name: str) -> Key:
    """That somebody was told of an event of an approval, refund or webhook endpoint; ``name`` says of which, by whom,
    and who."""
    return Key(_subject_pk(tenant, subject), f"TOLD#{name}")


def code(tenant: Tenant, subject: str, member_id: str) -> Key:
    """The six-digit code of a member for an approval."""
    return Key(_subject_pk(tenant, subject), f"CODE#{member_id}")


def sign_in_code(person: str) -> Key:
    """The code of who signs in, named by a hash of their address."""
    return Key(membership(person, "").pk, "CODE")


def session(session_hash: str) -> Key:
    """That somebody is signed in; named by a hash of what their browser keeps."""
    return Key(f"SESSION#{session_hash}", "SESSION")


def slack_message(tenant: Tenant, approval_id: str) -> Key:
    """Where an approval's message in Slack stands."""
    return Key(approval(tenant, approval_id).pk, "SLACK")


def asked_index(approval_id: str) -> str:
    """The shard of approvals that the sweep looks after."""
    return asked_shard(sum(approval_id.encode()) % OPEN_SHARDS)


def asked_shard(number: int) -> str:
    return f"ASKED#{number}"


def refusal(tenant: Tenant, refusal_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#REFUSAL#{refusal_id}", REFUSAL)


def refusals_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#REFUSALS"


def assessment(tenant: Tenant, assessment_id: str) -> Key:
    return Key(_subject_pk(tenant, assessment_id), "RISK")


def assessments_index(tenant: Tenant, charge_id: str) -> str:
    """Where a charge's assessments are found, by the time when they were made."""
    return f"{_tenant(tenant)}#ASSESSMENTS#{charge_id}"


def keys_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#KEYS"


def erasure(tenant: Tenant, customer: str) -> Key:
    """That a customer was erased; ``customer`` is an id derived from theirs."""
    return Key(f"{_tenant(tenant)}#ERASED#{customer}", "ERASED")


def ledger(tenant: Tenant, transaction: TransactionRef) -> Key:
    return Key(f"{_tenant(tenant)}#TXN#{'#'.join(transaction)}", "LEDGER")


def order(tenant: Tenant, transaction: TransactionRef) -> Key:
    """What a shop registered of a transaction, beside its ledger."""
    return Key(ledger(tenant, transaction).pk, "ORDER")


def transaction_name(tenant: Tenant, processor: str, account_id: str, transaction_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#NAME#{processor}#{account_id}#{transaction_id}", "NAME")


def connection(tenant: Tenant, processor: str) -> Key:
    return Key(f"{_tenant(tenant)}#CONNECTION", processor)


def connection_pointer(connection_id: str) -> Key:
    return Key(f"CONNECTION#{connection_id}", "CONNECTION")


def slack(tenant: Tenant) -> Key:
    return Key(f"{_tenant(tenant)}#SLACK", "SLACK")


def slack_pointer(connection_id: str) -> Key:
    return Key(f"CONNECTION#{connection_id}", "SLACK")


def api_key(key_hash: str) -> Key:
    return Key(f"KEY#{key_hash}", "KEY")


def api_key_entry(tenant: Tenant, key_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#KEYS", f"KEY#{key_id}")


def policy_head(tenant: Tenant, policy_id: str) -> Key:
    return Key(_subject_pk(tenant, policy_id), HEAD)


def policy_draft(tenant: Tenant, policy_id: str) -> Key:
    return Key(_subject_pk(tenant, policy_id), "DRAFT")


def policy_version(tenant: Tenant, policy_id: str, number: int) -> Key:
    return Key(_subject_pk(tenant, policy_id), f"VERSION#{number:06d}")


def policies_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#POLICIES"


def merchant_policy(tenant: Tenant, merchant_id: str) -> Key:
    """What a merchant's refunds are judged by."""
    return Key(f"{_tenant(tenant)}#MERCHANT#{merchant_id}", "POLICY")


def shadow(tenant: Tenant, decision_id: str) -> Key:
    """Where a shadow version differs from one decision, beside the refund or the refusal."""
    is_refund = decision_id.startswith("ref_")
    return Key(refund_pk(tenant, decision_id) if is_refund else refusal(tenant, decision_id).pk, "SHADOW")


def shadows_index(tenant: Tenant, policy_id: str) -> str:
    return f"{_tenant(tenant)}#SHADOWS#{policy_id}"


def simulation(tenant: Tenant, simulation_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#SIMULATION#{simulation_id}", HEAD)


def simulated_document(tenant: Tenant, simulation_id: str) -> Key:
    return Key(simulation(tenant, simulation_id).pk, "DOCUMENT")


def simulations_index(tenant: Tenant, policy_id: str) -> str:
    return f"{_tenant(tenant)}#SIMULATIONS#{policy_id}"


def webhook_endpoint(tenant: Tenant, endpoint_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#WEBHOOKS", f"ENDPOINT#{endpoint_id}")


def webhook_gate(tenant: Tenant, endpoint_id: str) -> Key:
    """An endpoint's slots, its turns, and how it has been doing."""
    return Key(webhook_endpoint(tenant, "").pk, f"GATE#{endpoint_id}")


def webhook_count(tenant: Tenant) -> Key:
    """How many endpoints there are."""
    return Key(webhook_endpoint(tenant, "").pk, "#COUNT")


def delivery(tenant: Tenant, endpoint_id: str, delivery_id: str) -> Key:
    return Key(_subject_pk(tenant, endpoint_id), delivery_id)


def webhook_once(tenant: Tenant, endpoint_id: str, name: str) -> Key:
    """What somebody asked of an endpoint under an idempotency key, which ``name`` is a hash of."""
    return Key(_subject_pk(tenant, endpoint_id), f"ONCE#{name}")


def due_index(delivery_id: str) -> str:
    """The shard of deliveries that have to be tried."""
    return due_shard(sum(delivery_id.encode()) % OPEN_SHARDS)


def due_shard(number: int) -> str:
    return f"DUE#{number}"


def public_event(tenant: Tenant, event_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#EVENTS", event_id)


def switches(tenant: Tenant) -> Key:
    return Key(f"{_tenant(tenant)}#SWITCHES", "SWITCHES")


def purse(tenant: Tenant, name: str) -> Key:
    """What was taken of a spend cap on one day."""
    return Key(f"{_tenant(tenant)}#PURSE#{name}", "PURSE")


def rush(tenant: Tenant, minutes: int, bucket: int) -> Key:
    """How many refunds were asked for in one part of a breaker's time."""
    return Key(f"{_tenant(tenant)}#RUSH#{minutes}", f"RUSH#{bucket:012d}")


def throttle(connection_id: str, slot: str) -> Key:
    return Key(f"CONNECTION#{connection_id}", f"THROTTLE#{slot}")


def organization(org_id: str) -> Key:
    return Key(f"ORG#{org_id}", "ORG")


def audit(whose: Tenant | str | None) -> str:
    """The partition of what was done to a tenant, to an organization as a whole, or to the stack."""
    if whose is None:
        return "STACK#AUDIT"
    return f"{_tenant(whose)}#AUDIT" if isinstance(whose, Tenant) else f"ORG#{whose}#AUDIT"


def audit_entry(whose: Tenant | str | None, at: str, entry_id: str) -> Key:
    """An entry of the audit trail; ``at`` is its time in ISO 8601."""
    return Key(audit(whose), f"{at}#{entry_id}")


def whose_audit(pk: str) -> Tenant | str | None:
    """What :func:`audit` named so. Raises ValueError for any other partition."""
    match pk.split("#"):
        case ["STACK", "AUDIT"]:
            return None
        case ["ORG", org_id, "AUDIT"]:
            return org_id
        case ["ORG", org_id, ("test" | "live") as environment, "AUDIT"]:
            known: Environment = "test" if environment == "test" else "live"
            return Tenant(org_id, known)
    raise ValueError("not the key of an audit trail")


def tenant_and_refusal(pk: str) -> tuple[Tenant, str]:
    """The tenant and decision id that a refusal's partition key names. Raises ValueError for any other."""
    match pk.split("#"):
        case ["ORG", org_id, ("test" | "live") as environment, "REFUSAL", refusal_id]:
            known: Environment = "test" if environment == "test" else "live"
            return Tenant(org_id, known), refusal_id
    raise ValueError("not a refusal's key")


def chain_head(org_id: str | None) -> Key:
    """The head of an organization's audit chain, or of the stack's own."""
    return Key("STACK#CHAIN" if org_id is None else f"ORG#{org_id}#CHAIN", HEAD)


def chain_block(org_id: str | None, number: int) -> Key:
    return Key(chain_head(org_id).pk, f"BLOCK#{number:012d}")


def members(org_id: str) -> Key:
    """Where an organization's members begin."""
    return member(org_id, "")


def member(org_id: str, member_id: str) -> Key:
    return Key(f"ORG#{org_id}", f"MEMBER#{member_id}")


def membership(email_hash: str, org_id: str) -> Key:
    """That a person, named by a hash of their address, is a member of an organization."""
    return Key(f"PERSON#{email_hash}", f"ORG#{org_id}")


def tenant_and_refund(pk: str) -> tuple[Tenant, str]:
    """The tenant and refund id that a refund's partition key names.

    Raises:
        ValueError: it is not the key of a refund.
    """
    match pk.split("#"):
        case ["ORG", org_id, ("test" | "live") as environment, "REFUND", refund_id]:
            known: Environment = "test" if environment == "test" else "live"
            return Tenant(org_id, known), refund_id
    raise ValueError("not a refund's key")


def tenant_and_approval(pk: str) -> tuple[Tenant, str]:
    """The tenant and approval id that an approval's partition key names.

    Raises:
        ValueError: it is not the key of an approval.
    """
    found = tenant_and_subject(pk)
    if isinstance(found[1], str) and "#APPROVAL#" in pk:
        return found[0], found[1]
    raise ValueError("not an approval's key")


def tenant_and_transaction(pk: str) -> tuple[Tenant, TransactionRef]:
    """The tenant and transaction that a ledger's partition key names.

    Raises:
        ValueError: it is not the key of a ledger.
    """
    match pk.split("#"):
        case ["ORG", org_id, ("test" | "live") as environment, "TXN", processor, account_id, charge_id]:
            known: Environment = "test" if environment == "test" else "live"
            return Tenant(org_id, known), TransactionRef(processor, account_id, charge_id)
    raise ValueError("not a ledger's key")


def tenant_and_subject(pk: str) -> tuple[Tenant, str | TransactionRef]:
    """The tenant, and the transaction or the id of what else, that the partition key of an event names.

    Raises:
        ValueError: it is the key of nothing that events tell of.
    """
    if "#TXN#" in pk:
        return tenant_and_transaction(pk)
    match pk.split("#"):
        case ["ORG", org_id, ("test" | "live") as environment, kind, subject] if kind in _KINDS.values():
            known: Environment = "test" if environment == "test" else "live"
            return Tenant(org_id, known), subject
    raise ValueError("not the key of what events tell of")


def tenant_and_endpoint(pk: str) -> tuple[Tenant, str]:
    """The tenant and webhook endpoint that the partition key of a delivery names. Raises ValueError for any other."""
    tenant, subject = tenant_and_subject(pk)
    if isinstance(subject, str) and "#WEBHOOK#" in pk:
        return tenant, subject
    raise ValueError("not the key of a webhook endpoint's deliveries")
