"""Print batches: made of queued letters, rendered as often as wanted, handed over once."""

import csv
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.engine import Database
from service.database.locks import one_at_a_time
from service.errors import Conflict, Invalid, NotFound
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


def print_folder(home: Path, municipality: Municipality) -> Path:
    """Where the batches of a municipality lie that are rendered here, until they are handed over."""
    return home / "print" / municipality.code


def batch_name(number: int, protected: bool) -> str:
    """The name of a batch's files, before `.pdf` and `.csv`."""
    return f"batch-{number:05}{'-protected' if protected else ''}"


class _Batch(msgspec.Struct, frozen=True):
    id: UUID
    number: int
    protected: bool
    letters: int
    sha256: str | None
    handed_over: bool

    @property
    def name(self) -> str:
        return batch_name(self.number, self.protected)


def make_batches(
    database: Database, municipality: Municipality, keys: KeyRing, compose: Compose, progress: Progress
) -> int:
    """Put every queued letter into a print batch, and try those held back again; returns the batches made.

    Each batch is a transaction of its own: a process killed on the way leaves whole batches and queued letters.
    Letters to protected addresses never share a batch with others.
    """
    made = 0
    for protected in (False, True):
        last: str | None = ""
        while last is not None:
            with database.transaction(municipality.id) as session:
                one_at_a_time(session, "batches", municipality.id)
                letters = _next_letters(session, protected, last)
                made += _make_batch(session, municipality, keys, compose, list(letters.values()), protected)
            last = max(letters, default=None)
            progress.at("Making print batches", made)
    return made


