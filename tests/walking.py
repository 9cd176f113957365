"""How `test_consistency.py` walks the program: everything that can be called, everybody who calls, and with what."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin
from urllib.parse import urlencode
from uuid import UUID, uuid4

import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from service.audit.actions import COMMAND
from service.clubs.actions import ClubData, add_club
from service.clubs.desk import Desk
from service.console import keys
from service.database.engine import Database
from service.database.tenancy import act_for
from service.identity import permissions
from service.identity.access import Place
from service.identity.actions import Municipality, add_member, add_municipality, find_tenant
from service.identity.models import ROLES
from service.identity.organisations import add_organisation, add_volunteer_organisation
from service.identity.sessions import open_session
from service.identity.tokens import make_token
from service.web import forms
from service.web.answers import Field, fields_of
from tests.apps import app_over

CODE = "0101"
SCOPES = (*permissions.MUNICIPAL_SCOPES, *permissions.CLUB_SCOPES)
ELSEWHERE = ("administrator@organisation", "auditor@organisation")
"""Roles that a volunteer organisation has as well."""
PLACES = {"referrer": "service", "club_treasurer": "club", "coordinator": "organisation", "volunteer": "organisation"}
"""Where a role belongs that does not belong to the municipality itself."""
EVERY_SCOPE = "token:*"
PEOPLE = (*ROLES, *ELSEWHERE)
CALLERS = ("nobody", "halfway", *PEOPLE, *(f"token:{scope}" for scope in SCOPES))


class Call(msgspec.Struct, frozen=True):
    """A route with one of its methods: `path` as declared, with its parameters by name and kind."""

    method: str
    path: str
    permission: str | None
    parameters: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def is_page(self) -> bool:
        return not self.path.startswith("/api/")

    @property
    def takes_id(self) -> bool:
        return any(kind == "uuid" for _, kind in self.parameters)

    @property
    def takes_name(self) -> bool:
        """Whether it takes a number or a name that each municipality gives itself."""
        return any(kind == "int" or name in ("key", "scheme") for name, kind in self.parameters)

    def is_about(self, table: str) -> bool:
        """Whether it takes an id of a table's rows, as far as the names of its parameters tell."""
        nouns = [name.removesuffix("_id").removesuffix("_key") for name, kind in self.parameters if kind == "uuid"]
        return any(noun in table for noun in nouns)

    def address(self, id_: UUID | None = None) -> str:
        """The path with this id for every one that it takes, or with ids of nothing, and with names that others use."""
        filled = self.path
        for name, kind in self.parameters:
            named = {"job": "seal", "key": "fritidspas", "name": "fritidspas", "scheme": "fritidspas"}.get(name, "x")
            sample = {"uuid": str(id_ or uuid4()), "int": "1"}.get(kind, named)
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


def place_of(caller: str) -> str:
    """In which kind of place a person or system acts."""
    if caller.startswith("token:"):
        return "club" if caller.partition(":")[2] in permissions.CLUB_SCOPES else "municipality"
    role, _, where = caller.partition("@")
    return where or PLACES.get(role, "municipality")


def allowed(permission: str | None, caller: str) -> bool:
    """Read off the table anew, in another way than the guard does."""
    if permission == "public":
        return True
    if caller == "nobody" or caller == "halfway":
        return caller == "halfway" and permission == "halfway"
    system, scope = caller.startswith("token:"), caller.partition(":")[2]
    if permission in ("signed in", "halfway"):
        return not system
    if permission == "known":
        return True
    row = permissions.PERMISSIONS[str(permission)]
    if place_of(caller) not in row.places:
        return False
    if system:
        return row.scope in (permissions.MUNICIPAL_SCOPES if caller == EVERY_SCOPE else (scope,))
    return caller.partition("@")[0] in row.roles


class Walk:
    """The application with one person for each role, in the place where the role belongs, and systems of two places."""

    def __init__(self, database: Database, client: TestClient[Litestar]) -> None:
        self.database, self._client, self.app = database, client, client.app
        client.get("/health")
        self._csrf = client.cookies["csrf"]
        self._known: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        self.accounts, self.places = _people(database)
        self.tenant_id = self.places["municipality"].tenant_id

    def call(self, caller: str, call: Call, address: str, body: Any = None) -> Any:
        """The answer to a call; a body goes to the API as JSON, to a page as its form, or as its query."""
        if caller not in self._known:
            self._known[caller] = self._credentials(caller)
        credentials, cookies = self._known[caller]
        cookies = cookies | {"csrf": self._csrf}
        headers = {"accept": "application/json", "x-csrftoken": self._csrf} | credentials
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        content = ""
        if call.method == "GET" and body:
            address += "?" + urlencode(body, doseq=True)
        elif call.method != "GET":
            kind = "application/x-www-form-urlencoded" if call.is_page else "application/json"
            headers["content-type"] = kind
            content = urlencode(body or {}, doseq=True) if call.is_page else json.dumps(body or {})
        self._client.cookies.clear()
        answer = self._client.request(call.method, address, headers=headers, content=content, follow_redirects=False)
        if answer.headers.get("location") == "/sign-in":
            # The session has ended.
            del self._known[caller]
        return answer

    def _credentials(self, caller: str) -> tuple[dict[str, str], dict[str, str]]:
        if caller.startswith("token:"):
            scopes = permissions.MUNICIPAL_SCOPES if caller == EVERY_SCOPE else (caller.partition(":")[2],)
            with self.database.transaction(self.tenant_id) as session:
                made = make_token(session, self.places[place_of(caller)], "system", scopes, COMMAND)
            return {"authorization": f"Bearer {made.token}"}, {}
        if caller == "nobody":
            return {}, {}
        role, method = ("case_worker", "email") if caller == "halfway" else (caller, "command")
        with self.database.transaction() as session:
            return {}, {"medspiller": open_session(session, self.accounts[role], method, "walk")}


