"""The operator's commands on moto and the sandbox: what each changes, what it prints, and its audit entry."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, fields
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from refundkit_core.application.audit import Whose
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.entrypoints import admin, admin_commands
from refundkit_core.entrypoints import container as containers

from tests.integration.conftest import World

ARN = "arn:aws:sts::123456789012:user/moto"


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        return json.loads(self.out)


class Shell:
    """A person's shell on the world's stack."""

    def __init__(self, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        self.world = world
        self._capsys = capsys

    def __call__(self, *arguments: str, json_out: bool = True, yes: bool = True) -> Said:
        self._capsys.readouterr()
        self.world.clock.advance(seconds=1)  # people are slow: lists are by time
        flags = [*(["--json"] if json_out else []), *(["--yes"] if yes else [])]
        code = admin.main([*flags, *arguments], lambda _: self.world.container)
        printed = self._capsys.readouterr()
        return Said(code, printed.out, printed.err)

    def tenant(self, *arguments: str, **options: Any) -> Said:
        """A command of the world's organization in its test environment."""
        whose = ("--organization", self.world.tenant.org_id, "--environment", "test")
        return self(*arguments, *whose, **options)

    def audited(self, whose: Whose) -> list[tuple[str, str]]:
        """Commands of people and their targets."""
        trail = self.world.container.trail.of(whose)
        return [(entry.command, entry.target) for entry in trail if entry.actor != "program"]


@pytest.fixture
def shell(world: World, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(world, capsys)


def queue(world: World, name: str) -> str:
    url: str = getattr(world.container.settings, f"{name}_queue_url")
    return url


def bodies(url: str) -> list[str]:
    messages = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in messages.get("Messages", ())]


def flagged(world: World) -> tuple[str, str]:
    """A refund that needs a person, and its charge: Stripe lost the request and a day has passed."""
    charge = world.charge()["id"]
    opened = world.refund(charge)["id"]
    head = world.container.refunds.head(world.tenant, opened)
    assert head is not None
    world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": "status_500", "times": 1})
    world.execute(opened)
    world.clock.advance(hours=24)
    world.stripe("POST", "/_sandbox/clock", {"now": int(world.clock.now().timestamp())})
    world.execute(opened)
    assert world.shown(opened)["statusDetail"] == "needs_review"
    return opened, charge


# ---------------------------------------------------------------- organizations and keys


def test_an_organization_is_created_listed_and_audited_and_its_keys_work_once_shown(shell: Shell) -> None:
    person = ("--owner-name", "Bob", "--owner-email", "bob@example.com")
    made = shell("organizations", "create", "--name", "other", *person, "--because", "ticket 7").facts

    listed = shell("organizations", "list")
    assert [row["name"] for row in listed.facts] == ["acme", "other"]
    assert made["organization"] == listed.facts[1]["organization"]
    (entry,) = shell.world.container.trail.of(made["organization"])
    assert (entry.actor, entry.command, entry.because) == (ARN, "organizations create", "ticket 7")
    assert len(shell.audited(Tenant(made["organization"], "live"))) == 1
    assert shell.world.call("GET", "/v1/refunds", key=made["testKey"])[0] == 200
    keys = shell("keys", "list", "--organization", made["organization"], "--environment", "test")
    for secret in (made["testKey"], made["liveKey"]):
        assert secret not in listed.out + keys.out
    assert "bob@example.com" not in listed.out + keys.out


