"""The one place that wires adapters to use cases. Everything is made when it is first asked for, and kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from refundkit_core.adapters.dynamodb.keys import EVENT_PREFIX
from refundkit_core.adapters.dynamodb.refund_items import event_of
from refundkit_core.adapters.dynamodb.table import Table, decode
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.adapters.system import SystemClock, SystemIds
from refundkit_core.application.ports import AuditTrail, Clock, ExecutionQueue
from refundkit_core.domain.events import Event
from refundkit_core.entrypoints.settings import Settings

if TYPE_CHECKING:
    from refundkit_core.adapters.approval_workflow import SqsApprovalQueue
    from refundkit_core.adapters.audit_queue import SqsAuditQueue
    from refundkit_core.adapters.delivery_queue import SqsDeliveryQueue, SqsRecoveryQueue
    from refundkit_core.adapters.dynamodb.api_keys import DynamoApiKeyStore
    from refundkit_core.adapters.dynamodb.approvals import DynamoApprovalStore
    from refundkit_core.adapters.dynamodb.assessments import DynamoAssessmentStore
    from refundkit_core.adapters.dynamodb.audit_chain import DynamoChainStore
    from refundkit_core.adapters.dynamodb.brakes import DynamoSwitches
    from refundkit_core.adapters.dynamodb.decision_archive import DynamoDecisionArchive
    from refundkit_core.adapters.dynamodb.members import DynamoMemberStore
    from refundkit_core.adapters.dynamodb.notices import DynamoCodes
    from refundkit_core.adapters.dynamodb.orders import DynamoOrderStore
    from refundkit_core.adapters.dynamodb.organization_book import DynamoOrganizationBook
    from refundkit_core.adapters.dynamodb.organizations import DynamoConnectionStore, DynamoOrganizationStore
    from refundkit_core.adapters.dynamodb.policies import DynamoPolicyStore
    from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
    from refundkit_core.adapters.dynamodb.refusals import DynamoRefusalStore
    from refundkit_core.adapters.dynamodb.sessions import DynamoSessions
    from refundkit_core.adapters.dynamodb.simulations import DynamoSimulationStore
    from refundkit_core.adapters.dynamodb.webhook_deliveries import DynamoDeliveryStore, DynamoEventArchive
    from refundkit_core.adapters.dynamodb.webhook_endpoints import DynamoEndpointStore
    from refundkit_core.adapters.notify_queue import SqsPost
    from refundkit_core.adapters.processors.registry import ProcessorRegistry
    from refundkit_core.adapters.simulation_queue import SqsSimulationQueue
    from refundkit_core.adapters.simulation_shelf import S3SimulationShelf
    from refundkit_core.adapters.templates import JinjaTemplates
    from refundkit_core.application.answer_slack import AnswerSlack
    from refundkit_core.application.approval_desk import Desk
    from refundkit_core.application.assess_risk import AssessRisk, ReadAssessments
    from refundkit_core.application.audit_ports import Mention
    from refundkit_core.application.authenticate import Authenticate
    from refundkit_core.application.await_refund import AwaitRefund
    from refundkit_core.application.brake import Brake
    from refundkit_core.application.cancel_refund import CancelRefund
    from refundkit_core.application.chain_audit import ChainAudit
    from refundkit_core.application.check_eligibility import CheckEligibility
    from refundkit_core.application.check_policy import CheckPolicy
    from refundkit_core.application.connect_processor import ConnectProcessor
    from refundkit_core.application.connect_slack import ConnectSlack
    from refundkit_core.application.create_refund import CreateRefund
    from refundkit_core.application.decide_approval import DecideApproval
    from refundkit_core.application.deciders import KnownDeciders
    from refundkit_core.application.delete_organization import DeleteOrganization
    from refundkit_core.application.deliver_webhooks import DeliverWebhooks
    from refundkit_core.application.dispatch_event import DispatchEvents
    from refundkit_core.application.erase_customer import EraseCustomer
    from refundkit_core.application.execute_refund import ExecuteRefund
    from refundkit_core.application.explain_decision import ExplainDecision
    from refundkit_core.application.flag_risk import FlagRisk
    from refundkit_core.application.gather_facts import GatherFacts
    from refundkit_core.application.guard_refund import GuardRefund
    from refundkit_core.application.identify import EnterCode, OpenDoor, SignIn
    from refundkit_core.application.invitations import InviteApprover
    from refundkit_core.application.look_at_transaction import LookAtTransaction
    from refundkit_core.application.manage_keys import ManageKeys
    from refundkit_core.application.manage_members import ManageMembers
    from refundkit_core.application.manage_organization import ManageOrganization
    from refundkit_core.application.manage_policies import ManagePolicies
    from refundkit_core.application.manage_webhooks import ManageWebhooks
    from refundkit_core.application.notify import Deliveries, Notify
    from refundkit_core.application.notify_ports import Listener, Mailer
    from refundkit_core.application.pass_time import PassTime
    from refundkit_core.application.policy_choice import PolicyChoice
    from refundkit_core.application.processor_news import ApplyProcessorNews, ReceiveProcessorWebhook
    from refundkit_core.application.provision import Provision
    from refundkit_core.application.publish_events import PublishEvents
    from refundkit_core.application.queue_unchained import QueueUnchained
    from refundkit_core.application.quote_refund import QuoteRefund
    from refundkit_core.application.read_approvals import ReadApprovals
    from refundkit_core.application.read_audit import ReadAudit
    from refundkit_core.application.read_deliveries import ReadDeliveries, ReadEvents
    from refundkit_core.application.read_refunds import ReadRefunds
    from refundkit_core.application.read_simulations import ReadSimulations
    from refundkit_core.application.records import Connection
    from refundkit_core.application.redrive import Redrive
    from refundkit_core.application.register_order import RegisterOrder
    from refundkit_core.application.report_ledgers import FileReport, ReportLedgers
    from refundkit_core.application.resolve_refund import ResolveRefund
    from refundkit_core.application.resolve_transaction import ResolveTransaction
    from refundkit_core.application.return_policy import ReturnPolicy
    from refundkit_core.application.risk_ports import FactsOf
    from refundkit_core.application.route_approval import AnswerQuestion, RouteApproval
    from refundkit_core.application.send_codes import SendCodes
    from refundkit_core.application.set_approvals import SetApprovals
    from refundkit_core.application.set_guards import SetGuards
    from refundkit_core.application.settle_refund import SettleRefund
    from refundkit_core.application.show_refund import ShowRefund
    from refundkit_core.application.simulate_policy import SimulatePolicy, WorkSimulation
    from refundkit_core.application.slack_ports import SlackApi, SlackStore
    from refundkit_core.application.sweep import Sweep
    from refundkit_core.application.tell_owners import TellOwners
    from refundkit_core.application.tell_slack import TellSlack
    from refundkit_core.application.verify_chain import VerifyChain
    from refundkit_core.application.visits import Visits
    from refundkit_core.application.watch_approval import WatchApproval
    from refundkit_core.application.webhook_ports import Letter
    from refundkit_core.application.webhook_sender import WebhookSender
    from refundkit_core.domain.ledger import Ledger

_CONNECT_TIMEOUT_S = 2
_READ_TIMEOUT_S = 6
_MAX_ATTEMPTS = 3
_SLACK_CLICK_TIMEOUT_S = 2
"""Slack waits three seconds for what becomes of a click."""


class Container:
    """All of one process: settings in, use cases out."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """An AWS client, made once."""
        if service not in self._clients:
            self._clients[service] = self._session.create_client(service, config=self._client_config)
        return self._clients[service]

    @cached_property
    def _session(self) -> Any:
        return _session()

    @cached_property
    def _client_config(self) -> Any:
        from botocore.config import Config

        return Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": _MAX_ATTEMPTS},
        )

    @cached_property
    def table(self) -> Table:
        return Table(self.client("dynamodb"), self.settings.table)

    @cached_property
    def box(self) -> SecretBox:
        return SecretBox(lambda: self.client("kms"), self.settings.kms_key_id)

    @cached_property
    def ids(self) -> SystemIds:
        return SystemIds(self.clock)

    @cached_property
    def refunds(self) -> DynamoRefundStore:
        from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore

        return DynamoRefundStore(self.table)

    @cached_property
    def keys(self) -> DynamoApiKeyStore:
        from refundkit_core.adapters.dynamodb.api_keys import DynamoApiKeyStore

        return DynamoApiKeyStore(self.table)

    @cached_property
    def organizations(self) -> DynamoOrganizationStore:
        from refundkit_core.adapters.dynamodb.organizations import DynamoOrganizationStore

        return DynamoOrganizationStore(self.table, self.box, self.clock)

    @cached_property
    def connections(self) -> DynamoConnectionStore:
        from refundkit_core.adapters.dynamodb.organizations import DynamoConnectionStore

        return DynamoConnectionStore(self.table, self.box, self.clock)

    @cached_property
    def processors(self) -> ProcessorRegistry:
        from refundkit_core.adapters.processors.registry import ProcessorRegistry, stripe_kind

        return ProcessorRegistry({"stripe": stripe_kind(self.settings.stripe_api_base)})

    @cached_property
    def stripe(self) -> ModuleType:
        """Stripe's adapter, loaded; for functions whose every call needs it."""
        return import_module("refundkit_core.adapters.processors.stripe")

    @cached_property
    def authenticate(self) -> Authenticate:
        from refundkit_core.application.authenticate import Authenticate

        return Authenticate(self.keys, self.clock)

    @cached_property
    def manage_keys(self) -> ManageKeys:
        from refundkit_core.application.manage_keys import ManageKeys

        return ManageKeys(self.keys, self.organizations, self.members, self.clock, self.ids)

    @cached_property
    def members(self) -> DynamoMemberStore:
        from refundkit_core.adapters.dynamodb.members import DynamoMemberStore

        return DynamoMemberStore(self.table)

    @cached_property
    def manage_members(self) -> ManageMembers:
        from refundkit_core.application.manage_members import ManageMembers

        return ManageMembers(self.members, self.keys, self.organizations, self.clock, self.ids)

    @cached_property
    def organization_book(self) -> DynamoOrganizationBook:
        from refundkit_core.adapters.dynamodb.organization_book import DynamoOrganizationBook

        return DynamoOrganizationBook(self.table)

    @cached_property
    def manage_organization(self) -> ManageOrganization:
        from refundkit_core.application.manage_organization import ManageOrganization

        return ManageOrganization(self.organization_book, self.clock, self.ids)

    @cached_property
    def delete_organization(self) -> DeleteOrganization:
        from refundkit_core.adapters.dynamodb.organization_book import DynamoOpenWork
        from refundkit_core.application.delete_organization import DeleteOrganization

        work = DynamoOpenWork(self.table)
        return DeleteOrganization(
            self.organization_book,
            self.members,
            work,
            self.connections,
            self.keys,
            self.webhook_endpoints,
            self.clock,
            self.ids,
        )

    @cached_property
    def switches(self) -> DynamoSwitches:
        from refundkit_core.adapters.dynamodb.brakes import DynamoSwitches

        return DynamoSwitches(self.table)

    @cached_property
    def execution_queue(self) -> ExecutionQueue:
        from refundkit_core.adapters.execution_queue import SqsExecutionQueue

        return SqsExecutionQueue(lambda: self.client("sqs"), self.settings.execution_queue_url)

    @cached_property
    def look(self) -> LookAtTransaction:
        from refundkit_core.application.look_at_transaction import LookAtTransaction

        return LookAtTransaction(self.refunds, self.organizations, self.settle_refund, self.clock, self.ids)

    @cached_property
    def resolve(self) -> ResolveTransaction:
        from refundkit_core.application.resolve_transaction import ResolveTransaction

        return ResolveTransaction(self.refunds, self.connections, self.processors, self.look, self.clock)

    @cached_property
    def create_refund(self) -> CreateRefund:
        from refundkit_core.application.create_refund import CreateRefund

        return CreateRefund(
            self.refunds,
            self.organizations,
            self.refusals,
            self.resolve,
            self.gather,
            self.guard_refund,
            self.switches,
            self.clock,
            self.ids,
        )

    @cached_property
    def approvals(self) -> DynamoApprovalStore:
        from refundkit_core.adapters.dynamodb.approvals import DynamoApprovalStore

        return DynamoApprovalStore(self.table, self.refunds)

    @cached_property
    def approval_queue(self) -> SqsApprovalQueue:
        from refundkit_core.adapters.approval_workflow import SqsApprovalQueue

        return SqsApprovalQueue(lambda: self.client("sqs"), self.settings.approval_queue_url)

    @cached_property
    def approval_desk(self) -> Desk:
        from refundkit_core.application.approval_desk import Desk
        from refundkit_core.application.deciders import OwnersOfKeys

        owners = OwnersOfKeys(self.keys)
        return Desk(self.approvals, self.refunds, self.switches, owners, self.clock, self.ids)

    @cached_property
    def deciders(self) -> KnownDeciders:
        from refundkit_core.application.deciders import KnownDeciders

        return KnownDeciders(self.members)

    @cached_property
    def decide_approval(self) -> DecideApproval:
        from refundkit_core.application.decide_approval import DecideApproval

        return DecideApproval(self.approval_desk)

    @cached_property
    def route_approval(self) -> RouteApproval:
        from refundkit_core.application.route_approval import RouteApproval

        return RouteApproval(self.approval_desk)

    @cached_property
    def answer_question(self) -> AnswerQuestion:
        from refundkit_core.application.route_approval import AnswerQuestion

        return AnswerQuestion(self.approval_desk)

    @cached_property
    def read_approvals(self) -> ReadApprovals:
        from refundkit_core.application.read_approvals import ReadApprovals

        return ReadApprovals(self.approval_desk, self.orders, self.policies, self.deciders, self.organizations)

    @cached_property
    def set_approvals(self) -> SetApprovals:
        from refundkit_core.application.set_approvals import SetApprovals

        return SetApprovals(self.switches, self.clock, self.ids)

    @cached_property
    def pass_time(self) -> PassTime:
        from refundkit_core.application.pass_time import PassTime

        return PassTime(self.approval_desk)

    @cached_property
    def watch_approval(self) -> WatchApproval:
        from refundkit_core.adapters.approval_workflow import StepFunctionsWorkflow
        from refundkit_core.application.watch_approval import WatchApproval

        workflow = StepFunctionsWorkflow(lambda: self.client("stepfunctions"), self.settings.approval_state_machine_arn)
        return WatchApproval(self.approvals, workflow, self.pass_time, self.clock)

    @cached_property
    def notify(self) -> Notify:
        from refundkit_core.application.notify import Notify

        return Notify(self.approval_desk, self.listeners)

    @cached_property
    def listeners(self) -> tuple[Listener, ...]:
        """Everybody who hears of what happens; each tells its own people."""
        from refundkit_core.application.tell_approvers import TellApprovers
        from refundkit_core.application.tell_customers import TellCustomers

        approvers = TellApprovers(
            self.approval_desk,
            self.members,
            self.organizations,
            self.orders,
            self.invite_approver,
            self.deliveries,
            self.templates,
            self.mailer,
            self.clock,
        )
        customers = TellCustomers(
            self.refunds,
            self.connections,
            self.processors,
            self.organizations,
            self.orders,
            self.deliveries,
            self.templates,
            self.mailer,
        )
        return (approvers, customers, self.tell_slack)

    @cached_property
    def tell_owners(self) -> TellOwners:
        from refundkit_core.application.tell_owners import TellOwners

        return TellOwners(
            self.webhook_endpoints, self.members, self.organizations, self.deliveries, self.templates, self.mailer
        )

    @cached_property
    def tell_slack(self) -> TellSlack:
        from refundkit_core.adapters.dynamodb.slack import DynamoSlackPosts
        from refundkit_core.application.tell_slack import TellSlack

        return TellSlack(
            self.approval_desk,
            self.slack,
            DynamoSlackPosts(self.table),
            self.slack_api,
            self.members,
            self.orders,
            self.invite_approver,
            self.deliveries,
            self.clock,
            self.settings.public_api_base,
        )

    @cached_property
    def slack(self) -> SlackStore:
        from refundkit_core.adapters.dynamodb.slack import DynamoSlackStore

        return DynamoSlackStore(self.table, self.box)

    @cached_property
    def slack_api(self) -> SlackApi:
        from refundkit_core.adapters.slack import SlackWeb

        return SlackWeb(self.settings.slack_api_base)

    @cached_property
    def webhook_endpoints(self) -> DynamoEndpointStore:
        from refundkit_core.adapters.dynamodb.webhook_endpoints import DynamoEndpointStore

        return DynamoEndpointStore(self.table, self.box)

    @cached_property
    def deliveries_kept(self) -> DynamoDeliveryStore:
        from refundkit_core.adapters.dynamodb.webhook_deliveries import DynamoDeliveryStore

        return DynamoDeliveryStore(self.table, self.webhook_endpoints)

    @cached_property
    def event_archive(self) -> DynamoEventArchive:
        from refundkit_core.adapters.dynamodb.webhook_deliveries import DynamoEventArchive

        return DynamoEventArchive(self.table)

    @cached_property
    def delivery_queue(self) -> SqsDeliveryQueue:
        from refundkit_core.adapters.delivery_queue import SqsDeliveryQueue, Waiting

        settings = self.settings
        waiting = Waiting(
            settings.prompt_deliveries_queue_url,
            settings.patient_deliveries_queue_url,
            settings.patient_deliveries_queue_arn,
            settings.delivery_schedule_group,
            settings.delivery_schedule_role_arn,
            settings.deliveries_dead_letter_queue_arn,
        )
        return SqsDeliveryQueue(lambda: self.client("sqs"), lambda: self.client("scheduler"), waiting)

    @cached_property
    def recoveries(self) -> SqsRecoveryQueue:
        from refundkit_core.adapters.delivery_queue import SqsRecoveryQueue

        return SqsRecoveryQueue(lambda: self.client("sqs"), self.settings.webhooks_queue_url)

    @cached_property
    def webhook_sender(self) -> WebhookSender:
        from refundkit_core.adapters.webhook_http import HttpWebhookSender

        return HttpWebhookSender(self.clock, local=self.settings.stage == "local")

    @property
    def letter_in(self) -> Callable[[Any], Letter]:
        """The delivery that a queue's message is about."""
        from refundkit_core.adapters.delivery_queue import letter_in

        return letter_in

    @cached_property
    def manage_webhooks(self) -> ManageWebhooks:
        from refundkit_core.application.manage_webhooks import ManageWebhooks
        from refundkit_core.entrypoints.webhook_views import sample_of

        return ManageWebhooks(
            self.webhook_endpoints,
            self.deliveries_kept,
            self.delivery_queue,
            self.webhook_sender,
            self.organizations,
            sample_of,
            self.clock,
            self.ids,
        )

    @cached_property
    def read_deliveries(self) -> ReadDeliveries:
        from refundkit_core.application.read_deliveries import ReadDeliveries

        return ReadDeliveries(
            self.webhook_endpoints,
            self.deliveries_kept,
            self.delivery_queue,
            self.recoveries,
            self.organizations,
            self.trail,
            self.clock,
            self.ids,
        )

    @cached_property
    def read_events(self) -> ReadEvents:
        from refundkit_core.application.read_deliveries import ReadEvents

        return ReadEvents(self.event_archive, self.organizations, self.clock)

    @cached_property
    def dispatch_events(self) -> DispatchEvents:
        from refundkit_core.application.dispatch_event import DispatchEvents

        return DispatchEvents(
            self.webhook_endpoints,
            self.event_archive,
            self.deliveries_kept,
            self.delivery_queue,
            self.recoveries,
            self.clock,
        )

    @cached_property
    def deliver_webhooks(self) -> DeliverWebhooks:
        from random import random

        from refundkit_core.adapters.dynamodb.webhook_endpoints import DynamoGates
        from refundkit_core.application.deliver_webhooks import DeliverWebhooks

        return DeliverWebhooks(
            self.deliveries_kept,
            self.webhook_endpoints,
            DynamoGates(self.table),
            self.delivery_queue,
            self.webhook_sender,
            random,
            self.clock,
            self.ids,
        )

    @cached_property
    def connect_slack(self) -> ConnectSlack:
        from refundkit_core.application.connect_slack import ConnectSlack

        sandbox = self.settings.slack_api_base if self.settings.stage == "local" else ""
        return ConnectSlack(self.slack, self.slack_api, self.clock, self.ids, sandbox)

    @cached_property
    def answer_slack(self) -> AnswerSlack:
        from refundkit_core.adapters.dynamodb.notices import DynamoMarkers
        from refundkit_core.adapters.slack import SlackWeb
        from refundkit_core.adapters.slack_requests import read_click, verify_slack
        from refundkit_core.application.answer_slack import AnswerSlack

        return AnswerSlack(
            self.approval_desk,
            self.slack,
            self.members,
            self.deciders,
            self.decide_approval,
            self.route_approval,
            SlackWeb(self.settings.slack_api_base, _SLACK_CLICK_TIMEOUT_S),
            DynamoMarkers(self.table),
            self.trail,
            read_click,
            verify_slack,
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        from refundkit_core.adapters.dynamodb.notices import DynamoMarkers
        from refundkit_core.application.notify import Deliveries

        return Deliveries(DynamoMarkers(self.table), self.clock)

    @cached_property
    def invite_approver(self) -> InviteApprover:
        from refundkit_core.application.invitations import InviteApprover

        return InviteApprover(self.organizations, self.codes, self.clock, self.settings.public_api_base)

    @cached_property
    def codes(self) -> DynamoCodes:
        from refundkit_core.adapters.dynamodb.notices import DynamoCodes

        return DynamoCodes(self.table)

    @cached_property
    def post(self) -> SqsPost:
        from refundkit_core.adapters.notify_queue import SqsPost

        return SqsPost(lambda: self.client("sqs"), self.settings.notify_queue_url)

    @cached_property
    def send_codes(self) -> SendCodes:
        from refundkit_core.application.send_codes import SendCodes

        return SendCodes(
            self.approval_desk,
            self.members,
            self.members,
            self.organizations,
            self.codes,
            self.invite_approver,
            self.templates,
            self.mailer,
        )

    @cached_property
    def sessions(self) -> DynamoSessions:
        from refundkit_core.adapters.dynamodb.sessions import DynamoSessions

        return DynamoSessions(self.table)

    @cached_property
    def open_door(self) -> OpenDoor:
        from refundkit_core.application.identify import OpenDoor

        return OpenDoor(self.approval_desk, self.organizations)

    @cached_property
    def enter_code(self) -> EnterCode:
        from refundkit_core.application.identify import EnterCode

        return EnterCode(
            self.open_door,
            self.approval_desk,
            self.organizations,
            self.deciders,
            self.codes,
            self.sessions,
            self.post,
            self.trail,
        )

    @cached_property
    def sign_in(self) -> SignIn:
        from refundkit_core.application.identify import SignIn

        return SignIn(self.approval_desk, self.organizations, self.members, self.codes, self.sessions, self.post)

    @cached_property
    def visits(self) -> Visits:
        from refundkit_core.application.visits import Visits

        return Visits(
            self.sessions,
            self.deciders,
            self.approval_desk,
            self.read_approvals,
            self.decide_approval,
            self.route_approval,
            self.organizations,
            self.trail,
        )

    @cached_property
    def templates(self) -> JinjaTemplates:
        from refundkit_core.adapters.templates import JinjaTemplates

        return JinjaTemplates()

    @cached_property
    def mailer(self) -> Mailer:
        from refundkit_core.adapters.mailer import NoMailer, SesMailer
        from refundkit_core.entrypoints.observability import log

        if not self.settings.mail_from:
            return NoMailer(lambda kind: log("mail not sent", kind=kind, because="MailFrom is not set"))
        options = self.settings.mail_from, self.settings.mail_configuration_set
        return SesMailer(lambda: self.client("sesv2"), *options)

    @cached_property
    def guard_refund(self) -> GuardRefund:
        from refundkit_core.adapters.dynamodb.purses import DynamoPurses
        from refundkit_core.application.guard_refund import GuardRefund

        return GuardRefund(DynamoPurses(self.table))

    @cached_property
    def set_guards(self) -> SetGuards:
        from refundkit_core.application.set_guards import SetGuards

        return SetGuards(self.switches, self.clock, self.ids)

    @cached_property
    def refusals(self) -> DynamoRefusalStore:
        from refundkit_core.adapters.dynamodb.refusals import DynamoRefusalStore

        return DynamoRefusalStore(self.table)

    @cached_property
    def gather(self) -> GatherFacts:
        from refundkit_core.adapters.dynamodb.customers import DynamoCustomerStore
        from refundkit_core.application.gather_facts import GatherFacts

        customers = DynamoCustomerStore(self.table)
        return GatherFacts(self.orders, self.policy_choice, customers, self.organizations, self.clock)

    @cached_property
    def await_refund(self) -> AwaitRefund:
        from refundkit_core.application.await_refund import AwaitRefund

        return AwaitRefund(self.refunds, self.clock)

    @cached_property
    def check_eligibility(self) -> CheckEligibility:
        from refundkit_core.application.check_eligibility import CheckEligibility

        return CheckEligibility(self.resolve, self.gather)

    @cached_property
    def explain_decision(self) -> ExplainDecision:
        from refundkit_core.application.explain_decision import ExplainDecision

        return ExplainDecision(self.refunds, self.refusals)

    @cached_property
    def check_policy(self) -> CheckPolicy:
        from refundkit_core.application.check_policy import CheckPolicy

        return CheckPolicy(self.resolve, self.gather)

    @cached_property
    def policies(self) -> DynamoPolicyStore:
        from refundkit_core.adapters.dynamodb.policies import DynamoPolicyStore

        return DynamoPolicyStore(self.table)

    @cached_property
    def policy_choice(self) -> PolicyChoice:
        from refundkit_core.application.policy_choice import PolicyChoice

        return PolicyChoice(self.policies)

    @cached_property
    def return_policy(self) -> ReturnPolicy:
        from refundkit_core.application.return_policy import ReturnPolicy

        return ReturnPolicy(self.policy_choice, self.clock)

    @cached_property
    def manage_policies(self) -> ManagePolicies:
        from refundkit_core.application.manage_policies import ManagePolicies

        return ManagePolicies(self.policies, self.organizations, self.clock, self.ids)

    @cached_property
    def simulations(self) -> DynamoSimulationStore:
        from refundkit_core.adapters.dynamodb.simulations import DynamoSimulationStore

        return DynamoSimulationStore(self.table)

    @cached_property
    def decision_archive(self) -> DynamoDecisionArchive:
        from refundkit_core.adapters.dynamodb.decision_archive import DynamoDecisionArchive

        return DynamoDecisionArchive(self.table)

    @cached_property
    def simulation_queue(self) -> SqsSimulationQueue:
        from refundkit_core.adapters.simulation_queue import SqsSimulationQueue

        return SqsSimulationQueue(lambda: self.client("sqs"), self.settings.simulation_queue_url)

    @cached_property
    def simulation_shelf(self) -> S3SimulationShelf:
        from refundkit_core.adapters.simulation_shelf import S3SimulationShelf

        return S3SimulationShelf(lambda: self.client("s3"), lambda: self._signing_s3, self.settings.reports_bucket)

    @cached_property
    def _signing_s3(self) -> Any:
        """S3 for URLs that are given away: signed in version 4 for the bucket's own region, since the global name of a
        young bucket leads elsewhere."""
        from botocore.config import Config

        own = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        config = self._client_config.merge(own)
        return self._session.create_client("s3", config=config)

    @cached_property
    def simulate_policy(self) -> SimulatePolicy:
        from refundkit_core.application.replay import Replay
        from refundkit_core.application.simulate_policy import SimulatePolicy

        return SimulatePolicy(
            self.simulations,
            self.policies,
            self.organizations,
            Replay(self.decision_archive),
            self.simulation_shelf,
            self.simulation_queue,
            self.clock,
            self.ids,
        )

    @cached_property
    def work_simulation(self) -> WorkSimulation:
        from refundkit_core.application.replay import Replay
        from refundkit_core.application.simulate_policy import WorkSimulation

        replay = Replay(self.decision_archive)
        return WorkSimulation(self.simulations, replay, self.simulation_shelf, self.simulation_queue, self.clock)

    @cached_property
    def read_simulations(self) -> ReadSimulations:
        from refundkit_core.adapters.dynamodb.shadows import DynamoShadowStore
        from refundkit_core.application.read_simulations import ReadSimulations

        return ReadSimulations(
            self.simulations,
            self.policies,
            self.decision_archive,
            self.simulation_shelf,
            DynamoShadowStore(self.table),
            self.organizations,
        )

    @cached_property
    def erase_customer(self) -> EraseCustomer:
        from refundkit_core.adapters.dynamodb.erasures import DynamoErasures
        from refundkit_core.application.erase_customer import EraseCustomer

        erasures = DynamoErasures(self.table)
        return EraseCustomer(self.refunds, self.orders, erasures, self.organizations, self.trail, self.clock, self.ids)

    @cached_property
    def orders(self) -> DynamoOrderStore:
        from refundkit_core.adapters.dynamodb.orders import DynamoOrderStore

        return DynamoOrderStore(self.table)

    @cached_property
    def register_order(self) -> RegisterOrder:
        from refundkit_core.application.register_order import RegisterOrder

        return RegisterOrder(self.resolve, self.refunds, self.orders, self.clock, self.ids)

    @cached_property
    def assessments(self) -> DynamoAssessmentStore:
        from refundkit_core.adapters.dynamodb.assessments import DynamoAssessmentStore

        return DynamoAssessmentStore(self.table)

    @cached_property
    def facts_of(self) -> FactsOf:
        from refundkit_core.application.facts_of import GatheredFacts

        return GatheredFacts(self.resolve, self.gather)

    @cached_property
    def assess_risk(self) -> AssessRisk:
        from refundkit_core.application.assess_risk import AssessRisk

        return AssessRisk(self.facts_of, self.assessments, self.organizations, self.clock, self.ids)

    @cached_property
    def quote_refund(self) -> QuoteRefund:
        from refundkit_core.application.quote_refund import QuoteRefund

        return QuoteRefund(self.facts_of, self.orders, self.organizations, self.clock)

    @cached_property
    def read_assessments(self) -> ReadAssessments:
        from refundkit_core.application.assess_risk import ReadAssessments

        return ReadAssessments(self.assessments, self.refunds, self.connections, self.organizations)

    @cached_property
    def cancel_refund(self) -> CancelRefund:
        from refundkit_core.application.cancel_refund import CancelRefund

        return CancelRefund(
            self.refunds,
            self.approvals,
            self.connections,
            self.processors,
            self.settle_refund,
            self.clock,
            self.ids,
        )

    @cached_property
    def read_refunds(self) -> ReadRefunds:
        from refundkit_core.application.read_refunds import ReadRefunds

        return ReadRefunds(self.refunds, self.organizations)

    @cached_property
    def settle_refund(self) -> SettleRefund:
        from refundkit_core.application.settle_refund import SettleRefund

        return SettleRefund(self.refunds, self.clock, self.ids)

    @cached_property
    def execute_refund(self) -> ExecuteRefund:
        from refundkit_core.adapters.dynamodb.brakes import DynamoThrottle
        from refundkit_core.application.execute_refund import ExecuteRefund

        return ExecuteRefund(
            self.refunds,
            lambda: self.approvals,
            self.connections,
            self.processors,
            self.settle_refund,
            self.switches,
            DynamoThrottle(self.table),
            self.execution_queue,
            self.clock,
            self.ids,
        )

    @cached_property
    def sweep(self) -> Sweep:
        from refundkit_core.adapters.dynamodb.refund_books import DynamoRefundBooks
        from refundkit_core.application.overdue_deliveries import OverdueDeliveries
        from refundkit_core.application.sweep import Sweep

        books = DynamoRefundBooks(self.table)
        overdue = OverdueDeliveries(self.deliveries_kept, self.delivery_queue, self.clock)
        return Sweep(
            self.refunds, self.execution_queue, self.approvals, books, self.approval_queue, overdue, self.clock
        )

    @cached_property
    def resolve_refund(self) -> ResolveRefund:
        from refundkit_core.application.resolve_refund import ResolveRefund

        return ResolveRefund(self.refunds, self.connections, self.processors, self.clock, self.ids)

    @cached_property
    def receive_processor_webhook(self) -> ReceiveProcessorWebhook:
        from refundkit_core.adapters.processors.news_queue import SqsNewsQueue
        from refundkit_core.adapters.processors.stripe_webhook import read_stripe_webhook
        from refundkit_core.application.processor_news import ReceiveProcessorWebhook

        queue = SqsNewsQueue(self.client("sqs"), self.settings.processor_events_queue_url)
        return ReceiveProcessorWebhook(self.connections, {"stripe": read_stripe_webhook}, queue, self.clock)

    @cached_property
    def apply_processor_news(self) -> ApplyProcessorNews:
        from refundkit_core.application.processor_news import ApplyProcessorNews

        def flag_risk(connection: Connection, ledger: Ledger) -> None:
            self.flag_risk(connection, ledger)  # hardly any news needs it: loaded by the first that does

        return ApplyProcessorNews(self.connections, self.processors, self.look, flag_risk, self.clock)

    @cached_property
    def flag_risk(self) -> FlagRisk:
        from refundkit_core.application.flag_risk import FlagRisk

        return FlagRisk(self.gather, self.assessments, self.organizations, self.clock)

    @cached_property
    def publish_events(self) -> PublishEvents:
        from refundkit_core.adapters.events import EventBridgeBus, SqsParkingLot
        from refundkit_core.application.publish_events import PublishEvents

        parking = SqsParkingLot(lambda: self.client("sqs"), self.settings.parked_events_queue_url)
        return PublishEvents(EventBridgeBus(self.client("events"), self.settings.event_bus), parking, self.audit_queue)

    def event_of_image(self, image: Mapping[str, Any]) -> Event:
        """The event in a stream record's new image. Raises KeyError or ValueError for anything else."""
        return event_of(decode(image))

    def mention_of_image(self, image: Mapping[str, Any]) -> Mention | None:
        """What a stream record's new image gives the audit chain to take up; None for what it does not, and for what
        is in it. Raises KeyError or ValueError for what cannot be told."""
        from refundkit_core.adapters.dynamodb.audit_mentions import TELLING, mention_of

        return mention_of(decode({name: image[name] for name in TELLING if name in image}))

    def is_event(self, key: Mapping[str, Any]) -> bool:
        """Whether a stream record's key is an event's."""
        return str(decode(key)["sk"]).startswith(EVENT_PREFIX)

    @cached_property
    def connect_processor(self) -> ConnectProcessor:
        from refundkit_core.application.connect_processor import ConnectProcessor

        return ConnectProcessor(self.connections, self.processors.setups(), self.clock, self.ids)

    @cached_property
    def brake(self) -> Brake:
        from refundkit_core.application.brake import Brake

        return Brake(self.organizations, self.keys, self.switches, self.clock, self.ids)

    @cached_property
    def trail(self) -> AuditTrail:
        from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail

        return DynamoAuditTrail(self.table)

    @cached_property
    def chains(self) -> DynamoChainStore:
        from refundkit_core.adapters.dynamodb.audit_chain import DynamoChainStore

        return DynamoChainStore(self.table)

    @cached_property
    def audit_queue(self) -> SqsAuditQueue:
        from refundkit_core.adapters.audit_queue import SqsAuditQueue

        return SqsAuditQueue(lambda: self.client("sqs"), self.settings.audit_queue_url)

    @cached_property
    def chain_audit(self) -> ChainAudit:
        from refundkit_core.application.automatic_decisions import AutomaticDecisions
        from refundkit_core.application.chain_audit import ChainAudit
        from refundkit_core.application.deciders import OwnersOfKeys

        decisions = AutomaticDecisions(self.refunds, self.refusals, OwnersOfKeys(self.keys))
        return ChainAudit(self.chains, decisions, self.clock, self.ids)

    @cached_property
    def verify_chain(self) -> VerifyChain:
        from refundkit_core.application.verify_chain import VerifyChain

        return VerifyChain(self.chains, self.clock)

    @cached_property
    def read_audit(self) -> ReadAudit:
        from refundkit_core.adapters.audit_shelf import S3AuditShelf
        from refundkit_core.application.read_audit import ReadAudit

        shelf = S3AuditShelf(lambda: self.client("s3"), lambda: self._signing_s3, self.settings.reports_bucket)
        return ReadAudit(self.chains, self.verify_chain, shelf, self.organizations, self.clock, self.ids)

    @cached_property
    def queue_unchained(self) -> QueueUnchained:
        from refundkit_core.adapters.dynamodb.audit_chain import DynamoAuditSources
        from refundkit_core.application.queue_unchained import QueueUnchained

        sources = DynamoAuditSources(self.table)
        return QueueUnchained(self.chains, sources, self.organizations, self.audit_queue, self.clock)

    @cached_property
    def show_refund(self) -> ShowRefund:
        from refundkit_core.application.show_refund import ShowRefund

        return ShowRefund(self.organizations, self.refunds, self.connections, self.processors, self.switches)

    @cached_property
    def redrive(self) -> Redrive:
        from refundkit_core.adapters.events import EventBridgeBus
        from refundkit_core.adapters.mailbox import ParkedBodies, dead_letter_queues
        from refundkit_core.application.redrive import Redrive

        queues = dead_letter_queues(self.client("sqs"), self.settings)
        bus = EventBridgeBus(self.client("events"), self.settings.event_bus)
        return Redrive(queues, ParkedBodies(lambda: self.table), bus, self.trail, self.clock, self.ids)

    second_look_after_s: float = 20
    """How long the daily report waits before it looks again at what did not agree."""

    @cached_property
    def report_ledgers(self) -> ReportLedgers:
        from refundkit_core.adapters.dynamodb.refund_books import DynamoRefundBooks
        from refundkit_core.application.report_ledgers import ReportLedgers

        return ReportLedgers(
            self.organizations,
            DynamoRefundBooks(self.table),
            self.refunds,
            self.connections,
            self.processors,
            self.clock,
            lambda: time.sleep(self.second_look_after_s),
        )

    @cached_property
    def file_report(self) -> FileReport:
        from refundkit_core.adapters.report_shelf import S3ReportShelf
        from refundkit_core.application.report_ledgers import FileReport

        return FileReport(self.report_ledgers, S3ReportShelf(lambda: self.client("s3"), self.settings.reports_bucket))

    def caller_arn(self) -> str:
        """Whose AWS credentials these are."""
        from refundkit_core.adapters.deployed_stack import caller_arn

        return caller_arn(self.client("sts"))

    @cached_property
    def provision(self) -> Provision:
        from refundkit_core.application.provision import Provision

        return Provision(self.organizations, self.manage_keys, self.connect_processor, self.clock, self.ids)


def _session() -> Any:
    """Straight from botocore: importing boto3 costs a tenth of a start-up and adds nothing here."""
    from botocore.session import get_session

    return get_session()


def settings_of_stack(stack: str) -> Mapping[str, str]:
    """What the functions of a deployed stack run with. Raises NotFound."""
    from refundkit_core.adapters.deployed_stack import settings_of

    session = _session()
    return settings_of(session.create_client("cloudformation"), session.create_client("lambda"), stack)


@cache
def own_container() -> Container:
    """This process's container, made from its environment when it is first asked for."""
    return Container(Settings.parse(os.environ))


def container() -> Container:
    """This process's container."""
    return own_container()


def prepare(*names: str) -> None:
    """Make the named parts of the container while Lambda starts this function, when it has a whole processor for it.

    Elsewhere nothing happens, so that importing a function needs no settings.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        for name in names:
            getattr(container(), name)
