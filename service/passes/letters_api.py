"""One letter in the API: where it goes and what it carries, its address, and sending it again."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody
from sqlmodel import Session

from schemas.leisure_pass import ResentLetter
from schemas.letter import LetterAddress, LetterDetail, LetterResend, ReturnedLetter
from schemas.page import Page
from service.database.requests import keys_of, transactional
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.letters.actions import correct_address
from service.letters.queries import letter_by_id
from service.passes.actions import send_again
from service.passes.letters import read_letter, returned_letters
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

_ONE = "/api/v1/letters/{letter_id:uuid}"
_ABOUT: dict[str, Any] = {"sync_to_thread": True, "tags": ["letters"], "responses": DOCUMENTED}


@get("/api/v1/letters/returned", opt=may("letters.read"), **_ABOUT)
@transactional
def list_returned_letters(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[ReturnedLetter]:
    """The returned letters that are worth sending again, the oldest return first."""
    place = decode_cursor(after, tuple[datetime, UUID])
    found = returned_letters(session, municipality_of(request), limit, place)
    return page_of(
        found,
        limit,
        lambda one: msgspec.convert(one, ReturnedLetter, from_attributes=True),
        lambda one: (one.returned_at, one.id),
    )


@get(_ONE, opt=may("letters.read"), **_ABOUT)
@transactional
def show_letter(request: AnyRequest, session: Session, letter_id: FromPath[UUID]) -> LetterDetail:
    """A letter with where it goes and what it carries. The read is noted in the audit trail."""
    return _detail(request, session, letter_id)


@put(f"{_ONE}/address", opt=may("letters.send"), **_ABOUT)
@transactional
def set_address(
    request: AnyRequest, session: Session, letter_id: FromPath[UUID], data: JSONBody[LetterAddress]
) -> LetterDetail:
    """Let a letter that waits go to this address in the place of the register's; one held back waits again."""
    address = msgspec.to_builtins(data.address)
    correct_address(session, municipality_of(request), letter_by_id(session, letter_id).id, address, actor_of(request))
    return _detail(request, session, letter_id)


@post(f"{_ONE}/again", opt=may("letters.send"), **_ABOUT)
@transactional
@idempotent
def resend_letter(
    request: AnyRequest, session: Session, letter_id: FromPath[UUID], data: JSONBody[LetterResend]
) -> ResentLetter:
    """Send a letter that came back once more, with all that it carried: with the next print batch."""
    address = None if data.address is None else msgspec.to_builtins(data.address)
    number = letter_by_id(session, letter_id).number
    made = letter_by_id(session, send_again(session, municipality_of(request), number, address, actor_of(request)))
    return ResentLetter(id=made.id, number=made.number, state=made.state)


ROUTES = [list_returned_letters, show_letter, set_address, resend_letter]
"""The API of single letters."""


def _detail(request: AnyRequest, session: Session, letter_id: UUID) -> LetterDetail:
    found = read_letter(session, municipality_of(request), keys_of(request), letter_id, actor_of(request))
    return msgspec.convert(found, LetterDetail, from_attributes=True)
