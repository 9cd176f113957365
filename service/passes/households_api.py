"""Households in the API: searched for with a body, read with their timeline, noted on and followed by somebody."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.household import (
    FamilyHit,
    FamilyHits,
    FamilySearch,
    HouseholdContactDetail,
    HouseholdDetail,
    HouseholdNoteMade,
    HouseholdUnmask,
    NewHouseholdContact,
    NewHouseholdNote,
    TimelineEvent,
    TimelineKind,
    UnmaskedHousehold,
)
from service.database.requests import keys_of, transactional
from service.identity.access import AnyRequest, Principal, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.passes.household import read_household, unmask_household
from service.passes.household_notes import add_note, end_contact, set_contact
from service.passes.search import search
from service.passes.timeline import KINDS, Event, Kind, Place
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, encode_cursor, page_of
from service.web.problems import DOCUMENTED

_ONE = "/api/v1/households/{household_id:uuid}"
_ROUTE: dict[str, Any] = {"sync_to_thread": True, "tags": ["households"], "responses": DOCUMENTED}
_SOUGHT = {"text": "søren niel"}
_NOTE = {"text": "The mother called: they move in March."}
_WHO = {"name": "Anna", "phone": "89 40 20 00"}
_ASKED = {"item": "figures", "reason": "The family has complained."}
_OfKind = Annotated[TimelineKind | None, QueryParameter(name="kind", description="Only events of this kind.")]


@post("/api/v1/search", status_code=200, opt=may("determinations.read"), **_ROUTE)
@transactional
def search_families(
    request: AnyRequest, session: Session, data: Annotated[FamilySearch, Body(examples=[Example(value=_SOUGHT)])]
) -> FamilyHits:
    """Find persons with their households: by name, or exactly by a household, a pass number or an identity number.

    The audit trail notes the kind of the search and who was shown, never the text.
    """
    found = search(
        session,
        municipality_of(request),
        keys_of(request),
        data.text,
        data.limit,
        decode_cursor(data.after, UUID),
        actor_of(request),
        with_passes=principal_of(request).may("passes.read"),
    )
    return FamilyHits(
        by=found.by,
        household=found.household,
        items=[msgspec.convert(one, FamilyHit, from_attributes=True) for one in found.persons],
        next=encode_cursor(found.persons[-1].person_key) if found.more else None,
    )


@get(_ONE, opt=may("determinations.read"), **_ROUTE)
@transactional
def show_household(
    request: AnyRequest,
    session: Session,
    household_id: FromPath[UUID],
    of_kind: _OfKind = None,
    limit: Limit = PAGE,
    after: After = None,
) -> HouseholdDetail:
    """A household and its timeline, numbers masked and a protected address left out. The read is noted in the trail."""
    principal = principal_of(request)
    case = read_household(
        session,
        municipality_of(request),
        keys_of(request),
        household_id,
        actor_of(request),
        kinds=[kind for kind in kinds_for(principal) if of_kind in (None, kind)],
        limit=limit,
        after=decode_cursor(after, Place),
        with_passes=principal.may("passes.read"),
    )
    known = {name: getattr(case, name) for name in HouseholdDetail.__struct_fields__ if name != "timeline"}
    if principal.token_id is not None:
        known["contact"] = None
    known["timeline"] = page_of(case.events, limit, _event, lambda event: event.place)
    return msgspec.convert(known, HouseholdDetail, from_attributes=True)


def kinds_for(principal: Principal) -> list[Kind]:
    """What of a timeline somebody may see. Notes are written by people for people."""
    hidden = {
        "pass": not principal.may("passes.read"),
        "letter": not principal.may("letters.read"),
        "note": principal.token_id is not None,
    }
    return [kind for kind in KINDS if not hidden.get(kind, False)]


def _event(event: Event) -> TimelineEvent:
    return msgspec.convert(event, TimelineEvent, from_attributes=True)


@post(f"{_ONE}/notes", opt=may("households.change"), **_ROUTE)
@transactional
@idempotent
def note_on_household(
    request: AnyRequest,
    session: Session,
    household_id: FromPath[UUID],
    data: Annotated[NewHouseholdNote, Body(examples=[Example(value=_NOTE)])],
) -> Response[HouseholdNoteMade]:
    """Note something about a household. A note is never changed; another one corrects it."""
    note = add_note(session, municipality_of(request), household_id, data.text, data.corrects, actor_of(request))
    return Response(HouseholdNoteMade(note), headers={"Location": f"/api/v1/households/{household_id}"})


@put(f"{_ONE}/contact", opt=may("households.change"), **_ROUTE)
@transactional
def set_household_contact(
    request: AnyRequest,
    session: Session,
    household_id: FromPath[UUID],
    data: Annotated[NewHouseholdContact, Body(examples=[Example(value=_WHO)])],
) -> HouseholdContactDetail:
    """Name who in the municipality follows a household, in the place of whoever did."""
    contact = set_contact(
        session,
        municipality_of(request),
        household_id,
        data.name,
        data.phone,
        data.email,
        data.until,
        actor_of(request),
    )
    return msgspec.convert(contact, HouseholdContactDetail, from_attributes=True)


@delete(f"{_ONE}/contact", opt=may("households.change"), **_ROUTE)
@transactional
def end_household_contact(request: AnyRequest, session: Session, household_id: FromPath[UUID]) -> None:
    """Nobody follows the household any more."""
    end_contact(session, municipality_of(request), household_id, actor_of(request))


@post(f"{_ONE}/unmask", status_code=200, opt=may("persons.unmask"), **_ROUTE)
@transactional
def show_hidden_of_household(
    request: AnyRequest,
    session: Session,
    household_id: FromPath[UUID],
    data: Annotated[HouseholdUnmask, Body(examples=[Example(value=_ASKED)])],
) -> UnmaskedHousehold:
    """The addresses, or the figures: incomes and limits of the determinations, and the providers' incomes.

    What was shown and why are kept in the audit trail. No token may do this.
    """
    municipality, actor = municipality_of(request), actor_of(request)
    shown = unmask_household(session, municipality, household_id, data.item, data.reason, actor)
    return msgspec.convert(shown, UnmaskedHousehold, from_attributes=True)


ROUTES = [
    search_families,
    show_household,
    note_on_household,
    set_household_contact,
    end_household_contact,
    show_hidden_of_household,
]
"""The API of the search and of households."""
