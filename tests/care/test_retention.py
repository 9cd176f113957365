"""Retention: what is due goes, what is not stays, and what was done is certified."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from service.audit.actions import COMMAND
from service.care import retention
from service.care.kinds import KINDS
from service.care.kinds.kept import KEPT
from service.care.retention import apply_retention
from service.care.rules import cut_off
from service.clubs import actions as clubs
from service.clubs.actions import ClubData
from service.clubs.desk import Desk
from service.console import keys
from service.reporting import queries as reporting
from service.values.progress import Progress
from tests.care.holidays import holidays
from tests.care.slow import SlowPath
from tests.conftest import Medspiller
from tests.passes.town import CODE, Town

At = Callable[[str], None]
FAR = date(2040, 1, 1)


def run(town: Town, *options: object) -> dict[str, dict[str, int]]:
    """The rows that a retention run takes (or would take), by rule and table."""
    done = town.say("retention", "run", *options)
    return {rule["what"]: rule["rows"] for rule in done["rules"] if rule["rows"]}


def incomes(town: Town, year: int) -> set[str]:
    query = "SELECT p.given_name FROM income i JOIN person p USING (identity_hash) WHERE i.year = :year"
    return {name for (name,) in town.rows(query, year=year)}


def figures(town: Town) -> dict[str, bool]:
    """Which children's determinations still hold a limit."""
    query = "SELECT p.given_name, d.limit_ore IS NOT NULL FROM determination d JOIN person p ON p.id = d.person_id"
    return dict(town.rows(query))


def leave(town: Town, household: str) -> list[dict[str, Any]]:
    """A family leaves the register; returns its rows."""
    gone = [person for person in town.people if person["household_id"] == household]
    town.people = [person for person in town.people if person not in gone]
    town.incomes.pop(household)
    town.load()
    return gone


def test_incomes_of_those_not_entitled_go_first(town: Town, at: At) -> None:
    at("2018-03-30T08:00Z")
    assert "income_not_entitled" not in run(town, "--commit")
    at("2018-03-31T08:00Z")
    due = {"income_not_entitled": {"income": 1}, "figures_not_entitled": {"determination": 1}}
    assert run(town) == due
    assert incomes(town, 2017) == {"rigs mor", "fattigs mor"}
    assert run(town, "--commit") == due
    # Nothing was determined from the incomes of 2016, so this rule says nothing about them.
    assert (incomes(town, 2017), incomes(town, 2016)) == ({"fattigs mor"}, {"rigs mor", "fattigs mor"})
    assert figures(town) == {"Rikke": False, "Frida": True, "Finn": True, "Tove": True}
    assert town.sound()


def test_incomes_that_a_running_period_needs_stay(town: Town, at: At) -> None:
    at("2018-01-10T08:00Z")
    of_2018 = ("--scheme", "fritidspas", "--valid-from", "2018-01-01", "--source", "byrådet", "limit=192714")
    town.say("scheme", "set", *of_2018)
    asked = ("--municipality", CODE, "--scheme", "fritidspas", "--on", "2018-01-10", "--income-year", "2017")
    town.run("eligibility", "refresh", *asked, "--commit")
    at("2018-06-01T08:00Z")
    assert "income_not_entitled" not in run(town, "--commit")
    assert town.run("eligibility", "refresh", *asked)["reasons"]["income_above_limit"] == 1


def test_incomes_of_who_was_entitled_and_left_are_not_taken_early(town: Town, at: At) -> None:
    at("2017-06-01T08:00Z")
    leave(town, "fattig")
    at("2019-12-01T08:00Z")
    assert run(town, "--commit")["past_rows"]["household_member_past"] == 3
    at("2020-01-01T08:00Z")
    run(town, "--commit")
    assert incomes(town, 2017) == {"fattigs mor"}


def test_a_determination_without_figures_is_told_not_replayed(town: Town, at: At) -> None:
    at("2018-04-01T08:00Z")
    run(town, "--commit")
    [child] = town.say("eligibility", "explain", "--scheme", "fritidspas", "--household", "rig")["children"]
    assert (child["outcome"], child["reason"]) == ("not_entitled", "income_above_limit")
    assert (child["income_ore"], child["limit_ore"], child["replayed"]) == (None, None, None)
    assert "erased on 2018-04-01" in child["lines"][0]
    counts = town.rows("SELECT counts->'reasons'->>'income_above_limit' FROM refresh_run")
    assert counts == [("1",)]


