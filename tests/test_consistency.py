"""Nobody gets through where the table of permissions does not let them, and nobody reaches a neighbour's rows.

Every route is walked as every role, as systems with each scope, as somebody who owes the second factor and as nobody;
then every route that takes an id, or several, with the ids of a neighbour's rows. The database is asked the same.
"""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click
import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlmodel import Session

from service.app import create_app
from service.audit.actions import COMMAND, Actor
from service.cli import main
from service.clubs import actions as clubs
from service.clubs import applications
from service.clubs.actions import ClubData, NewActivity
from service.clubs.desk import Desk
from service.clubs.payees import NewPayee, propose_payee
from service.console import keys
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity import permissions
from service.identity.access import Place
from service.identity.actions import Municipality, add_member, add_municipality, find_tenant
from service.identity.members import invite
from service.identity.models import ROLES
from service.identity.organisations import add_organisation, add_volunteer_organisation
from service.identity.sessions import open_session
from service.identity.tokens import make_token
from tests.conftest import Medspiller
from tests.passes.town import IN_2017, Town

CODE = "0101"
SCOPES = (*permissions.MUNICIPAL_SCOPES, *permissions.CLUB_SCOPES)
MARKS = ("PUBLIC", "SIGNED_IN", "KNOWN", "HALFWAY")
ELSEWHERE = ("administrator", "auditor")
"""Roles that a volunteer organisation has as well."""
CALLERS = (
    "nobody",
    "halfway",
    *ROLES,
    *(f"{role}@organisation" for role in ELSEWHERE),
    *(f"token:{scope}" for scope in SCOPES),
)


class Call(msgspec.Struct, frozen=True):
    """A route with one of its methods: `path` as declared, with its parameters by name and kind."""

    method: str
    path: str
    permission: str | None
    parameters: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def address(self, **ids: UUID) -> str:
        filled = self.path
        for name, kind in self.parameters:
            sample = {"uuid": str(ids.get(name) or uuid4()), "int": "1"}.get(kind, "x")
            filled = filled.replace(f"{{{name}:{kind}}}", sample)
        return filled


def calls_of(app: Litestar) -> list[Call]:
    """Everything that can be called, except that nothing is found elsewhere."""
    found = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or route.path in ("/{path:path}",):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS":
                continue
            parameters = tuple(
                (part.name, part.full.partition(":")[2]) for part in route.path_components if not isinstance(part, str)
            )
            found.append(Call(method, route.path, handler.opt.get("permission"), parameters))
    return found


class Walk(msgspec.Struct, frozen=True):
    """The application with one person for each role, in the place where the role belongs."""

    app: Litestar
    town: Town
    accounts: dict[str, UUID]
    place: Place
    csrf: str

    def headers(self, caller: str) -> tuple[dict[str, str], dict[str, str]]:
        """The headers and cookies of a new session or token: a call before may have ended the last."""
        headers, cookies = {"accept": "application/json", "x-csrftoken": self.csrf}, {"csrf": self.csrf}
        if caller.startswith("token:"):
            with self.town.database.transaction(self.place.tenant_id) as session:
                scope = caller.partition(":")[2]
                place = self.place
                if scope in permissions.CLUB_SCOPES:
                    place = msgspec.structs.replace(place, organisation_kind="club")
                made = make_token(session, msgspec.structs.replace(place), "system", (scope,), COMMAND)
            headers["authorization"] = f"Bearer {made.token}"
        elif caller != "nobody":
            account, method = (
                (self.accounts["case_worker"], "email") if caller == "halfway" else (self.accounts[caller], "command")
            )
            with self.town.database.transaction() as session:
                cookies["medspiller"] = open_session(session, account, method, "walk")
        return headers, cookies

    def call(self, client: TestClient[Litestar], caller: str, call: Call, address: str, body: Any = None) -> Any:
        headers, cookies = self.headers(caller)
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if call.path.startswith("/api/"):
            content, kind = json.dumps(body or {}), "application/json"
        else:
            content, kind = "&".join(f"{k}={v}" for k, v in (body or {}).items()), "application/x-www-form-urlencoded"
        if call.method != "GET":
            headers["content-type"] = kind
        content = "" if call.method == "GET" else content
        client.cookies.clear()
        return client.request(call.method, address, headers=headers, content=content, follow_redirects=False)


