"""`medspiller club`."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec

from service import console
from service.audit.actions import COMMAND, Actor
from service.clubs import applications, payees
from service.clubs.actions import ClubData, add_club
from service.clubs.desk import Desk
from service.clubs.payees import NewPayee
from service.clubs.queries import Club, PayeeLine, Wanted, find_club, list_clubs, payee_for, payees_of
from service.clubs.register_file import import_register
from service.errors import Conflict, Forbidden, Invalid, NotFound
from service.identity.actions import act_where, find_approver, municipality_by_id
from service.identity.permissions import COMMANDS, roles_that_may
from service.settings import load
from service.values import clock

_LOCAL_URL = "http://127.0.0.1:8000"


@click.group()
def club() -> None:
    """Clubs, their applications and accounts."""


@club.command("add")
@console.MUNICIPALITY
@click.option("--number", required=True, metavar="ORGNR", help="The club's organisation number.")
@click.option("--name", required=True, metavar="NAME", help="The club's name.")
@click.option("--account", metavar="ACCOUNT", help="Where its money goes: an IBAN, or as it is written in the country.")
@click.option("--nemkonto", is_flag=True, help="Or: to its NemKonto (Denmark).")
@click.option("--contact-name", metavar="NAME", help="Whom to write to.")
@click.option("--contact-email", metavar="EMAIL", help="Whom to write to.")
@click.option("--approved", is_flag=True, help="Approve the club and its account at once.")
@console.command
def add(
    code: str,
    number: str,
    name: str,
    account: str | None,
    nemkonto: bool,
    contact_name: str | None,
    contact_email: str | None,
    approved: bool,
) -> Any:
    """Add a club with its account. Without --approved it waits as an application until somebody approves it."""
    if nemkonto is (account is not None):
        raise Invalid("Name --account or --nemkonto.")
    data = ClubData(name=name, contact_name=contact_name, contact_email=contact_email)
    payee = NewPayee("nemkonto" if nemkonto else "account", account)
    with console.desk(code) as at:
        desk = _desk(at)
        if approved:
            made = add_club(at.session, desk, number, data, payee, account_approved=True)
            result = _told(made.number, made.name, "approved", club=made.id)
        else:
            written = applications.Applied(number, data, [], payee, None, at.municipality.language)
            waiting = applications.apply(at.session, desk, written, by_command=True)
            found = applications.find_application(at.session, waiting)
            result = _told(found.number, found.name, "waiting", application=waiting)
    said = "is approved" if approved else "waits for approval"
    return result, [f"{result['name']} ({result['number']}) {said}."]


@club.command("list")
@console.MUNICIPALITY
@click.option("--state", type=click.Choice(("approved", "suspended", "ended")), help="Only these.")
@console.command
def list_them(code: str, state: Any) -> Any:
    """The municipality's clubs, and whether money can go to them today."""
    with console.desk(code) as at:
        today = clock.today(at.municipality.time_zone)
        rows = [
            {"club": one.id, "number": one.number, "name": one.name, "state": one.state}
            | {"activities": one.activities, "account_waiting": one.account_waiting}
            | {"payable": payee_for(at.session, one.id, today) is not None}
            for one in list_clubs(at.session, Wanted(state=state))
        ]
    lines = [f"{row['number']}  {row['name']}: {row['state']}" for row in rows]
    return {"clubs": rows}, lines or ["There are no clubs."]


@club.command("approve")
@click.argument("application", type=console.AN_ID)
@console.BY
@console.command
def approve(application: UUID, email: str) -> Any:
    """Approve a club's application, and its account where whoever approves may do that."""
    with console.database() as database, database.transaction() as session:
        approver = find_approver(session, email, roles_that_may(COMMANDS["club approve"]))
        tenant_id = act_where(session, approver, "club_application", application)
        if tenant_id is None:
            raise NotFound("There is no such application.")
        desk = Desk(
            municipality=municipality_by_id(session, tenant_id),
            keys=console.keys(database),
            public_url=load().public_url or _LOCAL_URL,
            actor=Actor(door="command", account_id=approver.account_id),
        )
        with_account = tenant_id in _tenants(session, email)
        made = applications.approve_application(session, desk, application, with_account=with_account)
        account = payees_of(session, made.id)[0].state
    result = _told(made.number, made.name, made.state, club=made.id, application=application) | {"account": account}
    return result, [f"{made.name} ({made.number}) is approved; its account is {account}."]


@club.command("approve-account")
@console.MUNICIPALITY
@click.option("--number", required=True, metavar="ORGNR", help="The club's organisation number.")
@console.BY
@console.command
def approve_account(code: str, number: str, email: str) -> Any:
    """Approve the account that was proposed for a club, by a person other than who proposed it."""
    with console.desk(code) as at:
        approver = find_approver(at.session, email, roles_that_may(COMMANDS["club approve-account"]))
        if at.municipality.id not in approver.tenants:
            raise Forbidden("{email} has no role here that may do this.", email=email)
        found = find_club(at.session, number)
        desk = msgspec.structs.replace(_desk(at), actor=Actor(door="command", account_id=approver.account_id))
        done = payees.approve_payee(at.session, desk, _proposed(at.session, found).id)
    result = _told(found.number, found.name, found.state, club=found.id) | {"usable_from": done.usable_from}
    return result, [f"The account of {found.name} is approved; money goes there from {done.usable_from} on."]


@club.command("import-register")
@console.MUNICIPALITY
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@console.command
def import_file(code: str, file: Path) -> Any:
    """Take over a file of the CVR register: number, name and, where it has them, form, municipality, ended_on."""
    with console.desk(code) as at:
        folder = at.settings.home / "imports"
        made = import_register(at.session, at.municipality, file, folder, COMMAND, console.progress())
    lines = [
        f"{made.accepted:,} lines accepted, of which {made.unchanged:,} say nothing new; {made.rejected:,} rejected."
    ]
    return made, lines + ([f"The rejected lines: {made.rejected_file}"] if made.rejected_file else [])


def _desk(at: console.Desk) -> Desk:
    url = at.settings.public_url or _LOCAL_URL
    return Desk(municipality=at.municipality, keys=console.keys(at.database), public_url=url, actor=COMMAND)


def _tenants(session: Any, email: str) -> tuple[UUID, ...]:
    try:
        return find_approver(session, email, roles_that_may("clubs.approve_account")).tenants
    except Forbidden:
        return ()


def _proposed(session: Any, found: Club) -> PayeeLine:
    for one in payees_of(session, found.id):
        if one.state == "proposed":
            return one
    raise Conflict("No account of {name} waits for approval.", name=found.name)


def _told(
    number: str, name: str, state: str, *, club: UUID | None = None, application: UUID | None = None
) -> dict[str, Any]:
    return {"club": club, "application": application, "number": number, "name": name, "state": state}
