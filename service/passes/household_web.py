"""The household's pages: its case with one timeline, notes, who follows it, and what is hidden for a reason."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit.queries import actors
from service.database.requests import keys_of, transactional
from service.errors import N_, Invalid
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.letters.words import LETTER_KINDS
from service.passes.household import Hidden, contact_of, is_protected, read_household, reference_of, unmask_household
from service.passes.household_notes import LONGEST_NOTE, add_note, end_contact, set_contact
from service.passes.households_api import kinds_for
from service.passes.persons import SHORTEST_REASON
from service.passes.persons_web import BASES, OUTCOMES, REASONS, RELATIONS
from service.passes.search_web import HOUSEHOLDS
from service.passes.timeline import KINDS, Kind, Place
from service.values import clock
from service.web.forms import Form, FormData, Redisplayed, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.paging import decode_cursor, encode_cursor

_ONE: Final = f"{HOUSEHOLDS}/{{household_id:uuid}}"
_PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False}
_EVENTS: Final = 50

KIND_NAMES: Final = {
    "determination": N_("Determinations"),
    "pass": N_("Passes"),
    "letter": N_("Letters"),
    "note": N_("Notes"),
}
HAPPENED: Final = {
    "determined": N_("Determined"),
    "issued": N_("Pass issued"),
    "replaced": N_("Pass replaced"),
    "revoked": N_("Pass revoked"),
    "queued": N_("Letter queued"),
    "sent": N_("Letter sent"),
    "returned": N_("Letter came back"),
    "noted": N_("Note"),
    "corrected": N_("Correction"),
}
HIDDEN: Final = {
    "figures": N_("The figures: incomes and limits"),
    "address": N_("The address"),
}
_HIDDEN_AGAIN: Final = N_("What was shown is hidden again. Say why once more to see it.")
_WORDS: Final = {
    "relations": RELATIONS,
    "outcomes": OUTCOMES,
    "reasons": REASONS,
    "letter_kinds": LETTER_KINDS,
    "kind_names": KIND_NAMES,
    "happened": HAPPENED,
    "longest": LONGEST_NOTE,
}


class NoteForm(msgspec.Struct, frozen=True):
    """A note, or the correction of one."""

    text: Annotated[str, Meta(title=N_("Note"), max_length=LONGEST_NOTE)]
    key: FormKey
    corrects: Annotated[UUID | None, Meta(title=N_("Corrected note"))] = None


class ContactForm(msgspec.Struct, frozen=True):
    """Who follows the household."""

    name: Annotated[str, Meta(title=N_("Name"), max_length=200)]
    phone: Annotated[str | None, Meta(title=N_("Phone"), max_length=40)] = None
    email: Annotated[str | None, Meta(title=N_("E-mail"), max_length=254)] = None
    until: Annotated[date | None, Meta(title=N_("Until"))] = None


class UnmaskingForm(msgspec.Struct, frozen=True):
    """What is to be shown of a household, and why."""

    item: Annotated[Hidden, Meta(title=N_("Show"))]
    reason: Annotated[str, Meta(title=N_("Why you need it"), min_length=SHORTEST_REASON, max_length=500)]
    key: FormKey


@get(_ONE, opt=may("determinations.read"), **_PAGE)
@transactional
def show_household(request: AnyRequest, session: Session, household_id: FromPath[UUID]) -> Response[str]:
    """A household and its timeline; `kind`, `after` and `correct` in the address are no more than ids and instants."""
    corrects = _uuid(request.query_params.get("correct"))
    form = blank(request, NoteForm, key=new_key(), corrects=corrects)
    return page(request, "passes/household.html", form=form, **_context(request, session, household_id))


def _uuid(written: str | None) -> UUID | None:
    try:
        return UUID(written) if written else None
    except ValueError:
        raise Invalid("The address names no note. Go back to the household's page.") from None


def _context(request: AnyRequest, session: Session, household: UUID) -> dict[str, Any]:
    principal = principal_of(request)
    may_see = kinds_for(principal)
    wanted = request.query_params.get("kind")
    kinds: list[Kind] = [kind for kind in may_see if wanted in (None, "", kind)]
    case = read_household(
        session,
        municipality_of(request),
        keys_of(request),
        household,
        actor_of(request),
        kinds=kinds,
        limit=_EVENTS,
        after=decode_cursor(request.query_params.get("after"), Place),
        with_passes=principal.may("passes.read"),
    )
    events = case.events[:_EVENTS]
    return _WORDS | {
        "case": case,
        "events": events,
        "kinds": may_see,
        "kind": wanted if wanted in KINDS else None,
        "further": encode_cursor(events[-1].place) if len(case.events) > _EVENTS else None,
        "people": {account: name for account, (name, _) in actors(session).people.items()},
        "today": clock.today(municipality_of(request).time_zone),
        "may_change": principal.may("households.change"),
        "may_unmask": principal.may("persons.unmask"),
    }


@post(f"{_ONE}/notes", status_code=303, opt=may("households.change"), **_PAGE)
@transactional
def note(
    request: AnyRequest, data: FormData, session: Session, household_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """Note something; clicked twice, it stands once."""
    try:
        context = _context(request, session, household_id)
        with redisplaying(request, "passes/household.html", NoteForm, data | {"key": new_key()}, **context):
            asked = read_form(data, NoteForm)
            if not is_repeated(session, principal_of(request), asked.key):
                municipality, actor = municipality_of(request), actor_of(request)
                add_note(session, municipality, household_id, asked.text, asked.corrects, actor)
    except Redisplayed as again:
        # Returned, not raised: the page shows the household, so that it was seen must be committed.
        return again.response
    return redirect(request, f"{HOUSEHOLDS}/{household_id}", N_("The note stands."))


@get(f"{_ONE}/contact", opt=may("households.change"), **_PAGE)
@transactional
def ask_for_contact(request: AnyRequest, session: Session, household_id: FromPath[UUID]) -> Response[str]:
    """The form that names who follows the household, filled with who does."""
    context = _contact_context(session, household_id)
    known = context["contact"]
    values = {name: getattr(known, name) for name in ContactForm.__struct_fields__} if known else {}
    return page(request, "passes/household_contact.html", form=blank(request, ContactForm, **values), **context)


def _contact_context(session: Session, household: UUID) -> dict[str, Any]:
    return {
        "household": household,
        "household_id": reference_of(session, household),
        "contact": contact_of(session, household),
    }


@post(f"{_ONE}/contact", status_code=303, opt=may("households.change"), **_PAGE)
@transactional
def keep_contact(request: AnyRequest, data: FormData, session: Session, household_id: FromPath[UUID]) -> Redirect:
    """Name who follows the household."""
    context = _contact_context(session, household_id)
    with redisplaying(request, "passes/household_contact.html", ContactForm, data, **context):
        asked = read_form(data, ContactForm)
        set_contact(
            session,
            municipality_of(request),
            household_id,
            asked.name,
            asked.phone or "",
            asked.email or "",
            asked.until,
            actor_of(request),
        )
    return redirect(request, f"{HOUSEHOLDS}/{household_id}", N_("The household's contact was saved."))


@post(f"{_ONE}/contact/end", status_code=303, opt=may("households.change"), **_PAGE)
@transactional
def drop_contact(request: AnyRequest, session: Session, household_id: FromPath[UUID]) -> Redirect:
    """Nobody follows the household any more; clicked twice, it is the same."""
    end_contact(session, municipality_of(request), household_id, actor_of(request))
    return redirect(request, f"{HOUSEHOLDS}/{household_id}", N_("Nobody follows this household any more."))


@get(f"{_ONE}/hidden", opt=may("persons.unmask"), **_PAGE)
@transactional
def ask_for_hidden(request: AnyRequest, session: Session, household_id: FromPath[UUID]) -> Response[str]:
    """The form that asks what is to be shown, and why."""
    context = _hidden_context(session, household_id)
    return page(request, "passes/household_hidden.html", form=_unmasking(request), shown=None, **context)


def _hidden_context(session: Session, household: UUID) -> dict[str, Any]:
    protected = is_protected(session, household)
    return {
        "household": household,
        "household_id": reference_of(session, household),
        "offered": {item: name for item, name in HIDDEN.items() if item != "address" or protected},
        "items": HIDDEN,
        "bases": BASES,
        "outcomes": OUTCOMES,
    }


def _unmasking(request: AnyRequest) -> Form:
    return blank(request, UnmaskingForm, key=new_key())


@post(f"{_ONE}/hidden", status_code=200, opt=may("persons.unmask"), **_PAGE)
@transactional
def show_hidden(
    request: AnyRequest, data: FormData, session: Session, household_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """What is hidden, once: sent again by a reload, the form leads back to the empty one."""
    context, template = _hidden_context(session, household_id), "passes/household_hidden.html"
    with redisplaying(request, template, UnmaskingForm, data | {"key": new_key()}, shown=None, **context):
        asked = read_form(data, UnmaskingForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, f"{HOUSEHOLDS}/{household_id}/hidden", _HIDDEN_AGAIN, kind="info")
        municipality, actor = municipality_of(request), actor_of(request)
        shown = unmask_household(session, municipality, household_id, asked.item, asked.reason, actor)
    return page(request, template, form=_unmasking(request), shown=shown, **context)


ROUTES = [
    show_household,
    note,
    ask_for_contact,
    keep_contact,
    drop_contact,
    ask_for_hidden,
    show_hidden,
]
"""The pages of a household."""
