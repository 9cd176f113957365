"""Addresses at which there is nothing.

As routes of their own they pass the sign-in, so that the page which says so knows who reads it and gives their forms a
token.
"""

from typing import Any, Final, NoReturn

from litestar import HttpMethod, get, route
from litestar.exceptions import NotFoundException

from service.identity.access import AnyRequest
from service.identity.permissions import PUBLIC

_PATH: Final = "/{path:path}"
# Nothing is done here, so nothing has to be proved: a wrong address is told as one.
_UNPROVED: Final[dict[str, Any]] = PUBLIC | {"exclude_from_csrf": True}


@get(_PATH, sync_to_thread=False, include_in_schema=False, opt=PUBLIC)
def nothing_to_see(request: AnyRequest) -> None:
    """There is no such page."""
    _refuse(request)


@route(
    _PATH,
    http_method=[HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE],
    status_code=200,
    sync_to_thread=False,
    include_in_schema=False,
    opt=_UNPROVED,
)
def nothing_to_do(request: AnyRequest) -> None:
    """There is nothing that could be asked to do something."""
    _refuse(request)


def _refuse(request: AnyRequest) -> NoReturn:
    # In the log it is an unknown route, as where none is found.
    request.scope.pop("path_template", None)  # type: ignore[misc]
    raise NotFoundException
