"""The pages of clubs: for staff the list, one club and the accounts; for a treasurer the club's own page."""

import csv
import io
from itertools import count, islice
from typing import Any
from uuid import uuid4

from stdnum.dk import cvr

from service.clubs import queries
from service.clubs.queries import Wanted
from service.identity.tokens import list_tokens
from tests.clubs.house import (
    ACCOUNTS,
    ADMIN,
    CONTACT,
    FINANCE,
    IBANS,
    MORE_IBANS,
    OTHERS,
    TREASURER,
    WORKER,
    House,
)
from tests.identity.clients import Client, text_of

ACTIVITY = {
    "name": "U10 piger",
    "kind": "football",
    "min_age": "8",
    "max_age": "10",
    "season_start": "2026-01-01",
    "season_end": "30.06.2026",
    "fee_ore": "650,50",
}


def send(client: Client, path: str, **fields: Any) -> Any:
    """Send the form of a page that has a key."""
    return client.send(path, {"key": client.key(path)} | fields)


def test_the_list_is_searched_sorted_and_taken_along(house: House) -> None:
    numbers = ("12345674", "12345682", "12345690", "87654303", "87654311")
    names = ("Zebra", "Ørsted IF", "Åby Fodbold", "=SUM(A1)", "Aabenraa Gymnastik")
    for number, name in zip(numbers, names, strict=True):
        house.add_club(number=number, name=name, account=name != "Zebra", treasurer=False)
    with house.browser(WORKER) as worker:
        page = text_of(worker.get("/clubs").text)
        order = [page.index(name) for name in ("=SUM", "Aabenraa", "Zebra", "Ørsted", "Åby")]
        assert order == sorted(order)
        for q, found in (("aaby fod", {"Åby Fodbold"}), ("orsted", {"Ørsted IF"}), ("8765", {"=SUM(A1)", names[4]})):
            shown = text_of(worker.http.get("/clubs", params={"q": q}).text)
            assert {name for name in names if name in shown} == found, q
        assert "Nothing found" in text_of(worker.http.get("/clubs", params={"q": "%"}).text)
        assert "Zebra" in text_of(worker.get("/clubs?account=none").text)
        assert "Ørsted" not in text_of(worker.get("/clubs?account=none").text)
        assert worker.get("/clubs?state=nonsense").status_code == 422
        assert worker.get("/clubs?page=99").status_code == 200
        file = worker.send("/clubs/file", {"state": "approved"})
        rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
        assert {row["name"] for row in rows} == {*names[:3], "'=SUM(A1)", names[4]}
        assert rows[0].keys() >= {"number", "contact_email", "members"}
        assert "account" not in rows[0]
    assert house.trail().count("clubs.list") == 1
    with house.session() as session:
        assert next(one.name for one in queries.list_clubs(session, Wanted(sort="newest"))) == names[4]


def test_a_list_of_many_clubs_comes_page_by_page(house: House) -> None:
    for number in islice((str(n) for n in count(37_000_000) if cvr.is_valid(str(n))), 53):
        house.add_club(number=number, name=f"Klub {number}", account=False, treasurer=False)
    with house.browser(ADMIN) as admin:
        first = admin.get("/clubs").text
        assert "53 clubs" in first
        assert first.count('href="/clubs/01') == 50
        assert 'href="/clubs?page=2"' in first
        assert admin.get("/clubs?page=2").text.count('href="/clubs/01') == 3


