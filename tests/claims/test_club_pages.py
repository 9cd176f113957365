"""The pages of a club's treasurer: claims one by one, in rows and with a file."""

import base64
import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from httpx import Response

from service.identity.actions import add_member
from service.identity.sessions import open_session
from tests.calls import Callers, Client, callers_of
from tests.claims.clubs import claim, ledger
from tests.claims.staff import english, follow, key_of, read, said, send, wrong_fields
from tests.passes.town import Town

CLAIMS = "/club/claims"
NEW, SEVERAL, FILE = f"{CLAIMS}/new", f"{CLAIMS}/several", f"{CLAIMS}/file"
SEASON = {"activity": "Fodbold", "season_start": "10.1.2017", "season_end": "2017-06-30"}


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


def treasurer_of(callers: Callers, town: Town, club: UUID) -> Client:
    """A treasurer of the club who is signed in, and reads English."""
    with town.session() as session:
        account = add_member(session, town.municipality.id, f"{club}@example.org", "Kasserer", "club_treasurer", club)
        secret = open_session(session, account, "email", "a browser")
    client = english(callers.nobody())
    client.cookies.set("medspiller", secret, domain="testserver.local")
    client.get("/health")
    client.headers["x-csrftoken"] = client.cookies["csrf"]
    return client


@pytest.fixture
def treasurer(callers: Callers, town: Town, club: UUID) -> Client:
    return treasurer_of(callers, town, club)


def form(town: Town, child: str = "Nour", **changes: str) -> dict[str, str]:
    known = {"pass_number": changes.pop("pass_number", None) or town.number(child), "given_name": child, "fee": "600"}
    return known | SEASON | {"kind": "membership", "family_share_paid_by": "family", "act": "claim"} | changes


def test_calculate_reserve_claim_and_withdraw(town: Town, treasurer: Client) -> None:
    page = read(treasurer, NEW)
    asked = form(town, fee="1200", key=key_of(page))
    calculated = send(treasurer, NEW, **asked | {"act": "calculate", "activity": "", "season_end": ""})
    assert calculated.status_code == 200
    shown = said(calculated.text)
    assert "The pass pays 1,000.00 kr The family's share 200.00 kr" in shown
    assert town.rows("SELECT count(*) FROM claim") == [(0,)]
    part = said(send(treasurer, f"{CLAIMS}/share", **asked).text)
    assert "The pass pays 1,000.00 kr The family's share 200.00 kr" in part
    # While one types, an unfinished number asks nothing and counts nothing.
    assert said(send(treasurer, f"{CLAIMS}/share", **asked | {"pass_number": "7K3"}).text) == ""
    assert town.rows("SELECT directory.attempts('pass number', ''::bytea, now(), '1 day')") == [(0,)]
    assert "The name is not the one on this pass" in said(
        send(treasurer, f"{CLAIMS}/share", **asked | {"given_name": "Nora"}).text
    )
    reserved = follow(treasurer, send(treasurer, NEW, **form(town, fee="700", key=key_of(page), act="reserve")))
    assert "700 kr is held until 15 February 2017. Claim it by then." in reserved
    [(reservation,)] = town.rows("SELECT id FROM reservation")
    begun = read(treasurer, f"{NEW}?reservation={reservation}")
    assert 'value="700"' in begun and "The reserved amount goes into this claim." in said(begun)
    made = send(treasurer, NEW, **form(town, fee="700", key=key_of(begun), reservation=str(reservation)))
    shown = follow(treasurer, made)
    assert "The claim is approved: the pass pays 700 kr, the family's share is 0 kr." in shown
    assert "Expected payment 15 Feb 2017" in shown and "Days to decision 0" in shown
    again = send(treasurer, NEW, **form(town, fee="700", key=key_of(begun)))
    assert "That form was sent already; it has its effect once." in follow(treasurer, again)
    address = made.headers["location"]
    assert "The claim is withdrawn." in follow(treasurer, send(treasurer, f"{address}/withdrawal"))
    assert ledger(town, "Nour")[-1] == ("reverse", 70_000)
    assert town.sound()


def test_each_field_says_what_is_wrong_with_it(town: Town, treasurer: Client) -> None:
    key = key_of(read(treasurer, NEW))
    empty = send(treasurer, NEW, key=key, act="claim")
    assert wrong_fields(empty) == {"pass_number", "given_name", "fee", "activity", "season_start", "season_end"}
    for field, value in {
        "pass_number": "0000-000-0000",
        "fee": "1.000",
        "season_start": "soon",
        "season_end": "2016-01-01",
        "sessions": "many",
        "kind": "camp",
        "family_share_paid_by": "nobody",
        "reference": "x" * 101,
        "given_name": "x" * 101,
    }.items():
        answer = send(treasurer, NEW, **form(town, key=key) | {field: value})
        assert wrong_fields(answer) == {field}, field
    waits = follow(treasurer, send(treasurer, NEW, **form(town, key=key, given_name="Nora")))
    assert "A case worker decides about the claim. 600 kr is held for it meanwhile." in waits
    assert "The name is not the one on the pass. What you can do: Nothing: a case worker compares the names." in waits


