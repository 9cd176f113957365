"""The second factor: time-based one-time codes (TOTP, RFC 6238), and recovery codes for a lost telephone.

It belongs to the account, not to a tenant, and so stands under the nil tenant.
"""

import secrets
from typing import Final
from uuid import UUID

import msgspec
import pyotp
import segno
from sqlalchemy import text
from sqlmodel import Session

from service.database.tenancy import INSTALLATION, acting_for
from service.errors import Conflict, FieldError, Invalid
from service.values import clock
from service.values.random_secrets import digest
from service.values.secrecy import KeyRing

_STEP_SECONDS: Final = 30
_RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


class Enrolment(msgspec.Struct, frozen=True):
    """What somebody puts into an authenticator: the secret to type, or a QR code (SVG as a data address)."""

    secret: str
    picture: str


def enrol(session: Session, keys: KeyRing, account_id: UUID, email: str) -> Enrolment:
    """Begin: the secret that is waiting to be confirmed, drawn where there is none yet.

    Refused where a second factor stands: whoever has an open session must not be able to put another in its place.
    """
    sealed = keys.for_tenant(INSTALLATION)
    with acting_for(session, INSTALLATION):
        session.execute(
            text(
                """INSERT INTO second_factor (tenant_id, account_id, secret_cipher, created_at)
                VALUES (:tenant, :account, :cipher, :at) ON CONFLICT (tenant_id, account_id) DO NOTHING"""
            ),
            {"tenant": INSTALLATION, "account": account_id, "at": clock.now()}
            | {"cipher": sealed.encrypt_bytes(pyotp.random_base32().encode())},
        )
        row = session.execute(_FACTOR, {"account": account_id}).one()
    if row.confirmed_at is not None:
        raise Conflict("A second factor is set up already. Remove it first.")
    secret = sealed.decrypt_bytes(bytes(row.secret_cipher)).decode()
    address = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Medspiller")
    picture = segno.make(address, micro=False).svg_data_uri(scale=4, dark="#000", light="#fff", border=4)
    return Enrolment(secret=secret, picture=picture)


_FACTOR = text(
    "SELECT secret_cipher, confirmed_at, last_step FROM second_factor WHERE account_id = :account FOR UPDATE"
)


def confirm(session: Session, keys: KeyRing, account_id: UUID, code: str) -> list[str]:
    """Set the second factor up with a first code; returns the recovery codes, to be shown once."""
    with acting_for(session, INSTALLATION):
        row = session.execute(_FACTOR, {"account": account_id}).one_or_none()
        if row is None or row.confirmed_at is not None:
            raise Conflict("There is nothing to confirm. Begin anew.")
        _take_step(session, keys, account_id, row.secret_cipher, row.last_step, code)
        session.execute(
            text("UPDATE second_factor SET confirmed_at = :at WHERE account_id = :account"),
            {"at": clock.now(), "account": account_id},
        )
        return _new_recovery_codes(session, account_id)


def check(session: Session, keys: KeyRing, account_id: UUID, code: str) -> None:
    """Take a code of the authenticator or a recovery code, each once; refuses any other."""
    with acting_for(session, INSTALLATION):
        row = session.execute(_FACTOR, {"account": account_id}).one_or_none()
        if row is None or row.confirmed_at is None:
            raise Conflict("No second factor is set up.")
        plain = "".join(code.split()).replace("-", "").lower()
        if plain.isdigit():
            _take_step(session, keys, account_id, row.secret_cipher, row.last_step, plain)
        else:
            _take_recovery_code(session, account_id, plain)


def remove(session: Session, account_id: UUID) -> bool:
    """Take the second factor away with its recovery codes; returns whether there was one."""
    with acting_for(session, INSTALLATION):
        bound = {"account": account_id}
        session.execute(text("DELETE FROM recovery_code WHERE account_id = :account"), bound)
        gone = session.execute(text("DELETE FROM second_factor WHERE account_id = :account RETURNING 1"), bound)
        return gone.one_or_none() is not None


def renew_recovery_codes(session: Session, account_id: UUID) -> list[str]:
    """New recovery codes, to be shown once; those of before are worth nothing then."""
    with acting_for(session, INSTALLATION):
        return _new_recovery_codes(session, account_id)


def recovery_codes_left(session: Session, account_id: UUID) -> int:
    """How many recovery codes have not been used."""
    with acting_for(session, INSTALLATION):
        left: int = session.execute(
            text("SELECT count(*) FROM recovery_code WHERE account_id = :account AND used_at IS NULL"),
            {"account": account_id},
        ).scalar_one()
    return left


def _take_step(
    session: Session, keys: KeyRing, account_id: UUID, cipher: bytes, last_step: int | None, code: str
) -> None:
    totp = pyotp.TOTP(keys.for_tenant(INSTALLATION).decrypt_bytes(bytes(cipher)).decode())
    now = int(clock.now().timestamp()) // _STEP_SECONDS
    # A clock may be a step off, and no code counts twice.
    matching = [step for step in (now - 1, now, now + 1) if secrets.compare_digest(totp.generate_otp(step), code)]
    fresh = [step for step in matching if last_step is None or step > last_step]
    if not fresh:
        raise _wrong()
    session.execute(
        text("UPDATE second_factor SET last_step = :step WHERE account_id = :account"),
        {"step": fresh[0], "account": account_id},
    )


def _take_recovery_code(session: Session, account_id: UUID, code: str) -> None:
    used = session.execute(
        text(
            """UPDATE recovery_code SET used_at = :at
            WHERE account_id = :account AND hash = :hash AND used_at IS NULL RETURNING 1"""
        ),
        {"at": clock.now(), "account": account_id, "hash": digest(code)},
    ).one_or_none()
    if used is None:
        raise _wrong()


def _new_recovery_codes(session: Session, account_id: UUID) -> list[str]:
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(12)) for _ in range(_RECOVERY_CODES)]
    session.execute(text("DELETE FROM recovery_code WHERE account_id = :account"), {"account": account_id})
    session.execute(
        text(
            """INSERT INTO recovery_code (tenant_id, account_id, hash)
            SELECT :tenant, :account, unnest(CAST(:hashes AS bytea[]))"""
        ),
        {"tenant": INSTALLATION, "account": account_id, "hashes": [digest(code) for code in codes]},
    )
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


def _wrong() -> Invalid:
    wrong = [FieldError("code", "is not right, or has been used. Take the code that the app shows now.")]
    return Invalid("The code is not right, or has been used.", wrong)
