"""Who comes and who came, what they need, what they are told, and what they say afterwards."""

import csv
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pypdf
import pytest
from sqlalchemy.exc import DBAPIError

from service.database.requests import record_outside
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.stays import volunteers
from service.stays.queries import find_stay, roles_of
from service.travel import manifest, opinions, packing, participants
from service.travel.opinions import Said
from tests.conftest import Medspiller
from tests.travel.trip import AFTERWARDS, BERGEN, LAST_DAY, ON_THE_DAY, OSLO, ZONE, Trip

At = Callable[[str], None]
NEEDS = {
    "diet": "No pork",
    "health": "Asthma",
    "access": "Wheelchair",
    "emergency_name": "Aunt Anna",
    "emergency_phone": "90000077",
}


def text_of(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def test_each_person_is_noted_for_themselves(trip: Trip, at: At) -> None:
    one, other = trip.accepted("one", 3, stays_home=1), trip.accepted("other", 2, point=BERGEN)
    with pytest.raises(Conflict, match="noted from"):
        trip.note(one, 0, "came")
    at(ON_THE_DAY)
    trip.note(one, 0, "came")
    trip.note(one, 0, "came")
    trip.note(other, 1, "not_come")
    assert trip.states() == {(one, 0): "came", (other, 1): "not_come"}
    # The rest of a family at once, and nobody of whom something is known.
    trip.note(other, None, "came")
    assert trip.states() == {(one, 0): "came", (other, 0): "came", (other, 1): "not_come"}
    trip.note(other, 1, "", seen="not_come")
    assert (other, 1) not in trip.states()
    for wrong in ((one, 2, "came"), (one, 9, "came"), (uuid4(), 0, "came")):
        with pytest.raises(NotFound):
            trip.note(*wrong)
    with pytest.raises(Invalid):
        trip.note(one, 1, "late")
    assert [(f.name, f.came, f.missing) for f in trip.families()] == [("Family one", 1, 1), ("Family other", 1, 1)]
    at("2026-08-29T08:00Z")
    with pytest.raises(Conflict, match="over"):
        trip.note(one, 1, "came")


def test_what_another_has_noted_is_not_overwritten(trip: Trip, at: At) -> None:
    offer = trip.accepted("one")
    at(ON_THE_DAY)
    trip.note(offer, 0, "came")
    with pytest.raises(Conflict, match="Somebody else"):
        trip.note(offer, 0, "not_come")
    # Who has seen it may change it.
    trip.note(offer, 0, "not_come", seen="came")
    # Who takes back what stands there no more takes nothing back.
    trip.note(offer, 0, "", seen="came")
    assert trip.states() == {(offer, 0): "not_come"}


def test_two_phones_at_once_lose_nothing(trip: Trip, at: At) -> None:
    offers = [trip.accepted(str(number), 4) for number in range(3)]
    at(ON_THE_DAY)
    marks = [(offer, place) for offer in offers for place in range(4)]

    def phone(backwards: bool) -> None:
        for number, (offer, place) in enumerate(reversed(marks) if backwards else marks):
            trip.note(offer, place, "came", who="coordinator" if backwards else "volunteer")
            if number % 4 == 0:
                trip.note(offer, None, "came")

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(phone, (False, True)))
    assert trip.states() == dict.fromkeys(marks, "came")


def test_of_two_who_say_otherwise_at_once_one_is_told(trip: Trip, at: At) -> None:
    offer = trip.accepted("one")
    at(ON_THE_DAY)

    def say(state: str) -> str | None:
        try:
            trip.note(offer, 0, state)
        except Conflict:
            return None
        return state

    with ThreadPoolExecutor(2) as threads:
        [said] = [one for one in threads.map(say, ("came", "not_come")) if one]
    assert trip.states() == {(offer, 0): said}


def test_the_database_notes_nobody_who_does_not_come(trip: Trip, at: At) -> None:
    offer, declined = trip.accepted("one", stays_home=1), trip.accepted("two", state="declined")
    for of, place in ((offer, 2), (declined, 0)):
        with pytest.raises(DBAPIError, match="nobody of this offer"), trip.camp.session(trip.tenant) as session:
            session.connection().exec_driver_sql(
                f"INSERT INTO attendance VALUES ('{trip.tenant}', '{of}', {place}, 'came', now(), NULL)"
            )


