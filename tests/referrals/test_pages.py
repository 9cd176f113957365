"""The pages and the API of professionals, case workers and coordinators, on the whole application."""

import csv
import io
import re
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import openpyxl
import pytest

from service.identity import throttle
from service.referrals.web import ReferralForm, StartForm
from service.register.actions import import_extract
from service.values.progress import Progress
from tests.identity.clients import Client, text_of
from tests.referrals.office import Office
from tests.stays.camp import Camp

TYPED = "Amina Ali, 02.03.1985\nYusuf Ali 21.06.2016"
FORM = {
    "travellers": TYPED,
    "phone": "90000009",
    "language": "Somali",
    "holds": ["interpreter", "c1"],
    "why": "No holiday in years.",
    "consent_on": "2026-02-27",
    "consent_how": "spoken",
}
NUMBERS = {"Anna": "21818297804", "Bo": "17851650008"}


def start(nurse: Client, camp: Camp, number: str = "") -> str:
    """Begin a referral; gives its address."""
    form = {"season": str(camp.season), "number": number, "key": nurse.key("/referrals/new")}
    made = nurse.send("/referrals/new", form)
    assert made.status_code == 303, text_of(made.text)
    address: str = made.headers["location"]
    return address


def test_a_referral_has_ten_fields_at_most() -> None:
    asked = {one.encode_name for form in (StartForm, ReferralForm) for one in msgspec.structs.fields(form)}
    assert len(asked - {"key", "season"}) == 10


def test_a_nurse_refers_a_family_and_follows_it(office: Office) -> None:
    camp = office.camp
    with camp.browser("nurse") as nurse:
        assert "No family yet" in text_of(nurse.get("/referrals").text)
        address = start(nurse, camp)
        draft = nurse.get(address).text
        assert "No diagnosis" in text_of(draft)
        assert 'maxlength="300"' in draft
        kept = nurse.send(address, FORM | {"why": "", "do": "keep"})
        assert (kept.status_code, kept.headers["location"]) == (303, "/referrals")
        assert "Draft" in text_of(nurse.get("/referrals").text)
        assert "Drafts of referrals" in text_of(nurse.get("/").text)
        lacking = nurse.send(address, FORM | {"why": "", "consent_how": "", "do": "send"})
        assert lacking.status_code == 422
        assert "Why this family: is missing" in text_of(lacking.text)
        unread = nurse.send(address, FORM | {"travellers": f"{TYPED}\nSara", "do": "send"})
        assert "line 3: write a name and a birth date" in text_of(unread.text)
        wish = {"wishes": ["", str(camp.stays["A2"]), str(camp.stays["A1"])]}
        for _ in range(2):
            sent = nurse.send(address, FORM | wish | {"do": "send"})
            assert sent.status_code == 303
        page = text_of(nurse.get(address).text)
        for said in ("With the municipality", "A2, A1", "Yusuf Ali is 10 on 27 June 2026", "Somali · interpreter"):
            assert said in page, said
        changed = nurse.send(address, FORM | {"phone": "90000010", "do": "change"})
        assert changed.status_code == 303
        assert "90000010" in nurse.get(address).text
        assert "90000010" in nurse.get(f"{address}?change").text
    with camp.browser("welfare") as other:
        assert other.get(address).status_code == 404
        assert other.send(f"{address}/withdrawal").status_code == 404
        assert "Amina" not in other.get("/referrals").text
        assert other.call("GET", address).status_code == 404
        assert "Drafts" not in text_of(other.get("/").text)
    with camp.browser("neighbour worker") as neighbour:
        assert neighbour.get(f"/referral-cases/{office.case_of(UUID(address.rpartition('/')[2]))}").status_code == 404
    with camp.browser("nurse") as nurse:
        assert nurse.send(f"{address}/withdrawal").status_code == 303
        page = text_of(nurse.get(address).text)
        assert "Consent withdrawn" in page
        assert "Amina" not in page
        gone = start(nurse, camp)
        assert nurse.send(f"{gone}/removal").status_code == 303
        assert nurse.get(gone).status_code == 404


