"""People decide on the pages, by link and code or signed in; nothing else decides anything."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.domain.approval_links import opened, sealed
from refundkit_core.domain.members import Member
from refundkit_core.domain.routing import ApprovalSettings

from tests.integration.conftest import World
from tests.integration.test_notify import approval_event, hear, hire, sent, set_up, waiting
from tests.support.browser import Browser, Seen, code_in, link_in
from tests.support.functions import function_module

PLAIN = ApprovalSettings(version=1)


class Office:
    """An organization with three approvers, one refund that waits, and everybody's mail."""

    def __init__(self, world: World, settings: ApprovalSettings = PLAIN) -> None:
        self.world = world
        set_up(world, settings)
        self.ann, self.ben = hire(world, "Ann"), hire(world, "Ben")
        self.refund = waiting(world)
        world.call(
            "PUT",
            f"/v1/transactions/{self.refund['transactionId']}",
            {"orderId": "A-1001", "items": [{"sku": "TV-55", "quantity": 1, "amount": 90_000}]},
        )
        hear(approval_event(world, self.refund))

    @property
    def id(self) -> str:
        return str(self.refund["approvalId"])

    @property
    def page(self) -> str:
        return f"/api/approvals/{self.id}"

    def mail(self, member: Member, number: int = -1) -> str:
        """A mail that a member got."""
        mails = [mail.body for mail in sent() if mail.destinations["ToAddresses"] == [member.email]]
        return str(mails[number])

    def link(self, member: Member) -> str:
        """The newest one."""
        mails = [mail.body for mail in sent() if mail.destinations["ToAddresses"] == [member.email]]
        return next(link_in(mail) for mail in reversed(mails) if "/approvals/callback" in mail)

    def code(self, member: Member) -> str:
        return code_in(self.mail(member))

    def enters(self, member: Member, browser: Browser | None = None, code: str | None = None) -> tuple[Browser, Seen]:
        """A member opens their link and enters a code: theirs, unless told otherwise."""
        browser = browser or Browser()
        door = browser.get(self.link(member))
        seen = browser.submit(door.form(token=token_of(self.link(member))), code=code or self.code(member))
        return browser, seen

    def signs_in(self, member: Member, browser: Browser | None = None, path: str = "/api/approvals") -> Browser:
        """A member signs in by their address."""
        browser = browser or Browser()
        form = browser.submit(browser.get(path).page.forms[0], email=member.email.upper())
        self.work()
        browser.submit(form.page.forms[0], code=self.code(member))
        return browser

    def work(self) -> None:
        """The notifications' queue is worked off."""
        sqs, queue = boto3.client("sqs"), self.world.container.settings.notify_queue_url
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                answer = function_module("notify").handler({"Records": [record]}, None)
                assert answer == {"batchItemFailures": []}
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def status(self) -> str:
        found = self.world.container.approvals.find(self.world.tenant, self.id)
        assert found is not None
        return found.status

    def changes(self, member: Member, **to: Any) -> None:
        """A member becomes something else."""
        members = self.world.container.members
        before = members.find(member.org_id, member.id)
        assert before is not None
        after = replace(before, version=before.version + 1, **to)
        auditor = Auditor(self.world.clock, self.world.container.ids)
        entry = auditor.entry(BY_PROGRAM, "members change", member.id, member.org_id)
        members.change(members.roster(member.org_id), before, after, (), entry)

    def deactivates(self, member: Member) -> None:
        self.changes(member, active=False, deactivated_at=self.world.clock.now())

    def trail(self, command: str) -> list[tuple[str, str, Any]]:
        """Who was refused what, by which channel, in alphabetical order."""
        entries = self.world.container.trail.of(self.world.tenant)
        found = [(each.actor, each.channel, each.details.get("code")) for each in entries if each.command == command]
        return sorted(found)

    def stored(self) -> list[dict[str, Any]]:
        """Everything in the table, in a fixed order."""
        items = self.world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
        return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))

    def queued(self) -> int:
        """How many letters wait to be written."""
        queue = self.world.container.settings.notify_queue_url
        said = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        return int(said["Attributes"]["ApproximateNumberOfMessages"])


def token_of(link: str) -> str:
    return parse_qs(urlsplit(link).query)["token"][0]


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


