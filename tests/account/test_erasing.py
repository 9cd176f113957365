"""Names are erased after the season's days, at the organisation and at its municipalities, and the figures stay."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from jobs.care import retain_holidays
from service.account import closing
from service.audit.actions import COMMAND
from service.care.checks import CHECKS, unsealed
from service.care.retention import apply_retention
from service.database.checks import run_checks
from service.database.tenancy import INSTALLATION
from service.jobs.work import Place, Work
from service.settings import load
from service.values import clock
from service.values.progress import Progress
from tests.account.summer import AFTERWARDS, MUCH_LATER, Summer, in_order
from tests.allocation.season import family
from tests.conftest import Medspiller
from tests.referrals.office import Office
from tests.stays.camp import LATE, Camp

At = Callable[[str], None]
DAY = date(2027, 2, 11)
"""180 days after the season's last."""
NAMES = ("Amina", "Yusuf", "Grethe", "90000009", "Somali", "no holiday in years")
OF_ORGANISATION = """received_family received_traveller received_wish offer offer_traveller offer_needs placement
    board_change family_group family_group_member same_child"""
OF_MUNICIPALITY = "referral referral_case referral_traveller referral_wish referral_list_entry case_verdict"


def night(camp: Camp, on: date) -> str:
    """The timetable's night of the organisations."""
    place = Place(INSTALLATION, "installation", "UTC", clock.now(), None)
    return str(retain_holidays(Work(camp.database, load(), place, on.isoformat(), on, Progress())).said)


def nights_of(camp: Camp, on: date) -> int:
    """The municipality's own."""
    return apply_retention(camp.database, camp.municipality, on, True, COMMAND, Progress()).total


def left(camp: Camp, tables: str) -> dict[str, int]:
    counts = {table: int(camp.as_owner(f"SELECT count(*) FROM {table}")[0][0]) for table in tables.split()}
    return {table: count for table, count in counts.items() if count}


def everything(camp: Camp) -> str:
    """What any table of case data says, but for the trail and what is encrypted."""
    tables = camp.as_owner("SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid")
    query = " UNION ALL ".join(f"SELECT to_jsonb(t)::text FROM {table} t" for (table,) in tables)
    return str(camp.as_owner(query))


def sound(camp: Camp) -> list[str]:
    found, _ = run_checks(camp.database.owner_url, CHECKS, unsealed)
    return [line for one in found for line in one.found]


@pytest.fixture
def lived(summer: Summer, at: At) -> Summer:
    """A family that was referred and handed over, one from a spreadsheet that came, and one that was refused."""
    camp, office = summer.camp, Office(summer.camp)
    office.approve(office.refer(wishes=("A1",)))
    at(LATE)
    office.hand_over()
    with camp.session(summer.tenant) as session:
        summer.lists_of(session, "Uvik", family("U1", 4, summer.stay("A1"), contact="Grethe"))
    summer.offer("U1", "A1")
    camp.as_owner("INSERT INTO offer_needs SELECT tenant_id, id, 'cipher' FROM offer")
    camp.as_owner(
        """INSERT INTO allocation_run (tenant_id, season_id, number, state, options, digest, problem, plan, totals,
            made_at)
        SELECT tenant_id, id, 1, 'made', '{}', '', 'cipher', 'cipher', '{"placed": 1}', now() FROM season"""
    )
    camp.as_owner(
        """INSERT INTO family_group (tenant_id, season_id, kind, made_at)
        SELECT tenant_id, id, 'apart', now() FROM season;
        INSERT INTO family_group_member SELECT g.tenant_id, g.id, p.municipality_id, p.family_key
        FROM family_group g, placement p;
        INSERT INTO board_change (tenant_id, season_id, revision, municipality_id, family_key, what, before, after,
            made_at, undone)
        SELECT tenant_id, season_id, 1, municipality_id, family_key, 'move', '{}', '{}', now(), false FROM placement;
        INSERT INTO same_child SELECT tenant_id, season_id, municipality_id, family_key, municipality_id, 'x', 'same',
            now() FROM placement"""
    )
    return summer


