"""Payment runs in the API: made, renewed, approved, released and cancelled by people; read by people and systems."""

from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import msgspec
from litestar import Response, get, patch, post
from litestar.params import Body, FromPath, JSONBody
from sqlmodel import Session

from schemas.page import Page
from schemas.payment import (
    NewPaymentRun,
    NewRecovery,
    OddStatus,
    PaidClaim,
    PaymentDetail,
    PaymentEvent,
    PaymentRunDetail,
    PaymentRunSummary,
    PaymentSettingsChange,
    PaymentSettingsShown,
    PaymentSummary,
    RecoveredPart,
    RecoveryMade,
    RunReason,
    StatusFileRead,
    WaitingClub,
)
from service.audit.actions import record
from service.database.requests import transactional
from service.errors import N_, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.payments import queries, recoveries, runs, settings, statuses
from service.payments.bank_file import write_bank_file
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

Shown = TypeVar("Shown", bound=msgspec.Struct)

_RUNS: Final = "/api/v1/payment-runs"
_ONE: Final = f"{_RUNS}/{{run_id:uuid}}"
_PAYMENT: Final = "/api/v1/payments/{payment_id:uuid}"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "tags": ["payments"], "responses": DOCUMENTED}
_READ: Final = _OPEN | {"opt": may("payments.read")}
_CREATE: Final = _OPEN | {"opt": may("payments.create")}
_STATUS: Final = _OPEN | {"opt": may("payments.status")}


