"""The page of payment dates: when claims are paid, the municipality's own dates, and how it pays without any."""

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.claims import terms
from service.claims.calendar import PaymentDate, coming
from service.claims.queue_forms import CLAIMS, DONE, READ
from service.claims.terms import HABIT_RANGES
from service.claims.words import HABITS
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.values import clock
from service.web.forms import FormData, blank, filled, read_form, redisplaying
from service.web.pages import page, redirect

PATH: Final = f"{CLAIMS}/payment-dates"
_CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("claims.terms")}
_PAGE: Final = "claims/payment_dates.html"


def _whole(name: str) -> Meta:
    lowest, highest = HABIT_RANGES[name]
    return Meta(title=HABITS[name], ge=lowest, le=highest)


class HabitsForm(msgspec.Struct, frozen=True):
    """How the municipality pays where it has set no dates, and how long it takes."""

    payment_day: Annotated[int, _whole("payment_day")]
    cutoff_days: Annotated[int, _whole("cutoff_days")]
    decision_days: Annotated[int, _whole("decision_days")]
    names_days: Annotated[int, _whole("names_days")]


class DateForm(msgspec.Struct, frozen=True):
    """A payment date of the municipality's own."""

    pays_on: Annotated[date, Meta(title=N_("Day of payment"))]
    cutoff: Annotated[date, Meta(title=N_("Last day of decisions that are paid on it"))]
    key: FormKey


class RemovalForm(msgspec.Struct, frozen=True):
    """A payment date that is taken back."""

    pays_on: Annotated[date, Meta(title=N_("Day of payment"))]


@get(PATH, **READ)
@transactional
def show_dates(request: AnyRequest, session: Session) -> Response[str]:
    """When claims are paid in the coming months, and how that is set."""
    return page(
        request,
        _PAGE,
        form=blank(request, DateForm, key=new_key()),
        habits_form=_habits_form(request, session),
        **_context(request, session),
    )


def _habits_form(request: AnyRequest, session: Session) -> Any:
    return filled(request, msgspec.convert(terms.habits(session), HabitsForm, from_attributes=True))


def _context(request: AnyRequest, session: Session) -> dict[str, Any]:
    municipality = municipality_of(request)
    today, habits = clock.today(municipality.time_zone), terms.habits(session)
    own = terms.payment_dates(session, today)
    return {
        "coming": coming(today, own, habits, municipality.country),
        "own": {one.pays_on for one in own},
        "habits": habits,
        "may_change": principal_of(request).may("claims.terms"),
    }


@post(PATH, status_code=303, **_CHANGE)
@transactional
def add_date(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Add a payment date."""
    shown = _context(request, session) | {"habits_form": _habits_form(request, session)}
    with redisplaying(request, _PAGE, DateForm, dict(data) | {"key": new_key()}, **shown):
        asked = read_form(data, DateForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, PATH, DONE, kind="info")
        one = PaymentDate(asked.pays_on, asked.cutoff)
        terms.add_payment_date(session, municipality_of(request), one, actor_of(request))
    return redirect(request, PATH, N_("Claims are paid on {day} as well."), day=asked.pays_on)


@post(f"{PATH}/removal", status_code=303, **_CHANGE)
@transactional
def remove_date(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Take back a payment date. What clubs were promised stands."""
    asked = read_form(data, RemovalForm)
    terms.remove_payment_date(session, municipality_of(request), asked.pays_on, actor_of(request))
    return redirect(request, PATH, N_("The payment on {day} is taken back."), day=asked.pays_on)


@post(f"{PATH}/habits", status_code=303, **_CHANGE)
@transactional
def set_habits(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Change how the municipality pays where it has set no dates."""
    shown = _context(request, session) | {"date_form": blank(request, DateForm, key=new_key())}
    with redisplaying(request, _PAGE, HabitsForm, data, **shown):
        asked = msgspec.structs.asdict(read_form(data, HabitsForm))
        terms.set_habits(session, municipality_of(request), asked, actor_of(request))
    return redirect(request, PATH, N_("It is kept, and counts for the claims from now on."))


ROUTES = [show_dates, add_date, remove_date, set_habits]
"""The pages of payment dates."""