def test_by_link_and_code_a_person_sees_the_case_and_approves_it(office: Office) -> None:
    browser, case = office.enters(office.ann)

    assert case.status == 200
    for shown in ("800.00 USD", "A-1001", "TV-55", "product defective", "Ann", "What the rules say", "Risk"):
        assert shown in case.text
    done = browser.submit(case.form(deed="approve"), text="Looks right")

    assert done.status == 200
    assert "You have approved this refund" in done.text
    assert office.status() == "approved"
    approval = office.world.container.approvals.find(office.world.tenant, office.id)
    assert approval is not None
    assert approval.ruling is not None
    assert (approval.ruling.act.by, approval.ruling.act.via, approval.ruling.comment) == (
        office.ann.id, "email", "Looks right"
    )  # fmt: skip
    office.world.execute(office.refund["id"])
    (paid,) = office.world.paid_at_stripe(office.refund["id"])
    assert paid["amount"] == 80_000


def test_a_scanner_that_follows_the_link_fifty_times_changes_nothing(office: Office) -> None:
    link, before, letters = office.link(office.ann), office.stored(), office.queued()
    browsers = [Browser(), Browser()]
    for number in range(50):
        for path in (link, office.page, "/api/approvals", "/api/approvals/sign-in"):
            for method in ("GET", "HEAD", "OPTIONS"):
                browsers[number % 2].send(method, path)
    for browser in browsers:
        for token in (token_of(link), ""):
            for path in ("/api/approvals/callback", f"{office.page}/decision", "/api/approvals/sign-out"):
                fields = {"token": token, "deed": "approve", "revision": "1"}
                assert browser.send("POST", path, urlencode(fields)).status == 403

    assert office.stored() == before
    assert office.queued() == letters
    browser, case = office.enters(office.ann)
    browser.submit(case.form(deed="reject"), text="Not ours")
    assert office.status() == "rejected"


def test_looking_with_a_session_changes_nothing_either(office: Office) -> None:
    browser, _ = office.enters(office.ann)
    before = office.stored()
    for _ in range(10):
        for path in (office.link(office.ann), office.page, "/api/approvals", f"{office.page}?done=approve"):
            for method in ("GET", "HEAD", "OPTIONS"):
                browser.send(method, path)

    assert office.stored() == before


def test_before_identification_nothing_is_shown_but_the_shops_name(office: Office) -> None:
    shown = [Browser().get(path).text for path in (office.link(office.ann), office.page, "/api/approvals")]
    secrets = ["800", "A-1001", "TV-55", "Ann", "ann@", "mary", "defective", office.refund["transactionId"]]
    secrets += [office.refund["id"], office.ann.id, office.code(office.ann)]

    assert "acme" in shown[0]
    for text in shown:
        body = re.sub(r"<style>.*?</style>", "", text, flags=re.S).replace(token_of(office.link(office.ann)), "")
        for secret in secrets:
            assert secret not in body


def test_a_wrong_code_shows_nothing_and_says_what_is_left(office: Office) -> None:
    wrong = other_than(office.code(office.ann))
    browser = Browser()
    for left in (4, 3, 2):
        _, seen = office.enters(office.ann, browser, wrong)
        assert seen.status == 403
        assert f"{left} tries are left" in seen.text
        assert "A-1001" not in seen.text
    assert office.enters(office.ann, browser)[1].status == 200
    assert office.trail("approval code refused") == [(office.ann.id, "link", "unauthorized")] * 3


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def voided(office: Office) -> None:
    """Ann's code, after five wrong tries."""
    wrong = other_than(office.code(office.ann))
    for _ in range(5):
        assert office.enters(office.ann, code=wrong)[1].status == 403


def test_after_five_wrong_codes_a_new_one_comes_by_mail_and_only_it_works(office: Office) -> None:
    old, wrong = office.code(office.ann), other_than(office.code(office.ann))
    for _ in range(4):
        office.enters(office.ann, code=wrong)
    _, fifth = office.enters(office.ann, code=wrong)
    assert "a new one is on its way" in fifth.text
    assert office.enters(office.ann, code=old)[1].status == 403  # even the right one

    office.work()

    new = office.code(office.ann)
    assert new != old
    assert office.enters(office.ann, code=old)[1].status == 403
    assert office.enters(office.ann, code=new)[1].status == 200


def test_three_new_codes_an_hour_and_then_later(office: Office) -> None:
    for _ in range(3):
        voided(office)
        office.work()
    mails = len(sent())
    voided(office)
    office.work()

    assert len(sent()) == mails
    _, seen = office.enters(office.ann, code="000000")
    assert "ask again later" in seen.text


