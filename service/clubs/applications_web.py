"""The staff's pages of clubs' applications."""

from typing import Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel import Session

from service.clubs import applications
from service.clubs.applications import WantedApplications
from service.clubs.desk import desk_of
from service.clubs.forms import ReasonForm
from service.clubs.lookups import compare, order_look_up
from service.clubs.queries import clubs_with_number
from service.clubs.web import CHANGE, CLUBS, READ, payee_words
from service.clubs.words import ACTIVITIES, APPLICATION_STATES, OUTCOMES, REGISTERS
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, municipality_of, principal_of
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

APPLICATIONS: Final = f"{CLUBS}/applications"
_ONE: Final = f"{APPLICATIONS}/{{application_id:uuid}}"


@get(APPLICATIONS, **READ)
@transactional
def show_applications(request: AnyRequest, session: Session) -> Response[str]:
    """The applications; those that wait unless others are asked for."""
    asked = read_form(dict(request.query_params), WantedApplications)
    return page(
        request,
        "clubs/applications.html",
        applications=applications.list_applications(session, asked),
        filter=blank(request, WantedApplications, state=asked.state),
        asked=asked,
        states=APPLICATION_STATES,
        kinds=ACTIVITIES,
    )


@get(_ONE, **READ)
@transactional
def show_application(request: AnyRequest, session: Session, application_id: FromPath[UUID]) -> Response[str]:
    """What was written, beside what the registers say."""
    context = _shown(request, session, application_id)
    return page(request, "clubs/application.html", **context, form=blank(request, ReasonForm))


def _shown(request: AnyRequest, session: Session, application_id: UUID) -> dict[str, Any]:
    one, country = applications.find_application(session, application_id), municipality_of(request).country
    return {
        "one": one,
        "compared": compare(session, country, one.number, one.name, one.account),
        "clubs": clubs_with_number(session, one.number),
        "others": applications.others_of(session, one),
        "country": country,
        "approves_account": principal_of(request).may("clubs.approve_account"),
        "states": APPLICATION_STATES,
        "registers": REGISTERS,
        "outcomes": OUTCOMES,
        "kinds": ACTIVITIES,
        **payee_words(request),
    }


@post(f"{_ONE}/approval", status_code=303, **CHANGE)
@transactional
def approve(request: AnyRequest, session: Session, application_id: FromPath[UUID]) -> Redirect:
    """Make a club of it, and invite its contact."""
    may_approve = principal_of(request).may("clubs.approve_account")
    made = applications.approve_application(session, desk_of(request), application_id, with_account=may_approve)
    return redirect(request, f"{CLUBS}/{made.id}", N_("{name} is approved."), name=made.name)


@post(f"{_ONE}/rejection", status_code=303, **CHANGE)
@transactional
def reject(request: AnyRequest, data: FormData, session: Session, application_id: FromPath[UUID]) -> Redirect:
    """Say no, with a reason."""
    context = _shown(request, session, application_id)
    with redisplaying(request, "clubs/application.html", ReasonForm, data, **context):
        applications.reject_application(session, desk_of(request), application_id, read_form(data, ReasonForm).reason)
    return redirect(request, APPLICATIONS, N_("The application is rejected; the club is told why."))


@post(f"{_ONE}/look-up", status_code=303, **CHANGE)
@transactional
def look_up(request: AnyRequest, session: Session, application_id: FromPath[UUID]) -> Redirect:
    """Let a worker ask the registers again."""
    one, municipality = applications.find_application(session, application_id), municipality_of(request)
    order_look_up(session, municipality.id, one.number, municipality.country, fresh=True)
    said = N_("The registers are asked again. Load this page in a moment.")
    return redirect(request, f"{APPLICATIONS}/{application_id}", said, kind="info")


ROUTES = [show_applications, show_application, approve, reject, look_up]
"""The pages of applications."""
