"""Nobody gets through where the table of permissions does not let them, and nobody reaches a neighbour's rows.

Every route is walked as every role, as systems with each scope, as somebody who owes the second factor and as nobody;
then every route that takes an id, or several, with the ids of a neighbour's rows. The database is asked the same.
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click
import msgspec
import pytest
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
from service.database.engine import Database
from service.identity import permissions, throttle
from service.identity.access import Place
from service.identity.actions import Municipality, add_member, find_tenant
from service.identity.members import invite
from service.identity.models import ROLES
from service.identity.organisations import add_organisation
from service.identity.tokens import make_token
from tests.conftest import Medspiller
from tests.passes.town import CODE as THEIR_CODE
from tests.passes.town import IN_2017, Town
from tests.walking import (
    CALLERS,
    EVERY_SCOPE,
    PEOPLE,
    PLACES,
    SCOPES,
    Asked,
    Call,
    Walk,
    allowed,
    body_of,
    calls_of,
    desk_of,
    filled,
    holds_id,
    walking,
)

MARKS = ("PUBLIC", "SIGNED_IN", "KNOWN", "HALFWAY")


def test_every_route_stands_in_the_table(database: Database) -> None:
    marks = {getattr(permissions, mark)["permission"] for mark in MARKS}
    calls = calls_of(create_app(database))
    assert [call.name for call in calls if call.permission not in marks | set(permissions.PERMISSIONS)] == []
    unused = set(permissions.PERMISSIONS) - {call.permission for call in calls} - set(permissions.COMMANDS.values())
    assert unused == set()
    assert len(calls) > 60


def test_every_yes_of_the_table_is_somebodys() -> None:
    """A role that belongs to no place in which there is such a thing, or a scope of none, would be a yes to nobody."""
    rows = permissions.PERMISSIONS.values()
    kinds = {role: {PLACES[role]} if role in PLACES else {"municipality"} for role in ROLES}
    kinds |= {role: {"municipality", "organisation"} for role in ("administrator", "auditor")}
    assert [(row.name, role) for row in rows for role in row.roles if not kinds[role] & set(row.places)] == []
    of_scopes = {"municipality": permissions.MUNICIPAL_SCOPES, "club": permissions.CLUB_SCOPES}
    held = {(row.name, kind) for row in rows for kind in row.places if row.scope in of_scopes.get(kind, ())}
    assert {row.name for row in rows if row.scope} == {name for name, _ in held}
    assert set(SCOPES) >= {row.scope for row in rows if row.scope}


@pytest.fixture
def walk(database: Database, at: Callable[[str], None]) -> Iterator[Walk]:
    """At one instant, so that two answers can be compared."""
    at("2017-01-20T08:00Z")
    with walking(database) as walk:
        yield walk


def test_a_route_lets_through_whom_the_table_allows_it_and_nobody_else(walk: Walk) -> None:
    wrong = []
    for caller in CALLERS:
        for call in calls_of(walk.app):
            answer = walk.call(caller, call, call.address())
            refused = answer.status_code in (401, 403)
            if allowed(call.permission, caller) is refused or answer.status_code >= 500:
                wrong.append((caller, call.name, call.permission, answer.status_code, answer.text[:200]))
            elif refused:
                assert answer.status_code == (401 if caller == "nobody" else 403), call.name
    assert wrong == []


@pytest.fixture
def neighbour(walk: Walk, medspiller: Medspiller, tmp_path: Path) -> Town:
    """A town with rows of every kind, next to those who walk."""
    town = Town(medspiller, walk.database, tmp_path)
    town.family("H1", "Nabobarn", "Nabosoester")
    town.family("H2", "Nabofaetter", income=None)
    town.load()
    town.commit(IN_2017)
    medspiller("letters", "render", "--municipality", THEIR_CODE, "--out", tmp_path / "letters")
    medspiller("jobs", "run", "seal", "--municipality", THEIR_CODE)
    _populate_directory(walk.database, town.municipality)
    return town


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
        _populate_clubs(session, desk_of(database, municipality))
        actor = Actor(door="page", account_id=administrator)
        invite(session, tenant_id, "invited@nabo.example", "Naboinviteret", "auditor", None, actor)
        found = find_tenant(session, "municipality", THEIR_CODE)
        place = Place(found.id, found.kind, found.code, found.name, found.country, found.time_zone, found.language)
        make_token(session, place, "Nabosystem", ("register",), COMMAND)


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


class Approach:
    """A call with ids wherever it takes any and all else as it should be, so that two ids can be told apart or not."""

    def __init__(self, walk: Walk, caller: str, call: Call, schema: dict[str, Any], asked: Asked) -> None:
        self._walk, self._caller, self._call, self._schema = walk, caller, call, schema
        self._fields = asked.of(lambda body: walk.call(caller, call, call.address(), body)) if call.is_page else {}
        body, queries = ({}, []) if call.is_page else body_of(schema, call, uuid4())
        in_body = body != (body_of(schema, call, uuid4())[0] if body else {})
        self.takes_ids = call.takes_id or in_body or bool(queries) or any(map(holds_id, self._fields.values()))

    def answer(self, id_: UUID) -> tuple[int, str]:
        """The status and the text, without what tells one such call from another."""
        call, address = self._call, self._call.address(id_)
        if call.is_page:
            body = {name: filled(field, id_) for name, field in self._fields.items()}
        else:
            body, queries = body_of(self._schema, call, id_)
            address += "?" + "&".join(f"{name}={id_}" for name in queries) if queries else ""
        answer = self._walk.call(self._caller, call, address, body)
        return answer.status_code, re.sub(r'value="[\w-]{20,}"', "", answer.text.replace(str(id_), "ID"))


_OTHERS = 4


def test_no_route_reaches_a_neighbours_rows(
    walk: Walk, neighbour: Town, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id of theirs is answered as one that is nobody's, and names that they use as names that nobody uses."""
    tenant, asked = neighbour.municipality.id, Asked(monkeypatch)
    # The walk claims for more numbers that are no pass than a club may in a quarter of an hour.
    monkeypatch.setattr(throttle, "PASS_NUMBERS", msgspec.structs.replace(throttle.PASS_NUMBERS, times=10**9))
    theirs, before = ids_of(owner, tenant), state_of(owner, tenant)
    owner.rollback()
    assert len(theirs) > 16
    schema = walk.call("nobody", Call("GET", "/schema/openapi.json", "public", ()), "/schema/openapi.json").json()
    wrong: list[Any] = []
    walked: set[str] = set()
    for caller in (*PEOPLE, EVERY_SCOPE, *(f"token:{scope}" for scope in permissions.CLUB_SCOPES)):
        for call in (call for call in calls_of(walk.app) if allowed(call.permission, caller)):
            approach = Approach(walk, caller, call, schema, asked)
            if not (approach.takes_ids or (call.method == "GET" and call.takes_name)):
                continue
            status, said = approach.answer(uuid4())
            if ((call.takes_id or call.takes_name) and status < 400) or status >= 500 or "Nabo" in said:
                wrong.append((caller, call.name, "", status, said[:300]))
            # With ids of what it is about; once with others too, of which each call takes some in turn.
            about = {table: id_ for table, id_ in theirs.items() if call.is_about(table)}
            if call.name not in walked:
                about |= dict(islice(theirs.items(), len(walked) % _OTHERS, None, _OTHERS))
            for table, id_ in about.items() if approach.takes_ids else ():
                told = approach.answer(id_)
                wrong += [] if told == (status, said) else [(caller, call.name, table, *told)]
            walked |= {call.name} if approach.takes_ids else set()
    assert wrong == []
    assert len(walked) > 80
    assert state_of(owner, tenant) == before


