"""The pages of a scheme's terms for claims: what counts when and from where, and a new version."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Meta
from sqlalchemy import text
from sqlmodel import Session

from service.audit.queries import actors
from service.claims import terms
from service.claims.queue_forms import CLAIMS, DONE, READ
from service.claims.rules import Terms
from service.claims.terms import RANGES, TermsVersion
from service.claims.words import TERMS
from service.clubs.words import ACTIVITIES
from service.database.requests import transactional
from service.errors import N_
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import FormKey, is_repeated, new_key
from service.identity.permissions import may
from service.values import clock
from service.web.answers import given_in
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

PATH: Final = f"{CLAIMS}/terms"
_CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("claims.terms")}
_FORM: Final = "claims/terms_new.html"
_CONFIRM: Final = "claims/terms_confirm.html"
_WORDS: Final[dict[str, Any]] = {"labels": TERMS, "activity_kinds": ACTIVITIES}


def _whole(name: str) -> Meta:
    lowest, highest = RANGES[name]
    return Meta(title=TERMS[name], ge=lowest, le=highest)


class TermsForm(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a scheme's terms, from when it counts and where it is from."""

    scheme: Annotated[str, Meta(title=N_("Scheme"), max_length=40)]
    valid_from: Annotated[date, Meta(title=N_("For seasons that begin from"))]
    source: Annotated[str, Meta(title=N_("Where the terms were decided"), max_length=500)]
    claim_days: Annotated[int, _whole("claim_days")]
    reservation_days: Annotated[int, _whole("reservation_days")]
    min_sessions: Annotated[int, _whole("min_sessions")]
    most_pass_percent: Annotated[int, _whole("most_pass_percent")]
    excluded_kinds: Annotated[list[str], Meta(title=TERMS["excluded_kinds"])] = []

    def changes(self) -> dict[str, Any]:
        """The same as `set_terms` takes it."""
        named = {name: getattr(self, name) for name in RANGES}
        return named | {"excluded_kinds": tuple(self.excluded_kinds)}


class SavedTerms(TermsForm, frozen=True, kw_only=True):
    """Terms that were looked at once more; the key makes a double click one."""

    key: FormKey


@get(PATH, **READ)
@transactional
def show_terms(request: AnyRequest, session: Session) -> Response[str]:
    """Every scheme's terms: what counts today, what is coming, and what counted before."""
    municipality = municipality_of(request)
    today = clock.today(municipality.time_zone)
    names = session.execute(text('SELECT name FROM scheme ORDER BY name COLLATE "C"')).scalars().all()
    found = {name: terms.versions(session, municipality, name) for name in names}
    return page(
        request,
        "claims/terms.html",
        schemes=[(name, versions, _current(versions, today)) for name, versions in found.items()],
        presets=Terms(),
        today=today,
        may_change=principal_of(request).may("claims.terms"),
        people=actors(session).people,
        **_WORDS,
    )


def _current(versions: list[TermsVersion], today: date) -> TermsVersion | None:
    return next((one for one in versions if one.valid_from <= today), None)


@get(f"{PATH}/{{name:str}}/draft", **_CHANGE)
@transactional
def draft(request: AnyRequest, session: Session, name: FromPath[str]) -> Response[str]:
    """The form of a new version, filled with what counts last."""
    municipality = municipality_of(request)
    known = terms.versions(session, municipality, name)
    values = msgspec.structs.asdict(known[0].terms if known else Terms())
    today = clock.today(municipality.time_zone)
    form = blank(request, TermsForm, scheme=name, valid_from=date(today.year + 1, 1, 1), **values)
    return page(request, _FORM, form=form, scheme=name, **_WORDS)


@post(f"{PATH}/check", status_code=200, **_CHANGE)
@transactional
def check(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """Once more what will be kept, and what it changes; nothing is kept yet. From there back to the form, too."""
    scheme = str(data.get("scheme", ""))
    if data.get("act") == "edit":
        return page(request, _FORM, form=_again(request, data), scheme=scheme, **_WORDS)
    with redisplaying(request, _FORM, TermsForm, data, scheme=scheme, **_WORDS):
        form = read_form(data, TermsForm)
        made, before = _try(request, session, form)
    changed = [name for name in TERMS if getattr(made, name) != getattr(before, name)]
    return page(
        request, _CONFIRM, form=_again(request, data), asked=form, made=made, before=before, changed=changed, **_WORDS
    )


def _try(request: AnyRequest, session: Session, form: TermsForm) -> tuple[Terms, Terms]:
    """The terms as they would be and as they are for that day; what is tried is taken back."""
    municipality, actor = municipality_of(request), actor_of(request)
    known = terms.versions(session, municipality, form.scheme)
    before = next((one.terms for one in known if one.valid_from <= form.valid_from), Terms())
    with session.begin_nested() as attempt:
        made = terms.set_terms(
            session, municipality, form.scheme, form.valid_from, form.source, form.changes(), actor
        ).terms
        attempt.rollback()
    return made, before


@post(f"{PATH}/versions", status_code=303, **_CHANGE)
@transactional
def save(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Keep a version. It is never changed afterwards: a correction is another version."""
    with redisplaying(request, _FORM, TermsForm, data, scheme=str(data.get("scheme", "")), **_WORDS):
        form = read_form(data, SavedTerms)
        if is_repeated(session, principal_of(request), form.key):
            return redirect(request, PATH, DONE, kind="info")
        made = terms.set_terms(
            session,
            municipality_of(request),
            form.scheme,
            form.valid_from,
            form.source,
            form.changes(),
            actor_of(request),
        )
    said = N_("The terms are kept. They count for seasons that begin on {day} or later.")
    return redirect(request, PATH, said, day=made.valid_from)


def _again(request: AnyRequest, data: Mapping[str, Any]) -> Form:
    """The same answers, to be sent once more."""
    sent = {name: data.get(name) for name in TermsForm.__struct_fields__}
    sent["excluded_kinds"] = given_in(data, "excluded_kinds")
    return blank(request, SavedTerms, **(sent | {"key": new_key()}))


ROUTES = [show_terms, draft, check, save]
"""The pages of the terms for claims."""
