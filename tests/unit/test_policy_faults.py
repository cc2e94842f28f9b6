"""Everything that is wrong with a policy is told at once, at its place, in a sentence that repeats no value."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refundkit.contracts import policy_documents
from refundkit.contracts.policy_documents import MAX_RULES, PolicyDocument
from refundkit.contracts.policy_imports import ImportPolicyRequest
from refundkit.contracts.policy_views import UpdatePolicyRequest
from refundkit_core.domain import errors, policy_faults
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.policy_faults import Fault, faults_of, pointer
from refundkit_core.domain.risk_signals import SIGNALS
from refundkit_core.entrypoints.policy_requests import MAX_FAULTS, document_faults, import_body, policy_body

Document = dict[str, Any]
GOOD: Document = {
    "merchantId": "merch_123",
    "name": "Standard Return Policy",
    "version": 1,
    "rules": [
        {
            "category": "clothing",
            "returnWindowDays": 30,
            "restockingFeePercent": 0,
            "exchangeOnly": False,
            "finalSale": False,
            "conditions": ["tags_attached", "unworn"],
        },
        {"category": "clearance", "finalSale": True},
        {"sku": "SKU-001", "returnWindowDays": 10, "fulfilmentBufferDays": 3, "minAmount": 1, "maxAmount": 1},
        {"category": "default", "returnWindowDays": 30, "conditions": []},
    ],
    "globalLimits": {
        "maxReturnsPerCustomer30d": 5,
        "maxReturnValuePerCustomer90d": 100_000,
        "autoApproveThreshold": 0,
        "autoApproveMaxRisk": 70,
        "requireReviewAbove": 0,
        "refuseAtRisk": 70,
    },
    "categories": {"shoes": "clothing", "boots": "shoes"},
    "risk": {"weights": dict.fromkeys(SIGNALS, 50)},
}
JUNE, JULY, AUGUST = (f"2026-0{month}-01T00:00:00Z" for month in (6, 7, 8))


def rule(**fields: Any) -> Callable[[Document], Any]:
    """The first rule with other fields; None takes one away."""

    def change(document: Document) -> None:
        changed = {**document["rules"][0], **fields}
        document["rules"][0] = {name: value for name, value in changed.items() if value is not None}

    return change


def rules(*more: Any) -> Callable[[Document], Any]:
    return lambda document: document["rules"].extend(more)


def limits(**fields: Any) -> Callable[[Document], Any]:
    return lambda document: document["globalLimits"].update(fields)


def whole(**fields: Any) -> Callable[[Document], Any]:
    return lambda document: document.update(fields)


FIRST = "/rules/0"
BAD: dict[str, tuple[Callable[[Document], Any], list[tuple[str, str]]]] = {
    "nothing of it": (lambda d: d.clear(), [("/name", "required"), ("/rules", "required")]),
    "a field that is unknown": (whole(returnWindow=3), [("/returnWindow", "unknown_field")]),
    "a field as programs spell it": (whole(merchant_id="m"), [("/merchant_id", "unknown_field")]),
    "an unknown field of a rule": (rule(returnWindow=3), [(f"{FIRST}/returnWindow", "unknown_field")]),
    "an unknown field with a slash": (whole(**{"a/b~c": 1}), [("/a~1b~0c", "unknown_field")]),
    "an unknown limit": (limits(maxReturns=3), [("/globalLimits/maxReturns", "unknown_field")]),
    "no name": (whole(name=""), [("/name", "out_of_range")]),
    "a name with a line break": (whole(name="a\nb"), [("/name", "malformed")]),
    "a name that is a number": (whole(name=5), [("/name", "wrong_type")]),
    "a merchant with blanks": (whole(merchantId="a b"), [("/merchantId", "malformed")]),
    "a merchant of 65": (whole(merchantId="m" * 65), [("/merchantId", "malformed")]),
    "a merchant with our separator": (whole(merchantId="a#b"), [("/merchantId", "malformed")]),
    "no rules": (whole(rules=[]), [("/rules", "out_of_range")]),
    "rules that are no list": (whole(rules={}), [("/rules", "wrong_type")]),
    "a rule that is no object": (whole(rules=["default"]), [("/rules/0", "wrong_type")]),
    "501 rules": (rules(*({"sku": f"S{n}"} for n in range(MAX_RULES))), [("/rules", "out_of_range")]),
    "no default rule": (lambda d: d["rules"].pop(), [("/rules", "no_default_rule")]),
    "a default sku is no default rule": (
        lambda d: d["rules"].append({"sku": d["rules"].pop()["category"]}),
        [("/rules", "no_default_rule")],
    ),
    "a default rule that ends": (
        lambda d: d["rules"][3].update(effectiveUntil=JUNE),
        [("/rules", "default_rule_has_gaps")],
    ),
    "a default rule that begins": (
        lambda d: d["rules"][3].update(effectiveFrom=JUNE),
        [("/rules", "default_rule_has_gaps")],
    ),
    "a month between two default rules": (
        lambda d: (
            d["rules"][3].update(effectiveUntil=JUNE),
            d["rules"].append({"category": "default", "effectiveFrom": JULY}),
        ),
        [("/rules", "default_rule_has_gaps")],
    ),
    "neither sku nor category": (rule(category=None), [(FIRST, "rule_without_subject")]),
    "both sku and category": (rule(sku="S"), [(f"{FIRST}/sku", "rule_with_two_subjects")]),
    "the same category twice": (rules({"category": "clothing"}), [("/rules/4", "overlapping_rules")]),
    "the same sku three times": (
        rules({"sku": "SKU-001"}, {"sku": "SKU-001"}),
        [("/rules/4", "overlapping_rules"), ("/rules/5", "overlapping_rules")],
    ),
    "the same category with overlapping times": (
        rules(
            {"category": "hats", "effectiveUntil": JULY},
            {"category": "hats", "effectiveFrom": JUNE, "effectiveUntil": AUGUST},
        ),
        [("/rules/5", "overlapping_rules")],
    ),
    "a rule that ends before it begins": (
        rule(effectiveFrom=JULY, effectiveUntil=JUNE),
        [(f"{FIRST}/effectiveUntil", "ends_before_it_begins")],
    ),
    "a rule that ends when it begins": (
        rule(effectiveFrom=JULY, effectiveUntil=JULY),
        [(f"{FIRST}/effectiveUntil", "ends_before_it_begins")],
    ),
    "a rule of less than a millisecond": (
        rule(effectiveFrom=JULY, effectiveUntil="2026-07-01T00:00:00.0009Z"),
        [(f"{FIRST}/effectiveUntil", "ends_before_it_begins")],
    ),
    "a time without a zone": (
        rule(effectiveFrom="2026-06-01T00:00:00"),
        [(f"{FIRST}/effectiveFrom", "malformed")],
    ),
    "a day that is none": (rule(effectiveFrom="2026-02-30T00:00:00Z"), [(f"{FIRST}/effectiveFrom", "malformed")]),
    "a month that is none": (rule(effectiveFrom="2026-13-01T00:00:00Z"), [(f"{FIRST}/effectiveFrom", "malformed")]),
    "negative days": (rule(returnWindowDays=-1), [(f"{FIRST}/returnWindowDays", "out_of_range")]),
    "more days than ten years": (rule(returnWindowDays=3651), [(f"{FIRST}/returnWindowDays", "out_of_range")]),
    "days as text": (rule(returnWindowDays="30"), [(f"{FIRST}/returnWindowDays", "wrong_type")]),
    "days that are true": (rule(returnWindowDays=True), [(f"{FIRST}/returnWindowDays", "wrong_type")]),
    "days with a point": (rule(returnWindowDays=30.0), [(f"{FIRST}/returnWindowDays", "wrong_type")]),
    "101 percent": (rule(restockingFeePercent=101), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "100.01 percent": (rule(restockingFeePercent=100.01), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a negative fee": (rule(restockingFeePercent=-0.01), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a fee of three decimals": (rule(restockingFeePercent=7.255), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a fee near to nothing": (rule(restockingFeePercent=5e-324), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a fee that is NaN": (rule(restockingFeePercent=math.nan), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "an infinite fee": (rule(restockingFeePercent=math.inf), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a fee that is true": (rule(restockingFeePercent=True), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a fee as text": (rule(restockingFeePercent="15"), [(f"{FIRST}/restockingFeePercent", "malformed")]),
    "a flag as text": (rule(finalSale="false"), [(f"{FIRST}/finalSale", "wrong_type")]),
    "a flag as a number": (rule(exchangeOnly=1), [(f"{FIRST}/exchangeOnly", "wrong_type")]),
    "a final sale that can be exchanged": (
        rule(finalSale=True, exchangeOnly=True, storeCreditOnly=True),
        [
            (f"{FIRST}/exchangeOnly", "contradictory_flags"),
            (f"{FIRST}/storeCreditOnly", "contradictory_flags"),
            (f"{FIRST}/storeCreditOnly", "contradictory_flags"),
        ],
    ),
    "what is not refunded and must come back": (
        rule(nonRefundable=True, requiresReturn=True, requiresReview=True),
        [(f"{FIRST}/requiresReturn", "contradictory_flags"), (f"{FIRST}/requiresReview", "contradictory_flags")],
    ),
    "an exchange that is paid as credit": (
        rule(exchangeOnly=True, storeCreditOnly=True),
        [(f"{FIRST}/storeCreditOnly", "contradictory_flags")],
    ),
    "least above most": (rule(minAmount=2, maxAmount=1), [(f"{FIRST}/minAmount", "min_above_max")]),
    "a negative amount": (rule(maxAmount=-1), [(f"{FIRST}/maxAmount", "out_of_range")]),
    "an absurd amount": (rule(minAmount=10**12 + 1), [(f"{FIRST}/minAmount", "out_of_range")]),
    "a buffer without a window": (
        rule(returnWindowDays=None, fulfilmentBufferDays=3),
        [(f"{FIRST}/fulfilmentBufferDays", "unused_buffer")],
    ),
    "a buffer after the purchase": (
        rule(windowStartsAt="purchase", fulfilmentBufferDays=3),
        [(f"{FIRST}/fulfilmentBufferDays", "unused_buffer")],
    ),
    "a window that starts nowhere": (rule(windowStartsAt="payment"), [(f"{FIRST}/windowStartsAt", "unknown_value")]),
    "a condition in words": (rule(conditions=["Not worn"]), [(f"{FIRST}/conditions/0", "malformed")]),
    "a condition twice": (rule(conditions=["unworn", "unworn"]), [(f"{FIRST}/conditions/1", "repeated")]),
    "51 conditions": (rule(conditions=[f"c{n}" for n in range(51)]), [(f"{FIRST}/conditions", "out_of_range")]),
    "conditions that are a text": (rule(conditions="unworn"), [(f"{FIRST}/conditions", "wrong_type")]),
    "a threshold above the review": (
        limits(autoApproveThreshold=2, requireReviewAbove=1),
        [("/globalLimits/autoApproveThreshold", "threshold_above_review")],
    ),
    "a risk above the refused one": (
        limits(autoApproveMaxRisk=71),
        [("/globalLimits/autoApproveMaxRisk", "risk_above_refusal")],
    ),
    "a risk of 101": (limits(refuseAtRisk=101), [("/globalLimits/refuseAtRisk", "out_of_range")]),
    "no chargebacks at all": (limits(reviewAtChargebacks=0), [("/globalLimits/reviewAtChargebacks", "out_of_range")]),
    "limits that are a list": (whole(globalLimits=[]), [("/globalLimits", "wrong_type")]),
    "a currency in capitals": (whole(currency="USD"), [("/currency", "malformed")]),
    "a category above itself": (whole(categories={"a": "a"}), [("/categories/a", "cyclic_categories")]),
    "categories in a circle": (
        whole(categories={"a": "b", "b": "c", "c": "a", "d": "a"}),
        [(f"/categories/{name}", "cyclic_categories") for name in "abc"],
    ),
    "a path in a circle": (whole(categories={"a": "a/b"}), [("/categories/a", "cyclic_categories")]),
    "a path below its own end": (whole(categories={"a/b": "a/b/c"}), [("/categories/a~1b", "cyclic_categories")]),
    "a category that is no name": (whole(categories={"a//b": "a"}), [("/categories/a~1~1b", "malformed")]),
    "a category of another type": (whole(categories={"a": 1}), [("/categories/a", "wrong_type")]),
    "1,001 categories": (
        whole(categories={f"c{n}": "all" for n in range(1001)}),
        [("/categories", "out_of_range")],
    ),
    "a flag that is unknown": (whole(nonRefundableFlags=["fragile"]), [("/nonRefundableFlags/0", "unknown_value")]),
    "a flag twice": (whole(nonRefundableFlags=["digital", "digital"]), [("/nonRefundableFlags/1", "repeated")]),
    "a signal that is unknown": (
        whole(risk={"weights": {"mood": 5, "velocity": 5}}),
        [("/risk/weights/mood", "unknown_signal")],
    ),
    "a weight of 101": (whole(risk={"weights": {"velocity": 101}}), [("/risk/weights/velocity", "out_of_range")]),
    "a likelihood as a share": (
        whole(risk={"disputeLikelihoodPercent": 0.8}),
        [("/risk/disputeLikelihoodPercent", "wrong_type")],
    ),
    "judged by nothing": (whole(judgedBy="purchase"), [("/judgedBy", "unknown_value")]),
    "a version as text": (whole(version="1"), [("/version", "wrong_type")]),
    "everything at once": (
        lambda d: (
            rule(returnWindowDays=-1, minAmount=5, maxAmount=4, extra=1)(d),
            rules({"category": "clothing"})(d),
            limits(autoApproveThreshold=9, requireReviewAbove=3)(d),
            whole(categories={"a": "b", "b": "a"}, name="")(d),
        ),
        [
            ("/name", "out_of_range"),
            (f"{FIRST}/returnWindowDays", "out_of_range"),
            (f"{FIRST}/extra", "unknown_field"),
            (f"{FIRST}/minAmount", "min_above_max"),
            ("/rules/4", "overlapping_rules"),
            ("/globalLimits/autoApproveThreshold", "threshold_above_review"),
            ("/categories/a", "cyclic_categories"),
            ("/categories/b", "cyclic_categories"),
        ],
    ),
}


def changed(change: Callable[[Document], Any]) -> Document:
    document = copy.deepcopy(GOOD)
    change(document)
    return document


def found(document: Document) -> list[Fault]:
    return document_faults(PolicyDocument, document)


def test_document_002s_policy_and_everything_that_was_added_is_without_faults() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("case", BAD)
def test_a_bad_policy_lists_all_its_faults_at_their_places(case: str) -> None:
    change, expected = BAD[case]

    assert [(fault.pointer, fault.code) for fault in found(changed(change))] == expected


@pytest.mark.parametrize("case", BAD)
def test_a_bad_policy_is_refused_with_the_same_pointers(case: str) -> None:
    change, expected = BAD[case]

    with pytest.raises(errors.Invalid) as refused:
        policy_body(PolicyDocument, changed(change))
    assert [detail.field for detail in refused.value.details] == [place for place, _ in expected]


@pytest.mark.parametrize("case", BAD)
def test_a_fault_says_what_to_do_and_repeats_no_value(case: str) -> None:
    for fault in found(changed(BAD[case][0])):
        assert fault.message[0].isupper()
        assert not [
            value for value in ("merch_123", "SKU-001", "tags_attached", "mood", "7.255") if value in fault.message
        ]


@pytest.mark.parametrize("canary", ["canary4242", "2026-99-99T00:00:00Z", "Canary 4242"])
def test_no_value_of_a_bad_policy_is_told(canary: str) -> None:
    fields = ("merchantId", "currency", "judgedBy", "effectiveFrom", "rules", "globalLimits", "risk")
    document = {**dict.fromkeys(fields, canary), "name": [canary], "nonRefundableFlags": [canary]}
    rule_fields = ("returnWindowDays", "windowStartsAt", "restockingFeePercent", "effectiveFrom", "conditions")
    for each in (document, {**GOOD, "rules": [dict.fromkeys(rule_fields, canary)]}):
        assert found(each)
        assert canary not in str(found(each))


def test_a_name_that_we_did_not_choose_is_cut_and_shown_in_plain_letters() -> None:
    faults = found({**GOOD, "ü\n" + "x" * 500: 1})

    assert [len(fault.pointer) < 120 for fault in faults] == [True]
    assert faults[0].pointer.startswith("/\\xfc\\n")


def test_faults_beyond_any_use_are_not_listed() -> None:
    assert len(found({**GOOD, **{f"field{number}": 1 for number in range(9_000)}})) == MAX_FAULTS


HOSTILE: dict[str, Document] = {
    "a path of 100,000": {**GOOD, "categories": {"a": "/".join("a" * 100_000)}},
    "a path of 100,000 as a name": {**GOOD, "categories": {"/".join("a" * 100_000): "a"}},
    "20,000 categories in a row": {**GOOD, "categories": {f"c{n}": f"c{n + 1}" for n in range(20_000)}},
    "long paths in a row": {
        **GOOD,
        "categories": {f"{n:03d}": f"{n + 1:03d}/{'/'.join('a' * 48)}" for n in range(999)},
    },
    "10,000 rules that part their times": {
        **GOOD,
        "rules": [{"category": "a", "effectiveFrom": JUNE, "effectiveUntil": JUNE} for _ in range(10_000)],
    },
    "500 rules that part their times": {
        **GOOD,
        "rules": [
            {"category": "a", "effectiveFrom": f"{2000 + n}{JUNE[4:]}", "effectiveUntil": f"{2000 + n}{JULY[4:]}"}
            for n in range(500)
        ],
    },
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_policy_that_was_made_to_keep_us_busy_does_not(case: str) -> None:
    began = time.process_time()
    found(HOSTILE[case])

    assert time.process_time() - began < 2


def test_rules_for_the_same_that_part_at_a_moment_do_not_overlap() -> None:
    parted = rules({"category": "hats", "effectiveUntil": JUNE}, {"category": "hats", "effectiveFrom": JUNE})
    split = changed(lambda d: d["rules"][3].update(effectiveUntil=JUNE))
    split["rules"].append({"category": "default", "effectiveFrom": JUNE})

    assert found(changed(parted)) == []
    assert found(split) == []


def test_a_sku_and_a_category_of_one_name_do_not_overlap() -> None:
    assert found(changed(rules({"sku": "clothing"}))) == []


def test_what_takes_part_in_nothing_is_left_to_who_checks_types() -> None:
    odd: Document = {"rules": [3, {"category": 5, "minAmount": "x"}], "categories": {"a": 1}, "risk": 7}

    assert faults_of(odd) == []


def test_pointers_are_those_of_rfc_6901() -> None:
    assert (pointer(), pointer("a/b", 0, "m~n")) == ("", "/a~1b/0/m~0n")


def test_a_body_becomes_the_policy_its_merchant_and_the_revision_that_it_replaces() -> None:
    body = {"name": "P", "rules": [{"category": "default", "restockingFeePercent": 7.25}], "revision": 3}
    wanted = policy_body(UpdatePolicyRequest, {**body, "globalLimits": {"autoApproveThreshold": 0}})

    rule_made = Rule(category="default", restocking_fee_bp=725)
    assert wanted.policy == Policy("P", (rule_made,), Limits(auto_approve_threshold_minor=0))
    assert (wanted.merchant_id, wanted.revision) == (None, 3)
    with pytest.raises(errors.Invalid):
        policy_body(PolicyDocument, json.loads(json.dumps(body)))


def test_the_policies_in_the_docs_are_without_faults() -> None:
    text = (Path(__file__).parents[2] / "docs" / "policies.md").read_text()
    written, config = (json.loads(block.partition("```")[0]) for block in text.split("```json\n")[1:])

    assert found(written) == []
    assert import_body(ImportPolicyRequest, config).policy.rules


def test_the_contract_and_the_check_have_the_same_bounds() -> None:
    assert (policy_documents.MAX_RULES, policy_documents.MAX_CATEGORIES) == (
        policy_faults.MAX_RULES,
        policy_faults.MAX_CATEGORIES,
    )