def test_names_go_on_their_day_and_figures_stay(lived: Summer, at: At) -> None:
    camp = lived.camp
    at(AFTERWARDS)
    lived.close()
    report, kept = lived.report().lines, lived.kept()
    assert sound(camp) == []
    day_before = date.fromordinal(DAY.toordinal() - 1)
    at(f"{day_before}T03:00Z")
    night(camp, day_before)
    nights_of(camp, day_before)
    assert set(left(camp, OF_MUNICIPALITY)) == set(OF_MUNICIPALITY.split()) - {"case_verdict"}
    # What they needed on the holiday went two weeks after it.
    assert set(left(camp, OF_ORGANISATION)) == set(OF_ORGANISATION.split()) - {"offer_needs"}
    said = everything(camp)
    assert [name for name in NAMES if name not in said] == []
    at(f"{DAY}T03:00Z")
    assert night(camp, DAY).startswith("0 accounts of seasons closed")
    assert left(camp, OF_ORGANISATION) == {}
    # Each has its own night, and between them neither accuses the other.
    assert set(left(camp, OF_MUNICIPALITY)) == set(OF_MUNICIPALITY.split()) - {"case_verdict"}
    assert sound(camp) == []
    assert nights_of(camp, DAY) > 0
    assert left(camp, OF_MUNICIPALITY) == {}
    said = everything(camp)
    assert [name for name in NAMES if name in said] == []
    assert camp.as_owner("SELECT length(problem), length(plan), totals FROM allocation_run") == [(0, 0, {"placed": 1})]
    assert lived.report().lines == report
    assert (lived.kept()[0], in_order(lived.kept()[1])) == (True, in_order(kept[1]))
    assert camp.as_owner("SELECT families, persons FROM received_list ORDER BY families, persons") == [(1, 3), (1, 4)]
    assert lived.credits() == 2
    assert sound(camp) == []
    assert nights_of(camp, DAY) == 0
    with lived.camp.browser("worker") as browser:
        assert browser.get("/referral-cases").status_code == 200
        assert browser.get(f"/referral-lists?season={lived.season}").status_code == 200
    with lived.camp.browser("coordinator") as browser:
        for path in ("/received-lists", "/received-lists/doubles", f"/seasons/{lived.season}"):
            assert browser.get(path).status_code == 200
        assert "were erased on" in browser.get(f"/seasons/{lived.season}/account").text


def test_an_account_that_nobody_closed_is_closed_before_its_names_go(lived: Summer, at: At) -> None:
    at(MUCH_LATER)
    live = lived.counted().rows
    assert night(lived.camp, date(2027, 3, 1)).startswith("1 accounts of seasons closed")
    assert left(lived.camp, OF_ORGANISATION) == {}
    assert lived.kept()[0]
    assert in_order(lived.kept()[1]) == in_order(live)
    assert lived.credits() == 2
    assert lived.camp.rows(lived.tenant, "SELECT closed_by FROM season_closing") == [(None,)]