def test_the_list_its_filter_its_file_and_who_sees_it(
    town: Town, treasurer: Client, callers: Callers, club: UUID, other_club: UUID
) -> None:
    assert "No claims here" in said(read(treasurer, CLAIMS))
    first = claim(town, club, "Nour", reference="F-1")
    claim(town, club, "Søren", 10_000, given_name="Sara")
    shown = said(read(treasurer, CLAIMS))
    assert "Nour Fodbold" in shown and "expected 15 Feb 2017 F-1" in shown and "Waits for the municipality" in shown
    assert "1 claim of the last year was decided, at once." in shown
    filtered = said(read(treasurer, f"{CLAIMS}?reference=F-1"))
    assert "Nour Fodbold" in filtered and "Sara" not in filtered
    assert "No claim fits the filter." in said(read(treasurer, f"{CLAIMS}?state=paid"))
    assert treasurer.get(f"{CLAIMS}?since=soon", headers={"accept": "text/html"}).status_code == 422
    file = treasurer.get(f"{CLAIMS}/claims.csv?reference=F-1")
    assert file.headers["content-disposition"] == 'attachment; filename="claims-2017-02-01.csv"'
    rows = file.content.decode("utf-8-sig").splitlines()
    assert rows[1].startswith("2017-02-01;Approved;Nour;F-1;Membership;Fodbold;2017-01-10;2017-06-30;600;600;0;")
    stranger = treasurer_of(callers, town, other_club)
    assert "No claims here" in said(read(stranger, CLAIMS))
    read(stranger, f"{CLAIMS}/{first.id}", 404)
    assert send(stranger, f"{CLAIMS}/{first.id}/withdrawal").status_code == 404
    worker = callers.person("case_worker")
    assert worker.get(CLAIMS).status_code == 403


def test_several_children_in_rows(town: Town, treasurer: Client) -> None:
    page = read(treasurer, SEVERAL)
    common = SEASON | {"key": key_of(page), "rows": "3", "kind": "membership", "family_share_paid_by": "fund"}
    more = send(treasurer, SEVERAL, **common | {"act": "add", "given_name_1": "Nour"}).text
    assert 'name="pass_number_4"' in more and 'value="Nour"' in more
    assert wrong_fields_of_rows(send(treasurer, SEVERAL, **common | {"given_name_2": "Nour"})) == {
        "pass_number_2",
        "fee_2",
    }
    rows = {
        "pass_number_1": town.number("Nour"),
        "given_name_1": "Nour",
        "fee_1": "600",
        "reference_1": "F-1",
        "pass_number_3": "0000-000-0000",
        "given_name_3": "Søren",
        "fee_3": "600",
    }
    answer = send(treasurer, SEVERAL, **common | rows)
    shown = said(answer.text)
    assert answer.status_code == 200, shown
    assert "1 claim was made. 1 row could not be claimed: put it right and send it again." in shown
    assert "3 Not claimed Pass number: is no pass that can be used: compare it with the pass" in shown
    assert town.rows("SELECT family_share_paid_by, reference FROM claim") == [("fund", "F-1")]
    assert "sent already" in follow(treasurer, send(treasurer, SEVERAL, **common | rows))
    assert len(ledger(town, "Nour")) == 2


def wrong_fields_of_rows(answer: Response) -> set[str]:
    assert answer.status_code == 422, answer.text
    return set(re.findall(r'id="([a-z_0-9]+)-error"', answer.text))


def test_a_file_with_a_result_for_every_line(town: Town, treasurer: Client) -> None:
    template = treasurer.get(f"{FILE}/template.csv").content.decode("utf-8-sig").splitlines()
    assert template[0].split(";")[:4] == ["pass_number", "given_name", "fee", "activity"]
    rows = [
        ";".join(template[0].split(";")),
        f"{town.number('Nour')};Nour;600;Fodbold;10.1.2017;30.6.2017;;;;F-1;",
        f"{town.number('Søren')};Søren;x;Fodbold;10.1.2017;30.6.2017;;;;=F-2;",
    ]
    page = read(treasurer, FILE)
    content = "\n".join(rows).encode()

    def upload(body: bytes, key: str) -> Response:
        return treasurer.post(
            FILE,
            data={"key": key},
            files={"file": ("claims.csv", body, "text/csv")},
            headers={"accept": "text/html"},
            follow_redirects=False,
        )

    answer = upload(content, key_of(page))
    shown = said(answer.text)
    assert answer.status_code == 200, shown
    assert "1 claim was made. 1 row could not be claimed" in shown
    assert "3 Not claimed Full fee: Write an amount in kroner" in shown
    packed = re.findall(r'href="data:text/csv;charset=utf-8;base64,([^"]+)"', answer.text)[0]
    results = base64.b64decode(packed).decode("utf-8-sig").splitlines()
    assert [line.split(";")[:3] for line in results[1:]] == [["2", "Approved", "F-1"], ["3", "Not claimed", "'=F-2"]]
    # Uploaded again, the form is known; as a new form the reference is.
    assert "sent already" in follow(treasurer, upload(content, key_of(page)))
    again = said(upload(content, key_of(read(treasurer, FILE))).text)
    assert "0 claims were made." in again
    assert "This was claimed before under the reference F-1." in again
    refused = upload(b"a;b\n1;2\n", key_of(read(treasurer, FILE)))
    assert (refused.status_code, "does not have the columns of the template" in said(refused.text)) == (422, True)
    assert len(ledger(town, "Nour")) == 2