def test_a_key_is_created_with_its_rights_expiry_and_limit_listed_without_its_secret_and_revoked(
    shell: Shell,
) -> None:
    wanted = ("--name", "agent", "--owner", "agent-7", "--scopes", "refunds:read", "--expires-days", "2")
    made = shell.tenant("keys", "create", *wanted, "--limit", "1").facts

    assert (made["owner"], made["scopes"], made["perMinute"]) == ("agent-7", ["refunds:read"], 1)
    assert shell.world.call("GET", "/v1/refunds", key=made["secret"])[0] == 200
    assert shell.world.call("GET", "/v1/refunds", key=made["secret"])[0] == 429
    listed = shell.tenant("keys", "list")
    assert made["secret"] not in listed.out
    assert made["key"] in [row["key"] for row in listed.facts]

    assert shell.tenant("keys", "revoke", made["key"]).code == 0
    assert shell.world.call("GET", "/v1/refunds", key=made["secret"])[0] == 401
    rows = {row["key"]: row["revoked"] for row in shell.tenant("keys", "list").facts}
    assert [key for key, revoked in rows.items() if revoked] == [made["key"]]
    assert shell.tenant("keys", "revoke", made["key"]).code == 4
    assert shell.tenant("keys", "revoke", "key_x").code == 3
    assert shell.audited(shell.world.tenant) == [("keys create", made["key"]), ("keys revoke", made["key"])]


def test_members_are_added_listed_changed_deactivated_and_brought_back_and_all_of_it_is_audited(shell: Shell) -> None:
    org = shell.world.tenant.org_id
    whose, described = ("--organization", org), ("--name", "Anna", "--email", "anna@example.com")
    anna = shell("members", "add", *whose, *described, "--role", "approver", "--limit", "100000:usd").facts
    assert (anna["role"], anna["limit"], anna["slackUser"], anna["active"]) == ("approver", "1000.00 USD", None, True)

    changed = shell("members", "change", anna["member"], *whose, "--role", "admin", "--slack-user", "U0ANNA01").facts
    assert changed == {**anna, "role": "admin", "slackUser": "U0ANNA01"}
    bare = shell("members", "change", anna["member"], *whose, "--limit", "none", "--slack-user", "none").facts
    assert bare == {**anna, "role": "admin", "limit": None}
    assert shell("members", "deactivate", anna["member"], *whose).facts["active"] is False
    assert shell("members", "reactivate", anna["member"], *whose).facts == bare

    assert [row["member"] for row in shell("members", "list", *whose).facts] == [
        shell.world.organization.owner_id,
        anna["member"],
    ]
    commands = ["add", "change", "change", "deactivate", "reactivate"]
    assert shell.audited(org) == [(f"members {command}", anna["member"]) for command in commands]
    assert "anna@" not in str(shell.world.container.trail.of(org))


def test_a_lost_owner_is_replaced_and_the_last_one_stays(shell: Shell) -> None:
    whose, lost = ("--organization", shell.world.tenant.org_id), shell.world.organization.owner_id
    refused = shell("members", "deactivate", lost, *whose)
    assert (refused.code, "last active owner" in refused.err) == (4, True)
    assert shell("members", "deactivate", "mem_00000000000000000000000000", *whose).code == 3

    assert shell("members", "add", *whose, "--name", "Bo", "--email", "bo@example.com", "--role", "owner").code == 0
    assert shell("members", "deactivate", lost, *whose).code == 0
    assert shell.world.call("GET", "/v1/refunds")[0] == 401


def test_a_key_expires(shell: Shell) -> None:
    made = shell.tenant("keys", "create", "--name", "short", "--expires-days", "1").facts

    shell.world.clock.advance(days=1)

    assert made["owner"] == shell.world.organization.owner_id
    assert shell.world.call("GET", "/v1/refunds", key=made["secret"])[0] == 401


@pytest.mark.parametrize("wrong", [("--scopes", "refunds:everything"), ("--scopes", ""), ("--limit", "0")])
def test_a_key_with_rights_or_a_limit_that_do_not_exist_is_not_made(shell: Shell, wrong: tuple[str, str]) -> None:
    before = shell.tenant("keys", "list").facts

    assert shell.tenant("keys", "create", "--name", "x", *wrong).code == 2
    assert shell.tenant("keys", "list").facts == before
    assert shell.audited(shell.world.tenant) == []


def test_an_unknown_organization_is_3_and_says_what_to_do_next(shell: Shell) -> None:
    said = shell("keys", "list", "--organization", "org_x", "--environment", "test", json_out=False)

    assert said.code == 3
    assert "next: see what there is: organizations list" in said.err


