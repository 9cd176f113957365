"""What is handed over: exactly that, in versions that nobody changes; withdrawn consent leaves no more than a count."""

import json
from datetime import date
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import DBAPIError

from service.errors import Conflict
from service.referrals.lists import find_version
from service.stays import lists as received
from service.stays import seasons
from service.stays.families import ListedFamily, Traveller
from tests.referrals.office import CHILD, FAMILY, FATHER, INFANT, MOTHER, Office
from tests.stays.camp import Camp

GRANDMOTHER = Traveller("Faduma Ali", date(1950, 1, 1))
OTHERS = (Traveller("Olga Berg", date(1990, 4, 1)), Traveller("Ivan Berg", date(2015, 8, 9)))


def held(camp: Camp) -> list[dict[str, Any]]:
    """All that the organisation's tenant holds of families, as the owner of the database sees it."""
    rows = camp.as_owner(
        """SELECT l.number, jsonb_build_object('key', f.key, 'need', f.need, 'contact_name', f.contact_name,
            'phone', f.phone, 'language', f.language, 'interpreter', f.interpreter, 'late', f.late,
            'last_participation', f.last_participation,
            'travellers', (SELECT jsonb_agg(jsonb_build_object('name', t.name, 'birth_date', t.birth_date)
                ORDER BY t.place) FROM received_traveller t WHERE t.family_id = f.id),
            'wishes', (SELECT coalesce(jsonb_agg(w.stay_id ORDER BY w.rank), '[]') FROM received_wish w
                WHERE w.family_id = f.id))
        FROM received_family f JOIN received_list l ON l.id = f.list_id WHERE f.tenant_id = :t
        ORDER BY l.number, f.place""",
        t=camp.organisation,
    )
    return [{"number": number} | family for number, family in rows]


def test_the_organisation_holds_exactly_what_was_handed_over(office: Office) -> None:
    camp = office.camp
    why = "They live in the hidden flat at Storgata 5"
    first = office.refer("nurse", wishes=("A2", "A1"), why=why, last_participation=2019)
    second = office.refer("welfare", *OTHERS, interpreter=False, language="")
    office.refer("welfare", Traveller("Not Approved", date(1980, 1, 1)), Traveller("Kid Approved", date(2015, 1, 1)))
    office.approve(first, need=4)
    office.approve(second, need=5)
    version = office.hand_over()
    assert (version.number, version.families, version.persons, version.withdrawn) == (1, 2, 5, 0)
    handed = camp.rows(
        camp.municipality.id, "SELECT content FROM referral_list_entry WHERE list_id = :l ORDER BY place", l=version.id
    )
    assert held(camp) == [{"number": 1} | content for (content,) in handed]
    assert [one["need"] for one in held(camp)] == [5, 4]
    known = {one.encode_name for one in msgspec.structs.fields(ListedFamily)}
    assert [set(content) for (content,) in handed] == [known, known]
    # Nothing else of the municipality's stands anywhere in the organisation's tenant.
    everything = camp.as_owner(
        """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"""
    )
    for (table,) in everything:
        rows = camp.as_owner(f"SELECT to_jsonb(r) FROM {table} r WHERE tenant_id = :t", t=camp.organisation)
        said = json.dumps([row for (row,) in rows], ensure_ascii=False)
        for secret in (why, "Helsestasjonen", "Barnevernet", "Not Approved", str(camp.health), str(camp.welfare)):
            assert secret not in said, (table, secret)
        for case in (office.case_of(first), first, second):
            assert str(case) not in said, table
    assert camp.as_owner("SELECT count(*) FROM received_family WHERE tenant_id <> :t", t=camp.organisation) == [(0,)]


def test_more_than_is_needed_is_not_copied_whatever_an_entry_holds(office: Office) -> None:
    camp = office.camp
    office.approve(office.refer())
    office.hand_over()
    content = {"key": "k", "need": 3, "contact_name": "n", "phone": "", "language": "", "interpreter": False}
    content |= {"late": False, "wishes": [], "travellers": [{"name": "x", "birth_date": "2015-01-01", "income": 77123}]}
    content |= {"income": 77123, "service": "Helsestasjonen"}
    camp.as_owner(
        """SELECT directory.keep_received_list(:o, :s, :m, 'spreadsheet', NULL, NULL, jsonb_build_array(
            CAST(:c AS jsonb)), '[]', '{}', now())""",
        o=camp.organisation,
        s=camp.season,
        m=camp.place("Uvik"),
        c=json.dumps(content),
    )
    for table in ("received_list", "received_family", "received_traveller", "received_wish"):
        said = str(camp.as_owner(f"SELECT to_jsonb(r) FROM {table} r"))
        assert "77123" not in said
        assert "Helse" not in said


