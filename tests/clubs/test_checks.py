"""What must hold of clubs is verified, and the migration takes over the clubs that stood before."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import service.database.migrations.versions
from tests.clubs.house import ADMIN, TREASURER, House
from tests.conftest import Medspiller


def found(medspiller: Medspiller) -> list[str]:
    answer: dict[str, Any] = medspiller("database", "check")
    return [line for check in answer["checks"] for line in check["found"]]


def test_a_sound_house_is_found_sound(house: House, medspiller: Medspiller) -> None:
    house.add_club()
    house.apply(number="87654303")
    assert found(medspiller) == []


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("DELETE FROM club_payee; DELETE FROM club", "clubs have an organisation but do not stand"),
        ("UPDATE club SET name = 'Another'", "are not what their organisations are"),
        ("UPDATE directory.organisation SET ended_at = now()", "are not what their organisations are"),
        (
            "DROP INDEX uq_club_payee_approved; ALTER TABLE club_payee DISABLE TRIGGER USER;"
            "INSERT INTO club_payee (tenant_id, club_id, kind, state, proposed_at, decided_at, usable_from)"
            " SELECT tenant_id, id, 'nemkonto', 'approved', now(), '2026-01-01', '2026-01-10' FROM club",
            "several accounts that are approved",
        ),
        (
            "ALTER TABLE club_payee DROP CONSTRAINT ck_club_payee_two_persons, DISABLE TRIGGER USER;"
            "UPDATE club_payee SET proposed_by = :by, decided_by = :by",
            "approved by who proposed them",
        ),
        (
            "ALTER TABLE club_payee DISABLE TRIGGER USER; UPDATE club_payee SET usable_from = '2026-01-01'",
            "before the day of their approval",
        ),
        (
            "UPDATE club SET agreement_version = 7, agreement_accepted_at = now()",
            "accepted an agreement that is not kept",
        ),
        ("ALTER TABLE club DISABLE TRIGGER transitions", "The trigger transitions of club is switched off"),
        ("DROP TRIGGER decided_once ON club_payee", "The trigger decided_once of club_payee is gone"),
    ],
)
def test_what_does_not_hold_is_found(house: House, medspiller: Medspiller, damage: str, said: str) -> None:
    house.add_club()
    for statement in damage.split(";"):
        values = {"by": house.accounts[ADMIN]} if ":by" in statement else {}
        house.as_owner(statement, **values)
    assert said in "\n".join(_lines(medspiller))


def _lines(medspiller: Medspiller) -> list[str]:
    try:
        return found(medspiller)
    except AssertionError as told:
        # It exits with 1 where it finds something, and says all of it.
        return str(told).splitlines()


def test_clubs_that_stood_before_are_taken_over(house: House) -> None:
    """The statement of the migration, run on what there was before it."""
    house.add_club()
    house.as_owner("DELETE FROM club_payee")
    house.as_owner("DELETE FROM club")
    house.as_owner(
        """INSERT INTO directory.organisation (tenant_id, kind, number, name, created_at, ended_at)
        VALUES (:t, 'club', '87654303', 'Ended', '2020-01-01', '2021-01-01'),
            (:t, 'service', NULL, 'School health', '2020-01-01', NULL)""",
        t=house.municipality.id,
    )
    path = Path(next(iter(service.database.migrations.versions.__path__))) / "0011_clubs.py"
    take_over = re.search(r'TAKE_OVER = """(.*?)"""', path.read_text(), re.DOTALL)
    assert take_over
    house.as_owner(take_over[1])
    rows = house.as_owner("SELECT number, name, state, contact_email FROM club ORDER BY number")
    assert [tuple(row) for row in rows] == [
        ("12345674", "Fremad", "approved", None),
        ("87654303", "Ended", "ended", None),
    ]
    with house.browser(TREASURER) as treasurer:
        assert "Name a contact" in treasurer.get("/club").text


def test_states_go_only_along_their_transitions(house: House) -> None:
    club = house.add_club()
    house.as_owner("UPDATE club SET state = 'ended', ended_at = now()")
    for state in ("approved", "suspended"):
        with pytest.raises(Exception, match="cannot go from ended"):
            house.as_owner(f"UPDATE club SET state = '{state}', ended_at = NULL, suspended_because = 'x'")
    with house.session() as session:
        assert session.execute(text("SELECT state FROM club WHERE id = :id"), {"id": club.id}).scalar_one() == "ended"
