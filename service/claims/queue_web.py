"""The municipality's queue of claims: a list with its filter, search and file, several approved at once, the days."""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.claims import cases, decisions
from service.claims.decisions import MOST_AT_ONCE, Several
from service.claims.queries import Wanted
from service.claims.queue_forms import CLAIMS, DECIDE, DONE, READ, WORDS, QueueForm
from service.claims.rules import BY_HAND, LEFT, REJECTED
from service.claims.words import STATES
from service.database.requests import keys_of, transactional
from service.errors import N_, Invalid, Unreadable
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.passes.actions import find_pass
from service.values import clock, pass_numbers
from service.web.answers import given_in
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect
from service.web.paging import PAGE, decode_cursor, encode_cursor

_CHOSEN: Final = "claims/staff_chosen.html"


class SearchForm(msgspec.Struct, frozen=True):
    """A claim by what is known of it; a pass number stands in no address."""

    q: Annotated[str, Meta(title=N_("Reference, pass number or id of a claim"), max_length=100)]


class ChosenForm(msgspec.Struct, frozen=True):
    """Claims that are approved at once; `chosen` holds their ids."""

    chosen: Annotated[str, Meta(title=N_("Claims"), max_length=10_000)]
    key: FormKey

    @property
    def claims(self) -> list[UUID]:
        """The ids."""
        try:
            return [UUID(one) for one in self.chosen.split()]
        except ValueError:
            raise Invalid("The form does not say which claims it is about. Choose them again.") from None


@get(CLAIMS, **READ)
@transactional
def show_queue(request: AnyRequest, session: Session) -> Response[str]:
    """The claims that wait, the oldest first, or those in another state. The read is in the audit trail."""
    asked = read_form(dict(request.query_params), QueueForm)
    after = request.query_params.get("after")
    place = decode_cursor(after, UUID)
    found = cases.queue(session, municipality_of(request), asked.wanted, PAGE, place, actor_of(request))
    shown = found[:PAGE]
    return page(
        request,
        "claims/staff_queue.html",
        claims=shown,
        next=asked.at(after=encode_cursor(shown[-1].id)) if len(found) > PAGE else None,
        first=asked.at() if after else None,
        asked=asked,
        form=blank(request, QueueForm, **msgspec.structs.asdict(asked)),
        search=blank(request, SearchForm),
        **_around(session, asked),
        **WORDS,
    )


def _around(session: Session, asked: QueueForm) -> dict[str, Any]:
    """What stands around the list: how many there are of each kind, and what can be chosen."""
    counted, waiting = cases.counts(session), cases.reasons_waiting(session)
    clubs, years = cases.clubs_and_years(session)

    def with_state(state: Any) -> str:
        return msgspec.structs.replace(asked, state=state, because=None).at()

    return {
        "tabs": [(state, counted.get(state, 0), with_state(state)) for state in STATES],
        "every": (sum(counted.values()), with_state("all")),
        "by_reason": [
            (code, waiting[code], msgspec.structs.replace(asked, because=code).at()) for code in LEFT if code in waiting
        ],
        "reason_codes": list(dict.fromkeys((*LEFT, *REJECTED, *BY_HAND))),
        "clubs": clubs,
        "years": [(year, year) for year in years],
    }


@post(f"{CLAIMS}/search", status_code=303, **READ)
@transactional
def search(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """From what is known of a claim to it: its id, a pass number, or the club's reference."""
    with redisplaying(request, "claims/staff_search.html", SearchForm, data):
        q = read_form(data, SearchForm).q
        try:
            return Redirect(f"{CLAIMS}/{UUID(q)}", status_code=303)
        except ValueError:
            pass
        try:
            pass_numbers.parse(q)
        except Unreadable:
            return Redirect(QueueForm(state="all", reference=q).at(), status_code=303)
        found = find_pass(session, keys_of(request), q)
    return Redirect(QueueForm(state="all", pass_id=found).at(), status_code=303)


@post(f"{CLAIMS}/file", status_code=200, **READ)
@transactional
def download(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """The shown claims for a spreadsheet, without names. That it was taken is in the audit trail."""
    municipality, wanted = municipality_of(request), read_form(data, QueueForm).wanted
    file = cases.claims_as_csv(session, municipality, wanted, actor_of(request))
    named = f'attachment; filename="claims-{clock.today(municipality.time_zone)}.csv"'
    return Response(f"\ufeff{file}", media_type="text/csv; charset=utf-8", headers={"Content-Disposition": named})


@get(f"{CLAIMS}/days", **READ)
@transactional
def show_days(request: AnyRequest, session: Session) -> Response[str]:
    """How long clubs waited for decisions, over all and club by club."""
    days = cases.days_to_decision(session)
    return page(request, "claims/staff_days.html", every=days[0] if days else None, clubs=days[1:])


@post(f"{CLAIMS}/chosen", status_code=200, **DECIDE)
@transactional
def choose(request: AnyRequest, data: FormData, session: Session) -> Response[str] | Redirect:
    """From the ticked claims to the question whether all of them are right."""
    asked = read_form(data, QueueForm)
    chosen = [one for one in given_in(data, "claim") if isinstance(one, str)]
    if not chosen:
        return redirect(request, asked.at(), N_("Tick at least one claim first."), kind="warning")
    if len(chosen) > MOST_AT_ONCE:
        too_many = N_("At most {most} claims go at once.")
        return redirect(request, asked.at(), too_many, kind="warning", most=MOST_AT_ONCE)
    form = blank(request, ChosenForm, chosen=" ".join(chosen), key=new_key())
    return page(
        request, _CHOSEN, form=form, **_chosen(request, session, ChosenForm(" ".join(chosen), "").claims, asked)
    )


def _chosen(request: AnyRequest, session: Session, claims: list[UUID], asked: QueueForm) -> dict[str, Any]:
    wanted = Wanted("submitted", ids=tuple(claims))
    found = cases.queue(session, municipality_of(request), wanted, MOST_AT_ONCE, None, actor_of(request))
    total = sum(one.covered_ore for one in found)
    return {"claims": found, "total": total, "hidden_fields": asked.asked, "back": asked.at(), **WORDS}


@post(f"{CLAIMS}/approvals", status_code=303, **DECIDE)
@transactional
def approve_chosen(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Approve the claims that were looked at; those that are not as they were are left and told of."""
    asked, chosen = read_form(data, QueueForm), read_form(data, ChosenForm)
    with redisplaying(request, _CHOSEN, ChosenForm, _renewed(data), **_chosen(request, session, chosen.claims, asked)):
        if is_repeated(session, principal_of(request), chosen.key):
            return redirect(request, asked.at(), DONE, kind="info")
        made = decisions.approve_claims(session, municipality_of(request), chosen.claims, actor_of(request))
    return told(request, made, asked.at())


def told(request: AnyRequest, made: Several, path: str) -> Redirect:
    """Back to a page that says what came of several claims."""
    if not made.left:
        return redirect(request, path, N_("Claims approved: {count}."), count=len(made.approved))
    message = N_(
        "Claims approved: {count}. Left as they are: {left}, since they were decided meanwhile or money is short."
    )
    return redirect(request, path, message, kind="warning", count=len(made.approved), left=len(made.left))


def _renewed(data: Mapping[str, Any]) -> dict[str, Any]:
    # Shown again, a form must count again.
    return dict(data) | {"key": new_key()}


ROUTES = [show_queue, search, download, show_days, choose, approve_chosen]
"""The pages of the queue of claims."""
