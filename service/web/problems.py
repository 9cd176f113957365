"""Every error: to programs as RFC 9457 problem details, to people as a page in their language."""

import logging
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schemas.problem import Problem, WrongField
from service.errors import N_, FieldError, Invalid, Refused, Show, Text, Translate
from service.identity.access import AnyRequest, PlaceNotChosen, SecondFactorOwed
from service.identity.authentication import cookies_of
from service.identity.throttle import TooMany
from service.web import menu
from service.web.fields import wrong_fields
from service.web.formats import show as show_value
from service.web.pages import error_page, language_of, wants_page
from service.web.texts import translator

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("medspiller.web")
_TYPE = "urn:medspiller:problem:"
_DETAILS = {
    400: N_("The request cannot be read: its body must be well-formed JSON."),
    401: N_("Sign in, or show a token that is in force."),
    403: N_("The form is too old, or does not come from this service. Load the page again and send it once more."),
    404: N_("There is nothing at this address."),
    405: N_("This address does not take that method."),
    413: N_("The body of the request is too large."),
    415: N_("The body of the request must be JSON."),
    429: N_("There were too many requests in a short while. Wait a minute."),
}
_UNAVAILABLE = N_("The database does not answer at the moment. Try again in a little while.")
_UNEXPECTED = N_("Something went wrong in the service. Tell its operator the incident {incident}.")

WANTED = "wanted"
"""The cookie that remembers which page somebody wanted before signing in."""
_REMEMBERED_SECONDS = 15 * 60


def refused(request: AnyRequest, refusal: Refused) -> Response[Any]:
    """A refusal of the program itself: its sentence, its fields."""
    if wants_page(request) and isinstance(refusal, SecondFactorOwed):
        return _lead(request, menu.SECOND_FACTOR)
    if wants_page(request) and isinstance(refusal, PlaceNotChosen):
        return _lead(request, menu.PLACES)
    translate, show = _reading(request)
    problem = Problem(
        type=_TYPE + type(refusal).__name__.lower(),
        title=translate(refusal.title),
        status=refusal.status,
        detail=refusal.said(translate, show),
        errors=[WrongField(error.field, error.said(translate, show)) for error in refusal.errors],
    )
    waiting = {"Retry-After": str(refusal.retry_after)} if isinstance(refusal, TooMany) else None
    return _answer(request, problem, waiting)


def _reading(request: AnyRequest) -> tuple[Translate, Show]:
    """How to write to whoever reads the answer: to people in their language, to programs always alike."""
    if not wants_page(request):
        return str, str
    language = language_of(request)
    return translator(language).gettext, lambda value: show_value(value, language)


def _lead(request: AnyRequest, path: str) -> Response[Any]:
    """Send the browser to where the person has to go first, and remember where they wanted to go."""
    if request.headers.get("hx-request"):
        return Response(None, status_code=204, headers={"HX-Redirect": path})
    cookies = []
    if request.method == "GET":
        cookies.append(cookies_of(request).make(WANTED, request.url.path, _REMEMBERED_SECONDS))
    return Redirect(path, status_code=303, cookies=cookies)


def invalid(request: AnyRequest, error: ValidationException) -> Response[Any]:
    """Wrong parameters or a wrong body. Of a body all wrong fields are named: the framework stops at the first."""
    found = _body_errors(request)
    for message in error.extra if isinstance(error.extra, list) else ():
        if message.get("source") != "body" or not found:
            found.append(FieldError(message.get("key", "body"), "{reason}", {"reason": message["message"]}))
    return refused(request, Invalid("Some fields of the request are wrong.", errors=found))


def _body_errors(request: AnyRequest) -> list[FieldError]:
    field = getattr(request.route_handler, "parsed_data_field", None)
    annotation = getattr(field, "annotation", None)
    if not (isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)):
        return []
    body = getattr(request, "_body", None)
    try:
        return wrong_fields(annotation, msgspec.json.decode(body)) if isinstance(body, bytes) and body else []
    except msgspec.DecodeError:
        return []


