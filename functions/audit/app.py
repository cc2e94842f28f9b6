"""The audit trail: as a list, as a file, and whether it is what it was."""

from refundkit.contracts import audit as wire
from refundkit_core.entrypoints import audit_views as views
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from

api = Api()
handler = api.handler
prepare("authenticate", "read_audit")
READ = "audit:read"


@api.route("GET", "/v1/audit", scope=READ, query=wire.ListAuditQuery, answers=list[wire.AuditEntryView])
def list_audit(call: Call) -> Answer:
    """What was done and decided, newest first: in this environment, and to the organization as a whole."""
    page = container().read_audit.page(call.caller.tenant, views.wanted_entries_from(call), slice_from(call))
    return Answer([views.entry_view(kept) for kept in page.found], pagination(call, page))


@api.route("GET", "/v1/audit/export", scope=READ, query=wire.ExportAuditQuery, answers=wire.AuditExportView)
def export_audit(call: Call) -> Answer:
    """A file of what the list shows, as CSV, up to 10,000 rows: an address that holds for a quarter of an hour."""
    wanted = views.wanted_entries_from(call)
    return Answer(views.export_view(container().read_audit.export(call.caller.tenant, wanted, call.query.cursor)))


@api.route("GET", "/v1/audit/verify", scope=READ, query=wire.VerifyAuditQuery, answers=wire.AuditVerificationView)
def verify_audit(call: Call) -> Answer:
    """Whether the organization's trail is what it was when it was chained. A long one is walked in several calls."""
    earlier, tenant = views.earlier_head_from(call), call.caller.tenant
    seen = container().read_audit.verify(tenant, earlier, call.query.cursor, call.time_left_s)
    return Answer(views.verification_view(seen))
