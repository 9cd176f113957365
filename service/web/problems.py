"""Every error as RFC 9457 problem details."""

import logging
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schemas.problem import Problem, WrongField
from service.errors import FieldError, Invalid, Refused
from service.web.fields import wrong_fields

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("medspiller.web")
_TYPE = "urn:medspiller:problem:"
_DETAILS = {
    400: "The request cannot be read: its body must be well-formed JSON.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body of the request is too large.",
    415: "The body of the request must be JSON.",
}

AnyRequest = Request[Any, Any, Any]


def refused(_: AnyRequest, refusal: Refused) -> Response[Problem]:
    """A refusal of the program itself: its sentence, its fields."""
    return _answer(
        Problem(
            type=_TYPE + type(refusal).__name__.lower(),
            title=refusal.title,
            status=refusal.status,
            detail=refusal.message,
            errors=[WrongField(error.field, error.message) for error in refusal.errors],
        )
    )


def invalid(request: AnyRequest, error: ValidationException) -> Response[Problem]:
    """Wrong parameters or a wrong body. Of a body all wrong fields are named: the framework stops at the first."""
    found = _body_errors(request)
    for message in error.extra if isinstance(error.extra, list) else ():
        if message.get("source") != "body" or not found:
            found.append(FieldError(message.get("key", "body"), message["message"]))
    return refused(request, Invalid("Some fields of the request are wrong.", found))


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


def http_error(request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """An error of the framework: no such address, wrong method, unreadable body."""
    if error.status_code >= 500:
        return unexpected(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    detail = _DETAILS.get(error.status_code, phrase)
    return _answer(Problem("about:blank", phrase, error.status_code, detail), error.headers)


def unavailable(request: AnyRequest, error: Exception) -> Response[Problem]:
    """The database does not answer, or gave up waiting for a lock."""
    instance = _log_incident(request, error)
    detail = "The database does not answer at the moment. Try again in a little while."
    problem = Problem("about:blank", HTTPStatus(503).phrase, 503, detail, instance)
    return _answer(problem, {"Retry-After": "5"})


def unexpected(request: AnyRequest, error: Exception) -> Response[Problem]:
    """A fault of the service: no word about its inside, but the incident's id, which the log has too."""
    instance = _log_incident(request, error)
    detail = f"Something went wrong in the service. Tell its operator the incident {instance}."
    return _answer(Problem("about:blank", HTTPStatus(500).phrase, 500, detail, instance))


def _log_incident(request: AnyRequest, error: Exception) -> str:
    instance = f"urn:uuid:{uuid4()}"
    route = request.scope.get("path_template", "unknown")
    _LOG.error("incident", exc_info=error, extra={"incident": instance, "method": request.method, "route": route})
    return instance


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


HANDLERS: ExceptionHandlersMap = {
    Refused: refused,
    ValidationException: invalid,
    HTTPException: http_error,
    OperationalError: unavailable,
    PoolTimeout: unavailable,
    Exception: unexpected,
}
"""For the whole application: 404 and 405 reach no handler below it."""