def test_staff_add_a_club_whose_account_somebody_else_approves(house: House) -> None:
    with house.browser(ADMIN) as admin, house.browser(FINANCE) as finance:
        refused = send(admin, "/clubs/new", number="1", name="", kind="account", account="1", contact_email="x")
        page = text_of(refused.text)
        for said in ("The club's name: Fill this in.",):
            assert said in page
        refused = send(admin, "/clubs/new", number="1", name="x", kind="account", account="1", contact_email="x")
        for said in ("8 digits", "registration number of 4 digits", "e-mail address"):
            assert said in text_of(refused.text)
        assert send(admin, "/clubs/new", number="12345674", name="x", kind="cost_centre").status_code == 422
        form = {"number": "DK 12 34 56 74", "name": "Fremad", "kind": "account", "account": ACCOUNTS["dk"]}
        made = send(admin, "/clubs/new", **form)
        assert made.status_code == 303
        assert "waits for approval" in text_of(admin.get("/clubs").text)
        [payee] = house.as_owner("SELECT * FROM club_payee")
        assert "You proposed this account yourself" in text_of(admin.get(f"/clubs/accounts/{payee.id}").text)
        assert admin.send(f"/clubs/accounts/{payee.id}/approval").status_code == 403
        listed = text_of(finance.get("/clubs/accounts").text)
        assert "Fremad" in listed
        assert "0040 0440116243" in listed
        assert finance.send(f"/clubs/accounts/{payee.id}/approval").status_code == 303
        assert finance.send(f"/clubs/accounts/{payee.id}/approval").status_code == 409
        assert "No account waits" in text_of(finance.get("/clubs/accounts").text)
        assert send(admin, "/clubs/new", **form).status_code == 409
        key = admin.key("/clubs/new")
        again = {"key": key, "number": OTHERS["dk"], "name": "Øster", "kind": "none"}
        assert [admin.send("/clubs/new", again).status_code for _ in range(2)] == [303, 303]
    assert len(house.as_owner("SELECT 1 FROM club")) == 2


def test_an_account_is_judged_beside_what_is_known(house: House) -> None:
    club = house.add_club()
    house.add_club(number=OTHERS["dk"], name="Øster", treasurer=False)
    with house.browser(TREASURER) as treasurer, house.browser(FINANCE) as finance, house.browser(WORKER) as worker:
        sent = send(treasurer, "/club/account", kind="account", account=MORE_IBANS["dk"])
        assert sent.status_code == 303
        own = text_of(treasurer.get("/club").text)
        assert "An account waits for the municipality's approval" in own
        assert "0040 0440116270" in own
        [payee] = house.as_owner("SELECT * FROM club_payee WHERE state = 'proposed'")
        page = text_of(finance.get(f"/clubs/accounts/{payee.id}").text)
        for said in ("0040 0440116270", "0040 0440116243", "treasurer", "7 days after your approval"):
            assert said in page
        assert worker.get(f"/clubs/accounts/{payee.id}").status_code == 403
        shown = text_of(worker.get(f"/clubs/{club.id}").text)
        assert "… 6270" in shown
        assert "0440116270" not in shown
        assert finance.send(f"/clubs/accounts/{payee.id}/rejection", {"reason": ""}).status_code == 422
        assert finance.send(f"/clubs/accounts/{payee.id}/approval").status_code == 303
        own = text_of(treasurer.get("/club").text)
        assert "money goes there from 17 January 2026 on" in own
        assert treasurer.send("/club/account/stop").status_code == 303
        assert treasurer.send("/club/account/stop").status_code == 409
        # An account that another club has already is pointed out.
        assert send(treasurer, "/club/account", kind="nemkonto").status_code == 303
        assert treasurer.send("/club/account/withdrawal").status_code == 303
        house.as_owner("UPDATE club_payee SET account = :a WHERE state = 'approved'", a=MORE_IBANS["dk"])
        assert send(treasurer, "/club/account", kind="account", account=MORE_IBANS["dk"]).status_code == 303
        [payee] = house.as_owner("SELECT * FROM club_payee WHERE state = 'proposed'")
        assert "Other clubs have the same account" in text_of(finance.get(f"/clubs/accounts/{payee.id}").text)