def load(camp: Camp, folder: Path, *, protected: bool) -> None:
    """A register in which Anna lives with Bo, and with a grown-up who is no parent."""
    head = "household_id,person_id,relation,birth_date,given_name,family_name,street,postcode,city,district,"
    rows = [f"{head}address_protected,language"]
    for name, relation, born in (("Anna", "provider", "1982-01-21"), ("Bo", "child", "2016-05-17")):
        where = f"Hemmelig vei 7,5003,Bergen,midt,{int(protected)},"
        rows.append(f"H1,{NUMBERS[name]},{relation},{born},{name},Prøve,{where}")
    (folder / "population.csv").write_text("\n".join(rows) + "\n")
    with camp.session(camp.municipality.id) as session:
        secrets = camp.keys.for_tenant(camp.municipality.id)
        files = {"population": folder / "population.csv"}
        done = import_extract(
            session, camp.municipality, secrets, files, folder / "imports", camp.actor("worker"), Progress()
        )
    assert done.rejected == 0


def test_a_family_is_found_by_an_exact_number_and_nothing_else_of_it_is_shown(office: Office, tmp_path: Path) -> None:
    camp = office.camp
    load(camp, tmp_path, protected=False)
    with camp.browser("nurse") as nurse:
        address = start(nurse, camp, NUMBERS["Bo"])
        page = nurse.get(address).text
        assert "Anna Prøve, 21.01.1982\nBo Prøve, 17.05.2016" in page
        for secret in ("Hemmelig", "5003", NUMBERS["Bo"], NUMBERS["Anna"]):
            assert secret not in page
        nurse.send(address, FORM | {"travellers": "Anna Prøve, 21.01.1982\nBo Prøve, 17.05.2016", "do": "send"})
        wrong = nurse.send(
            "/referrals/new",
            {"season": str(camp.season), "number": NUMBERS["Bo"][:-1] + "0", "key": nurse.key("/referrals/new")},
        )
        assert wrong.status_code in (404, 422)
    known = camp.rows(camp.municipality.id, "SELECT count(*) FROM referral_traveller WHERE person_id IS NOT NULL")
    assert known == [(2,)]
    [(subject,)] = camp.rows(
        camp.municipality.id, "SELECT subject_id FROM audit_entry WHERE action = 'referrals.look_up'"
    )
    assert camp.rows(camp.municipality.id, "SELECT given_name FROM person WHERE id = :id", id=subject) == [("Bo",)]


