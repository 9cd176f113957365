"""What happens to claims by itself: reservations end, clubs are told of decisions, names are erased."""

import email
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service.audit.actions import COMMAND
from service.care.queries import family_of_household
from service.claims.actions import withdraw_claim
from service.claims.decisions import approve_claim, reject_claim
from service.claims.messages import tell_decisions
from service.claims.reservations import expire_reservations, reserve
from service.claims.today import WAITING
from service.console import keys
from service.identity.actions import add_member
from service.settings import load
from tests.browser.conftest import work
from tests.claims.clubs import NUMBERS, claim, desk, ledger, open_club
from tests.claims.staff import waiting
from tests.passes.town import Town

At = Callable[[str], None]
URL = "https://fritidspas.example"


def mails(town: Town) -> list[tuple[str, str, str]]:
    """To whom, about what, and what the e-mails say that a worker has sent."""
    Worker(town.database, load(), []).once()
    found = []
    for path in sorted((load().home / "emails").glob("*.eml")):
        said: Any = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        found.append((str(said["To"]), str(said["Subject"]), said.get_content()))
        path.unlink()
    return found


def tell(town: Town) -> int:
    with town.session() as session:
        return tell_decisions(session, town.municipality, keys(town.database), URL)


def approve(town: Town, claim_id: UUID) -> None:
    with town.session() as session:
        approve_claim(session, town.municipality, claim_id, COMMAND)


def reject(town: Town, claim_id: UUID, note: str = "Meld barnet ind først.") -> None:
    with town.session() as session:
        reject_claim(session, town.municipality, claim_id, "not_a_member", note, COMMAND)


def test_the_job_ends_reservations_whose_last_day_is_over(town: Town, club: UUID, at: At) -> None:
    with desk(town, club) as here:
        due = reserve(here, town.number("Nour"), "Nour", 70_000, "Fodbold")
        taken = reserve(here, town.number("Søren"), "Søren", 50_000, "Fodbold")
    assert due.until == date(2017, 2, 15)
    claim(town, club, "Søren", 50_000, reservation=taken.id)
    at("2017-02-14T23:30Z")
    work(town.database, "reservations")
    assert ledger(town, "Nour")[-1] == ("reserve", -70_000)
    at("2017-02-15T23:30Z")
    for _ in range(2):
        work(town.database, "reservations")
    assert ledger(town, "Nour")[-1] == ("release", 70_000)
    assert ledger(town, "Nour").count(("release", 70_000)) == 1
    expired = "SELECT subject_id FROM audit_entry WHERE action = 'claims.reservation.expire'"
    assert town.rows(expired) == [(due.id,)]
    with town.session() as session:
        assert expire_reservations(session, town.municipality, date(2017, 3, 1), COMMAND) == 0
    assert town.sound()


def test_a_club_is_told_of_the_days_decisions_in_one_mail_without_names(town: Town, at: At) -> None:
    club = open_club(town, email="kasserer@boldklubben.example")
    claims = [
        waiting(town, club, fee_ore=10_000, activity="Fodbold", reference="17-1"),
        waiting(town, club, fee_ore=10_000, activity="Skak"),
        waiting(town, club, fee_ore=10_000, activity="Dans"),
    ]
    # What the rules decide the club sees as it claims.
    claim(town, club, "Søren")
    assert tell(town) == 0
    approve(town, claims[0])
    reject(town, claims[1])
    approve(town, claims[2])
    with desk(town, club) as here:
        withdraw_claim(here, claims[2])
    assert (tell(town), tell(town)) == (1, 0)
    [(to, subject, said)] = mails(town)
    assert (to, subject) == ("kasserer@boldklubben.example", "Aarhus har afgjort krav fra Boldklubben")
    assert "- 17-1: godkendt, forventes udbetalt 15. februar 2017" in said
    assert f"- Krav {claims[1]}: Afvist" in said
    assert f"{URL}/club/claims" in said
    for secret in (str(claims[2]), "Nour", "Nora", "Prøvesen", "Meld barnet", town.number("Nour")):
        assert secret not in said