def test_a_code_opens_its_own_link_only(office: Office) -> None:
    assert office.enters(office.ann, code=office.code(office.ben))[1].status == 403


@pytest.mark.parametrize(
    "what", ["one byte", "cut", "foreign tenant", "no such approval", "nothing", "another's secret"]
)
def test_every_link_that_is_none_of_ours_gets_the_same_page(office: Office, what: str) -> None:
    token = token_of(office.link(office.ann))
    secret = office.world.container.organizations.secret(office.world.tenant.org_id)
    link = opened(token, secret)
    other = office.world.container.provision.create_organization("other", "Eve", "eve@example.com")
    tokens = {
        "one byte": token[:50] + ("A" if token[50] != "A" else "B") + token[51:],
        "cut": token[:-1],
        "foreign tenant": sealed(link._replace(tenant=replace(link.tenant, org_id=other.org_id)), secret),
        "no such approval": sealed(link._replace(approval_id="apr_" + "0" * 26), secret),
        "nothing": "",
        "another's secret": sealed(link, b"x"),
    }
    before = office.stored()
    seen = Browser().get(f"/api/approvals/callback?token={tokens[what]}")
    garbage = Browser().get("/api/approvals/callback?token=garbage")

    assert (seen.status, seen.text) == (404, garbage.text)
    browser = Browser()
    form = browser.get(office.link(office.ann)).form(token=token)
    assert browser.submit(form, token=tokens[what], code=office.code(office.ann)).text == garbage.text
    assert office.stored() == before


def test_another_environments_link_leads_nowhere(office: Office) -> None:
    secret = office.world.container.organizations.secret(office.world.tenant.org_id)
    link = opened(token_of(office.link(office.ann)), secret)
    live = sealed(link._replace(tenant=replace(link.tenant, environment="live")), secret)

    assert Browser().get(f"/api/approvals/callback?token={live}").status == 404


def test_after_its_expiry_a_link_is_gone(office: Office) -> None:
    browser = Browser()
    form = browser.get(office.link(office.ann)).form(token=token_of(office.link(office.ann)))
    office.world.clock.advance(hours=24)

    assert Browser().get(office.link(office.ann)).status == 410
    seen = browser.submit(form, code=office.code(office.ann))
    assert seen.status == 410
    assert "lapsed" in seen.text
    assert office.trail("approval link refused") == [(office.ann.id, "link", "approval_link_expired")]
    assert office.status() == "pending"


def test_after_the_decision_a_link_says_so_and_names_nobody(office: Office) -> None:
    browser, case = office.enters(office.ben)
    other, others_case = office.enters(office.ann)
    browser.submit(case.form(deed="reject"), text="No")

    late = Browser().get(office.link(office.ann))
    assert late.status == 409
    assert "Ben" not in late.text
    known = other.submit(others_case.form(deed="approve"))
    assert known.status == 409
    assert "Decided by Ben" in known.text
    assert "20 November 2026" in known.text
    assert office.status() == "rejected"
    assert office.trail("approval decision refused") == [(office.ann.id, "email", "approval_already_decided")]


def test_deciding_the_same_again_is_no_mistake(office: Office) -> None:
    browser, case = office.enters(office.ann)
    form = case.form(deed="approve")
    browser.submit(form)

    assert browser.submit(form).status == 200


def test_a_superseded_question_is_not_answered(office: Office) -> None:
    browser, case = office.enters(office.ann)
    world = office.world
    asking = browser.submit(case.form(deed="request_info"), text="How much?", action="request_evidence")
    assert asking.status == 200
    answer = {"answer": "Half of it will do", "amount": 40_000}
    key = world.organization.test_key
    event = gateway(world, "POST", f"/v1/refunds/{office.refund['id']}/info", answer, key)
    assert event["statusCode"] == 200, event["body"]

    assert Browser().get(office.link(office.ann)).status == 409
    seen = browser.submit(case.form(deed="approve"))
    assert seen.status == 409
    assert "nothing was paid" in seen.text
    assert office.status() == "pending"
    assert world.paid_at_stripe(office.refund["id"]) == []
    assert office.trail("approval decision refused") == [(office.ann.id, "email", "approval_superseded")]


def gateway(world: World, method: str, path: str, body: Any, key: str) -> Any:
    """A request to the API that is not checked against its description."""
    from tests.support.requests import gateway_event

    event = gateway_event(method, path, body, key=key)
    return function_module(event.pop("function")).handler(event, None)


