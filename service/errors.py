"""What a person is told when something cannot be done.

Every refusal is one clear sentence that says what happened and what to do next. The command line prints it, the API
wraps it in RFC 9457 problem details, pages show it.
"""

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field of a form, a body or a command, and what is wrong with it."""

    field: str
    message: str


class Refused(Exception):
    """What was asked cannot be done; the message is meant for the person who asked."""

    status = 400
    title = "This cannot be done"

    def __init__(self, message: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors = errors or []


class Invalid(Refused):
    """One or more fields are wrong; `errors` names all of them."""

    status = 422
    title = "Some fields are wrong"


class NotFound(Refused):
    status = 404
    title = "Not found"


class Forbidden(Refused):
    status = 403
    title = "Not allowed"


class Conflict(Refused):
    """Somebody or something else got there first, or the state has moved on."""

    status = 409
    title = "The state has changed"