def read_needs(trip: Trip, who: str, coordinates: bool) -> list[participants.Participant]:
    camp = trip.camp
    with camp.session(trip.tenant) as session:
        return participants.read_participants(
            session,
            trip.tenant,
            camp.keys,
            find_stay(session, trip.stay_id),
            ZONE,
            coordinates=coordinates,
            email=f"{who}@by.example",
            actor=camp.actor(who),
        )


def lead(trip: Trip, role: str, email: str = "volunteer@by.example") -> None:
    """The volunteer confirms a role on the stay."""
    with trip.camp.session(trip.tenant) as session:
        made = volunteers.keep_volunteer(session, trip.tenant, None, "Leif", "1", email, trip.by)
        volunteers.note_certificate(session, trip.tenant, made, date(2026, 3, 1), date(2026, 5, 15), trip.by)
        volunteers.need_role(session, trip.tenant, trip.stay_id, role, trip.by)
        [needed] = [one.id for one in roles_of(session, trip.stay_id)]
        volunteers.ask_for_role(session, trip.tenant, needed, made, trip.by)
        session.flush()
        volunteers.confirm_role(session, trip.tenant, needed, trip.by)


def test_needs_are_for_who_leads_the_stay_and_every_look_is_noted(trip: Trip) -> None:
    trip.accepted("one", needs=NEEDS)
    trip.accepted("two")
    with pytest.raises(Forbidden, match="lead this stay"):
        read_needs(trip, "volunteer", False)
    lead(trip, "leader")
    for who, coordinates in (("volunteer", False), ("coordinator", True)):
        one, two = read_needs(trip, who, coordinates)
        assert one.needs == participants.Needs(**NEEDS)
        assert (one.family.name, two.needs) == ("Family one", None)
    assert trip.trail("travel.participants") == ["travel.participants.read"] * 2
    stored = trip.camp.rows(trip.tenant, "SELECT content FROM offer_needs")
    assert b"Asthma" not in stored[0][0]


def test_who_cooks_does_not_see_needs(trip: Trip) -> None:
    lead(trip, "cook")
    with pytest.raises(Forbidden):
        read_needs(trip, "volunteer", False)


def test_needs_are_closed_after_the_season_for_everybody(trip: Trip, at: At) -> None:
    trip.accepted("one", needs=NEEDS)
    at("2026-08-28T20:00Z")
    assert len(read_needs(trip, "coordinator", True)) == 1
    at("2026-08-28T22:30Z")
    with pytest.raises(Forbidden, match="season is over"):
        read_needs(trip, "coordinator", True)


def test_a_manifest_is_printed_by_assembly_point(trip: Trip, at: At, tmp_path: Any, medspiller: Medspiller) -> None:
    one = trip.accepted("one", 3)
    trip.accepted("two", 2, "Bergvik", BERGEN)
    trip.accepted("three", 2, point=None)
    trip.departs(note="Bring breakfast")
    at(ON_THE_DAY)
    trip.note(one, 0, "not_come")

    def printed(point: str | None) -> bytes:
        with trip.camp.session(trip.tenant) as session:
            row = find_stay(session, trip.stay_id)
            return manifest.print_manifest(session, trip.tenant, row, point, "en", trip.by)

    whole = "".join(text_of(printed(None)))
    for part in (
        OSLO,
        BERGEN,
        "Family one, Uvik",
        "90000000",
        "Bring breakfast",
        "Not come",
        "Without an assembly point",
    ):
        assert part in whole, part
    of_oslo = "".join(text_of(printed(OSLO)))
    assert "Family one" in of_oslo
    assert "Family two" not in of_oslo
    assert printed(None) == printed(None)
    out, options = tmp_path / "who.csv", ("--organisation", "ferie", "--season", "Sommer 2026", "--stay", "a1")
    told = medspiller("travel", "manifest", *options, "--assembly-point", OSLO, "--out", out)
    assert (told["families"], told["persons"]) == (1, 3)
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig")), delimiter=";"))
    assert [(row["name"], row["age"], row["attendance"]) for row in rows] == [
        ("Family one 1", "38", "not_come"),
        ("Family one 2", "38", ""),
        ("Family one 3", "9", ""),
    ]
    medspiller("travel", "manifest", *options, "--out", tmp_path / "who.pdf")
    assert "Family two" in "".join(text_of((tmp_path / "who.pdf").read_bytes()))
    assert "no stay" in medspiller.fails("travel", "manifest", *options[:4], "--stay", "X9", "--out", out)
    assert "assembly point" in medspiller.fails("travel", "manifest", *options, "--assembly-point", "X", "--out", out)
    assert ".pdf or .csv" in medspiller.fails("travel", "manifest", *options, "--out", tmp_path / "who.doc", code=2)
    assert trip.trail("travel.manifest").count("travel.manifest.read") == 6