def test_who_is_in_the_register_or_has_a_pass_stays(town: Town, at: At) -> None:
    at("2017-06-01T08:00Z")
    town.say("retention", "set", "ended_persons", "--months", 0)
    family = leave(town, "fattig")
    at("2017-07-01T08:00Z")
    before = town.rows("SELECT id FROM person WHERE given_name LIKE 'F%'")
    taken = run(town, "--commit")["ended_persons"]
    # The mother goes; the children have passes until the end of the year.
    assert (taken["person"], taken["income"]) == (1, 2)
    assert set(town.rows("SELECT given_name FROM person WHERE given_name LIKE 'F%'")) == {("Frida",), ("Finn",)}
    at("2018-01-01T08:00Z")
    assert run(town, "--commit")["ended_persons"]["person"] == 2
    assert town.rows("SELECT count(*) FROM person WHERE anonymised_at IS NULL AND ended_at IS NULL") == [(4,)]
    assert town.sound()
    blank = "SELECT given_name, family_name, identity_cipher, extract(month FROM birth_date) FROM person WHERE id = :id"
    assert [town.rows(blank, id=person_id) for (person_id,) in before] == [[("", "", b"", 12)]] * 2
    assert town.rows("SELECT count(*) FROM household_member_past") == [(0,)]
    # Whoever comes back is a new person.
    town.people += family
    town.load()
    after = town.rows("SELECT id FROM person WHERE given_name IN ('Frida', 'Finn')")
    assert len(after) == 2
    assert set(after).isdisjoint(before)
    assert town.sound()


def test_a_waiting_letter_keeps_its_persons(town: Town, at: At) -> None:
    town.say("retention", "set", "ended_persons", "--months", 0)
    town.say("passes", "replace", town.number("Frida"), "--reason", "lost")
    leave(town, "fattig")
    at("2018-02-01T08:00Z")
    run(town, "--commit")
    assert town.rows("SELECT given_name FROM person WHERE given_name LIKE 'F%'") == [("Frida",)]


@pytest.fixture
def full(town: Town, at: At, installation: Path) -> Town:
    """The town with everything that any rule is for."""
    at("2017-02-01T08:00Z")
    town.incomes["fattig"] += 1
    town.of("Rikke")["street"] = "Prøvevej 2"
    town.award("Tove")
    town.load()
    town.awards = [award.replace(",100,", ",95,") for award in town.awards]
    leave(town, "fattig")
    town.commit("2017-02-01")
    file = town.folder / "broken.csv"
    file.write_text("person_id,year,amount\n1,2017,2\n")
    answer = town.run("register", "import", "--municipality", CODE, "--income", file)
    assert Path(answer["rejected_file"]).is_relative_to(installation)
    with town.owner() as session:
        session.execute(text("UPDATE register_import SET state = 'held' WHERE id = :id"), {"id": answer["id"]})
        session.execute(
            text("INSERT INTO held_row VALUES (:tenant, :id, 'income/i.csv', 1, '{}')"),
            {"tenant": town.municipality.id, "id": answer["id"]},
        )
        session.execute(
            text("INSERT INTO award VALUES (:tenant, '\\x00', 'free_place', '2016-01-01', '2016-12-31', 100, now())"),
            {"tenant": town.municipality.id},
        )
        session.execute(
            text("INSERT INTO kept_answer VALUES (:tenant, uuidv7(), uuidv7(), '', '', '', '2017-02-01T08:00Z')"),
            {"tenant": town.municipality.id},
        )
        session.execute(
            text(
                """INSERT INTO review_act (tenant_id, kind, state, scheme_id, period_start, period_end, children,
                    reason, until, made_at)
                SELECT tenant_id, 'deferral', 'done', id, '2017-01-01', '2017-12-31', 1, 'a paper is awaited',
                    '2017-12-31', now() FROM scheme"""
            )
        )
        session.execute(text('UPDATE letter SET address = \'{"street": "x"}\''))
        for statement in (
            "household_note (tenant_id, household_id, text, made_at) SELECT tenant_id, id, 'x', now() FROM household",
            """household_contact (tenant_id, household_id, name, phone, email, until, set_at)
            SELECT tenant_id, id, 'x', '1', '', '2017-12-31', now() FROM household""",
            """club_application (tenant_id, number, name, contact_name, contact_email, activities, payee_kind, account,
                language, state, applied_at, decided_at, decided_because)
            SELECT tenant_id, '12345674', 'x', 'x', 'x@x', '[]', 'account', 'x', 'da', 'rejected', now(), now(), 'x'
            FROM scheme""",
        ):
            session.execute(text(f"INSERT INTO {statement}"))
    for folder in ("outbox", "."):
        lies = installation / folder / "print" / CODE
        lies.mkdir(parents=True)
        for name in ("batch-00001.pdf", "batch-00001.csv", "batch-00002.pdf", ".batch-00001.delivered"):
            (lies / name).touch()
    _ended_club(town)
    _claims(town)
    holidays(town)
    _holiday(town)
    return town


