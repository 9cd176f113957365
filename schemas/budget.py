"""A year's budget for a scheme. Amounts are whole øre."""

from datetime import datetime
from typing import Annotated

import msgspec


class BudgetStanding(msgspec.Struct, frozen=True):
    """How a year's budget stands, of the claims whose season begins in the year.

    `held_ore` is what is taken: paid (`spent`), approved (`committed`), held for claims that wait (`waiting`) and by
    reservations (`reserved`). `expected_ore` is what will be taken in the end by the take-up of the year before, null
    where nobody knows. `level`: `none` (no budget is set), `ok`, `warning`, `stopped` or `lifted`.
    """

    scheme: str
    year: int
    level: str
    appropriation_ore: int | None
    warn_percent: int | None
    hard_stop: bool
    source: str | None
    set_at: datetime | None
    spent_ore: int
    committed_ore: int
    waiting_ore: int
    reserved_ore: int
    held_ore: int
    granted_ore: int
    expected_ore: int | None
    lifted_at: datetime | None
    lifted_because: str | None


class BudgetMonth(msgspec.Struct, frozen=True):
    """What had been claimed of the year by the end of a month, and of the year before; null for a month to come."""

    month: int
    held_ore: int | None
    before_ore: int


class BudgetDetail(BudgetStanding, frozen=True):
    """The same with how the year has gone, and how many claims wait for money alone."""

    months: list[BudgetMonth]
    claims_waiting_for_money: int


class Budgets(msgspec.Struct, frozen=True):
    """The budgets of all schemes, the latest year first."""

    items: list[BudgetStanding]


class NewBudget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be spent in a year, with where it was decided. With `hard_stop` no claim is approved beyond it."""

    appropriation_ore: Annotated[int, msgspec.Meta(ge=0, le=10**15 - 1)]
    source: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=500)]
    warn_percent: Annotated[int, msgspec.Meta(ge=1, le=100)] = 80
    hard_stop: bool = False


class BudgetLifting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why claims may be approved beyond a budget: who decided it, and why."""

    reason: Annotated[str, msgspec.Meta(pattern=r"\S", max_length=500)]
