"""The review queue and passes on the spot in the API, for case workers who are signed in."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel import Session

from schemas.page import Page
from schemas.review import (
    HeldReview,
    ReviewDeferral,
    ReviewInvitation,
    ReviewOutcome,
    ReviewTakeBack,
    ReviewTaken,
    ReviewYes,
    SpotIssue,
    SpotPass,
    UndecidedChild,
)
from service.database.requests import keys_of, transactional
from service.eligibility import review, review_queue
from service.eligibility.review import Grounds, Round, find_round
from service.eligibility.review_queue import Filter
from service.errors import NotFound
from service.identity.access import AnyRequest, actor_of, municipality_of
from service.identity.permissions import may
from service.passes import on_the_spot
from service.passes.review import Decided, approve_yes, invite, say_yes
from service.web.idempotency import idempotent
from service.web.paging import PAGE, After, Limit, decode_cursor, page_by_id, page_of
from service.web.problems import DOCUMENTED

_DECIDES: dict[str, Any] = {
    "sync_to_thread": True,
    "opt": may("review.decide"),
    "tags": ["review"],
    "responses": DOCUMENTED,
}
_ISSUES: dict[str, Any] = {
    "sync_to_thread": True,
    "opt": may("passes.issue_on_the_spot"),
    "tags": ["passes"],
    "responses": DOCUMENTED,
}
_HELD = "/api/v1/review/held"
_Reason = Literal["household_uncertain", "no_provider", "income_implausible", "income_missing"]


@get("/api/v1/review", **_DECIDES)
@transactional
def list_undecided(
    request: AnyRequest,
    session: Session,
    limit: Limit = PAGE,
    after: After = None,
    scheme: Annotated[str | None, QueryParameter(description="Only of this scheme.")] = None,
    period_start: Annotated[date | None, QueryParameter(description="The first day of the period.")] = None,
    standing: Annotated[review_queue.Standing, QueryParameter(description="Only those who stand so.")] = "waiting",
    reason: Annotated[_Reason | None, QueryParameter(description="Only for this reason.")] = None,
    district: Annotated[str | None, QueryParameter(description="Finds no household with a protected address.")] = None,
    youngest: Annotated[int | None, QueryParameter(ge=0, le=17, description="The least age.")] = None,
    oldest: Annotated[int | None, QueryParameter(ge=0, le=17, description="The highest age.")] = None,
) -> Page[UndecidedChild]:
    """The undecided children, oldest first. The read is kept in the audit trail."""
    municipality = municipality_of(request)
    round_ = find_round(session, municipality, scheme, period_start)
    if round_ is None:
        return Page([], None)
    wanted = Filter(standing, reason, district, youngest, oldest)
    place = decode_cursor(after, UUID)
    found = review_queue.read_queue(session, municipality, round_, wanted, limit, place, actor_of(request))
    return page_of(found, limit, _undecided, lambda one: one.id)


@post("/api/v1/review/decisions", **_DECIDES)
@transactional
@idempotent
def decide(request: AnyRequest, session: Session, data: JSONBody[ReviewYes]) -> ReviewOutcome:
    """Decide that undecided children are entitled; their passes are issued at once.

    More than 20 at once are held until a second person approves. A refusal is never made here.
    """
    municipality, round_ = municipality_of(request), _round(request, session, data.scheme, data.period_start)
    grounds = Grounds(data.reason, data.evidence, data.reference)
    made = say_yes(session, municipality, keys_of(request), round_, data.persons, grounds, actor_of(request))
    return _outcome(made)


@get(_HELD, **_DECIDES)
@transactional
def list_held(session: Session, limit: Limit = PAGE, after: After = None) -> Page[HeldReview]:
    """The decisions that wait for a second person, oldest first."""
    held = review_queue.held_decisions(session)
    return page_by_id(held, limit, after, lambda one: msgspec.convert(one, HeldReview, from_attributes=True))


@post(f"{_HELD}/{{act_id:uuid}}/approval", **_DECIDES)
@transactional
@idempotent
def approve(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> ReviewOutcome:
    """Let a decision about many children count, as it was made. Another person than who made it."""
    return _outcome(approve_yes(session, municipality_of(request), keys_of(request), act_id, actor_of(request)))


@post(f"{_HELD}/{{act_id:uuid}}/withdrawal", **_DECIDES | {"status_code": 204})
@transactional
def withdraw(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> None:
    """Take back a decision that nobody has approved yet."""
    review.withdraw_yes(session, municipality_of(request), act_id, actor_of(request))


@post("/api/v1/review/invitations", **_DECIDES)
@transactional
@idempotent
def invite_families(request: AnyRequest, session: Session, data: JSONBody[ReviewInvitation]) -> ReviewOutcome:
    """Invite the families of undecided children to apply, by a letter in the next print batch."""
    municipality, round_ = municipality_of(request), _round(request, session, data.scheme, data.period_start)
    made = invite(session, municipality, round_, data.persons, data.reason, actor_of(request))
    return ReviewOutcome(made.act, "done", made.children, 0, made.letters_queued)


@post("/api/v1/review/deferrals", **_DECIDES)
@transactional
@idempotent
def leave(request: AnyRequest, session: Session, data: JSONBody[ReviewDeferral]) -> ReviewOutcome:
    """Leave undecided children aside, with a reason."""
    municipality, round_ = municipality_of(request), _round(request, session, data.scheme, data.period_start)
    made = review.leave(session, municipality, round_, data.persons, data.reason, data.until, actor_of(request))
    return ReviewOutcome(made.id, made.state, len(made.children), 0, 0)


@post("/api/v1/review/deferrals/withdrawal", **_DECIDES | {"status_code": 200})
@transactional
@idempotent
def take_back(request: AnyRequest, session: Session, data: JSONBody[ReviewTakeBack]) -> ReviewTaken:
    """Take children who were left aside into the queue again."""
    municipality, round_ = municipality_of(request), _round(request, session, data.scheme, data.period_start)
    return ReviewTaken(review.take_back(session, municipality, round_, data.persons, actor_of(request)))


@post("/api/v1/passes/on-the-spot", **_ISSUES)
@transactional
@idempotent
def issue_on_the_spot(request: AnyRequest, session: Session, data: JSONBody[SpotIssue]) -> SpotPass:
    """Issue a pass to a child of the register at once. The whole number is in the answer, this once."""
    municipality = municipality_of(request)
    round_ = on_the_spot.spot_round(session, municipality, data.scheme)
    grounds = Grounds(data.reason, data.evidence, data.reference)
    made = on_the_spot.issue_on_the_spot(
        session, municipality, keys_of(request), round_, data.person_key, grounds, actor_of(request)
    )
    return msgspec.convert(made, SpotPass, from_attributes=True)


@post("/api/v1/passes/on-the-spot/{act_id:uuid}/letter", **_ISSUES | {"status_code": 200}, media_type="application/pdf")
@transactional
def print_letter(request: AnyRequest, session: Session, act_id: FromPath[UUID]) -> Response[bytes]:
    """The letter with the pass as PDF, to be given to the family; it is not posted then."""
    municipality, keys = municipality_of(request), keys_of(request)
    pdf = on_the_spot.print_on_the_spot(session, municipality, keys, act_id, actor_of(request))
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": 'inline; filename="letter.pdf"'})


ROUTES = [
    list_undecided,
    decide,
    list_held,
    approve,
    withdraw,
    invite_families,
    leave,
    take_back,
    issue_on_the_spot,
    print_letter,
]
"""The API of the review queue and of passes on the spot."""


def _round(request: AnyRequest, session: Session, scheme: str | None, period_start: date | None) -> Round:
    found = find_round(session, municipality_of(request), scheme, period_start)
    if found is None:
        raise NotFound("Nothing has been determined yet. Run a refresh first.")
    return found


def _undecided(one: review_queue.Undecided) -> UndecidedChild:
    return msgspec.convert(one, UndecidedChild, from_attributes=True)


def _outcome(made: Decided) -> ReviewOutcome:
    return ReviewOutcome(made.act, made.state, made.children, made.passes_issued, made.letters_queued)
