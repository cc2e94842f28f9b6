"""Health, and the answer to every path that no other function serves."""

from refundkit import __version__
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call

api = Api()
handler = api.handler


@api.route("GET", "/v1/health", scope=None, answers="refundkit.contracts.health.HealthView")
def get_health(_call: Call) -> Answer:
    """Whether the API answers; touches nothing that is billed by the call."""
    settings, now = container().settings, container().clock.now()
    return Answer({"status": "ok", "stage": settings.stage, "version": __version__, "time": iso(now)})
