"""The row of a season that everybody holds who changes who goes where: its plan has one change at a time."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.stays.queries import find_season


def hold(session: Session, tenant_id: UUID, season_id: UUID) -> int:
    """Let nobody else change a season's plan until this transaction ends; gives the plan's revision.

    It is taken before every other row, so that no two wait for each other.
    """
    find_season(session, season_id)
    values = {"tenant": tenant_id, "season": season_id}
    session.execute(
        text(
            """INSERT INTO season_board (tenant_id, season_id, revision) VALUES (:tenant, :season, 0)
            ON CONFLICT DO NOTHING"""
        ),
        values,
    )
    held = session.execute(text("SELECT revision FROM season_board WHERE season_id = :season FOR UPDATE"), values)
    revision: int = held.scalar_one()
    return revision


def count_up(session: Session, season_id: UUID) -> int:
    """That a season's plan has changed; whoever says so holds it."""
    counted = session.execute(
        text("UPDATE season_board SET revision = revision + 1 WHERE season_id = :season RETURNING revision"),
        {"season": season_id},
    )
    revision: int = counted.scalar_one()
    return revision