def _holiday(town: Town) -> None:
    """A stay of a season that is over, at which somebody came and said how it was; retention asks no kind of tenant."""
    rows = {
        "district": """id, name, contact_name, contact_phone, contact_email, criteria)
            VALUES (:t, :d, 'x', '', '', '', '[]'""",
        "district_municipality": "id, district_id, name) VALUES (:t, :m, :d, 'x'",
        "centre": "id, name, region, address, accessibility) VALUES (:t, :c, 'x', '', '', ''",
        "season": """id, district_id, name, first_day, last_day, referral_deadline, list_deadline, planned_on, state,
            names_kept_days) VALUES (:t, :s, :d, 'x', '2017-07-01', '2017-07-31', '2017-05-01', '2017-05-02',
            '2017-06-01', 'published', 180""",
        "stay": """id, season_id, centre_id, code, region, starts_on, ends_on, family_places, person_places, volunteers,
            min_child_age, max_child_age, min_families, assembly_points, included, accessibility, state)
            VALUES (:t, :y, :s, :c, 'A1', '', '2017-07-01', '2017-07-08', 5, 30, 2, 6, 13, 0, '{}', '', '',
            'planned'""",
        "placement": """season_id, municipality_id, family_key, stay_id, persons, beds, locked, how, revision,
            changed_at)
            VALUES (:t, :s, :m, '1', :y, 1, 1, false, 'hand', 1, now()""",
        "offer": """id, season_id, municipality_id, family_key, stay_id, state, via, deadline, made_at)
            VALUES (:t, :o, :s, :m, '1', :y, 'accepted', 'letter', now(), now()""",
        "offer_traveller": "offer_id, place, name, birth_date, comes) VALUES (:t, :o, 0, 'x', '2010-01-01', true",
        "offer_contact": "offer_id, content) VALUES (:t, :o, 'x'",
        "passed_over": """offer_id, municipality_id, family_key, reason, family_places, beds, beds_left, room)
            VALUES (:t, :o, :m, '2', 'beds', 0, 1, 2, 0""",
        "attendance": "offer_id, place, state, noted_at) VALUES (:t, :o, 0, 'came', now()",
        "opinion_code": "hash, stay_id, audience, used) VALUES (:t, '\\x00', :y, 'family', true",
        "opinion": """id, stay_id, audience, week, overall, again, words)
            VALUES (:t, :o, :y, 'family', '2017-07-03', 5, 'yes', 'x'""",
    }
    ids = {name: uuid4() for name in "dmcsyo"}
    with town.owner() as session:
        for table, values in rows.items():
            statement = text(f"INSERT INTO {table} (tenant_id, {values})")
            session.execute(statement, {"t": town.municipality.id} | ids)


