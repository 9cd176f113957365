"""Print batches: made of queued letters, rendered as often as wanted, handed over once."""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.engine import Database
from service.database.locks import one_at_a_time
from service.errors import Conflict, NotFound
from service.identity.actions import Municipality
from service.letters.batches import LETTERS_PER_BATCH, render_batches
from service.letters.content import Letter
from service.letters.settings import Signature, signature
from service.values import clock
from service.values.progress import Progress
from service.values.secrecy import KeyRing


class HeldBack(msgspec.Struct, frozen=True):
    """Why a letter cannot be sent yet; it is tried again with the next batch."""

    because: str


class Composed(msgspec.Struct, frozen=True):
    """A queued letter and what it says; None where nothing is left to say."""

    letter_id: UUID
    said: Letter | HeldBack | None


class Compose(Protocol):
    """Turns queued letters into what they say, in their order."""

    def __call__(
        self, session: Session, municipality: Municipality, keys: KeyRing, signature: Signature, letters: Sequence[UUID]
    ) -> Iterator[Composed]: ...


class PrintProvider(Protocol):
    """Takes a finished batch. Delivering the same batch again must have the effect of once."""

    def deliver(self, name: str, pdf: Path, manifest: Path) -> None: ...


class Rendered(msgspec.Struct, frozen=True):
    """What a rendering made, and how many letters wait for an address."""

    letters: int
    batches: int
    pages: int
    held_back: int
    files: list[str]


class _Batch(msgspec.Struct, frozen=True):
    id: UUID
    number: int
    protected: bool
    letters: int
    sha256: str | None
    handed_over: bool

    @property
    def name(self) -> str:
        return f"batch-{self.number:05}{'-protected' if self.protected else ''}"


def make_batches(
    database: Database, municipality: Municipality, keys: KeyRing, compose: Compose, progress: Progress
) -> int:
    """Put every queued letter into a print batch, and try those held back again; returns the batches made.

    Each batch is a transaction of its own: a process killed on the way leaves whole batches and queued letters.
    Letters to protected addresses never share a batch with others.
    """
    with database.transaction(municipality.id) as session:
        session.execute(text("UPDATE letter SET state = 'queued', held_because = NULL WHERE state = 'held_back'"))
    made = 0
    for protected in (False, True):
        while True:
            with database.transaction(municipality.id) as session:
                one_at_a_time(session, "batches", municipality.id)
                letters = _next_letters(session, protected)
                if not letters:
                    break
                made += _make_batch(session, municipality, keys, compose, letters, protected)
            progress.at("Making print batches", made)
    return made


def render(
    database: Database, municipality: Municipality, keys: KeyRing, out: Path, batch: int | None, progress: Progress
) -> Rendered:
    """Write `batch-*.pdf` and `batch-*.csv` of one batch, or of every batch not handed over yet, into a folder.

    The same batch gives the same bytes each time. After the hand-over templates may have changed: a batch that would no
    longer look as it was sent is refused.
    """
    with database.transaction(municipality.id) as session:
        batches = _batches(session, batch)
        templates = signature(session).folder()
        held = session.execute(text("SELECT count(*) FROM letter WHERE state = 'held_back'")).scalar_one()
    out.mkdir(parents=True, exist_ok=True)
    pages = letters = 0
    for done, (one, counts) in enumerate(_printed(database, municipality, keys, batches, out, templates), start=1):
        digest = _sha256(out / f"{one.name}.pdf")
        with database.transaction(municipality.id) as session:
            _note_pages(session, one, counts, digest)
            _write_manifest(session, municipality, keys, one, out / f"{one.name}.csv")
        pages, letters = pages + sum(counts), letters + len(counts)
        progress.at("Rendering print batches", done, len(batches))
    files = [str(out / f"{one.name}.pdf") for one in batches]
    return Rendered(letters=letters, batches=len(batches), pages=pages, held_back=held, files=files)


def hand_over(
    database: Database,
    municipality: Municipality,
    keys: KeyRing,
    provider: PrintProvider,
    folder: Path,
    batch: int | None,
    actor: Actor,
    progress: Progress,
) -> int:
    """Give every batch that is not handed over yet (or that one) to the print provider; returns the letters.

    The batch's row is locked from before the delivery until it is noted. A process killed in between delivers the same
    batch under the same name again, which a provider takes as one.
    """
    with database.transaction(municipality.id) as session:
        waiting = [one for one in _batches(session, batch) if not one.handed_over]
    if batch is not None and not waiting:
        raise Conflict(f"Batch {batch} is handed over already.")
    sent = 0
    for one in waiting:
        render(database, municipality, keys, folder, one.number, progress)
        with database.transaction(municipality.id) as session:
            gone = session.execute(
                text("SELECT handed_over_at IS NOT NULL FROM print_batch WHERE id = :id FOR UPDATE"), {"id": one.id}
            ).scalar_one()
            if gone:
                continue
            provider.deliver(one.name, folder / f"{one.name}.pdf", folder / f"{one.name}.csv")
            values = {"id": one.id, "at": clock.now(), "by": actor.account_id}
            session.execute(text("UPDATE letter SET state = 'handed_over' WHERE batch_id = :id"), values)
            session.execute(
                text("UPDATE print_batch SET handed_over_at = :at, handed_over_by = :by WHERE id = :id"), values
            )
            details = {"letters": one.letters}
            record(session, municipality.id, actor, "letters.hand_over", ("print_batch", one.id), details=details)
        sent += one.letters
    return sent