def test_a_suspension_is_told_and_lifted_and_an_end_ends_what_hangs_on_it(house: House) -> None:
    club = house.add_club()
    with house.browser(WORKER) as worker, house.browser(TREASURER) as treasurer:
        here = f"/clubs/{club.id}"
        assert worker.send(f"{here}/reinstatement").status_code == 409
        assert worker.send(f"{here}/suspension", {"reason": " "}).status_code == 422
        assert worker.send(f"{here}/suspension", {"reason": "Regnskab mangler."}).status_code == 303
        assert worker.send(f"{here}/suspension", {"reason": "again"}).status_code == 409
        assert "Regnskab mangler." in worker.get(here).text
        assert "Your club is suspended" in text_of(treasurer.get("/club").text)
        assert worker.send(f"{here}/reinstatement").status_code == 303
        assert "Your club is suspended" not in text_of(treasurer.get("/club").text)
        token = {"key": treasurer.key("/tokens/new"), "name": "Cashbook", "scopes": "claims"}
        assert treasurer.send("/tokens", token).status_code == 200
        asked = text_of(worker.get(f"{here}/end").text)
        for said in ("1 role of its people", "0 open invitations", "1 token of its systems"):
            assert said in asked
        assert worker.send(f"{here}/end").status_code == 303
        assert treasurer.get("/club").status_code == 403
        for path in ("suspension", "end", "edit"):
            form = {"reason": "x", "name": "x", "contact_name": "x", "contact_email": "x@x.dk"}
            assert worker.send(f"{here}/{path}", form).status_code == 409, path
        assert "This club has ended." in text_of(worker.get(here).text)
    assert house.told(CONTACT) == [
        "Fremad er suspenderet",
        "Fremad er ikke længere suspenderet",
        "Fremad er afsluttet i Medspiller",
    ]
    [organisation] = house.as_owner("SELECT ended_at FROM directory.organisation")
    assert organisation.ended_at is not None
    with house.session() as session:
        assert all(token.revoked_at for token in list_tokens(session, club.id))
    # The number is free for the same club again.
    assert house.add_club(treasurer=False).id != club.id


def test_a_treasurer_keeps_the_club_s_data_and_what_it_offers(house: House) -> None:
    club = house.add_club(account=False)
    with house.browser(TREASURER) as treasurer:
        page = text_of(treasurer.get("/club").text)
        for said in ("Read and accept the agreement", "Tell what your club offers", "Tell where the money shall go"):
            assert said in page
        data = {"name": "Fremad IF", "contact_name": "Bo", "contact_email": "bo@fremad.example", "members": "120"}
        assert treasurer.send("/club/edit", data | {"contact_email": "x"}).status_code == 422
        assert treasurer.send("/club/edit", data).status_code == 303
        assert treasurer.send("/club/agreement/7").status_code == 422
        assert treasurer.send("/club/agreement/1").status_code == 303
        for field, value, said in (
            ("name", " ", "Fill this in."),
            ("kind", "knitting", "Choose one of the possibilities."),
            ("min_age", "x", "Write a whole number"),
            ("max_age", "7", "not under the youngest"),
            ("max_age", "121", "at most 120"),
            ("season_start", "1999-01-01", "a day of our time"),
            ("season_end", "2025-12-31", "not before the season's first day"),
            ("season_end", "31.02.2026", "Write a date"),
            ("fee_ore", "much", "Write an amount"),
            ("fee_ore", "-1", "at least 0"),
        ):
            refused = send(treasurer, "/club/activities/new", **(ACTIVITY | {field: value}))
            assert refused.status_code == 422, (field, value)
            assert said in text_of(refused.text), (field, value)
        assert send(treasurer, "/club/activities/new", **ACTIVITY).status_code == 303
        [activity] = house.as_owner("SELECT * FROM club_activity")
        assert (activity.fee_ore, str(activity.season_end), activity.club_id) == (65050, "2026-06-30", club.id)
        here = f"/club/activities/{activity.id}"
        assert 'value="650.50"' in treasurer.get(here).text
        assert send(treasurer, here, **(ACTIVITY | {"fee_ore": "700"})).status_code == 303
        assert "8 to 10" in text_of(treasurer.get("/club").text)
        assert treasurer.send(f"{here}/end").status_code == 303
        assert treasurer.send(f"{here}/end").status_code == treasurer.get(here).status_code == 404
        assert "What your club offered before" in text_of(treasurer.get("/club").text)
    now = house.club(club.id)
    assert (now.name, now.contact_name, now.members, now.agreement_version) == ("Fremad IF", "Bo", 120, 1)
    [organisation] = house.as_owner("SELECT name FROM directory.organisation")
    assert organisation.name == "Fremad IF"
    [known] = house.as_owner("SELECT * FROM club")
    assert known.agreement_accepted_by == house.accounts[TREASURER]


