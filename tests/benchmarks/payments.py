"""How long a payment run takes over a hundred thousand approved claims of two thousand clubs, to the checked file."""

import tempfile
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

from sqlalchemy import NullPool, create_engine, text
from sqlmodel import Session

from service.audit.actions import COMMAND, Actor
from service.database.engine import Database, open_database
from service.identity.actions import Municipality, add_member
from service.payments import runs
from service.payments.settings import set_settings
from service.settings import load
from service.values import clock
from tests.benchmarks.eligibility import command, made_up_municipality

CLUBS, CLAIMS, GOAL = 2_000, 100_000, 20
_CODE = "Z0751"


def run(households: int) -> list[str]:
    """Measure create, approve and release, each in a transaction of its own; seconds by the wall clock."""
    with tempfile.TemporaryDirectory() as folder, open_database(load()) as database:
        code = f"{_CODE}-{households}"
        municipality = made_up_municipality(database, code, households, Path(folder))
        if municipality is None:
            return [f"the municipality {code} stands from an earlier run: use an empty database"]
        command(
            *("eligibility", "refresh", "--municipality", code, "--scheme", "fritidspas", "--on", "2017-01-15"),
            "--commit",
        )
        claims = _claim(database, municipality)
        people = _people(database, municipality)
        seconds = []
        for step in range(3):
            begun = perf_counter()
            with database.transaction(municipality.id) as session:
                _step(session, municipality, step, people[step])
            seconds.append(perf_counter() - begun)
        made, approved, released = seconds
        return [
            f"payment run over {claims:,} claims of {CLUBS:,} clubs to the checked file: {sum(seconds):.1f} s "
            f"(goal {GOAL} s); made {made:.1f} s, approved {approved:.1f} s, released with its file {released:.1f} s"
        ]


def _step(session: Session, municipality: Municipality, step: int, who: Actor) -> None:
    until = clock.today(municipality.time_zone)
    if step == 0:
        runs.create_run(session, municipality, until, who, until + timedelta(days=5))
        return
    run_id = session.execute(text("SELECT id FROM payment_run")).scalar_one()
    (runs.approve_run if step == 1 else runs.release_run)(session, municipality, run_id, who)


def _people(database: Database, municipality: Municipality) -> list[Actor]:
    with database.transaction(municipality.id) as session:
        changes = {"name": "Kommune", "account": "DK5000400440116243"}
        set_settings(session, municipality, changes, COMMAND)
        return [
            Actor("page", add_member(session, municipality.id, f"{name}@p.example", name, "finance_officer"))
            for name in ("one", "two", "three")
        ]


def _claim(database: Database, municipality: Municipality) -> int:
    """Approved claims on the passes there are, spread over clubs, written as a bulk by the owner."""
    with Session(create_engine(database.owner_url, poolclass=NullPool)) as session, session.begin():
        values = {"tenant": municipality.id, "clubs": CLUBS, "claims": CLAIMS, "on": date(2017, 1, 1)}
        for statement in _BULK:
            session.execute(text(statement), values)
        return int(session.execute(text("SELECT count(*) FROM claim WHERE tenant_id = :tenant"), values).scalar_one())


_BULK = (
    """INSERT INTO directory.organisation (tenant_id, kind, number, name, created_at)
    SELECT :tenant, 'club', (20000000 + n)::text, 'Klub ' || n, now() FROM generate_series(1, :clubs) AS n""",
    """INSERT INTO club (tenant_id, id, number, name, state, approved_at, changed_at)
    SELECT tenant_id, id, number, name, 'approved', now(), now() FROM directory.organisation
    WHERE tenant_id = :tenant AND kind = 'club'""",
    """INSERT INTO club_payee (tenant_id, club_id, kind, account, state, proposed_at, decided_at, usable_from)
    SELECT tenant_id, id, 'account', 'DK5000400440116243', 'approved', now(), now(), '2017-01-01' FROM club
    WHERE tenant_id = :tenant""",
    """CREATE TEMP TABLE claimed ON COMMIT DROP AS
    SELECT uuidv7() AS id, p.id AS pass_id, p.person_id, p.scheme_id,
        row_number() OVER (ORDER BY p.id, n) AS place
    FROM leisure_pass p, generate_series(1, 10) AS n WHERE p.tenant_id = :tenant ORDER BY n, p.id LIMIT :claims""",
    """INSERT INTO claim (tenant_id, id, club_id, pass_id, person_id, scheme_id, kind, given_name, activity,
        season_start, season_end, fee_ore, covered_ore, family_share_paid_by, state, reasons, door, submitted_at,
        decided_at)
    SELECT :tenant, c.id, b.id, c.pass_id, c.person_id, c.scheme_id, 'membership', 'x', 'Fodbold', :on, :on, 10000,
        10000, 'family', 'approved', '{}', 'api', now() - interval '2 days', now() - interval '2 days'
    FROM claimed c JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM club WHERE tenant_id = :tenant) AS b
        ON b.place = c.place % :clubs + 1""",
    """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at, claim_id)
    SELECT :tenant, pass_id, 'settle', 'membership', -10000, now(), id FROM claimed""",
    "ANALYZE claim",
    "ANALYZE club",
    "ANALYZE club_payee",
    "ANALYZE pass_entry",
)
