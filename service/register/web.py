"""The pages of the register: uploading an extract, the history of imports, rejected rows, confirming what is held."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect, Stream
from msgspec import Meta
from sqlmodel import Session

from service.audit.queries import actors
from service.database.requests import database_of, transactional
from service.errors import N_, Conflict, NotFound, Refused, Text
from service.identity.access import AnyRequest, account_of, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.jobs.orders import order
from service.jobs.uploads import Upload
from service.register import actions, queries
from service.register.api import as_download, confirm, received, rejected_lines
from service.register.columns import FILES
from service.register.gate import FAR_OFF_ROWS, FAR_OFF_SHARE
from service.register.queries import Import, Rejection, Wanted
from service.register.reasons import read_reason
from service.settings import load
from service.values.spreadsheets import as_text
from service.web.formats import show
from service.web.forms import blank, read_form, redisplaying
from service.web.menu import menu_of, run_path
from service.web.pages import language_of, page, redirect
from service.web.paging import decode_cursor, page_of
from service.web.texts import translator

PATH: Final = "/register"
UPLOAD: Final = f"{PATH}/upload"
IMPORTS: Final = f"{PATH}/imports"
_IMPORT: Final = f"{IMPORTS}/{{import_id:uuid}}"
IMPORTS_PER_PAGE, ROWS_PER_PAGE = 25, 50
_MOST_REASONS = 200
_MEGABYTE = 1_000_000

_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("register.read")}
_UPLOAD: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("register.import")}
_CONFIRM: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("register.confirm")}

STATES: Final = {"merged": N_("Taken over"), "held": N_("Held"), "discarded": N_("Given up")}
_COLORS: Final = {"merged": "success", "held": "warning", "discarded": "neutral"}
_TITLES: Final = {file.kind: file.title for file in FILES}
_COUNTED: Final = {
    "persons": ("population", N_("Persons")),
    "households": ("population", N_("Households")),
    "incomes": ("income", N_("Incomes")),
    "decisions": ("decisions", N_("Awards made elsewhere")),
}
_CHANGED: Final = {
    "new_persons": N_("Persons who have come"),
    "moved_persons": N_("Persons who have moved"),
    "left_persons": N_("Persons who have left"),
    "changed_incomes": N_("Incomes new or corrected"),
    "changed_decisions": N_("Awards new or changed"),
}


class Extract(msgspec.Struct, frozen=True):
    """The form of an upload: three files, each of which may be left out."""

    population: Annotated[UploadFile | None, Meta(title=N_("Population"))] = None
    income: Annotated[UploadFile | None, Meta(title=N_("Income"))] = None
    decisions: Annotated[UploadFile | None, Meta(title=N_("Awards made elsewhere"))] = None


class Sent(msgspec.Struct, frozen=True):
    """What the form of an upload sends beside its files; its key makes a double click one."""

    key: FormKey


class ImportFilter(msgspec.Struct, frozen=True):
    """Which imports are listed."""

    state: Annotated[Literal["merged", "held", "discarded"] | None, Meta(title=N_("State"))] = None


class RowFilter(msgspec.Struct, frozen=True):
    """Which rejected rows are listed."""

    kind: Annotated[Literal["rejected", "warnings"] | None, Meta(title=N_("Rows"))] = None
    file: Annotated[str | None, Meta(title=N_("File"))] = None
    line: Annotated[int | None, Meta(title=N_("Line"), ge=1, le=2**53)] = None
    why: Annotated[str | None, Meta(title=N_("Why"))] = None

    def wanted(self) -> Wanted:
        """The same as a question to the database."""
        accepted = None if self.kind is None else self.kind == "warnings"
        return Wanted(file=self.file, line=self.line, reason=self.why, accepted=accepted)


class Line(msgspec.Struct, frozen=True):
    """An import as a page shows it; texts are in the reader's language, people by name."""

    one: Import
    files: list[str]
    state: str
    color: str
    imported_by: str | None
    confirmed_by: str | None

    @property
    def path(self) -> str:
        return f"{IMPORTS}/{self.one.id}"