def test_a_deactivated_member_is_refused_by_link_and_by_session(office: Office) -> None:
    browser, case = office.enters(office.ann)
    signed_in = office.signs_in(office.ann)
    office.deactivates(office.ann)

    assert office.enters(office.ann, code="000000")[1].status == 403
    assert browser.get(office.page).status == 403
    assert browser.submit(case.form(deed="approve")).status == 403
    assert signed_in.get(office.page).status == 403
    assert signed_in.get("/api/approvals").status == 403
    assert office.status() == "pending"
    assert office.trail("approval link refused") == [(office.ann.id, "link", "unauthorized")]
    assert office.trail("approval decision refused") == [(office.ann.id, "email", "unauthorized")]


def owner_of(office: Office) -> Member:
    (owner,) = (each for each in office.world.container.members.all(office.ann.org_id) if each.role == "owner")
    return owner


def test_nobody_decides_their_own_request_by_link_or_session(office: Office) -> None:
    owner = owner_of(office)  # whose key has asked for the refund
    assert all(mail.destinations["ToAddresses"] != [owner.email] for mail in sent())
    container = office.world.container
    approval = container.approvals.find(office.world.tenant, office.id)
    assert approval is not None
    invitation = container.invite_approver(approval, PLAIN, owner.id)
    by_link = Browser()
    door = by_link.get(invitation.url)
    by_link.submit(door.form(token=token_of(invitation.url)), code=invitation.code)
    signed_in = office.signs_in(owner)

    for browser in (by_link, signed_in):
        case = browser.get(office.page)
        assert "somebody else has to decide it" in case.text
        form = case.page.forms[0]._replace(action=f"{office.page}/decision")
        assert browser.submit(form, deed="approve", revision="1").status == 403
    assert office.status() == "pending"
    assert office.trail("approval decision refused") == [
        (owner.id, "email", "self_approval_forbidden"),
        (owner.id, "session", "self_approval_forbidden"),
    ]


def test_above_ones_limit_nobody_decides(office: Office) -> None:
    from refundkit_core.domain.money import Money

    browser, case = office.enters(office.ann)
    office.changes(office.ann, approval_limit=Money(79_999, "usd"))
    seen = browser.submit(case.form(deed="approve"))

    assert (seen.status, office.status()) == (403, "pending")
    assert "above your limit" in seen.text
    assert browser.submit(case.form(deed="approve"), amount="799.99").status == 200
    assert office.status() == "approved"


def test_two_people_approve_through_two_links(world: World) -> None:
    office = Office(world, ApprovalSettings(two_person_above_minor=10_000, version=1))
    ann, case = office.enters(office.ann)
    first = ann.submit(case.form(deed="approve"))
    assert "One more person has to approve" in first.text
    assert office.status() == "pending"
    assert all(form.fields.get("deed") != "approve" for form in first.page.forms)

    ben, case = office.enters(office.ben)
    assert "Approved by Ann" in case.text
    ben.submit(case.form(deed="approve"))
    assert office.status() == "approved"


@pytest.mark.parametrize("csrf", ["", "0" * 64, "foreign"])
def test_without_the_forms_own_token_nothing_happens(office: Office, csrf: str) -> None:
    browser, case = office.enters(office.ann)
    if csrf == "foreign":
        _, others = office.enters(office.ben)
        csrf = others.page.forms[0].fields["csrf"]
    before = office.stored()

    for deed in ("approve", "reject", "comment", "escalate", "request_info"):
        assert browser.submit(case.form(deed="approve"), csrf=csrf, deed=deed, text="x").status == 403
    assert browser.submit(case.page.forms[0], csrf=csrf).status == 403  # signing out
    assert office.stored() == before


def test_a_form_without_its_cookie_counts_for_nothing(office: Office) -> None:
    browser, case = office.enters(office.ann)
    form = case.form(deed="approve")
    browser.cookies.clear()

    assert browser.submit(form).status == 403
    assert office.status() == "pending"


def test_a_pass_is_for_one_approval_only(office: Office) -> None:
    browser, _ = office.enters(office.ann)
    other = office.world.refund(office.world.charge(amount=90_000)["id"], amount=80_000)

    assert other["approvalId"] != office.id
    assert browser.get(f"/api/approvals/{other['approvalId']}").status == 404
    assert "Sign in to decide refunds" in browser.get("/api/approvals").text


