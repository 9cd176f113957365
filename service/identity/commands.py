"""`medspiller user`, `organisation` and `token`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND, record
from service.database.tenancy import act_for
from service.errors import Invalid, NotFound
from service.identity import actions, organisations, second_factor, sessions
from service.identity.access import Place
from service.identity.actions import find_tenant
from service.identity.mails import link_address
from service.identity.models import ROLES
from service.identity.own_acts import note_link_made, note_second_factor_reset
from service.identity.tokens import make_token, scopes_for
from service.settings import load

_LOCAL_URL = "http://127.0.0.1:8000"


class _At(msgspec.Struct, frozen=True):
    session: Session
    place: Place


@contextmanager
def _place(municipality: str | None, service: str | None, club: str | None, organisation: str | None) -> Iterator[_At]:
    """Open a transaction that acts for the place which the options name."""
    if (municipality is None) == (organisation is None):
        raise Invalid("Name either --municipality (with --service or --club, if any) or --organisation.")
    if service and club:
        raise Invalid("Name --service or --club, not both.")
    with console.database() as database, database.transaction() as session:
        if organisation is not None:
            tenant = find_tenant(session, "organisation", organisation)
        else:
            tenant = find_tenant(session, "municipality", municipality or "")
        act_for(session, tenant.id)
        within = None
        if service or club:
            find, wanted = (organisations.find_service, service) if service else (organisations.find_club, club)
            within = find(session, wanted or "")
        yield _At(
            session=session,
            place=Place(
                tenant_id=tenant.id,
                kind=tenant.kind,
                code=tenant.code,
                name=tenant.name,
                country=tenant.country,
                time_zone=tenant.time_zone,
                language=tenant.language,
                organisation_id=within.id if within else None,
                organisation_kind=within.kind if within else None,
                organisation_name=within.name if within else None,
            ),
        )


def _where(function: Any) -> Any:
    for option in (
        click.option("--organisation", metavar="CODE", help="Or the volunteer organisation's code."),
        click.option("--club", metavar="NUMBER", help="In this club of the municipality."),
        click.option("--service", metavar="NAME", help="In this service of the municipality."),
        click.option("--municipality", "code", metavar="CODE", help="The municipality's code."),
    ):
        function = option(function)
    return function


@click.group()
def user() -> None:
    """Accounts, their roles and how they sign in."""


@user.command("add")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--role", required=True, type=click.Choice(ROLES))
@_where
@console.command
def add_user(
    email: str, name: str, role: str, code: str | None, service: str | None, club: str | None, organisation: str | None
) -> Any:
    """Give a person a role in a municipality, a service or club of it, or a volunteer organisation."""
    with _place(code, service, club, organisation) as at:
        place = at.place
        account_id = actions.add_member(at.session, place.tenant_id, email, name, role, place.organisation_id)
        subject = ("account", account_id)
        record(at.session, place.tenant_id, COMMAND, "identity.member.add", subject, details={"role": role})
    result = {"account": account_id, "email": email.lower(), "role": role, "municipality": code}
    result |= {"service": service, "club": club, "organisation": organisation}
    return result, [f"{email} is now {role} in {place.organisation_name or place.name}."]


@user.command("sign-in-link")
@click.argument("email")
@console.command
def sign_in_link(email: str) -> Any:
    """Print a link that signs the person in once, within 24 hours, without a second factor."""
    with console.database() as database, database.transaction() as session:
        account = _account(session, email)
        secret = sessions.make_link(session, account.id, "command")
        note_link_made(session, account.id)
    url = link_address(load().public_url or _LOCAL_URL, secret)
    return {"url": url, "email": account.email}, [url, "It works once, within 24 hours. Hand it to nobody else."]


@user.command("reset-second-factor")
@click.argument("email")
@console.command
def reset_second_factor(email: str) -> Any:
    """Take the second factor away, for somebody who lost it with the recovery codes, and sign them out everywhere."""
    with console.database() as database, database.transaction() as session:
        account = _account(session, email)
        removed = second_factor.remove(session, account.id)
        ended = sessions.end_every_session(session, account.id)
        note_second_factor_reset(session, account.id)
    line = "The second factor is gone; a new one is set up at the next sign-in." if removed else "There was none."
    return {"email": account.email, "removed": removed, "sessions_ended": ended}, [line]


@click.group()
def organisation() -> None:
    """Volunteer organisations, and the services of a municipality."""


@organisation.command("add")
@click.argument("name")
@click.option("--code", metavar="CODE", help="A new volunteer organisation with this code.")
@click.option("--country", type=click.Choice(tuple(actions.HABITS)), default="no", show_default=True)
@click.option("--service", "kind", flag_value="service", help="A service of the municipality that refers families.")
@click.option("--municipality", metavar="CODE", help="The municipality of the service.")
@console.command
def add_organisation(name: str, code: str | None, country: str, kind: str | None, municipality: str | None) -> Any:
    """Add a volunteer organisation, or a service to a municipality. Clubs: medspiller club add."""
    if bool(code) == bool(kind) or bool(code) == bool(municipality):
        raise Invalid("Name --code, or --municipality with --service.")
    if code:
        with console.database() as database, database.transaction() as session:
            made = organisations.add_volunteer_organisation(session, code, name, country)
        return {"organisation": made.id, "code": code}, [f"{made.name} stands, with the code {code}."]
    with _place(municipality, None, None, None) as at:
        added = organisations.add_organisation(at.session, at.place.tenant_id, "service", name, None, COMMAND)
    return {"organisation": added.id, "kind": added.kind}, [f"{added.name} stands in {at.place.name}."]


@click.group()
def token() -> None:
    """API tokens of clubs' and municipalities' own systems."""


@token.command("create")
@click.option("--municipality", "code", required=True, metavar="CODE", help="The municipality's code.")
@click.option("--club", metavar="NUMBER", help="For this club's system; without it for the municipality's own.")
@click.option("--name", default="system", show_default=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may do; default: all that it can.")
@console.command
def create_token(code: str, club: str | None, name: str, scopes: tuple[str, ...]) -> Any:
    """Make a token. It is shown this once."""
    with _place(code, None, club, None) as at:
        chosen = scopes or scopes_for(at.place)
        made = make_token(at.session, at.place, name, chosen, COMMAND)
    return {"token": made.token, "id": made.id, "scopes": chosen}, [made.token, "Keep it: it is not shown again."]


def _account(session: Session, email: str) -> sessions.Account:
    account = sessions.find_account(session, email)
    if account is None:
        raise NotFound("There is no account {email}. Add it with `medspiller user add`.", email=email)
    return account