def letters(trip: Trip) -> list[str]:
    with trip.camp.session(trip.tenant) as session:
        return text_of(
            packing.print_letters(
                session,
                trip.place,
                trip.tenant,
                trip.camp.keys,
                find_stay(session, trip.stay_id),
                "https://x.example/",
                trip.by,
            )
        )


def test_every_family_gets_a_letter_in_its_language(trip: Trip) -> None:
    trip.accepted("one", 3, stays_home=1, language="Norsk")
    trip.accepted("three", 2, "Bergvik", None, language="Dansk")
    trip.accepted("two", 2, language="Somali")
    trip.departs()
    texts = {"nb": "Regntøy\n- Støvler\n\n", "en": "Boots", "da": ""}
    with trip.camp.session(trip.tenant) as session:
        packing.keep_texts(session, trip.tenant, trip.stay_id, texts, trip.by)
        with pytest.raises(Invalid):
            packing.keep_texts(session, trip.tenant, trip.stay_id, {"nb": "x" * 3001}, trip.by)
    norwegian, danish, somali = letters(trip)
    for part in (
        "Family one 1, Family one 2",
        "Støvler",
        "08:30",
        "Platform 7",
        "Kari Koordinator",
        "https://x.example/opinion",
    ):
        assert part in norwegian, part
    assert "Family one 3" not in norwegian
    assert "Støvler" in danish  # Better in a neighbour's language than nothing.
    assert "Family two" in somali
    codes = trip.codes()
    assert len(set(codes.values())) == 3
    for page, code in zip((norwegian, danish, somali), [codes[f.offer_id] for f in trip.families()], strict=True):
        assert "-".join((code[:4], code[4:8], code[8:])) in page
    assert letters(trip) == [norwegian, danish, somali]
    assert trip.trail("travel.packing_letters") == ["travel.packing_letters"] * 2


def test_there_is_no_letter_for_nobody_and_none_afterwards(trip: Trip, at: At) -> None:
    with pytest.raises(Conflict, match="No family"):
        letters(trip)
    trip.accepted("one")
    assert len(letters(trip)) == 1
    at(AFTERWARDS)
    with pytest.raises(Conflict, match="nothing to pack"):
        letters(trip)


GOOD = Said(5, "yes", 4, 3, "Thank you")


def test_a_code_counts_once(trip: Trip, at: At) -> None:
    trip.accepted("one")
    [code] = trip.codes().values()
    with pytest.raises(Conflict, match="last day"):
        trip.say(code, GOOD)
    at(LAST_DAY)
    for wrong in ("", "AAAA-BBBB-CCCC", code[:-1]):
        with pytest.raises(NotFound):
            trip.say(wrong, GOOD)

    def say(_: int) -> bool:
        try:
            trip.say(code.lower(), GOOD)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(say, range(3))) == [False, False, True]
    # Letters that are printed again make no second code.
    assert list(trip.codes().values()) == [code]
    with pytest.raises(Conflict, match="already"):
        trip.say(code, GOOD)
    assert trip.results()["family"].answers == 1


