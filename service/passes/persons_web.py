"""The case worker's page about one person: masked, and one thing at a time shown for a reason."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.eligibility import words
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.letters.words import LETTER_KINDS, LETTER_STATES
from service.passes.persons import SHORTEST_REASON, Shown, find_person, read_person, unmask
from service.register.persons import Item
from service.web.forms import Form, FormData, Redisplayed, blank, read_form, redisplaying
from service.web.pages import page, redirect

PERSONS: Final = "/persons"
_PERSON: Final = f"{PERSONS}/{{person_key:uuid}}"

RELATIONS: Final = words.RELATIONS
OUTCOMES: Final = words.OUTCOMES
REASONS: Final = words.REASONS
PASS_STATES: Final = {
    "live": N_("in force"),
    "replaced": N_("replaced"),
    "revoked": N_("revoked"),
    "expired": N_("expired"),
}
BASES: Final = {
    "annual": N_("annual"),
    "final": N_("final assessment"),
    "advance": N_("advance assessment"),
    "month_x12": N_("a month times twelve"),
}
ITEMS: Final = {
    "identity_number": N_("The identity number"),
    "address": N_("The address"),
    "incomes": N_("The incomes of the person and of the providers they live with"),
}
_HIDDEN_AGAIN: Final = N_("What was shown is hidden again. Say why once more to see it.")
_WORDS: Final = {
    "relations": RELATIONS,
    "outcomes": OUTCOMES,
    "reasons": REASONS,
    "pass_states": PASS_STATES,
    "letter_states": LETTER_STATES,
    "letter_kinds": LETTER_KINDS,
    "bases": BASES,
    "items": ITEMS,
}


class PersonSought(msgspec.Struct, frozen=True):
    """A person by the whole identity number."""

    identity_number: Annotated[str, Meta(title=N_("Identity number"), max_length=20)]


class Unmasking(msgspec.Struct, frozen=True):
    """What is to be shown of a person, and why."""

    item: Annotated[Item, Meta(title=N_("Show"))]
    reason: Annotated[str, Meta(title=N_("Why you need it"), min_length=SHORTEST_REASON, max_length=500)]
    key: FormKey


@get(PERSONS, sync_to_thread=False, include_in_schema=False, opt=may("determinations.read"))
def ask_for_person(request: AnyRequest) -> Response[str]:
    """The form that names a person."""
    return page(request, "passes/persons.html", form=blank(request, PersonSought))


@post(PERSONS, status_code=303, sync_to_thread=True, include_in_schema=False, opt=may("determinations.read"))
@transactional
def seek_person(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """From the number, which stands in no address, to the person's page."""
    with redisplaying(request, "passes/persons.html", PersonSought, data):
        sought = read_form(data, PersonSought)
        found = find_person(session, municipality_of(request), keys_of(request), sought.identity_number)
    return Redirect(f"{PERSONS}/{found}", status_code=303)


@get(_PERSON, sync_to_thread=True, include_in_schema=False, opt=may("determinations.read"))
@transactional
def show_person(request: AnyRequest, session: Session, person_key: FromPath[UUID]) -> Response[str]:
    """A person and their case; that it was seen is in the audit trail."""
    return page(request, "passes/person.html", **_context(request, session, person_key), form=_form(request))


@post(_PERSON, status_code=200, sync_to_thread=True, include_in_schema=False, opt=may("persons.unmask"))
@transactional
def unmask_person(
    request: AnyRequest, data: FormData, session: Session, person_key: FromPath[UUID]
) -> Response[str] | Redirect:
    """The same page with one thing shown, once: sent again by a reload, the form leads back to the masked page."""
    context = _context(request, session, person_key)
    try:
        with redisplaying(request, "passes/person.html", Unmasking, data | {"key": new_key()}, **context):
            asked = read_form(data, Unmasking)
            if is_repeated(session, principal_of(request), asked.key):
                return redirect(request, f"{PERSONS}/{person_key}", _HIDDEN_AGAIN, kind="info")
            municipality, keys, actor = municipality_of(request), keys_of(request), actor_of(request)
            shown = unmask(session, municipality, keys, person_key, asked.item, asked.reason, actor)
    except Redisplayed as again:
        # Returned, not raised: the page shows the person, so that it was seen must be committed.
        return again.response
    return page(request, "passes/person.html", **context | {"shown": shown}, form=_form(request))


def _context(request: AnyRequest, session: Session, person_key: UUID) -> dict[str, Any]:
    case = read_person(session, municipality_of(request), keys_of(request), person_key, actor_of(request))
    protected = any(home.protected for home in case.person.homes)
    items = [item for item in ITEMS if item != "address" or protected]
    if not case.person.masked_number:
        items.remove("identity_number")
    shown: Shown | None = None
    allowed = principal_of(request).may("persons.unmask")
    return {"case": case, "person": case.person, "shown": shown, "offered": items if allowed else []} | _WORDS


def _form(request: AnyRequest) -> Form:
    return blank(request, Unmasking, key=new_key())


ROUTES = [ask_for_person, seek_person, show_person, unmask_person]
"""The pages about persons."""
