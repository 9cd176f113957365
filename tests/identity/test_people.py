"""People and organisations as administrators see and change them: roles, invitations, the access review."""

import csv
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest

from service.audit.actions import COMMAND
from service.errors import NotFound
from service.identity.actions import add_member
from service.identity.members import accept_invitation
from service.identity.organisations import end_organisation
from service.identity.permissions import PERMISSIONS
from tests.identity.clients import (
    Client,
    as_owner,
    browser_of,
    e_mails,
    invitation_secret,
    membership_of,
    text_of,
)
from tests.identity.conftest import ADMIN, TREASURER, WORKER, World

NEIGHBOUR = "other@neighbour.example"
SECOND = "second@by.example"
At = Callable[[str], None]


@pytest.fixture
def admin(world: World) -> Iterator[Client]:
    with browser_of(world, ADMIN) as client:
        yield client


def add_second_administrator(world: World) -> None:
    with world.database.transaction() as session:
        world.accounts[SECOND] = add_member(session, world.by, SECOND, "Second", "administrator")


def live_roles(world: World) -> set[tuple[str, str]]:
    rows = as_owner(
        world,
        """SELECT a.email, m.role FROM directory.membership m JOIN directory.account a ON a.id = m.account_id
        WHERE m.ended_at IS NULL""",
    )
    return {(row.email, row.role) for row in rows}


def invited(world: World, client: Client, **changes: Any) -> Any:
    fields = {"email": "new@by.example", "name": "New", "role": "case_worker", "place": world.by}
    return client.send("/people/invite", fields | {"key": client.key("/people/invite")} | changes)


def invitations(world: World) -> list[Any]:
    return list(as_owner(world, "SELECT * FROM directory.invitation ORDER BY created_at, id"))


def trail(world: World) -> list[str]:
    rows = as_owner(world, "SELECT action FROM audit_entry WHERE action LIKE 'identity.%' ORDER BY at, id")
    return [row.action for row in rows if row.action != "identity.organisation.add"]


SOME = uuid4()
PAGES = [
    ("GET", "/people"),
    ("POST", "/people/search"),
    ("POST", "/people/file"),
    ("GET", f"/people/{SOME}/end"),
    ("POST", f"/people/{SOME}/end"),
    ("GET", "/people/review"),
    ("POST", "/people/review"),
    ("GET", "/people/invite"),
    ("POST", "/people/invite"),
    ("GET", "/people/invitations"),
    ("POST", f"/people/invitations/{SOME}/renew"),
    ("POST", f"/people/invitations/{SOME}/withdraw"),
    ("GET", "/organisations"),
    ("GET", "/organisations/new"),
    ("POST", "/organisations/new"),
    ("GET", f"/organisations/{SOME}/end"),
    ("POST", f"/organisations/{SOME}/end"),
]


@pytest.mark.parametrize("who", [WORKER, TREASURER])
def test_nobody_but_administrators_sees_or_does_any_of_it(world: World, who: str) -> None:
    before = live_roles(world)
    with browser_of(world, who) as client:
        for method, path in PAGES:
            answer = client.get(path) if method == "GET" else client.send(path)
            assert answer.status_code == 403, path
            assert "by.example" not in answer.text.replace(who, "")
        assert not {"/people", "/organisations"} & set(_links(client.get("/tokens").text))
    assert live_roles(world) == before


def _links(html: str) -> list[str]:
    return [part.split('"')[0] for part in html.split('href="')[1:]]


def test_who_is_not_signed_in_is_led_to_sign_in(world: World) -> None:
    with browser_of(world, None) as client:
        for method, path in PAGES:
            answer = client.get(path) if method == "GET" else client.send(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), path


def test_a_form_from_elsewhere_is_refused(world: World, admin: Client) -> None:
    for method, path in PAGES:
        if method == "POST":
            assert admin.send(path, token="forged").status_code == 403, path
    answer = admin.send(f"/people/{membership_of(world, WORKER)}/end", token="forged")
    assert answer.status_code == 403
    assert (WORKER, "case_worker") in live_roles(world)


def test_the_list_tells_who_has_which_role_where_and_how(world: World, admin: Client) -> None:
    shown = text_of(admin.get("/people").text)
    assert "3 roles" in shown
    assert "Fremad (club)" in shown
    assert "Case worker set up on the command line" in shown
    assert "neighbour.example" not in shown
    treasurer = text_of(admin.send("/people/search", {"q": "TREASURER@"}).text)
    assert "1 of 3 roles" in treasurer
    assert WORKER not in treasurer


