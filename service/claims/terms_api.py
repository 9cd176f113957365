"""Terms for claims and payment dates in the API."""

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, JSONBody
from sqlmodel import Session

from schemas.claim_terms import (
    ClaimPaymentDate,
    ClaimTerms,
    ClaimTermsVersion,
    HabitsChanges,
    NewClaimTerms,
    PaymentCalendar,
    PaymentHabits,
    SchemeClaimTerms,
)
from service.claims import terms
from service.claims.calendar import PaymentDate, coming
from service.claims.rules import Terms
from service.claims.terms import TermsVersion
from service.database.requests import transactional
from service.eligibility import schemes
from service.errors import FieldError, Invalid, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.values import clock
from service.web.idempotency import idempotent
from service.web.problems import DOCUMENTED

_TERMS: Final = "/api/v1/claim-terms/{scheme:str}"
_DATES: Final = "/api/v1/payment-dates"
_SEES: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "opt": may("claims.cases"),
    "tags": ["claims"],
    "responses": DOCUMENTED,
}
_CHANGES: Final[dict[str, Any]] = _SEES | {"opt": may("claims.terms")}
_NEW_TERMS: Final = {
    "valid_from": "2018-01-01",
    "source": "The committee's decision of 14 November 2017",
    "terms": {"claim_days": 60, "min_sessions": 8},
}


@get(_TERMS, **_SEES)
@transactional
def show_terms(request: AnyRequest, session: Session, scheme: FromPath[str]) -> SchemeClaimTerms:
    """A scheme's terms for claims: what counts for seasons that begin today, and every version."""
    municipality = municipality_of(request)
    found = terms.versions(session, municipality, scheme)
    today = clock.today(municipality.time_zone)
    current = terms.terms_on(session, schemes.find_scheme(session, municipality, scheme), today)
    return SchemeClaimTerms(scheme, _terms_said(current), [_version_said(one) for one in found])


@post(_TERMS, **_CHANGES)
@transactional
@idempotent
def set_terms(
    request: AnyRequest,
    session: Session,
    scheme: FromPath[str],
    data: Annotated[NewClaimTerms, Body(examples=[Example(value=_NEW_TERMS)])],
) -> ClaimTermsVersion:
    """Set terms for seasons that begin from a day on. Claims that were decided stay as they are."""
    changes = {name: value for name, value in msgspec.structs.asdict(data.terms).items() if value is not None}
    if "excluded_kinds" in changes:
        changes["excluded_kinds"] = tuple(changes["excluded_kinds"])
    municipality = municipality_of(request)
    made = terms.set_terms(session, municipality, scheme, data.valid_from, data.source, changes, actor_of(request))
    return _version_said(made)


@get(_DATES, **_SEES)
@transactional
def show_calendar(request: AnyRequest, session: Session) -> PaymentCalendar:
    """When claims are paid in the coming months."""
    municipality = municipality_of(request)
    today, habits = clock.today(municipality.time_zone), terms.habits(session)
    own = terms.payment_dates(session, today)
    return PaymentCalendar(
        [_date_said(one) for one in coming(today, own, habits, municipality.country)],
        [_date_said(one) for one in own],
        _habits_said(session),
    )


@post(_DATES, **_CHANGES)
@transactional
@idempotent
def add_date(request: AnyRequest, session: Session, data: JSONBody[ClaimPaymentDate]) -> ClaimPaymentDate:
    """Add a payment date of the municipality's own. 409 where there is a payment on that day already."""
    one = PaymentDate(data.pays_on, data.cutoff)
    terms.add_payment_date(session, municipality_of(request), one, actor_of(request))
    return data


@post(f"{_DATES}/{{pays_on:str}}/removal", **_CHANGES | {"status_code": 204})
@transactional
def remove_date(request: AnyRequest, session: Session, pays_on: FromPath[str]) -> None:
    """Take back a payment date. What clubs were promised stands."""
    try:
        on = date.fromisoformat(pays_on)
    except ValueError:
        raise NotFound("There is no payment on {date}.", date=pays_on) from None
    terms.remove_payment_date(session, municipality_of(request), on, actor_of(request))


@post(f"{_DATES}/habits", **_CHANGES | {"status_code": 200})
@transactional
@idempotent
def set_habits(request: AnyRequest, session: Session, data: JSONBody[HabitsChanges]) -> PaymentHabits:
    """Change how the municipality pays where it has set no dates; what was promised stands."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not None}
    if not changes:
        wrong = [FieldError(name, "is missing: name at least one") for name in HabitsChanges.__struct_fields__]
        raise Invalid("Some fields of the request are wrong.", wrong)
    terms.set_habits(session, municipality_of(request), changes, actor_of(request))
    return _habits_said(session)


def _terms_said(one: Terms) -> ClaimTerms:
    return msgspec.convert(msgspec.to_builtins(one), ClaimTerms)


def _version_said(one: TermsVersion) -> ClaimTermsVersion:
    return ClaimTermsVersion(one.id, one.number, one.valid_from, one.source, _terms_said(one.terms), one.made_at)


def _date_said(one: PaymentDate) -> ClaimPaymentDate:
    return ClaimPaymentDate(one.pays_on, one.cutoff)


def _habits_said(session: Session) -> PaymentHabits:
    return msgspec.convert(terms.habits(session), PaymentHabits, from_attributes=True)


ROUTES = [show_terms, set_terms, show_calendar, add_date, remove_date, set_habits]
"""The API of terms and payment dates."""