def _ended_club(town: Town) -> None:
    """A club that had another contact, and has ended."""
    data = ClubData("Fremad", "Anna", "anna@fremad.example")
    desk = Desk(municipality=town.municipality, keys=keys(town.database), public_url="http://x", actor=COMMAND)
    with town.session() as session:
        club = clubs.add_club(session, desk, "12345674", data, None, account_approved=False).id
        clubs.change_club(session, desk, club, msgspec.structs.replace(data, contact_email="bo@fremad.example"))
        clubs.end_club(session, desk, club)


def _claims(town: Town) -> None:
    """Claims that were refused, two of them asked about by lot, and reservations that expired."""
    of_pass = "FROM leisure_pass p, club b"
    with town.owner() as session:
        session.execute(
            text(
                f"""INSERT INTO claim (tenant_id, club_id, pass_id, person_id, scheme_id, kind, given_name, activity,
                    season_start, season_end, fee_ore, covered_ore, family_share_paid_by, state, reasons, note, door,
                    submitted_at, decided_at, ended_at)
                SELECT p.tenant_id, b.id, p.id, p.person_id, p.scheme_id, 'membership', 'Frida', 'Fodbold',
                    '2017-01-01', '2017-06-30', 100, 0, 'family', 'rejected', '{{late}}', 'x', 'page',
                    '2017-02-01', '2017-02-01', '2017-02-01' {of_pass}"""
            )
        )
        session.execute(
            text(
                f"""INSERT INTO reservation (tenant_id, club_id, pass_id, scheme_id, year, fund, given_name, activity,
                    fee_ore, reserved_ore, state, until, made_at, ended_at)
                SELECT p.tenant_id, b.id, p.id, p.scheme_id, 2017, 'membership', 'Frida', 'Fodbold', 100, 100,
                    'expired', '2017-03-01', '2017-02-01', '2017-03-01' {of_pass}"""
            )
        )
        for state, closed in (("answered", "NULL"), ("accepted", "'2017-09-01'")):
            session.execute(
                text(
                    f"""INSERT INTO sample_check (tenant_id, claim_id, club_id, state, asked_at, due_on, answer,
                        closed_at)
                    SELECT tenant_id, id, club_id, '{state}', '2017-02-01', '2017-03-01', 'x', {closed} FROM claim c
                    WHERE NOT EXISTS (SELECT FROM sample_check k WHERE k.claim_id = c.id) ORDER BY id LIMIT 1"""
                )
            )


def test_a_dry_run_counts_what_a_commit_takes(full: Town, at: At, installation: Path) -> None:
    at("2040-01-01T08:00Z")
    everything = state(full, full.municipality.id)
    dry = run(full)
    assert state(full, full.municipality.id) == everything
    assert len(list((installation / "imports").rglob("rejected.csv"))) == dry["rejected_rows"]["files"] > 0
    assert run(full, "--commit") == dry
    assert set(dry) == {rule["what"] for rule in full.say("retention", "show")["rules"]}
    assert run(full, "--commit") == {}
    assert list((installation / "imports").rglob("rejected.csv")) == []
    assert dry["letter_contents"]["files"] == 4
    left = {path.name for folder in ("outbox/print", "print") for path in (installation / folder / CODE).iterdir()}
    assert left == {"batch-00002.pdf", ".batch-00001.delivered"}
    assert full.sound()
    # Statistics live on.
    assert full.rows("SELECT count(*) FROM determination WHERE outcome = 'entitled'")[0][0] > 0


LIFE = (
    "2017-05-01",
    "2017-08-01",
    "2018-03-31",
    "2019-02-01",
    "2020-01-01",
    "2022-02-01",
    "2022-12-31",
    "2023-01-02",
    "2040-01-01",
)


def test_through_the_years_it_takes_what_a_slow_path_finds(full: Town, at: At) -> None:
    """On each of these days what is due is counted in two ways and then erased; the next begins with what is left."""
    found: dict[str, Any] = {}
    for day in LIFE:
        at(f"{day}T08:00Z")
        rules = full.say("retention", "show")["rules"]
        expected = SlowPath(full).take(rules, date.fromisoformat(day))
        assert run(full) == expected, day
        assert run(full, "--commit") == expected, day
        found |= expected
    assert set(found) == {rule["what"] for rule in rules}
    assert full.sound()


