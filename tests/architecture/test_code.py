"""The house rules of the code that no linter knows."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from refundkit.contracts.api_keys import Scope
from refundkit.contracts.errors import ErrorCode
from refundkit_core.domain import errors, rights
from refundkit_core.entrypoints.http import STATUS

from tests.support.functions import function_module
from tests.support.requests import routes
from tests.support.template import ROOT, resources, template

CORE = ROOT / "layers" / "core" / "refundkit_core"
FUNCTIONS = sorted(folder.name for folder in (ROOT / "functions").iterdir() if folder.is_dir())
API_FUNCTIONS = sorted(set(routes().values()))
VALIDATING = {
    "webhook_endpoints",
    "webhook_deliveries",
    "events",
    "refunds",
    "processors",
    "policies",
    "api_keys",
    "customers",
    "transactions",
    "decisions",
    "disputes",
    "settings",
    "simulations",
    "approvals",
    "members",
    "audit",
    "integrations",
}
SCOPES = {
    ("POST", "/v1/refunds"): "refunds:write",
    ("POST", "/v1/refunds/preview"): "refunds:read",
    ("GET", "/v1/refunds"): "refunds:read",
    ("GET", "/v1/refunds/{id}"): "refunds:read",
    ("GET", "/v1/refunds/{id}/events"): "refunds:read",
    ("POST", "/v1/refunds/{id}/cancel"): "refunds:write",
    ("POST", "/v1/policies/check"): "policies:read",
    ("POST", "/v1/policies"): "policies:write",
    ("GET", "/v1/policies"): "policies:read",
    ("GET", "/v1/policies/{id}"): "policies:read",
    ("PUT", "/v1/policies/{id}"): "policies:write",
    ("POST", "/v1/policies/{id}/publish"): "policies:write",
    ("GET", "/v1/policies/{id}/diff"): "policies:read",
    ("POST", "/v1/policies/{id}/simulate"): "policies:write",
    ("GET", "/v1/policies/{id}/simulations"): "policies:read",
    ("GET", "/v1/policies/{id}/shadow"): "policies:read",
    ("GET", "/v1/simulations/{id}"): "policies:read",
    ("POST", "/v1/policies/validate"): "policies:read",
    ("POST", "/v1/policies/import"): "policies:write",
    ("GET", "/v1/policies/schema"): None,
    ("GET", "/v1/return-policy"): "policies:read",
    ("POST", "/v1/eligibility/check"): "policies:read",
    ("GET", "/v1/decisions/{id}"): "refunds:read",
    ("GET", "/v1/settings/guards"): "admin",
    ("PUT", "/v1/settings/guards"): "admin",
    ("GET", "/v1/settings/approvals"): "approvals:read",
    ("PUT", "/v1/settings/approvals"): "admin",
    ("GET", "/v1/approvals"): "approvals:read",
    ("GET", "/v1/approvals/{id}"): "approvals:read",
    ("POST", "/v1/approvals/{id}/approve"): "approvals:decide",
    ("POST", "/v1/approvals/{id}/reject"): "approvals:decide",
    ("POST", "/v1/approvals/{id}/escalate"): "approvals:decide",
    ("POST", "/v1/approvals/{id}/request-info"): "approvals:decide",
    ("POST", "/v1/approvals/{id}/comment"): "approvals:decide",
    ("POST", "/v1/refunds/{id}/info"): "refunds:write",
    ("GET", "/v1/audit"): "audit:read",
    ("GET", "/v1/audit/export"): "audit:read",
    ("GET", "/v1/audit/verify"): "audit:read",
    ("POST", "/v1/api-keys"): "keys:write",
    ("GET", "/v1/api-keys"): "keys:read",
    ("GET", "/v1/api-keys/{id}"): "keys:read",
    ("DELETE", "/v1/api-keys/{id}"): "keys:write",
    ("POST", "/v1/members"): "members:write",
    ("GET", "/v1/members"): "members:read",
    ("GET", "/v1/members/{id}"): "members:read",
    ("PATCH", "/v1/members/{id}"): "members:write",
    ("DELETE", "/v1/members/{id}"): "members:write",
    ("GET", "/v1/organization"): "members:read",
    ("PATCH", "/v1/organization"): "admin",
    ("DELETE", "/v1/organization"): "admin",
    ("DELETE", "/v1/customers/{id}"): "admin",
    ("POST", "/v1/disputes/risk"): "refunds:write",
    ("GET", "/v1/disputes/assessments"): "refunds:read",
    ("GET", "/v1/disputes/assessments/{id}"): "refunds:read",
    ("PUT", "/v1/transactions/{id}"): "transactions:write",
    ("GET", "/v1/transactions/{id}"): "refunds:read",
    ("PUT", "/v1/processors/{name}"): "admin",
    ("GET", "/v1/processors/{name}"): "admin",
    ("DELETE", "/v1/processors/{name}"): "admin",
    ("PUT", "/v1/integrations/slack"): "admin",
    ("GET", "/v1/integrations/slack"): "admin",
    ("DELETE", "/v1/integrations/slack"): "admin",
    ("POST", "/integrations/slack/actions"): None,
    ("GET", "/v1/health"): None,
    ("GET", "/v1/openapi.json"): None,
    ("POST", "/v1/processors/{name}/webhook/{connectionId}"): None,
    ("GET", "/approvals/callback"): None,
    ("POST", "/approvals/callback"): None,
    ("GET", "/approvals/sign-in"): None,
    ("POST", "/approvals/sign-in"): None,
    ("POST", "/approvals/sign-out"): None,
    ("GET", "/approvals"): None,
    ("GET", "/approvals/{id}"): None,
    ("POST", "/approvals/{id}/decision"): None,
    ("POST", "/v1/webhook-endpoints"): "webhooks:write",
    ("GET", "/v1/webhook-endpoints"): "webhooks:read",
    ("GET", "/v1/webhook-endpoints/{id}"): "webhooks:read",
    ("PATCH", "/v1/webhook-endpoints/{id}"): "webhooks:write",
    ("DELETE", "/v1/webhook-endpoints/{id}"): "webhooks:write",
    ("POST", "/v1/webhook-endpoints/{id}/enable"): "webhooks:write",
    ("POST", "/v1/webhook-endpoints/{id}/disable"): "webhooks:write",
    ("POST", "/v1/webhook-endpoints/{id}/rotate-secret"): "webhooks:write",
    ("POST", "/v1/webhook-endpoints/{id}/test"): "webhooks:write",
    ("POST", "/v1/webhook-endpoints/{id}/recover"): "webhooks:write",
    ("POST", "/v1/webhook-endpoints/{id}/replay-missing"): "webhooks:write",
    ("GET", "/v1/webhook-endpoints/{id}/deliveries"): "webhooks:read",
    ("GET", "/v1/webhook-endpoints/{id}/deliveries/{deliveryId}"): "webhooks:read",
    ("POST", "/v1/webhook-endpoints/{id}/deliveries/{deliveryId}/retry"): "webhooks:write",
    ("GET", "/v1/events"): "webhooks:read",
    ("GET", "/v1/events/{id}"): "webhooks:read",
    ("GET", "/v1/event-types"): "webhooks:read",
}


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_holds_no_try_no_business_if_no_boto3_and_no_environment(name: str) -> None:
    source = (ROOT / "functions" / name / "app.py").read_text()
    kinds = {type(node) for node in ast.walk(ast.parse(source))}

    assert not kinds & {ast.Try, ast.If, ast.While, ast.For}
    assert not re.search(r"boto|os\.environ|adapters", source)
    assert len(source.splitlines()) <= 160


def test_only_the_container_sees_the_adapters() -> None:
    seen = {
        path.relative_to(CORE).as_posix()
        for path in python_files(CORE)
        if "adapters" not in path.parts and "refundkit_core.adapters" in path.read_text()
    }

    assert seen == {"entrypoints/container.py"}


def test_only_keys_spells_a_key() -> None:
    spelling = re.compile(r"""["'](ORG|KEY|CONNECTION)#""")
    spelled = {path.name for path in python_files(CORE) if spelling.search(path.read_text())}

    assert spelled <= {"keys.py"}