# ---------------------------------------------------------------- connections


def test_connecting_takes_the_key_from_the_environment_and_never_shows_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = shell.world.sandbox.test_key
    monkeypatch.setenv(admin_commands.STRIPE_SECRET_KEY, secret)

    made = shell.tenant("connections", "connect", "--api-url", "http://127.0.0.1:9/api")

    listed = shell.tenant("connections", "list")
    (row,) = listed.facts
    assert (row["connection"], row["status"]) == (made.facts["connection"], "active")
    assert secret not in made.out + made.err + listed.out
    assert "whsec" not in made.out + listed.out
    assert [command for command, _ in shell.audited(shell.world.tenant)] == ["connections connect"]
    trail = str(shell.world.container.trail.of(shell.world.tenant))
    assert secret not in trail


def test_a_disconnected_account_pays_nothing_more(shell: Shell) -> None:
    charge = shell.world.charge()["id"]

    assert shell.tenant("connections", "disconnect").facts == {"processor": "stripe", "status": "inactive"}

    body = {"transactionId": charge, "amount": 1, "reason": "other"}
    assert shell.world.call("POST", "/v1/refunds", body)[1]["error"]["code"] == "processor_not_connected"
    assert shell.tenant("connections", "list").facts[0]["status"] == "inactive"
    assert shell.tenant("connections", "disconnect").code in (3, 4)
    assert [command for command, _ in shell.audited(shell.world.tenant)] == ["connections disconnect"]


@pytest.mark.parametrize("given", ["sk_test_abcdefgh", "--because=sk_live_abcdefgh", "rk_live_abcdefgh"])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(shell: Shell, given: str) -> None:
    said = shell.tenant("connections", "connect", given)

    assert said.code == 2
    assert "abcdefgh" not in said.out + said.err