def test_a_member_signs_in_sees_what_waits_and_decides(office: Office) -> None:
    browser = office.signs_in(office.ben)
    found = browser.get("/api/approvals")
    assert "Refund of 800.00 USD" in found.text
    assert "test data" in found.text

    case = browser.get(found.page.links[0])
    done = browser.submit(case.form(deed="approve"), amount="700,00")

    assert "You have approved" in done.text
    approval = office.world.container.approvals.find(office.world.tenant, office.id)
    assert approval is not None
    assert approval.ruling is not None
    assert (approval.amount_minor, approval.ruling.act.via) == (70_000, "session")
    assert "Nothing waits for you now" in browser.get("/api/approvals").text


def test_who_came_for_a_case_gets_there_after_signing_in(office: Office) -> None:
    browser = office.signs_in(office.ann, path=office.page)

    assert "A-1001" in browser.get(office.page).text
    assert "A-1001" in browser.get(office.link(office.ann)).text  # no code is asked of who is signed in


def test_the_answer_to_an_address_is_the_same_for_everybody(office: Office) -> None:
    answers = []
    for address in (office.ann.email, "nobody@acme.example", "", "x" * 300):
        browser = Browser()
        seen = browser.submit(browser.get("/api/approvals/sign-in").page.forms[0], email=address)
        text = re.sub(r'value="[^"]*"', "", seen.text)
        wrong = browser.submit(seen.page.forms[0], code="000000")
        answers.append((seen.status, text, wrong.status, re.sub(r'value="[^"]*"', "", wrong.text)))
    mails = len(sent())
    office.work()

    assert len(set(answers)) == 1
    assert len(sent()) == mails + 1


def test_a_code_for_signing_in_holds_once_and_a_quarter_of_an_hour(office: Office) -> None:
    browser = Browser()
    asked = browser.submit(browser.get("/api/approvals/sign-in").page.forms[0], email=office.ann.email)
    office.work()
    form, code = asked.page.forms[0], office.code(office.ann)
    office.world.clock.advance(minutes=14)
    assert browser.submit(form, code=code).status == 200

    again = Browser()
    again.cookies = {name: value for name, value in browser.cookies.items() if "form" in name}
    assert again.submit(form, code=code).status == 403


def test_by_an_address_that_a_member_has_given_up_nobody_signs_in(office: Office) -> None:
    former = office.ann.email
    office.changes(office.ann, email="ann@elsewhere.example")
    mails = len(sent())
    browser = Browser()
    browser.submit(browser.get("/api/approvals/sign-in").page.forms[0], email=former)
    office.work()

    assert len(sent()) == mails


def test_three_codes_for_signing_in_an_hour(office: Office) -> None:
    mails = len(sent())
    for _ in range(6):
        browser = Browser()
        browser.submit(browser.get("/api/approvals/sign-in").page.forms[0], email=office.ann.email)
        office.work()
        office.world.clock.advance(minutes=2)

    assert len(sent()) == mails + 3


def test_a_session_ends_after_eight_hours_and_by_signing_out(office: Office) -> None:
    browser = office.signs_in(office.ann)
    kept = dict(browser.cookies)
    office.world.clock.advance(hours=7, minutes=59)
    assert "What waits for you" in browser.get("/api/approvals").text
    office.world.clock.advance(minutes=1)
    assert "Sign in to decide" in browser.get("/api/approvals").text

    browser = office.signs_in(office.ben)
    kept = dict(browser.cookies)
    browser.submit(browser.get("/api/approvals").page.forms[0])
    assert "Sign in to decide" in browser.get("/api/approvals").text
    browser.cookies = kept  # what a thief has copied
    assert "Sign in to decide" in browser.get("/api/approvals").text


def test_a_pass_ends_with_its_link(office: Office) -> None:
    office.world.clock.advance(hours=23)
    browser, _ = office.enters(office.ann)
    office.world.clock.advance(hours=1)

    assert "Sign in to decide" in browser.get(office.page).text


def test_every_page_has_strict_headers_no_script_and_labels(office: Office) -> None:
    browser, case = office.enters(office.ann)
    signed_in = office.signs_in(office.ben)
    pages = [
        case,
        Browser().get(office.link(office.ben)),
        Browser().get("/api/approvals/sign-in"),
        Browser().get("/api/approvals/callback?token=x"),
        signed_in.get("/api/approvals"),
        office.enters(office.ben, code="000000")[1],
        browser.submit(case.form(deed="comment")),
        browser.submit(case.form(deed="approve"), csrf=""),
    ]
    for seen in pages:
        policy = seen.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
        assert "script" not in policy
        assert "unsafe" not in policy
        assert seen.headers["referrer-policy"] == "no-referrer"
        assert seen.headers["x-content-type-options"] == "nosniff"
        assert seen.headers["cache-control"] == "no-store"
        assert seen.headers["x-robots-tag"] == "noindex, nofollow"
        assert seen.headers["strict-transport-security"].startswith("max-age=31536000")
        assert seen.headers["content-type"] == "text/html; charset=utf-8"
        page = seen.page
        assert "script" not in page.tags
        assert page.fields == page.labels
        assert page.tags.count("h1") == 1
        assert '<html lang="en">' in seen.text
        assert all(form.fields["csrf"] for form in page.forms)
        assert not re.search(r'\bon\w+="|style="|javascript:', seen.text)