def test_the_database_itself_shows_nobody_a_neighbours_rows(walk: Walk, neighbour: Town, owner: Connection) -> None:
    tenant = neighbour.municipality.id
    before = state_of(owner, tenant)
    tables = [name for name, _ in owner.execute(TABLES).all() if name.startswith("public.")]
    owner.rollback()
    for acting in (walk.tenant_id, None):
        for table in tables:
            with walk.database.transaction(acting) as session:
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


def test_a_command_refuses_whom_the_table_does_not_allow_it(
    walk: Walk, neighbour: Town, medspiller: Medspiller, owner: Connection, tmp_path: Path
) -> None:
    theirs = ids_of(owner, neighbour.municipality.id)
    here, run = ["--municipality", THEIR_CODE], uuid4()
    subject: dict[str, list[Any]] = {
        "register confirm": [theirs["public.register_import"]],
        "eligibility approve": [theirs["public.refresh_run"]],
        "club approve": [theirs["public.club_application"]],
        "club approve-account": [*here, "--number", "87654303"],
    }
    subject |= {
        "payments run": [*here, "--until", "2017-02-01"],
        "payments renew": [run],
        "payments approve": [run],
        "payments release": [run, "--out", tmp_path / "F.xml"],
        "payments file": [run, "--out", tmp_path / "F.xml"],
        "payments cancel": [run, "--reason", "x"],
    }
    for name, permission in permissions.COMMANDS.items():
        for caller in PEOPLE:
            role, where = caller.partition("@")[0], "ferie" if "@" in caller else "by"
            rest = subject.get(name, here)
            said = medspiller.fails(*name.split(), *rest, "--by", f"{role}@{where}.example")
            refused = "may not do this" in said
            # Whom the table allows it finds no such row: it is the neighbour's.
            own = role in permissions.roles_that_may(permission)
            assert refused or own, (name, caller, said)
            assert not (refused and own) or "in Aarhus" in said, (name, caller, said)


def test_the_docs_show_the_table() -> None:
    assert Path("docs/who-may-what.md").read_text() == permissions.as_page()


NEIGHBOURS = ("Nabobarn", "Nabosoester", "Nabofaetter", "H1s mor", "H2s mor")


def test_whatever_shows_a_person_leaves_an_entry_in_the_trail(walk: Walk, neighbour: Town, owner: Connection) -> None:
    """Every page and answer of the town's own people is asked for, with the id of a row of each kind."""
    tenant = neighbour.municipality.id
    theirs = ids_of(owner, tenant)
    owner.rollback()
    with walk.database.transaction() as session:
        walk.accounts["reader"] = add_member(session, tenant, "reader@nabo.example", "Reader", "case_worker")
    entries = "SELECT count(*) FROM audit_entry"
    shown, unseen = 0, []
    for call in calls_of(walk.app):
        if call.method != "GET" or not allowed(call.permission, "case_worker"):
            continue
        for found in theirs.values() if call.takes_id else [tenant]:
            [(before,)] = neighbour.rows(entries)
            answer = walk.call("reader", call, call.address(found))
            assert answer.status_code < 500, (call.name, answer.text[:200])
            if not any(name in answer.text for name in NEIGHBOURS):
                continue
            shown += 1
            if neighbour.rows(entries) == [(before,)]:
                unseen.append(call.name)
    assert unseen == []
    assert shown > 5
