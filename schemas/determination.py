"""What was determined for a child, and why."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec


class DeterminationSummary(msgspec.Struct, frozen=True):
    """What was determined for a child, for a scheme and period; never with incomes.

    `household_id` is the household as the register names it. `children` and `providers` are what the household had of
    them. Where `ended_at` is set another determination took its place, or the child left the register.
    """

    id: UUID
    scheme: str
    period_start: date
    person_key: UUID
    household_id: str
    given_name: str
    birth_date: date
    outcome: str
    reason: str
    children: int
    providers: int
    parameter_version: int
    run: UUID
    ended_at: datetime | None


class DeterminationExplanation(DeterminationSummary, frozen=True):
    """A determination with its calculation line by line, without amounts of the household.

    `on` and `income_year` are what it was made with, `source` is where its parameters are from. `replayed`: the rule,
    run again over the stored figures, says the same; null where the figures are erased since their retention is over.
    """

    on: date
    income_year: int
    source: str
    replayed: bool | None
    lines: list[str]


class DeterminationFigures(DeterminationExplanation, frozen=True):
    """A determination with the whole calculation: the providers' known income and the limit that counted, in øre.

    Null where there is none or it is erased.
    """

    income_ore: int | None
    limit_ore: int | None


class FiguresRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the amounts of a household are needed; kept in the audit trail. It names nobody: the trail outlives them."""

    reason: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=500)]