def test_treasurers_of_a_club_are_several(house: House) -> None:
    club = house.add_club()
    other = house.add_club(number=OTHERS["dk"], name="Øster", treasurer=False)
    stranger = house.add_person("stranger@oester.example", "club_treasurer", other.id)
    with house.browser(TREASURER) as treasurer:
        assert send(treasurer, "/club/treasurers/new", email="x", name="").status_code == 422
        asked = {"email": "bo@fremad.example", "name": "Bo"}
        assert send(treasurer, "/club/treasurers/new", **asked).status_code == 303
        assert send(treasurer, "/club/treasurers/new", **asked).status_code == 409
        assert "Open invitations" in text_of(treasurer.get("/club").text)
        [invitation] = house.as_owner("SELECT * FROM directory.invitation")
        assert (invitation.organisation_id, invitation.role) == (club.id, "club_treasurer")
        assert treasurer.send(f"/club/invitations/{invitation.id}/withdrawal").status_code == 303
        assert treasurer.send(f"/club/invitations/{invitation.id}/withdrawal").status_code == 404
        [own] = house.as_owner("SELECT id FROM directory.membership WHERE organisation_id = :id", id=club.id)
        assert treasurer.send(f"/club/treasurers/{own.id}/end").status_code == 409, "the last one stays"
        house.add_person("bo@fremad.example", "club_treasurer", club.id)
        [theirs] = house.as_owner("SELECT id FROM directory.membership WHERE account_id = :id", id=stranger)
        [staff] = house.as_owner("SELECT id FROM directory.membership WHERE account_id = :id", id=house.accounts[ADMIN])
        for foreign in (theirs.id, staff.id, uuid4()):
            path = f"/club/treasurers/{foreign}/end"
            assert treasurer.send(path).status_code == treasurer.get(path).status_code == 404
        assert treasurer.get(f"/club/treasurers/{own.id}/end").status_code == 200
        assert treasurer.send(f"/club/treasurers/{own.id}/end").status_code == 303
        assert treasurer.get("/club").status_code == 403
    live = house.as_owner("SELECT account_id FROM directory.membership WHERE ended_at IS NULL")
    assert {stranger, house.accounts[ADMIN]} <= {row.account_id for row in live}


def test_one_club_does_not_reach_another_s(house: House) -> None:
    house.add_club()
    other = house.add_club(number=OTHERS["dk"], name="Øster", treasurer=False)
    house.accounts["t@oester.example"] = house.add_person("t@oester.example", "club_treasurer", other.id)
    with house.browser("t@oester.example") as theirs, house.browser(TREASURER) as own:
        assert send(theirs, "/club/activities/new", **ACTIVITY).status_code == 303
        [activity] = house.as_owner("SELECT id FROM club_activity")
        path = f"/club/activities/{activity.id}"
        assert own.get(path).status_code == own.send(f"{path}/end").status_code == 404
        assert own.send(path, ACTIVITY | {"key": own.key("/club/activities/new")}).status_code == 404
        assert "U10 piger" not in own.get("/club").text
        for staff in ("/clubs", f"/clubs/{other.id}", "/clubs/applications", "/clubs/accounts", "/clubs/settings"):
            assert own.get(staff).status_code == 403
    assert IBANS["dk"] not in "".join(mail.text for mail in house.mails())


def test_settings_are_an_administrator_s(house: House) -> None:
    with house.browser(ADMIN) as admin, house.browser(WORKER) as worker, house.browser(FINANCE) as finance:
        assert worker.get("/clubs/settings").status_code == finance.get("/clubs/settings").status_code == 403
        wrong = admin.send("/clubs/settings", {"account_wait_days": "91", "cache_days": "0", "agreement": ""})
        page = text_of(wrong.text)
        for said in ("at most 90", "at least 1", "What clubs agree to: Fill this in."):
            assert said in page
        assert admin.send(
            "/clubs/settings", {"account_wait_days": "0", "cache_days": "1", "agreement": "x"}
        ).is_redirect
        assert "Version 2" in text_of(admin.get("/clubs/settings").text)
    [kept] = house.as_owner("SELECT settings FROM club_settings")
    assert kept.settings == {"applications_open": False, "account_wait_days": 0, "cache_days": 1}