def test_without_a_contact_the_treasurers_are_told_and_what_cannot_be_written_to_stops_nobody(town: Town) -> None:
    clubs = [open_club(town, f"Klub {number}", number, email=None) for number in NUMBERS[:3]]
    with town.session() as session:
        add_member(session, town.municipality.id, "kasserer@klub.example", "K", "club_treasurer", clubs[0])
        session.execute(text("UPDATE club SET contact_email = 'no address' WHERE id = :id"), {"id": clubs[1]})
    for one in clubs:
        approve(town, waiting(town, one, fee_ore=1_000))
    assert (tell(town), tell(town)) == (1, 0)
    assert [to for to, _, _ in mails(town)] == ["kasserer@klub.example"]


def test_the_job_tells_clubs_at_four(town: Town, at: At) -> None:
    club = open_club(town, email="kasserer@boldklubben.example")
    approve(town, waiting(town, club, fee_ore=10_000))
    at("2017-02-01T15:30Z")
    work(town.database, "decisions")
    assert [to for to, _, _ in mails(town)] == ["kasserer@boldklubben.example"]
    assert {"reservations", "decisions"} <= {job.name for job in TIMETABLE}


def test_today_says_what_waits(town: Town, club: UUID) -> None:
    claims, budgets = (one.look for one in WAITING)
    assert claims is not None
    assert budgets is not None
    with town.session() as session:
        assert (claims(session).count, budgets(session).count) == (0, 0)
    town.say("claims", "budget", "--scheme", "fritidspas", "--year", 2017, "--appropriation", "1000", "--source", "x")
    waiting(town, club)
    with town.session() as session:
        assert (claims(session).count, budgets(session).count) == (1, 0)
    claim(town, club, "Søren")
    with town.session() as session:
        pile = budgets(session)
    assert pile.count == 1
    assert pile.since is not None


def test_names_on_claims_and_reservations_go_when_they_are_kept_long_enough(town: Town, club: UUID, at: At) -> None:
    rejected, live = (waiting(town, club, fee_ore=10_000, activity=name, reference=name) for name in ("Skak", "Dans"))
    reject(town, rejected, "Nora er ikke medlem.")
    with desk(town, club) as here:
        reserve(here, town.number("Søren"), "Søren", 10_000, "Fodbold")
    with town.session() as session:
        expire_reservations(session, town.municipality, date(2017, 3, 1), COMMAND)

    def due() -> dict[str, dict[str, int]]:
        done = town.say("retention", "run", "--commit")
        return {rule["what"]: rule["rows"] for rule in done["rules"] if rule["what"] == "claim_names"}

    at("2019-01-31T08:00Z")
    assert due() == {"claim_names": {}}
    at("2019-02-01T08:00Z")
    assert due() == {"claim_names": {"claim": 1, "reservation": 1}}
    assert due() == {"claim_names": {}}
    kept = "SELECT given_name, note, reference, anonymised_at IS NOT NULL FROM claim WHERE id = :id"
    assert town.rows(kept, id=rejected) == [("", None, None, True)]
    assert town.rows(kept, id=live) == [("Nora", None, "Dans", False)]
    assert town.rows("SELECT given_name FROM reservation") == [("",)]
    assert town.sound()


def test_a_family_finds_who_saw_and_changed_its_claims(town: Town, club: UUID) -> None:
    one = waiting(town, club)
    approve(town, one)
    with desk(town, club) as here:
        held = reserve(here, town.number("Nour"), "Nour", 10_000, "Skak")
    [(home,)] = town.rows("SELECT id FROM household WHERE reference = 'H1'")
    [(other,)] = town.rows("SELECT id FROM household WHERE reference = 'H2'")
    with town.session() as session:
        assert {one, held.id} <= family_of_household(session, home).own
        assert not {one, held.id} & family_of_household(session, other).own


@pytest.fixture(autouse=True)
def _no_mail_of_before(installation: Path) -> None:
    """Each test has a home of its own."""
    assert not (installation / "emails").exists()
