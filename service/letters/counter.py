"""A letter printed at the counter or on a home visit and given to the family: it does not go by post as well."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import Conflict, NotFound
from service.identity.actions import Municipality
from service.letters.batches import render_batches
from service.letters.content import Letter
from service.letters.printing import Compose, HeldBack
from service.letters.settings import Signature, signature
from service.values import clock
from service.values.secrecy import KeyRing


def print_at_counter(
    session: Session, municipality: Municipality, keys: KeyRing, compose: Compose, letter_id: UUID, actor: Actor
) -> bytes:
    """The PDF of a letter that waits for a print batch, which is handed over with it; the same bytes when asked again.

    Refused where the letter goes by post already or cannot be written.
    """
    one_at_a_time(session, "batches", municipality.id)
    row = session.execute(
        text(
            """SELECT l.state, l.content, b.in_person, b.number AS batch FROM letter l
            LEFT JOIN print_batch b ON b.id = l.batch_id WHERE l.id = :id FOR UPDATE OF l"""
        ),
        {"id": letter_id},
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such letter.")
    signed, again = signature(session), bool(row.in_person)
    letter = _said_before(municipality, keys, row) if again else None
    if letter is None:
        letter = _compose(session, municipality, keys, compose, signed, letter_id, row)
    pdf, pages = _rendered(letter, signed)
    if not again:
        _give(session, municipality, keys, letter_id, letter, pages, pdf, actor)
    record(session, municipality.id, actor, "letters.counter", ("letter", letter_id))
    return pdf


def _said_before(municipality: Municipality, keys: KeyRing, row: Any) -> Letter:
    if not row.content:
        raise Conflict("What the letter said was erased when its retention was over.")
    return msgspec.json.decode(keys.for_tenant(municipality.id).decrypt_bytes(row.content), type=Letter)


def _compose(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    compose: Compose,
    signed: Signature,
    letter_id: UUID,
    row: Any,
) -> Letter:
    if row.state not in ("queued", "held_back"):
        raise Conflict("The letter goes by post: it is in print batch {batch}.", batch=row.batch)
    # To its end: what is composed is noted after the last.
    [composed] = list(compose(session, municipality, keys, signed, [letter_id]))
    if isinstance(composed.said, HeldBack):
        raise Conflict("The letter cannot be printed: {reason}", reason=composed.said.because)
    if composed.said is None:
        raise Conflict("The letter has nothing to say any more: its pass was replaced or revoked.")
    return composed.said


def _rendered(letter: Letter, signed: Signature) -> tuple[bytes, int]:
    with TemporaryDirectory(prefix="letter-") as folder:
        out = Path(folder) / "letter.pdf"
        [[pages]] = list(render_batches([([letter], out)], workers=1, templates=signed.folder()))
        return out.read_bytes(), pages


def _give(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    letter_id: UUID,
    letter: Letter,
    pages: int,
    pdf: bytes,
    actor: Actor,
) -> None:
    """Put the letter into a batch of its own, which is handed over."""
    values = {
        "tenant": municipality.id,
        "letter": letter_id,
        "protected": letter.protected,
        "pages": pages,
        "digest": hashlib.sha256(pdf).hexdigest(),
        "at": clock.now(),
        "by": actor.account_id,
        "content": keys.for_tenant(municipality.id).encrypt_bytes(msgspec.json.encode(letter)),
    }
    values["batch"] = session.execute(
        text(
            """INSERT INTO print_batch
                (tenant_id, number, protected, in_person, letters, created_at, pages, sha256, handed_over_at,
                    handed_over_by)
            SELECT :tenant, coalesce(max(number), 0) + 1, :protected, true, 1, :at, :pages, :digest, :at, :by
            FROM print_batch RETURNING id"""
        ),
        values,
    ).scalar_one()
    session.execute(
        text(
            """UPDATE letter SET state = 'batched', held_because = NULL, batch_id = :batch, place = 1, pages = :pages,
                content = :content WHERE id = :letter"""
        ),
        values,
    )
    session.execute(text("UPDATE letter SET state = 'handed_over' WHERE id = :letter"), values)