class Why(msgspec.Struct, frozen=True):
    """A reason in the reader's language, or in `english` where it is known in no other."""

    text: str
    english: bool
    advice: str | None


class Compared(msgspec.Struct, frozen=True):
    """A count of a held import beside that of the last one: what the gate saw."""

    label: str
    count: int
    last: int

    @property
    def share(self) -> float | None:
        """By how much it differs from the last one."""
        return (self.count - self.last) / self.last if self.last else None


class Incoming(msgspec.Struct, frozen=True):
    """Files that came in, or why they were not taken."""

    upload: Upload | None
    refusal: Refused | None


@get(PATH, **_READ)
@transactional
def show_imports(request: AnyRequest, session: Session) -> Response[str]:
    """The history of imports, newest first."""
    asked = read_form(dict(request.query_params), ImportFilter)
    after = decode_cursor(request.query_params.get("after"), UUID)
    found = queries.page_of_imports(session, IMPORTS_PER_PAGE, after, asked.state)
    lines = page_of(found, IMPORTS_PER_PAGE, _lines(request, session), lambda one: one.id)
    filters: dict[str, str] = {"state": asked.state} if asked.state else {}
    return page(
        request,
        "register/import_list.html",
        lines=lines.items,
        form=blank(request, ImportFilter, state=asked.state or ""),
        states=list(STATES.items()),
        filtered=bool(filters),
        **_ways(PATH, filters, request, lines.next),
    )


@get(IMPORTS, **_READ)
def show_imports_elsewhere() -> Redirect:
    """Whoever shortens the address of an import finds the history."""
    return Redirect(PATH, status_code=303)


@get(UPLOAD, **_UPLOAD)
def ask_for_extract(request: AnyRequest) -> Response[str]:
    """The form for an upload, with what each file must hold."""
    return page(request, "register/import_upload.html", form=blank(request, Extract), **_upload_context())


class _Upload(HTTPRouteHandler):
    """A form whose files may be as large as the installation takes.

    The check of the form's hidden token reads it all before the handler is asked, so a limit must stand here. It leaves
    room: what is a little too large is read to its end, since only then does a browser show the refusal.
    """

    def resolve_request_max_body_size(self) -> int:
        return 2 * load().max_upload_mb * _MEGABYTE


async def _receive(request: AnyRequest) -> AsyncIterator[Incoming]:
    async with AsyncExitStack() as kept:
        try:
            incoming = Incoming(await kept.enter_async_context(received(request)), None)
        except Refused as refusal:
            incoming = Incoming(None, refusal)
        yield incoming


@_Upload(UPLOAD, http_method="POST", status_code=303, dependencies={"incoming": Provide(_receive)}, **_UPLOAD)
@transactional
def send_extract(request: AnyRequest, session: Session, incoming: NamedDependency[Incoming]) -> Redirect:
    """Order the import of the files, and show its progress. The same form with the same files orders one."""
    with redisplaying(request, "register/import_upload.html", Extract, {}, **_upload_context()):
        if incoming.upload is None:
            raise incoming.refusal or Refused("The upload cannot be read. Upload it again.")
        upload = incoming.upload
        read_form(upload.fields, Sent)
        actions.require_readable({name: upload.folder / f"{name}.csv" for name in upload.files})
        # Over the key and the files: whoever goes back and chooses another file has not sent the form twice.
        once = upload.digest().hex()
        repeated = is_repeated(session, principal_of(request), once)
        asked = {"files": list(upload.files)}
        run_id = order(session, municipality_of(request).id, "register.import", asked, actor_of(request), once)
        if not repeated:
            upload.attach(run_id)
    return redirect(request, run_path(run_id))