def test_nobody_goes_through_the_register_number_by_number(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    few = msgspec.structs.replace(throttle.FAMILY_LOOK_UPS, times=3)
    monkeypatch.setattr(throttle, "FAMILY_LOOK_UPS", few)
    season = str(office.camp.season)
    with office.camp.browser("nurse") as nurse:

        def tried(number: str) -> int:
            form = {"season": season, "number": number, "key": nurse.key("/referrals/new")}
            return nurse.send("/referrals/new", form).status_code

        wanted = {"season_id": season, "identity_number": NUMBERS["Bo"]}
        assert [tried(NUMBERS["Bo"]) for _ in range(2)] == [404, 404]
        assert nurse.call("POST", "/referrals", wanted).status_code == 404
        assert tried(NUMBERS["Bo"]) == 429
        assert nurse.call("POST", "/referrals", wanted).status_code == 429
        # Typed in, a family can be referred all the same.
        assert tried("") == 303
    with office.camp.browser("welfare") as other:
        assert other.call("POST", "/referrals", wanted).status_code == 404


def test_of_a_protected_family_only_the_person_is_told(office: Office, tmp_path: Path) -> None:
    camp = office.camp
    load(camp, tmp_path, protected=True)
    with camp.browser("nurse") as nurse:
        page = nurse.get(start(nurse, camp, NUMBERS["Bo"])).text
        assert "Bo Prøve, 17.05.2016" in page
        assert "Anna" not in page


def test_a_case_worker_ranks_asks_and_hands_over(office: Office) -> None:
    camp = office.camp
    first = office.refer("nurse", wishes=("A1",))
    second = office.refer("welfare")
    case = f"/referral-cases/{office.case_of(first)}"
    with camp.browser("worker") as worker:
        today = text_of(worker.get("/").text)
        assert "Referred families to be decided about" in today
        page = text_of(worker.get("/referral-cases").text)
        for said in ("To be decided (1)", "Barnevernet", "Helsestasjonen", "What the need bands mean", "fits"):
            assert said in page, said
        detail = text_of(worker.get(case).text)
        assert "The family has had no holiday in years." in detail
        assert "the list is made from this" in detail
        assert worker.send(f"{case}/decision", {"do": "approve"}).status_code == 422
        question = {"question": "Who is the guardian?"}
        assert worker.send(f"/referral-cases/parts/{second}/question", question).status_code == 303
        assert worker.send(f"/referral-cases/parts/{second}/lead").status_code == 303
        change = f"/referral-cases/parts/{second}/change"
        assert "Amina Yusuf Ali" in worker.get(change).text
        assert worker.send(change, FORM | {"travellers": "x"}).status_code == 422
        assert worker.send(change, FORM | {"phone": "90000077"}).status_code == 303
    with camp.browser("welfare") as welfare:
        address = f"/referrals/{second}"
        assert "Who is the guardian?" in text_of(welfare.get(address).text)
        assert "Referrals sent back with a question" in text_of(welfare.get("/").text)
        assert welfare.send(f"{address}/answer", {"answer": ""}).status_code == 422
        assert welfare.send(f"{address}/answer", {"answer": "Her mother."}).status_code == 303
    with camp.browser("nurse") as nurse:
        assert "guardian" not in nurse.get(f"/referrals/{first}").text
        assert "sent back" not in text_of(nurse.get("/").text)
    with camp.browser("worker") as worker:
        assert "Her mother." in text_of(worker.get(case).text)
        several = {"do": "approve", "chosen": [case.rpartition("/")[2]], "season": str(camp.season)}
        assert worker.send("/referral-cases/decisions", several).status_code == 422
        several |= {f"need-{case.rpartition('/')[2]}": "5"}
        assert worker.send("/referral-cases/decisions", several).status_code == 303
        lists = text_of(worker.get("/referral-lists").text)
        assert "Hand over version 1" in lists
        done = worker.send("/referral-lists/hand-over", {"season": str(camp.season)})
        assert done.status_code == 303
        version = done.headers["location"]
        again = worker.send("/referral-lists/hand-over", {"season": str(camp.season)})
        assert again.status_code == 409
        said = text_of(worker.get(version).text)
        assert "Amina Ali" in said
        for secret in ("Barnevernet", "Helsestasjonen", "No holiday"):
            assert secret not in said
        book = openpyxl.load_workbook(io.BytesIO(worker.get(f"{version}/families.xlsx").content)).active
        assert book is not None
        rows = list(
            csv.reader(io.StringIO(worker.get(f"{version}/families.csv").content.decode("utf-8-sig")), delimiter=";")
        )
        assert [[cell.value or "" for cell in row] for row in book.rows] == rows
        assert rows[1][1:7] == ["Amina Ali", "1985-03-02", "90000077", "Somali", "yes", "5"]
        assert "not yet" in text_of(worker.get("/referral-lists").text)
    with camp.browser("leader") as leader:
        page = leader.get("/referral-cases").text
        assert "Approve the chosen" not in page
        assert leader.send("/referral-lists/hand-over", {"season": str(camp.season)}).status_code == 403
    with camp.browser("coordinator") as coordinator:
        assert "Lists of families whose receipt is to be confirmed" in text_of(coordinator.get("/").text)
        page = coordinator.get("/received-lists").text
        found = re.search(r"/received-lists/([0-9a-f-]{36})", page)
        assert found
        seen = text_of(coordinator.get(found[0]).text)
        assert "Amina Ali (2 Mar 1985), Yusuf Ali (21 Jun 2016)" in seen
        assert coordinator.send(f"{found[0]}/confirmation").status_code == 303
        assert coordinator.send(f"{found[0]}/withdrawal", {"family": "x"}).status_code == 409
        assert "Lists of families whose receipt is to be confirmed" not in text_of(coordinator.get("/").text)
    with camp.browser("worker") as worker:
        assert "not yet" not in text_of(worker.get("/referral-lists").text)
        assert worker.send(f"{case}/withdrawal").status_code == 303
        assert "that have withdrawn their consent" in text_of(worker.get("/").text)
        assert worker.get(case).status_code == 404


def test_cases_that_share_a_child_are_decided_by_a_person(office: Office) -> None:
    camp = office.camp
    first = office.refer("nurse")
    father = [("Hassan Omar", "1982-09-12"), ("Yusuf Omar", "2016-06-21")]
    with camp.browser("welfare") as welfare:
        body: dict[str, Any] = {"travellers": [{"name": name, "birth_date": born} for name, born in father]}
        body |= {"why": "x", "holds": ["c1"], "consent_on": "2026-02-27", "consent_how": "written"}
        made = welfare.call("POST", "/referrals", {"season_id": str(camp.season)}).json()
        sent = welfare.call("POST", f"/referrals/{made['id']}/sending", body)
        assert (sent.status_code, sent.json()["state"]) == (200, "sent")
        assert {one["code"]: one["holds"] for one in sent.json()["findings"]}["child_of_age"] is True
        assert welfare.call("PUT", f"/referrals/{made['id']}", body | {"why": "y"}).json()["why"] == "y"
        [season] = welfare.call("GET", "/offered-seasons").json()["items"]
        assert [one["code"] for one in season["stays"]] == ["A1", "A2"]
    with camp.browser("worker") as worker:
        assert "Cases that share somebody" in text_of(worker.get("/").text)
        page = text_of(worker.get("/referral-cases/shared").text)
        assert "Amina Yusuf Ali" in page
        assert "Hassan Omar" in page
        [pair] = worker.call("GET", "/referral-cases/shared").json()
        ids = {"first_id": pair["first_id"], "second_id": pair["second_id"]}
        form = {"first": pair["first_id"], "second": pair["second_id"], "do": "apart"}
        assert worker.send("/referral-cases/shared", form | {"second": pair["first_id"]}).status_code == 422
        blocked = {"decisions": [{"case_id": pair["first_id"], "verdict": "approve", "need": 3}]}
        assert worker.call("POST", "/referral-cases/decisions", blocked).status_code == 409
        assert worker.send("/referral-cases/shared", form).status_code == 303
        assert worker.call("POST", "/referral-cases/shared", ids | {"verdict": "join"}).status_code == 404
        assert worker.call("POST", "/referral-cases/decisions", blocked).status_code == 204
        counts = worker.call("GET", f"/referral-cases/counts?season_id={camp.season}").json()
        assert (counts["approved"], counts["open"], counts["persons_approved"]) == (
            1,
            1,
            len(office.own("nurse", first).travellers),
        )
        listed = worker.call("GET", f"/referral-cases?season_id={camp.season}&limit=1").json()
        assert (len(listed["items"]), listed["next"] is None) == (1, False)
        whole = worker.call("GET", f"/referral-cases/{pair['first_id']}").json()
        assert [one["leading"] for one in whole["parts"]] == [True]
        planned = worker.call("GET", f"/referral-lists/next?season_id={camp.season}").json()
        assert (planned["families"], planned["is_new"]) == (1, True)
        key = {"idempotency-key": "once"}
        made, again = (
            worker.call("POST", "/referral-lists", {"season_id": str(camp.season)}, **key).json() for _ in range(2)
        )
        assert made == again
        detail = worker.call("GET", f"/referral-lists/{made['id']}").json()
        assert set(detail["families"][0]) & {"why", "services", "service_id"} == set()
        assert date.fromisoformat(detail["families"][0]["travellers"][0]["birth_date"])
