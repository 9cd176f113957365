"""The municipality's pages of claims: the queue, a case, and decisions one by one and several at once."""

import csv
from collections.abc import Callable, Iterator
from io import StringIO
from uuid import UUID, uuid4

import pytest

from service.claims.case_web import TO_REJECT
from service.claims.models import STATES
from service.claims.rules import BY_HAND, LEFT, REJECTED
from service.claims.words import PRESETS, REASONS
from service.claims.words import STATES as STATE_WORDS
from service.identity.actions import find_municipality
from service.identity.form_keys import new_key
from tests.calls import Callers, Client, callers_of
from tests.claims.clubs import claim, ledger
from tests.claims.staff import english, follow, key_of, read, said, send, state_of, waiting, wrong_fields
from tests.passes.town import Town


@pytest.fixture
def callers(town: Town) -> Iterator[Callers]:
    with callers_of(town.database, town.municipality) as made:
        yield made


@pytest.fixture
def worker(callers: Callers) -> Client:
    return english(callers.person("case_worker"))


def test_every_code_has_words() -> None:
    assert STATE_WORDS.keys() == set(STATES)
    assert REASONS.keys() == {*REJECTED, *LEFT, *BY_HAND}
    assert PRESETS.keys() == set(TO_REJECT) == {*REJECTED, *BY_HAND}


def test_the_queue_is_filtered_searched_and_taken_along(
    town: Town, club: UUID, other_club: UUID, callers: Callers, worker: Client
) -> None:
    assert "No claim waits" in said(read(worker, "/claims"))
    first = waiting(town, club, fee_ore=20_000, reference="17-1")
    second = waiting(town, other_club, fee_ore=30_000, activity="Svømning")
    claim(town, club, "Søren")
    page = read(worker, "/claims")
    shown = said(page)
    assert shown.index("Boldklubben, Fodbold") < shown.index("Svømmeklubben, Svømning")
    assert "Waits for the municipality (2)" in shown
    assert "Approved (1)" in shown
    assert "The name is not the one on the pass. 2" in shown
    assert "Nora" not in page
    assert "Nour" not in page
    for asked, names in (
        (f"club={other_club}", {"Svømning"}),
        ("because=name_differs", {"Fodbold", "Svømning"}),
        ("because=many_members", set()),
        ("year=2017&reference=17-1", {"Fodbold"}),
        ("year=2016", set()),
        ("state=approved", {"Fodbold"}),
    ):
        table = said(read(worker, f"/claims?{asked}")).partition("Show all that wait")[2] or said(
            read(worker, f"/claims?{asked}")
        )
        assert {name for name in ("Fodbold", "Svømning") if f", {name}" in table} == names, asked
    for wrong in ("state=lost", "year=many", "club=x", "after=x"):
        read(worker, f"/claims?{wrong}", 422)
    by_id = send(worker, "/claims/search", q=str(second))
    assert by_id.headers["location"] == f"/claims/{second}"
    by_pass = send(worker, "/claims/search", q=town.number("Nour").lower())
    assert town.number("Nour") not in by_pass.headers["location"].upper()
    assert "Boldklubben, Fodbold" in follow(worker, by_pass)
    by_reference = follow(worker, send(worker, "/claims/search", q="17-1"))
    assert ("Boldklubben" in by_reference, "Svømmeklubben, Svømning" in by_reference) == (True, False)
    assert wrong_fields(send(worker, "/claims/search", q=" ")) == {"q"}
    file = send(worker, "/claims/file")
    assert file.headers["content-disposition"] == 'attachment; filename="claims-2017-02-01.csv"'
    rows = list(csv.DictReader(StringIO(file.text.removeprefix("\ufeff"))))
    assert [(row["id"], row["fee"], row["reasons"]) for row in rows] == [
        (str(first), "200.00", "name_differs"),
        (str(second), "300.00", "name_differs"),
    ]
    assert town.rows("SELECT details ->> 'rows' FROM audit_entry WHERE details ->> 'file' = 'csv'") == [("2",)]
    # Who may not decide sees the queue, and cannot choose in it.
    finance = english(callers.person("finance_officer"))
    assert "Choose" not in said(read(finance, "/claims")).partition("Show all")[0].partition("Filter")[0]
    read(english(callers.person("auditor")), "/claims", 403)


