"""What must hold of the costs of travel and of attendance."""

from sqlmodel import Session

from service.database.checks import Check, missing_triggers, sentences

_GUARDS = (
    ("departure", "fixed", "refuse_change_of_fixed_cost"),
    ("departure", "whole", "require_whole_cost"),
    ("travel_charge", "unchanged", "refuse_change_of_charge"),
    ("travel_charge", "transitions", "refuse_other_transitions"),
    ("travel_charge", "whole", "require_whole_cost"),
    ("attendance", "traveller", "require_traveller"),
)


def _costs(session: Session) -> list[str]:
    """The parts of a departure whose cost is fixed are the whole of it, and no other departure has any."""
    return sentences(
        session,
        """SELECT format('The parts of the departure %s are %s øre and not its cost of %s (tenant %s).', d.id,
            coalesce(sum(c.amount_ore), 0), coalesce(d.cost_ore, 0), d.tenant_id)
        FROM departure d LEFT JOIN travel_charge c ON (c.tenant_id, c.departure_id) = (d.tenant_id, d.id)
        GROUP BY d.tenant_id, d.id
        HAVING coalesce(sum(c.amount_ore), 0) <> CASE WHEN d.fixed_at IS NULL THEN 0 ELSE d.cost_ore END
        ORDER BY 1""",
    )


def _guards(session: Session) -> list[str]:
    return missing_triggers(session, _GUARDS)


CHECKS = (Check("travel costs", _costs), Check("guards of travel", _guards))