def test_every_table_of_case_data_has_a_rule_or_a_reason(full: Town) -> None:
    tables = {
        name
        for (name,) in full.rows("SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid")
        if not name.startswith("pg_")
    }
    ruled = {step.table for kind in KINDS for step in kind.steps}
    assert tables - ruled - set(KEPT) == set(), "say in service/care/kinds how long it is kept, or why for good"
    assert set(KEPT) - tables == ruled & set(KEPT) == set()


def test_statistics_stay_as_they_were(full: Town, at: At) -> None:
    """Whoever is anonymised is counted in the same district and age group as before."""

    def counted() -> reporting.Figures | None:
        with full.session() as session:
            scheme = session.execute(text("SELECT id FROM scheme")).scalar_one()
            return reporting.figures(session, scheme, date(2017, 1, 1), reporting.age_groups(3, 17))

    before = counted()
    assert before is not None
    assert sum(map(sum, before.table.values["issued"])) == 3
    at("2040-01-01T08:00Z")
    assert run(full, "--commit")["ended_persons"]["person"] > 0
    assert counted() == before


def test_kept_answers_go_when_they_are_48_hours_old(full: Town, at: At) -> None:
    for night, due in (("2017-02-03", False), ("2017-02-04", True)):
        at(f"{night}T03:00Z")
        assert ("kept_answers" in run(full, "--commit")) == due
    assert full.rows("SELECT FROM kept_answer") == []


def test_a_held_import_that_was_erased_cannot_be_confirmed(full: Town, at: At) -> None:
    [(held,)] = full.rows("SELECT id FROM register_import WHERE state = 'held'")
    full.run("user", "add", "a@b.dk", "--name", "A", "--role", "administrator", "--municipality", CODE)
    at("2018-01-01T08:00Z")
    assert run(full, "--commit")["held_imports"] == {"register_import": 1, "held_row": 1}
    assert "not held" in full.run.fails("register", "confirm", held, "--by", "a@b.dk")


def test_letters_whose_content_is_erased_are_not_rendered(full: Town, at: At, tmp_path: Path) -> None:
    at("2040-01-01T08:00Z")
    run(full, "--commit")
    assert "was erased" in full.refused("letters", "render", "--batch", 1, "--out", tmp_path / "out")
    assert full.rows("SELECT DISTINCT state FROM letter WHERE address IS NOT NULL") == [("queued",)]


