"""The pages for whoever stands at the assembly point or receives at the stay: who comes, who came, what they need."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.identity.permissions import may
from service.stays.queries import find_stay
from service.stays.stays_web import as_file
from service.travel import attendance, manifest, participants, queries
from service.travel.web import READ, STAY_PATH
from service.travel.words import ATTENDANCE, ATTENDANCE_COLORS
from service.web.forms import FormData, read_form
from service.web.pages import language_of, page, redirect

NOTE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("attendance.note")}
At = Annotated[str | None, QueryParameter(description="Only families of this assembly point.", max_length=200)]


class AttendanceForm(msgspec.Struct, frozen=True):
    """Whether somebody came, or those of a family of whom nothing is known. `seen` is what stood there before."""

    family: Annotated[UUID, Meta(title=N_("Family"))]
    place: Annotated[int | None, Meta(title=N_("Person"), ge=0)] = None
    state: Annotated[Literal["came", "not_come", "unknown"], Meta(title=N_("Attendance"))] = "came"
    seen: Annotated[str, Meta(title=N_("What stood there"), max_length=20)] = ""
    point: Annotated[str, Meta(title=N_("Assembly point"), max_length=200)] = ""


@get(f"{STAY_PATH}/manifest", **READ)
@transactional
def show_manifest(request: AnyRequest, session: Session, stay_id: FromPath[UUID], point: At = None) -> Response[str]:
    """Who comes, to be ticked off."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    chosen = point or None
    everybody = queries.families_of(session, stay)
    points = queries.points_of(stay, queries.departures_of(session, stay_id), everybody)
    families = manifest.read_manifest(session, place.tenant_id, stay, chosen, actor_of(request))
    travellers = [one for family in families for one in family.travellers]
    return page(
        request,
        "travel/manifest.html",
        stay=stay,
        points=points,
        chosen=chosen,
        departure=next((one.departure for one in points if one.name == chosen), None),
        families=families,
        persons=len(travellers),
        came=sum(one.state == "came" for one in travellers),
        not_come=sum(one.state == "not_come" for one in travellers),
        states=ATTENDANCE,
        colors=ATTENDANCE_COLORS,
    )


@post(f"{STAY_PATH}/attendance", status_code=303, **NOTE)
@transactional
def note_attendance(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Note who came."""
    place, asked = organisation_of(request), read_form(data, AttendanceForm)
    state = attendance.NOT_NOTED if asked.state == "unknown" else asked.state
    attendance.note(
        session,
        place.tenant_id,
        stay_id,
        asked.family,
        asked.place,
        state,
        asked.seen,
        place.time_zone,
        actor_of(request),
    )
    return redirect(request, f"{_manifest(stay_id, asked.point)}#family-{asked.family}")


def _manifest(stay_id: UUID, point: str) -> str:
    return f"/stays/{stay_id}/manifest" + (f"?{urlencode({'point': point})}" if point else "")


@get(f"{STAY_PATH}/manifest.pdf", **READ)
@transactional
def print_manifest(request: AnyRequest, session: Session, stay_id: FromPath[UUID], point: At = None) -> Response[bytes]:
    """The same on A4."""
    place, stay = organisation_of(request), find_stay(session, stay_id)
    content = manifest.print_manifest(
        session, place.tenant_id, stay, point or None, language_of(request), actor_of(request)
    )
    return as_file(content, f"manifest-{stay.code}.pdf", "application/pdf")


@get(f"{STAY_PATH}/participants", **READ)
@transactional
def show_participants(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """What the families need, and whom to call."""
    place, stay, principal = organisation_of(request), find_stay(session, stay_id), principal_of(request)
    found = participants.read_participants(
        session,
        place.tenant_id,
        keys_of(request),
        stay,
        place.time_zone,
        coordinates=principal.may("travel.change"),
        email=principal.email,
        actor=actor_of(request),
    )
    lock = queries.lock_of(session, stay.season_id)
    return page(request, "travel/participants.html", stay=stay, participants=found, lock=lock)


ROUTES = [show_manifest, note_attendance, print_manifest, show_participants]
"""The pages of who comes."""
