"""Persons in the API: found by an identity number in a body, masked, and one thing at a time unmasked for a reason."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from sqlmodel import Session

from schemas.person import PersonDetail, PersonSearch, PersonUnmask, UnmaskedItem
from service.database.requests import keys_of, transactional
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.passes.persons import find_person, read_person, unmask
from service.web.problems import DOCUMENTED

_ONE = "/api/v1/persons/{person_key:uuid}"
_ROUTE: dict[str, Any] = {"sync_to_thread": True, "tags": ["persons"], "responses": DOCUMENTED}
_SOUGHT = {"identity_number": "6105109996"}
_ASKED = {"item": "address", "reason": "The family has complained."}


@post("/api/v1/persons/search", status_code=200, opt=may("determinations.read"), **_ROUTE)
@transactional
def search_person(
    request: AnyRequest, session: Session, data: Annotated[PersonSearch, Body(examples=[Example(value=_SOUGHT)])]
) -> PersonDetail:
    """The person with this identity number, as `GET /persons/{id}` answers. The read is noted in the audit trail."""
    found = find_person(session, municipality_of(request), keys_of(request), data.identity_number)
    return _detail(request, session, found)


@get(_ONE, opt=may("determinations.read"), **_ROUTE)
@transactional
def show_person(request: AnyRequest, session: Session, person_key: FromPath[UUID]) -> PersonDetail:
    """A person, the number masked and a protected address left out. The read is noted in the audit trail."""
    return _detail(request, session, person_key)


@post(f"{_ONE}/unmask", status_code=200, opt=may("persons.unmask"), **_ROUTE)
@transactional
def unmask_person(
    request: AnyRequest,
    session: Session,
    person_key: FromPath[UUID],
    data: Annotated[PersonUnmask, Body(examples=[Example(value=_ASKED)])],
) -> UnmaskedItem:
    """The whole number, every address, or the incomes of a person and of the providers they live with.

    What was shown and why are kept in the audit trail. No token may do this.
    """
    municipality, keys, actor = municipality_of(request), keys_of(request), actor_of(request)
    shown = unmask(session, municipality, keys, person_key, data.item, data.reason, actor)
    return msgspec.convert(shown, UnmaskedItem, from_attributes=True)


ROUTES = [search_person, show_person, unmask_person]
"""The API of persons."""


def _detail(request: AnyRequest, session: Session, person_key: UUID) -> PersonDetail:
    principal = principal_of(request)
    found = read_person(
        session,
        municipality_of(request),
        keys_of(request),
        person_key,
        actor_of(request),
        with_passes=principal.may("passes.read"),
        with_letters=principal.may("letters.read"),
    )
    known = msgspec.to_builtins(found)
    return msgspec.convert(known.pop("person") | known, PersonDetail)
