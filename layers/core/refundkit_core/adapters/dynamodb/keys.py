"""Every key of the table. Nothing else spells one.

=================  ======================================  ==================  ======================================
item               pk                                      sk                  gsi1pk / gsi1sk
=================  ======================================  ==================  ======================================
refund head        ORG#<org>#<env>#REFUND#<ref>            REFUND#HEAD         ORG#<org>#<env>#REFUNDS / <time>#<ref>
refund body        the same                                REFUND#BODY
event              the same                                EVENT#<version>
ledger             ORG#<org>#<env>#TXN#<p>#<acct>#<ch>     LEDGER
transaction name   ORG#<org>#<env>#NAME#<p>#<acct>#<id>    NAME
connection         ORG#<org>#<env>#CONNECTION              <processor>
connection by id   CONNECTION#<con>                        CONNECTION          (points to the connection)
API key            KEY#<sha256>                            KEY                 ORG#<org>#<env>#KEYS / <time>#<key>
organization       ORG#<org>                               ORG
member             ORG#<org>                               MEMBER#<mem>
=================  ======================================  ==================  ======================================
"""

from __future__ import annotations

from typing import Final, NamedTuple

from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Environment, Tenant

INDEX: Final = "gsi1"
HEAD: Final = "REFUND#HEAD"
BODY: Final = "REFUND#BODY"
REFUND_PREFIX: Final = "REFUND#"
EVENT_PREFIX: Final = "EVENT#"


class Key(NamedTuple):
    """A primary key."""

    pk: str
    sk: str


def _tenant(tenant: Tenant) -> str:
    return f"ORG#{tenant.org_id}#{tenant.environment}"


def refund_pk(tenant: Tenant, refund_id: str) -> str:
    return f"{_tenant(tenant)}#REFUND#{refund_id}"


def event(tenant: Tenant, refund_id: str, version: int) -> Key:
    return Key(refund_pk(tenant, refund_id), f"{EVENT_PREFIX}{version:06d}")


def refunds_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#REFUNDS"


def ledger(tenant: Tenant, transaction: TransactionRef) -> Key:
    return Key(f"{_tenant(tenant)}#TXN#{'#'.join(transaction)}", "LEDGER")


def transaction_name(tenant: Tenant, processor: str, account_id: str, transaction_id: str) -> Key:
    return Key(f"{_tenant(tenant)}#NAME#{processor}#{account_id}#{transaction_id}", "NAME")


def connection(tenant: Tenant, processor: str) -> Key:
    return Key(f"{_tenant(tenant)}#CONNECTION", processor)


def connection_pointer(connection_id: str) -> Key:
    return Key(f"CONNECTION#{connection_id}", "CONNECTION")


def api_key(key_hash: str) -> Key:
    return Key(f"KEY#{key_hash}", "KEY")


def api_keys_index(tenant: Tenant) -> str:
    return f"{_tenant(tenant)}#KEYS"


def organization(org_id: str) -> Key:
    return Key(f"ORG#{org_id}", "ORG")


def member(org_id: str, member_id: str) -> Key:
    return Key(f"ORG#{org_id}", f"MEMBER#{member_id}")


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
