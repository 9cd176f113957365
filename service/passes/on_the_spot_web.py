"""The pages on which a pass is issued at the counter or on a home visit, on a phone as well."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import database_of, keys_of, record_outside, transactional
from service.eligibility.review import Evidence, Grounds
from service.errors import N_, Conflict
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.passes import on_the_spot
from service.passes.on_the_spot import MOST_FOUND, Candidate, OnTheSpot, Sought
from service.passes.persons_web import PASS_STATES, PERSONS, REASONS
from service.passes.review import promise
from service.passes.review_web import EVIDENCE_NAMES
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

ON_THE_SPOT: Final = "/on-the-spot"
_CHILD: Final = f"{ON_THE_SPOT}/child/{{person_key:uuid}}"
_ISSUED: Final = f"{ON_THE_SPOT}/issued/{{act_id:uuid}}"
_MAY: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "include_in_schema": False,
    "opt": may("passes.issue_on_the_spot"),
}
_WORDS: Final[dict[str, Any]] = {
    "reasons": REASONS,
    "pass_states": PASS_STATES,
    "evidence": EVIDENCE_NAMES,
    "most": MOST_FOUND,
}


class ChildSought(msgspec.Struct, frozen=True):
    """The child at the counter, in one of three ways."""

    identity_number: Annotated[str | None, Meta(title=N_("Identity number"), max_length=20)] = None
    household_id: Annotated[str | None, Meta(title=N_("Household number"), max_length=100)] = None
    birth_date: Annotated[date | None, Meta(title=N_("Birth date"))] = None
    name: Annotated[str | None, Meta(title=N_("Name or part of it"), max_length=100)] = None


class SpotForm(msgspec.Struct, frozen=True):
    """Why the child gets a pass, and what that rests on."""

    key: FormKey
    evidence: Annotated[Evidence, Meta(title=N_("Evidence"))]
    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]
    reference: Annotated[str | None, Meta(title=N_("Where the evidence is to be found"), max_length=200)] = None


@get(ON_THE_SPOT, **_MAY | {"sync_to_thread": False})
def ask(request: AnyRequest) -> Response[str]:
    """The form that names the child."""
    found: list[Candidate] | None = None
    return page(request, "passes/on_the_spot.html", form=blank(request, ChildSought), found=found, **_WORDS)


@post(ON_THE_SPOT, status_code=200, **_MAY)
@transactional
def find(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The children that are meant; what was asked for stands in no address."""
    municipality, keys, nobody = municipality_of(request), keys_of(request), None
    with redisplaying(request, "passes/on_the_spot.html", ChildSought, data, found=nobody, **_WORDS):
        sought = msgspec.convert(read_form(data, ChildSought), Sought, from_attributes=True)
        round_ = on_the_spot.spot_round(session, municipality)
        found = on_the_spot.find_children(session, municipality, keys, round_, sought, actor_of(request))
    return page(request, "passes/on_the_spot.html", form=blank(request, ChildSought), found=found, **_WORDS)


@get(_CHILD, **_MAY)
@transactional
def ask_why(request: AnyRequest, session: Session, person_key: FromPath[UUID]) -> Response[str]:
    """The child, what the pass is worth, and the one form."""
    form = blank(request, SpotForm, key=new_key())
    return page(request, "passes/on_the_spot_child.html", form=form, **_about(request, session, person_key))


def _about(request: AnyRequest, session: Session, person_key: UUID) -> dict[str, Any]:
    municipality = municipality_of(request)
    round_ = on_the_spot.spot_round(session, municipality)
    try:
        child = on_the_spot.child_to_issue(session, municipality, round_, person_key)
    except Conflict:
        # The refusal names the child.
        _note_seen(request, person_key)
        raise
    _note_seen(request, person_key)
    return {"child": child, "round": round_, "promise": promise(session, municipality, round_, [person_key])} | _WORDS


def _note_seen(request: AnyRequest, person_key: UUID) -> None:
    """Beside the request's own transaction: a form that is shown again, or a refusal, has shown the child as well."""
    municipality = municipality_of(request)
    with record_outside(database_of(request), municipality.id) as outside:
        on_the_spot.note_seen(outside, municipality, person_key, actor_of(request))


@post(_CHILD, status_code=200, **_MAY)
@transactional
def issue(
    request: AnyRequest, data: FormData, session: Session, person_key: FromPath[UUID]
) -> Response[str] | Redirect:
    """Issue the pass and show its number, this once. Sent again the form issues no other, and later shows none."""
    municipality, keys, actor = municipality_of(request), keys_of(request), actor_of(request)
    # Before the child is looked at, who has a pass by the first sending.
    repeated = is_repeated(session, principal_of(request), str(data.get("key", "")))
    if repeated and (made := on_the_spot.sent_again(session, municipality, keys, person_key, actor)):
        if made.number is None:
            return redirect(request, f"{ON_THE_SPOT}/issued/{made.act}", _SHOWN_BEFORE, kind="info")
        return _issued(request, made)
    about = _about(request, session, person_key)
    with redisplaying(request, "passes/on_the_spot_child.html", SpotForm, data, **about):
        form = read_form(data, SpotForm)
        grounds = Grounds(form.reason, form.evidence, form.reference)
        made = on_the_spot.issue_on_the_spot(session, municipality, keys, about["round"], person_key, grounds, actor)
    return _issued(request, made)


_SHOWN_BEFORE: Final = N_("The pass was issued already, and its number was shown once.")


@get(_ISSUED, **_MAY)
@transactional
def show_issued(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> Response[str]:
    """What was issued, without the number."""
    municipality = municipality_of(request)
    made = on_the_spot.issued_on_the_spot(session, municipality, keys_of(request), act_id)
    on_the_spot.note_seen(session, municipality, made.person_key, actor_of(request))
    return _issued(request, made)


def _issued(request: AnyRequest, made: OnTheSpot) -> Response[str]:
    return page(request, "passes/on_the_spot_issued.html", made=made, person=f"{PERSONS}/{made.person_key}")


@post(f"{_ISSUED}/letter", status_code=200, **_MAY)
@transactional
def print_letter(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> Response[bytes]:
    """The letter to be printed and given to the family; it does not go by post then."""
    municipality, keys = municipality_of(request), keys_of(request)
    pdf = on_the_spot.print_on_the_spot(session, municipality, keys, act_id, actor_of(request))
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": 'inline; filename="letter.pdf"'})


ROUTES = [ask, find, ask_why, issue, show_issued, print_letter]
"""The pages of passes on the spot."""
