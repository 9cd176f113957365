"""The page of what-if: parameters are changed and what it would mean is seen at once; nothing of it is kept."""

from datetime import date
from typing import Annotated, Any, Final

from litestar import Response, get, post
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.database.requests import transactional
from service.eligibility import schemes, words
from service.eligibility.actions import require_refreshable
from service.eligibility.scheme_forms import Judged, judged
from service.eligibility.what_if import Comparison, compare
from service.errors import N_, Invalid, NotFound
from service.identity.access import AnyRequest, municipality_of
from service.identity.permissions import may
from service.values import clock
from service.web.charts import chart
from service.web.forms import FormData, blank, read_form, redisplaying
from service.web.pages import page

PATH: Final = "/eligibility/what-if"
_MAY: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("eligibility.read")}
_TEMPLATE: Final = "eligibility/what_if.html"


class WhatIfForm(Judged, frozen=True, kw_only=True):
    """Parameters to be tried, for a scheme, a day and an income year."""

    scheme: Annotated[str, Meta(title=N_("Scheme"), max_length=40)]
    on: Annotated[date, Meta(title=N_("Date"))]
    income_year: Annotated[int | None, Meta(title=N_("Income year"), ge=1990, le=2100)] = None


@get(PATH, **_MAY)
@transactional
def begin(request: AnyRequest, session: Session) -> Response[str]:
    """The form with the parameters that count: of the scheme and day asked for, else of the last refresh."""
    municipality, last = municipality_of(request), _last(session)
    scheme = request.query_params.get("scheme") or (last.name if last else None)
    if scheme is None:
        return page(request, "eligibility/what_if_none.html")
    today = clock.today(municipality.time_zone)
    on = last.on_date if last and last.name == scheme else today
    year = last.income_year if last and last.name == scheme else None
    try:
        counting = schemes.version_on(session, municipality, scheme, on)
    except (Invalid, NotFound):
        return page(request, "eligibility/what_if_none.html")
    form = blank(request, WhatIfForm, scheme=scheme, on=on, income_year=year, **judged(counting.parameters))
    return page(request, _TEMPLATE, form=form, **_context(session, counting, None))


@post(PATH, status_code=200, **_MAY)
@transactional
def try_out(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """What the changed parameters would mean."""
    municipality = municipality_of(request)
    with redisplaying(request, _TEMPLATE, WhatIfForm, data, **_context(session, None, None)):
        form = read_form(data, WhatIfForm)
        require_refreshable(session, municipality, form.scheme, form.on, form.income_year)
        counting = schemes.version_on(session, municipality, form.scheme, form.on)
        found = compare(session, municipality, form.scheme, form.on, form.income_year, form.changes())
    sent = {name: data.get(name) for name in WhatIfForm.__struct_fields__}
    return page(request, _TEMPLATE, form=blank(request, WhatIfForm, **sent), **_context(session, counting, found))


ROUTES = [begin, try_out]
"""The page of what-if."""


def _context(session: Session, counting: schemes.Version | None, found: Comparison | None) -> dict[str, Any]:
    names = session.execute(text('SELECT name FROM scheme ORDER BY name COLLATE "C"')).scalars()
    return {
        "schemes": list(names),
        "counting": counting,
        "found": found,
        "chart_drawn": None if found is None else chart(found.districts, ("gain", "lose")),
        "measures": words.MEASURES,
    }


def _last(session: Session) -> Any:
    """The newest refresh that was to be kept, or a scheme where there is none."""
    return session.execute(
        text(
            """SELECT s.name, coalesce(r.on_date, :today) AS on_date, r.income_year FROM scheme s
            LEFT JOIN refresh_run r ON r.scheme_id = s.id AND r.kind = 'refresh'
            ORDER BY r.id DESC NULLS LAST, s.name LIMIT 1"""
        ),
        {"today": clock.today("UTC")},
    ).one_or_none()
