"""Letters in the API: where each is, print batches and their files, returned mail.

No letter is listed with an address. The files of a batch hold addresses and whole pass numbers, since they are what is
printed: who takes them is noted in the audit trail, and those of protected batches are not to be had here.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.job import Accepted
from schemas.letter import HeldLetterSummary, LetterReturn, LetterSummary, PrintBatchSummary
from schemas.page import Page
from service.audit.actions import record
from service.database.requests import database_of, transactional
from service.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from service.identity.access import actor_of, municipality_of
from service.identity.permissions import may
from service.jobs.orders import order
from service.letters import actions, queries
from service.letters.models import STATES
from service.letters.printing import batch_name, print_folder
from service.letters.queries import BatchRow
from service.web.accepted import accepted
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

AnyRequest = Request[Any, Any, State]
# The framework keeps the name `state` of a parameter for itself, and would name another in its errors.
_State = Annotated[str | None, QueryParameter(name="state", enum=STATES, description="Only letters in this state.")]
_Kind = Annotated[Literal["pass", "ended", "invitation"] | None, QueryParameter(description="Only of this kind.")]
_BATCHES = "/api/v1/letters/batches"
_BATCH = f"{_BATCHES}/{{number:int}}"


@get("/api/v1/letters", sync_to_thread=True, opt=may("letters.read"), tags=["letters"], responses=DOCUMENTED)
@transactional
def list_letters(
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    in_state: _State = None,
    kind: _Kind = None,
    batch: Annotated[int | None, QueryParameter(ge=1, description="Only the letters of this print batch.")] = None,
) -> Page[LetterSummary]:
    """The letters, newest first, without addresses."""
    if in_state is not None and in_state not in STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    found = queries.page_of_letters(session, limit, decode_cursor(after, UUID), in_state, kind, batch)
    return page_of(found, limit, _letter, lambda one: one.id)


@get("/api/v1/letters/held", sync_to_thread=True, opt=may("letters.read"), tags=["letters"], responses=DOCUMENTED)
@transactional
def list_held_letters(session: Session, limit: Limit = PAGE, after: After = None) -> Page[HeldLetterSummary]:
    """The letters that cannot be sent yet, and why; oldest first."""
    found = queries.page_of_held(session, limit, decode_cursor(after, UUID))
    return page_of(
        found,
        limit,
        lambda one: msgspec.convert(one, HeldLetterSummary, from_attributes=True),
        lambda one: one.id,
    )


@post(
    "/api/v1/letters/returns",
    sync_to_thread=True,
    opt=may("letters.send"),
    tags=["letters"],
    status_code=200,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def note_return(request: AnyRequest, session: Session, data: JSONBody[LetterReturn]) -> LetterSummary:
    """Note that a letter came back. Its private code ends; `POST /passes/{id}/letters` sends a pass again."""
    because = (data.reason or "").strip() or None
    municipality = municipality_of(request)
    letter_id = actions.mark_returned(session, municipality, data.letter_number, because, actor_of(request))
    return _letter(queries.letter_by_id(session, letter_id))


@get(_BATCHES, sync_to_thread=True, opt=may("letters.read"), tags=["letters"], responses=DOCUMENTED)
@transactional
def list_batches(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[PrintBatchSummary]:
    """The print batches, newest first."""
    found = queries.page_of_batches(session, limit, decode_cursor(after, int))
    return page_of(found, limit, lambda one: _batch(request, one), lambda one: one.number)


@get(_BATCH, sync_to_thread=True, opt=may("letters.read"), tags=["letters"], responses=DOCUMENTED)
@transactional
def show_batch(request: AnyRequest, session: Session, number: FromPath[int]) -> PrintBatchSummary:
    """A print batch by its number."""
    return _batch(request, queries.batch_by_number(session, number))


@post(
    _BATCHES,
    sync_to_thread=True,
    opt=may("letters.send"),
    tags=["letters"],
    status_code=202,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def order_batches(request: AnyRequest, session: Session) -> Response[Accepted]:
    """Put what waits into print batches, and render every batch that is not handed over yet."""
    return _order(request, session, "letters.render", {})


@post(
    f"{_BATCH}/rendering",
    sync_to_thread=True,
    opt=may("letters.send"),
    tags=["letters"],
    status_code=202,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def order_rendering(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[Accepted]:
    """Render one batch that is not handed over yet; it gives the same bytes each time."""
    refuse_handed_over(session, number)
    return _order(request, session, "letters.render", {"batch": number})


@post(
    f"{_BATCH}/hand-over",
    sync_to_thread=True,
    opt=may("letters.send"),
    tags=["letters"],
    status_code=202,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def order_hand_over(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[Accepted]:
    """Hand a batch over to the print provider, once. Its files are then not to be had here any more."""
    refuse_handed_over(session, number)
    return _order(request, session, "letters.hand-over", {"batch": number})


@get(
    f"{_BATCH}/file.pdf",
    sync_to_thread=True,
    opt=may("letters.send"),
    tags=["letters"],
    media_type="application/pdf",
    responses=DOCUMENTED,
)
@transactional
def download_pdf(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[bytes]:
    """The letters of a rendered batch, to be printed. Who takes them is noted in the audit trail."""
    return download(request, session, number, "pdf", "application/pdf")


@get(
    f"{_BATCH}/manifest.csv",
    sync_to_thread=True,
    opt=may("letters.send"),
    tags=["letters"],
    media_type="text/csv",
    responses=DOCUMENTED,
)
@transactional
def download_manifest(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[bytes]:
    """The batch's letters with recipient, pass numbers and pages. Who takes it is noted in the audit trail."""
    return download(request, session, number, "csv", "text/csv")


