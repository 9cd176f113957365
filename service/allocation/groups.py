"""Families that volunteers want together at one stay, or apart."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.allocation.board import Desk
from service.allocation.holding import count_up, hold
from service.allocation.models import GROUP_KINDS, FamilyGroup, FamilyGroupMember
from service.allocation.planning import FamilyId, read_families, read_groups
from service.audit.actions import record
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.values import clock


def add_group(session: Session, desk: Desk, kind: str, families: Sequence[FamilyId]) -> UUID:
    """Keep families `together` or `apart`. What that contradicts is shown on the board, and nobody is moved."""
    hold(session, desk.tenant_id, desk.season_id)
    wanted = sorted(set(families))
    if kind not in GROUP_KINDS:
        raise Invalid("Some fields are wrong.", [FieldError("kind", "is neither together nor apart")])
    if len(wanted) < 2:
        raise Invalid("Name two families or more.", [FieldError("families", "must be two or more")])
    if set(wanted) - {one.id for one in read_families(session, desk.season_id)}:
        raise NotFound("One of the families is on no list of this season any more.")
    if any((one.kind, sorted(one.families)) == (kind, wanted) for one in read_groups(session, desk.season_id)):
        raise Conflict("This is said of these families already.")
    made = FamilyGroup(
        tenant_id=desk.tenant_id,
        season_id=desk.season_id,
        kind=kind,
        made_at=clock.now(),
        made_by=desk.actor.account_id,
    )
    session.add(made)
    session.flush()
    for one in wanted:
        session.add(
            FamilyGroupMember(
                tenant_id=desk.tenant_id, group_id=made.id, municipality_id=one.municipality_id, family_key=one.key
            )
        )
    session.flush()
    count_up(session, desk.season_id)
    details = {"kind": kind, "families": len(wanted)}
    record(session, desk.tenant_id, desk.actor, "allocation.group.add", ("season", desk.season_id), details=details)
    return made.id


def remove_group(session: Session, desk: Desk, group_id: UUID) -> None:
    """Say no longer that families are kept together or apart."""
    hold(session, desk.tenant_id, desk.season_id)
    values = {"id": group_id, "season": desk.season_id}
    group = session.execute(text("SELECT kind FROM family_group WHERE id = :id AND season_id = :season"), values)
    kind = group.scalar()
    if kind is None:
        raise NotFound("There is no such group any more.")
    session.execute(text("DELETE FROM family_group_member WHERE group_id = :id"), values)
    session.execute(text("DELETE FROM family_group WHERE id = :id"), values)
    count_up(session, desk.season_id)
    subject = ("season", desk.season_id)
    record(session, desk.tenant_id, desk.actor, "allocation.group.remove", subject, details={"kind": kind})
