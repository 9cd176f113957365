"""Seasons are planned, published to the municipalities' own tenants, copied and changed; stays come from a file."""

from datetime import date

import pytest
from sqlalchemy.exc import DBAPIError

from service.errors import Conflict, Invalid
from service.stays import seasons, volunteers
from service.stays.importing import import_stays
from service.stays.queries import fallbacks_of, find_season, find_stay, places_of_season, roles_of, stays_of
from service.stays.rules import SeasonDates
from tests.stays.camp import TODAY, Camp, stay

HEADING = (
    "stay,centre,start,end,family_places,person_places,volunteers,min_child_age,max_child_age,min_families,"
    "assembly_points"
)


def test_a_season_is_copied_to_its_municipalities_when_it_is_published_and_at_every_change(camp: Camp) -> None:
    season = camp.plan("A1", published=False)
    offered = "SELECT name, district_name, quota, state, criteria -> 0 ->> 'statement' FROM offered_season"
    assert camp.rows(camp.municipality.id, offered) == []
    by = camp.actor("coordinator")
    with camp.session(camp.organisation) as session:
        assert seasons.publish_season(session, camp.organisation, season, by) == 2
    [(name, district, quota, state, criterion)] = camp.rows(camp.municipality.id, offered)
    assert (name, district, quota, state) == ("Sommer 2026", "Vestland", None, "published")
    assert criterion.startswith("The family has lived")
    camp.add(stay("B1", date(2026, 7, 4)))
    with camp.session(camp.organisation) as session:
        place = camp.place("Bergvik")
        seasons.set_quota(session, camp.organisation, season, place, 7, by)
        seasons.cancel_stay(session, camp.organisation, camp.stays["A1"], "The roof leaks", by)
    stays = "SELECT code, cancelled FROM offered_stay ORDER BY code"
    assert camp.rows(camp.municipality.id, stays) == [("A1", True), ("B1", False)]
    assert camp.rows(camp.municipality.id, "SELECT quota FROM offered_season") == [(7,)]
    assert camp.rows(camp.neighbour.id, "SELECT quota FROM offered_season") == [(None,)]
    for statement in ("UPDATE offered_stay SET cancelled = false", "DELETE FROM offered_season"):
        with pytest.raises(DBAPIError, match="permission denied"):
            camp.rows(camp.municipality.id, statement)


def test_another_organisation_cannot_publish_over_a_season(camp: Camp) -> None:
    season = camp.plan()
    assert camp.rows(camp.municipality.id, "SELECT directory.publish_season(:s, now())", s=season) == [(0,)]
    assert camp.rows(camp.municipality.id, "SELECT organisation_id FROM offered_season") == [(camp.organisation,)]


def test_a_season_is_copied_to_the_same_weekdays_of_the_next_year(camp: Camp) -> None:
    season = camp.plan("A1", "A2")
    by = camp.actor("coordinator")
    with camp.session(camp.organisation) as session:
        seasons.set_quota(session, camp.organisation, season, camp.place("Bergvik"), 7, by)
        role = volunteers.need_role(session, camp.organisation, camp.stays["A1"], "leader", by)
        who = volunteers.keep_volunteer(session, camp.organisation, None, "Leif", "", "leif@ferie.example", by)
        volunteers.ask_for_role(session, camp.organisation, role, who, by)
        offer = seasons.Fallback("day_trip", "Akvariet", date(2026, 7, 1), date(2026, 7, 1), 20, 0, 17)
        seasons.add_fallback(session, camp.organisation, season, offer, by)
        seasons.cancel_stay(session, camp.organisation, camp.stays["A2"], "No leader", by)
        made = seasons.copy_season(session, camp.organisation, season, "Sommer 2027", 1, by)
    with camp.session(camp.organisation) as session:
        found, [copied] = find_season(session, made), stays_of(session, made)
        assert (found.state, found.copied_from) == ("draft", season)
        assert copied.starts_on == date(2027, 6, 26)
        assert copied.starts_on.weekday() == date(2026, 6, 27).weekday()
        assert [(one.role, one.state, one.name) for one in roles_of(session, copied.id)] == [("leader", "needed", None)]
        assert {one.name: one.quota for one in places_of_season(session, made)}["Bergvik"] == 7
        [[trip]] = [fallbacks_of(session, made)]
        assert trip.starts_on == date(2027, 6, 30)


def test_dates_that_contradict_each_other_are_all_named(camp: Camp) -> None:
    season = camp.plan("A1")
    wrong = SeasonDates(date(2026, 7, 1), date(2026, 6, 1), date(2026, 5, 9), date(2026, 5, 8), date(2026, 7, 2))
    with camp.session(camp.organisation) as session:
        by = camp.actor("coordinator")
        with pytest.raises(Invalid) as refused:
            seasons.add_season(session, camp.organisation, camp.district, "Høst", wrong, by)
        assert [error.field for error in refused.value.errors] == ["last_day", "list_deadline", "first_day"]
        later = SeasonDates(date(2026, 7, 1), date(2026, 8, 1), date(2026, 5, 1), date(2026, 5, 8), date(2026, 5, 9))
        with pytest.raises(Invalid) as refused:
            seasons.change_season(session, camp.organisation, season, "Sommer 2026", later, by)
        assert "A1" in refused.value.errors[0].message


