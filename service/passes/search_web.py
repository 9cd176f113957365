"""The page on which a case worker finds a family, also from the field in the head of every page.

What was written stands in no address. The browser keeps it sealed for a quarter of an hour, so that one can go back to
those who were found: the page that an address brings up again and not a form that is sent again.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.authentication import cookies_of
from service.identity.permissions import may
from service.passes.persons_web import PERSONS, RELATIONS
from service.passes.search import LONGEST, Found, is_exact, require_words, search
from service.values.secrecy import CannotDecrypt
from service.web.forms import FormData, blank, filled, read_form, redisplaying
from service.web.pages import page
from service.web.paging import decode_cursor, encode_cursor

SEARCH: Final = "/search"
HOUSEHOLDS: Final = "/households"
FOUND: Final = f"{SEARCH}/found"
_ROWS: Final = 25
_TEMPLATE: Final = "passes/search_results.html"
_COOKIE: Final = "sought"
_KEPT_SECONDS: Final = 15 * 60
_MAY: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "include_in_schema": False,
    "opt": may("determinations.read"),
}
_NOBODY: Final[dict[str, Any]] = {"found": None, "relations": RELATIONS}


class SearchForm(msgspec.Struct, frozen=True):
    """What is searched for, and of a later page where it goes on."""

    text: Annotated[str, Meta(title=N_("Name, household, pass number or identity number"), max_length=LONGEST)]
    after: Annotated[str | None, Meta(title=N_("Page"), max_length=100)] = None


class Sought(msgspec.Struct, frozen=True):
    """What the browser keeps of a search, for the session in which it was made."""

    session: UUID | None
    text: str
    after: str | None


@get(SEARCH, **_MAY | {"sync_to_thread": False})
def ask_for_family(request: AnyRequest) -> Response[str]:
    """The empty form."""
    return page(request, _TEMPLATE, form=blank(request, SearchForm), **_NOBODY)


@post(SEARCH, status_code=303, **_MAY)
@transactional
def search_family(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Where what was written means one household exactly, on to that; else on to those who are found."""
    with redisplaying(request, _TEMPLATE, SearchForm, data, **_NOBODY):
        asked = read_form(data, SearchForm)
        decode_cursor(asked.after, UUID)
        if is_exact(session, municipality_of(request), keys_of(request), asked.text):
            found = _search(request, session, asked)
            if found.household is not None:
                return Redirect(f"{HOUSEHOLDS}/{found.household}", status_code=303)
            if len(found.persons) == 1 and not found.persons[0].homes:
                return Redirect(f"{PERSONS}/{found.persons[0].person_key}", status_code=303)
        require_words(session, asked.text)
    return Redirect(FOUND, status_code=303, cookies=[_sealed(request, asked)])


@get(FOUND, **_MAY)
@transactional
def show_found(request: AnyRequest, session: Session) -> Response[str] | Redirect:
    """Who is found by what was written last. The search is in the audit trail each time."""
    asked = _unsealed(request)
    if asked is None:
        return Redirect(SEARCH, status_code=303)
    form = filled(request, SearchForm(asked.text))
    found = _search(request, session, asked)
    further = encode_cursor(found.persons[-1].person_key) if found.more else None
    return page(request, _TEMPLATE, form=form, found=found, further=further, relations=RELATIONS)


ROUTES = [ask_for_family, search_family, show_found]
"""The pages of the search."""


def _search(request: AnyRequest, session: Session, asked: SearchForm) -> Found:
    return search(
        session,
        municipality_of(request),
        keys_of(request),
        asked.text,
        _ROWS,
        decode_cursor(asked.after, UUID),
        actor_of(request),
        with_passes=principal_of(request).may("passes.read"),
    )


def _sealed(request: AnyRequest, asked: SearchForm) -> Cookie:
    """What was written, as only this service can read it."""
    secrets = keys_of(request).for_tenant(municipality_of(request).id)
    content = msgspec.json.encode(Sought(principal_of(request).session_id, asked.text, asked.after))
    value = urlsafe_b64encode(secrets.encrypt_bytes(content)).decode()
    return cookies_of(request).make(_COOKIE, value, _KEPT_SECONDS)


def _unsealed(request: AnyRequest) -> SearchForm | None:
    """What was written last in this very session; None where it is too long ago, or of another session."""
    kept = request.cookies.get(cookies_of(request).name(_COOKIE), "")
    secrets = keys_of(request).for_tenant(municipality_of(request).id)
    try:
        sought = msgspec.json.decode(secrets.decrypt_bytes(urlsafe_b64decode(kept)), type=Sought)
    except (CannotDecrypt, ValueError):
        return None
    return SearchForm(sought.text, sought.after) if sought.session == principal_of(request).session_id else None