def test_a_version_is_numbered_and_never_changed(office: Office) -> None:
    camp = office.camp
    office.approve(office.refer())
    version = office.hand_over()
    for tenant, statement in (
        (camp.municipality.id, "UPDATE referral_list SET families = 7"),
        (camp.municipality.id, "DELETE FROM referral_list_entry"),
        (camp.municipality.id, "UPDATE referral_list_entry SET content = '{}'"),
        (camp.organisation, "UPDATE received_family SET need = 1"),
        (camp.organisation, "DELETE FROM received_traveller"),
        (camp.organisation, "INSERT INTO received_wish SELECT tenant_id, family_id, 9, stay_id FROM received_wish"),
        (camp.organisation, "UPDATE received_list SET families = 0"),
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            camp.rows(tenant, statement)
    for statement in (
        "UPDATE received_family SET need = 1",
        "UPDATE received_list SET families = 0",
        "UPDATE referral_list SET number = 9",
        "UPDATE referral_list_entry SET content = '{}'",
    ):
        with pytest.raises(DBAPIError, match=r"append-only|never changed"):
            camp.as_owner(statement)
    with pytest.raises(DBAPIError, match="never changed"):
        camp.rows(
            camp.municipality.id,
            """INSERT INTO referral_list_entry (tenant_id, list_id, place, case_id, content)
            SELECT tenant_id, list_id, 9, case_id, content FROM referral_list_entry""",
        )
    with pytest.raises(Conflict, match="Nothing has changed"):
        office.hand_over()
    again = camp.rows(camp.municipality.id, "SELECT directory.hand_over_list(:l, now())", l=version.id)
    assert again == [(None,)]


def test_a_list_sent_again_after_a_correction_says_what_differs(office: Office) -> None:
    camp = office.camp
    first, second = office.refer("nurse", wishes=("A1",)), office.refer("welfare", *OTHERS)
    office.approve(first, second)
    office.hand_over()
    assert not office.plan().is_new
    # The grandmother stays home after all: there never was one; she comes along.
    office.change("nurse", first, *FAMILY, GRANDMOTHER, wishes=("A1",))
    third = office.refer("nurse", Traveller("Tor Vik", date(1980, 1, 1)), Traveller("Liv Vik", date(2014, 1, 1)))
    office.approve(third)
    with camp.session(camp.municipality.id):
        changes = office.plan().changes
    assert [len(one) for one in (changes.added, changes.changed, changes.removed)] == [1, 1, 0]
    version = office.hand_over()
    assert (version.number, version.families, version.persons) == (2, 3, 8)
    with camp.session(camp.organisation) as session:
        newest, oldest = received.list_versions(session)
        assert (newest.number, newest.newest, oldest.number, oldest.newest) == (2, True, 1, False)
        assert (tuple(newest.added), tuple(newest.changed), newest.removed) == (changes.added, changes.changed, 0)
        by_key = {one.key: one for one in received.families_of(session, newest.id)}
        assert len(by_key[newest.changed[0]].travellers) == 4
        # What was handed over before stands as it was.
        assert {len(one.travellers) for one in received.families_of(session, oldest.id)} == {3, 2}


def test_consent_withdrawn_before_the_hand_over_leaves_only_a_count(office: Office) -> None:
    camp = office.camp
    first, second = office.refer(), office.refer("welfare", *OTHERS)
    office.approve(first, second)
    office.withdraw("nurse", first)
    assert camp.rows(
        camp.municipality.id, "SELECT count(*) FROM referral_traveller WHERE referral_id = :r", r=first
    ) == [(0,)]
    said = str(camp.rows(camp.municipality.id, "SELECT to_jsonb(r) FROM referral r WHERE id = :r", r=first))
    for secret in ("Somali", "90000009", "no holiday"):
        assert secret not in said
    assert camp.e_mails() == []
    office.hand_over()
    assert [one["contact_name"] for one in held(camp)] == ["Olga Berg"]
    assert {one.state for one in office.cases()} == {"approved"}
    assert office.own("nurse", first).state == "withdrawn"
    with pytest.raises(Conflict, match="already"):
        office.withdraw("nurse", first)


def test_consent_withdrawn_after_the_hand_over_takes_the_family_from_every_version(office: Office) -> None:
    camp = office.camp
    first, second = office.refer("nurse", wishes=("A1",)), office.refer("welfare", *OTHERS)
    office.approve(first, second)
    office.hand_over()
    office.withdraw("nurse", first)
    [_, notice] = camp.e_mails()
    assert notice.to == "vestland@ferie.example"
    assert "trukket" in notice.subject
    assert "Amina" not in notice.subject + notice.text
    # Until the next version stands, the organisation holds what was handed over.
    assert len(held(camp)) == 2
    planned = office.plan()
    assert (planned.withdrawn, planned.changes.removed, planned.is_new) == (1, (), True)
    version = office.hand_over()
    assert (version.number, version.families, version.withdrawn) == (2, 1, 1)
    assert [(one["number"], one["contact_name"]) for one in held(camp)] == [(1, "Olga Berg"), (2, "Olga Berg")]
    for tenant in (camp.organisation, camp.municipality.id):
        for (table,) in camp.as_owner(
            """SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"""
        ):
            said = str(camp.as_owner(f"SELECT to_jsonb(r) FROM {table} r WHERE tenant_id = :t", t=tenant))
            assert "Amina" not in said, table
            assert "Yusuf" not in said, table
    with camp.session(camp.organisation) as session:
        newest, oldest = received.list_versions(session)
        assert (newest.withdrawn, newest.removed, oldest.families) == (1, 0, 2)
    assert not office.plan().is_new


def test_the_organisation_confirms_receipt_and_the_municipality_sees_it(office: Office) -> None:
    camp = office.camp
    referral = office.refer()
    office.approve(referral)
    version = office.hand_over()
    [mail] = camp.e_mails()
    assert (mail.to, "Bergvik" in mail.subject) == ("vestland@ferie.example", True)
    with camp.session(camp.organisation) as session:
        [one] = received.list_versions(session)
        for _ in range(2):
            received.confirm_receipt(session, camp.organisation, one.id, camp.actor("coordinator"))
    with camp.session(camp.municipality.id) as session:
        assert find_version(session, version.id).confirmed_at is not None
    assert office.own("nurse", referral).handed_over_at is not None
    # A municipality confirms nothing in the organisation's place.
    assert camp.rows(camp.neighbour.id, "SELECT directory.confirm_list(:l, NULL, now())", l=one.id) == [(False,)]


def test_the_only_child_of_age_drops_out(office: Office) -> None:
    referral = office.refer()
    other = office.refer("welfare", *OTHERS)
    office.approve(referral, other)
    office.hand_over()
    office.change("nurse", referral, MOTHER, INFANT)
    [case] = [one for one in office.cases() if one.id == office.case_of(referral)]
    assert (case.state, case.fits, case.unseen) == ("open", False, 1)
    assert office.own("nurse", referral).state == "sent"
    with pytest.raises(Conflict, match="does not fit"):
        office.approve(referral)
    version = office.hand_over()
    assert (version.number, version.families) == (2, 1)
    assert [one["contact_name"] for one in held(office.camp) if one["number"] == 2] == ["Olga Berg"]
    with office.camp.session(office.camp.organisation) as session:
        assert received.list_versions(session)[0].removed == 1


def test_a_cancelled_stay_is_wished_no_more_and_a_family_that_wished_nothing_else_is_asked(office: Office) -> None:
    camp = office.camp
    first = office.refer("nurse", wishes=("A1", "A2"))
    second = office.refer("welfare", *OTHERS, wishes=("A1",))
    office.approve(first, second)
    with camp.session(camp.organisation) as session:
        seasons.cancel_stay(session, camp.organisation, camp.stays["A1"], "The roof leaks", camp.actor("coordinator"))
    planned = office.plan()
    assert [one.wishes for one in planned.families] == [(str(camp.stays["A2"]),)]
    [left] = planned.left_out
    assert [one.code for one in left.findings if not one.holds] == ["wishes"]


def test_a_referral_after_the_deadline_is_for_places_that_fall_free(office: Office, at: Any) -> None:
    early = office.refer("nurse")
    at("2026-05-15T08:00Z")
    late = office.refer("welfare", *OTHERS)
    office.approve(early, need=2)
    office.approve(late, need=2)
    office.hand_over()
    assert [(one["contact_name"], one["late"]) for one in held(office.camp)] == [
        ("Amina Yusuf Ali", False),
        ("Olga Berg", True),
    ]
    with office.camp.session(office.camp.organisation) as session:
        by = office.camp.actor("coordinator")
        seasons.close_season(session, office.camp.organisation, office.camp.season, by)
    with pytest.raises(Conflict, match="no more referrals"):
        office.refer("nurse", FATHER, CHILD)


def test_an_organisation_that_offers_no_season_gets_no_list(office: Office) -> None:
    camp = office.camp
    office.approve(office.refer())
    camp.as_owner("DELETE FROM season_municipality WHERE municipality_id = :m", m=camp.place("Bergvik"))
    with pytest.raises(Conflict, match="does not take lists"):
        office.hand_over()
    assert camp.rows(camp.municipality.id, "SELECT count(*) FROM referral_list") == [(0,)]