def test_http_statuses_live_in_one_place_and_cover_every_error() -> None:
    leaves: list[type[Any]] = [errors.RefundKitError, *_below(errors.RefundKitError)]

    assert all(any(branch in STATUS for branch in leaf.__mro__) for leaf in leaves[1:])


def _below(kind: type[Any]) -> list[type[Any]]:
    children: list[type[Any]] = kind.__subclasses__()
    return [each for child in children for each in (child, *_below(child))]


def declared_by(name: str) -> dict[tuple[str, str], Any]:
    """The routes of a function: of the API, or of pages."""
    module = function_module(name)
    routes: dict[tuple[str, str], Any] = (module.api if hasattr(module, "api") else module.pages).routes
    return routes


def test_the_gateways_routes_are_the_handlers_routes_each_with_its_scope() -> None:
    declared = {key: (name, route.scope) for name in API_FUNCTIONS for key, route in declared_by(name).items()}
    deployed = {key: name for key, name in routes().items() if "{proxy+}" not in key[1] and key[1] != "/"}

    assert {key: name for key, (name, _) in declared.items()} == deployed
    assert {key: scope for key, (_, scope) in declared.items()} == SCOPES


@cache
def loaded_by(name: str) -> frozenset[str]:
    """The modules that importing a function loads, in a process of its own."""
    program = (
        "import json, runpy, sys; sys.path[:0] = sys.argv[2:]; "
        "runpy.run_path(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"
    )
    paths = [str(ROOT / "layers" / layer) for layer in ("core", "sdk")]
    command = [sys.executable, "-c", program, str(ROOT / "functions" / name / "app.py"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return frozenset(json.loads(done.stdout))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_loads_what_it_does_not_need_at_start(name: str) -> None:
    loaded = {module.partition(".")[0] for module in loaded_by(name)}

    # Powertools' package names its Tracer class in any case; what a tracer costs is the X-Ray SDK under it.
    assert not loaded & {"boto3", "stripe", "mcp", "requests", "aws_xray_sdk", "moto", "jinja2", "slack_sdk"}
    assert "aws_lambda_powertools.event_handler" not in loaded_by(name)


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - VALIDATING))
def test_only_functions_that_validate_requests_load_pydantic(name: str) -> None:
    assert "pydantic" not in loaded_by(name)


