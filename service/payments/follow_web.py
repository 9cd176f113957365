"""The pages of what becomes of payments: one followed to the bank and back, the bank's files, over-payments."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.clubs.queries import find_club
from service.database.requests import transactional
from service.errors import N_, FieldError, Invalid, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.payments import queries, recoveries, settings, statuses
from service.payments.settings import FORMATS
from service.payments.web import PAYMENTS, WORDS, WithReason
from service.payments.words import ODD, OUTCOMES
from service.values import clock
from service.web.forms import FormData, Kroner, UploadData, blank, read_form, redisplaying
from service.web.pages import page, redirect, said

_PAYMENT: Final = f"{PAYMENTS}/{{payment_id:uuid}}"
_STATUSES: Final = f"{PAYMENTS}/statuses"
_RECOVERIES: Final = f"{PAYMENTS}/recoveries"
_SETTINGS: Final = f"{PAYMENTS}/settings"
_OPEN: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False}
_READ: Final = _OPEN | {"opt": may("payments.read")}
_STATUS: Final = _OPEN | {"opt": may("payments.status")}
_CORRECT: Final = _OPEN | {"opt": may("payments.correct")}
_SET: Final = _OPEN | {"opt": may("payments.settings")}


class StatusUpload(msgspec.Struct, frozen=True):
    """A file that the bank sent."""

    file: Annotated[UploadFile, Meta(title=N_("File from the bank"))]


class Seen(msgspec.Struct, frozen=True):
    """An entry that somebody has looked at."""

    file: Annotated[UUID, Meta(title=N_("File"))]
    place: Annotated[int, Meta(title=N_("Line"), ge=1)]


class OverPaid(msgspec.Struct, frozen=True):
    """That a club was paid too much."""

    number: Annotated[str, Meta(title=N_("The club's organisation number"), max_length=20)]
    amount: Annotated[Kroner, Meta(title=N_("Amount"), gt=0, lt=10**12)]
    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]
    key: FormKey


class SettingsForm(msgspec.Struct, frozen=True):
    """From which account and how the municipality pays."""

    name: Annotated[str | None, Meta(title=N_("Name of the payer"), max_length=70)] = None
    account: Annotated[str | None, Meta(title=N_("Account that is paid from"), max_length=50)] = None
    bic: Annotated[str | None, Meta(title=N_("BIC of the bank"), max_length=11)] = None
    organisation_number: Annotated[str | None, Meta(title=N_("Organisation number"), max_length=20)] = None
    file_format: Annotated[str, Meta(title=N_("File format"), max_length=20)] = FORMATS[0]
    domestic_accounts: Annotated[bool, Meta(title=N_("Write accounts as the country does, not as IBAN"))] = False
    expense_account: Annotated[str | None, Meta(title=N_("Account of the expense in the posting file"))] = None
    bank_account: Annotated[str | None, Meta(title=N_("Account of the bank in the posting file"))] = None
    sample_percent: Annotated[int, Meta(title=N_("Share of paid claims checked by lot, in percent"), ge=0, le=100)] = 2
    sample_days: Annotated[int, Meta(title=N_("Days a club has to answer"), ge=1, le=120)] = 21


@get(_PAYMENT, **_READ)
@transactional
def show_payment(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> Response[str]:
    """A payment from its claims to the bank and back."""
    return page(request, "payments/payment.html", form=blank(request, WithReason), **_payment(session, payment_id))


@post(f"{_PAYMENT}/settlement", status_code=303, **_STATUS)
@transactional
def settle(request: AnyRequest, session: Session, payment_id: FromPath[UUID]) -> Redirect:
    """Note that a payment to a NemKonto was carried out."""
    statuses.settle_by_hand(session, municipality_of(request), payment_id, actor_of(request))
    return redirect(request, f"{PAYMENTS}/{payment_id}", N_("The payment is noted as settled."))


@post(f"{_PAYMENT}/rejection", status_code=303, **_STATUS)
@transactional
def reject(request: AnyRequest, data: FormData, session: Session, payment_id: FromPath[UUID]) -> Redirect:
    """Note that a payment did not go through."""
    with redisplaying(request, "payments/payment.html", WithReason, data, **_payment(session, payment_id)):
        reason = read_form(data, WithReason).reason
        statuses.reject_by_hand(session, municipality_of(request), payment_id, reason, actor_of(request))
    done = N_("The payment is noted as rejected. Its claims are owed again.")
    return redirect(request, f"{PAYMENTS}/{payment_id}", done)


@post(f"{_PAYMENT}/retry", status_code=303, **_STATUS)
@transactional
def retry(request: AnyRequest, data: FormData, session: Session, payment_id: FromPath[UUID]) -> Redirect:
    """Let the claims go to the same account again."""
    with redisplaying(request, "payments/payment.html", WithReason, data, **_payment(session, payment_id)):
        reason = read_form(data, WithReason).reason
        statuses.allow_retry(session, municipality_of(request), payment_id, reason, actor_of(request))
    return redirect(request, f"{PAYMENTS}/{payment_id}", N_("The claims go to the same account with the next run."))


@get(_STATUSES, **_READ)
@transactional
def show_statuses(request: AnyRequest, session: Session) -> Response[str]:
    """What the bank said that a person has to look at, and the upload of its files."""
    return page(request, "payments/statuses.html", form=blank(request, StatusUpload), **_statuses(session))


@post(_STATUSES, status_code=303, **_STATUS)
@transactional
def read_status(request: AnyRequest, data: UploadData, session: Session) -> Redirect:
    """Read a file of the bank; the same file again changes nothing."""
    with redisplaying(request, "payments/statuses.html", StatusUpload, data, **_statuses(session)):
        content = read_form(data, StatusUpload).file.file.read()
        applied = statuses.read_statuses(session, municipality_of(request), content, actor_of(request))
    if applied.repeated:
        return redirect(request, _STATUSES, N_("This file was read before. Nothing has changed."), kind="info")
    counted = ", ".join(f"{count} {said(request, OUTCOMES[name])}" for name, count in applied.outcomes.items())
    kind = "warning" if set(applied.outcomes) & set(ODD) else "success"
    return redirect(request, _STATUSES, N_("The file was read: {counted}."), kind=kind, counted=counted)


@post(f"{_STATUSES}/seen", status_code=303, **_STATUS)
@transactional
def note_seen(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Take an entry from the list: somebody has looked at it."""
    one, actor = read_form(data, Seen), actor_of(request)
    changed = session.execute(
        text(
            """UPDATE status_entry SET seen_at = :at, seen_by = :by
            WHERE file_id = :file AND place = :place AND seen_at IS NULL RETURNING place"""
        ),
        {"file": one.file, "place": one.place, "at": clock.now(), "by": actor.account_id},
    ).scalar()
    if changed is None:
        raise NotFound("There is no such entry, or somebody has looked at it already.")
    record(session, municipality_of(request).id, actor, "payments.status.seen", ("status_file", one.file))
    return redirect(request, _STATUSES, N_("The entry is done."))


