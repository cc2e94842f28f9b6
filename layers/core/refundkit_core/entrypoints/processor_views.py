"""Processor connections between the wire and the use cases."""

from __future__ import annotations

from typing import Any

from refundkit.contracts.processors import ConnectProcessorRequest, ProcessorView

from refundkit_core.application.connect_processor import Credentials, webhook_url
from refundkit_core.application.records import Connection
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Call


def credentials_from(call: Call) -> Credentials:
    """The credentials in a ``PUT /v1/processors/{name}``."""
    body: ConnectProcessorRequest = call.body
    return Credentials(
        secret_key=body.secret_key,
        connected_account=body.connected_account,
        reverse_transfer=body.reverse_transfer,
        refund_application_fee=body.refund_application_fee,
        webhook_secret=body.webhook_secret,
        merchant_id=body.merchant_id,
    )


def public_base(call: Call) -> str:
    """Where the API is reached from outside: by setting, else as this request reached it."""
    configured = container().settings.public_api_base
    context: Any = call.event.get("requestContext") or {}
    return configured or f"https://{context.get('domainName', '')}/{context.get('stage', '')}".rstrip("/")


def connection_view(connection: Connection, base_url: str) -> ProcessorView:
    """A connection as the wire shows it."""
    status: Any = connection.status
    return ProcessorView(
        name=connection.processor,
        connection_id=connection.id,
        environment=connection.tenant.environment,
        status=status,
        account_id=connection.account_id,
        connected_account=connection.connected_account,
        merchant_id=connection.merchant_id,
        webhook_url=webhook_url(base_url, connection),
    )
