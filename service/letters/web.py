"""The pages of print batches, and of the letters that are held back."""

from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel import Session

from service.database.requests import transactional
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.form_keys import FormKey, new_key
from service.identity.permissions import may
from service.jobs.orders import order
from service.letters import queries
from service.letters.api import download, has_files, refuse_handed_over
from service.letters.words import LETTER_KINDS, LETTER_STATES, held_words
from service.web.forms import FormData, read_form
from service.web.menu import run_path
from service.web.pages import page, redirect
from service.web.paging import PAGE, decode_cursor, encode_cursor

LETTERS: Final = "/letters"
BATCHES: Final = f"{LETTERS}/batches"
HELD: Final = f"{LETTERS}/held"
_BATCH: Final = f"{BATCHES}/{{number:int}}"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("letters.read")}
_SEND: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("letters.send")}
_WORDS: Final[dict[str, Any]] = {"letter_states": LETTER_STATES, "letter_kinds": LETTER_KINDS}


class OrderForm(msgspec.Struct, frozen=True):
    """An order; its key lets a double click order once."""

    key: FormKey


@get(LETTERS, **_READ | {"sync_to_thread": False})
def to_batches(request: AnyRequest) -> Redirect:
    """The menu's way to the print batches."""
    return redirect(request, BATCHES)


@get(BATCHES, **_READ)
@transactional
def show_batches(request: AnyRequest, session: Session) -> Response[str]:
    """The print batches, the newest first, and what the next making of them would find."""
    after = request.query_params.get("after")
    found = queries.page_of_batches(session, PAGE, decode_cursor(after, int))
    shown = found[:PAGE]
    return page(
        request,
        "letters/batch_list.html",
        batches=shown,
        waiting=queries.waiting(session),
        next=f"{BATCHES}?after={encode_cursor(shown[-1].number)}" if len(found) > PAGE else None,
        first=BATCHES if after else None,
        key=new_key(),
    )


@post(BATCHES, status_code=303, **_SEND)
@transactional
def order_batches(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Put what waits into print batches, and render every batch that is not handed over yet."""
    return _order(request, session, data, "letters.render", {})


@get(_BATCH, **_READ)
@transactional
def show_batch(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[str]:
    """A print batch: its letters, its files, and its hand-over."""
    batch, after = queries.batch_by_number(session, number), request.query_params.get("after")
    found = queries.page_of_letters(session, PAGE, decode_cursor(after, UUID), batch=number)
    shown, here = found[:PAGE], f"{BATCHES}/{number}"
    return page(
        request,
        "letters/batch_show.html",
        batch=batch,
        files=has_files(request, batch),
        letters=shown,
        next=f"{here}?after={encode_cursor(shown[-1].id)}" if len(found) > PAGE else None,
        first=here if after else None,
        key=new_key(),
        **_WORDS,
    )


@post(f"{_BATCH}/rendering", status_code=303, **_SEND)
@transactional
def order_rendering(request: AnyRequest, data: FormData, session: Session, number: FromPath[int]) -> Redirect:
    """Render one batch, so that its files can be had here."""
    refuse_handed_over(session, number)
    return _order(request, session, data, "letters.render", {"batch": number})


@post(f"{_BATCH}/hand-over", status_code=303, **_SEND)
@transactional
def order_hand_over(request: AnyRequest, data: FormData, session: Session, number: FromPath[int]) -> Redirect:
    """Hand a batch over to the print provider, once."""
    refuse_handed_over(session, number)
    return _order(request, session, data, "letters.hand-over", {"batch": number})


@get(f"{_BATCH}/file.pdf", **_SEND)
@transactional
def download_pdf(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[bytes]:
    """The letters of a batch, to be looked at or printed. Who takes them is noted in the audit trail."""
    return download(request, session, number, "pdf", "application/pdf")


@get(f"{_BATCH}/manifest.csv", **_SEND)
@transactional
def download_manifest(request: AnyRequest, session: Session, number: FromPath[int]) -> Response[bytes]:
    """The batch's letters with recipient, pass numbers and pages. Who takes it is noted in the audit trail."""
    return download(request, session, number, "csv", "text/csv")


@get(HELD, **_READ)
@transactional
def show_held(request: AnyRequest, session: Session) -> Response[str]:
    """The letters that cannot be sent yet, the oldest first: why, and what to do about each."""
    after = request.query_params.get("after")
    found = queries.page_of_held(session, PAGE, decode_cursor(after, UUID))
    shown = found[:PAGE]
    return page(
        request,
        "letters/letter_held.html",
        letters=[(one, held_words(one.because)) for one in shown],
        next=f"{HELD}?after={encode_cursor(shown[-1].id)}" if len(found) > PAGE else None,
        first=HELD if after else None,
        **_WORDS,
    )


def _order(request: AnyRequest, session: Session, data: FormData, kind: str, asked: dict[str, Any]) -> Redirect:
    key = read_form(data, OrderForm).key
    run = order(session, municipality_of(request).id, kind, asked, actor_of(request), once_key=key)
    return redirect(request, run_path(run))


ROUTES = [
    to_batches,
    show_batches,
    order_batches,
    show_batch,
    order_rendering,
    order_hand_over,
    download_pdf,
    download_manifest,
    show_held,
]
"""The pages of print batches."""
