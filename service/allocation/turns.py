"""In which order the families of a season that wait have their turns, once the draw is revealed."""

from collections.abc import Mapping

from sqlalchemy import text
from sqlmodel import Session

from service.allocation.board_view import Order, by_need
from service.allocation.planning import FamilyId, Planned, problem_of, refusals_of, weights_of
from service.allocation.priority import in_order
from service.values.secrecy import TenantSecrets


def by_turn(secrets: TenantSecrets) -> Order:
    """By points and draw, those referred after the deadline after all others; by need as long as the seed is secret."""

    def turns(session: Session, planned: Planned) -> Mapping[FamilyId, int]:
        season_id = planned.season.id
        sealed = session.execute(
            text("SELECT seed FROM season_draw WHERE season_id = :season AND revealed_at IS NOT NULL"),
            {"season": season_id},
        ).scalar_one_or_none()
        if sealed is None or not planned.stays:
            return by_need(session, planned)
        seed, weights = secrets.decrypt(bytes(sealed)), weights_of(session, season_id)
        problem = problem_of(planned, seed, weights, refusals_of(session, secrets, planned))
        rank = {family.code: place for place, family in enumerate(in_order(problem))}
        waiting = sorted(
            planned.families,
            key=lambda one: (one.listed is None or one.listed.late, rank.get(one.code, len(rank)), one.code),
        )
        return {one.id: place for place, one in enumerate(waiting, start=1)}

    return turns