def test_filters_stand_in_the_address_and_names_never(world: World, admin: Client) -> None:
    answer = admin.send("/people/search", {"q": "", "role": "case_worker", "sort": "reviewed"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/people?role=case_worker&sort=reviewed"
    shown = text_of(admin.get(answer.headers["location"]).text)
    assert WORKER in shown
    assert TREASURER not in shown
    of_club = text_of(admin.get(f"/people?place={world.club}").text)
    assert TREASURER in of_club
    assert WORKER not in of_club
    assert TREASURER not in text_of(admin.get("/people?place=here").text)
    # An address somebody made by hand does not search.
    assert TREASURER in text_of(admin.get("/people?q=worker").text)
    assert admin.get("/people?sort=password").status_code == 422


def test_a_long_list_comes_in_pages(world: World, admin: Client) -> None:
    with world.database.transaction() as session:
        for number in range(120):
            add_member(session, world.by, f"p{number:03}@by.example", f"Person {number:03}", "auditor")
    first, second = text_of(admin.get("/people").text), text_of(admin.get("/people?page=2").text)
    assert "Next page" in first
    assert "Previous page" in second
    assert ("Person 000" in first, "Person 119" in first) == (True, False)
    assert ("Person 000" in second, "Person 119" in second) == (False, True)
    searched = text_of(admin.send("/people/search", {"q": "person", "page": 2}).text)
    assert ("Person 099" in searched, "Person 100" in searched, "Previous page" in searched) == (False, True, True)
    assert "Person 119" in text_of(admin.get("/people?page=99").text)


def test_the_file_of_the_access_review_is_safe_in_a_spreadsheet(world: World, admin: Client) -> None:
    with world.database.transaction() as session:
        for number, name in enumerate(("=1+1", "+1", "-1", "@x", "\t=1", " =1", 'Plain; with "quotes"')):
            add_member(session, world.by, f"n{number}@by.example", name, "auditor")
    answer = admin.send("/people/file")
    assert answer.headers["content-disposition"].startswith('attachment; filename="access-review-')
    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert len(rows) == 1 + 3 + 7
    names = {row[0] for row in rows[1:]}
    assert {"'=1+1", "'+1", "'-1", "'@x", "'\t=1", "' =1", 'Plain; with "quotes"'} < names
    assert not [cell for row in rows for cell in row if cell.strip()[:1] in ("=", "+", "-", "@") and cell.strip()]
    [treasurer] = [row for row in rows if row[1] == TREASURER]
    assert treasurer[2:5] == ["club treasurer", "Fremad (club)", "set up on the command line"]
    [entry] = as_owner(world, "SELECT * FROM audit_entry WHERE action = 'identity.member.export'")
    assert (entry.tenant_id, entry.account_id, entry.door) == (world.by, world.accounts[ADMIN], "page")
    assert entry.details == {"members": 10}


def test_the_end_of_a_role_ends_access_at_the_next_request(world: World, admin: Client) -> None:
    with browser_of(world, TREASURER) as treasurer:
        assert treasurer.get("/tokens").status_code == 200
        path = f"/people/{membership_of(world, TREASURER)}/end"
        asked = text_of(admin.get(path).text)
        assert f"{TREASURER} has no other role here." in asked
        answer = admin.send(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/people")
        assert treasurer.get("/tokens").status_code == 403
    assert admin.send(path).status_code == admin.get(path).status_code == 404
    assert trail(world) == ["identity.member.end"]


def test_the_last_administrator_stays(world: World, admin: Client) -> None:
    path = f"/people/{membership_of(world, ADMIN)}/end"
    assert "This is your own role." in text_of(admin.get(path).text)
    answer = admin.send(path)
    assert answer.status_code == 409
    assert "last administrator" in text_of(answer.text)
    add_second_administrator(world)
    assert admin.send(path).headers["location"] == "/"
    assert admin.get("/people").status_code == 403


def test_of_two_administrators_who_end_each_other_one_stays(world: World) -> None:
    add_second_administrator(world)
    gate = Barrier(2)
    with browser_of(world, ADMIN) as first, browser_of(world, SECOND) as second:
        pairs = [(first, membership_of(world, SECOND)), (second, membership_of(world, ADMIN))]

        def end(pair: tuple[Client, UUID]) -> int:
            gate.wait()
            return int(pair[0].send(f"/people/{pair[1]}/end").status_code)

        with ThreadPoolExecutor(2) as both:
            statuses = sorted(both.map(end, pairs))
    # The slower one is refused: as the last one, or for the role was gone when the request came.
    assert statuses in ([303, 409], [303, 403])
    assert sum(role == "administrator" and "by.example" in email for email, role in live_roles(world)) == 1


def test_roles_and_invitations_of_a_neighbour_are_not_there(world: World, admin: Client) -> None:
    with browser_of(world, NEIGHBOUR) as neighbour:
        answer = neighbour.send(
            "/people/invite",
            {"email": "x@neighbour.example", "name": "X", "role": "auditor", "place": world.neighbour}
            | {"key": neighbour.key("/people/invite")},
        )
        assert answer.status_code == 303
    [open_] = invitations(world)
    role = membership_of(world, NEIGHBOUR)
    before = as_owner(world, "SELECT * FROM directory.membership ORDER BY id")
    assert admin.get(f"/people/{role}/end").status_code == 404
    assert admin.send(f"/people/{role}/end").status_code == 404
    assert admin.send("/people/review", {"keep": [membership_of(world, WORKER), role]}).status_code == 404
    for verb in ("renew", "withdraw"):
        assert admin.send(f"/people/invitations/{open_.id}/{verb}").status_code == 404
    assert invitations(world) == [open_]
    assert as_owner(world, "SELECT * FROM directory.membership ORDER BY id") == before
    assert len(e_mails(world)) == 1


def test_the_review_begins_with_who_was_never_reviewed_and_counts(world: World, at: At) -> None:
    at("2026-03-02T12:00Z")
    with browser_of(world, ADMIN) as admin:
        first = text_of(admin.get("/people/review").text)
        assert "0 of 3 reviewed this year" in first
        two = [membership_of(world, ADMIN), membership_of(world, WORKER)]
        assert admin.send("/people/review", {"keep": two}).status_code == 303
        shown = text_of(admin.get("/people/review").text)
        assert "2 of 3 reviewed this year" in shown
        assert shown.index(TREASURER) < shown.index(WORKER)
        nothing = admin.send("/people/review")
        assert nothing.status_code == 422
        assert "Tick the roles" in nothing.text
    rows = as_owner(world, "SELECT id FROM directory.membership WHERE reviewed_by = :by", by=world.accounts[ADMIN])
    assert {row.id for row in rows} == set(two)
    assert trail(world) == ["identity.member.review"]
    at("2027-03-02T11:59Z")
    with browser_of(world, ADMIN) as admin:
        shown = text_of(admin.get("/people/review").text)
        assert "0 of 3 reviewed this year" in shown
    at("2027-03-02T12:01Z")
    with browser_of(world, ADMIN) as admin:
        assert "overdue" in text_of(admin.get("/people/review").text)


def test_an_invitation_gives_exactly_that_role_once(world: World, admin: Client) -> None:
    answer = invited(world, admin, role="referrer", place=world.service, email="New@By.example ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people/invitations")
    [message] = e_mails(world)
    assert message.to == "new@by.example"
    assert "School health" in message.text
    assert "henviser" in message.text, "the e-mail is in the language of the place"
    secret = invitation_secret(message)
    shown = admin.get("/people/invitations").text
    assert "new@by.example" in shown
    assert secret not in shown
    before = live_roles(world)
    with world.database.transaction() as session:
        accept_invitation(session, secret, "New", "test")
    assert live_roles(world) - before == {("new@by.example", "referrer")}
    [role] = as_owner(world, "SELECT * FROM directory.membership WHERE origin = 'invitation'")
    assert (role.tenant_id, role.organisation_id) == (world.by, world.service)
    with pytest.raises(NotFound), world.database.transaction() as session:
        accept_invitation(session, secret, "New", "test")
    assert "new@by.example" not in admin.get("/people/invitations").text
    assert trail(world) == ["identity.invitation.send", "identity.invitation.accept", "identity.sign_in"]


def test_an_expired_or_withdrawn_invitation_gives_nothing(world: World, at: At) -> None:
    at("2026-03-02T12:00Z")
    with browser_of(world, ADMIN) as admin:
        invited(world, admin)
        secret = invitation_secret(e_mails(world)[0])
        before = live_roles(world)
    at("2026-03-16T12:00Z")
    with browser_of(world, ADMIN) as admin:
        with pytest.raises(NotFound), world.database.transaction() as session:
            accept_invitation(session, secret, "New", "test")
        assert "Expired" in admin.get("/people/invitations").text
        [open_] = invitations(world)
        assert admin.send(f"/people/invitations/{open_.id}/renew").status_code == 303
        renewed = invitation_secret(e_mails(world)[1])
        assert renewed != secret
        assert "Expired" not in admin.get("/people/invitations").text
        assert admin.send(f"/people/invitations/{open_.id}/withdraw").status_code == 303
        for dead in (secret, renewed):
            with pytest.raises(NotFound), world.database.transaction() as session:
                accept_invitation(session, dead, "New", "test")
        for verb in ("renew", "withdraw"):
            assert admin.send(f"/people/invitations/{open_.id}/{verb}").status_code == 404
    assert live_roles(world) == before
    assert len(e_mails(world)) == 2


def test_sent_again_the_link_before_is_dead_and_the_new_one_works(world: World, admin: Client) -> None:
    invited(world, admin)
    [open_] = invitations(world)
    admin.send(f"/people/invitations/{open_.id}/renew")
    old, new = (invitation_secret(message) for message in e_mails(world))
    with pytest.raises(NotFound), world.database.transaction() as session:
        accept_invitation(session, old, "New", "test")
    with world.database.transaction() as session:
        accept_invitation(session, new, "New", "test")
    assert ("new@by.example", "case_worker") in live_roles(world)


@pytest.mark.parametrize(
    ("role", "place"),
    [
        ("referrer", "by"),
        ("referrer", "club"),
        ("club_treasurer", "service"),
        ("club_treasurer", "by"),
        ("administrator", "service"),
        ("case_worker", "club"),
        ("volunteer", "by"),
        ("coordinator", "by"),
    ],
)
def test_a_role_that_does_not_fit_the_place_is_refused(world: World, admin: Client, role: str, place: str) -> None:
    answer = invited(world, admin, role=role, place=getattr(world, place))
    assert answer.status_code == 422
    assert "does not belong there" in text_of(answer.text)
    assert 'value="new@by.example"' in answer.text
    assert invitations(world) == e_mails(world) == []


def test_an_invitation_to_a_place_that_is_not_ones_own_is_refused(world: World, admin: Client) -> None:
    with browser_of(world, NEIGHBOUR) as neighbour:
        for place in (world.by, world.club, world.red_cross, uuid4()):
            answer = invited(world, neighbour, place=place, role="club_treasurer")
            assert answer.status_code == 404
    with world.database.transaction(world.by) as session:
        end_organisation(session, world.by, world.club, COMMAND)
    assert invited(world, admin, role="club_treasurer", place=world.club).status_code == 409
    assert invited(world, admin, place=world.club).status_code == 409
    assert invitations(world) == []


def test_what_an_invitation_lacks_is_said_and_more_than_it_has_does_nothing(world: World, admin: Client) -> None:
    answer = invited(world, admin, email="nobody", name="x" * 101, role="king")
    assert answer.status_code == 422
    assert invited(world, admin, email="nobody").status_code == 422
    assert invited(world, admin, name=" ").status_code == 422
    assert invited(world, admin, key="").status_code == 422
    assert invitations(world) == []
    more = {"tenant_id": world.neighbour, "invited_by": world.accounts[WORKER], "accepted_at": "2026-01-01"}
    assert invited(world, admin, **more, organisation_id=world.club, origin="claims").status_code == 303
    [one] = invitations(world)
    assert (one.tenant_id, one.organisation_id, one.role) == (world.by, None, "case_worker")
    assert (one.invited_by, one.accepted_at) == (world.accounts[ADMIN], None)


def test_clicked_twice_an_invitation_is_sent_once(world: World, admin: Client) -> None:
    key = admin.key("/people/invite")

    def click(_: int) -> int:
        return int(invited(world, admin, key=key).status_code)

    with browser_of(world, ADMIN) as again, ThreadPoolExecutor(4) as crowd:
        assert set(crowd.map(click, range(6))) == {303}
        assert len(invitations(world)) == len(e_mails(world)) == 1
        other_form = invited(world, again)
    assert other_form.status_code == 409
    assert "invited to this role already" in text_of(other_form.text)
    assert invited(world, admin, email=WORKER).status_code == 409
    assert len(e_mails(world)) == 1


def test_invited_by_several_at_once_somebody_gets_one_invitation(world: World, admin: Client) -> None:
    keys = [admin.key("/people/invite") for _ in range(4)]
    gate = Barrier(4)

    def invite(key: str) -> int:
        gate.wait()
        return int(invited(world, admin, key=key).status_code)

    with ThreadPoolExecutor(4) as crowd:
        assert sorted(crowd.map(invite, keys)) == [303, 409, 409, 409]
    assert len(invitations(world)) == len(e_mails(world)) == 1


def test_the_form_tells_what_each_role_may_do(world: World, admin: Client) -> None:
    shown = text_of(admin.get("/people/invite").text)
    for permission in PERMISSIONS.values():
        assert permission.sentence in shown or not {"administrator", "case_worker", "auditor"} & set(permission.roles)
    assert "Volunteer" not in shown, "a municipality has no volunteers"


def test_a_volunteer_organisation_has_people_but_no_services(world: World) -> None:
    with world.database.transaction() as session:
        world.accounts["rk@rk.example"] = add_member(session, world.red_cross, "rk@rk.example", "Rk", "administrator")
    with browser_of(world, "rk@rk.example") as client:
        assert "1 role" in text_of(client.get("/people").text)
        assert invited(world, client, role="volunteer", place=world.red_cross).status_code == 303
        assert client.get("/organisations").status_code == client.get("/tokens").status_code == 403
        assert client.get("/people/review").status_code == 200


def test_services_are_added(world: World, admin: Client) -> None:
    def add(**fields: Any) -> Any:
        return admin.send("/organisations/new", {"key": admin.key("/organisations/new")} | fields)

    assert add(name="Child welfare", tenant_id=world.neighbour).status_code == 303
    shown = text_of(admin.get("/organisations").text)
    assert "Child welfare" in shown
    assert "Fremad" not in shown, "clubs have a page of their own"
    assert 'href="/clubs"' in admin.get("/organisations").text
    assert add(name="child WELFARE").status_code == 409
    assert add(name=" ").status_code == 422
    # There is no way to make a club here.
    assert add(kind="club", name="Frem", number="87654303").status_code == 303
    key = admin.key("/organisations/new")
    assert [add(name="Ny", key=key).status_code for _ in range(2)] == [303, 303]
    rows = as_owner(world, "SELECT kind, name FROM directory.organisation WHERE tenant_id = :by", by=world.by)
    assert {row.name for row in rows if row.kind == "service"} == {"Child welfare", "Frem", "Ny", "School health"}
    assert len(rows) == 5


def test_the_end_of_a_service_says_and_ends_what_hangs_on_it(world: World, admin: Client) -> None:
    invited(world, admin, role="referrer", place=world.service)
    asked = text_of(admin.get(f"/organisations/{world.service}/end").text)
    for said in ("0 roles of its people", "1 open invitation", "0 tokens of its systems"):
        assert said in asked
    assert admin.send(f"/organisations/{world.service}/end").status_code == 303
    assert invitations(world)[0].withdrawn_at is not None
    assert "Those that have ended" in text_of(admin.get("/organisations").text)
    for path in (f"/organisations/{world.service}/end", f"/organisations/{uuid4()}/end"):
        assert admin.send(path).status_code == admin.get(path).status_code == 404
    # A club ends with what belongs to it, on its own page.
    refused = admin.send(f"/organisations/{world.club}/end")
    assert (refused.status_code, (TREASURER, "club_treasurer") in live_roles(world)) == (409, True)


def test_a_neighbours_service_is_not_there(world: World) -> None:
    with browser_of(world, NEIGHBOUR) as neighbour:
        assert "School health" not in neighbour.get("/organisations").text
        assert neighbour.get(f"/organisations/{world.service}/end").status_code == 404
        assert neighbour.send(f"/organisations/{world.service}/end").status_code == 404
    [service] = as_owner(world, "SELECT ended_at FROM directory.organisation WHERE id = :id", id=world.service)
    assert service.ended_at is None
