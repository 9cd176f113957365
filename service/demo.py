"""The demo: a whole municipality with made-up people, taken through the pass year by the program's own actions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import click
from litestar import Litestar
from sqlmodel import Session

from jobs.timetable import TIMETABLE
from jobs.worker import Worker
from service import console
from service.app import create_app
from service.audit.actions import COMMAND
from service.clubs import actions as clubs
from service.clubs import applications
from service.clubs.actions import ClubData, NewActivity
from service.clubs.desk import Desk
from service.clubs.payees import NewPayee
from service.clubs.settings import keep_agreement
from service.database.engine import Database
from service.database.tenancy import act_for
from service.demo_claims import claim_and_pay
from service.demo_holidays import last_summer, run_holidays
from service.eligibility import actions as eligibility
from service.eligibility import schemes
from service.eligibility.commands import account_lines
from service.eligibility.parameters import PRESETS, SCHEME
from service.errors import Conflict, NotFound
from service.identity.actions import Municipality, add_member, add_municipality, find_municipality
from service.identity.mails import link_address
from service.identity.organisations import add_organisation, add_volunteer_organisation, find_service
from service.identity.sessions import find_account, make_link
from service.jobs.actions import order_run, run_now
from service.jobs.queries import history
from service.jobs.running import Ran
from service.jobs.work import find_job, find_place
from service.letters import printing
from service.letters.settings import set_signature
from service.passes.actions import issue_after
from service.passes.compose import compose_letters
from service.referrals.made_up import Services
from service.referrals.queries import list_seasons
from service.register.actions import ImportResult, import_extract
from service.register.made_up import write_extract
from service.settings import Settings, load
from service.values import clock
from service.values.progress import Progress
from service.values.secrecy import KeyRing
from service.web.commands import serve_at

CODE, NAME = "0000", "Medby"
_REPORT = "report"
_SERVICE, _CLUB, _ORGANISATION = "Sundhedsplejen", "Medby Idrætsforening", "Ferie for alle"
_OTHER_SERVICE = "Familierådgivningen"
# Each with the place of the role: the municipality, a service or club of it, or the volunteer organisation.
_CLUB_NUMBER, _CLUB_ACCOUNT = "37000043", "DK5000400440116243"
# Each with its kind, the youngest and the oldest, and the fee of half a year in kroner.
_ACTIVITIES = (
    ("Fodbold U10", "football", 8, 10, 650),
    ("Gymnastik for de mindste", "gymnastics", 3, 6, 450),
    ("Svømning", "swimming", 6, 15, 900),
)
_PEOPLE = (
    ("administrator@medby.example", "Administrator", "administrator", NAME),
    ("sagsbehandler@medby.example", "Sagsbehandler", "case_worker", NAME),
    ("oekonomi@medby.example", "Økonomimedarbejder", "finance_officer", NAME),
    ("oekonomichef@medby.example", "Økonomichef", "finance_officer", NAME),
    ("revisor@medby.example", "Revisor", "auditor", NAME),
    ("henviser@medby.example", "Henviser", "referrer", _SERVICE),
    ("kasserer@klub.example", "Kasserer", "club_treasurer", _CLUB),
    ("koordinator@ferie.example", "Koordinator", "coordinator", _ORGANISATION),
    ("frivillig@ferie.example", "Frivillig", "volunteer", _ORGANISATION),
)
_SIGNATURE = {
    "department": "Børn og Unge",
    "street": "Rådhuspladsen 1",
    "postcode_city": "8000 Medby",
    "phone": "89 00 00 00",
    "email": "fritidspas@medby.example",
    "web": "medby.example/fritidspas",
    "opening_hours": "Mandag til torsdag kl. 9–15",
    "club_page": "klub.medby.example",
    "page": "familie.medby.example",
    "apply": "medby.example/fritidspas/soeg",
}


@click.command()
@click.option("--households", type=click.IntRange(1, 1_000_000), default=2000, show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), help="Serve afterwards, with the worker beside; 0: a free port.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def demo(households: int, port: int | None, as_json: bool) -> None:
    """A municipality with made-up people: extract, determinations, passes, letters. Run again, it goes on."""
    _pass_year(households, as_json=as_json)
    if port is not None:
        serve_at(
            lambda database, url, limit: _with_links(database, url, limit, as_json),
            "127.0.0.1",
            port,
            as_json,
            lambda database: Worker(database, load(), TIMETABLE).beside(),
        )


def _with_links(database: Database, url: str, requests_a_minute: int, as_json: bool) -> Litestar:
    """The application, after a fresh link for every role has been printed: by now it is known where the pages are.

    The worker beside it is given the month's report to make, so that the page of the jobs shows one at work.
    """
    with database.transaction() as session:
        links = [(role, place, email, _link(session, url, email)) for email, _, role, place in _PEOPLE]
    at_work = _order_report(database)
    folder = load().home / "emails"
    if as_json:
        made = [{"role": role, "place": place, "email": email, "url": link} for role, place, email, link in links]
        said = {"sign_in_links": made, "emails": str(folder), "job": {"job": _REPORT, "run": str(at_work)}}
        click.echo(json.dumps(said, ensure_ascii=False))
    else:
        click.echo("\nSign in, each link once and within 24 hours:")
        for role, place, email, link in links:
            click.echo(f"  {role}, {place} ({email})\n    {link}")
        click.echo(f"E-mails that the program writes are put into {folder}")
        click.echo(
            f"The worker makes the report of the month: {url}/jobs/runs/{at_work} shows it to the administrator.\n"
        )
    return create_app(database, url, requests_a_minute)


def _order_report(database: Database) -> UUID:
    """Give the report of the month to the worker, or find the one that it made before; the id of its run."""
    with database.transaction() as session:
        place = find_place(session, CODE)
        act_for(session, place.id)
        try:
            return order_run(session, place, find_job(TIMETABLE, _REPORT, "municipality"), COMMAND).id
        except Conflict:
            return history(session, _REPORT, 1)[0].id


def _link(session: Session, url: str, email: str) -> str:
    account = find_account(session, email)
    if account is None:
        raise NotFound("There is no account {email}. Run the demo on a new MEDSPILLER_HOME.", email=email)
    return link_address(url, make_link(session, account.id, "command"))


@console.answering
def _pass_year(households: int) -> Any:
    on = _demo_date()
    settings, progress = load(), console.progress()
    with console.database() as database:
        keys = console.keys(database)
        municipality = _municipality(database)
        _holidays(database, municipality, keys, on.year)
        imported = _import(database, municipality, keys, households, on, settings.home, progress)
        with database.transaction(municipality.id) as session:
            refreshed = eligibility.refresh(session, municipality, SCHEME, on, None, COMMAND, progress, commit=True)
            issued = 0
            if refreshed.run is not None and refreshed.state == "committed":
                issued = issue_after(session, municipality, keys, refreshed.run, COMMAND, progress).passes_issued
        printing.make_batches(database, municipality, keys, compose_letters, progress)
        folder = settings.home / "letters"
        rendered = printing.render(database, municipality, keys, folder, None, COMMAND, progress)
        claimed = claim_and_pay(database, municipality, keys)
        holidays = last_summer(database, on.year)
        ran = [_job_at_work(database, settings, name, code) for name, code in (("seal", CODE), ("check", None))]
    result = {"municipality": CODE, "on": on, "import": imported, "refresh": refreshed, "passes_issued": issued}
    lines = [
        f"{NAME}, a made-up municipality with the published limits of {on.year}.",
        f"{imported.persons:,} persons in {imported.households:,} households, {imported.incomes:,} incomes and "
        f"{imported.decisions:,} awards imported; {imported.unchanged:,} rows changed nothing.",
        "",
        *account_lines(refreshed),
        f"{issued:,} passes issued.",
        f"{rendered.letters:,} letters on {rendered.pages:,} pages in {rendered.batches:,} print batches, ready for "
        f"the post: {folder}",
    ]
    if rendered.held_back:
        lines.append(f"{rendered.held_back:,} letters are held back: medspiller letters held --municipality {CODE}")
    if claimed is not None:
        lines.append(
            f"{_CLUB}: {claimed.approved} claims approved, {claimed.waiting} left to a case worker, "
            f"{claimed.reservations} fees reserved. A payment run of {claimed.total_ore // 100:,} kr is to be approved."
        )
    lines.append(
        f"{_ORGANISATION}: last summer {holidays.persons} persons of {holidays.families} families came, and "
        f"{holidays.refused_persons} were refused for lack of places. This summer's lists have come."
    )
    lines += ["", *(f"Job {done.job}: {done.result}" for done in ran)]
    return result | {"letters": rendered, "claims": claimed, "holidays": holidays, "jobs": ran}, lines


def _job_at_work(database: Database, settings: Settings, name: str, code: str | None) -> Ran:
    """Have a job of the timetable do its run of the day, as the worker would."""
    with database.transaction() as session:
        place = find_place(session, code)
    return run_now(database, settings, find_job(TIMETABLE, name, "municipality" if code else "installation"), place)


def _demo_date() -> date:
    """15 January of the last year with published limits, unless the clock is set; the clock then stands there."""
    if clock.pinned():
        return clock.today("Europe/Copenhagen")
    year = PRESETS["dk"][-1].year
    clock.pin(datetime(year, 1, 15, 8, tzinfo=UTC))
    return date(year, 1, 15)


def _municipality(database: Database) -> Municipality:
    """The demo's municipality with its staff, clubs and signature, made on the first run."""
    with database.transaction() as session:
        try:
            return find_municipality(session, CODE)
        except NotFound:
            made = add_municipality(session, CODE, NAME, "dk")
        act_for(session, made.id)
        _furnish(session, made, console.keys(database))
    return made


