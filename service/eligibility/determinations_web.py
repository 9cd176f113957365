"""The page of a determination: the rule line by line, and the household it was about; amounts for a reason, once."""

from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.database.requests import keys_of, transactional
from service.eligibility import lists, queries, words
from service.eligibility.queries import ExplainedChild
from service.errors import N_, Refused
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.register.persons import person_by_id
from service.web.formats import show
from service.web.forms import FormData, Redisplayed, blank, read_form, redisplaying
from service.web.pages import language_of, page, redirect
from service.web.texts import translator

_PATH: Final = "/eligibility/determinations/{determination_id:uuid}"
_TEMPLATE: Final = "eligibility/determination.html"
_SHORTEST_REASON: Final = 10
_HIDDEN_AGAIN: Final = N_("What was shown is hidden again. Say why once more to see it.")


class AmountsForm(msgspec.Struct, frozen=True):
    """Why the amounts are needed."""

    reason: Annotated[str, Meta(title=N_("Why you need it"), min_length=_SHORTEST_REASON, max_length=500)]
    key: FormKey


@get(_PATH, sync_to_thread=True, include_in_schema=False, opt=may("determinations.read"))
@transactional
def show_determination(request: AnyRequest, session: Session, determination_id: FromPath[UUID]) -> Response[str]:
    """Why it was determined so, without amounts; that it was seen is in the audit trail."""
    form = blank(request, AmountsForm, key=new_key())
    return page(request, _TEMPLATE, form=form, **_context(request, session, determination_id))


@post(_PATH, status_code=200, sync_to_thread=True, include_in_schema=False, opt=may("persons.unmask"))
@transactional
def show_amounts(
    request: AnyRequest, data: FormData, session: Session, determination_id: FromPath[UUID]
) -> Response[str] | Redirect:
    """The same page with the amounts, once: sent again by a reload, the form leads back to the page without them."""
    masked = _context(request, session, determination_id)
    try:
        with redisplaying(request, _TEMPLATE, AmountsForm, data | {"key": new_key()}, **masked):
            asked = read_form(data, AmountsForm)
    except Redisplayed as again:
        # Returned, not raised: the page shows the child, so that it was seen must be committed.
        return again.response
    if is_repeated(session, principal_of(request), asked.key):
        here = f"/eligibility/determinations/{determination_id}"
        return redirect(request, here, _HIDDEN_AGAIN, kind="info")
    context = _context(request, session, determination_id, asked.reason)
    return page(request, _TEMPLATE, form=blank(request, AmountsForm, key=new_key()), **context)


ROUTES = [show_determination, show_amounts]
"""The pages of determinations."""


def steps_of(request: AnyRequest, child: ExplainedChild) -> dict[str, Any]:
    """A calculation in the reader's language: each line, and the parameters that it rests on."""
    language = language_of(request)
    texts = translator(language)

    def said(value: object) -> str:
        return show(value, language)

    steps = [
        (step.text.said(texts.gettext, said), [texts.gettext(words.PARAMETERS[name]) for name in step.parameters])
        for step in child.steps
    ]
    return {"steps": steps, "outcomes": words.OUTCOMES, "reasons": words.REASONS}


def _context(
    request: AnyRequest, session: Session, determination_id: UUID, reason: str | None = None
) -> dict[str, Any]:
    municipality = municipality_of(request)
    determined = lists.determination_by_id(session, determination_id)
    child = queries.explain_determination(
        session,
        municipality,
        determination_id,
        actor_of(request),
        unmasked=reason is not None,
        reason=reason,
    )
    if child.replayed is False:
        raise Refused("A determination does not replay to what it says; run `medspiller database check`.")
    person = person_by_id(session, keys_of(request).for_tenant(municipality.id), determined.person_key)
    return steps_of(request, child) | {
        "determined": determined,
        "child": child,
        "name": f"{person.given_name} {person.family_name}".strip(),
        "homes": person.homes,
        "siblings": _determined_of(session, determined, [m.person_key for home in person.homes for m in home.members]),
        "relations": words.RELATIONS,
        "shown": reason is not None,
        "may_show": principal_of(request).may("persons.unmask"),
    }


def _determined_of(session: Session, determined: lists.Determined, persons: list[UUID]) -> dict[UUID, Any]:
    """What was determined for these persons in the same scheme and period, as it stands: id and outcome by person."""
    rows = session.execute(
        text(
            """SELECT d.person_id, d.id, d.outcome FROM determination d JOIN scheme s ON s.id = d.scheme_id
            WHERE s.name = :scheme AND d.period_start = :start AND d.ended_at IS NULL
                AND d.person_id = ANY (:persons)"""
        ),
        {"scheme": determined.scheme, "start": determined.period_start, "persons": persons},
    )
    return {row.person_id: row for row in rows}
