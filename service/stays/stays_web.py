"""The pages of stays: planned, cancelled, taken from a file, and the roles that volunteers have on them."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, Count, Invalid
from service.identity.access import AnyRequest, actor_of, organisation_of, principal_of
from service.stays import queries, seasons, volunteers
from service.stays.importing import COLUMNS, OUTCOMES, import_stays
from service.stays.rules import StayFigures
from service.stays.sheets import as_csv
from service.stays.web import CHANGE, READ, SEASON_PATH, SEASONS, WORDS
from service.values import clock
from service.web.forms import FormData, UploadData, blank, read_form, redisplaying
from service.web.pages import page, redirect

STAYS: Final = "/stays"
_STAY: Final = f"{STAYS}/{{stay_id:uuid}}"
_ROLE: Final = "/stay-roles/{role_id:uuid}"
_LARGEST_FILE: Final = 2_000_000


class StayForm(msgspec.Struct, frozen=True):
    """A stay of a season."""

    code: Annotated[str, Meta(title=N_("Code"), max_length=20)]
    centre: Annotated[UUID, Meta(title=N_("Centre"))]
    starts_on: Annotated[date, Meta(title=N_("First day"))]
    ends_on: Annotated[date, Meta(title=N_("Last day"))]
    family_places: Annotated[int, Meta(title=N_("Places for families"), ge=1, le=200)]
    person_places: Annotated[int, Meta(title=N_("Places for persons, volunteers counted in"), ge=1, le=2000)]
    volunteers: Annotated[int, Meta(title=N_("Volunteers"), ge=0, le=500)]
    min_child_age: Annotated[int, Meta(title=N_("Youngest child"), ge=0, le=17)] = 6
    max_child_age: Annotated[int, Meta(title=N_("Oldest child"), ge=0, le=17)] = 13
    min_families: Annotated[int, Meta(title=N_("Smallest number of families"), ge=0, le=200)] = 0
    region: Annotated[str, Meta(title=N_("Region"), max_length=100)] = ""
    assembly_points: Annotated[str, Meta(title=N_("Assembly points"), max_length=1000)] = ""
    included: Annotated[str, Meta(title=N_("What is included"), max_length=500)] = ""
    accessibility: Annotated[str, Meta(title=N_("Accessibility"), max_length=500)] = ""

    @property
    def figures(self) -> StayFigures:
        points = tuple(line.strip() for line in self.assembly_points.splitlines() if line.strip())
        known = {name: getattr(self, name) for name in StayFigures.__struct_fields__}
        return StayFigures(**(known | {"assembly_points": points}))


class CancelForm(msgspec.Struct, frozen=True):
    """Why a stay is cancelled."""

    because: Annotated[str, Meta(title=N_("Why"), max_length=300)]


class FileForm(msgspec.Struct, frozen=True):
    """A file of stays."""

    file: Annotated[UploadFile, Meta(title=N_("File"))]


class RoleForm(msgspec.Struct, frozen=True):
    """A role that is needed."""

    role: Annotated[
        Literal["leader", "deputy", "cook", "activities", "first_aid", "transport", "helper"], Meta(title=N_("Role"))
    ]


class AskForm(msgspec.Struct, frozen=True):
    """Who is asked for a role; nobody where it is needed again."""

    volunteer: Annotated[UUID | None, Meta(title=N_("Volunteer"))] = None


@get(f"{SEASON_PATH}/stays/new", **CHANGE)
@transactional
def new_stay(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form for a new stay."""
    organisation_of(request)
    season = queries.find_season(session, season_id)
    form = blank(request, StayForm, min_child_age=6, max_child_age=13, min_families=0)
    return page(request, "stays/stay_form.html", form=form, season=season, stay=None, **_centres(session))


def _centres(session: Session) -> dict[str, Any]:
    return {"centres": [(one.id, one.name) for one in queries.list_centres(session)]}


