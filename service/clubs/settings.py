"""How a municipality deals with clubs, and what clubs agree to."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import FieldError, Invalid
from service.identity.actions import Municipality
from service.values import clock

LONGEST_AGREEMENT: Final = 20_000
_DEFAULT: Final = {
    "da": (
        "Foreningen lader børn bruge deres fritidspas til kontingentet og oplyser det fulde kontingent.\n\n"
        "Foreningen søger kun om penge for børn, der er meldt ind og har mulighed for at deltage, og betaler tilbage, "
        "hvis et barn ikke begynder.\n\n"
        "Foreningen spørger ikke om, hvorfor et barn har et pas, og fortæller det ikke videre til andre.\n\n"
        "Kommunen kan bede om medlemslister og regnskab for de penge, den har udbetalt."
    ),
    "nb": (
        "Foreningen lar barn bruke fritidspasset til medlemsavgiften og oppgir hele avgiften.\n\n"
        "Foreningen søker bare om penger for barn som er meldt inn og kan delta, og betaler tilbake hvis et barn ikke "
        "begynner.\n\n"
        "Foreningen spør ikke om hvorfor et barn har et pass, og forteller det ikke videre til andre.\n\n"
        "Kommunen kan be om medlemslister og regnskap for pengene den har utbetalt."
    ),
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`account_wait_days`: how long a new account of a club waits after its approval before money goes there.

    `cache_days`: how long what a public register said counts before it is asked again.
    """

    applications_open: bool = True
    account_wait_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 7
    cache_days: Annotated[int, msgspec.Meta(ge=1, le=365)] = 30


class Agreement(msgspec.Struct, frozen=True):
    """What clubs agree to; one that is not kept yet is the program's own."""

    version: int
    text: str
    made_at: datetime | None


def settings_of(session: Session) -> Settings:
    """How the tenant of this transaction deals with clubs."""
    row = session.execute(text("SELECT settings FROM club_settings")).scalar()
    return msgspec.convert(row or {}, Settings)


def set_settings(session: Session, tenant_id: UUID, changed: Settings, actor: Actor) -> Settings:
    """Set all of them."""
    wrong = [
        FieldError(name, "must be {least} to {most} days", {"least": least, "most": most})
        for name, value, least, most in (
            ("account_wait_days", changed.account_wait_days, 0, 90),
            ("cache_days", changed.cache_days, 1, 365),
        )
        if not least <= value <= most
    ]
    if wrong:
        raise Invalid("Some settings are wrong.", wrong)
    session.execute(
        text(
            """INSERT INTO club_settings (tenant_id, settings) VALUES (:tenant, CAST(:settings AS jsonb))
            ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings"""
        ),
        {"tenant": tenant_id, "settings": msgspec.json.encode(changed).decode()},
    )
    said: dict[str, Any] = msgspec.to_builtins(changed)
    record(session, tenant_id, actor, "clubs.settings.set", ("tenant", tenant_id), details=said)
    return changed


def agreement_of(session: Session, municipality: Municipality) -> Agreement:
    """What clubs agree to now. Until the municipality has words of its own it is the program's."""
    row = session.execute(
        text("SELECT version, text, made_at FROM club_agreement ORDER BY version DESC LIMIT 1")
    ).one_or_none()
    if row is None:
        return Agreement(version=1, text=_DEFAULT.get(municipality.language, _DEFAULT["da"]), made_at=None)
    return msgspec.convert(row, Agreement, from_attributes=True)


def keep_agreement(session: Session, municipality: Municipality) -> Agreement:
    """The agreement of now, kept for good: somebody accepts it."""
    found = agreement_of(session, municipality)
    if found.made_at is None:
        _add(session, municipality.id, found.version, found.text, None)
    return found


def set_agreement(session: Session, municipality: Municipality, words: str, actor: Actor) -> Agreement:
    """Give the agreement other words: a version of its own. Clubs that accepted an earlier one are asked anew."""
    words = words.replace("\r\n", "\n").strip()
    if not words or len(words) > LONGEST_AGREEMENT:
        wrong = FieldError("agreement", "must be 1 to {most} characters", {"most": LONGEST_AGREEMENT})
        raise Invalid("The agreement cannot be kept like this.", [wrong])
    now = keep_agreement(session, municipality)
    if words == now.text:
        return now
    _add(session, municipality.id, now.version + 1, words, actor.account_id)
    subject = ("tenant", municipality.id)
    record(session, municipality.id, actor, "clubs.agreement.set", subject, details={"version": now.version + 1})
    return agreement_of(session, municipality)


def accepted(session: Session, municipality: Municipality, version: int) -> int:
    """The version that somebody read and accepts; refused where there is a newer one by now."""
    if version != keep_agreement(session, municipality).version:
        wrong = FieldError("agreement", "has changed: read it again")
        raise Invalid("The agreement has changed meanwhile. Read it again.", [wrong])
    return version


def _add(session: Session, tenant_id: UUID, version: int, words: str, account_id: UUID | None) -> None:
    session.execute(
        text(
            """INSERT INTO club_agreement (tenant_id, version, text, made_at, made_by)
            VALUES (:tenant, :version, :words, :at, :by) ON CONFLICT (tenant_id, version) DO NOTHING"""
        ),
        {"tenant": tenant_id, "version": version, "words": words, "at": clock.now(), "by": account_id},
    )