def _furnish(session: Session, municipality: Municipality, keys: KeyRing) -> None:
    schemes.add_presets(session, municipality)
    set_signature(session, municipality, _SIGNATURE)
    desk = Desk(municipality=municipality, keys=keys, public_url="http://localhost", actor=COMMAND)
    _apply(session, desk)
    _add_people(session, municipality, _add_club(session, desk))


def _add_club(session: Session, desk: Desk) -> UUID:
    """A club that takes part: approved, with an account, an agreement and what it offers this season."""
    data = ClubData(_CLUB, "Kasserer", "kasserer@klub.example", "20 30 40 50", 412)
    payee = NewPayee("account", _CLUB_ACCOUNT)
    club = clubs.add_club(session, desk, _CLUB_NUMBER, data, payee, account_approved=True)
    version = keep_agreement(session, desk.municipality).version
    clubs.accept_agreement(session, desk, club.id, version)
    year = clock.today(desk.municipality.time_zone).year
    for name, kind, youngest, oldest, kroner in _ACTIVITIES:
        season = date(year, 1, 1), date(year, 6, 30)
        clubs.add_activity(session, desk, club.id, NewActivity(name, kind, youngest, oldest, *season, kroner * 100))
    return club.id


def _apply(session: Session, desk: Desk) -> None:
    """A club that waits for somebody to look at its application."""
    data = ClubData("Medby Musikskole", "Formand", "formand@musik.example", None, 80)
    agreement = keep_agreement(session, desk.municipality).version
    written = applications.Applied("37000051", data, ["music"], NewPayee("nemkonto"), agreement, "da")
    applications.apply(session, desk, written)


