"""The house rules of the template: what every function, queue, rule, log and permission must look like."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.requests import routes
from tests.support.template import ROOT, resolved, resources, template

FUNCTIONS = resources("AWS::Serverless::Function")
QUEUES = resources("AWS::SQS::Queue")
ENVELOPE_CODES: dict[str, set[int | None]] = {
    "validation_error": {400, 413, None},
    "unauthorized": {403},
    "not_found": {404},
    "rate_limited": {429},
    "internal_error": {500, None},
}


def statements(function: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in function["Properties"].get("Policies", ()):
        assert isinstance(policy, dict), "managed policies are wider than any function needs"
        yield from policy["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_has_wildcards_in_actions_or_resources(name: str) -> None:
    for statement in statements(FUNCTIONS[name]):
        for action in listed(statement["Action"]):
            assert "*" not in action
        for resource in listed(statement["Resource"]):
            assert resource != "*"
            match resource:
                case {"Fn::Sub": _} | {"Fn::If": _} if statement["Action"] == "ses:SendEmail":
                    assert statement["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "MailFrom"}}}
                case {"Fn::Sub": str() as path}:
                    assert path in (
                        "${FailedRecords.Arn}/*",
                        "${Reports.Arn}/*",
                        "${Reports.Arn}/simulations/*",
                        "${Reports.Arn}/audit/*",
                        "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${DeliverySchedules}/*",
                        "${Table.Arn}/index/gsi1",
                        "${Table.Arn}/index/gsi2",
                    )
                case {"Fn::GetAtt": [_, "Arn" | "StreamArn"]} | {"Ref": "RefundApproval"}:
                    pass
                case _:
                    pytest.fail(f"{name} names a resource that is not of this stack: {resource}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_secrets_open_only_in_the_context_that_sealed_them_or_for_the_table(name: str) -> None:
    for statement in statements(FUNCTIONS[name]):
        if any(action.startswith("kms:") for action in listed(statement["Action"])):
            seals = name in {
                "ProcessorsFunction",
                "IntegrationsFunction",
                "WebhookEndpointsFunction",
            }  # those that store credentials
            assert statement["Action"] == (["kms:Encrypt", "kms:Decrypt"] if seals else "kms:Decrypt")
            assert statement["Condition"] in (
                {"Null": {"kms:EncryptionContext:organization": "false"}},
                {"StringEquals": {"kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.amazonaws.com"}}},
            )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_may_scan_or_delete(name: str) -> None:
    actions = [action for statement in statements(FUNCTIONS[name]) for action in listed(statement["Action"])]

    assert not {"dynamodb:Scan", "dynamodb:DeleteItem", "dynamodb:DeleteTable"} & set(actions)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_log_group_of_its_own_that_forgets(name: str) -> None:
    properties = FUNCTIONS[name]["Properties"]
    group = properties["LoggingConfig"]["LogGroup"]["Ref"]

    assert group == name.removesuffix("Function") + "Log"
    assert resources("AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}
    assert properties["LoggingConfig"]["SystemLogLevel"] == "WARN"
    assert template()["Parameters"]["LogRetentionDays"]["Default"] <= 90


@pytest.mark.parametrize("name", FUNCTIONS)
def test_stripes_library_is_there_only_for_functions_that_call_stripe(name: str) -> None:
    has_layer = {"Ref": "StripeLayer"} in FUNCTIONS[name]["Properties"].get("Layers", [])

    callers = {"RefundsFunction", "ExecuteRefundFunction", "ProcessorEventsFunction", "ProcessorsFunction"}
    judges = {"DailyReportFunction", "PoliciesFunction", "TransactionsFunction"}
    judges |= {"DisputesFunction", "DecisionsFunction"}
    assert has_layer == (name in callers | judges | {"NotifyFunction"})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_templates_are_there_only_for_functions_that_write_to_people(name: str) -> None:
    has_layer = {"Ref": "PeopleLayer"} in FUNCTIONS[name]["Properties"].get("Layers", [])

    assert has_layer == (
        name in {"NotifyFunction", "ApprovalPagesFunction", "IntegrationsFunction", "SlackActionsFunction"}
    )


STORE_CREDENTIALS = {"ProcessorsFunction", "IntegrationsFunction", "WebhookEndpointsFunction"}
DELIVERIES = {"PromptDeliveriesQueue", "PatientDeliveriesQueue"}
"""A letter that comes again early sends at most what may come twice; one that comes late makes a delivery late."""
BATCHED = {"AuditQueue", "WebhooksQueue", *DELIVERIES}


def alarmed_queues() -> set[str]:
    alarms = resources("AWS::CloudWatch::Alarm").values()
    dimensions = [dimension for alarm in alarms for dimension in alarm["Properties"].get("Dimensions", ())]
    return {each["Value"]["Fn::GetAtt"][0] for each in dimensions if each["Name"] == "QueueName"}


def mappings() -> dict[str, dict[str, Any]]:
    return {name: made["Properties"] for name, made in resources("AWS::Lambda::EventSourceMapping").items()}


def queue_mappings() -> dict[str, tuple[str, dict[str, Any]]]:
    """By mapping: the queue that it reads and its properties."""
    sources = {name: (mapping["EventSourceArn"]["Fn::GetAtt"][0], mapping) for name, mapping in mappings().items()}
    return {name: source for name, source in sources.items() if source[0] in QUEUES}


def test_workers_are_fed_by_mappings_of_ours_because_sams_own_events_bring_permissions_on_everything() -> None:
    kinds = {
        event["Type"] for function in FUNCTIONS.values() for event in function["Properties"].get("Events", {}).values()
    }

    assert kinds == {"Api"}
    assert len(mappings()) == 10


def test_every_queue_that_feeds_a_function_has_a_dead_letter_queue_with_an_alarm_and_time_enough() -> None:
    assert len(queue_mappings()) == 9
    for name, (queue_name, mapping) in queue_mappings().items():
        queue = QUEUES[queue_name]["Properties"]
        function = FUNCTIONS[mapping["FunctionName"]["Ref"]]
        assert queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in alarmed_queues(), name
        assert queue["VisibilityTimeout"] >= (2 if queue_name in DELIVERIES else 6) * function["Properties"]["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["BatchSize"] == (10 if queue_name in BATCHED else 1)
        concurrency = mapping["ScalingConfig"]["MaximumConcurrency"]
        assert all(resolved(concurrency, true=frozenset(stage)) >= 2 for stage in ((), ("IsLocal",)))
        may_read = [each for each in statements(function) if "sqs:ReceiveMessage" in listed(each["Action"])]
        assert {"Fn::GetAtt": [queue_name, "Arn"]} in listed(may_read[0]["Resource"])
        assert len(may_read) == 1


def test_queues_that_nothing_reads_are_watched_and_keep_for_two_weeks() -> None:
    unread = set(QUEUES) - {queue for queue, _ in queue_mappings().values()}

    assert unread == alarmed_queues()
    assert all(QUEUES[name]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400 for name in QUEUES)
    assert all(QUEUES[name]["Properties"]["SqsManagedSseEnabled"] is True for name in QUEUES)


def test_every_rule_feeds_a_queue_retries_and_has_a_watched_dead_letter_queue() -> None:
    rules = resources("AWS::Events::Rule")

    assert rules
    for rule in rules.values():
        assert rule["Properties"]["EventBusName"] == {"Ref": "EventBus"}
        for target in rule["Properties"]["Targets"]:
            assert target["Arn"]["Fn::GetAtt"][0] in QUEUES, "a rule that calls a function at once makes a storm"
            assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
            assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in alarmed_queues()


def test_every_schedule_retries_has_a_watched_dead_letter_queue_and_its_functions_errors_alarm() -> None:
    schedules = resources("AWS::Scheduler::Schedule")
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm").values()]
    watched = [str(value) for alarm in alarms if alarm["MetricName"] == "Errors" for value in _values(alarm)]

    assert schedules
    for schedule in schedules.values():
        target = schedule["Properties"]["Target"]
        assert target["RetryPolicy"]["MaximumRetryAttempts"] > 0
        assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in alarmed_queues()
        assert str({"Ref": target["Arn"]["Fn::GetAtt"][0]}) in watched


def test_the_stream_retries_bisects_and_keeps_what_fails() -> None:
    stream = mappings()["PublishEventsFromStream"]
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm").values()]
    watched = {alarm["MetricName"] for alarm in alarms if {"Ref": "PublishEventsFunction"} in _values(alarm)}

    assert (stream["MaximumRetryAttempts"], stream["BisectBatchOnFunctionError"]) == (10, True)
    assert stream["DestinationConfig"]["OnFailure"] == {"Destination": {"Fn::GetAtt": ["FailedRecords", "Arn"]}}
    assert json.loads(stream["FilterCriteria"]["Filters"][0]["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "EVENT#"}]}}},
    }
    assert json.loads(stream["FilterCriteria"]["Filters"][1]["Pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"Keys": {"sk": {"S": ["REFUSAL", {"prefix": "2"}]}}},
    }
    assert watched == {"IteratorAge", "Errors"}


def _values(alarm: dict[str, Any]) -> list[Any]:
    return [dimension["Value"] for dimension in alarm.get("Dimensions", ())]


def test_alarms_go_to_a_topic_that_cloudwatch_may_use() -> None:
    assert "KmsMasterKeyId" not in resources("AWS::SNS::Topic")["Alarms"].get("Properties", {})


def test_every_alarm_tells_somebody() -> None:
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "Alarms"}]
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching"


def test_the_runbook_tells_what_every_alarm_means() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    told = {word for line in runbook.splitlines() if line.startswith("| `") for word in line.split("|")[1].split("`")}

    assert {name.removesuffix("Alarm") for name in resources("AWS::CloudWatch::Alarm")} <= told


def test_the_table_is_encrypted_recoverable_and_in_production_protected() -> None:
    table = resources("AWS::DynamoDB::Table")["Table"]
    properties = table["Properties"]

    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert properties["SSESpecification"]["SSEType"] == "KMS"
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    protected = properties["DeletionProtectionEnabled"]
    assert resolved(protected, true=frozenset({"IsProduction"})) is True
    assert resolved(protected) is False


def test_every_bucket_is_encrypted_private_open_to_tls_only_forgets_and_outlives_the_stack() -> None:
    kept_days = {"FailedRecords": 90, "Reports": 400}
    buckets = resources("AWS::S3::Bucket")
    policies = {made["Properties"]["Bucket"]["Ref"]: made for made in resources("AWS::S3::BucketPolicy").values()}

    assert buckets.keys() == kept_days.keys() == policies.keys()
    for name, bucket in buckets.items():
        properties = bucket["Properties"]
        (encrypted,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert encrypted["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert all(properties["PublicAccessBlockConfiguration"].values())
        assert [rule["ExpirationInDays"] for rule in properties["LifecycleConfiguration"]["Rules"]] == [kept_days[name]]
        assert bucket["DeletionPolicy"] == "Retain"
        (only_tls,) = policies[name]["Properties"]["PolicyDocument"]["Statement"]
        assert (only_tls["Effect"], only_tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_audit_chains_queue_and_its_dead_letters_are_first_in_first_out() -> None:
    assert {name for name, queue in QUEUES.items() if queue["Properties"].get("FifoQueue")} == {
        "AuditQueue",
        "AuditDeadLetterQueue",
    }


def test_the_daily_report_reads_the_table_and_writes_reports_and_messages_only() -> None:
    actions = {action for each in statements(FUNCTIONS["DailyReportFunction"]) for action in listed(each["Action"])}

    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
    assert actions == {*reads, "s3:PutObject", "sqs:SendMessage", "kms:Decrypt"}


def test_findings_of_the_daily_report_raise_an_alarm() -> None:
    metric = resources("AWS::Logs::MetricFilter")["ReportFindings"]["Properties"]
    alarm = resources("AWS::CloudWatch::Alarm")["ReportFindingsAlarm"]["Properties"]

    assert metric["LogGroupName"] == {"Ref": "DailyReportLog"}
    assert metric["FilterPattern"] == '{ $.message = "daily report" && $.findings > 0 }'
    assert metric["MetricTransformations"][0]["MetricName"] == alarm["MetricName"]
    assert alarm["Threshold"] == 1


def test_the_scheduler_may_call_exactly_the_functions_of_its_schedules() -> None:
    called = [made["Properties"]["Target"]["Arn"] for made in resources("AWS::Scheduler::Schedule").values()]
    (policy,) = resources("AWS::IAM::Role")["SchedulerRole"]["Properties"]["Policies"]
    allowed = [
        each["Resource"] for each in policy["PolicyDocument"]["Statement"] if each["Action"] == "lambda:InvokeFunction"
    ]

    assert allowed == [called]


def test_the_key_rotates_and_outlives_the_stack() -> None:
    key = resources("AWS::KMS::Key")["DataKey"]

    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "Retain"
    for statement in key["Properties"]["KeyPolicy"]["Statement"]:
        if statement["Principal"] == {"AWS": "*"}:
            assert set(statement["Condition"]["StringEquals"]) == {"kms:CallerAccount", "kms:ViaService"}


def test_gateway_responses_speak_our_envelope() -> None:
    responses = resources("AWS::Serverless::Api")["Api"]["Properties"]["GatewayResponses"]

    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE"} <= set(
        responses
    )
    for name, response in responses.items():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert set(body) == {"data", "error"}, name
        assert body["data"] is None
        assert set(body["error"]) == {"message", "code", "requestId"}
        status = int(response["StatusCode"]) if "StatusCode" in response else None
        assert status in ENVELOPE_CODES[body["error"]["code"]], name


@pytest.mark.parametrize("whose", ["Stripe", "Slack"])
def test_a_sandbox_address_counts_for_the_local_stage_only(whose: str) -> None:
    base = template()["Globals"]["Function"]["Environment"]["Variables"][f"REFUNDKIT_{whose.upper()}_API_BASE"]

    assert resolved(base, parameters={f"{whose}ApiBase": "http://127.0.0.1:1"}) == ""
    assert resolved(base, true=frozenset({"IsLocal"}), parameters={f"{whose}ApiBase": "x"}) == "x"


def test_the_defaults_are_what_is_deployed_to_aws() -> None:
    parameters = template()["Parameters"]

    assert parameters["PythonRuntime"]["Default"] == "python3.13"
    assert parameters["Architecture"]["Default"] == "arm64"
    assert parameters["Stage"]["AllowedValues"] == ["local", "staging", "production"]


def test_each_function_is_one_folder_with_one_file_of_its_own() -> None:
    folders = {function["Properties"]["CodeUri"] for function in FUNCTIONS.values()}

    assert folders == {f"functions/{folder.name}" for folder in (ROOT / "functions").iterdir() if folder.is_dir()}
    assert len(folders) == len(FUNCTIONS)
    assert "Handler" not in {key for function in FUNCTIONS.values() for key in function["Properties"]}


IDS = {"v1/policies": "{id}", "approvals": "{id}"}
"""Where a parameter stands beside fixed parts: an id (``pol_…``), which is never spelled like one of them."""


def test_no_path_has_a_fixed_part_where_another_has_a_parameter_that_could_be_spelled_so() -> None:
    """API Gateway goes down the fixed part and does not come back: `/a/fixed/x` would hide `/a/{any}` for `fixed`."""
    hides_nothing = {"v1/refunds/preview"}  # no refund is called so
    below: dict[str, set[str]] = {}
    for _, path in routes():
        parts = path.strip("/").split("/")
        for depth, part in enumerate(parts):
            if part and "+" not in part and "/".join(parts[: depth + 1]) not in hides_nothing:
                below.setdefault("/".join(parts[:depth]), set()).add(part)

    for parent, children in below.items():
        parameters = {child for child in children if child.startswith("{")}
        is_id = parameters == {IDS.get(parent)} and not any(child.startswith(("pol_", "apr_")) for child in children)
        assert not parameters or children == parameters or is_id, f"{parent}: {sorted(children)}"
        assert len(parameters) <= 1


@pytest.mark.parametrize(
    ("name", "queues"),
    [
        ("DispatchWebhooksFunction", {"WebhooksQueue", *DELIVERIES}),
        ("DeliverWebhookFunction", DELIVERIES),
        ("WebhookEndpointsFunction", {"PatientDeliveriesQueue"}),
        ("WebhookDeliveriesFunction", {"PatientDeliveriesQueue", "WebhooksQueue"}),
        ("SweepFunction", {"ExecutionQueue", "ApprovalQueue", "PatientDeliveriesQueue"}),
    ],
)
def test_who_puts_deliveries_may_put_them_where_they_do_and_nowhere_else(name: str, queues: set[str]) -> None:
    sending = [each for each in statements(FUNCTIONS[name]) if "sqs:SendMessage" in listed(each["Action"])]

    assert {resource["Fn::GetAtt"][0] for each in sending for resource in listed(each["Resource"])} == queues
