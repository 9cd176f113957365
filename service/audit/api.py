"""The audit trail in the API, for auditors who are signed in: no token may read it."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, QueryParameter
from sqlmodel import Session

from schemas.audit import Door, FamilyTrailEntry, FamilyTrailRequest, TrailEntry
from schemas.page import Page
from service.audit import queries
from service.audit.actions import record
from service.audit.queries import Actors, Entry, Wanted
from service.audit.words import what, who
from service.care.queries import Family, find_family
from service.database.requests import database_of, keys_of, record_outside, transactional
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.access import AnyRequest, Place, PlaceNotChosen, actor_of, principal_of
from service.identity.permissions import may
from service.web.paging import PAGE, After, Limit, decode_cursor, encode_cursor
from service.web.problems import DOCUMENTED

_READ: dict[str, Any] = {"sync_to_thread": True, "tags": ["audit trail"], "responses": DOCUMENTED}
_ASKED = {"household": "H010000378", "limit": 50}
_ACTION = "A whole action, or its beginning: `register` finds `register.import`."


def place_of(request: AnyRequest) -> Place:
    """For whom whoever asks acts: a municipality, or a volunteer organisation, which has a trail of its own."""
    place = principal_of(request).place
    if place is None:
        raise PlaceNotChosen
    return place


def search_trail(request: AnyRequest, session: Session, wanted: Wanted, after: UUID | None, limit: int) -> queries.Page:
    """A page of the trail of the place that acts; the search is an entry of its own, and after it."""
    if wanted.start and wanted.end and wanted.end < wanted.start:
        raise Invalid("Some fields are wrong.", [FieldError("end", "must not be before the first day")])
    place = place_of(request)
    found = queries.search(session, place.time_zone, wanted, after, limit)
    asked = {name: value for name, value in msgspec.to_builtins(wanted).items() if value is not None}
    subject = next(iter(asked.pop("subjects", ())), None)
    details = {"entries": len(found.entries), "account": asked.pop("account_id", None)} | asked
    details = {name: value for name, value in details.items() if value is not None}
    to = ("audit_entry", None if subject is None else UUID(subject))
    record(session, place.tenant_id, actor_of(request), "audit.list", to, details=details)
    return found


def look_up(request: AnyRequest, session: Session, **named: str | None) -> Family:
    """The family that is named by an identity number, a household or a pass number; also a miss is in the trail."""
    place, actor = place_of(request), actor_of(request)
    by = {"by": next((name for name, value in named.items() if value is not None), None)}
    try:
        family = find_family(session, place.tenant_id, place.country, keys_of(request), **named)
    except (NotFound, Conflict):
        with record_outside(database_of(request), place.tenant_id) as outside:
            nobody = ("household", None)
            record(outside, place.tenant_id, actor, "audit.family.find", nobody, details=by | {"found": False})
        raise
    record(session, place.tenant_id, actor, "audit.family.find", (family.kind, family.id), details=by)
    return family


def read_family(request: AnyRequest, session: Session, family: Family, after: UUID | None, limit: int) -> queries.Page:
    """A page of the reads and changes of a family; that it was read is an entry of its own, and after it."""
    place = place_of(request)
    found = queries.search(session, place.time_zone, Wanted(also=family.entries), after, limit)
    details = {"entries": len(found.entries)}
    subject = (family.kind, family.id)
    record(session, place.tenant_id, actor_of(request), "audit.family.read", subject, details=details)
    return found


@get("/api/v1/trail", opt=may("trail.read"), **_READ)
@transactional
def list_trail(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    start: Annotated[date | None, QueryParameter(description="From this day, in the place's time zone.")] = None,
    end: Annotated[date | None, QueryParameter(description="Up to and including this day.")] = None,
    account: Annotated[UUID | None, QueryParameter(description="Of this account.")] = None,
    action: Annotated[str | None, QueryParameter(description=_ACTION, max_length=100)] = None,
    door: Annotated[Door | None, QueryParameter(description="Through this door.")] = None,
    subject: Annotated[UUID | None, QueryParameter(description="To the subject with this id.")] = None,
) -> Page[TrailEntry]:
    """The audit trail, newest first. The search is kept in the trail too."""
    subjects = None if subject is None else [subject]
    wanted = Wanted(account_id=account, action=action, door=door, subjects=subjects, start=start, end=end)
    found = search_trail(request, session, wanted, decode_cursor(after, UUID), limit)
    known = queries.actors(session)
    return Page([TrailEntry(**_shown(entry, known)) for entry in found.entries], _cursor(found))


@post("/api/v1/trail/family", status_code=200, opt=may("trail.family"), **_READ)
@transactional
def list_family_trail(
    request: AnyRequest,
    session: Session,
    data: Annotated[FamilyTrailRequest, Body(examples=[Example(value=_ASKED)])],
) -> Page[FamilyTrailEntry]:
    """Every read and change that concerned a family, newest first.

    The look-up and the reading are kept in the trail.
    """
    family = look_up(
        request,
        session,
        identity_number=data.identity_number,
        household=data.household,
        pass_number=data.pass_number,
    )
    found = read_family(request, session, family, decode_cursor(data.after, UUID), data.limit)
    known = queries.actors(session)
    items = [FamilyTrailEntry(**_shown(entry, known), alone=entry.subject_id in family.own) for entry in found.entries]
    return Page(items, _cursor(found))


ROUTES = [list_trail, list_family_trail]
"""The API of the audit trail."""


def _shown(entry: Entry, known: Actors) -> dict[str, Any]:
    token = entry.details.get("token")
    named = {"who": who(entry, known, str), "token_id": None if token is None else UUID(token)}
    return msgspec.structs.asdict(entry) | named | {"said": what(entry.action)}


def _cursor(found: queries.Page) -> str | None:
    return None if found.next is None else encode_cursor(found.next)
