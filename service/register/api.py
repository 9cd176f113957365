"""The register in the API: imports of extracts, what was rejected, and confirming what the gate held."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream
from sqlalchemy import text
from sqlmodel import Session

from schemas.job import Accepted
from schemas.page import Page
from schemas.register import RegisterImportSummary, RejectedLine
from service.database.engine import Database
from service.database.requests import database_of, transactional
from service.errors import Conflict, FieldError, Invalid
from service.identity.access import account_of, actor_of, municipality_of
from service.identity.permissions import may
from service.jobs.orders import order
from service.jobs.uploads import Upload, receive
from service.register import actions, queries
from service.register.queries import REJECTED_COLUMNS, Rejection, Wanted
from service.web.accepted import accepted
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

AnyRequest = Request[Any, Any, State]

KINDS = ("population", "income", "decisions")
"""The files of an extract."""
STATES = ("merged", "held", "discarded")
"""What can have become of an import."""
# The framework keeps the name `state` of a parameter for itself, and would name another in its errors.
_State = Annotated[str | None, QueryParameter(name="state", enum=STATES, description="Only imports in this state.")]
_LINES_A_CHUNK = 5_000


@dataclass
class _ExtractUpload(Operation):
    """Describes the body, which is kept in the home as it comes in and never stands in memory."""

    def __post_init__(self) -> None:
        files = {
            kind: Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY, description=f"{kind}.csv")
            for kind in KINDS
        }
        form = OpenAPIMediaType(schema=Schema(type=OpenAPIType.OBJECT, properties=dict(files)))
        said = "One or more of the three files, as docs/municipality.md describes them."
        self.request_body = RequestBody(content={"multipart/form-data": form}, description=said, required=True)


@asynccontextmanager
async def received(request: AnyRequest) -> AsyncIterator[Upload]:
    """The files of an extract as they come in with a request; what no order has taken goes at the end."""
    upload = await receive(request, KINDS)
    try:
        yield upload
    finally:
        await asyncio.to_thread(upload.drop)


async def _receive_extract(request: AnyRequest) -> AsyncIterator[Upload]:
    async with received(request) as upload:
        if upload.fields:
            unknown = [FieldError(name, "is not known here") for name in upload.fields]
            raise Invalid("Some fields of the request are wrong.", unknown)
        yield upload


@post(
    "/api/v1/register/imports",
    sync_to_thread=True,
    opt=may("register.import"),
    tags=["register"],
    status_code=202,
    responses=DOCUMENTED,
    operation_class=_ExtractUpload,
    dependencies={"upload": Provide(_receive_extract)},
    request_max_body_size=None,
)
@transactional
@idempotent
def order_import(request: AnyRequest, session: Session, upload: NamedDependency[Upload]) -> Response[Accepted]:
    """Import extract files: `population`, `income` and `decisions`, any of them.

    Good rows stand though others are rejected; a file far off the last one is held until a second person confirms it.
    The run's outcome has the import's id and counts.
    """
    asked = {"files": list(upload.files)}
    order_id = order(session, municipality_of(request).id, "register.import", asked, actor_of(request))
    upload.attach(order_id)
    return accepted(request, order_id)


@get(
    "/api/v1/register/imports",
    sync_to_thread=True,
    opt=may("register.read"),
    tags=["register"],
    responses=DOCUMENTED,
)
@transactional
def list_imports(
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    in_state: _State = None,
) -> Page[RegisterImportSummary]:
    """The imports, newest first."""
    if in_state is not None and in_state not in STATES:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    found = queries.page_of_imports(session, limit, decode_cursor(after, UUID), in_state)
    return page_of(found, limit, _summary, lambda one: one.id)


@get(
    "/api/v1/register/imports/{import_id:uuid}",
    sync_to_thread=True,
    opt=may("register.read"),
    tags=["register"],
    responses=DOCUMENTED,
)
@transactional
def show_import(session: Session, import_id: FromPath[UUID]) -> RegisterImportSummary:
    """An import: its state and its counts."""
    return _summary(queries.import_by_id(session, import_id))


@get(
    "/api/v1/register/imports/{import_id:uuid}/rejections",
    sync_to_thread=True,
    opt=may("register.read"),
    tags=["register"],
    responses=DOCUMENTED,
)
@transactional
def list_rejections(
    session: Session,
    import_id: FromPath[UUID],
    limit: Limit = PAGE,
    after: After = None,
    accepted: Annotated[
        bool | None, QueryParameter(description="true: the warnings alone; false: what was rejected alone.")
    ] = None,
) -> Page[RejectedLine]:
    """What was rejected of an import, and its warnings, in the order in which they were found."""
    queries.import_by_id(session, import_id)
    wanted = Wanted(accepted=accepted)
    found = queries.page_of_rejections(session, import_id, limit, decode_cursor(after, int), wanted)
    return page_of(found, limit, _rejected, lambda one: one.number)


@get(
    "/api/v1/register/imports/{import_id:uuid}/rejections.csv",
    sync_to_thread=True,
    opt=may("register.read"),
    tags=["register"],
    responses=DOCUMENTED,
    media_type="text/csv",
)
@transactional
def download_rejections(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Stream:
    """The whole list of rejections as CSV: `file, line, field, value, reason`; values are masked."""
    queries.import_by_id(session, import_id)
    lines = rejected_lines(database_of(request), municipality_of(request).id, import_id, Wanted(), _cells)
    return as_download(lines)


def as_download(lines: AsyncIterator[str]) -> Stream:
    """A list of rejections as a file that a browser keeps and does not show."""
    headers = {"Content-Disposition": 'attachment; filename="rejected.csv"'}
    return Stream(lines, media_type="text/csv; charset=utf-8", headers=headers)


async def rejected_lines(
    database: Database,
    tenant_id: UUID,
    import_id: UUID,
    wanted: Wanted,
    cells: Callable[[Rejection], tuple[object, ...]],
) -> AsyncIterator[str]:
    """CSV in chunks, each read in a transaction of its own: a slow reader holds neither thread nor connection."""

    def read(after: int) -> list[Rejection]:
        with database.transaction(tenant_id) as session:
            return queries.page_of_rejections(session, import_id, _LINES_A_CHUNK, after, wanted)

    yield queries.csv_lines(iter([REJECTED_COLUMNS]))
    after, more = 0, True
    while more:
        found = await asyncio.to_thread(read, after)
        rows, more = found[:_LINES_A_CHUNK], len(found) > _LINES_A_CHUNK
        yield queries.csv_lines(cells(row) for row in rows)
        after = rows[-1].number if rows else after


def _cells(row: Rejection) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in REJECTED_COLUMNS)


@post(
    "/api/v1/register/imports/{import_id:uuid}/confirmation",
    sync_to_thread=True,
    opt=may("register.confirm"),
    tags=["register"],
    status_code=202,
    responses=DOCUMENTED,
)
@transactional
@idempotent
def order_confirmation(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Response[Accepted]:
    """Merge an import that is held because it is far off the last one. A person other than who imported it does so."""
    return accepted(request, confirm(request, session, import_id))


def confirm(request: AnyRequest, session: Session, import_id: UUID) -> UUID:
    """Order the confirmation of a held import, once: refused where one is under way. Gives the order's id."""
    # Refused here rather than by the worker, where it can be seen already. Of two who ask at once one waits for the
    # other; not by the import's own lock, which the worker has as long as it merges.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('confirm ' || :id, 0))"), {"id": import_id})
    actions.require_confirmable(session, import_id, account_of(request))
    if queries.confirmation_under_way(session, import_id) is not None:
        raise Conflict("Somebody has confirmed this import already; a worker is merging it now.")
    asked = {"import_id": str(import_id)}
    return order(session, municipality_of(request).id, "register.confirm", asked, actor_of(request))


ROUTES = [order_import, list_imports, show_import, list_rejections, download_rejections, order_confirmation]
"""The API of the register."""


def _summary(one: queries.Import) -> RegisterImportSummary:
    return msgspec.convert(one, RegisterImportSummary, from_attributes=True)


def _rejected(one: Rejection) -> RejectedLine:
    return msgspec.convert(one, RejectedLine, from_attributes=True)
