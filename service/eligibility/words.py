"""What the pages of eligibility call outcomes, reasons, states and parameters."""

from typing import Final

from service.errors import N_

RELATIONS: Final = {"provider": N_("provider"), "child": N_("child"), "other": N_("other")}
OUTCOMES: Final = {
    "entitled": N_("entitled"),
    "not_entitled": N_("not entitled"),
    "needs_review": N_("for a person to decide"),
}
REASONS: Final = {
    "too_young": N_("younger than the scheme's children"),
    "too_old": N_("older than the scheme's children"),
    "decision": N_("an award, or a case worker's decision"),
    "area": N_("lives in an area that is covered whole"),
    "household_uncertain": N_("the household is uncertain"),
    "no_provider": N_("the register names no provider"),
    "income_implausible": N_("an income is implausible"),
    "income_above_limit": N_("the income is above the limit"),
    "income_missing": N_("an income is missing"),
    "income_within_limit": N_("the income is within the limit"),
    "left_register": N_("the register names the child no more"),
}
STATES: Final = {
    "committed": N_("Kept"),
    "held": N_("Held, to be approved"),
    "overtaken": N_("Overtaken by a newer one"),
}
STATE_COLORS: Final = {"committed": "success", "held": "warning", "overtaken": "neutral"}
CHANGES: Final = {
    "new": N_("New"),
    "lost": N_("Lost"),
    "needs_review": N_("For a person to decide"),
}
MEASURES: Final = CHANGES | {
    "entitled": N_("Entitled"),
    "not_entitled": N_("Not entitled"),
    "unchanged": N_("Unchanged"),
    "gain": N_("Would gain it"),
    "lose": N_("Would lose it"),
}
PARAMETERS: Final = {
    "limit_ore": N_("Income limit"),
    "single_addition_ore": N_("Addition for a single provider"),
    "child_addition_ore": N_("Addition for each child beyond the first"),
    "inclusive": N_("An income equal to the limit entitles"),
    "bases": N_("Which incomes count, in this order"),
    "min_age": N_("Youngest age"),
    "max_age": N_("Oldest age"),
    "min_percent": N_("Least percent of an award made elsewhere"),
    "areas": N_("Areas that are covered whole"),
    "amount_ore": N_("Worth of a pass"),
    "equipment_ore": N_("On top of it for equipment"),
    "period": N_("Period of a pass"),
    "one_club": N_("The whole pass at one club"),
    "keep_when_lost": N_("Who loses the entitlement keeps the period's pass"),
    "gate_percent": N_("Share of new or lost children that holds a refresh"),
}
"""The parameters by their names in `Parameters`, in the order in which they are shown."""
BASES: Final = {
    "annual": N_("the year's income"),
    "final": N_("the final assessment"),
    "advance": N_("the advance assessment"),
    "month_x12": N_("a month times twelve"),
}
PERIODS: Final = {
    "calendar_year": N_("Calendar year"),
    "school_year": N_("School year, from August"),
    "half_year": N_("Half a year"),
    "months_1": N_("A month"),
    "months_2": N_("Two months"),
    "months_3": N_("Three months"),
    "months_4": N_("Four months"),
    "months_6": N_("Six months"),
    "months_12": N_("Twelve months"),
}