@post(f"{SEASON_PATH}/stays/new", status_code=303, **CHANGE)
@transactional
def add_stay(request: AnyRequest, data: FormData, session: Session, season_id: FromPath[UUID]) -> Redirect:
    """Add a stay."""
    place, season = organisation_of(request), queries.find_season(session, season_id)
    context = {"season": season, "stay": None} | _centres(session)
    with redisplaying(request, "stays/stay_form.html", StayForm, data, **context):
        asked = read_form(data, StayForm)
        made = seasons.keep_stay(
            session, place.tenant_id, season_id, None, asked.centre, asked.figures, actor_of(request)
        )
    return redirect(request, f"{STAYS}/{made}", N_("The stay {code} was added."), code=asked.code)


@get(_STAY, **READ)
@transactional
def show_stay(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """A stay with its roles."""
    return page(request, "stays/stay.html", **_stay(request, session, stay_id))


def _stay(request: AnyRequest, session: Session, stay_id: UUID) -> dict[str, Any]:
    place, stay = organisation_of(request), queries.find_stay(session, stay_id)
    people = queries.list_volunteers(session, clock.today(place.time_zone))
    may_change = principal_of(request).may("stays.change")
    return WORDS | {
        "stay": stay,
        "own_roles": queries.roles_of(session, stay_id),
        "volunteers": [(one.id, one.name) for one in people],
        "may_change": may_change and stay.state == "planned",
        "may_see_certificates": may_change,
    }


@get(f"{_STAY}/edit", **CHANGE)
@transactional
def edit_stay(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """The form of a stay."""
    organisation_of(request)
    stay = queries.find_stay(session, stay_id)
    values = {name: getattr(stay, name) for name in StayFigures.__struct_fields__}
    values |= {"centre": stay.centre_id, "assembly_points": "\n".join(stay.assembly_points)}
    season = queries.find_season(session, stay.season_id)
    form = blank(request, StayForm, **values)
    return page(request, "stays/stay_form.html", form=form, season=season, stay=stay, **_centres(session))


@post(f"{_STAY}/edit", status_code=303, **CHANGE)
@transactional
def change_stay(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Change a stay."""
    place, stay = organisation_of(request), queries.find_stay(session, stay_id)
    context = {"season": queries.find_season(session, stay.season_id), "stay": stay} | _centres(session)
    with redisplaying(request, "stays/stay_form.html", StayForm, data, **context):
        asked = read_form(data, StayForm)
        seasons.keep_stay(
            session, place.tenant_id, stay.season_id, stay_id, asked.centre, asked.figures, actor_of(request)
        )
    return redirect(request, f"{STAYS}/{stay_id}", N_("The stay was saved."))


@get(f"{_STAY}/cancel", **CHANGE)
@transactional
def ask_to_cancel(request: AnyRequest, session: Session, stay_id: FromPath[UUID]) -> Response[str]:
    """What follows when a stay is cancelled."""
    organisation_of(request)
    stay = queries.find_stay(session, stay_id)
    return page(request, "stays/stay_cancel.html", form=blank(request, CancelForm), stay=stay)


@post(f"{_STAY}/cancel", status_code=303, **CHANGE)
@transactional
def cancel_stay(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """Cancel a stay for good."""
    place, stay = organisation_of(request), queries.find_stay(session, stay_id)
    with redisplaying(request, "stays/stay_cancel.html", CancelForm, data, stay=stay):
        asked = read_form(data, CancelForm)
        wished = seasons.cancel_stay(session, place.tenant_id, stay_id, asked.because, actor_of(request))
    said = N_("{code} is cancelled. Families on the lists that had wished for it: {count}.")
    return redirect(request, f"{SEASONS}/{stay.season_id}", said, code=stay.code, count=Count(wished))


@get(f"{SEASON_PATH}/import", **CHANGE)
@transactional
def ask_for_stays(request: AnyRequest, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """The form for a file of stays, with its columns."""
    organisation_of(request)
    season = queries.find_season(session, season_id)
    return page(
        request, "stays/import.html", form=blank(request, FileForm), season=season, results=None, columns=COLUMNS
    )


@post(f"{SEASON_PATH}/import", status_code=200, request_max_body_size=2 * _LARGEST_FILE, **CHANGE)
@transactional
def take_stays(request: AnyRequest, data: UploadData, session: Session, season_id: FromPath[UUID]) -> Response[str]:
    """What became of every line of a file of stays."""
    place, season = organisation_of(request), queries.find_season(session, season_id)
    context: dict[str, Any] = {"season": season, "results": None, "columns": COLUMNS}
    with redisplaying(request, "stays/import.html", FileForm, data, **context):
        asked = read_form(data, FileForm)
        content = content_of(asked.file)
        results = import_stays(session, place.tenant_id, season_id, content, actor_of(request))
    context |= {"results": results, "outcomes": OUTCOMES}
    return page(request, "stays/import.html", form=blank(request, FileForm), **context)


def content_of(file: UploadFile) -> bytes:
    """What a form's file holds; refuses one that is larger than any list."""
    content = file.file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise Invalid("The file is too large to be a list: it has more than 2 MB.")
    return content


@get(f"{SEASONS}/stays.csv", **READ)
def stays_template(request: AnyRequest) -> Response[bytes]:
    """An empty file of stays with an example."""
    organisation_of(request)
    example = ("A1", "Fjellheim", "Vest", "2026-06-27", "2026-07-04", "10", "48", "8", "6", "13", "6", "Oslo|Bergen")
    return as_file(as_csv([(*example, "", "")], COLUMNS), "stays.csv", "text/csv; charset=utf-8")


def as_file(content: bytes, name: str, kind: str) -> Response[bytes]:
    """A file to be kept by whoever asked."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type=kind, headers=headers)


@post(f"{_STAY}/roles", status_code=303, **CHANGE)
@transactional
def need_role(request: AnyRequest, data: FormData, session: Session, stay_id: FromPath[UUID]) -> Redirect:
    """A role is needed."""
    asked = read_form(data, RoleForm)
    volunteers.need_role(session, organisation_of(request).tenant_id, stay_id, asked.role, actor_of(request))
    return redirect(request, f"{STAYS}/{stay_id}", N_("A role was added."))


@post(f"{_ROLE}/ask", status_code=303, **CHANGE)
@transactional
def ask_for_role(request: AnyRequest, data: FormData, session: Session, role_id: FromPath[UUID]) -> Redirect:
    """Ask a volunteer for a role, or let it be needed again."""
    place, asked = organisation_of(request), read_form(data, AskForm)
    stay_id = volunteers.ask_for_role(session, place.tenant_id, role_id, asked.volunteer, actor_of(request))
    return redirect(request, f"{STAYS}/{stay_id}", N_("The role was saved."))


@post(f"{_ROLE}/confirm", status_code=303, **CHANGE)
@transactional
def confirm_role(request: AnyRequest, session: Session, role_id: FromPath[UUID]) -> Redirect:
    """Whoever was asked has said yes."""
    stay_id = volunteers.confirm_role(session, organisation_of(request).tenant_id, role_id, actor_of(request))
    return redirect(request, f"{STAYS}/{stay_id}", N_("The role is confirmed."))


@post(f"{_ROLE}/drop", status_code=303, **CHANGE)
@transactional
def drop_role(request: AnyRequest, session: Session, role_id: FromPath[UUID]) -> Redirect:
    """A role is not needed any more."""
    stay_id = volunteers.drop_role(session, organisation_of(request).tenant_id, role_id, actor_of(request))
    return redirect(request, f"{STAYS}/{stay_id}", N_("The role is gone."))


ROUTES = [
    new_stay,
    add_stay,
    show_stay,
    edit_stay,
    change_stay,
    ask_to_cancel,
    cancel_stay,
    ask_for_stays,
    take_stays,
    stays_template,
    need_role,
    ask_for_role,
    confirm_role,
    drop_role,
]
"""The pages of stays."""
