"""The pages of the schemes: the parameters of each year with their source, and a new year's version."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect
from sqlalchemy import text
from sqlmodel import Session

from service.audit.queries import actors
from service.database.requests import transactional
from service.eligibility import lists, scheme_forms, schemes, words
from service.eligibility.lists import Scheme, StoredVersion
from service.eligibility.parameters import SCHEME, Parameters
from service.eligibility.scheme_forms import SavedForm, VersionForm
from service.errors import N_, NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of, principal_of
from service.identity.form_keys import is_repeated, new_key
from service.identity.permissions import may
from service.values import clock
from service.values.periods import period_of
from service.web.forms import Form, FormData, blank, read_form, redisplaying
from service.web.pages import page, redirect

PATH: Final = "/schemes"
_READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("schemes.read")}
_CHANGE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("schemes.change")}
_FORM: Final = "eligibility/scheme_new.html"
_CONFIRM: Final = "eligibility/scheme_confirm.html"
_WORDS: Final[dict[str, Any]] = {"labels": words.PARAMETERS, "bases": words.BASES, "periods": words.PERIODS}


@get(PATH, **_READ)
@transactional
def show_schemes(request: AnyRequest, session: Session) -> Response[str]:
    """Every scheme: what counts today, what is coming, and the versions by year."""
    municipality = municipality_of(request)
    names = session.execute(text('SELECT name FROM scheme ORDER BY name COLLATE "C"')).scalars()
    return page(
        request,
        "eligibility/schemes.html",
        schemes=[lists.scheme_named(session, municipality, name) for name in names],
        today=clock.today(municipality.time_zone),
        may_change=principal_of(request).may("schemes.change"),
        people=actors(session).people,
        **_WORDS,
    )


@get(f"{PATH}/new", **_CHANGE)
@transactional
def ask_for_scheme(request: AnyRequest, session: Session) -> Response[str]:
    """The form of a scheme that is new."""
    today = clock.today(municipality_of(request).time_zone)
    values = {"min_percent": 90, "gate_percent": 20, "inclusive": True, "keep_when_lost": True, "basis_2": "final"}
    form = blank(request, VersionForm, scheme=SCHEME, valid_from=date(today.year, 1, 1), basis_1="annual", **values)
    return page(request, _FORM, form=form, scheme=None, last=None, **_WORDS)


@get(f"{PATH}/{{name:str}}/versions/{{number:int}}", **_READ)
@transactional
def show_version(request: AnyRequest, session: Session, name: FromPath[str], number: FromPath[int]) -> Response[str]:
    """A version with all its parameters, and what it changed."""
    scheme = lists.scheme_named(session, municipality_of(request), name)
    version = _version(scheme, number)
    before = max((one for one in scheme.versions if _order(one) < _order(version)), key=_order, default=None)
    return page(
        request,
        "eligibility/scheme_version.html",
        scheme=scheme,
        version=version,
        before=before,
        changed=_changed(before, version.parameters),
        people=actors(session).people,
        may_change=principal_of(request).may("schemes.change"),
        **_WORDS,
    )


@get(f"{PATH}/{{name:str}}/draft", **_CHANGE)
@transactional
def draft(request: AnyRequest, session: Session, name: FromPath[str]) -> Response[str]:
    """The form of the year after the last version's, filled with what that one says."""
    scheme = lists.scheme_named(session, municipality_of(request), name)
    last = max(scheme.versions, key=_order)
    year = last.valid_from.year + 1
    values = scheme_forms.version(last.parameters)
    form = blank(
        request,
        VersionForm,
        scheme=name,
        valid_from=date(year, 1, 1),
        valid_to=None if last.valid_to is None else date(year, 12, 31),
        **values,
    )
    return page(request, _FORM, form=form, scheme=name, last=last, **_WORDS)


@post(f"{PATH}/check", status_code=200, **_CHANGE)
@transactional
def check(request: AnyRequest, data: FormData, session: Session) -> Response[str]:
    """Once more what will be kept, and what it changes; nothing is kept yet. From there back to the form, too."""
    if data.get("act") == "edit":
        return page(request, _FORM, form=_again(request, data), **_form_context(request, session, data))
    with redisplaying(request, _FORM, VersionForm, data, **_form_context(request, session, data)):
        form = read_form(data, VersionForm)
        version = _try(request, session, form)
    return page(request, _CONFIRM, form=_again(request, data), **_confirmed(request, session, form, version))