def test_every_line_of_a_file_has_a_result_and_good_lines_stand(camp: Camp) -> None:
    season = camp.plan("A1")
    lines = [
        HEADING,
        "A1,Fjellheim,2026-06-27,2026-07-04,10,48,8,6,13,6,Oslo bussterminal",
        "B1,Sjøbu,2026-07-04,2026-07-11,12,50,8,6,13,6,Bergen|Voss",
        "B2,Sjøbu,2026-07-04,2026-07-01,12,5,8,6,19,60,",
        "B1,Sjøbu,2026-07-04,2026-07-11,12,50,8,6,13,6,",
        "B3,Sjøbu,4 July,2026-07-11,many,50,8,6,13,6,",
        "B4,,2026-07-04,2026-07-11,12,50,8,6,13,6,",
    ]
    with camp.session(camp.organisation) as session:
        by = camp.actor("coordinator")
        results = import_stays(session, camp.organisation, season, "\n".join(lines).encode(), by)
        again = import_stays(session, camp.organisation, season, "\n".join(lines[:3]).encode(), by)
        changed = [lines[0], lines[2].replace(",12,50", ",12,60")]
        third = import_stays(session, camp.organisation, season, "\n".join(changed).encode(), by)
    assert [(one.line, one.outcome) for one in results] == [
        (2, "unchanged"),
        (3, "added"),
        (4, "rejected"),
        (5, "rejected"),
        (6, "rejected"),
        (7, "rejected"),
    ]
    assert {error.field for error in results[2].errors} == {"end", "person_places", "max_child_age", "min_families"}
    assert [error.message for error in results[3].errors] == ["stands in the file twice"]
    assert [error.field for error in results[4].errors] == ["family_places", "start"]
    assert [one.outcome for one in (*again, *third)] == ["unchanged", "unchanged", "changed"]
    with camp.session(camp.organisation) as session:
        [first, second] = stays_of(session, season)
        assert (first.code, second.code, second.centre) == ("A1", "B1", "Sjøbu")
        assert (second.person_places, second.assembly_points) == (60, ["Bergen", "Voss"])
    assert ("B1",) in camp.rows(camp.municipality.id, "SELECT code FROM offered_stay")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"stay,price\nA1,3\n", "Not known: price"),
        (b"stay\nA1\n", "Missing: start"),
        ("stay;region\nÅ\n".encode("latin-1"), "not UTF-8"),
        (f'{HEADING}\n"A1,'.encode(), "quotation mark"),
        (b"", "first line"),
    ],
)
def test_a_file_that_is_no_list_of_stays_is_refused(camp: Camp, content: bytes, said: str) -> None:
    season = camp.plan("A1")
    with camp.session(camp.organisation) as session, pytest.raises(Invalid, match=said):
        import_stays(session, camp.organisation, season, content, camp.actor("coordinator"))


def test_a_role_is_confirmed_only_with_a_certificate_that_was_seen(camp: Camp) -> None:
    camp.plan("A1", "A2")
    by = camp.actor("coordinator")
    with camp.session(camp.organisation) as session:
        role, other = (
            volunteers.need_role(session, camp.organisation, camp.stays["A1"], name, by) for name in ("cook", "leader")
        )
        who = volunteers.keep_volunteer(session, camp.organisation, None, "Kokk", "90000002", "", by)
        with pytest.raises(Conflict, match="Nobody is asked"):
            volunteers.confirm_role(session, camp.organisation, role, by)
        volunteers.ask_for_role(session, camp.organisation, role, who, by)
        with pytest.raises(Conflict, match="certificate of Kokk"):
            volunteers.confirm_role(session, camp.organisation, role, by)
        with pytest.raises(Invalid):
            volunteers.note_certificate(session, camp.organisation, who, date(2026, 3, 2), TODAY, by)
        volunteers.note_certificate(session, camp.organisation, who, date(2026, 2, 20), TODAY, by)
        volunteers.confirm_role(session, camp.organisation, role, by)
        assert find_stay(session, camp.stays["A1"]).confirmed == 1
    with camp.session(camp.organisation) as session, pytest.raises(Conflict, match="has a role on the stay"):
        volunteers.ask_for_role(session, camp.organisation, other, who, by)
    assert camp.rows(camp.organisation, "SELECT certificate_seen_by FROM volunteer") == [(by.account_id,)]


def test_a_cancelled_stay_stays_cancelled(camp: Camp) -> None:
    season = camp.plan("A1")
    by = camp.actor("coordinator")
    with camp.session(camp.organisation) as session:
        with pytest.raises(Invalid):
            seasons.cancel_stay(session, camp.organisation, camp.stays["A1"], " ", by)
        assert seasons.cancel_stay(session, camp.organisation, camp.stays["A1"], "Too few volunteers", by) == 0
        for again in (
            lambda: seasons.cancel_stay(session, camp.organisation, camp.stays["A1"], "x", by),
            lambda: volunteers.need_role(session, camp.organisation, camp.stays["A1"], "cook", by),
            lambda: seasons.keep_stay(
                session, camp.organisation, season, camp.stays["A1"], camp.centre, stay("A1"), by
            ),
        ):
            with pytest.raises(Conflict):
                again()
    with pytest.raises(DBAPIError, match="cannot go from cancelled to planned"):
        camp.rows(camp.organisation, "UPDATE stay SET state = 'planned', cancelled_at = NULL")