@get(f"{PATH}/templates/{{name:str}}", **_UPLOAD)
def download_template(name: FromPath[str]) -> Response[bytes]:
    """A file with the header alone, which a spreadsheet opens in columns."""
    file = next((file for file in FILES if f"{file.kind}.csv" == name), None)
    if file is None:
        raise NotFound("There is no such template.")
    headers = {"Content-Disposition": f'attachment; filename="{file.kind}.csv"'}
    return Response(file.template().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


@get(_IMPORT, **_READ)
@transactional
def show_import(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Response[str]:
    """An import: what was in it, what it changed, what was rejected, and what to do next."""
    reasons = queries.reasons_of(session, import_id)
    say = _say(request)
    return page(
        request,
        "register/import.html",
        rejected=[(one, say(one.reason)) for one in reasons if not one.accepted][:_MOST_REASONS],
        warned=[(one, say(one.reason)) for one in reasons if one.accepted][:_MOST_REASONS],
        # Whoever may refresh has its page in the menu.
        refresh=next((one.path for one in menu_of(principal_of(request)) if one.path.startswith("/eligibility")), None),
        **_import_context(request, session, import_id),
    )


@get(f"{_IMPORT}/rejections", **_READ)
@transactional
def show_rejections(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Response[str]:
    """The rejected rows and the warnings of an import, by file, line and reason."""
    one = queries.import_by_id(session, import_id)
    reasons, path, say = queries.reasons_of(session, import_id), f"{IMPORTS}/{import_id}/rejections", _say(request)
    context: dict[str, Any] = {
        "line": _lines(request, session)(one),
        "files": sorted({(reason.file, reason.file) for reason in reasons}),
        "whys": list({reason.key: say(reason.reason).text for reason in reasons[:_MOST_REASONS]}.items()),
    }
    given = {name: value for name, value in request.query_params.items() if name in ("kind", "file", "line", "why")}
    nothing = {"rows": [], "filtered": True, "next": None, "first": None, "download": None}
    with redisplaying(request, "register/import_rejections.html", RowFilter, given, **context, **nothing):
        asked = read_form(given, RowFilter)
    after = decode_cursor(request.query_params.get("after"), int)
    found = queries.page_of_rejections(session, import_id, ROWS_PER_PAGE, after, asked.wanted())
    rows = page_of(found, ROWS_PER_PAGE, lambda row: (row, say(row.reason)), lambda row: row.number)
    filters = {name: str(value) for name, value in msgspec.structs.asdict(asked).items() if value is not None}
    return page(
        request,
        "register/import_rejections.html",
        # Where nothing is asked for, the first of the choices is chosen: everything.
        form=blank(request, RowFilter, **({"kind": "", "file": "", "why": ""} | filters)),
        rows=rows.items,
        filtered=bool(filters),
        download=f"{path}.csv?{urlencode(filters)}" if filters else f"{path}.csv",
        **context,
        **_ways(path, filters, request, rows.next),
    )


@get(f"{_IMPORT}/rejections.csv", **_READ)
@transactional
def download_rejections(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Stream:
    """The rejected rows that a page lists, as a file for a spreadsheet, in the reader's language; values are masked."""
    queries.import_by_id(session, import_id)
    wanted, say = read_form(dict(request.query_params), RowFilter).wanted(), _say(request)
    warning = translator(language_of(request)).gettext(N_("warning"))

    def cells(row: Rejection) -> tuple[object, ...]:
        why = f"{warning}: {say(row.reason).text}" if row.accepted else say(row.reason).text
        return as_text(row.file), row.line, row.field, as_text(row.value), why

    return as_download(rejected_lines(database_of(request), municipality_of(request).id, import_id, wanted, cells))


@get(f"{_IMPORT}/confirmation", **_CONFIRM)
@transactional
def ask_to_confirm(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Response[str]:
    """What confirming a held import will do, and the button for it."""
    return page(request, "register/import_confirmation.html", **_import_context(request, session, import_id))


@post(f"{_IMPORT}/confirmation", status_code=303, **_CONFIRM)
@transactional
def confirm_import(request: AnyRequest, session: Session, import_id: FromPath[UUID]) -> Redirect:
    """Order the confirmation, and show its progress; where one is under way, that one."""
    try:
        return redirect(request, run_path(confirm(request, session, import_id)))
    except Conflict:
        under_way = queries.confirmation_under_way(session, import_id)
        if under_way is not None and principal_of(request).may("jobs.read"):
            return redirect(request, run_path(under_way))
        return redirect(
            request, f"{IMPORTS}/{import_id}", N_("The import was not confirmed. This page says why."), "warning"
        )


ROUTES = [
    show_imports,
    show_imports_elsewhere,
    ask_for_extract,
    send_extract,
    download_template,
    show_import,
    show_rejections,
    download_rejections,
    ask_to_confirm,
    confirm_import,
]
"""The pages of the register."""


def _upload_context() -> dict[str, Any]:
    return {"key": new_key(), "files": FILES, "megabytes": load().max_upload_mb}


def _lines(request: AnyRequest, session: Session) -> Callable[[Import], Line]:
    people, texts = actors(session).people, translator(language_of(request))

    def name(account: UUID | None) -> str | None:
        return None if account is None or account not in people else people[account][0]

    def line(one: Import) -> Line:
        return Line(
            one=one,
            files=[texts.gettext(_TITLES[kind]) for kind in one.files],
            state=texts.gettext(STATES[one.state]),
            color=_COLORS[one.state],
            imported_by=name(one.imported_by),
            confirmed_by=name(one.confirmed_by),
        )

    return line


def _import_context(request: AnyRequest, session: Session, import_id: UUID) -> dict[str, Any]:
    """What the pages of an import and of its confirmation both show."""
    one, principal = queries.import_by_id(session, import_id), principal_of(request)
    held = one.state == "held"
    under_way = queries.confirmation_under_way(session, import_id) if held else None
    return {
        "line": _lines(request, session)(one),
        "counts": [(label, getattr(one, name)) for name, (kind, label) in _COUNTED.items() if kind in one.files],
        "changes": [(said, count) for name, said in _CHANGED.items() if (count := getattr(one, name)) is not None],
        "why": _say(request)(one.held_because) if one.held_because else None,
        "compared": _compared(session, one) if held else [],
        "far_off": (FAR_OFF_SHARE, FAR_OFF_ROWS),
        "under_way": run_path(under_way) if under_way and principal.may("jobs.read") else None,
        "confirming": under_way is not None,
        "may_confirm": principal.may("register.confirm"),
        "hindrance": _hindrance(request, session, import_id) if held and principal.may("register.confirm") else None,
    }


def _compared(session: Session, one: Import) -> list[Compared]:
    last = queries.last_counts(session, one.id)
    return [
        Compared(label, getattr(one, name), last[name])
        for name, (kind, label) in _COUNTED.items()
        if kind in one.files and name in last
    ]


def _hindrance(request: AnyRequest, session: Session, import_id: UUID) -> str | None:
    """Why this person cannot confirm a held import, in their language."""
    try:
        actions.require_confirmable(session, import_id, account_of(request))
    except Conflict as refused:
        return _said(request, refused.text)
    return None


def _say(request: AnyRequest) -> Callable[[str], Why]:
    """Reasons as they are kept → in the reader's language; the same ones come again and again."""
    known: dict[str, Why] = {}
    texts = translator(language_of(request))

    def say(reason: str) -> Why:
        if reason not in known:
            read = read_reason(reason)
            known[reason] = Why(
                text="; ".join(_said(request, phrase.text) for phrase in read.phrases),
                english=not read.known and texts.language != "en",
                advice=None if read.advice is None else texts.gettext(read.advice),
            )
        return known[reason]

    return say


def _said(request: AnyRequest, text: Text) -> str:
    language = language_of(request)
    return text.said(translator(language).gettext, lambda value: show(value, language))


def _ways(path: str, filters: dict[str, str], request: AnyRequest, after: str | None) -> dict[str, Any]:
    """The addresses of the next page, and of the first one where this is not it."""
    following = None if after is None else f"{path}?{urlencode(filters | {'after': after})}"
    first = f"{path}?{urlencode(filters)}" if filters else path
    return {"next": following, "first": first if "after" in request.query_params else None}