def test_nothing_leads_from_an_opinion_to_a_family(trip: Trip, at: At) -> None:
    offers = [trip.accepted(str(number)) for number in range(2)]
    codes = trip.codes()
    at("2026-07-08T10:00Z")
    trip.say(codes[offers[0]], GOOD)
    [row] = trip.camp.rows(trip.tenant, "SELECT to_jsonb(o) FROM opinion o")
    told = row[0]
    assert set(told) == {
        "tenant_id",
        "id",
        "stay_id",
        "audience",
        "week",
        "overall",
        "children",
        "travel",
        "again",
        "words",
    }
    assert told["week"] == "2026-07-06"
    # A random id, not one made of the time.
    assert UUID(told["id"]).version == 4
    kept = trip.camp.rows(trip.tenant, "SELECT to_jsonb(c) FROM opinion_code c")
    assert {frozenset(one[0]) for one in kept} == {frozenset({"tenant_id", "hash", "stay_id", "audience", "used"})}
    written = f"{told}{kept}{trip.camp.as_owner('SELECT to_jsonb(s) FROM directory.secret s')}"
    assert not [one for one in (*map(str, offers), *codes.values()) if one in written]
    # And no entry of the trail has the time of it.
    assert [action for action in trip.trail("") if "opinion" in action] == []


def test_few_answers_are_counted_and_not_shown(trip: Trip, at: At) -> None:
    for number in range(6):
        trip.accepted(str(number), 2)
    at(LAST_DAY)
    codes = list(trip.codes().values())
    for number, code in enumerate(codes[:4]):
        trip.say(code, Said(number + 1, "yes", 4, None, f"words {number}"))
    few = trip.results()["family"]
    assert (few.answers, few.shown, few.again, few.words) == (4, False, {}, [])
    assert set(few.averages.values()) == {None}
    trip.say(codes[4], Said(5, "no", 5, 1, "  "))
    enough = trip.results()["family"]
    assert enough.averages == {"overall": 3.0, "children": 4.2, "travel": None}
    assert enough.again == {"yes": 0.8, "perhaps": 0.0, "no": 0.2}
    assert sorted(enough.words) == [f"words {number}" for number in range(4)]
    assert trip.results()["volunteer"].answers == 0


def test_words_stand_in_no_order_of_time(trip: Trip, at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = iter([UUID(int=number) for number in (5, 3, 9, 1, 7)])
    monkeypatch.setattr(opinions, "uuid4", lambda: next(ids))
    for number in range(5):
        trip.accepted(str(number), 2)
    at(LAST_DAY)
    for number, code in enumerate(trip.codes().values()):
        trip.say(code, Said(5, "yes", words=str(number)))
    assert trip.results()["family"].words == ["3", "1", "0", "4", "2"]


def test_a_volunteer_says_once_how_it_was(trip: Trip, at: At) -> None:
    def say(who: str) -> None:
        with trip.camp.session(trip.tenant) as session:
            row, account = find_stay(session, trip.stay_id), trip.camp.people[who][0]
            today = date(2026, 7, 4) if at_end else date(2026, 7, 3)
            opinions.say_as_volunteer(session, trip.tenant, trip.camp.keys, row, account, GOOD, today)

    at_end = False
    with pytest.raises(Conflict, match="last day"):
        say("volunteer")
    at_end = True
    say("volunteer")
    with pytest.raises(Conflict, match="already"):
        say("volunteer")
    say("coordinator")
    assert trip.results()["volunteer"].answers == 2
    [(accounts,)] = trip.camp.rows(trip.tenant, "SELECT string_agg(c::text, ' ') FROM opinion_code c")
    assert str(trip.camp.people["volunteer"][0]) not in accounts


def test_another_organisation_sees_nothing(trip: Trip, at: At) -> None:
    offer = trip.accepted("one")
    trip.departs()
    at(LAST_DAY)
    trip.note(offer, 0, "came")
    trip.say(next(iter(trip.codes().values())), GOOD)
    with record_outside(trip.camp.database, trip.camp.municipality.id) as session, pytest.raises(NotFound):
        find_stay(session, trip.stay_id)
    for table in ("departure", "attendance", "opinion", "opinion_code", "travel_charge"):
        assert trip.camp.rows(trip.camp.municipality.id, f"SELECT count(*) FROM {table}") == [(0,)]