@get(_RECOVERIES, **_CORRECT)
@transactional
def show_recoveries(request: AnyRequest, session: Session) -> Response[str]:
    """What clubs were paid too much, and what is left of it."""
    form = blank(request, OverPaid, key=new_key())
    return page(request, "payments/recoveries.html", form=form, recoveries=recoveries.list_recoveries(session))


@post(_RECOVERIES, status_code=303, **_CORRECT)
@transactional
def add_recovery(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Note that a club was paid too much; sent again the form notes nothing more."""
    known = recoveries.list_recoveries(session)
    renewed = {**data, "key": data.get("key") or new_key()}
    with redisplaying(request, "payments/recoveries.html", OverPaid, renewed, recoveries=known):
        asked = read_form(data, OverPaid)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, _RECOVERIES, N_("This was noted already."), kind="info")
        try:
            club = find_club(session, asked.number)
        except NotFound as refusal:
            wrong = FieldError("number", "{reason}", {"reason": refusal.text})
            raise Invalid("Some fields are wrong.", [wrong]) from refusal
        municipality, actor = municipality_of(request), actor_of(request)
        recoveries.recover(session, municipality, club.id, asked.amount, asked.reason, actor)
    return redirect(request, _RECOVERIES, N_("It is taken from the next payments of {club}."), club=club.name)


@get(_SETTINGS, **_SET)
@transactional
def show_settings(request: AnyRequest, session: Session) -> Response[str]:
    """From which account and how the municipality pays."""
    known = settings.settings_of(session)
    form = blank(request, SettingsForm, **{name: getattr(known, name) for name in SettingsForm.__struct_fields__})
    return page(request, "payments/settings.html", form=form, formats=FORMATS)


@post(_SETTINGS, status_code=303, **_SET)
@transactional
def change_settings(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Set from which account and how the municipality pays."""
    with redisplaying(request, "payments/settings.html", SettingsForm, data, formats=FORMATS):
        asked = read_form(data, SettingsForm)
        changes = {name: "" if value is None else value for name, value in msgspec.structs.asdict(asked).items()}
        settings.set_settings(session, municipality_of(request), changes, actor_of(request))
    return redirect(request, _SETTINGS, N_("The settings are saved. They count from the next release on."))


ROUTES = [
    show_payment,
    settle,
    reject,
    retry,
    show_statuses,
    read_status,
    note_seen,
    show_recoveries,
    add_recovery,
    show_settings,
    change_settings,
]
"""The pages of what becomes of payments."""


def _payment(session: Session, payment_id: UUID) -> dict[str, Any]:
    return {
        "one": queries.show_payment(session, payment_id),
        "claims": queries.claims_of(session, payment_id),
        "recovered": queries.recovered_in(session, payment_id),
        "events": queries.events_of(session, payment_id),
        "outcomes": OUTCOMES,
        **WORDS,
    }


def _statuses(session: Session) -> dict[str, Any]:
    return {"odd": queries.odd_entries(session), "odd_words": ODD, "outcomes": OUTCOMES}