def _desk(database: Database, municipality: Municipality) -> Desk:
    return Desk(municipality=municipality, keys=keys(database), public_url="http://x.example", actor=COMMAND)


def _populate_clubs(session: Session, desk: Desk) -> None:
    """Give the neighbour a club with all that belongs to one, and an application."""
    data = ClubData("Naboklub", "Nabokasserer", "nabo@klub.example")
    payee = NewPayee("account", "0040 0440116243")
    club = clubs.add_club(session, desk, "87654303", data, payee, account_approved=True).id
    season = date(2017, 1, 1), date(2017, 6, 30)
    clubs.add_activity(session, desk, club, NewActivity("Nabofodbold", "football", 6, 9, *season, 500_00))
    propose_payee(session, desk, club, NewPayee("nemkonto"), by_club=False)
    clubs.change_club(session, desk, club, msgspec.structs.replace(data, contact_email="nabo2@klub.example"))
    written = applications.Applied("12345690", ClubData("Nabospejder", "Nabo", "n@x.example"), [], payee, None, "da")
    applications.apply(session, desk, written, by_command=True)


def _populate_directory(database: Database, municipality: Municipality) -> None:
    """Give the neighbour people, a service, a club, an open invitation and a token."""
    tenant_id = municipality.id
    with database.transaction(tenant_id) as session:
        administrator = add_member(
            session, tenant_id, "administrator@nabo.example", "Naboadministrator", "administrator"
        )
        add_organisation(session, tenant_id, "service", "Naboskole", None, COMMAND)
        _populate_clubs(session, _desk(database, municipality))
        actor = Actor(door="page", account_id=administrator)
        invite(session, tenant_id, "invited@nabo.example", "Naboinviteret", "auditor", None, actor)
        found = find_tenant(session, "municipality", "0751")
        place = Place(found.id, found.kind, found.code, found.name, found.country, found.time_zone, found.language)
        make_token(session, place, "Nabosystem", ("register",), COMMAND)


@pytest.fixture
def walk(medspiller: Medspiller, database: Database, tmp_path: Path) -> Iterator[tuple[Walk, TestClient[Litestar]]]:
    """The neighbour is a town with rows of every kind; those who call are of another municipality."""
    town = Town(medspiller, database, tmp_path)
    town.family("H1", "Nabobarn", "Nabosoester")
    town.family("H2", "Nabofaetter", income=None)
    town.load()
    town.commit(IN_2017)
    medspiller("letters", "render", "--municipality", town.municipality.code, "--out", tmp_path / "letters")
    medspiller("jobs", "run", "seal", "--municipality", town.municipality.code)
    _populate_directory(database, town.municipality)
    with database.transaction() as session:
        tenant = add_municipality(session, CODE, "By", "dk")
        holidays = add_volunteer_organisation(session, "ferie", "Ferie", "no")
        act_for(session, tenant.id)
        places = {
            "referrer": add_organisation(session, tenant.id, "service", "Skole", None, COMMAND).id,
            "club_treasurer": clubs.add_club(
                session, _desk(database, tenant), "12345674", ClubData("Frem"), None, account_approved=False
            ).id,
        }
        session.flush()
        accounts = {
            role: add_member(
                session,
                holidays.id if role in ("coordinator", "volunteer") else tenant.id,
                f"{role}@by.example",
                role,
                role,
                places.get(role),
            )
            for role in ROLES
        }
        for role in ELSEWHERE:
            email = f"{role}@ferie.example"
            accounts[f"{role}@organisation"] = add_member(session, holidays.id, email, role, role)
    with database.transaction() as session:
        found = find_tenant(session, "municipality", CODE)
    place = Place(found.id, found.kind, found.code, found.name, found.country, found.time_zone, found.language)
    app = create_app(database, requests_a_minute=10**9)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/health")
        yield Walk(app=app, town=town, accounts=accounts, place=place, csrf=client.cookies["csrf"]), client


