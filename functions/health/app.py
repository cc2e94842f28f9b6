"""Health, the description of the API, and the answer to every path that no other function serves."""

from pathlib import Path

from refundkit import __version__
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.documents import read_document
from refundkit_core.entrypoints.http import Answer, Api, Call, Document

api = Api()
handler = api.handler
DESCRIPTION = Path(__file__).with_name("openapi.json")


@api.route("GET", "/v1/health", scope=None, answers="refundkit.contracts.health.HealthView")
def get_health(_call: Call) -> Answer:
    """Whether the API answers; touches nothing that is billed by the call."""
    settings, now = container().settings, container().clock.now()
    return Answer({"status": "ok", "stage": settings.stage, "version": __version__, "time": iso(now)})


@api.route("GET", "/v1/openapi.json", scope=None, answers=Document)
def get_openapi(_call: Call) -> Document:
    """This description of the API, as it stands: not in the envelope, because tools read it."""
    return read_document(DESCRIPTION)