def test_without_a_key_in_the_environment_and_without_a_terminal_connecting_says_where_to_put_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(admin_commands.STRIPE_SECRET_KEY, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    said = shell.tenant("connections", "connect", "--api-url", "http://127.0.0.1:9/api")

    assert said.code == 2
    assert admin_commands.STRIPE_SECRET_KEY in said.err


# ---------------------------------------------------------------- pausing


def test_a_pause_stops_refunds_until_they_are_resumed(shell: Shell) -> None:
    world = shell.world
    opened = world.refund(world.charge()["id"])["id"]

    assert shell.tenant("pause", "--because", "odd amounts").facts == {"stopped": ["all"]}
    world.execute(opened)
    assert world.shown(opened)["status"] == "pending"
    assert shell("show", opened).facts["paused"] is True

    assert shell.tenant("resume").facts == {"stopped": []}
    world.execute(opened)
    assert world.shown(opened)["status"] == "completed"
    assert shell.audited(world.tenant) == [("pause", "all refunds"), ("resume", "all refunds")]


def test_one_key_is_paused_alone(shell: Shell) -> None:
    made = shell.tenant("keys", "create", "--name", "agent").facts
    charge = shell.world.charge()["id"]

    assert shell.tenant("pause", "--key", made["key"]).facts == {"stopped": [made["key"]]}

    body = {"transactionId": charge, "amount": 1, "reason": "other"}
    assert shell.world.call("POST", "/v1/refunds", body, key=made["secret"])[0] == 503
    assert shell.world.call("POST", "/v1/refunds", body)[0] == 201
    assert shell.tenant("pause", "--key", "key_x").code == 3


def test_what_cannot_be_taken_back_asks_first(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Person(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert shell.tenant("pause", yes=False).code == 7
    monkeypatch.setattr("sys.stdin", Person("no\n"))
    assert shell.tenant("pause", yes=False).code == 7
    assert shell.world.container.switches.stopped(shell.world.tenant) == frozenset()
    assert shell.audited(shell.world.tenant) == []

    monkeypatch.setattr("sys.stdin", Person("yes\n"))
    assert shell.tenant("pause", yes=False).code == 0
    assert shell.world.container.switches.stopped(shell.world.tenant) == {"all"}


# ---------------------------------------------------------------- one refund


def test_a_refund_is_shown_with_its_ledger_its_timeline_and_what_stripe_shows(shell: Shell) -> None:
    world = shell.world
    opened = world.refund(world.charge()["id"], metadata={"customer": "ada@example.com"})["id"]
    world.execute(opened)

    said = shell("show", opened)

    facts = said.facts
    assert (facts["status"], facts["money"], facts["environment"]) == ("completed", "20.00 USD", "test")
    assert facts["ledger"]["refunded"] == 2000
    assert [row["event"] for row in facts["timeline"]][-1] == "refund.completed"
    assert [(row["ours"], row["amount"]) for row in facts["processorShows"]] == [(opened, 2000)]
    assert "ada@example.com" not in said.out
    table = shell("show", opened, json_out=False).out
    assert "completed" in table
    assert "timeline" in table
    assert shell("show", "ref_00000000000000000000000009").code == 3
    assert shell("show", "nonsense").code == 3


def test_a_refund_that_was_not_paid_is_resolved_with_its_reason_in_the_same_transaction(shell: Shell) -> None:
    opened, _ = flagged(shell.world)

    assert shell("resolve", opened, "--not-paid").code == 2
    said = shell("resolve", opened, "--not-paid", "--because", "Stripe's dashboard shows none")

    assert (said.facts["status"], said.facts["statusDetail"]) == ("failed", "resolved_as_not_paid")
    (entry,) = [each for each in shell.world.container.trail.of(shell.world.tenant) if each.actor == ARN]
    assert (entry.command, entry.target) == ("resolve not_paid", opened)
    assert entry.because == "Stripe's dashboard shows none"
    assert shell("resolve", opened, "--not-paid", "--because", "again").code == 4
    assert len(shell.audited(shell.world.tenant)) == 1


def test_a_refund_that_was_paid_is_resolved_only_with_a_refund_that_stripe_knows(shell: Shell) -> None:
    opened, charge = flagged(shell.world)
    assert shell("resolve", opened, "--paid", "re_unknown", "--because", "seen").code == 3
    assert shell.audited(shell.world.tenant) == []
    metadata = {"refundkit_refund_id": opened}
    paid = shell.world.container.processors.connect(_connection(shell.world))._api.refunds.create(  # type: ignore[attr-defined]
        {"charge": charge, "amount": 2000, "metadata": metadata}
    )

    said = shell("resolve", opened, "--paid", paid.id, "--because", "seen in the dashboard")

    assert (said.facts["status"], said.facts["atProcessor"]) == ("completed", paid.id)
    assert shell.audited(shell.world.tenant) == [("resolve paid", opened)]


def _connection(world: World) -> Any:
    connection = world.container.connections.of(world.tenant, "stripe")
    assert connection is not None
    return connection


@pytest.mark.parametrize("because", ["ask ada@example.com", "with sk_test_1", " ", "x" * 501])
def test_a_reason_that_shows_an_address_or_a_key_changes_nothing(shell: Shell, because: str) -> None:
    assert shell.tenant("pause", "--because", because).code == 2
    assert shell.world.container.switches.stopped(shell.world.tenant) == frozenset()
    assert shell.audited(shell.world.tenant) == []


def test_a_named_actor_stands_in_the_trail(shell: Shell) -> None:
    shell.tenant("pause", "--actor", "on-call")

    (entry,) = shell.tenant("audit").facts[-1:]
    assert (entry["actor"], entry["command"]) == ("on-call", "pause")


def test_audit_entries_are_never_written_over(shell: Shell) -> None:
    shell("sweep")
    (entry,) = shell.world.container.trail.of(None)

    with pytest.raises(Exception, match="not as expected"):
        shell.world.container.trail.put(entry)


# ---------------------------------------------------------------- what was given up


@pytest.mark.parametrize(
    ("which", "source", "target"),
    [
        ("execution", "execution_dead_letter", "execution"),
        ("processor-events", "processor_events_dead_letter", "processor_events"),
        ("simulation", "simulation_dead_letter", "simulation"),
        ("approvals", "approval_dead_letter", "approval"),
        ("notifications", "notify_dead_letter", "notify"),
        ("webhooks", "webhooks_dead_letter", "webhooks"),
        ("deliveries", "deliveries_dead_letter", "patient_deliveries"),
    ],
)
def test_dead_letters_go_back_to_their_queue_bounded(shell: Shell, which: str, source: str, target: str) -> None:
    sqs = boto3.client("sqs")
    sent = [json.dumps({"number": number}) for number in range(23)]
    for body in sent:
        sqs.send_message(QueueUrl=queue(shell.world, source), MessageBody=body, MessageGroupId="g")

    first = shell("redrive", which, "--limit", "10")
    rest = shell("redrive", which)

    assert first.facts == {"moved": 10, "left": 0, "dropped": 0, "bounded": True}
    assert rest.facts == {"moved": 13, "left": 0, "dropped": 0, "bounded": False}
    assert "10 seen" in first.err
    arrived = [letter.body for letter in _all(shell.world, target)]
    assert sorted(arrived) == sorted(sent)
    assert bodies(queue(shell.world, source)) == []
    assert shell.audited(None) == [(f"redrive {which}", which)] * 2


def _all(world: World, name: str) -> list[Any]:
    from refundkit_core.adapters.mailbox import SqsMailbox

    mailbox = SqsMailbox(boto3.client("sqs"), queue(world, name))
    found: list[Any] = []
    while letters := mailbox.receive():
        found.extend(letters)
    return found


def test_undelivered_events_of_refunds_are_executed_a_schedules_call_is_dropped_the_rest_stays(shell: Shell) -> None:
    world, sqs = shell.world, boto3.client("sqs")
    opened = world.refund(world.charge()["id"])["id"]
    detail = {"organizationId": world.tenant.org_id, "environment": "test", "data": {"refundId": opened}}
    event = json.dumps({"source": "refundkit", "detail-type": "refund.initiated", "detail": detail})
    for body in (event, "{}", "no json", json.dumps({"detail": {}})):
        sqs.send_message(QueueUrl=queue(world, "undelivered_events"), MessageBody=body)

    said = shell("redrive", "undelivered")

    assert said.facts == {"moved": 1, "left": 2, "dropped": 1, "bounded": False}
    world.sweep_and_work(minutes=0)
    assert world.shown(opened)["status"] == "completed"


def test_an_undelivered_public_event_goes_to_webhooks_whatever_else_it_goes_to(shell: Shell) -> None:
    world, sqs = shell.world, boto3.client("sqs")
    whose = {"organizationId": world.tenant.org_id, "environment": "test", "public": True}
    refunds = {**whose, "id": "evt_1", "data": {"refundId": "ref_1"}}
    policys = {**whose, "id": "evt_2", "data": {"policyId": "pol_1"}}
    private = {**whose, "id": "evt_3", "public": False, "data": {"refundId": "ref_1"}}
    sent = [json.dumps({"detail": detail}) for detail in (refunds, policys, private)]
    for body in sent:
        sqs.send_message(QueueUrl=queue(world, "undelivered_events"), MessageBody=body)

    said = shell("redrive", "undelivered")

    assert said.facts == {"moved": 3, "left": 0, "dropped": 0, "bounded": False}
    assert sorted(letter.body for letter in _all(world, "webhooks")) == sorted(sent[:2])
    assert sorted(letter.body for letter in _all(world, "execution")) == sorted([sent[0], sent[2]])


def test_parked_events_are_published_again_as_they_were(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from refundkit_core.adapters import events

    world = shell.world
    published: list[Any] = []
    opened = world.refund(world.charge()["id"])["id"]
    (event,) = world.container.refunds.timeline(world.tenant, opened)
    key = f"ORG#{world.tenant.org_id}#test#REFUND#{opened} EVENT#000001"
    parked = [events.detail_of(event), json.dumps({"unreadable": key}), json.dumps({"unreadable": "a b"}), "no json"]
    for body in parked:
        boto3.client("sqs").send_message(QueueUrl=queue(world, "parked_events"), MessageBody=body)
    real = events.EventBridgeBus.publish

    def publish(bus: Any, sent: Any) -> Any:
        published.extend(events.detail_of(each) for each in sent)
        return real(bus, sent)

    monkeypatch.setattr(events.EventBridgeBus, "publish", publish)
    said = shell("redrive", "parked")

    assert said.facts == {"moved": 2, "left": 2, "dropped": 0, "bounded": False}
    assert published == [events.detail_of(event)] * 2


def test_a_redrive_that_is_interrupted_leaves_the_message_where_it_was(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    from refundkit_core.adapters.mailbox import SqsMailbox

    source = queue(shell.world, "execution_dead_letter")
    boto3.client("sqs").send_message(QueueUrl=source, MessageBody="{}")

    def broken(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(SqsMailbox, "send", broken)
    with pytest.raises(RuntimeError):
        shell("redrive", "execution")

    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=source, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    assert shell.audited(None) == [("redrive execution", "execution")]


def test_a_sweep_by_hand_puts_what_is_due_on_the_queue(shell: Shell) -> None:
    opened = shell.world.refund(shell.world.charge()["id"])["id"]
    shell.world.clock.advance(minutes=3)

    assert shell("sweep").facts == {"due": 1, "approvals": 0, "adopted": 0, "deliveries": 0}
    assert opened in bodies(queue(shell.world, "execution"))[0]
    assert shell.audited(None) == [("sweep", "all due refunds")]


# ---------------------------------------------------------------- whose stack


class FakeStack:
    """CloudFormation and Lambda as the tool asks them: moto's CloudFormation cannot be loaded here."""

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables

    def create_client(self, service: str, **options: Any) -> Any:
        return self if service in ("cloudformation", "lambda") else get_session().create_client(service, **options)

    def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> Any:  # noqa: N803
        if StackName != "refundkit-staging":
            error: Any = {"Error": {"Code": "ValidationError", "Message": f"Stack '{StackName}' does not exist"}}
            raise ClientError(error, "DescribeStackResource")
        return {"StackResourceDetail": {"PhysicalResourceId": f"physical-{LogicalResourceId}"}}

    def describe_stacks(self, *, StackName: str) -> Any:  # noqa: N803
        return {"Stacks": [{"Outputs": [{"OutputKey": "ApiUrl", "OutputValue": "https://api.example.com"}]}]}

    def get_function_configuration(self, *, FunctionName: str) -> Any:  # noqa: N803
        assert FunctionName == "physical-SweepFunction"
        return {"Environment": {"Variables": self.variables}}


def test_a_stack_is_found_by_its_name(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = shell.world.container.settings
    names = {f"REFUNDKIT_{field.name.upper()}": getattr(settings, field.name) for field in fields(settings)}
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(containers, "_session", lambda: FakeStack({key: name for key, name in names.items() if name}))
    monkeypatch.setenv(admin_commands.API_URL, "http://kept")

    assert admin.main(["organizations", "list"]) == 2
    assert admin.main(["--stack", "refundkit-staging", "organizations", "list"]) == 0
    assert admin.main(["organizations", "list", "--stack", "refundkit-staging"]) == 0
    assert admin.main(["--stack", "unknown", "organizations", "list"]) == 3
    assert containers.settings_of_stack("refundkit-staging")[admin_commands.API_URL] == "https://api.example.com"


def test_aws_that_refuses_is_told_in_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    said = Said(admin.main(["--stack", "x", "organizations", "list"]), *shell._capsys.readouterr())

    assert said.code == 1
    assert "next: check the credentials, the region and --stack" in said.err