def test_the_policy_that_judges_a_refund_is_read_without_pydantic() -> None:
    program = (
        "import sys; from refundkit_core.adapters.dynamodb.policies import DynamoPolicyStore; "
        "from refundkit_core.application.policy_choice import PolicyChoice; sys.exit('pydantic' in sys.modules)"
    )
    environ = {"PYTHONPATH": str(CORE.parent)}
    assert subprocess.run([sys.executable, "-c", program], env=environ, check=False, timeout=60).returncode == 0


OPTIONAL = {
    f"REFUNDKIT_{name}"
    for name in "STRIPE_API_BASE SLACK_API_BASE PUBLIC_API_BASE MAIL_FROM MAIL_CONFIGURATION_SET".split()
}


def test_a_missing_setting_stops_the_start_with_its_name() -> None:
    from refundkit_core.entrypoints.settings import MissingSetting, Settings

    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    given = {name: "x" for name in variables if name.startswith("REFUNDKIT_")}
    assert Settings.parse(given).table == "x"

    for name in sorted(given.keys() - OPTIONAL):
        with pytest.raises(MissingSetting, match=name):
            Settings.parse({key: value for key, value in given.items() if key != name})


def test_no_attribute_in_an_expression_is_a_reserved_word() -> None:
    import moto.dynamodb.parsing as parsing

    words = (Path(parsing.__file__).parent / "reserved_keywords.txt").read_text().lower().split()
    reserved = set(words) - {"set", "and", "or", "not", "remove", "add", "if", "exists"}
    expressions = [
        node.value
        for path in python_files(CORE / "adapters" / "dynamodb")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r":[a-z]+", node.value)
    ]
    names = {
        word.lower()
        for text in expressions
        if re.search(r"(=|<|>|attribute_)", text)
        for word in re.findall(r"(?<![:#.\w])[a-z_]+\d?(?![\w(])", text)
    }

    assert {"available", "version"} <= names
    assert not names & reserved


def test_no_file_outgrows_its_subject() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_files(CORE)}
    may_grow = {"ports.py", "container.py", "keys.py", "errors.py"}  # lists: needs, their wiring, every key and error

    assert {path.name: n for path, n in lengths.items() if n > 300 and path.name not in may_grow} == {}


def test_every_bundled_function_is_named_in_the_template_once() -> None:
    assert len(resources("AWS::Serverless::Function")) == len(FUNCTIONS)


def test_the_public_codes_are_those_of_the_error_tree() -> None:
    tree: list[type[Any]] = [errors.RefundKitError, *_below(errors.RefundKitError)]

    assert {leaf.code for leaf in tree} == set(get_args(ErrorCode))


def test_the_scopes_on_the_wire_are_all_rights_and_every_route_asks_for_one_of_them() -> None:
    assert set(get_args(Scope)) == rights.SCOPES
    assert {scope for scope in SCOPES.values() if scope is not None} <= rights.SCOPES
