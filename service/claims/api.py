"""Claims in the API, for clubs' own systems and their treasurers; the municipality reads all of them here."""

from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import get, post
from litestar.openapi.spec import Example
from litestar.params import Body, FromPath, QueryParameter
from sqlmodel import Session

from schemas.claim import (
    ClaimMade,
    ClaimSubmission,
    ClaimSummary,
    CoverageAnswer,
    CoverageQuestion,
    NewReservation,
    ReservationMade,
    ReservationSummary,
)
from schemas.page import Page
from service.claims import actions, queries, reservations
from service.claims.actions import NewClaim
from service.claims.desk import club_of, desk_of, own_club
from service.claims.models import STATES
from service.claims.queries import Wanted
from service.claims.said import claim_made, claim_said, coverage_said, reservation_made, reservation_said
from service.database.requests import transactional
from service.errors import FieldError, Invalid
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_of
from service.web.problems import DOCUMENTED, documented

CLAIMS: Final = "/api/v1/claims"
RESERVATIONS: Final = "/api/v1/reservations"

_SLOWED: Final = {
    429: documented("Too many numbers were no pass, or names not the child's. `Retry-After` says how long.")
}
MAKES: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "opt": may("claims.make"),
    "tags": ["claims"],
    "responses": DOCUMENTED | _SLOWED,
}
_READS: Final[dict[str, Any]] = {
    "sync_to_thread": True,
    "opt": may("claims.read"),
    "tags": ["claims"],
    "responses": DOCUMENTED,
}
_COVERAGE: Final = {"pass_number": "7K3M-9QT-2WXD", "given_name": "Anne", "fee_ore": 120_000}
_RESERVATION: Final = _COVERAGE | {"activity": "Football, under 10"}
CLAIM: Final = _RESERVATION | {"season_start": "2017-01-10", "season_end": "2017-06-30", "reference": "2017-0042"}


@post("/api/v1/coverage", **MAKES | {"status_code": 200})
@transactional
def check_coverage(
    request: AnyRequest, session: Session, data: Annotated[CoverageQuestion, Body(examples=[Example(value=_COVERAGE)])]
) -> CoverageAnswer:
    """What a pass would pay of a fee. Nothing is held: reserve or claim for that.

    A number that is no pass and a name that is not the child's count as a miss; after 20 in 15 minutes the club waits.
    """
    return coverage_said(
        actions.check_coverage(
            desk_of(request, session), data.pass_number, data.given_name, data.fee_ore, data.kind, data.season_start
        )
    )


@post(RESERVATIONS, **MAKES)
@transactional
@idempotent
def reserve(
    request: AnyRequest, session: Session, data: Annotated[NewReservation, Body(examples=[Example(value=_RESERVATION)])]
) -> ReservationMade:
    """Hold what a pass pays of a fee until a deadline. 409 where it would pay nothing, with the reason."""
    desk = desk_of(request, session)
    return reservation_made(reservations.reserve(desk, data.pass_number, data.given_name, data.fee_ore, data.activity))


@get(RESERVATIONS, **_READS | {"opt": may("claims.make")})
@transactional
def list_reservations(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    held: Annotated[bool, QueryParameter(description="Only those that hold something now.")] = False,
) -> Page[ReservationSummary]:
    """The club's reservations, newest first."""
    place = decode_cursor(after, UUID)
    found = queries.own_reservations(
        session, municipality_of(request), club_of(request), limit, place, actor_of(request), held=held
    )
    return page_of(found, limit, reservation_said, lambda one: one.id)


@post(f"{RESERVATIONS}/{{reservation_id:uuid}}/release", **MAKES | {"status_code": 204})
@transactional
def release(request: AnyRequest, session: Session, reservation_id: FromPath[UUID]) -> None:
    """Give back what a reservation holds: the club does not claim it."""
    reservations.release_reservation(desk_of(request, session), reservation_id)


@post(CLAIMS, **MAKES)
@transactional
@idempotent
def claim(
    request: AnyRequest, session: Session, data: Annotated[ClaimSubmission, Body(examples=[Example(value=CLAIM)])]
) -> ClaimMade:
    """Claim a fee. Most claims are decided at once; the others wait for a case worker, their amount held meanwhile.

    A rejected claim is answered 201 as well, with its reasons. 409 where the club claimed the same season of the child
    under this reference before.
    """
    new = NewClaim(*(getattr(data, name) for name in NewClaim.__struct_fields__))
    return claim_made(actions.submit_claim(desk_of(request, session), new))


@get(CLAIMS, **_READS)
@transactional
def list_claims(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    in_state: Annotated[
        str | None, QueryParameter(name="state", description=f"One or more of {', '.join(STATES)}, by commas.")
    ] = None,
    reference: Annotated[
        str | None, QueryParameter(description="Only claims with this reference of the club's own.")
    ] = None,
    since: Annotated[date | None, QueryParameter(description="Claimed on this day or later.")] = None,
    until: Annotated[date | None, QueryParameter(description="Claimed on this day or before.")] = None,
) -> Page[ClaimSummary]:
    """The claims, newest first: a club's own; all of them for the municipality, without names."""
    unknown = set((in_state or STATES[0]).split(",")) - set(STATES)
    if unknown:
        wrong = FieldError("state", "is no state: there are {known}", {"known": ", ".join(STATES)})
        raise Invalid("Some fields of the request are wrong.", [wrong])
    wanted = Wanted(in_state, reference, own_club(request), since=since, until=until)
    place, actor = decode_cursor(after, UUID), actor_of(request)
    found = queries.claims_for(session, municipality_of(request), wanted, limit, place, actor)
    return page_of(found, limit, claim_said, lambda one: one.id)


@get(f"{CLAIMS}/{{claim_id:uuid}}", **_READS)
@transactional
def show_claim(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> ClaimSummary:
    """A claim: its state with the reasons, when it is paid, and the days it took to be decided."""
    municipality, actor = municipality_of(request), actor_of(request)
    return claim_said(queries.claim_for(session, municipality, own_club(request), claim_id, actor))


@post(f"{CLAIMS}/{{claim_id:uuid}}/withdrawal", **MAKES | {"status_code": 200})
@transactional
@idempotent
def withdraw(request: AnyRequest, session: Session, claim_id: FromPath[UUID]) -> ClaimSummary:
    """Take back a claim that is not being paid; its amount is the child's again."""
    desk = desk_of(request, session)
    actions.withdraw_claim(desk, claim_id)
    return claim_said(queries.claim_for(session, desk.municipality, desk.club_id, claim_id, desk.actor))


ROUTES = [
    check_coverage,
    reserve,
    list_reservations,
    release,
    claim,
    list_claims,
    show_claim,
    withdraw,
]
"""The API of claims, but for batches."""
