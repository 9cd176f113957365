"""Refreshes: who is entitled on a date, who is new and who is lost."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec

from schemas.scheme import ParameterChanges

Year = Annotated[int, msgspec.Meta(ge=1990, le=2100)]


class RefreshRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Apply a scheme's rule to every child: `on` sets ages, parameters and the period.

    `income_year` is the year whose incomes count, by default that of `on`. Without `commit` nothing is kept.
    """

    scheme: str
    on: date
    income_year: Year | None = None
    commit: bool = False


class WhatIfRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refresh that is only counted, with the parameters that count on the day changed by `overrides`."""

    scheme: str
    on: date
    income_year: Year | None = None
    overrides: ParameterChanges = ParameterChanges()


class RefreshAccount(msgspec.Struct, frozen=True):
    """What the rule says for every child, against the determinations in force.

    `new` are entitled and were not; `lost` were and are not, also since they left the register; `unchanged` have the
    outcome they had. For a new period all three compare with the period before. `cost_ore`: if every pass were used up.
    `reasons` count children by reason; `districts` by district and outcome. `moves_by_district` counts new, lost and
    unchanged by district, `moves_by_reason` new and lost by the reason that counts now, `left_register` where the
    register names the child no more; refreshes of earlier versions have neither.
    """

    children: int
    entitled: int
    not_entitled: int
    needs_review: int
    new: int
    lost: int
    unchanged: int
    entitled_before: int
    cost_ore: int
    reasons: dict[str, int]
    districts: dict[str, dict[str, int]]
    moves_by_district: dict[str, dict[str, int]]
    moves_by_reason: dict[str, dict[str, int]]


class RefreshSummary(msgspec.Struct, frozen=True):
    """A refresh that was to be kept: `state` is `committed`, `held` or, where a newer one took its place, `overtaken`.

    `kind` is `refresh`, or `review` where only the children of a case worker's decision were determined anew.
    `held_because` says why it waits. `created_by` and `approved_by` are accounts, null where a system or a command did
    it.
    """

    id: UUID
    scheme: str
    kind: str
    on: date
    income_year: int
    period_start: date
    period_end: date
    parameter_version: int
    state: str
    held_because: str | None
    created_at: datetime
    created_by: UUID | None
    committed_at: datetime | None
    approved_by: UUID | None
    children: int
    entitled: int
    not_entitled: int
    needs_review: int
    new: int
    lost: int
    unchanged: int


class RefreshDetail(RefreshSummary, frozen=True):
    """A refresh with its whole account: see RefreshAccount."""

    entitled_before: int
    cost_ore: int
    reasons: dict[str, int]
    districts: dict[str, dict[str, int]]
    moves_by_district: dict[str, dict[str, int]]
    moves_by_reason: dict[str, dict[str, int]]


class WhatIfOutcomes(msgspec.Struct, frozen=True):
    """How many children have which outcome, and what it costs in øre if every pass is used up."""

    entitled: int
    not_entitled: int
    needs_review: int
    cost_ore: int


class WhatIfComparison(msgspec.Struct, frozen=True):
    """The same children by the parameters in force (`now`) and by the changed ones (`then`).

    `gain` would be entitled and are not now; `lose` are and would not be. `districts` counts `entitled`,
    `entitled_then`, `gain` and `lose` by district.
    """

    children: int
    now: WhatIfOutcomes
    then: WhatIfOutcomes
    gain: int
    lose: int
    districts: dict[str, dict[str, int]]


class WhatIfAccount(RefreshAccount, frozen=True):
    """The account of a refresh with the changed parameters, and what is other than by those in force."""

    against_in_force: WhatIfComparison


class ChildInRefresh(msgspec.Struct, frozen=True):
    """A child whom a dry run or a held refresh is about; never with incomes.

    `household_id` is the household as the register names it. `before` and `determination` are those in force in the
    period compared with, where there are any. `outcome` is null and `reason` is `left_register` where the register
    names the child no more.
    """

    person_key: UUID
    household_id: str
    given_name: str
    family_name: str
    birth_date: date
    before: str | None
    outcome: str | None
    reason: str
    determination: UUID | None


class RefreshForecast(msgspec.Struct, frozen=True):
    """What keeping a dry run or approving a held refresh brings about, as things stand.

    `worth_ore` is what the new passes cost if all are used up, in øre. `letters` bring passes, `ended_letters` tell
    that there is none any more; `revoked` are passes that are taken back at once.
    """

    passes: int
    worth_ore: int
    letters: int
    ended_letters: int
    revoked: int
