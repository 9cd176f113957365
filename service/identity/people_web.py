"""The pages about the people of a place: who has which role, inviting, ending, and the access review."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.audit.actions import record
from service.database.requests import transactional
from service.errors import N_, FieldError, Invalid, NotFound
from service.identity import members, people
from service.identity.access import AnyRequest, Place, PlaceNotChosen, actor_of, principal_of
from service.identity.mails import ROLE_NAMES
from service.identity.members import Member
from service.identity.organisations import list_organisations
from service.identity.people import HERE, KINDS, ORIGINS, Wanted
from service.identity.permissions import may
from service.values import clock
from service.web import menu
from service.web.forms import FormData, blank, read_form
from service.web.pages import language_of, page, redirect
from service.web.texts import translator

PEOPLE = "/people"
INVITATIONS = "/people/invitations"
REVIEW = "/people/review"
_PAGE = 100


class Reviewed(msgspec.Struct, frozen=True):
    """The roles that were ticked in the access review."""

    keep: Annotated[list[UUID], Meta(title=N_("Still right"))]


def place_of(request: AnyRequest) -> Place:
    """For whom whoever asks acts."""
    place = principal_of(request).place
    if place is None:
        raise PlaceNotChosen
    return place


def find_member(session: Session, membership_id: UUID) -> Member:
    """A live role of the place that acts."""
    for member in members.list_members(session):
        if member.id == membership_id:
            return member
    raise NotFound("There is no such role, or it has ended already.")


def words(session: Session) -> dict[str, Any]:
    """What the pages about people say roles, places and origins with."""
    kinds = {one.id: KINDS[one.kind] for one in list_organisations(session)}
    return {"roles": ROLE_NAMES, "origins": ORIGINS, "kinds": kinds}


@get(PEOPLE, sync_to_thread=True, include_in_schema=False, opt=may("people.read"))
@transactional
def show_people(request: AnyRequest, session: Session) -> Response[str]:
    """Everybody with a role, by name; filters and order stand in the address, names never do."""
    asked = {name: value for name, value in request.query_params.items() if name != "q"}
    return _list(request, session, read_form(asked, Wanted))


@post("/people/search", status_code=200, sync_to_thread=True, include_in_schema=False, opt=may("people.read"))
@transactional
def search_people(request: AnyRequest, data: FormData, session: Session) -> Response[Any]:
    """Those whose name or address holds what was written; without that the filtered list, which has an address."""
    wanted = read_form(data, Wanted)
    if wanted.q:
        return _list(request, session, wanted)
    return Redirect(_address(wanted), status_code=303)


def _list(request: AnyRequest, session: Session, wanted: Wanted) -> Response[str]:
    everybody = members.list_members(session)
    found = people.narrow_down(everybody, wanted)
    last = max(1, -(-len(found) // _PAGE))
    number = min(wanted.page, last)
    turned: dict[str, Any] = {
        name: None if to is None else {"number": to, "address": _address(msgspec.structs.replace(wanted, page=to))}
        for name, to in (("before", number - 1 or None), ("after", number + 1 if number < last else None))
    }
    return page(
        request,
        "identity/people_list.html",
        members=found[(number - 1) * _PAGE : number * _PAGE],
        found=len(found),
        everybody=len(everybody),
        wanted=wanted,
        form=blank(request, Wanted, q=wanted.q, role=wanted.role, place=wanted.place, sort=wanted.sort),
        organisations=[one for one in list_organisations(session) if one.ended_at is None],
        roles_here=people.roles_of(place_of(request)),
        here=HERE,
        **turned,
        **words(session),
    )


def _address(wanted: Wanted) -> str:
    asked = {"role": wanted.role, "place": wanted.place, "sort": wanted.sort, "page": wanted.page}
    usual = msgspec.structs.asdict(Wanted())
    changed = {name: value for name, value in asked.items() if value != usual[name]}
    return f"{PEOPLE}?{urlencode(changed)}" if changed else PEOPLE


@post(f"{PEOPLE}/file", status_code=200, sync_to_thread=True, include_in_schema=False, opt=may("people.read"))
@transactional
def download_people(request: AnyRequest, session: Session) -> Response[bytes]:
    """The whole list for a spreadsheet. Whoever takes it stands in the audit trail."""
    place, everybody = place_of(request), members.list_members(session)
    kinds = {one.id: one.kind for one in list_organisations(session)}
    texts = translator(language_of(request))
    file = people.access_review_csv(everybody, kinds, place, texts.gettext)
    subject = ("tenant", place.tenant_id)
    record(
        session,
        place.tenant_id,
        actor_of(request),
        "identity.member.export",
        subject,
        details={"members": len(everybody)},
    )
    name = f"access-review-{clock.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(file, media_type="text/csv; charset=utf-8", headers=headers)


@get(f"{PEOPLE}/{{membership_id:uuid}}/end", sync_to_thread=True, include_in_schema=False, opt=may("people.change"))
@transactional
def ask_to_end(request: AnyRequest, session: Session, membership_id: FromPath[UUID]) -> Response[str]:
    """What ends with a role, before it does."""
    return _end_page(request, session, membership_id)


def _end_page(request: AnyRequest, session: Session, membership_id: UUID) -> Response[str]:
    member = find_member(session, membership_id)
    others = [
        other
        for other in members.list_members(session)
        if other.account_id == member.account_id and other.id != member.id
    ]
    own = member.account_id == principal_of(request).account_id
    return page(request, "identity/people_end.html", member=member, others=others, own=own, **words(session))


@post(
    f"{PEOPLE}/{{membership_id:uuid}}/end",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=may("people.change"),
)
@transactional
def end_role(request: AnyRequest, session: Session, membership_id: FromPath[UUID]) -> Redirect:
    """End a role; its person may do nothing with it from the next request on."""
    member, principal = find_member(session, membership_id), principal_of(request)
    members.end_membership(session, place_of(request).tenant_id, membership_id, actor_of(request))
    # Who has ended their own last role that may look here would only be refused.
    own = member.account_id == principal.account_id and member.role == "administrator"
    return redirect(request, menu.START if own else PEOPLE, N_("The role of {name} has ended."), name=member.name)


@get(REVIEW, sync_to_thread=True, include_in_schema=False, opt=may("people.read"))
@transactional
def show_review(request: AnyRequest, session: Session) -> Response[str]:
    """The access review: the oldest judgement first, with what is overdue."""
    everybody, now = members.list_members(session), clock.now()
    return page(
        request,
        "identity/people_review.html",
        members=people.by_review(everybody),
        reviewed=people.reviewed_in_year_of(everybody, now, place_of(request).time_zone),
        overdue={member.id for member in everybody if people.is_overdue(member, now)},
        **words(session),
    )


@post(REVIEW, status_code=303, sync_to_thread=True, include_in_schema=False, opt=may("people.change"))
@transactional
def confirm_roles(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Note that the ticked roles are still right."""
    try:
        ticked = read_form(data, Reviewed)
    except Invalid as nothing:
        wrong = [FieldError("keep", "must name one role or more")]
        raise Invalid("Tick the roles that are still right first.", wrong) from nothing
    place = place_of(request)
    kept = members.review(session, place.tenant_id, ticked.keep, actor_of(request))
    return redirect(request, REVIEW, N_("Confirmed as still right: {count}."), count=kept)


ROUTES = [show_people, search_people, download_people, ask_to_end, end_role, show_review, confirm_roles]
"""The pages about people; inviting them stands in `invitations_web`."""
