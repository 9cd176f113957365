"""The pages of a club's treasurer: what the club was paid and for what, and what it is asked by lot."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.clubs.own import own_club
from service.database.requests import transactional
from service.errors import N_, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.payments import queries, samples
from service.payments.recoveries import left_to_recover
from service.payments.remittance import advice_of, as_csv, as_pdf
from service.payments.samples import answer_sample
from service.payments.words import PAYMENT_COLORS, PAYMENT_STATES, SAMPLE_STATES
from service.values.accounts import mask_account
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.paging import PAGE, decode_cursor, encode_cursor

_PAYMENTS: Final = "/club/payments"
_ONE: Final = f"{_PAYMENTS}/{{payment_id:uuid}}"
_CHECKS: Final = "/club/checks"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("payments.own")}
_WORDS: Final[dict[str, Any]] = {
    "payment_states": PAYMENT_STATES,
    "payment_colors": PAYMENT_COLORS,
    "mask_account": mask_account,
}


class Answer(msgspec.Struct, frozen=True):
    """What the club says to a check by lot."""

    answer: Annotated[str, Meta(title=N_("Your answer"), max_length=2000)]


@get(_PAYMENTS, **_OPEN)
@transactional
def show_payments(request: AnyRequest, session: Session) -> Response[str]:
    """What the club was paid, the newest first."""
    club, after = own_club(request, session), request.query_params.get("after")
    found = queries.payments_of_club(session, club.id, PAGE, decode_cursor(after, UUID))
    shown = found[:PAGE]
    return page(
        request,
        "payments/own_list.html",
        payments=shown,
        days=queries.days_to_money(session, municipality_of(request), club.id),
        owed=left_to_recover(session, club.id),
        questions=[
            one for one in samples.samples_of_club(session, municipality_of(request), club.id) if one.state == "asked"
        ],
        next=f"{_PAYMENTS}?after={encode_cursor(shown[-1].id)}" if len(found) > PAGE else None,
        first=_PAYMENTS if after else None,
        **_WORDS,
    )


@get(_ONE, **_OPEN)
@transactional
def show_payment(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> Response[str]:
    """A payment's remittance advice."""
    found = advice_of(session, own_club(request, session).id, payment_id)
    return page(request, "payments/own_payment.html", advice=found, one=found.payment, **_WORDS)


@get(f"{_ONE}/advice.csv", **_OPEN)
@transactional
def download_csv(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> Response[bytes]:
    """The advice for a spreadsheet."""
    found = advice_of(session, own_club(request, session).id, payment_id)
    return _file(as_csv(found), "text/csv; charset=utf-8", f"remittance-{found.payment.pays_on}.csv")


@get(f"{_ONE}/advice.pdf", **_OPEN)
@transactional
def download_pdf(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> Response[bytes]:
    """The advice to print and file."""
    found = advice_of(session, own_club(request, session).id, payment_id)
    made = as_pdf(found, municipality_of(request), language_of(request))
    return _file(made, "application/pdf", f"remittance-{found.payment.pays_on}.pdf")


@get(_CHECKS, **_OPEN)
@transactional
def show_checks(request: AnyRequest, session: Session) -> Response[str]:
    """What the club is asked by lot, and was asked before."""
    club = own_club(request, session)
    found = samples.samples_of_club(session, municipality_of(request), club.id)
    return page(request, "payments/own_checks.html", checks=found, sample_states=SAMPLE_STATES)


@get(f"{_CHECKS}/{{sample_id:uuid}}", **_OPEN)
@transactional
def show_check(request: AnyRequest, session: Session, sample_id: FromPath[UUID]) -> Response[str]:
    """A check and the form to answer it."""
    return page(request, "payments/own_check.html", form=blank(request, Answer), **_check(request, session, sample_id))


@post(f"{_CHECKS}/{{sample_id:uuid}}", status_code=303, **_OPEN)
@transactional
def answer_check(request: AnyRequest, data: FormData, session: Session, sample_id: FromPath[UUID]) -> Redirect:
    """Answer a check; sent again the answer stands as it was."""
    known = _check(request, session, sample_id)
    with redisplaying(request, "payments/own_check.html", Answer, data, **known):
        written, municipality = read_form(data, Answer).answer, municipality_of(request)
        answer_sample(session, municipality, own_club(request, session).id, sample_id, written, actor_of(request))
    return redirect(request, _CHECKS, N_("Thank you. The municipality has your answer."))


ROUTES = [show_payments, show_payment, download_csv, download_pdf, show_checks, show_check, answer_check]
"""The pages of a club's payments and checks."""


def _check(request: AnyRequest, session: Session, sample_id: UUID) -> dict[str, Any]:
    club, found = own_club(request, session), samples.find_sample(session, municipality_of(request), sample_id)
    if found.club_id != club.id:
        raise NotFound("The club was not asked this.")
    return {"one": found, "sample_states": SAMPLE_STATES}


def _file(content: bytes, media_type: str, name: str) -> Response[bytes]:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