def _next_letters(session: Session, protected: bool) -> list[UUID]:
    lives = "SELECT FROM household_member m WHERE m.household_id = letter.household_id AND m.address_protected"
    rows = session.execute(
        text(
            f"""SELECT id FROM letter WHERE state = 'queued' AND EXISTS ({lives}) = :protected
            ORDER BY number LIMIT :most FOR UPDATE"""
        ),
        {"protected": protected, "most": LETTERS_PER_BATCH},
    )
    return list(rows.scalars())


def _make_batch(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    compose: Compose,
    letters: list[UUID],
    protected: bool,
) -> int:
    secrets = keys.for_tenant(municipality.id)
    ready: list[dict[str, Any]] = []
    for composed in compose(session, municipality, keys, signature(session), letters):
        if isinstance(composed.said, Letter):
            content = secrets.encrypt_bytes(msgspec.json.encode(composed.said))
            ready.append({"id": composed.letter_id, "content": content, "place": len(ready) + 1})
            continue
        state, because = ("cancelled", None) if composed.said is None else ("held_back", composed.said.because)
        session.execute(
            text("UPDATE letter SET state = :state, held_because = :because WHERE id = :id"),
            {"id": composed.letter_id, "state": state, "because": because},
        )
    if not ready:
        return 0
    batch_id = session.execute(
        text(
            """INSERT INTO print_batch (tenant_id, number, protected, letters, created_at)
            SELECT :tenant, coalesce(max(number), 0) + 1, :protected, :letters, :at FROM print_batch RETURNING id"""
        ),
        {"tenant": municipality.id, "protected": protected, "letters": len(ready), "at": clock.now()},
    ).scalar_one()
    session.execute(
        text(
            """UPDATE letter SET state = 'batched', batch_id = :batch, place = r.place, content = r.content
            FROM unnest(CAST(:ids AS uuid[]), CAST(:places AS int[]), CAST(:contents AS bytea[]))
                AS r (id, place, content)
            WHERE letter.id = r.id"""
        ),
        {
            "batch": batch_id,
            "ids": [one["id"] for one in ready],
            "places": [one["place"] for one in ready],
            "contents": [one["content"] for one in ready],
        },
    )
    return 1


def _batches(session: Session, number: int | None) -> list[_Batch]:
    wanted = "handed_over_at IS NULL" if number is None else "number = :number"
    rows = session.execute(
        text(
            f"""SELECT id, number, protected, letters, sha256, handed_over_at IS NOT NULL AS handed_over
            FROM print_batch WHERE {wanted} ORDER BY number"""
        ),
        {"number": number} if number is not None else {},
    ).all()
    if number is not None and not rows:
        raise NotFound(f"There is no batch {number}.")
    return [msgspec.convert(row, _Batch, from_attributes=True) for row in rows]


def _printed(
    database: Database,
    municipality: Municipality,
    keys: KeyRing,
    batches: list[_Batch],
    out: Path,
    templates: Path | None,
) -> Iterator[tuple[_Batch, list[int]]]:
    # The letters of a batch are read when its turn comes: memory holds a few batches, however many there are.
    jobs = ((_letters(database, municipality, keys, one), out / f"{one.name}.pdf") for one in batches)
    return zip(batches, render_batches(jobs, templates=templates), strict=True)


def _letters(database: Database, municipality: Municipality, keys: KeyRing, batch: _Batch) -> list[Letter]:
    secrets = keys.for_tenant(municipality.id)
    with database.transaction(municipality.id) as session:
        contents = session.execute(
            text("SELECT content FROM letter WHERE batch_id = :id ORDER BY place"), {"id": batch.id}
        ).scalars()
        return [msgspec.json.decode(secrets.decrypt_bytes(content), type=Letter) for content in contents]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note_pages(session: Session, batch: _Batch, counts: list[int], digest: str) -> None:
    if batch.handed_over and digest != batch.sha256:
        raise Conflict(f"Batch {batch.number} no longer renders as it was sent: the templates have changed since.")
    session.execute(
        text("UPDATE print_batch SET pages = :pages, sha256 = :digest WHERE id = :id"),
        {"id": batch.id, "pages": sum(counts), "digest": digest},
    )
    session.execute(
        text(
            """UPDATE letter SET pages = n.pages FROM unnest(CAST(:counts AS int[])) WITH ORDINALITY AS n (pages, place)
            WHERE letter.batch_id = :id AND letter.place = n.place"""
        ),
        {"id": batch.id, "counts": counts},
    )


_MANIFEST = ("letter_number", "recipient", "passes", "pages")


def _write_manifest(session: Session, municipality: Municipality, keys: KeyRing, batch: _Batch, path: Path) -> None:
    """A row per letter; `passes` are the numbers it carries, separated by a bar."""
    secrets = keys.for_tenant(municipality.id)
    rows = session.execute(
        text("SELECT number, pages, content FROM letter WHERE batch_id = :id ORDER BY place"), {"id": batch.id}
    )
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_MANIFEST)
        for row in rows:
            letter = msgspec.json.decode(secrets.decrypt_bytes(row.content), type=Letter)
            numbers = "|".join(sheet.bare_number for sheet in letter.passes)
            writer.writerow((row.number, letter.recipient[0], numbers, row.pages))
    part.replace(path)
