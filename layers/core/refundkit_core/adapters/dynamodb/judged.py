"""A decision and its ground as stored: JSON, deflated with a dictionary of what decisions usually say.

A trace of a dozen rules takes some 300 bytes so, and a refund's first event stays within two write units.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, Final

from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.refund import Ground

_USUAL: Final = (
    b'"rush":true,"external_risk":,"ip_country":"US","contradictions":["item_not_in_order","delivery_status"],'
    b'"evidence":["photo","carrier_scan"],"delivery":{"status":"delivered","fulfilled_at":"2026-11-","delivered_at":"2026-'
    b'","country":"US"},"flags":["final_sale","subscription","digital","usage_based"],"items":[{"sku":"","category":"",'
    b'"quantity":1,"amount_minor":'
    b"The policy's amounts are in usd, the transaction in eur A person will look at your request"
    b'["customer_value","pass","Refunded in 90 days, in minor units: ",["customer_count","pass","Refunds in 30 days: "'
    b'["chargebacks","pass","Chargebacks in 365 days: 0, and  go without a person",["restocking_fee","pass"'
    b'," is withheld for restocking"'
    b'["auto_approve","pass"," is below  USD, no person is needed"],["review_amount","review"," USD reaches  USD, from '
    b'which a person always looks"["auto_approve","review"," USD is not below  USD"'
    b'{"policy":"pol_","version":1,"facts":{"now":"2026-11-","reason":"product_defective","product_not_received",'
    b'"wrong_product","sizing_issue","other","amount_minor":,"stated_currency":"usd","charge":{"currency":"usd",'
    b'"captured_minor":,"remaining_minor":,"held_minor":0,"lost_minor":0,"dispute":"none","purchased_at":"2026-11-'
    b'T:00.000Z","fraud_warning":"none","processor_risk":,"countries":["US"]},"customer":{"known":true,"refunds_30d":0,'
    b'"refunds_90d":0,"value_90d_minor":0,"chargebacks_365d":0,"lifetime_orders":,"lifetime_spend_minor":,"since":"2026'
    b'"}},"rules":[["captured","pass"," USD was captured","",],["currency","pass","The transaction is in usd","","usd"]'
    b',["dispute","pass","No chargeback covers this money","","none"],["remaining","pass"," USD of the remaining  USD"'
    b'],["final_sale","pass","Nothing of it was a final sale or is non-refundable"],["return_window","pass","Within 30 '
    b'days, until 2026-12-T00.000Z","You are in time: this can be returned until 2026-12-","2026-11-","2026-12-],["exch'
    b'ange_only","pass","It may be refunded, not only exchanged"],["risk","pass","Risk score 0 is below 70","",0,70]]}'
)
_FORMAT: Final = b"\x01"
"""Begins what is stored; another dictionary is another format, and this one stays readable."""


def packed(rules: Sequence[RuleResult], ground: Ground | None) -> bytes:
    """Rules and ground as one binary value."""
    kept: dict[str, Any] = {}
    if ground is not None:
        kept = {"policy": ground.policy_id, "version": ground.policy_version, "facts": ground.facts.as_record()}
    kept["rules"] = [rule.as_record() for rule in rules]
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()
    squeeze = zlib.compressobj(level=9, wbits=-15, zdict=_USUAL)
    return _FORMAT + squeeze.compress(text) + squeeze.flush()


def unpacked(stored: bytes) -> tuple[tuple[RuleResult, ...], Ground | None]:
    """What :func:`packed` made of them. Raises ValueError for a format that is not known."""
    if stored[:1] != _FORMAT:
        raise ValueError("a decision of an unknown format")
    stretch = zlib.decompressobj(wbits=-15, zdict=_USUAL)
    kept = json.loads(stretch.decompress(stored[1:]) + stretch.flush())
    rules = tuple(RuleResult(*rule) for rule in kept["rules"])
    if "facts" not in kept:
        return rules, None
    return rules, Ground(Facts.from_record(kept["facts"]), kept["policy"], kept["version"])
