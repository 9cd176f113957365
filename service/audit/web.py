"""The auditor's pages: searching the trail, and the reads and changes of one family."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit import queries
from service.audit.actions import record
from service.audit.api import look_up, place_of, read_family, search_trail
from service.audit.queries import ENTRIES_PER_PAGE, Actors, Entry, Wanted
from service.audit.trail import Line, family_csv, lines_of
from service.audit.words import ACTIONS, DOORS
from service.care.queries import Family, family_by_id
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of
from service.identity.permissions import may
from service.values import clock
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page
from service.web.paging import decode_cursor, encode_cursor
from service.web.texts import translator

TRAIL = "/trail"
FAMILY = "/trail/family"
_PAGE: dict[str, Any] = {"sync_to_thread": True, "include_in_schema": False}
_ENTRIES_A_READ = 5_000
_AN_ID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# The choice that stands in a list of choices where nothing is asked.
_EVERYTHING: dict[str, Any] = {"account": "", "action": "", "door": ""}


class TrailSearch(msgspec.Struct, frozen=True):
    """What is searched for; days are those of the municipality, both included."""

    start: Annotated[date | None, Meta(title=N_("From this day"))] = None
    end: Annotated[date | None, Meta(title=N_("Up to this day"))] = None
    account: Annotated[UUID | None, Meta(title=N_("Who acted"))] = None
    action: Annotated[str | None, Meta(title=N_("What was done"), max_length=100)] = None
    door: Annotated[Literal["page", "api", "command", "job"] | None, Meta(title=N_("Through"))] = None
    subject: Annotated[
        str | None,
        Meta(title=N_("To what"), pattern=_AN_ID, description=N_("Write the id as it stands in an entry.")),
    ] = None


class FamilySearch(msgspec.Struct, frozen=True):
    """A family, named in one of three ways."""

    identity_number: Annotated[str | None, Meta(title=N_("Identity number of a member"), max_length=20)] = None
    household: Annotated[str | None, Meta(title=N_("Household"), max_length=40)] = None
    pass_number: Annotated[str | None, Meta(title=N_("Pass number"), max_length=100)] = None


@get(TRAIL, opt=may("trail.read"), **_PAGE)
@transactional
def show_trail(request: AnyRequest, session: Session) -> Response[str]:
    """The trail, newest first; what is searched for stands in the address, which never names anybody."""
    asked = dict(request.query_params)
    known = queries.actors(session)
    context = _choices(request, known)
    nothing: dict[str, Any] = {"lines": [], "next": None, "first": None, "searched": True}
    with redisplaying(request, "audit/trail.html", TrailSearch, asked, **context, **nothing):
        wanted = read_form(asked, TrailSearch)
        subjects = None if wanted.subject is None else [UUID(wanted.subject)]
        search = Wanted(
            account_id=wanted.account,
            action=wanted.action,
            door=wanted.door,
            subjects=subjects,
            start=wanted.start,
            end=wanted.end,
        )
        found = search_trail(request, session, search, decode_cursor(asked.get("after"), UUID), ENTRIES_PER_PAGE)
    values = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    return page(
        request,
        "audit/trail.html",
        form=blank(request, TrailSearch, **(_EVERYTHING | values)),
        lines=_lines(request, found.entries, known),
        next=_address(TRAIL, values, found.next) if found.next else None,
        first=_address(TRAIL, values) if "after" in asked else None,
        searched=bool(values),
        **context,
    )


def _choices(request: AnyRequest, known: Actors) -> dict[str, Any]:
    translate = translator(language_of(request)).gettext
    people = [(account, f"{name} ({email})") for account, (name, email) in known.people.items()]
    actions = sorted(((action, translate(said)) for action, said in ACTIONS.items()), key=lambda one: one[1])
    return {"people": people, "actions": actions, "doors": [(door, translate(said)) for door, said in DOORS.items()]}


def _address(path: str, values: dict[str, Any], after: UUID | None = None) -> str:
    asked = values | ({"after": encode_cursor(after)} if after else {})
    return f"{path}?{urlencode(asked)}" if asked else path


def _lines(request: AnyRequest, entries: list[Entry], known: Actors, family: Family | None = None) -> list[Line]:
    own = family.own if family else frozenset()
    return lines_of(entries, known, translator(language_of(request)).gettext, own)


@get(FAMILY, sync_to_thread=False, include_in_schema=False, opt=may("trail.family"))
def ask_for_family(request: AnyRequest) -> Response[str]:
    """The form that names a family."""
    return page(request, "audit/family_search.html", form=blank(request, FamilySearch))


@post(FAMILY, status_code=303, opt=may("trail.family"), **_PAGE)
@transactional
def find_family(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """From what was typed, which stands in no address, to the family's page."""
    with redisplaying(request, "audit/family_search.html", FamilySearch, data):
        asked = read_form(data, FamilySearch)
        family = look_up(request, session, **msgspec.structs.asdict(asked))
    return Redirect(f"{FAMILY}/{family.id}", status_code=303)


@get(f"{FAMILY}/{{family_id:uuid}}", opt=may("trail.family"), **_PAGE)
@transactional
def show_family(request: AnyRequest, session: Session, family_id: FromPath[UUID]) -> Response[str]:
    """The reads and changes of a family, newest first."""
    family, after = family_by_id(session, family_id), request.query_params.get("after")
    found = read_family(request, session, family, decode_cursor(after, UUID), ENTRIES_PER_PAGE)
    here = f"{FAMILY}/{family_id}"
    return page(
        request,
        "audit/family.html",
        lines=_lines(request, found.entries, queries.actors(session), family),
        members=len(family.persons),
        kind=family.kind,
        here=here,
        next=_address(here, {}, found.next) if found.next else None,
        first=here if after else None,
    )


@post(f"{FAMILY}/{{family_id:uuid}}/file", status_code=200, opt=may("trail.family"), **_PAGE)
@transactional
def download_family(request: AnyRequest, session: Session, family_id: FromPath[UUID]) -> Response[bytes]:
    """All of it as a file to hand to the family. That it was taken is in the trail."""
    family, place = family_by_id(session, family_id), place_of(request)
    entries = list(_all_entries(session, family, place.time_zone))
    file = family_csv(
        _lines(request, entries, queries.actors(session), family),
        place.time_zone,
        translator(language_of(request)).gettext,
    )
    subject, details = (family.kind, family.id), {"entries": len(entries)}
    record(session, place.tenant_id, actor_of(request), "audit.family.export", subject, details=details)
    name = f"family-{clock.today(place.time_zone)}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file, media_type="text/csv; charset=utf-8", headers=headers)


def _all_entries(session: Session, family: Family, time_zone: str) -> Iterator[Entry]:
    after: UUID | None = None
    while True:
        found = queries.search(session, time_zone, Wanted(also=family.entries), after, _ENTRIES_A_READ)
        yield from found.entries
        after = found.next
        if after is None:
            return


ROUTES = [show_trail, ask_for_family, find_family, show_family, download_family]
"""The auditor's pages."""