def test_the_style_sheet_is_the_one_that_the_policy_names(office: Office) -> None:
    import base64
    import hashlib

    seen = Browser().get("/api/approvals/sign-in")
    found = re.search(r"<style>(.*?)</style>", seen.text, flags=re.S)
    assert found is not None
    digest = base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in seen.headers["content-security-policy"]


def test_cookies_are_bound_to_the_host_where_there_is_tls(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    loopback = Browser().send("GET", "/api/approvals/sign-in").headers["set-cookie"]
    assert loopback.startswith("refundkit-form=")
    assert "Secure" not in loopback

    container = office.world.container
    public = replace(container.settings, public_api_base="https://refunds.example/api")
    monkeypatch.setattr(container, "settings", public)
    cookie = Browser().send("GET", "/api/approvals/sign-in").headers["set-cookie"]
    assert cookie.startswith("__Host-refundkit-form=")
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_markup_that_people_wrote_is_shown_as_they_wrote_it(office: Office) -> None:
    browser, case = office.enters(office.ann)
    browser.submit(case.form(deed="comment"), text="<script>alert(1)</script> & 'x'")

    text = browser.get(office.page).text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "800.01"},
        {"amount": "0"},
        {"amount": "-1"},
        {"amount": "1.234"},
        {"amount": "٣"},
        {"revision": "x"},
        {"deed": "delete"},
        {"deed": "reject", "text": " "},
        {"deed": "request_info", "text": "Why?", "action": "x"},
        {"deed": "comment", "text": "x" * 501},
        {"deed": "comment", "text": "write to me@shop.example"},
    ],
)
def test_a_form_that_is_filled_in_wrongly_decides_nothing(office: Office, fields: dict[str, str]) -> None:
    browser, case = office.enters(office.ann)
    seen = browser.submit(case.form(deed="approve"), **fields)

    assert seen.status == 400
    assert office.page in seen.page.links
    assert office.status() == "pending"


@pytest.mark.parametrize("kind", ["json", "not utf-8", "too many fields", "too large"])
def test_a_body_that_is_no_form_is_refused(office: Office, kind: str) -> None:
    bodies = {"json": "{}", "not utf-8": "a=%FF%FE", "too many fields": "&".join("a=1" for _ in range(50))}
    body = bodies.get(kind, "a=" + "x" * 300_000)
    headers = {"content-type": "application/json"} if kind == "json" else {}

    seen = Browser().send("POST", "/api/approvals/sign-in", body, **headers)
    assert seen.status in (400, 403, 413)
    assert office.queued() == 0


def test_a_log_line_names_no_token_code_or_address(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    office.enters(office.ann)
    office.signs_in(office.ben)
    said = capsys.readouterr().out

    for secret in (token_of(link_in(office.mail(office.ann))), "@", office.code(office.ben)):
        assert secret not in said
    assert all(json.loads(line)["message"] for line in said.splitlines())


def test_a_reminder_renews_link_and_keeps_the_code(office: Office) -> None:
    code = office.code(office.ann)
    office.world.clock.advance(hours=24, minutes=1)
    function_module("approval_steps").handler({"Records": [look_at(office)]}, None)
    hear(approval_event(office.world, office.refund))

    assert office.code(office.ann) != code  # the first one has lapsed with its link
    assert office.enters(office.ann)[1].status == 200


def look_at(office: Office) -> dict[str, str]:
    tenant = office.world.tenant
    about = {"organizationId": tenant.org_id, "environment": tenant.environment, "data": {"approvalId": office.id}}
    return {"messageId": "m-2", "body": json.dumps({"detail": about})}


def test_the_clock_of_a_session_is_ours(office: Office) -> None:
    from refundkit_core.domain.sessions import LASTS

    assert timedelta(hours=8) == LASTS