ROUTES = [
    list_letters,
    list_held_letters,
    note_return,
    list_batches,
    show_batch,
    order_batches,
    order_rendering,
    order_hand_over,
    download_pdf,
    download_manifest,
]
"""The API of letters."""


def _order(request: AnyRequest, session: Session, kind: str, asked: dict[str, Any]) -> Response[Accepted]:
    return accepted(request, order(session, municipality_of(request).id, kind, asked, actor_of(request)))


def refuse_handed_over(session: Session, number: int) -> None:
    """Refuse a batch that is handed over already."""
    if queries.batch_by_number(session, number).handed_over_at is not None:
        raise Conflict("Batch {batch} is handed over already.", batch=number)


def _file(request: AnyRequest, batch: BatchRow, ending: str) -> Path:
    folder = print_folder(database_of(request).home, municipality_of(request))
    return folder / f"{batch_name(batch.number, batch.protected)}.{ending}"


def download(request: AnyRequest, session: Session, number: int, ending: str, media_type: str) -> Response[bytes]:
    """A file of a rendered batch, `pdf` or `csv`. Who takes it is noted in the audit trail."""
    batch = queries.batch_by_number(session, number)
    if batch.protected:
        raise Forbidden("This batch holds protected addresses: it is handed over to the print provider only.")
    try:
        pdf = _file(request, batch, "pdf").read_bytes()
        content = pdf if ending == "pdf" else _file(request, batch, ending).read_bytes()
    except FileNotFoundError:
        pdf = content = b""
    # After a restore another batch of the same number may lie there.
    if hashlib.sha256(pdf).hexdigest() != batch.sha256:
        raise NotFound("Batch {batch} is not rendered here. Order its rendering first.", batch=number)
    subject = ("print_batch", batch.id)
    record(
        session, municipality_of(request).id, actor_of(request), "letters.download", subject, details={"file": ending}
    )
    named = f'attachment; filename="{batch_name(batch.number, batch.protected)}.{ending}"'
    return Response(content, media_type=media_type, headers={"Content-Disposition": named})


def _letter(one: queries.LetterRow) -> LetterSummary:
    return msgspec.convert(one, LetterSummary, from_attributes=True)


def _batch(request: AnyRequest, one: BatchRow) -> PrintBatchSummary:
    values = {name: value for name, value in msgspec.structs.asdict(one).items() if name != "id"}
    return PrintBatchSummary(**values, files=has_files(request, one))


def has_files(request: AnyRequest, one: BatchRow) -> bool:
    """Whether the files of a batch can be had here now."""
    return not one.protected and one.sha256 is not None and _file(request, one, "pdf").exists()
