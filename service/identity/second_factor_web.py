"""The pages of the second factor: setting it up, showing it, and looking after it."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import database_of, keys_of, transactional
from service.errors import N_, Conflict
from service.identity import second_factor, throttle
from service.identity.access import AnyRequest, Principal, principal_of
from service.identity.own_acts import note_recovery_codes, note_second_factor, note_second_factor_removed
from service.identity.permissions import HALFWAY, SIGNED_IN
from service.identity.sessions import WITHOUT_SECOND_FACTOR, places_of, renew_session
from service.identity.web import enter, person_of, wanted_page
from service.web import menu
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

_OWN: Final = f"{menu.PROFILE}/second-factor"


class Code(msgspec.Struct):
    """A code of the authenticator, or a recovery code."""

    code: Annotated[
        str,
        Meta(
            title=N_("Code"),
            max_length=40,
            pattern=r"^[0-9A-Za-z -]+$",
            description=N_("Write the code in digits, or a recovery code in letters and digits."),
        ),
    ]


@get(menu.SECOND_FACTOR, sync_to_thread=True, include_in_schema=False, opt=HALFWAY)
@transactional
def show_second_factor(request: AnyRequest, session: Session) -> Response[Any]:
    """Ask for a code; of somebody who has no second factor yet, set one up."""
    principal = principal_of(request)
    if principal.has_second_factor and not principal.owes_second_factor:
        return redirect(request, menu.START)
    form = blank(request, Code)
    return page(request, "identity/second_factor.html", form=form, enrolment=_enrolment(request, session))


@post(menu.SECOND_FACTOR, sync_to_thread=True, status_code=200, include_in_schema=False, opt=HALFWAY)
@transactional
def take_second_factor(request: AnyRequest, data: FormData, session: Session) -> Response[Any]:
    """Take the code, and go on under a new secret of the session."""
    principal = principal_of(request)
    if principal.has_second_factor and not principal.owes_second_factor:
        return redirect(request, menu.START)
    account_id, session_id = person_of(request)
    template, enrolment = "identity/second_factor.html", _enrolment(request, session)
    code = _counted_code(request, data, template, enrolment=enrolment)
    with redisplaying(request, template, Code, data, enrolment=enrolment):
        if principal.has_second_factor:
            second_factor.check(session, keys_of(request), account_id, code)
            response: Response[Any] = redirect(request, wanted_page(request))
        else:
            codes = second_factor.confirm(session, keys_of(request), account_id, code)
            note_second_factor(session, account_id)
            response = page(request, "identity/recovery_codes.html", codes=codes, onwards=wanted_page(request))
    throttle.forget(database_of(request), throttle.SECOND_FACTOR, str(account_id))
    enter(request, response, renew_session(session, session_id))
    return response


@get(_OWN, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def show_own(request: AnyRequest, session: Session) -> Response[Any]:
    """How one's own second factor stands."""
    if not principal_of(request).has_second_factor:
        return redirect(request, menu.SECOND_FACTOR)
    return page(request, "identity/own_second_factor.html", form=blank(request, Code), **_standing(request, session))


@post(f"{_OWN}/codes", sync_to_thread=True, status_code=200, include_in_schema=False, opt=SIGNED_IN)
@transactional
def renew_codes(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """Make new recovery codes, for whoever can show a code: an open session alone is not enough."""
    _show_code(request, data, session)
    account_id = person_of(request)[0]
    codes = second_factor.renew_recovery_codes(session, account_id)
    note_recovery_codes(session, account_id)
    return page(request, "identity/recovery_codes.html", codes=codes, onwards=menu.PROFILE)


@post(f"{_OWN}/remove", status_code=303, sync_to_thread=True, include_in_schema=False, opt=SIGNED_IN)
@transactional
def remove(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Take the second factor away, for whoever can show a code and has no role that demands one."""
    _show_code(request, data, session)
    account_id = person_of(request)[0]
    if _is_demanded(session, principal_of(request)):
        raise Conflict("Your role demands a second factor, so it cannot be removed.")
    second_factor.remove(session, account_id)
    note_second_factor_removed(session, account_id)
    return redirect(request, menu.PROFILE, N_("The second factor is removed."))


def _enrolment(request: AnyRequest, session: Session) -> second_factor.Enrolment | None:
    principal = principal_of(request)
    if principal.has_second_factor:
        return None
    return second_factor.enrol(session, keys_of(request), person_of(request)[0], principal.email or "")


def _show_code(request: AnyRequest, data: FormData, session: Session) -> None:
    account_id = person_of(request)[0]
    template, standing = "identity/own_second_factor.html", _standing(request, session)
    code = _counted_code(request, data, template, **standing)
    with redisplaying(request, template, Code, data, **standing):
        second_factor.check(session, keys_of(request), account_id, code)
    throttle.forget(database_of(request), throttle.SECOND_FACTOR, str(account_id))


def _counted_code(request: AnyRequest, data: FormData, template: str, **context: Any) -> str:
    """The code that was written. Every one counts as an attempt, also where the transaction is rolled back."""
    with redisplaying(request, template, Code, data, **context):
        code = "".join(read_form(data, Code).code.split())
    throttle.count(database_of(request), throttle.SECOND_FACTOR, str(person_of(request)[0]))
    return code


def _standing(request: AnyRequest, session: Session) -> dict[str, Any]:
    left = second_factor.recovery_codes_left(session, person_of(request)[0])
    return {"left": left, "demanded": _is_demanded(session, principal_of(request))}


def _is_demanded(session: Session, principal: Principal) -> bool:
    """Whether a role anywhere demands a second factor."""
    if principal.account_id is None:
        return True
    roles = {membership.role for membership in places_of(session, principal.account_id)}
    return not roles <= WITHOUT_SECOND_FACTOR


ROUTES = [show_second_factor, take_second_factor, show_own, renew_codes, remove]