def http_error(request: AnyRequest, error: HTTPException) -> Response[Any]:
    """An error of the framework: nobody signed in, no such address, wrong method, unreadable body."""
    if error.status_code >= 500:
        return unexpected(request, error)
    if error.status_code == 401 and wants_page(request):
        return _lead(request, menu.SIGN_IN)
    translate, _ = _reading(request)
    phrase = HTTPStatus(error.status_code).phrase
    detail = translate(_DETAILS.get(error.status_code, phrase))
    headers = {"WWW-Authenticate": "Bearer"} if error.status_code == 401 else {}
    return _answer(request, Problem("about:blank", phrase, error.status_code, detail), headers | (error.headers or {}))


def unfit(request: AnyRequest, error: DataError) -> Response[Any]:
    """Text that the database cannot hold: a fault of whoever sent it. Any other is ours."""
    if "NUL" in str(error.orig):
        return refused(request, Invalid("A text holds the character NUL, which cannot be kept. Take it out."))
    return unexpected(request, error)


def unavailable(request: AnyRequest, error: Exception) -> Response[Any]:
    """The database does not answer, or gave up waiting for a lock."""
    instance = _log_incident(request, error)
    translate, _ = _reading(request)
    detail = translate(_UNAVAILABLE)
    problem = Problem("about:blank", HTTPStatus(503).phrase, 503, detail, instance)
    return _answer(request, problem, {"Retry-After": "5"})


def unexpected(request: AnyRequest, error: Exception) -> Response[Any]:
    """A fault of the service: no word about its inside, but the incident's id, which the log has too."""
    instance = _log_incident(request, error)
    translate, _ = _reading(request)
    detail = Text(_UNEXPECTED, {"incident": instance}).said(translate)
    return _answer(request, Problem("about:blank", HTTPStatus(500).phrase, 500, detail, instance))


def _log_incident(request: AnyRequest, error: Exception) -> str:
    instance = f"urn:uuid:{uuid4()}"
    route = request.scope.get("path_template", "unknown")
    _LOG.error("incident", exc_info=error, extra={"incident": instance, "method": request.method, "route": route})
    return instance


def _answer(request: AnyRequest, problem: Problem, headers: dict[str, str] | None = None) -> Response[Any]:
    if wants_page(request):
        return error_page(request, problem, headers)
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


HANDLERS: ExceptionHandlersMap = {
    Refused: refused,
    ValidationException: invalid,
    HTTPException: http_error,
    DataError: unfit,
    OperationalError: unavailable,
    PoolTimeout: unavailable,
    Exception: unexpected,
}
"""For the whole application: 404 and 405 reach no handler below it."""


def documented(said: str) -> ResponseSpec:
    """Problem details as another answer of a route, for its description."""
    return ResponseSpec(data_container=Problem, description=said, media_type=MEDIA_TYPE, generate_examples=False)


DOCUMENTED = {
    400: documented("The request cannot be read."),
    401: documented("Nobody is signed in, or the token is not known."),
    403: documented("Whoever asks may not do this."),
    404: documented("There is nothing like that here."),
    409: documented("The state has changed, or the key was used for another call."),
    413: documented("The body is too large."),
    422: documented("Some fields are wrong; `errors` names all of them."),
    429: documented(
        "There were too many calls in a short while. `Retry-After` or `RateLimit-Reset` tell when to go on."
    ),
    503: documented("The database does not answer at the moment; try again after `Retry-After` seconds."),
}
"""`responses=DOCUMENTED` on a route of the API: what else it may answer, for its description."""

TOO_MANY = {429: documented("That was tried too often; `Retry-After` says in how many seconds there may be more.")}
"""Of public routes that are slowed down: `responses=DOCUMENTED | TOO_MANY`."""