def test_a_night_that_was_killed_after_the_account_is_gone_on_with(
    lived: Summer, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(MUCH_LATER)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("jobs.care.apply_retention", killed)
        night(lived.camp, date(2027, 3, 1))
    kept = lived.kept()
    assert kept[0]
    assert set(left(lived.camp, "received_family offer")) == {"received_family", "offer"}
    night(lived.camp, date(2027, 3, 1))
    assert (lived.kept(), left(lived.camp, OF_ORGANISATION)) == (kept, {})


def test_nothing_is_erased_before_the_account_is_kept_or_before_its_day(lived: Summer, at: At) -> None:
    camp = lived.camp
    at(MUCH_LATER)
    mark = "UPDATE season SET names_erased_at = '2027-03-01'"
    with pytest.raises(DBAPIError, match="account of the season is not closed"):
        camp.rows(lived.tenant, mark)
    apply_retention(camp.database, lived.organisation, date(2027, 3, 1), True, COMMAND, Progress())
    assert "received_family" in left(camp, OF_ORGANISATION)
    at(AFTERWARDS)
    lived.close()
    early = "the names of the season are kept for longer"
    with pytest.raises(DBAPIError, match=early):
        camp.rows(lived.tenant, "UPDATE season SET names_erased_at = '2026-12-01'")
    with pytest.raises(DBAPIError, match=early):
        camp.rows(camp.municipality.id, "UPDATE offered_season SET names_erased_at = '2026-12-01'")
    for tenant, tables in ((lived.tenant, OF_ORGANISATION), (camp.municipality.id, OF_MUNICIPALITY)):
        for table in ("received_family", "received_wish", "offer", "board_change", "referral_list_entry"):
            assert camp.rows(tenant, f"SELECT directory.erase_season_names('{table}', 100)") == [(0,)]
        assert left(camp, tables)
    with pytest.raises(DBAPIError, match="no names are erased from person"):
        camp.rows(lived.tenant, "SELECT directory.erase_season_names('person', 100)")
    for statement in ("DELETE FROM received_family", "DELETE FROM offer", "DELETE FROM referral_list_entry"):
        with pytest.raises(DBAPIError, match="permission denied"):
            camp.rows(lived.tenant, statement)
    camp.rows(lived.tenant, f"{mark} RETURNING 1")
    with pytest.raises(DBAPIError, match="names of the season are erased"):
        camp.rows(lived.tenant, "UPDATE season SET names_erased_at = NULL")


def test_another_tenant_erases_nothing_of_ours(lived: Summer, at: At) -> None:
    at(MUCH_LATER)
    lived.close()
    lived.camp.rows(lived.tenant, "UPDATE season SET names_erased_at = '2027-03-01' RETURNING 1")
    for other in (lived.camp.neighbour.id, lived.camp.municipality.id):
        assert lived.camp.rows(other, "SELECT directory.erase_season_names('received_wish', 100)") == [(0,)]
    assert lived.camp.rows(lived.tenant, "SELECT directory.erase_season_names('received_wish', 1)") == [(1,)]


def test_the_season_sets_the_days(lived: Summer, at: At) -> None:
    at(AFTERWARDS)
    lived.close()
    with lived.camp.session(lived.tenant) as session:
        closing.set_names_kept(session, lived.tenant, lived.season, 40, lived.by)
    at("2026-09-25T03:00Z")
    night(lived.camp, date(2026, 9, 25))
    nights_of(lived.camp, date(2026, 9, 25))
    assert (left(lived.camp, OF_ORGANISATION), left(lived.camp, OF_MUNICIPALITY)) == ({}, {})


def test_by_command(lived: Summer, at: At, medspiller: Medspiller) -> None:
    of = ("retention", "holidays", "--organisation", "ferie")
    at(AFTERWARDS)
    dry = medspiller(*of, "--on", "2027-03-01")
    # Its account is not closed: nothing of the names would go, which is said by what is counted.
    assert {rule["what"]: rule["rows"] for rule in dry["rules"] if rule["rows"]} == {
        "holiday_needs": {"offer_needs": 1}
    }
    assert "cannot be erased yet" in medspiller.fails(*of, "--on", "2027-03-01", "--commit")
    lived.close()
    [names] = [rule for rule in medspiller(*of, "--on", "2027-03-01")["rules"] if rule["what"] == "season_names"]
    at(MUCH_LATER)
    done = medspiller(*of, "--commit")
    assert [rule["rows"] for rule in done["rules"] if rule["what"] == "season_names"] == [names["rows"]]
    assert (done["closed"], names["rows"]["received_family"], names["rows"]["season"]) == ([], 2, 1)
    certificate = Path(done["certificate"])
    assert '"organisation"' in certificate.read_text()
    assert "Organisation: Ferie for alle (ferie)" in certificate.with_suffix(".txt").read_text()
    assert "There is no organisation" in medspiller.fails(*of[:3], "nobody")
