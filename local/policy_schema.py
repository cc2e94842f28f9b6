"""The JSON Schema of policies (draft 2020-12), for editors: `functions/policies/policy.schema.json`."""

from __future__ import annotations

import json
from typing import Any

from refundkit.contracts.policy_documents import PolicyDocument

from local.openapi_schemas import Described

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> dict[str, Any]:
    """What a policy's document must look like, with what each field is for."""
    described = PolicyDocument.model_json_schema(schema_generator=Described)
    return {"$schema": DIALECT, "title": "RefundKit policy", **described}


def written_schema() -> str:
    """The schema as it is committed."""
    return json.dumps(policy_schema(), indent=1, ensure_ascii=False) + "\n"