def _add_people(session: Session, municipality: Municipality, club_id: UUID) -> None:
    service = add_organisation(session, municipality.id, "service", _SERVICE, None, COMMAND)
    add_organisation(session, municipality.id, "service", _OTHER_SERVICE, None, COMMAND)
    # Written now: it belongs to the municipality, and the volunteers' organisation is another tenant.
    session.flush()
    volunteers = add_volunteer_organisation(session, "ferie", _ORGANISATION, "dk")
    places: dict[str, tuple[UUID, UUID | None]] = {
        NAME: (municipality.id, None),
        _SERVICE: (municipality.id, service.id),
        _CLUB: (municipality.id, club_id),
        _ORGANISATION: (volunteers.id, None),
    }
    for email, name, role, place in _PEOPLE:
        tenant_id, organisation_id = places[place]
        add_member(session, tenant_id, email, name, role, organisation_id)


def _holidays(database: Database, municipality: Municipality, keys: KeyRing, year: int) -> None:
    """Last summer's season from end to end and this summer's as far as it has come, made on the first run."""
    with database.transaction(municipality.id) as session:
        if list_seasons(session):
            return
        services = Services(*(find_service(session, name).id for name in (_SERVICE, _OTHER_SERVICE)))
    run_holidays(database, municipality, keys, services, year)


def _import(
    database: Database,
    municipality: Municipality,
    keys: KeyRing,
    households: int,
    on: date,
    home: Path,
    progress: Progress,
) -> ImportResult:
    with _extract(households, on, progress) as files, database.transaction(municipality.id) as session:
        secrets = keys.for_tenant(municipality.id)
        return import_extract(session, municipality, secrets, files, home / "imports", COMMAND, progress)


@contextmanager
def _extract(households: int, on: date, progress: Progress) -> Iterator[dict[str, Path]]:
    with TemporaryDirectory(prefix="medspiller-demo-") as folder:
        made = write_extract(
            Path(folder),
            households=households,
            on=on,
            progress=lambda done: progress.at("Making up households", done, households),
        )
        yield {"population": made.population, "income": made.income, "decisions": made.decisions}