def state(town: Town, tenant_id: UUID) -> dict[str, str]:
    """A digest of all rows of a tenant, by table."""
    with town.owner() as session:
        tables = session.execute(
            text("SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid ORDER BY 1")
        ).scalars()
        return {
            table: session.execute(
                text(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t WHERE tenant_id = :id"),
                {"id": tenant_id},
            ).scalar_one()
            for table in list(tables)
        }


def test_nothing_of_another_tenant_is_touched(full: Town, at: At) -> None:
    at("2017-02-01T09:00Z")
    other = UUID(full.run("municipality", "add", "0101", "København", "--country", "dk")["id"])
    files = [f"--{kind}={full.folder / kind}.csv" for kind in ("population", "income")]
    full.run("register", "import", "--municipality", "0101", *files)
    asked = ("--municipality", "0101", "--scheme", "fritidspas", "--on", "2017-02-01")
    full.run("eligibility", "refresh", *asked, "--commit")
    at("2040-01-01T08:00Z")
    before = state(full, other)
    assert run(full, "--commit")
    assert state(full, other) == before


class Killed(BaseException):
    """In the place of a signal."""


@pytest.mark.parametrize("chunks", [1, 6, 15, 23])
def test_a_killed_run_is_gone_on_with(full: Town, at: At, monkeypatch: pytest.MonkeyPatch, chunks: int) -> None:
    at("2040-01-01T08:00Z")
    dry = run(full)
    monkeypatch.setattr(retention, "ROWS_PER_CHUNK", 1)
    note, left = retention._note, [chunks]

    def noted(*given: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        note(*given)

    def again() -> retention.Retention:
        return apply_retention(full.database, full.municipality, FAR, True, COMMAND, Progress())

    monkeypatch.setattr(retention, "_note", noted)
    with pytest.raises(Killed):
        again()
    monkeypatch.setattr(retention, "_note", note)
    done = again()
    [resumed] = done.resumed
    assert done.total == 0
    [(counts, sha256)] = full.rows("SELECT counts, certificate_sha256 FROM retention_run WHERE id = :id", id=resumed)
    assert counts == dry
    [certificate] = (full.database.home / "certificates").glob(f"*{resumed}.json")
    assert hashlib.sha256(certificate.read_bytes()).hexdigest() == sha256
    assert full.sound()


def test_a_certificate_is_bound_to_the_trail(full: Town, at: At, medspiller: Medspiller) -> None:
    added = ("--name", "N", "--municipality", CODE, "--role")
    account = medspiller("user", "add", "a@b.dk", *added, "administrator")["account"]
    medspiller("user", "add", "c@b.dk", *added, "case_worker")
    at("2019-01-01T08:00Z")
    assert "administrator" in full.refused("retention", "run", "--commit", "--by", "c@b.dk")
    done = full.say("retention", "run", "--commit", "--by", "a@b.dk")
    content = Path(done["certificate"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == done["sha256"]
    certificate = json.loads(content)
    assert certificate["by"] == {"door": "command", "account": account}
    assert certificate["total"] == done["total"] == sum(rule["total"] for rule in certificate["rules"]) > 0
    assert [rule["cut_off"] for rule in certificate["rules"] if rule["what"] == "past_rows"] == ["2017-01-01"]
    readable = Path(done["certificate"]).with_suffix(".txt").read_text()
    assert "2017-01-01" in readable
    assert done["sha256"] in readable
    [entry] = medspiller("audit", "list", "--municipality", CODE, "--action", "care.retention", "--limit", 1)["entries"]
    assert entry["details"]["sha256"] == done["sha256"]
    assert entry["account_id"] == account
    names = {person["given_name"] for person in full.people} | {person["person_id"] for person in full.people}
    assert not any(name in readable or name.encode() in content for name in names)


def test_a_commit_in_the_future_is_refused(town: Town) -> None:
    assert run(town, "--on", "2040-01-01")
    assert "later date" in town.refused("retention", "run", "--on", "2017-01-16", "--commit")


# Their periods count from a day of their own.
_AT_ONCE = ("kept_answers", "offer_contacts", "holiday_needs", "season_names")


def test_rules_are_data(town: Town, medspiller: Medspiller, at: At) -> None:
    def rule(what: str) -> dict[str, Any]:
        return next(rule for rule in town.say("retention", "show")["rules"] if rule["what"] == what)

    preset = rule("income")
    assert [preset[name] for name in ("counted_from", "months", "way", "preset")] == ["year_end", 60, "erase", True]
    months = {rule["what"]: rule["months"] for rule in town.say("retention", "show")["rules"]}
    assert [months.pop(what) for what in _AT_ONCE] == [0] * len(_AT_ONCE)
    assert (next(iter(months)), months["income_not_entitled"]) == ("income_not_entitled", min(months.values()))
    assert town.say("retention", "set", "income", "--months", 12, "--from", "learned")["counted_from"] == "learned"
    at("2018-01-15T08:00Z")
    assert run(town)["income"] == {"income": 4}
    town.say("retention", "set", "income", "--for-good")
    assert "income" not in run(town)
    assert (rule("income")["months"], rule("income")["preset"]) == (None, False)
    town.say("retention", "set", "income", "--months", 6)
    assert "go first" in town.refused("retention", "set", "income_not_entitled", "--months", 7)
    assert "go first" in town.refused("retention", "set", "income", "--months", 2)
    assert "nothing that has a retention" in town.refused("retention", "set", "houses", "--months", 7)
    assert "cannot be counted from" in town.refused("retention", "set", "facts", "--months", 7, "--from", "birth")
    medspiller.fails("retention", "set", "--municipality", CODE, "facts", code=2)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 400))
def test_months_are_counted_back_to_the_same_day(on: date, months: int) -> None:
    day = cut_off(on, months)
    assert (on.year - day.year) * 12 + on.month - day.month == months
    next_day = date.fromordinal(day.toordinal() + 1)
    assert day.day == on.day or (day.day < on.day and next_day.month != day.month)
