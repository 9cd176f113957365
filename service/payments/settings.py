"""From which account and how a municipality pays."""

from typing import Any

import msgspec
from sqlalchemy import text
from sqlmodel import Session
from stdnum import bic as bics
from stdnum.exceptions import ValidationError

from service.audit.actions import Actor, record
from service.errors import FieldError, Invalid, Unreadable
from service.identity.actions import Municipality
from service.values.accounts import read_account

FORMATS = ("pain.001.001.09", "pain.001.001.03")
CURRENCIES = {"dk": "DKK", "no": "NOK"}


class PaymentSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who pays, and what goes with it; empty texts where nothing was set yet.

    `account` is an IBAN. `bic` is the bank's, where it asks for it. `file_format` is a version of the ISO 20022 credit
    transfer. `domestic_accounts`: accounts stand in the file as the country writes them (BBAN) and not as IBAN.
    `expense_account` and `bank_account` are the posting file's. `sample_percent`: which share of paid claims is checked
    by lot, `sample_days` how long a club has to answer.
    """

    name: str = ""
    account: str = ""
    bic: str = ""
    organisation_number: str = ""
    file_format: str = FORMATS[0]
    domestic_accounts: bool = False
    expense_account: str = ""
    bank_account: str = ""
    sample_percent: int = 2
    sample_days: int = 21


def settings_of(session: Session) -> PaymentSettings:
    """How the municipality that is acted for pays."""
    found = session.execute(text("SELECT settings FROM payment_settings")).scalar()
    return msgspec.convert(found or {}, PaymentSettings)


def set_settings(
    session: Session, municipality: Municipality, changes: dict[str, Any], actor: Actor
) -> PaymentSettings:
    """Change how the municipality pays. Refuses with every wrong field; runs that were released stay as they are."""
    known = {field.name for field in msgspec.structs.fields(PaymentSettings)}
    wrong = [
        FieldError(name, "is no setting; known are {known}", {"known": ", ".join(sorted(known))})
        for name in changes
        if name not in known
    ]
    read: dict[str, Any] = {name: value.strip() if isinstance(value, str) else value for name, value in changes.items()}
    if read.get("account"):
        try:
            read["account"] = read_account(read["account"], municipality.country)
        except Unreadable as error:
            wrong.append(FieldError("account", "{reason}", {"reason": error.text}))
    if read.get("bic"):
        try:
            read["bic"] = bics.validate(read["bic"])
        except ValidationError:
            wrong.append(FieldError("bic", "must be a BIC of 8 or 11 letters and digits"))
    if read.get("file_format", FORMATS[0]) not in FORMATS:
        wrong.append(FieldError("file_format", "must be one of {known}", {"known": ", ".join(FORMATS)}))
    if len(read.get("name", "")) > 70:
        wrong.append(FieldError("name", "must be {most} characters at most", {"most": 70}))
    for name, (low, high) in {"sample_percent": (0, 100), "sample_days": (1, 120)}.items():
        if name in read and not low <= read[name] <= high:
            wrong.append(
                FieldError(name, "must be a whole number from {lowest} to {highest}", {"lowest": low, "highest": high})
            )
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)
    made = msgspec.structs.replace(settings_of(session), **read)
    session.execute(
        text(
            """INSERT INTO payment_settings (tenant_id, settings) VALUES (:tenant, CAST(:settings AS jsonb))
            ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings"""
        ),
        {"tenant": municipality.id, "settings": msgspec.json.encode(made).decode()},
    )
    details = {"fields": sorted(read)}
    record(session, municipality.id, actor, "payments.settings.set", ("tenant", municipality.id), details=details)
    return made


def require_debtor(session: Session, municipality: Municipality) -> PaymentSettings:
    """The settings, refused where it is not known who pays from which account."""
    found = settings_of(session)
    missing = [name for name in ("name", "account") if not getattr(found, name)]
    if missing:
        raise Invalid(
            "Before anything is paid, set from which account {municipality} pays: medspiller payments settings.",
            [FieldError(name, "is missing") for name in missing],
            municipality=municipality.name,
        )
    return found
