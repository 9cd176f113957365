"""The page of returned mail, for a stack of envelopes: a number, Enter, the next one."""

from datetime import datetime, time
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, Conflict, Refused
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.letters import queries
from service.letters.actions import mark_returned
from service.letters.queries import LetterRow
from service.letters.words import LETTER_KINDS, RETURN_REASONS
from service.values import clock
from service.web.formats import show
from service.web.forms import FormData, blank, read_form
from service.web.pages import language_of, page
from service.web.texts import translator

RETURNS: Final = "/letters/returns"
_PAGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("letters.send")}
_LISTED = 100


class ReturnForm(msgspec.Struct, frozen=True):
    """The number in the envelope's window, and what the post wrote on it."""

    reason: Annotated[
        Literal["moved", "unknown", "not_collected", "refused", "incomplete"] | None,
        Meta(title=N_("What the post wrote on it")),
    ] = None
    number: Annotated[str, Meta(title=N_("Letter number"), max_length=40)] = ""


class Answer(msgspec.Struct, frozen=True):
    """What came of the last number: `kind` is success, warning or danger, `text` in the reader's language."""

    kind: str
    number: str
    text: str
    letter: LetterRow | None = None


@get(RETURNS, **_PAGE)
@transactional
def ask_returns(request: AnyRequest, session: Session) -> Response[str]:
    """The form, and what was noted today."""
    return _page(request, session, None, None, 200)


@post(RETURNS, status_code=200, **_PAGE)
@transactional
def note_return(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """Note a letter as returned; the page is then ready for the next, whatever came of this one."""
    number, reason = str(data.get("number", "")).strip()[:40], None
    try:
        asked = read_form(data, ReturnForm)
        reason = asked.reason
        with session.begin_nested():
            noted = mark_returned(session, municipality_of(request), asked.number, reason, actor_of(request))
    except Refused as refusal:
        language = language_of(request)
        texts = translator(language)
        text = refusal.said(texts.gettext, lambda value: show(value, language))
        kind = "warning" if isinstance(refusal, Conflict) else "danger"
        return _page(request, session, reason, Answer(kind, number, text), 422)
    letter = queries.letter_by_id(session, noted)
    return _page(request, session, reason, Answer("success", letter.number, "", letter), 200)


def _page(
    request: AnyRequest, session: Session, reason: str | None, answer: Answer | None, status: int
) -> Response[str]:
    zone = ZoneInfo(municipality_of(request).time_zone)
    midnight = datetime.combine(clock.today(zone.key), time(), zone)
    letters, count = queries.returned_since(session, midnight, _LISTED)
    return page(
        request,
        "letters/returns_scan.html",
        status,
        form=blank(request, ReturnForm, reason=reason),
        answer=answer,
        letters=letters,
        count=count,
        letter_kinds=LETTER_KINDS,
        return_reasons=RETURN_REASONS,
    )


ROUTES = [ask_returns, note_return]
"""The page of returned mail."""
