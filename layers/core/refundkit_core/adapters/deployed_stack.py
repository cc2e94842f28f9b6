"""A deployed stack, as its operator's shell sees it: who asks, and the settings that its functions run with."""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import ClientError

from refundkit_core.domain.errors import NotFound

_FUNCTION: Final = "SweepFunction"
"""Any function would do: the template gives all of them the same settings."""


def settings_of(cloudformation: Any, functions: Any, stack: str) -> dict[str, str]:
    """The settings of a stack's functions, and ``REFUNDKIT_API_URL``. Raises NotFound where it is none of ours."""
    try:
        resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=_FUNCTION)
        described = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as exc:
        if exc.response.get("Error", {}).get("Code") != "ValidationError":
            raise
        raise NotFound(f"No stack of RefundKit's is called {stack} in this account and region") from exc
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    variables = functions.get_function_configuration(FunctionName=name).get("Environment", {}).get("Variables", {})
    outputs = {each["OutputKey"]: each["OutputValue"] for each in described.get("Outputs", ())}
    return {**variables, "REFUNDKIT_API_URL": outputs.get("ApiUrl", "")}


def caller_arn(sts: Any) -> str:
    """The ARN of whose credentials these are."""
    return str(sts.get_caller_identity()["Arn"])