def allowed(permission: str | None, caller: str) -> bool:
    """Read off the table anew, in another way than the guard does."""
    if permission == "public":
        return True
    if caller == "nobody" or caller == "halfway":
        return caller == "halfway" and permission == "halfway"
    system = caller.startswith("token:")
    if permission in ("signed in", "halfway"):
        return not system
    if permission == "known":
        return True
    row = permissions.PERMISSIONS[str(permission)]
    role, _, where = caller.partition("@")
    if where:
        return role in row.roles and where in row.places
    return row.scope == caller.partition(":")[2] if system else caller in row.roles


def test_every_route_stands_in_the_table(walk: tuple[Walk, TestClient[Litestar]]) -> None:
    marks = {getattr(permissions, mark)["permission"] for mark in MARKS}
    calls = calls_of(walk[0].app)
    assert [call.name for call in calls if call.permission not in marks | set(permissions.PERMISSIONS)] == []
    unused = set(permissions.PERMISSIONS) - {call.permission for call in calls} - set(permissions.COMMANDS.values())
    assert unused == set()
    assert len(calls) > 60


@pytest.mark.parametrize("caller", CALLERS)
def test_a_route_lets_through_whom_the_table_allows_it_and_nobody_else(
    walk: tuple[Walk, TestClient[Litestar]], caller: str
) -> None:
    walker, client = walk
    wrong = []
    for call in calls_of(walker.app):
        answer = walker.call(client, caller, call, call.address())
        refused = answer.status_code in (401, 403)
        if allowed(call.permission, caller) is refused or answer.status_code >= 500:
            wrong.append((call.name, call.permission, answer.status_code, answer.text[:200]))
        elif refused:
            assert answer.status_code == (401 if caller == "nobody" else 403), call.name
    assert wrong == []


@pytest.fixture
def owner(database: Database) -> Iterator[Connection]:
    with create_engine(database.owner_url, poolclass=NullPool).connect() as connection:
        yield connection


TABLES = text(
    """SELECT n.nspname || '.' || c.relname AS name,
        EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id') AS has_id
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname IN ('public', 'directory')
    WHERE c.relkind IN ('r', 'p') AND EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') ORDER BY 1"""
)


def ids_of(owner: Connection, tenant: UUID) -> dict[str, UUID]:
    """One id of every table in which the tenant has a row."""
    found = {}
    for name, has_id in owner.execute(TABLES).all():
        row = (
            has_id
            and owner.execute(
                text(f"SELECT id FROM {name} WHERE tenant_id = :t ORDER BY id LIMIT 1"), {"t": tenant}
            ).one_or_none()
        )
        if row:
            found[name] = row.id
    return found


def state_of(owner: Connection, tenant: UUID) -> dict[str, str]:
    """What every row of a tenant says, as a digest by table."""
    return {
        name: owner.execute(
            text(
                f"""SELECT coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '') FROM {name} r
                WHERE tenant_id = :t"""
            ),
            {"t": tenant},
        ).scalar_one()
        for name, _ in owner.execute(TABLES).all()
    }


def identified(schema: dict[str, Any], call: Call) -> tuple[list[str], list[str]]:
    """The query parameters and the fields of the body that are ids, by the description of the API."""
    path = call.path
    for name, kind in call.parameters:
        path = path.replace(f"{{{name}:{kind}}}", f"{{{name}}}")
    operation = schema["paths"].get(path, {}).get(call.method.lower(), {})
    queries = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query" and "uuid" in json.dumps(p)]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in body:
        body = schema["components"]["schemas"][body["$ref"].rsplit("/", 1)[1]]
    fields = [name for name, kind in body.get("properties", {}).items() if "uuid" in json.dumps(kind)]
    return queries, fields