def test_pages_of_the_queue_follow_one_another(
    town: Town, club: UUID, worker: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.claims.queue_web.PAGE", 2)
    for number in range(3):
        waiting(town, club, fee_ore=1_000, activity=f"Hold {number}")
    page = read(worker, "/claims?because=name_differs")
    assert ("Hold 0" in page, "Hold 1" in page, "Hold 2" in page) == (True, True, False)
    onward = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    last = read(worker, onward)
    assert ("Hold 0" in last, "Hold 2" in last, 'rel="prev"' in last) == (False, True, True)
    assert "because=name_differs" in onward


def test_a_case_has_all_that_it_takes_and_names_only_for_those_who_decide(
    town: Town, club: UUID, other_club: UUID, callers: Callers, worker: Client
) -> None:
    with town.session() as session:
        session.connection().exec_driver_sql(
            """INSERT INTO club_activity (tenant_id, club_id, name, kind, min_age, max_age, season_start, season_end,
                fee_ore, made_at)
            VALUES (%s, %s, 'Fodbold', 'football', 5, 9, '2017-01-01', '2017-06-30', 70000, now())""",
            (town.municipality.id, club),
        )
        session.connection().exec_driver_sql("UPDATE club SET members = 40 WHERE id = %s", (club,))
    claim(town, other_club, "Nour", 10_000, activity="Skak")
    one = waiting(town, club, sessions=20, reference="17-9")
    page = read(worker, f"/claims/{one}")
    shown = said(page)
    for expected in (
        "The name is not the one on the pass.",
        "As the club wrote it Nora",
        "As the register has it Nour Prøvesen",
        "Age when the season begins 6",
        "Sessions 20",
        "Fee 600.00 kr",
        "The club's reference 17-9",
        "Left for membership 300.00 kr of 1,000.00 kr",
        "Svømmeklubben, Skak",
        "Members 40",
        "Children whose passes pay here in 2017 1 (2%)",
        "Fodbold claimed here Football 5–9",
        "No budget is set",
        "Approve 600.00 kr",
    ):
        assert expected in shown, expected
    assert f'href="/passes/{town.rows("SELECT pass_id FROM claim WHERE id = :id", id=one)[0][0]}"' in page
    finance = said(read(english(callers.person("finance_officer")), f"/claims/{one}"))
    assert ("Nora" in finance, "Nour" in finance, "Approve 600.00 kr" in finance) == (False, False, False)
    assert "Left for membership 300.00 kr" in finance
    noted = "SELECT count(*) FROM audit_entry WHERE action = 'claims.read' AND subject_id = :id AND door = 'page'"
    assert town.rows(noted, id=one) == [(2,)]
    read(worker, f"/claims/{uuid4()}", 404)


def test_decisions_lead_on_to_the_next_claim_and_count_once(town: Town, club: UUID, worker: Client) -> None:
    first, second, third = (waiting(town, club, fee_ore=20_000, activity=name) for name in ("Fodbold", "Skak", "Dans"))
    page = read(worker, f"/claims/{first}?because=name_differs")
    assert f"/claims/{second}?because=name_differs" in page
    fields = {"key": key_of(page), "because": "name_differs"}
    done = send(worker, f"/claims/{first}/approval", **fields)
    assert done.headers["location"] == f"/claims/{second}?because=name_differs"
    assert "is approved; it is expected to be paid on 15 February 2017" in follow(worker, done)
    again = send(worker, f"/claims/{first}/approval", **fields)
    assert "That form was sent already" in follow(worker, again)
    assert ledger(town, "Nour").count(("settle", -20_000)) == 1

    page = read(worker, f"/claims/{second}")
    assert "Choose the reason first." in follow(
        worker, worker.get(f"/claims/{second}/rejection", follow_redirects=False)
    )
    asked = read(worker, f"/claims/{second}/rejection?why=not_a_member")
    # The club reads it in the language of its municipality, whatever the case worker's is.
    preset = asked.split("<textarea")[1].split(">", 1)[1].split("</textarea")[0]
    assert "barn" in preset.lower()
    fields = {"reason": "not_a_member", "seen": "submitted", "key": key_of(asked)}
    assert wrong_fields(send(worker, f"/claims/{second}/rejection", **fields, note=" ")) == {"note"}
    assert wrong_fields(send(worker, f"/claims/{second}/rejection", **fields, note="x" * 501)) == {"note"}
    nonsense = send(worker, f"/claims/{second}/rejection", **fields | {"reason": "because"}, note="No")
    assert nonsense.status_code == 422
    done = send(worker, f"/claims/{second}/rejection", **fields, note="Meld barnet ind først.")
    assert done.headers["location"] == f"/claims/{third}"
    assert "The child was no member in this season. Meld barnet ind først." in said(read(worker, f"/claims/{second}"))
    last = send(worker, f"/claims/{third}/approval", key=key_of(read(worker, f"/claims/{third}")))
    assert last.headers["location"] == "/claims"
    assert [state_of(town, one) for one in (first, second, third)] == ["approved", "rejected", "approved"]
    assert town.sound()


def test_less_than_was_asked_is_approved_with_a_note(town: Town, club: UUID, worker: Client) -> None:
    one = waiting(town, club)
    page = read(worker, f"/claims/{one}")
    for covered, note, field in (
        ("", "", None),
        ("many", "x", "covered"),
        ("0", "x", "covered"),
        ("601", "x", "covered"),
        ("-5", "x", "covered"),
        ("250,50", "", "note"),
        ("250,50", "x" * 501, "note"),
    ):
        if field is not None:
            answer = send(worker, f"/claims/{one}/approval", key=key_of(page), covered=covered, note=note)
            assert wrong_fields(answer) == {field}, (covered, note)
            page = answer.text
    done = send(worker, f"/claims/{one}/approval", key=key_of(page), covered="250,50", note="Kun forårets del.")
    assert done.status_code == 303
    [(covered, note)] = town.rows("SELECT covered_ore, note FROM claim WHERE id = :id", id=one)
    assert (covered, note) == (25_050, "Kun forårets del.")
    assert sum(ore for _, ore in ledger(town, "Nour")) == 100_000 - 25_050
    shown = said(read(worker, f"/claims/{one}"))
    assert "Left to pay 349.50 kr, paid by the family" in shown
    assert town.sound()


def test_of_two_case_workers_the_second_is_told(town: Town, club: UUID, callers: Callers, worker: Client) -> None:
    one = waiting(town, club)
    colleague = english(callers.person("case_worker", "another@example.org"))
    page = read(worker, f"/claims/{one}")
    asked = read(colleague, f"/claims/{one}/rejection?why=wrong_child")
    assert send(worker, f"/claims/{one}/approval", key=key_of(page)).status_code == 303
    late = send(
        colleague, f"/claims/{one}/rejection", reason="wrong_child", note="No", seen="submitted", key=key_of(asked)
    )
    assert late.headers["location"] == f"/claims/{one}"
    assert "somebody else was quicker. The claim is now: Approved." in follow(colleague, late)
    late = send(colleague, f"/claims/{one}/approval", key=new_key())
    assert "somebody else was quicker. The claim is now: Approved." in follow(colleague, late)
    assert state_of(town, one) == "approved"
    # Seen as approved it can be taken back.
    asked = read(colleague, f"/claims/{one}/rejection?why=double")
    done = send(colleague, f"/claims/{one}/rejection", reason="double", note="No", seen="approved", key=key_of(asked))
    assert done.status_code == 303
    assert (state_of(town, one), ledger(town, "Nour")[-1]) == ("rejected", ("reverse", 60_000))
    assert town.sound()


def test_several_are_approved_at_once_after_a_look(town: Town, club: UUID, callers: Callers, worker: Client) -> None:
    claims = [waiting(town, club, fee_ore=10_000 * (n + 1), activity=f"Hold {n}") for n in range(3)]
    assert "Tick at least one claim first." in follow(worker, send(worker, "/claims/chosen"))
    assert send(worker, "/claims/chosen", claim=["x"]).status_code == 422
    asked = send(worker, "/claims/chosen", claim=[str(one) for one in claims], because="name_differs").text
    assert "Approve 3 claims? Together 600.00 kr from the passes." in said(asked)
    # A colleague takes one of them meanwhile.
    page = read(worker, f"/claims/{claims[1]}/rejection?why=double")
    send(worker, f"/claims/{claims[1]}/rejection", reason="double", note="No", seen="submitted", key=key_of(page))
    fields = {"chosen": " ".join(map(str, claims)), "key": key_of(asked), "because": "name_differs"}
    done = follow(worker, send(worker, "/claims/approvals", **fields))
    assert "Claims approved: 2. Left as they are: 1" in done
    assert "That form was sent already" in follow(worker, send(worker, "/claims/approvals", **fields))
    assert [state_of(town, one) for one in claims] == ["approved", "rejected", "approved"]
    assert send(worker, "/claims/approvals", chosen="x", key=key_of(asked)).status_code == 422
    assert send(worker, "/claims/approvals", chosen=str(claims[0])).status_code == 422
    finance = english(callers.person("finance_officer"))
    assert send(finance, "/claims/approvals", **fields).status_code == 403
    assert town.sound()


def test_the_days_to_decision_are_shown_over_all_and_by_club(
    town: Town, club: UUID, other_club: UUID, callers: Callers, worker: Client, at: Callable[[str], None]
) -> None:
    assert "Nothing has been decided yet" in said(read(worker, "/claims/days"))
    one = waiting(town, club, fee_ore=10_000)
    claim(town, club, "Søren")
    claim(town, other_club, "Søren", 10_000, activity="Skak")
    at("2017-02-05T08:00Z")
    worker = english(callers.person("case_worker"))
    assert send(worker, f"/claims/{one}/approval", key=key_of(read(worker, f"/claims/{one}"))).status_code == 303
    shown = said(read(worker, "/claims/days"))
    assert "Claims decided 3 Days on average, all of them 1.3 Decided by a case worker 1" in shown
    assert "Boldklubben 2 2 1 4 4" in shown
    assert "Svømmeklubben 1 0 0 – 0" in shown
    # That it was wrong makes nobody have waited longer.
    at("2017-02-25T08:00Z")
    worker = english(callers.person("case_worker"))
    asked = read(worker, f"/claims/{one}/rejection?why=double")
    done = send(worker, f"/claims/{one}/rejection", reason="double", note="No", seen="approved", key=key_of(asked))
    assert done.status_code == 303
    assert "Boldklubben 2 2 1 4 4" in said(read(worker, "/claims/days"))


def test_of_another_municipality_nothing_is_seen(town: Town, club: UUID, callers: Callers) -> None:
    one = waiting(town, club)
    town.run("municipality", "add", "0101", "Storby", "--country", "dk")
    with town.database.transaction() as session:
        other = find_municipality(session, "0101")
    stranger = english(callers.person("case_worker", "other@example.org", other))
    read(stranger, f"/claims/{one}", 404)
    assert send(stranger, f"/claims/{one}/approval", key="k" * 30).status_code == 404
    assert "No claim waits" in said(read(stranger, "/claims"))
    assert "None of them waits any more" in said(send(stranger, "/claims/chosen", claim=str(one)).text)
    assert state_of(town, one) == "submitted"
