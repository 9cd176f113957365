"""The page of one letter, where its address is put right and it is sent again, and the list of those to be sent."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.letters.actions import correct_address
from service.letters.queries import letter_by_id
from service.letters.words import LETTER_KINDS, LETTER_STATES, RETURN_REASONS, held_words
from service.passes.actions import send_again
from service.passes.letters import LetterDetails, read_letter, returned_letters
from service.passes.persons_web import PASS_STATES
from service.web.forms import FormData, Redisplayed, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.paging import PAGE, decode_cursor, encode_cursor

RETURNED: Final = "/letters/returned"
_ONE: Final = "/letters/{letter_id:uuid}"
_PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False}
_WORDS: Final[dict[str, Any]] = {
    "letter_states": LETTER_STATES,
    "letter_kinds": LETTER_KINDS,
    "pass_states": PASS_STATES,
    "return_reasons": RETURN_REASONS,
}

Line = Annotated[str, Meta(max_length=100)]


class AddressForm(msgspec.Struct, frozen=True):
    """Where a letter goes in the place of the register's address."""

    street: Annotated[Line, Meta(title=N_("Street and number"))]
    postcode: Annotated[Line, Meta(title=N_("Postcode"))]
    city: Annotated[Line, Meta(title=N_("City"))]
    key: FormKey


class AgainForm(msgspec.Struct, frozen=True):
    """That a letter is sent again to the register's address."""

    key: FormKey


@get(RETURNED, opt=may("letters.read"), **_PAGE)
@transactional
def show_returned(request: AnyRequest, session: Session) -> Response[str]:
    """The letters that came back and wait for somebody to send them again, the oldest first."""
    after = request.query_params.get("after")
    found = returned_letters(session, municipality_of(request), PAGE, decode_cursor(after, tuple[datetime, UUID]))
    last = found[:PAGE][-1:]
    cursors = [encode_cursor((one.returned_at, one.id)) for one in last]
    return page(
        request,
        "letters/returns_waiting.html",
        letters=found[:PAGE],
        next=f"{RETURNED}?after={cursors[0]}" if len(found) > PAGE else None,
        first=RETURNED if after else None,
        **_WORDS,
    )


@get(_ONE, opt=may("letters.read"), **_PAGE)
@transactional
def show_letter(request: AnyRequest, session: Session, letter_id: FromPath[UUID]) -> Response[str]:
    """A letter: to whom and where it went, what it carries, and what can be done about it."""
    found = _read(request, session, letter_id)
    return page(request, "letters/letter_one.html", form=_form(request, found), **_about(found))


@post(f"{_ONE}/address", status_code=303, opt=may("letters.send"), **_PAGE)
@transactional
def set_address(
    request: AnyRequest, data: FormData, session: Session, letter_id: FromPath[UUID]
) -> Redirect | Response[str]:
    """Write the address into a letter that waits."""
    here = f"/letters/{letter_id}"
    found = _read(request, session, letter_id)
    try:
        with redisplaying(request, "letters/letter_one.html", AddressForm, _renewed(data), **_about(found)):
            asked = read_form(data, AddressForm)
            correct_address(session, municipality_of(request), letter_id, _address(asked), actor_of(request))
    except Redisplayed as again:
        # Returned, not raised: the page shows the letter, so that it was seen must be committed.
        return again.response
    return redirect(request, here, N_("The address stands in the letter. It goes with the next print batches."))


@post(f"{_ONE}/again", status_code=303, opt=may("letters.send"), **_PAGE)
@transactional
def send_letter_again(
    request: AnyRequest, data: FormData, session: Session, letter_id: FromPath[UUID]
) -> Redirect | Response[str]:
    """Send a returned letter once more: to the address written, or where `to` says so to that of the register."""
    found = _read(request, session, letter_id)
    corrected = data.get("to") != "register"
    try:
        with redisplaying(request, "letters/letter_one.html", AddressForm, _renewed(data), **_about(found)):
            address, key = _asked(data, corrected=corrected)
            if is_repeated(session, principal_of(request), key):
                return redirect(request, f"/letters/{letter_id}", N_("It was sent again already."), kind="info")
            with session.begin_nested():
                made = send_again(session, municipality_of(request), found.number, address, actor_of(request))
    except Redisplayed as again:
        return again.response
    said = N_("Letter {old} is sent again as letter {new}, with the next print batches.")
    return redirect(request, RETURNED, said, old=found.number, new=letter_by_id(session, made).number)


def _renewed(data: FormData) -> FormData:
    # Shown again, a form must count again.
    return data | {"key": new_key()}


def _asked(data: FormData, *, corrected: bool) -> tuple[dict[str, str] | None, str]:
    if not corrected:
        return None, read_form(data, AgainForm).key
    asked = read_form(data, AddressForm)
    return _address(asked), asked.key


def _address(asked: AddressForm) -> dict[str, str]:
    return {"street": asked.street, "postcode": asked.postcode, "city": asked.city}


def _read(request: AnyRequest, session: Session, letter_id: UUID) -> LetterDetails:
    return read_letter(session, municipality_of(request), keys_of(request), letter_id, actor_of(request))


def _form(request: AnyRequest, letter: LetterDetails) -> Any:
    # To be put right: what stood on the envelope, or for one that was not printed what the register has.
    known = letter.corrected or letter.registered or {}
    return blank(request, AddressForm, **known, key=new_key())


def _about(letter: LetterDetails) -> dict[str, Any]:
    held = held_words(letter.held_because) if letter.held_because else None
    gone = not letter.protected and letter.registered is None and bool(letter.carried)
    over = letter.kind == "pass" and all(child.pass_state != "live" for child in letter.carried)
    return {"letter": letter, "held": held, "gone": gone, "over": over, "again_key": new_key()} | _WORDS


ROUTES = [show_returned, show_letter, set_address, send_letter_again]
"""The pages of single letters."""