@pytest.mark.parametrize("role", ["administrator", "case_worker", "auditor", "club_treasurer"])
def test_no_route_reaches_a_neighbours_rows(
    walk: tuple[Walk, TestClient[Litestar]], owner: Connection, role: str
) -> None:
    walker, client = walk
    tenant = walker.town.municipality.id
    theirs, before = ids_of(owner, tenant), state_of(owner, tenant)
    owner.rollback()
    assert len(theirs) > 16
    schema = client.get("/schema/openapi.json").json()
    wrong = []
    for call in calls_of(walker.app):
        queries, fields = identified(schema, call)
        if not allowed(call.permission, role) or not (
            queries or fields or any(k == "uuid" for _, k in call.parameters)
        ):
            continue
        for table, found in theirs.items():
            address = call.address(**{name: found for name, kind in call.parameters if kind == "uuid"})
            if queries:
                address += "?" + "&".join(f"{name}={found}" for name in queries)
            answer = walker.call(client, role, call, address, {name: str(found) for name in fields})
            named = any(kind == "uuid" for _, kind in call.parameters)
            leaked = [str(other) for other in theirs.values() if other != found and str(other) in answer.text]
            if (named and answer.status_code < 400) or answer.status_code >= 500 or leaked or "Nabo" in answer.text:
                wrong.append((call.name, table, answer.status_code, answer.text[:200]))
    assert wrong == []
    assert state_of(owner, tenant) == before


def test_the_database_itself_shows_nobody_a_neighbours_rows(
    walk: tuple[Walk, TestClient[Litestar]], owner: Connection
) -> None:
    walker, _ = walk
    tenant = walker.town.municipality.id
    before = state_of(owner, tenant)
    tables = [name for name, _ in owner.execute(TABLES).all() if name.startswith("public.")]
    owner.rollback()
    for acting in (walker.place.tenant_id, None):
        for table in tables:
            with walker.town.database.transaction(acting) as session:
                shown = text(f"SELECT count(*) FROM {table} WHERE tenant_id = :t")
                assert session.execute(shown, {"t": tenant}).scalar_one() == 0, table
                if session.execute(text("SELECT has_table_privilege(:t, 'DELETE')"), {"t": table}).scalar_one():
                    gone = session.execute(text(f"DELETE FROM {table} WHERE tenant_id = :t"), {"t": tenant})
                    assert gone.rowcount == 0, table  # type: ignore[attr-defined]
    assert state_of(owner, tenant) == before


def commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_that_names_a_person_stands_in_the_table() -> None:
    named = {name for name, command in commands() if any("--by" in p.opts for p in command.params)}
    assert named == set(permissions.COMMANDS)


@pytest.mark.parametrize("name", permissions.COMMANDS)
def test_a_command_refuses_whom_the_table_does_not_allow_it(
    walk: tuple[Walk, TestClient[Litestar]], medspiller: Medspiller, owner: Connection, name: str
) -> None:
    walker, _ = walk
    theirs = ids_of(owner, walker.town.municipality.id)
    here: list[object] = ["--municipality", walker.town.municipality.code]
    subject: dict[str, list[object]] = {
        "register confirm": [theirs["public.register_import"]],
        "eligibility approve": [theirs["public.refresh_run"]],
        "club approve": [theirs["public.club_application"]],
        "club approve-account": [*here, "--number", "87654303"],
    }
    rest = subject.get(name, here)
    for role in ROLES:
        said = medspiller.fails(*name.split(), *rest, "--by", f"{role}@by.example")
        refused = "may not do this" in said
        # Whom the table allows it finds no such row: it is the neighbour's.
        own = role in permissions.roles_that_may(permissions.COMMANDS[name])
        assert refused or own, (role, said)
        assert not (refused and own) or "in Aarhus" in said, (role, said)


def test_the_docs_show_the_table() -> None:
    assert Path("docs/who-may-what.md").read_text() == permissions.as_page()