@post(f"{PATH}/versions", status_code=303, **_CHANGE)
@transactional
def save(request: AnyRequest, data: FormData, session: Session) -> Redirect:
    """Keep a version. It is never changed afterwards: a correction is another version."""
    with redisplaying(request, _FORM, VersionForm, data, **_form_context(request, session, data)):
        form = read_form(data, SavedForm)
        municipality = municipality_of(request)
        if is_repeated(session, principal_of(request), form.key):
            made = schemes.version_on(session, municipality, form.scheme, form.valid_from)
        else:
            valid = (form.valid_from, form.valid_to)
            made = schemes.add_version_of(
                session, municipality, form.scheme, valid, form.source, form.changes(), actor_of(request)
            )
    said = N_("Version {number} of {scheme} is kept. It counts from {day}.")
    return redirect(request, PATH, said, number=made.number, scheme=form.scheme, day=made.valid_from)


ROUTES = [show_schemes, ask_for_scheme, show_version, draft, check, save]
"""The pages of the schemes."""


def _order(version: StoredVersion) -> tuple[date, int]:
    return version.valid_from, version.number


def _version(scheme: Scheme, number: int) -> StoredVersion:
    for version in scheme.versions:
        if version.number == number:
            return version
    raise NotFound("The scheme {scheme} has no version {number}.", scheme=scheme.name, number=number)


def _changed(before: StoredVersion | None, after: Parameters) -> list[str]:
    """The parameters that are other than before, by name."""
    if before is None:
        return []
    return [name for name in words.PARAMETERS if getattr(before.parameters, name) != getattr(after, name)]


def _again(request: AnyRequest, data: Mapping[str, Any]) -> Form:
    """The same answers, to be sent once more."""
    sent = {name: data.get(name) for name in VersionForm.__struct_fields__}
    return blank(request, SavedForm, **(sent | {"key": new_key()}))


def _form_context(request: AnyRequest, session: Session, data: Mapping[str, Any]) -> dict[str, Any]:
    name = str(data.get("scheme", ""))
    known = session.execute(text("SELECT EXISTS (SELECT FROM scheme WHERE name = :name)"), {"name": name}).scalar_one()
    last = None
    if known:
        last = max(lists.scheme_named(session, municipality_of(request), name).versions, key=_order)
    return _WORDS | {"scheme": name if known else None, "last": last}


def _try(request: AnyRequest, session: Session, form: VersionForm) -> schemes.Version:
    """The version as it would be; what is tried is taken back."""
    with session.begin_nested() as attempt:
        valid = (form.valid_from, form.valid_to)
        municipality = municipality_of(request)
        tried = schemes.set_parameters(
            session, municipality, form.scheme, valid[0], form.source, form.changes(), valid[1]
        )
        attempt.rollback()
    return tried


def _confirmed(request: AnyRequest, session: Session, form: VersionForm, version: schemes.Version) -> dict[str, Any]:
    context = _form_context(request, session, msgspec.structs.asdict(form))
    earlier: list[StoredVersion] = []
    if context["scheme"] is not None:
        known = lists.scheme_named(session, municipality_of(request), form.scheme)
        earlier = [one for one in known.versions if one.valid_from <= form.valid_from]
    before = max(earlier, key=_order, default=None)
    period = period_of(form.period, form.valid_from)
    determined = session.execute(
        text(
            """SELECT count(*) FROM determination d JOIN scheme s ON s.id = d.scheme_id
            WHERE s.name = :scheme AND d.ended_at IS NULL AND d.period_start >= :start
                AND (CAST(:end AS date) IS NULL OR d.period_start <= :end)"""
        ),
        {"scheme": form.scheme, "start": period.start, "end": form.valid_to},
    ).scalar_one()
    return context | {
        "version": version,
        "before": before,
        "changed": _changed(before, version.parameters),
        "same": before is not None and before.id == version.id,
        "determined": determined,
        "names": SavedForm.__struct_fields__,
    }
