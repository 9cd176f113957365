"""A club applies on the public page, staff look at it beside what the registers say, and the club is told."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest

from service.clubs import applications
from service.clubs.settings import Settings, set_agreement, set_settings
from service.errors import Conflict, Forbidden, Refused
from tests.clubs.house import (
    ACCOUNTS,
    ADMIN,
    CONTACT,
    FINANCE,
    IBANS,
    NUMBERS,
    OTHERS,
    WORKER,
    House,
)
from tests.conftest import Medspiller
from tests.identity.clients import invitation_secret, text_of

APPLY = "/apply/clubs/0751"


def approve(house: House, application: UUID, by: str = ADMIN, *, with_account: bool = True) -> UUID:
    with house.session() as session:
        return applications.approve_application(session, house.desk(by), application, with_account=with_account).id


def test_an_application_makes_a_club_with_its_account_agreement_and_treasurer(house: House) -> None:
    application = house.apply()
    assert house.told(CONTACT) == ["Din forenings ansøgning er kommet frem"]
    assert "Fremad" not in house.mails()[0].text, "whoever applied may write anything, and to anybody"
    with house.browser(ADMIN) as admin:
        assert "1 application waits for you." in text_of(admin.get("/clubs").text)
        assert "Clubs that have applied" in text_of(admin.get("/").text)
        page = text_of(admin.get(f"/clubs/applications/{application}").text)
        for said in ("Fremad", NUMBERS["dk"], "Anna", CONTACT, "0040 0440116243", "Football, Swimming", "version 1"):
            assert said in page
        answer = admin.send(f"/clubs/applications/{application}/approval")
        assert answer.status_code == 303
        shown = text_of(admin.get(answer.headers["location"]).text)
        assert "Fremad is approved." in shown
        assert "version 1, accepted 10 Jan 2026" in shown
        assert "1 invitation is open." in shown
    [club] = house.as_owner("SELECT * FROM club")
    [organisation] = house.as_owner("SELECT * FROM directory.organisation")
    assert (club.id, club.number, club.name) == (organisation.id, organisation.number, organisation.name)
    [payee] = house.as_owner("SELECT * FROM club_payee")
    assert (payee.account, payee.state, payee.proposed_by) == (IBANS["dk"], "approved", None)
    assert payee.decided_by == house.accounts[ADMIN]
    assert house.told(CONTACT)[1:] == ["Fremad er godkendt", "Invitation til Fremad i Medspiller"]
    invitation = house.mails()[-1]
    with house.browser() as contact:
        path = f"/invitation/{invitation_secret(invitation)}"
        assert contact.send(path, {"name": "Anna"}).status_code == 303
        assert "Medlemmer i alt" not in contact.get("/club").text
        assert "Fremad" in text_of(contact.get("/club").text)


def test_who_may_not_approve_accounts_leaves_it_waiting(house: House) -> None:
    application = house.apply()
    with house.browser(WORKER) as worker:
        page = text_of(worker.get(f"/clubs/applications/{application}").text)
        assert "Its account waits for an administrator or finance officer." in page
        assert "… 6243" in page
        assert "0440116243" not in page, "it is masked for those who need not know it"
        assert worker.send(f"/clubs/applications/{application}/approval").status_code == 303
    [payee] = house.as_owner("SELECT * FROM club_payee")
    assert payee.state == "proposed"
    with house.browser(FINANCE) as finance:
        assert "Accounts of clubs, to be approved" in text_of(finance.get("/").text)
        assert "Clubs that have applied" not in text_of(finance.get("/").text)
        assert finance.send(f"/clubs/accounts/{payee.id}/approval").status_code == 303
    [payee] = house.as_owner("SELECT * FROM club_payee")
    assert (payee.state, str(payee.usable_from)) == ("approved", "2026-01-10"), "a club's first is used at once"


def test_a_rejection_tells_the_reason(house: House) -> None:
    application = house.apply()
    with house.browser(WORKER) as worker:
        path = f"/clubs/applications/{application}/rejection"
        assert "Fill this in." in worker.send(path).text
        assert worker.send(path, {"reason": "x" * 501}).status_code == 422
        assert worker.send(path, {"reason": "I er ikke en forening."}).status_code == 303
        assert worker.send(path, {"reason": "again"}).status_code == 409
        assert worker.send(f"/clubs/applications/{application}/approval").status_code == 409
        assert "I er ikke en forening." in worker.get(f"/clubs/applications/{application}").text
        listed = text_of(worker.get("/clubs/applications?state=rejected").text)
        assert "Fremad" in listed
        assert "No applications" in text_of(worker.get("/clubs/applications").text)
    assert house.told(CONTACT)[-1] == "Fremad blev ikke godkendt"
    assert "I er ikke en forening." in house.mails()[-1].text
    assert house.as_owner("SELECT 1 FROM club") == []


def test_of_two_who_decide_at_once_one_does(house: House) -> None:
    application = house.apply()
    start = Barrier(2)

    def attempt(by: str) -> str:
        start.wait()
        try:
            approve(house, application, by)
        except Refused as refusal:
            return type(refusal).__name__
        return "approved"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(attempt, (ADMIN, WORKER))) == ["Conflict", "approved"]
    assert len(house.as_owner("SELECT 1 FROM club")) == 1
    assert len(house.as_owner("SELECT 1 FROM directory.invitation")) == 1


def test_two_applications_of_one_club_make_one(house: House) -> None:
    first, second = house.apply(), house.apply(name="Fremad again")
    with house.browser(ADMIN) as admin:
        assert "Other applications with this number" in text_of(admin.get(f"/clubs/applications/{first}").text)
    approve(house, first)
    with pytest.raises(Conflict, match="stands already"):
        approve(house, second)
    with house.browser(ADMIN) as admin:
        page = text_of(admin.get(f"/clubs/applications/{second}").text)
        assert "There is a club with this number already" in page
        assert admin.send(f"/clubs/applications/{second}/approval").status_code == 409
    assert [row.state for row in house.as_owner("SELECT state FROM club_application ORDER BY id")] == [
        "approved",
        "waiting",
    ]


def test_the_public_answer_is_the_same_whether_the_club_stands_or_not(house: House) -> None:
    house.add_club()
    answers = []
    with house.browser() as nobody:
        for number in (NUMBERS["dk"], OTHERS["dk"]):
            written = house.applying(number=number, contact_email=f"{number}@x.example") | {"key": nobody.key(APPLY)}
            answer = nobody.send(APPLY, written)
            answers.append(
                (answer.status_code, answer.headers["location"], nobody.get(answer.headers["location"]).text)
            )
    assert answers[0] == answers[1]
    assert answers[0][:2] == (303, f"{APPLY}/sent")
    assert len(house.as_owner("SELECT 1 FROM club_application")) == 2


WRONG = (
    ("number", None, "Organisation number: Fill this in."),
    ("number", "12345678", "has a wrong check digit"),
    ("number", "974760673", "must be a CVR number of 8 digits"),
    ("name", " ", "The club's name: Fill this in."),
    ("name", "x" * 201, "at most 200 characters"),
    ("contact_name", None, "Contact: Fill this in."),
    ("contact_email", "anna", "The contact's e-mail: must be an e-mail address"),
    ("contact_email", "a@b.dk\nBcc: x@y.dk", "must be an e-mail address"),
    ("contact_phone", "1" * 31, "at most 30 characters"),
    ("members", "many", "Write a whole number in digits."),
    ("members", "-1", "at least 0"),
    ("kinds", None, "What the club offers: Choose at least one."),
    ("kinds", "knitting", "Choose one of the possibilities."),
    ("payee", None, "Where the money goes: Fill this in."),
    ("account", None, "Account number: is missing"),
    ("account", "123", "must be a registration number of 4 digits"),
    ("account", "NO9386011117947", "own country"),
    ("agreement", None, "Agreement: must be accepted"),
    ("agreement", "2", "Agreement: has changed: read it again"),
)


def test_every_field_says_what_is_wrong_with_it(house: House) -> None:
    with house.browser() as nobody:
        key = nobody.key(APPLY)
        for field, value, said in WRONG:
            answer = nobody.send(APPLY, {"key": key} | house.applying(**{field: value}))
            assert answer.status_code == 422, (field, value)
            assert said in text_of(answer.text), (field, value)
            assert 'aria-invalid="true"' in answer.text, (field, value)
            # What was written is not lost.
            assert field == "contact_name" or 'value="Anna"' in answer.text
    assert house.as_owner("SELECT 1 FROM club_application") == []
    assert house.mails() == []


def test_all_wrong_fields_are_named_at_once(house: House) -> None:
    with house.browser() as nobody:
        written = house.applying(number="1", contact_email="x", account="1", agreement=None)
        page = text_of(nobody.send(APPLY, {"key": nobody.key(APPLY)} | written).text)
    for said in ("CVR number", "e-mail address", "registration number of 4 digits", "must be accepted"):
        assert said in page


def test_a_form_counts_once(house: House) -> None:
    with house.browser() as nobody:
        written = {"key": nobody.key(APPLY)} | house.applying()
        assert [nobody.send(APPLY, written).status_code for _ in range(2)] == [303, 303]
    assert len(house.as_owner("SELECT 1 FROM club_application")) == 1
    assert len(house.mails()) == 1


def test_nobody_floods_the_municipality_or_an_address(house: House) -> None:
    numbers = ("12345674", "12345682", "12345690", "87654303", "87654311", "37000000", "37000019", "37000027")
    with house.browser() as nobody:

        def send(number: str, email: str) -> int:
            written = house.applying(number=number, contact_email=email) | {"key": nobody.key(APPLY)}
            return int(nobody.send(APPLY, written).status_code)

        assert [send(number, "victim@x.example") for number in numbers[:4]] == [303, 303, 303, 429]
        # A new key each time, from one address: ten an hour, of which four are used up.
        codes = [send(number, f"{number}@x.example") for number in numbers]
        assert codes == [303] * 6 + [429] * 2
    assert len(house.told("victim@x.example")) == 3


def test_one_number_is_applied_for_five_times_a_day(house: House) -> None:
    with house.browser() as nobody:
        codes = []
        for n in range(6):
            written = house.applying(contact_email=f"{n}@x.example") | {"key": nobody.key(APPLY)}
            codes.append(nobody.send(APPLY, written).status_code)
    assert codes == [303] * 5 + [429]


def test_the_public_list_names_the_municipalities_that_take_applications(house: House, norwegian: House) -> None:
    with house.browser() as nobody:
        listed = nobody.get("/apply/clubs").text
        assert 'href="/apply/clubs/0751"' in listed
        assert 'href="/apply/clubs/4601"' in listed
        with norwegian.session() as session:
            closed = Settings(applications_open=False)
            set_settings(session, norwegian.municipality.id, closed, norwegian.desk(ADMIN).actor)
        assert 'href="/apply/clubs/4601"' not in nobody.get("/apply/clubs").text
        assert "takes no applications" in text_of(nobody.get("/apply/clubs/4601").text)
        written = {"key": nobody.key(APPLY)} | norwegian.applying()
        assert nobody.send("/apply/clubs/4601", written).status_code == 409
        missing = nobody.get("/apply/clubs/nowhere")
        assert missing.status_code == 404
        assert "medspiller" not in text_of(missing.text).replace("Medspiller", "")
    assert house.as_owner("SELECT 1 FROM club_application") == []


def test_a_norwegian_club_is_asked_for_norwegian_numbers(norwegian: House) -> None:
    with norwegian.browser() as nobody:
        page = nobody.get("/apply/clubs/4601").text
        assert "NemKonto" not in page
        assert "9 digits" in page
        key = nobody.key("/apply/clubs/4601")
        refused = nobody.send("/apply/clubs/4601", {"key": key} | norwegian.applying(payee="nemkonto", account=None))
        assert "NemKonto is Danish" in text_of(refused.text)
    approve(norwegian, norwegian.apply())
    [payee] = norwegian.as_owner("SELECT account FROM club_payee")
    assert payee.account == IBANS["no"]


def test_an_agreement_that_changed_is_read_again_and_kept(house: House) -> None:
    with house.browser() as nobody, house.browser(ADMIN) as admin:
        key = nobody.key(APPLY)
        form = {"account_wait_days": 3, "cache_days": 9, "agreement": "Andre ord.", "applications_open": "on"}
        assert admin.send("/clubs/settings", form).status_code == 303
        refused = nobody.send(APPLY, {"key": key} | house.applying())
        assert "has changed: read it again" in text_of(refused.text)
        assert "Andre ord." in refused.text
        assert nobody.send(APPLY, {"key": key} | house.applying(agreement="2")).status_code == 303
    [application] = house.as_owner("SELECT * FROM club_application")
    versions = house.as_owner("SELECT version, text FROM club_agreement ORDER BY version")
    assert application.agreement_version == 2
    assert [row.version for row in versions] == [1, 2]
    assert versions[1].text == "Andre ord."
    with house.session() as session:
        assert set_agreement(session, house.municipality, " Andre ord.\r\n", house.desk(ADMIN).actor).version == 2


def test_the_command_line_adds_approved_clubs_and_applications(house: House, medspiller: Medspiller) -> None:
    add = ("club", "add", "--municipality", "0751")
    made = medspiller(*add, "--number", NUMBERS["dk"], "--name", "Åby", "--account", ACCOUNTS["dk"], "--approved")
    assert (made["state"], made["number"], made["application"]) == ("approved", NUMBERS["dk"], None)
    [payee] = house.as_owner("SELECT * FROM club_payee")
    assert (str(payee.club_id), payee.state, payee.decided_by) == (made["club"], "approved", None)
    asked = medspiller(*add, "--number", OTHERS["dk"], "--name", "Øster", "--account", IBANS["dk"])
    assert (asked["state"], asked["club"]) == ("waiting", None)
    assert "stands already" in medspiller.fails(
        *add, "--number", NUMBERS["dk"], "--name", "X", "--nemkonto", "--approved"
    )
    said = medspiller.fails(*add, "--number", "1", "--name", " ", "--account", "1", "--approved")
    for field in ("number", "name", "account"):
        assert f"  {field}: " in said
    assert "Name --account or --nemkonto" in medspiller.fails(*add, "--number", OTHERS["dk"], "--name", "X")

    done = medspiller("club", "approve", asked["application"], "--by", WORKER)
    assert (done["state"], done["account"]) == ("approved", "proposed")
    used = medspiller("club", "approve-account", "--municipality", "0751", "--number", OTHERS["dk"], "--by", FINANCE)
    assert used["usable_from"] == "2026-01-10"
    again = medspiller.fails(
        "club", "approve-account", "--municipality", "0751", "--number", OTHERS["dk"], "--by", FINANCE
    )
    assert "No account of Øster waits" in again
    listed = medspiller("club", "list", "--municipality", "0751")["clubs"]
    assert [(one["name"], one["payable"]) for one in listed] == [("Øster", True), ("Åby", True)]
    assert medspiller("database", "check")["checks"]


def test_a_system_decides_nothing_and_nobody_decides_about_their_own(house: House) -> None:
    application = house.apply()
    with pytest.raises(Forbidden, match="A person must"), house.session() as session:
        applications.approve_application(session, house.desk(), application, with_account=True)
    house.as_owner("UPDATE club_application SET applied_by = :by", by=house.accounts[WORKER])
    with pytest.raises(Forbidden, match="Somebody else"):
        approve(house, application, WORKER)
