"""Schemes and their dated parameters in the API."""

from typing import Annotated, Any

import msgspec
from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath
from sqlmodel import Session

from schemas.page import Page
from schemas.scheme import (
    NewSchemeVersion,
    ParameterChanges,
    SchemeDetail,
    SchemeParameters,
    SchemeSummary,
    SchemeVersion,
)
from service.database.requests import transactional
from service.eligibility import lists, schemes
from service.eligibility.parameters import KEYS, as_written
from service.errors import FieldError, Invalid
from service.identity.access import actor_of, municipality_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED

AnyRequest = Request[Any, Any, State]


@get("/api/v1/schemes", sync_to_thread=True, opt=may("schemes.read"), tags=["schemes"], responses=DOCUMENTED)
@transactional
def list_schemes(
    request: AnyRequest, session: Session, limit: Limit = PAGE, after: After = None
) -> Page[SchemeSummary]:
    """The municipality's schemes by name, each with the parameters that count today."""
    found = lists.page_of_schemes(session, municipality_of(request), limit, decode_cursor(after, str))
    return page_of(found, limit, _scheme_summary, lambda scheme: scheme.name)


@get("/api/v1/schemes/{key:str}", sync_to_thread=True, opt=may("schemes.read"), tags=["schemes"], responses=DOCUMENTED)
@transactional
def show_scheme(request: AnyRequest, session: Session, key: FromPath[str]) -> SchemeDetail:
    """A scheme by its name, with every version of its parameters and where each is from."""
    scheme = lists.scheme_named(session, municipality_of(request), key)
    return SchemeDetail(scheme.name, scheme.created_at, [_version(version) for version in scheme.versions])


_NEW_VERSION = {
    "valid_from": "2017-01-01",
    "valid_to": "2017-12-31",
    "source": "The council's decision of 12 December 2016",
    "parameters": {"limit_ore": 19271400, "single_addition_ore": 5949200, "amount_ore": 100000},
}


@post(
    "/api/v1/schemes/{key:str}/versions",
    sync_to_thread=True,
    opt=may("schemes.change"),
    tags=["schemes"],
    responses=DOCUMENTED,
)
@transactional
@idempotent
def add_scheme_version(
    request: AnyRequest,
    session: Session,
    key: FromPath[str],
    data: Annotated[NewSchemeVersion, Body(examples=[Example(value=_NEW_VERSION)])],
) -> SchemeVersion:
    """Set parameters from a day on; a scheme that is new is made. Amounts are øre.

    What would only say again what the newest version says adds none and gives that one.
    """
    municipality = municipality_of(request)
    written = as_written(named(data.parameters))
    try:
        valid = (data.valid_from, data.valid_to)
        made = schemes.add_version_of(session, municipality, key, valid, data.source, written, actor_of(request))
    except Invalid as refusal:
        raise in_ore(refusal, "parameters") from None
    [version] = [one for one in lists.scheme_named(session, municipality, key).versions if one.id == made.id]
    return _version(version)


ROUTES = [list_schemes, show_scheme, add_scheme_version]
"""The API of the schemes."""


def named(changes: ParameterChanges) -> dict[str, Any]:
    """The parameters that a caller named."""
    return {name: value for name, value in msgspec.structs.asdict(changes).items() if value is not None}


def in_ore(refusal: Invalid, where: str) -> Invalid:
    """The refusal of parameters with its fields as the API names them."""
    names = {key: f"{where}.{name}" for name, key in KEYS.items()}
    refusal.errors = [FieldError(names.get(one.field, one.field), one.template, one.values) for one in refusal.errors]
    return refusal


def _scheme_summary(scheme: lists.Scheme) -> SchemeSummary:
    current = [_version(version) for version in scheme.versions if version.number == scheme.current]
    return SchemeSummary(scheme.name, scheme.created_at, len(scheme.versions), current[0] if current else None)


def _version(version: lists.StoredVersion) -> SchemeVersion:
    fields = {name: getattr(version, name) for name in SchemeVersion.__struct_fields__}
    parameters = msgspec.convert(msgspec.to_builtins(version.parameters), SchemeParameters)
    return SchemeVersion(**(fields | {"parameters": parameters}))
