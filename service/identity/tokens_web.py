"""The pages about tokens: of the municipality's systems for its administrators, of a club's for its treasurers."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import transactional
from service.errors import N_, NotFound
from service.identity import tokens
from service.identity.access import AnyRequest, Place, PlaceNotChosen, actor_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import PERMISSIONS, allowed_to_scopes, may
from service.identity.tokens import Token, scopes_for
from service.values import clock
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

TOKENS = "/tokens"
_NEW = f"{TOKENS}/new"

SCOPE_NAMES: Final = {
    "register": N_("the register"),
    "schemes": N_("the schemes"),
    "eligibility": N_("eligibility and determinations"),
    "passes": N_("passes"),
    "letters": N_("letters"),
    "jobs": N_("the timetable"),
    "reports": N_("reports"),
    "claims": N_("claims of clubs"),
    "budget": N_("budgets"),
    "payments": N_("payments to clubs"),
    "referrals": N_("referrals and their lists"),
    "clubs": N_("clubs"),
}
"""What a token may be for, in words."""


class TokenForm(msgspec.Struct, frozen=True):
    """A token that is wanted: for which system, what it may do, and its last day; without that it does not expire."""

    key: FormKey
    name: Annotated[str, Meta(title=N_("Name of the system"), max_length=100)]
    scopes: Annotated[list[str], Meta(title=N_("What it may do"))]
    last_day: Annotated[date | None, Meta(title=N_("Last day"))] = None


def _place(request: AnyRequest) -> Place:
    place = principal_of(request).place
    if place is None:
        raise PlaceNotChosen
    return place


def what_a_scope_allows(scope: str, place: Place) -> list[str]:
    """What the table allows a token of this place with this scope, in sentences."""
    allowed = allowed_to_scopes((scope,), place.sort)
    return [PERMISSIONS[name].sentence for name in PERMISSIONS if name in allowed]


def state_of(token: Token, now: datetime) -> str:
    """`revoked`, `expired` or `in force`."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at is not None and token.expires_at <= now else "in force"


@get(TOKENS, sync_to_thread=True, include_in_schema=False, opt=may("tokens.read"))
@transactional
def show_tokens(request: AnyRequest, session: Session) -> Response[str]:
    """The tokens, those in force first."""
    place, now = _place(request), clock.now()
    found = [(token, state_of(token, now)) for token in tokens.list_tokens(session, place.organisation_id)]
    return page(
        request,
        "identity/tokens_list.html",
        tokens=sorted(found, key=lambda pair: pair[1] != "in force"),
        scope_names=SCOPE_NAMES,
        # A day that ends at midnight is over the day after.
        minute=timedelta(minutes=1),
        possible=bool(scopes_for(place)),
    )


@get(_NEW, sync_to_thread=False, include_in_schema=False, opt=may("tokens.change"))
def new_token(request: AnyRequest) -> Response[str]:
    """The form for a new token; a year is proposed, and a single scope is chosen already."""
    place = _place(request)
    scopes = scopes_for(place)
    in_a_year = clock.now().date() + timedelta(days=365)
    chosen = scopes if len(scopes) == 1 else ()
    form = blank(request, TokenForm, key=new_key(), last_day=in_a_year, scopes=chosen)
    return page(request, "identity/tokens_new.html", form=form, **_choices(place))


def _choices(place: Place) -> dict[str, Any]:
    scopes = {scope: what_a_scope_allows(scope, place) for scope in scopes_for(place)}
    return {"scopes": scopes, "scope_names": SCOPE_NAMES}


@post(TOKENS, status_code=200, sync_to_thread=True, include_in_schema=False, opt=may("tokens.change"))
@transactional
def make_token(request: AnyRequest, data: FormData, session: Session) -> Response[Any]:
    """Make a token and show it, this once. Sent again the form makes no other and shows none."""
    place = _place(request)
    with redisplaying(request, "identity/tokens_new.html", TokenForm, data, **_choices(place)):
        asked = read_form(data, TokenForm)
        if is_repeated(session, principal_of(request), asked.key):
            return redirect(request, TOKENS, _SHOWN_BEFORE, kind="warning")
        until = end_of(asked.last_day, place.time_zone)
        made = tokens.make_token(session, place, asked.name, tuple(asked.scopes), actor_of(request), until)
    return page(request, "identity/tokens_made.html", token=made.token, name=asked.name)


_SHOWN_BEFORE = N_(
    "That form made its token already. A token is shown once: if nobody has copied it, revoke it and make a new one."
)


def end_of(day: date | None, time_zone: str) -> datetime | None:
    """When a day is over in a time zone."""
    if day is None or day == date.max:
        return None if day is None else datetime.max.replace(tzinfo=UTC)
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(time_zone))


@get(f"{TOKENS}/{{token_id:uuid}}/revoke", sync_to_thread=True, include_in_schema=False, opt=may("tokens.change"))
@transactional
def ask_to_revoke(request: AnyRequest, session: Session, token_id: FromPath[UUID]) -> Response[str]:
    """What a revocation does, before it does."""
    for token in tokens.list_tokens(session, _place(request).organisation_id):
        if token.id == token_id and token.revoked_at is None:
            return page(request, "identity/tokens_revoke.html", token=token, scope_names=SCOPE_NAMES)
    raise NotFound("There is no such token in force.")


@post(
    f"{TOKENS}/{{token_id:uuid}}/revoke",
    status_code=303,
    sync_to_thread=True,
    include_in_schema=False,
    opt=may("tokens.change"),
)
@transactional
def revoke_token(request: AnyRequest, session: Session, token_id: FromPath[UUID]) -> Redirect:
    """End a token at once."""
    place = _place(request)
    tokens.revoke_token(session, place.tenant_id, place.organisation_id, token_id, actor_of(request))
    return redirect(request, TOKENS, N_("The token was revoked. Its system is refused from now on."))


ROUTES = [show_tokens, new_token, make_token, ask_to_revoke, revoke_token]
"""The pages about tokens."""
