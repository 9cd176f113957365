"""The pages of passes: the list, one pass with its ledger and letters, replacing and revoking it."""

from datetime import date
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
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
from service.letters.words import LETTER_STATES
from service.passes import actions, queries
from service.passes.persons_web import PASS_STATES
from service.passes.queries import Entry, PassRow, Wanted
from service.values import clock
from service.web.formats import day
from service.web.forms import FormData, Redisplayed, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.paging import PAGE, decode_cursor, encode_cursor

PASSES: Final = "/passes"
_ONE: Final = f"{PASSES}/{{pass_id:uuid}}"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("passes.read")}
_CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("passes.change")}

ENTRIES: Final = {
    "grant": N_("Granted"),
    "reserve": N_("Held for a club"),
    "settle": N_("Claimed by a club"),
    "release": N_("Held no longer"),
    "adjust": N_("Adjusted"),
    "reverse": N_("Given back by a club"),
    "transfer": N_("Moved between the child's passes"),
}
FUNDS: Final = {"membership": N_("Membership fee"), "equipment": N_("Equipment")}


class PassFilter(msgspec.Struct, frozen=True):
    """Which passes are shown."""

    state: Annotated[Literal["live", "replaced", "revoked", "expired"] | None, Meta(title=N_("State"))] = None
    period: Annotated[date | None, Meta(title=N_("Period"))] = None
    used: Annotated[Literal["yes", "no"] | None, Meta(title=N_("Use"))] = None
    district: Annotated[str | None, Meta(title=N_("District"), max_length=200)] = None

    @property
    def wanted(self) -> Wanted:
        """The same as the list takes it."""
        used = None if self.used is None else self.used == "yes"
        return Wanted(state=self.state, district=self.district, period_start=self.period, used=used)

    @property
    def asked(self) -> dict[str, str]:
        """What is asked, as it stands in an address."""
        return {name: str(value) for name, value in msgspec.structs.asdict(self).items() if value is not None}


class PassSought(msgspec.Struct, frozen=True):
    """A pass by its whole number."""

    number: Annotated[str, Meta(title=N_("Pass number"), max_length=100)]


class PassEnding(msgspec.Struct, frozen=True):
    """Why a pass is replaced or revoked."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]
    key: FormKey


class LedgerLine(msgspec.Struct, frozen=True):
    """An entry of a ledger, and what of its fund was left after it, in øre."""

    entry: Entry
    left_ore: int


@get(PASSES, **_READ)
@transactional
def show_passes(request: AnyRequest, session: Session) -> Response[str]:
    """The passes, the newest first. The read is in the audit trail."""
    asked = read_form(dict(request.query_params), PassFilter)
    context = _list(request, session, asked, request.query_params.get("after"))
    return page(request, "passes/pass_list.html", form=blank(request, PassSought), **context)


@post(f"{PASSES}/search", status_code=303, **_READ)
@transactional
def seek_pass(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """From a number, which stands in no address, to the pass."""
    with redisplaying(request, "passes/pass_search.html", PassSought, data):
        found = actions.find_pass(session, keys_of(request), read_form(data, PassSought).number)
    return Redirect(f"{PASSES}/{found}", status_code=303)


@post(f"{PASSES}/file", status_code=200, **_READ)
@transactional
def download_passes(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The shown passes for a spreadsheet, without their numbers. That it was taken is in the audit trail."""
    municipality, wanted = municipality_of(request), read_form(data, PassFilter).wanted
    file = queries.passes_as_csv(session, municipality, keys_of(request), wanted, actor_of(request))
    named = f'attachment; filename="passes-{clock.today(municipality.time_zone)}.csv"'
    return Response(f"\ufeff{file}", media_type="text/csv; charset=utf-8", headers={"Content-Disposition": named})


@get(_ONE, **_READ)
@transactional
def show_pass(request: AnyRequest, session: Session, pass_id: FromPath[UUID]) -> Response[str]:
    """A pass with its ledger and letters. The read is in the audit trail."""
    found = _read(request, session, pass_id)
    letters = queries.letters_of(session, pass_id)
    # The oldest first, as entries follow from one another; of the letters the last one counts.
    return page(
        request,
        "passes/pass_show.html",
        one=found,
        ledger=_with_balance(queries.ledger_of(session, pass_id)),
        letters=letters,
        last=letters[-1] if letters else None,
        replaced_by=queries.replaced_by(session, pass_id),
        pass_states=PASS_STATES,
        letter_states=LETTER_STATES,
        entry_words=ENTRIES,
        funds=FUNDS,
    )