@get(_RUNS, **_READ)
@transactional
def list_runs(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[PaymentRunSummary]:
    """The payment runs, the newest first."""
    municipality_of(request)
    found = queries.list_runs(session, limit, decode_cursor(after, int))
    return page_of(found, limit, _summary, lambda one: one.number)


@post(_RUNS, **_CREATE)
@transactional
@idempotent
def create_run(request: AnyRequest, session: Session, data: JSONBody[NewPaymentRun]) -> Response[PaymentRunDetail]:
    """Collect approved claims into a run. 409 where another run is open, or nothing can be paid."""
    made = runs.create_run(session, municipality_of(request), data.until, actor_of(request), data.pays_on)
    where = request.app.route_reverse("payment-run", run_id=made.run)
    return Response(_detail(session, made.run), headers={"Location": where})


@get(_ONE, name="payment-run", **_READ)
@transactional
def show_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> PaymentRunDetail:
    """A run, and which clubs it leaves out and why."""
    municipality_of(request)
    return _detail(session, run_id)


@get(f"{_ONE}/payments", **_READ)
@transactional
def list_payments(
    request: AnyRequest, session: Session, run_id: FromPath[UUID], limit: Limit = PAGE, after: After = None
) -> Page[PaymentSummary]:
    """What a run pays, by the club's name."""
    municipality_of(request)
    queries.show_run(session, run_id)
    places = decode_cursor(after, int) or 0
    found = queries.payments_of_run(session, run_id, limit, places)
    shown = {one.id: places + number for number, one in enumerate(found, start=1)}
    return page_of(found, limit, _payment, lambda one: shown[one.id])


@post(f"{_ONE}/renewal", status_code=200, **_CREATE)
@transactional
@idempotent
def renew_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> PaymentRunDetail:
    """Build an open run anew from what is payable now; an approval is void then."""
    runs.renew_run(session, municipality_of(request), run_id, actor_of(request))
    return _detail(session, run_id)


@post(f"{_ONE}/approval", status_code=200, opt=may("payments.approve"), **_OPEN)
@transactional
@idempotent
def approve_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> PaymentRunDetail:
    """Approve a run that somebody else made. 409 where something has changed since: renew it then."""
    runs.approve_run(session, municipality_of(request), run_id, actor_of(request))
    return _detail(session, run_id)


@post(f"{_ONE}/release", status_code=200, opt=may("payments.release"), **_OPEN)
@transactional
@idempotent
def release_run(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> PaymentRunDetail:
    """Release a run that two others made and approved. Where something has changed the answer's state is `created`.

    Its approval is void then, `voided_because` says why, and nothing was released.
    """
    runs.release_run(session, municipality_of(request), run_id, actor_of(request))
    return _detail(session, run_id)


@post(f"{_ONE}/cancellation", status_code=200, **_CREATE)
@transactional
@idempotent
def cancel_run(
    request: AnyRequest, session: Session, run_id: FromPath[UUID], data: JSONBody[RunReason]
) -> PaymentRunDetail:
    """Take an open run back: its claims are payable again."""
    runs.cancel_run(session, municipality_of(request), run_id, data.reason, actor_of(request))
    return _detail(session, run_id)


@get(f"{_ONE}/file.xml", opt=may("payments.release"), media_type="application/xml", **_OPEN)
@transactional
def download_file(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The bank's file of a released run (`pain.001`), always the same to the byte."""
    return download_of(request, session, run_id, "xml")


@get(f"{_ONE}/nemkonto.csv", opt=may("payments.release"), media_type="text/csv", **_OPEN)
@transactional
def download_nemkonto(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The instructions to pay NemKonti, for the municipality's own payment system."""
    return download_of(request, session, run_id, "nemkonto")


@get(f"{_ONE}/postings.csv", media_type="text/csv", **_READ)
@transactional
def download_postings(request: AnyRequest, session: Session, run_id: FromPath[UUID]) -> Response[bytes]:
    """The postings of a released run, for the municipality's accounts."""
    return download_of(request, session, run_id, "postings")


_FILES: Final = {
    "xml": ("application/xml", "payments-{number}.xml"),
    "nemkonto": ("text/csv; charset=utf-8", "nemkonto-{number}.csv"),
    "postings": ("text/csv; charset=utf-8", "postings-{number}.csv"),
}
_WITHOUT: Final = {
    "xml": N_("Nothing of this run is paid through the bank."),
    "nemkonto": N_("Nothing of this run goes to a NemKonto."),
    "postings": N_("The run has no postings."),
}


def download_of(request: AnyRequest, session: Session, run_id: UUID, kind: str) -> Response[bytes]:
    """A file of a released run: `xml`, `nemkonto` or `postings`. That it was taken is in the audit trail."""
    municipality = municipality_of(request)
    made = write_bank_file(session, run_id)
    media_type, name = _FILES[kind]
    content: bytes | None = getattr(made, kind)
    if content is None:
        raise NotFound(_WITHOUT[kind])
    subject, details = ("payment_run", run_id), {"file": kind}
    record(session, municipality.id, actor_of(request), "payments.file.download", subject, details=details)
    headers = {"Content-Disposition": f'attachment; filename="{name.format(number=made.number)}"'}
    return Response(content, media_type=media_type, headers=headers)


@get(_PAYMENT, **_READ)
@transactional
def show_payment(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> PaymentDetail:
    """A payment from its claims to the bank and back."""
    municipality_of(request)
    found = queries.show_payment(session, payment_id)
    return PaymentDetail(
        **msgspec.structs.asdict(found),
        paid_claims=[_as(PaidClaim, one) for one in queries.claims_of(session, payment_id)],
        recovered=[_as(RecoveredPart, one) for one in queries.recovered_in(session, payment_id)],
        events=[_as(PaymentEvent, one) for one in queries.events_of(session, payment_id)],
    )


@post(f"{_PAYMENT}/settlement", status_code=200, **_STATUS)
@transactional
@idempotent
def settle_payment(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> PaymentSummary:
    """Note that a payment which no file of the bank tells of, such as to a NemKonto, was carried out."""
    statuses.settle_by_hand(session, municipality_of(request), payment_id, actor_of(request))
    return _payment(queries.show_payment(session, payment_id))


@post(f"{_PAYMENT}/rejection", status_code=200, **_STATUS)
@transactional
@idempotent
def reject_payment(
    request: AnyRequest, session: Session, payment_id: FromPath[UUID], data: JSONBody[RunReason]
) -> PaymentSummary:
    """Note that a payment did not go through, though no file says so; its claims are owed again."""
    statuses.reject_by_hand(session, municipality_of(request), payment_id, data.reason, actor_of(request))
    return _payment(queries.show_payment(session, payment_id))


@post(f"{_PAYMENT}/retry", status_code=200, **_STATUS)
@transactional
@idempotent
def retry_payment(
    request: AnyRequest, session: Session, payment_id: FromPath[UUID], data: JSONBody[RunReason]
) -> PaymentSummary:
    """Let the claims of a rejected payment go to the same account again: the fault was not the account's."""
    statuses.allow_retry(session, municipality_of(request), payment_id, data.reason, actor_of(request))
    return _payment(queries.show_payment(session, payment_id))


@post("/api/v1/payment-statuses", status_code=200, **_STATUS)
@transactional
def read_status(
    request: AnyRequest, session: Session, data: Annotated[bytes, Body(media_type="application/xml")]
) -> StatusFileRead:
    """Read a file of the bank, `pain.002` or `camt.054`, sent as the body. The same bytes again change nothing."""
    made = statuses.read_statuses(session, municipality_of(request), data, actor_of(request))
    return StatusFileRead(made.file, made.kind, made.repeated, made.outcomes)


@get("/api/v1/payment-statuses/odd", **_READ)
@transactional
def list_odd(request: AnyRequest, session: Session) -> list[OddStatus]:
    """What the bank said that a person has to look at: unknown references, other amounts, settled after rejected."""
    municipality_of(request)
    return [_as(OddStatus, one) for one in queries.odd_entries(session)]


@post("/api/v1/recoveries", opt=may("payments.correct"), **_OPEN)
@transactional
@idempotent
def add_recovery(request: AnyRequest, session: Session, data: JSONBody[NewRecovery]) -> RecoveryMade:
    """Note that a club was paid too much; it is taken from its next payments, as far as they go."""
    municipality, actor = municipality_of(request), actor_of(request)
    made = recoveries.recover(session, municipality, data.club_id, data.amount_ore, data.reason, actor, data.claim_id)
    return RecoveryMade(made, data.club_id, data.amount_ore, recoveries.left_to_recover(session, data.club_id))


@get("/api/v1/payment-settings", **_READ)
@transactional
def show_settings(request: AnyRequest, session: Session) -> PaymentSettingsShown:
    """From which account and how the municipality pays."""
    municipality_of(request)
    return _as(PaymentSettingsShown, settings.settings_of(session))


@patch("/api/v1/payment-settings", opt=may("payments.settings"), **_OPEN)
@transactional
def change_settings(
    request: AnyRequest, session: Session, data: JSONBody[PaymentSettingsChange]
) -> PaymentSettingsShown:
    """Change from which account and how the municipality pays; runs that were released stay as they are."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not None}
    return _as(
        PaymentSettingsShown, settings.set_settings(session, municipality_of(request), changes, actor_of(request))
    )


ROUTES = [
    list_runs,
    create_run,
    show_run,
    list_payments,
    renew_run,
    approve_run,
    release_run,
    cancel_run,
    download_file,
    download_nemkonto,
    download_postings,
    show_payment,
    settle_payment,
    reject_payment,
    retry_payment,
    read_status,
    list_odd,
    add_recovery,
    show_settings,
    change_settings,
]
"""The API of payments."""


def _detail(session: Session, run_id: UUID) -> PaymentRunDetail:
    waiting = [_as(WaitingClub, one) for one in queries.waiting_of(session, run_id)]
    return PaymentRunDetail(**msgspec.structs.asdict(_summary(queries.show_run(session, run_id))), waiting=waiting)


def _summary(one: queries.ListedRun) -> PaymentRunSummary:
    return _as(PaymentRunSummary, one)


def _payment(one: queries.PaymentLine) -> PaymentSummary:
    return _as(PaymentSummary, one)


def _as(struct: type[Shown], row: msgspec.Struct) -> Shown:
    return msgspec.convert(row, struct, from_attributes=True)