@contextmanager
def walking(database: Database) -> Iterator[Walk]:
    """A walk of the whole application."""
    app = app_over(database, requests_a_minute=10**9)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Walk(database, client)


def desk_of(database: Database, municipality: Municipality) -> Desk:
    """The desk of whoever deals with clubs by command."""
    return Desk(municipality=municipality, keys=keys(database), public_url="http://x.example", actor=COMMAND)


def _people(database: Database) -> tuple[dict[str, UUID], dict[str, Place]]:
    with database.transaction() as session:
        tenant = add_municipality(session, CODE, "By", "dk")
        holidays = add_volunteer_organisation(session, "ferie", "Ferie", "no")
        act_for(session, tenant.id)
        within = {
            "service": add_organisation(session, tenant.id, "service", "Skole", None, COMMAND).id,
            "club": add_club(
                session, desk_of(database, tenant), "12345674", ClubData("Frem"), None, account_approved=False
            ).id,
        }
        session.flush()
        accounts = {}
        for caller in PEOPLE:
            role, where = caller.partition("@")[0], place_of(caller)
            at = holidays.id if where == "organisation" else tenant.id
            email = f"{role}@ferie.example" if caller in ELSEWHERE else f"{role}@by.example"
            accounts[caller] = add_member(session, at, email, role, role, within.get(where))
    with database.transaction() as session:
        found = find_tenant(session, "municipality", CODE)
    by = Place(found.id, found.kind, found.code, found.name, found.country, found.time_zone, found.language)
    club = msgspec.structs.replace(
        by, organisation_id=within["club"], organisation_kind="club", organisation_name="Frem"
    )
    return accounts, {"municipality": by, "club": club}


class Asked:
    """Which forms pages read: what a page asks for stands in no description, so the walk looks at it while it asks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seen: list[type[msgspec.Struct]] = []

        def noted(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
            self._seen.append(struct)
            return fields_of(struct)

        monkeypatch.setattr(forms, "fields_of", noted)

    def of(self, send: Callable[[dict[str, Any]], Any]) -> dict[str, Field]:
        """The fields of every form that a page reads, by name; a form that is filled in may lead it to another."""
        self._seen.clear()
        send({})
        if any(map(holds_id, self._fields().values())):
            send({name: filled(field, uuid4()) for name, field in self._fields().items()})
        return self._fields()

    def _fields(self) -> dict[str, Field]:
        return {field.name: field for struct in self._seen for field in fields_of(struct)}


def holds_id(field: Field) -> bool:
    """Whether an id of something is written into the field."""
    return field.kind is UUID or field.name in ("chosen", "place", "subject")


def filled(field: Field, id_: UUID) -> Any:
    """What somebody might write into a field: something right, and for an id this one."""
    if holds_id(field):
        return f"letter:{id_}" if field.name == "subject" else str(id_)
    if get_origin(field.kind) is Literal:
        return str(get_args(field.kind)[0])
    plain = {bool: "on", int: "1", Decimal: "1", date: "2017-01-15"}
    named = {"key": uuid4().hex, "scheme": "fritidspas", "email": "new@by.example", "role": "auditor", "q": ""}
    return plain.get(field.kind) or named.get(field.name, "A reason that is long enough")


def body_of(schema: dict[str, Any], call: Call, id_: UUID) -> tuple[dict[str, Any], list[str]]:
    """A right body for a call of the API, by its example, with this id in every field that is one; and its queries."""
    path = call.path
    for name, kind in call.parameters:
        path = path.replace(f"{{{name}:{kind}}}", f"{{{name}}}")
    operation = schema["paths"].get(path, {}).get(call.method.lower(), {})
    queries = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query" and "uuid" in json.dumps(p)]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if not content:
        return {}, queries
    body = dict(content["example"])
    named = (content["schema"].get("allOf") or [content["schema"]])[0]["$ref"]
    for name, kind in schema["components"]["schemas"][named.rsplit("/", 1)[1]]["properties"].items():
        if "uuid" in json.dumps(kind):
            body[name] = [str(id_)] if kind.get("type") == "array" else str(id_)
    return body, queries
