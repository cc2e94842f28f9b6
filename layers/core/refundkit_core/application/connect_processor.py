"""Connect, show and disconnect a processor account: the use cases behind ``/v1/processors/{name}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from refundkit_core.application.audit import BY_PROGRAM, Auditor, By
from refundkit_core.application.ports import Clock, ConnectionStore, Ids, ProcessorSetup
from refundkit_core.application.records import Connection, ListedConnection
from refundkit_core.domain.errors import Detail, Invalid, NotFound, Upstream
from refundkit_core.domain.tenancy import Tenant


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a merchant gives us of a processor account. Never shown, logged or stored in the clear.

    ``connected_account`` is a platform's connected account, whose refunds may take the transfer or the platform's fee
    back. ``webhook_secret`` is that of an endpoint that the merchant keeps at the processor; without it we create one.
    ``merchant_id`` is whose policy judges its transactions where none is registered.
    """

    secret_key: str
    connected_account: str | None = None
    reverse_transfer: bool = False
    refund_application_fee: bool = False
    webhook_secret: str | None = None
    merchant_id: str | None = None


class ConnectProcessor:
    """One connection a processor, organization and environment."""

    def __init__(
        self, connections: ConnectionStore, setups: Mapping[str, ProcessorSetup], clock: Clock, ids: Ids
    ) -> None:
        self._connections = connections
        self._setups = setups
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def __call__(
        self,
        tenant: Tenant,
        processor: str,
        given: Credentials,
        webhook_base_url: str,
        by: By = BY_PROGRAM,
    ) -> Connection:
        """Verify the credentials with one call, then keep them; the same account again keeps its id and endpoint.

        Raises:
            NotFound: no processor has this name.
            Invalid: the processor refuses the key, or it is of the other mode.
            Upstream: the processor did not answer.
        """
        setup = self._setups.get(processor)
        if setup is None:
            raise NotFound(f"No processor is called {processor}")
        account = setup.account(given.secret_key, given.connected_account)
        if account.livemode != (tenant.environment == "live"):
            detail = Detail("secretKey", f"A key of the {tenant.environment} mode is needed here")
            raise Invalid("The key is of the other mode", (detail,))
        known = self._connections.of(tenant, processor)
        known = known if known is not None and known.status != "inactive" else None
        kept = known if known is not None and known.account_id == account.account_id else None
        connection = Connection(
            id=kept.id if kept else self._ids.new("con"),
            tenant=tenant,
            processor=processor,
            account_id=account.account_id,
            secret_key=given.secret_key,
            webhook_secrets=kept.webhook_secrets if kept else (),
            status="active",
            version=kept.version + 1 if kept else 1,
            connected_account=given.connected_account,
            reverse_transfer=given.reverse_transfer,
            refund_application_fee=given.refund_application_fee,
            webhook_endpoint=kept.webhook_endpoint if kept else None,
            merchant_id=given.merchant_id or (kept.merchant_id if kept else None),
        )
        connection = self._with_webhook(setup, connection, given, webhook_base_url)
        entry = self._auditor.entry(by, "connections connect", connection.id, tenant)
        self._connections.put(connection, self._clock.now(), entry)
        if known is not None and kept is None:
            self._remove_endpoint(setup, known)
        return connection

    def show(self, tenant: Tenant, processor: str) -> Connection:
        """The tenant's connection, inactive ones included. Raises NotFound."""
        connection = self._connections.of(tenant, processor)
        if connection is None:
            raise NotFound("No such connection")
        return connection

    def listed(self, tenant: Tenant) -> Sequence[ListedConnection]:
        """The tenant's connections, without their credentials."""
        return self._connections.listed(tenant)

    def disconnect(self, tenant: Tenant, processor: str, by: By = BY_PROGRAM) -> Connection:
        """Stop using the account: refunds that were not handed over fail, webhooks are no longer taken.

        Raises NotFound. Disconnecting again changes nothing.
        """
        connection = self.show(tenant, processor)
        if connection.status != "inactive":
            entry = self._auditor.entry(by, "connections disconnect", processor, tenant)
            self._connections.disconnect(tenant, processor, self._clock.now(), entry)
            setup = self._setups.get(processor)
            if setup is not None:
                self._remove_endpoint(setup, connection)
        return replace(connection, status="inactive")

    def _with_webhook(
        self, setup: ProcessorSetup, connection: Connection, given: Credentials, webhook_base_url: str
    ) -> Connection:
        """The connection with the secrets that may sign its webhooks: the newest two, so that one can be rotated."""
        if given.webhook_secret is not None:
            older = [secret for secret in connection.webhook_secrets if secret != given.webhook_secret]
            return replace(connection, webhook_secrets=(given.webhook_secret, *older[:1]))
        if connection.webhook_secrets:
            return connection
        endpoint = setup.create_webhook_endpoint(connection, webhook_url(webhook_base_url, connection))
        return replace(connection, webhook_secrets=(endpoint.secret,), webhook_endpoint=endpoint.endpoint_id)

    @staticmethod
    def _remove_endpoint(setup: ProcessorSetup, connection: Connection) -> None:
        """Tidy up at the processor; what cannot be removed there is refused here in any case."""
        if connection.webhook_endpoint is not None:
            with suppress(Upstream, NotFound):
                setup.remove_webhook_endpoint(connection, connection.webhook_endpoint)


def webhook_url(base_url: str, connection: Connection) -> str:
    """Where the connection's processor posts its news."""
    return f"{base_url.rstrip('/')}/v1/processors/{connection.processor}/webhook/{connection.id}"