@get(f"{_ONE}/replacement", **_CHANGE)
@transactional
def ask_replacement(request: AnyRequest, session: Session, pass_id: FromPath[UUID]) -> Response[str]:
    """What happens when a pass is replaced, and the form."""
    found = _read(request, session, pass_id)
    return page(request, "passes/pass_replace.html", one=found, form=blank(request, PassEnding, key=new_key()))


@post(f"{_ONE}/replacement", status_code=303, **_CHANGE)
@transactional
def replace_pass(
    request: AnyRequest, data: FormData, session: Session, pass_id: FromPath[UUID]
) -> Redirect | Response[str]:
    """Give the child a new number; sent again the form changes nothing more and leads to the same pass."""
    found = _read(request, session, pass_id)
    try:
        with redisplaying(request, "passes/pass_replace.html", PassEnding, _renewed(data), one=found):
            asked = read_form(data, PassEnding)
            if is_repeated(session, principal_of(request), asked.key):
                new = queries.replaced_by(session, pass_id) or pass_id
                return redirect(request, f"{PASSES}/{new}", _DONE, kind="info")
            with session.begin_nested():
                municipality, keys, actor = municipality_of(request), keys_of(request), actor_of(request)
                made = actions.replace_pass(session, municipality, keys, pass_id, asked.reason, actor)
    except Redisplayed as again:
        # Returned, not raised: the page shows the child, so that it was seen must be committed.
        return again.response
    said = N_("This is the new pass. Letter {letter} brings its number with the next print batches.")
    return redirect(request, f"{PASSES}/{made.pass_id}", said, letter=made.letter_number)


@get(f"{_ONE}/revocation", **_CHANGE)
@transactional
def ask_revocation(request: AnyRequest, session: Session, pass_id: FromPath[UUID]) -> Response[str]:
    """What the family and the clubs will notice when a pass is revoked, and the form."""
    found = _read(request, session, pass_id)
    return page(request, "passes/pass_revoke.html", one=found, form=blank(request, PassEnding, key=new_key()))


@post(f"{_ONE}/revocation", status_code=303, **_CHANGE)
@transactional
def revoke_pass(
    request: AnyRequest, data: FormData, session: Session, pass_id: FromPath[UUID]
) -> Redirect | Response[str]:
    """End a pass; sent again the form changes nothing more."""
    found, here = _read(request, session, pass_id), f"{PASSES}/{pass_id}"
    try:
        with redisplaying(request, "passes/pass_revoke.html", PassEnding, _renewed(data), one=found):
            asked = read_form(data, PassEnding)
            if is_repeated(session, principal_of(request), asked.key):
                return redirect(request, here, _DONE, kind="info")
            with session.begin_nested():
                actions.revoke_pass(session, municipality_of(request), pass_id, asked.reason, actor_of(request))
    except Redisplayed as again:
        return again.response
    return redirect(request, here, N_("The pass is revoked."))


ROUTES = [
    show_passes,
    seek_pass,
    download_passes,
    show_pass,
    ask_replacement,
    replace_pass,
    ask_revocation,
    revoke_pass,
]
"""The pages of passes."""

_DONE: Final = N_("That form was sent already; it has its effect once.")


def _read(request: AnyRequest, session: Session, pass_id: UUID) -> PassRow:
    return queries.pass_by_id(session, municipality_of(request), keys_of(request), pass_id, actor_of(request))


def _renewed(data: FormData) -> FormData:
    # Shown again, a form must count again.
    return data | {"key": new_key()}


def _with_balance(entries: list[Entry]) -> list[LedgerLine]:
    left: dict[str, int] = {}
    lines = []
    for entry in entries:
        left[entry.fund] = left.get(entry.fund, 0) + entry.amount_ore
        lines.append(LedgerLine(entry, left[entry.fund]))
    return lines


def _list(request: AnyRequest, session: Session, asked: PassFilter, after: str | None) -> dict[str, Any]:
    place, language = decode_cursor(after, UUID), language_of(request)
    found = queries.page_of_passes(
        session, municipality_of(request), keys_of(request), asked.wanted, PAGE, place, actor_of(request)
    )
    shown = found[:PAGE]
    first = f"{PASSES}?{urlencode(asked.asked)}" if asked.asked else PASSES
    onward = urlencode(asked.asked | {"after": encode_cursor(shown[-1].id)}) if len(found) > PAGE else None
    return {
        "passes": shown,
        "next": f"{PASSES}?{onward}" if onward else None,
        "first": first if after else None,
        "asked": asked.asked,
        "filter": blank(request, PassFilter, **({"state": "", "period": "", "used": ""} | asked.asked)),
        "periods": [
            (start, f"{day(start, language)} – {day(end, language)}") for start, end in queries.periods_of(session)
        ],
        "pass_states": PASS_STATES,
    }