def render(
    database: Database,
    municipality: Municipality,
    keys: KeyRing,
    out: Path,
    batch: int | None,
    actor: Actor,
    progress: Progress,
) -> Rendered:
    """Write `batch-*.pdf` and `batch-*.csv` of one batch, or of every batch not handed over yet, into a folder.

    The same batch gives the same bytes each time. After the hand-over templates may have changed: a batch that would no
    longer look as it was sent is refused, and what stands in the folder stays.
    """
    with _alone_in(out):
        with database.transaction(municipality.id) as session:
            batches = _batches(session, batch)
            held = session.execute(text("SELECT count(*) FROM letter WHERE state = 'held_back'")).scalar_one()
        printed = _printed(database, municipality, keys, batches, out, actor, progress)
        pages, letters = 0, 0
        for _, counts in printed:
            pages, letters = pages + sum(counts), letters + len(counts)
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

    `folder` holds a batch until the provider has it. A process killed on the way delivers the same batch under the
    same name again, which a provider takes as one.
    """
    sent = 0
    with _alone_in(folder):
        with database.transaction(municipality.id) as session:
            waiting = [one for one in _batches(session, batch) if not one.handed_over]
        for one, _ in _printed(database, municipality, keys, waiting, folder, actor, progress):
            with database.transaction(municipality.id) as session:
                sent += _deliver(session, municipality, provider, folder, one, actor)
            for path in _files(folder, one):
                path.unlink()
    if batch is not None and not sent:
        raise Conflict("Batch {batch} is handed over already.", batch=batch)
    return sent


def _deliver(
    session: Session, municipality: Municipality, provider: PrintProvider, folder: Path, batch: _Batch, actor: Actor
) -> int:
    """Deliver a batch unless that is done; its row stays locked from before the delivery until it is noted."""
    if _locked(session, batch).handed_over:
        return 0
    provider.deliver(batch.name, *_files(folder, batch))
    values = {"id": batch.id, "at": clock.now(), "by": actor.account_id}
    session.execute(text("UPDATE letter SET state = 'handed_over' WHERE batch_id = :id"), values)
    session.execute(text("UPDATE print_batch SET handed_over_at = :at, handed_over_by = :by WHERE id = :id"), values)
    details = {"letters": batch.letters}
    record(session, municipality.id, actor, "letters.hand_over", ("print_batch", batch.id), details=details)
    return batch.letters


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Make a folder and let no other process render into it meanwhile; what a killed one left half done goes."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for left in folder.glob(".batch-*"):
                left.unlink()
            tempfile.TemporaryFile(dir=folder).close()
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Invalid(
            "Letters cannot be written to {folder}: {reason}.", folder=folder, reason=error.strerror
        ) from error


def _next_letters(session: Session, protected: bool, after: str) -> dict[str, UUID]:
    lives = "SELECT FROM household_member m WHERE m.household_id = letter.household_id AND m.address_protected"
    rows = session.execute(
        text(
            f"""SELECT number, id FROM letter
            WHERE state IN ('queued', 'held_back') AND number > :after AND EXISTS ({lives}) = :protected
            ORDER BY number LIMIT :most FOR UPDATE"""
        ),
        {"protected": protected, "after": after, "most": LETTERS_PER_BATCH},
    )
    return {row.number: row.id for row in rows}


def _make_batch(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    compose: Compose,
    letters: list[UUID],
    protected: bool,
) -> int:
    secrets = keys.for_tenant(municipality.id)
    ready: dict[UUID, bytes] = {}
    for composed in compose(session, municipality, keys, signature(session), letters):
        said = composed.said
        if not isinstance(said, Letter):
            _set_aside(session, composed.letter_id, said)
        elif said.protected == protected:
            ready[composed.letter_id] = secrets.encrypt_bytes(msgspec.json.encode(said))
        # Otherwise an import has changed the protection since the letter was chosen: it waits for a batch of its kind.
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
            """UPDATE letter SET state = 'batched', held_because = NULL, batch_id = :batch, place = r.place,
                content = r.content
            FROM unnest(CAST(:ids AS uuid[]), CAST(:contents AS bytea[])) WITH ORDINALITY AS r (id, content, place)
            WHERE letter.id = r.id"""
        ),
        {"batch": batch_id, "ids": list(ready), "contents": list(ready.values())},
    )
    return 1


def _set_aside(session: Session, letter_id: UUID, said: HeldBack | None) -> None:
    state, because = ("held_back", said.because) if said else ("cancelled", None)
    session.execute(
        text("UPDATE letter SET state = :state, held_because = :because WHERE id = :id"),
        {"id": letter_id, "state": state, "because": because},
    )


_BATCH = "SELECT id, number, protected, letters, sha256, handed_over_at IS NOT NULL AS handed_over FROM print_batch"


def _batches(session: Session, number: int | None) -> list[_Batch]:
    wanted = "handed_over_at IS NULL" if number is None else "number = :number"
    query = text(f"{_BATCH} WHERE {wanted} ORDER BY number")
    rows = session.execute(query, {} if number is None else {"number": number}).all()
    if number is not None and not rows:
        raise NotFound("There is no batch {batch}.", batch=number)
    return [msgspec.convert(row, _Batch, from_attributes=True) for row in rows]


def _locked(session: Session, batch: _Batch) -> _Batch:
    row = session.execute(text(f"{_BATCH} WHERE id = :id FOR UPDATE"), {"id": batch.id}).one()
    return msgspec.convert(row, _Batch, from_attributes=True)


def _files(folder: Path, batch: _Batch, prefix: str = "") -> tuple[Path, Path]:
    return folder / f"{prefix}{batch.name}.pdf", folder / f"{prefix}{batch.name}.csv"


def _printed(
    database: Database,
    municipality: Municipality,
    keys: KeyRing,
    batches: list[_Batch],
    out: Path,
    actor: Actor,
    progress: Progress,
) -> Iterator[tuple[_Batch, list[int]]]:
    """Render batches and note their pages; yields each, with the pages of its letters, once its two files stand."""
    with database.transaction(municipality.id) as session:
        templates = signature(session).folder()
    # The letters of a batch are read when its turn comes: memory holds a few batches, however many there are.
    jobs = ((_letters(database, municipality, keys, one), _files(out, one, ".")[0]) for one in batches)
    rendered = zip(batches, render_batches(jobs, templates=templates), strict=True)
    for done, (one, counts) in enumerate(rendered, start=1):
        pdf, manifest = _files(out, one, ".")
        with database.transaction(municipality.id) as session:
            _note_pages(session, one, counts, _sha256(pdf))
            _write_manifest(session, municipality, keys, one, manifest)
            details = {"letters": one.letters}
            record(session, municipality.id, actor, "letters.render", ("print_batch", one.id), details=details)
        for part, path in zip((pdf, manifest), _files(out, one), strict=True):
            part.replace(path)
        progress.at("Rendering print batches", done, len(batches))
        yield one, counts


def _letters(database: Database, municipality: Municipality, keys: KeyRing, batch: _Batch) -> list[Letter]:
    secrets = keys.for_tenant(municipality.id)
    with database.transaction(municipality.id) as session:
        contents = session.execute(
            text("SELECT content FROM letter WHERE batch_id = :id ORDER BY place"), {"id": batch.id}
        ).all()
    if not all(row.content for row in contents):
        raise Conflict(
            "What the letters of batch {batch} said was erased when its retention was over.", batch=batch.number
        )
    return [msgspec.json.decode(secrets.decrypt_bytes(row.content), type=Letter) for row in contents]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note_pages(session: Session, batch: _Batch, counts: list[int], digest: str) -> None:
    now = _locked(session, batch)
    if now.handed_over:
        if digest != now.sha256:
            raise Conflict(
                "Batch {batch} no longer renders as it was sent: the templates have changed since.", batch=now.number
            )
        return
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
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_MANIFEST)
        for row in rows:
            letter = msgspec.json.decode(secrets.decrypt_bytes(row.content), type=Letter)
            numbers = "|".join(sheet.bare_number for sheet in letter.passes)
            writer.writerow((row.number, letter.recipient[0], numbers, row.pages))
