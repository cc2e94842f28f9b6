"""Settings: read once from the environment, frozen; a missing one stops the start and is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields


class MissingSetting(RuntimeError):
    """A setting is not in the environment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The environment variable {name} is not set: see the table of settings in README.md")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a function's surroundings are; each field is read from ``REFUNDKIT_<FIELD>``. The template sets them all.

    stage: local, staging or production. table: the DynamoDB table's name. kms_key_id: key for credentials and
    secrets, id or ARN. event_bus: the bus's name. processor_events_queue_url: verified processor webhooks wait here.
    execution_queue_url: refunds that may be brought forward. simulation_queue_url: chunks of simulations.
    approval_queue_url: approvals to be looked after. approval_state_machine_arn: what waits for decisions.
    audit_queue_url: what the audit chain has to take up.
    parked_events_queue_url: events that the bus would not take. undelivered_events_queue_url and the three
    …dead_letter_queue_url: what was given up and waits for a person. reports_bucket: the daily reports, and
    the rows of simulations.
    stripe_api_base: empty for Stripe, else a sandbox.
    slack_api_base: empty for Slack, else a sandbox.
    notify_queue_url: what people are told of. mail_from: the verified address that mails are sent from; empty: none
    are. mail_configuration_set: SES's, or empty.
    webhooks_queue_url: public events, and recoveries. prompt_… and patient_deliveries_queue_url and …_arn: deliveries
    to be tried. delivery_schedule_group and …_role_arn: for those that wait longer than a queue can hold them.
    public_api_base: where the API is reached from outside; empty where each request tells it.
    """

    stage: str
    table: str
    kms_key_id: str
    event_bus: str
    execution_queue_url: str
    processor_events_queue_url: str
    parked_events_queue_url: str
    undelivered_events_queue_url: str
    execution_dead_letter_queue_url: str
    processor_events_dead_letter_queue_url: str
    simulation_queue_url: str
    simulation_dead_letter_queue_url: str
    approval_queue_url: str
    approval_dead_letter_queue_url: str
    approval_state_machine_arn: str
    audit_queue_url: str
    audit_dead_letter_queue_url: str
    reports_bucket: str
    notify_queue_url: str
    notify_dead_letter_queue_url: str
    webhooks_queue_url: str
    webhooks_dead_letter_queue_url: str
    prompt_deliveries_queue_url: str
    prompt_deliveries_queue_arn: str
    patient_deliveries_queue_url: str
    patient_deliveries_queue_arn: str
    deliveries_dead_letter_queue_url: str
    deliveries_dead_letter_queue_arn: str
    delivery_schedule_group: str
    delivery_schedule_role_arn: str
    stripe_api_base: str = ""
    slack_api_base: str = ""
    public_api_base: str = ""
    mail_from: str = ""
    mail_configuration_set: str = ""

    @classmethod
    def parse(cls, environment: Mapping[str, str]) -> Settings:
        """The settings in ``environment``. Raises MissingSetting with the first name that is not there."""
        values: dict[str, str] = {}
        for field in fields(cls):
            name = f"REFUNDKIT_{field.name.upper()}"
            value = environment.get(name, "")
            if not value and field.default is MISSING:
                raise MissingSetting(name)
            values[field.name] = value
        return cls(**values)
