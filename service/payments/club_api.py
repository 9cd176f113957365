"""A club's payments, remittance advices and checks by lot, for the club and its system; the same checks for staff."""

from typing import Any, Final, TypeVar
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody
from sqlmodel import Session

from schemas.page import Page
from schemas.payment import (
    ClubSignal,
    OwnPayment,
    PaidClaim,
    RecoveredPart,
    Remittance,
    SampleAnswer,
    SampleCheck,
    SampleVerdict,
)
from service.clubs.own import own_club
from service.database.requests import transactional
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.payments import queries, samples
from service.payments.queries import PaymentLine
from service.payments.remittance import advice_of
from service.payments.signals import MEANING, signals
from service.values.accounts import mask_account
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

Shown = TypeVar("Shown", bound=msgspec.Struct)

_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "tags": ["payments"], "responses": DOCUMENTED}
_OWN: Final = _OPEN | {"opt": may("payments.own")}
_CORRECT: Final = _OPEN | {"opt": may("payments.correct")}


@get("/api/v1/club-payments", **_OWN)
@transactional
def list_own(request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None) -> Page[OwnPayment]:
    """What the club was paid, the newest first."""
    club = own_club(request, session)
    found = queries.payments_of_club(session, club.id, limit, decode_cursor(after, UUID))
    return page_of(found, limit, _own, lambda one: one.id)


@get("/api/v1/club-payments/{payment_id:uuid}", **_OWN)
@transactional
def show_own(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> Remittance:
    """A payment's remittance advice: the claims in it by the club's own references."""
    found = advice_of(session, own_club(request, session).id, payment_id)
    return Remittance(
        **msgspec.structs.asdict(_own(found.payment)),
        paid_claims=[_as(PaidClaim, one) for one in found.claims],
        recovered=[_as(RecoveredPart, one) for one in found.recovered],
    )


@get("/api/v1/club-checks", **_OWN)
@transactional
def list_own_checks(request: AnyRequest, session: Session) -> list[SampleCheck]:
    """What the club is asked by lot about claims that were paid, open questions first."""
    found = samples.samples_of_club(session, municipality_of(request), own_club(request, session).id)
    return [_as(SampleCheck, one) for one in found]


@post("/api/v1/club-checks/{sample_id:uuid}/answer", status_code=200, **_OWN)
@transactional
@idempotent
def answer_own_check(
    request: AnyRequest, session: Session, sample_id: FromPath[UUID], data: JSONBody[SampleAnswer]
) -> SampleCheck:
    """Answer what the club is asked."""
    municipality, club = municipality_of(request), own_club(request, session)
    samples.answer_sample(session, municipality, club.id, sample_id, data.answer, actor_of(request))
    return _as(SampleCheck, samples.find_sample(session, municipality, sample_id))


@get("/api/v1/sample-checks", **_CORRECT)
@transactional
def list_checks(request: AnyRequest, session: Session) -> list[SampleCheck]:
    """The open checks by lot: what clubs have answered first, then the longest due."""
    return [_as(SampleCheck, one) for one in samples.open_samples(session, municipality_of(request))]


@post("/api/v1/sample-checks/{sample_id:uuid}/verdict", status_code=200, **_CORRECT)
@transactional
@idempotent
def judge_check(
    request: AnyRequest, session: Session, sample_id: FromPath[UUID], data: JSONBody[SampleVerdict]
) -> SampleCheck:
    """Accept what the club showed, or not; then the amount may be taken back from its next payments."""
    municipality, actor = municipality_of(request), actor_of(request)
    samples.close_sample(session, municipality, sample_id, data.accepted, data.because, data.recover, actor)
    return _as(SampleCheck, samples.find_sample(session, municipality, sample_id))


@get("/api/v1/club-signals", opt=may("payments.read"), **_OPEN)
@transactional
def list_signals(request: AnyRequest, session: Session) -> list[ClubSignal]:
    """Signals about clubs, each with what may explain it: no accusation, and never about a child."""
    return [
        ClubSignal(one.kind, one.club_id, one.club_name, str(one.said), MEANING[one.kind])
        for one in signals(session, municipality_of(request))
    ]


ROUTES = [list_own, show_own, list_own_checks, answer_own_check, list_checks, judge_check, list_signals]
"""The API of a club's payments, checks by lot and signals."""


def _own(one: PaymentLine) -> OwnPayment:
    shown = {name: getattr(one, name) for name in OwnPayment.__struct_fields__}
    return OwnPayment(**(shown | {"account": mask_account(one.account) if one.account else None}))


def _as(struct: type[Shown], row: msgspec.Struct) -> Shown:
    return msgspec.convert(row, struct, from_attributes=True)
