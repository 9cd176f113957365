"""The search of every page's head: by POST, so that no name and no number stands in an address."""

from typing import Annotated, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect
from msgspec import Meta
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.permissions import may
from service.passes.persons_web import PERSONS, RELATIONS
from service.passes.search import LONGEST, search
from service.web.forms import FormData, blank, filled, read_form, redisplaying
from service.web.pages import page
from service.web.paging import decode_cursor, encode_cursor

SEARCH: Final = "/search"
HOUSEHOLDS: Final = "/households"
_ROWS: Final = 20


class SearchForm(msgspec.Struct, frozen=True):
    """What is searched for, and of a later page where it goes on."""

    text: Annotated[str, Meta(title=N_("Name, household, pass number or identity number"), max_length=LONGEST)]
    after: Annotated[str | None, Meta(title=N_("Page"), max_length=100)] = None


@get(SEARCH, sync_to_thread=False, include_in_schema=False, opt=may("determinations.read"))
def ask_for_family(request: AnyRequest) -> Response[str]:
    """The empty form."""
    return page(request, "passes/search_results.html", form=blank(request, SearchForm), found=None, relations=RELATIONS)


@post(SEARCH, status_code=200, sync_to_thread=True, include_in_schema=False, opt=may("determinations.read"))
@transactional
def search_family(request: AnyRequest, data: FormData, session: Session) -> Response[str] | Redirect:
    """Who was found; where what was written means one household exactly, on to that."""
    template, unfound = "passes/search_results.html", {"found": None, "relations": RELATIONS}
    with redisplaying(request, template, SearchForm, data, **unfound):
        asked = read_form(data, SearchForm)
        found = search(
            session,
            municipality_of(request),
            keys_of(request),
            asked.text,
            _ROWS,
            decode_cursor(asked.after, UUID),
            actor_of(request),
            with_passes=principal_of(request).may("passes.read"),
        )
    if found.household is not None:
        return Redirect(f"{HOUSEHOLDS}/{found.household}", status_code=303)
    if found.by != "name" and len(found.persons) == 1 and not found.persons[0].homes:
        return Redirect(f"{PERSONS}/{found.persons[0].person_key}", status_code=303)
    further = encode_cursor(found.persons[-1].person_key) if found.more else None
    form = filled(request, SearchForm(asked.text))
    return page(request, template, form=form, found=found, further=further, relations=RELATIONS)


ROUTES = [ask_for_family, search_family]
"""The pages of the search."""
