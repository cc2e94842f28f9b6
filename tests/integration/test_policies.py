"""Policies through their routes: written, found faulty, published once, never changed, compared, told to customers."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from refundkit_core.adapters.events import detail_of
from refundkit_core.domain.times import iso

from tests.integration.conftest import World
from tests.support.policies import CONFIG, SMALL, SPEC, answered, made, published, refused, stored
from tests.support.template import ROOT


def test_document_002s_policy_is_stored_shown_and_published_as_it_was_written(world: World) -> None:
    policy = made(world)

    assert {name: policy["document"][name] for name in ("merchantId", "name")} == {
        "merchantId": "merch_123",
        "name": "Standard Return Policy",
    }
    for written, shown in zip(SPEC["rules"], policy["document"]["rules"], strict=True):
        assert {name: shown[name] for name in written} == written
    assert SPEC["globalLimits"].items() <= policy["document"]["globalLimits"].items()
    assert policy["document"]["version"] is None
    world.clock.advance(seconds=1)
    first = published(world, policy["id"])
    now = iso(world.clock.now())
    assert first == {
        **policy,
        "latestVersion": 1,
        "updatedAt": now,
        "versions": [{"number": 1, "revision": 1, "publishedAt": now, "inForceFrom": now, "shadow": False}],
        "shownVersion": 1,
        "document": {**policy["document"], "version": 1},
    }
    assert answered(world, "GET", f"/v1/policies/{policy['id']}") == first
    assert answered(world, "GET", f"/v1/policies/{policy['id']}?version=1") == first
    assert answered(world, "GET", "/v1/policies")[0]["id"] == policy["id"]


def test_what_is_shown_can_be_written_again_and_changes_nothing(world: World) -> None:
    policy = made(world)

    again = answered(world, "PUT", f"/v1/policies/{policy['id']}", {**policy["document"], "revision": 1})
    assert again == policy


def test_all_faults_come_at_once_and_nothing_is_stored(world: World) -> None:
    before = stored(world)
    bad = {
        "name": "",
        "rules": [
            {"category": "hats", "returnWindowDays": -1, "finalSale": True, "exchangeOnly": True},
            {"category": "hats", "restockingFeePercent": 101, "extra": "canary4242"},
        ],
        "categories": {"a": "b", "b": "a"},
    }
    expected = [
        ("/name", "out_of_range"),
        ("/rules/0/returnWindowDays", "out_of_range"),
        ("/rules/1/restockingFeePercent", "malformed"),
        ("/rules/1/extra", "unknown_field"),
        ("/rules/0/exchangeOnly", "contradictory_flags"),
        ("/rules/1", "overlapping_rules"),
        ("/rules", "no_default_rule"),
        ("/categories/a", "cyclic_categories"),
        ("/categories/b", "cyclic_categories"),
    ]

    found = answered(world, "POST", "/v1/policies/validate", bad)
    assert found["valid"] is False
    assert [(fault["pointer"], fault["code"]) for fault in found["faults"]] == expected
    places = [place for place, _ in expected]
    assert refused(world, "POST", "/v1/policies", bad) == (400, "validation_error", places)
    assert "canary4242" not in str(found)
    assert answered(world, "POST", "/v1/policies/validate", SPEC) == {"valid": True, "faults": []}
    assert stored(world) == before


def test_a_second_policy_of_a_merchant_is_refused_and_the_first_is_named(world: World) -> None:
    policy = made(world)

    status, envelope, _ = world.call("POST", "/v1/policies", SPEC)
    (detail,) = envelope["error"]["details"]
    assert (status, envelope["error"]["code"], detail["field"]) == (400, "validation_error", "/merchantId")
    assert policy["id"] in detail["message"]
    assert made(world, SMALL)["merchantId"] == world.organization.org_id
    live = world.call("POST", "/v1/policies", SPEC, key=world.organization.live_key)
    assert live[0] == 201


def test_a_repeated_request_is_the_same_policy(world: World) -> None:
    headers = {"idempotency-key": "k-1"}
    first = world.call("POST", "/v1/policies", SPEC, headers=headers)
    again = world.call("POST", "/v1/policies", {**SPEC, "version": 9}, headers=headers)
    other = world.call("POST", "/v1/policies", SMALL, headers=headers)

    assert (first[0], again[0]) == (201, 201)
    assert again[1]["data"] == first[1]["data"]
    assert "idempotent-replayed" not in first[2]
    assert again[2]["idempotent-replayed"] == "true"
    assert (other[0], other[1]["error"]["code"]) == (409, "idempotency_key_reused")


def test_publishing_twice_is_the_same_version_and_one_event(world: World) -> None:
    policy = made(world)
    first = published(world, policy["id"])
    world.clock.advance(hours=1)

    assert published(world, policy["id"]) == first
    assert published(world, policy["id"], revision=1) == first
    (event,) = [
        item for item in stored(world) if item["sk"]["S"].startswith("EVENT#") and "#POLICY#" in item["pk"]["S"]
    ]
    detail = json.loads(detail_of(world.container.event_of_image(event)))
    assert (detail["type"], detail["public"]) == ("policy.published", True)
    assert detail["data"] == {
        "policyId": policy["id"],
        "merchantId": "merch_123",
        "version": 1,
        "shadow": False,
        "inForceFrom": first["versions"][0]["inForceFrom"],
    }
    trail = [(entry.command, entry.target) for entry in world.container.trail.of(world.tenant)]
    assert trail.count(("policies publish", f"{policy['id']} version 1")) == 1


def test_a_stale_revision_is_409_for_writing_and_for_publishing(world: World) -> None:
    policy = made(world)
    path = f"/v1/policies/{policy['id']}"
    small = {**SMALL, "merchantId": "merch_123"}
    assert answered(world, "PUT", path, {**small, "revision": 1})["revision"] == 2

    stale = (409, "approval_superseded", ["/revision"])
    assert refused(world, "PUT", path, {**SPEC, "revision": 1}) == stale
    assert refused(world, "POST", f"{path}/publish", {"revision": 1}) == stale
    assert answered(world, "GET", path)["document"]["name"] == "Small"
    assert refused(world, "PUT", path, SMALL | {"merchantId": "other"})[2] == ["/merchantId"]


def test_a_published_version_never_changes(world: World) -> None:
    policy = made(world)
    first = published(world, policy["id"])
    kept = [item for item in stored(world) if item["sk"]["S"] == "VERSION#000001"]
    path = f"/v1/policies/{policy['id']}"
    answered(world, "PUT", path, SMALL)
    world.clock.advance(minutes=1)
    second = published(world, policy["id"])

    assert [version["number"] for version in second["versions"]] == [1, 2]
    assert second["versions"][0] == first["versions"][0]
    assert answered(world, "GET", f"{path}?version=1")["document"] == first["document"]
    assert [item for item in stored(world) if item["sk"]["S"] == "VERSION#000001"] == kept
    assert refused(world, "GET", f"{path}?version=3") == (404, "not_found", [])
    assert refused(world, "GET", f"{path}?version=0")[:2] == (400, "validation_error")


def test_a_shadow_is_read_beside_what_is_in_force(world: World) -> None:
    policy = made(world, SMALL)
    published(world, policy["id"])
    answered(world, "PUT", f"/v1/policies/{policy['id']}", SPEC | {"merchantId": world.organization.org_id})
    shadow = published(world, policy["id"], shadow=True)

    assert (shadow["shadowVersion"], shadow["versions"][1]["inForceFrom"]) == (2, None)
    pointer = world.container.policies.pointer(world.tenant, world.organization.org_id)
    assert pointer is not None
    assert ([number for number, _ in pointer.versions], pointer.shadow) == ([1], 2)
    assert answered(world, "GET", "/v1/return-policy")["version"] == 1
    assert published(world, policy["id"])["shadowVersion"] is None
    assert answered(world, "GET", "/v1/return-policy")["version"] == 3


def test_versions_are_compared_rule_by_rule(world: World) -> None:
    policy = made(world)
    path = f"/v1/policies/{policy['id']}"
    assert refused(world, "GET", f"{path}/diff") == (404, "not_found", [])
    published(world, policy["id"])
    clothing, electronics, _, default = SPEC["rules"]
    changed = {**SPEC, "rules": [default, {**electronics, "restockingFeePercent": 7.25}, clothing, {"sku": "S-1"}]}
    answered(world, "PUT", path, changed)

    found = answered(world, "GET", f"{path}/diff?from=1&to=draft")
    assert found == [
        {
            "pointer": "/rules/1/restockingFeePercent",
            "kind": "changed",
            "before": 15,
            "after": 7.25,
            "message": "restockingFeePercent for the category electronics was changed from 15 to 7.25",
        },
        {
            "pointer": "/rules/3",
            "kind": "added",
            "before": None,
            "after": found[1]["after"],
            "message": "A rule was added for the sku S-1",
        },
        {
            "pointer": "/rules/2",
            "kind": "removed",
            "before": found[2]["before"],
            "after": None,
            "message": "The rule for the category clearance was removed",
        },
    ]
    assert answered(world, "GET", f"{path}/diff") == found
    assert answered(world, "GET", f"{path}/diff?from=1&to=1") == []
    assert refused(world, "GET", f"{path}/diff?from=x")[:2] == (400, "validation_error")


def test_a_customer_is_told_the_rule_for_a_category_or_all_rules(world: World) -> None:
    policy = made(world)
    assert answered(world, "GET", "/v1/return-policy?merchantId=merch_123")["policyId"] is None
    published(world, policy["id"])

    told = answered(world, "GET", "/v1/return-policy?merchantId=merch_123&category=electronics/phones")
    assert (told["policyId"], told["version"]) == (policy["id"], 1)
    (rule,) = told["rules"]
    assert (rule["category"], rule["returnWindowDays"], rule["restockingFeePercent"]) == ("electronics", 15, 15)
    assert rule["sentences"] == [
        "Refunds are possible within 15 days after delivery.",
        "A restocking fee of 15 % is kept.",
        "Conditions: original packaging, all accessories.",
    ]
    assert told["limits"]["maxReturnsPerCustomer30d"] == 5
    assert "5000" not in json.dumps(told)
    everything = answered(world, "GET", "/v1/return-policy?merchantId=merch_123")["rules"]
    assert [each["category"] for each in everything] == ["clothing", "electronics", "clearance", "default"]


def test_without_a_policy_the_default_one_is_told(world: World) -> None:
    told = answered(world, "GET", "/v1/return-policy?category=hats")

    assert (told["policyId"], told["version"], told["merchantId"]) == (None, None, world.organization.org_id)
    assert [rule["returnWindowDays"] for rule in told["rules"]] == [30]


def test_document_001s_config_is_imported_as_a_draft(world: World) -> None:
    policy = answered(world, "POST", "/v1/policies/import", CONFIG, headers={"idempotency-key": "k"})

    limits = {name: value for name, value in policy["document"]["globalLimits"].items() if value is not None}
    assert limits == {
        "autoApproveThreshold": 7_500,
        "autoApproveMaxRisk": 25,
        "requireReviewAbove": 20_000,
        "reviewAtChargebacks": 2,
    }
    flags = [(rule["category"], rule["finalSale"], rule["nonRefundable"]) for rule in policy["document"]["rules"]]
    assert flags == [("gift_card", False, True), ("final_sale", True, False), ("default", False, False)]
    again = world.call("POST", "/v1/policies/import", CONFIG, headers={"idempotency-key": "k"})
    assert again[1]["data"] == policy
    assert again[2]["idempotent-replayed"] == "true"
    bad = {"auto_approve": {"max_amount": 0.005, "max_risk_score": 2}}
    assert refused(world, "POST", "/v1/policies/import", bad) == (
        400,
        "validation_error",
        ["/auto_approve/max_risk_score", "/auto_approve/max_amount"],
    )


def test_the_largest_policy_that_a_body_can_hold_is_stored_and_read_back(world: World) -> None:
    conditions = [f"condition_{number:02d}" for number in range(25)]
    rules = [{"sku": f"SKU-{number:04d}", "conditions": conditions, "finalSale": True} for number in range(499)]
    document = {"name": "Large", "rules": [*rules, {"category": "default"}]}
    assert 200_000 < len(json.dumps(document)) < 256 * 1024

    policy = made(world, document)
    shown = published(world, policy["id"])
    assert shown["document"]["rules"][498]["conditions"] == conditions
    version = world.container.policies.version(world.tenant, policy["id"], 1)
    assert version is not None
    assert len(version.policy.rules) == 500


def test_the_schema_for_editors_takes_what_the_api_takes(world: World) -> None:
    status, schema, headers = world.call("GET", "/v1/policies/schema", key="")

    assert status == 200
    assert schema == json.loads(Path(ROOT / "functions" / "policies" / "policy.schema.json").read_text())
    assert headers["cache-control"] == "public, max-age=300"
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid(SPEC)
    assert validator.is_valid(made(world)["document"])
    for bad in (
        {**SPEC, "extra": 1},
        {"name": "P"},
        {**SMALL, "rules": [{"category": "a", "sku": "b"}]},
        {**SMALL, "rules": [{"category": "default", "returnWindowDays": 3651}]},
        {**SMALL, "rules": [{"category": "default", "restockingFeePercent": 100.5}]},
    ):
        assert not validator.is_valid(bad)


def test_a_policy_names_nobody_and_no_secret_in_events_and_trail(world: World) -> None:
    policy = made(world, {**SPEC, "name": "canary4242"})
    published(world, policy["id"])

    told = [item for item in stored(world) if item["sk"]["S"].startswith("EVENT#") or "#AUDIT" in item["pk"]["S"]]
    assert told
    assert "canary4242" not in str(told)
