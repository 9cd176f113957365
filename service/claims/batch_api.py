"""Many claims in one call, as JSON lines or CSV."""

from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import RawBody
from sqlmodel import Session

from schemas.claim import BatchLine, BatchResult, LineError, LineProblem
from service.claims.api import CLAIM, CLAIMS, MAKES
from service.claims.batch import MOST_LINES, Outcome, claim_lines
from service.claims.batch_files import read_csv, read_json_lines
from service.claims.desk import desk_of
from service.claims.said import claim_made
from service.database.requests import transactional
from service.errors import N_, Refused
from service.identity.access import AnyRequest
from service.web.idempotency import idempotent
from service.web.problems import documented

_READERS = {
    "application/jsonl": read_json_lines,
    "application/x-ndjson": read_json_lines,
    "text/csv": read_csv,
}
_CSV = (
    "pass_number,given_name,fee_ore,activity,season_start,season_end,reference\n"
    '7K3M-9QT-2WXD,Anne,120000,"Football, under 10",2017-01-10,2017-06-30,2017-0042\n'
)
_LINES = f"{msgspec.json.encode(CLAIM).decode()}\n"


class Unsupported(Refused):
    """The body is of a kind that is not read here."""

    status = 415
    title = N_("Unsupported Media Type")


@dataclass
class _Lines(Operation):
    """Describes the body, which is read line by line."""

    def __post_init__(self) -> None:
        examples = {"text/csv": _CSV}
        self.request_body = RequestBody(
            content={
                kind: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, examples=[examples.get(kind, _LINES)]))
                for kind in _READERS
            },
            description=(
                f"At most {MOST_LINES} claims. JSON lines: in each what `POST /claims` takes. CSV, with commas or "
                "semicolons: the same fields below their names; `fee` in kroner may stand in place of `fee_ore`."
            ),
            required=True,
        )


_ANSWERS: dict[int, Any] = {
    413: documented("The body is too large."),
    415: documented("The body is neither JSON lines nor CSV."),
}


@post(
    f"{CLAIMS}/batch",
    **MAKES | {"status_code": 200, "responses": MAKES["responses"] | _ANSWERS, "operation_class": _Lines},
)
@transactional
@idempotent
def claim_batch(request: AnyRequest, session: Session, body: RawBody) -> BatchResult:
    """Claim many fees at once, as JSON lines (`application/jsonl`) or CSV (`text/csv`): a result for every line.

    Good lines stand though others fail. Send the file again after putting the others right: what was claimed under a
    `reference` is told and not claimed twice.
    """
    kind, _ = request.content_type
    reader = _READERS.get(kind)
    if reader is None:
        raise Unsupported(
            N_(
                "The body must be JSON lines or CSV: say `Content-Type: application/jsonl` or `text/csv`, not `{kind}`."
            ),
            kind=kind,
        )
    outcomes = claim_lines(desk_of(request, session), reader(body))
    claimed = sum(one.made is not None for one in outcomes)
    return BatchResult(claimed, len(outcomes) - claimed, [_told(one) for one in outcomes])


def _told(one: Outcome) -> BatchLine:
    number, reference = one.line.number, one.line.reference
    if one.made is not None:
        return BatchLine(number, 201, reference, claim=claim_made(one.made))
    refusal = one.refused
    assert refusal is not None
    errors = [LineError(error.field, error.message) for error in refusal.errors]
    return BatchLine(number, refusal.status, reference, problem=LineProblem(refusal.message, errors))


ROUTES = [claim_batch]
"""The API of batches."""
