"""The answer to an order: 202, and where to ask for its progress."""

from typing import Any
from uuid import UUID

from litestar import Request, Response
from litestar.status_codes import HTTP_202_ACCEPTED

from schemas.job import Accepted

RUN = "job-run"
"""The name of the route that tells how a run stands."""


def accepted(request: Request[Any, Any, Any], order_id: UUID, state: str = "queued") -> Response[Accepted]:
    """Tell that a worker will do it; `Location` and `progress` are the address of the run. For `status_code=202`."""
    address = request.app.route_reverse(RUN, run_id=order_id)
    return Response(
        Accepted(id=order_id, state=state, progress=address),
        status_code=HTTP_202_ACCEPTED,
        headers={"Location": address},
    )
