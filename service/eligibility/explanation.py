"""The calculation of a determination in words, line by line. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from service.eligibility.parameters import Parameters
from service.eligibility.rules import HIGHEST_PLAUSIBLE_ORE, Figures
from service.errors import N_, Text
from service.register.models import MADE_HERE
from service.web.formats import Amount


class Step(msgspec.Struct, frozen=True):
    """A line of a calculation, and the parameters that it rests on by their names in `Parameters`."""

    text: Text
    parameters: tuple[str, ...] = ()


_CONCLUSIONS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "too_young": (N_("Not entitled: the scheme begins at {min_age} years."), ("min_age",)),
    "too_old": (N_("Not entitled: the scheme ends with {max_age} years."), ("max_age",)),
    "decided_here": (N_("Entitled: a case worker of the municipality decided so."), ()),
    "decision": (
        N_("Entitled by an award made elsewhere ({ground}, {percent} %; at least {min_percent} % is needed)."),
        ("min_percent",),
    ),
    "area": (N_("Entitled: the scheme covers the whole of {area}."), ("areas",)),
    "household_uncertain": (
        N_("For a person to decide: a row of the household was rejected, or a member stands in two households."),
        (),
    ),
    "no_provider": (N_("For a person to decide: the register names no provider."), ()),
    "income_implausible": (N_("For a person to decide: an income is negative or over {highest}."), ()),
    "income_above_limit": (N_("Not entitled: the known income is {relation} the limit."), ("limit_ore", "inclusive")),
    "income_missing": (N_("For a person to decide: a provider has no income for {year}."), ("bases",)),
    "income_within_limit": (N_("Entitled: the income is within the limit."), ("limit_ore", "inclusive")),
}
# By whether there is a single provider, and further children.
_LIMITS: Final = {
    (False, False): N_("{base}"),
    (True, False): N_("{base} + {single} for a single provider"),
    (False, True): N_("{base} + {more} × {each} for children beyond the first"),
    (True, True): N_("{base} + {single} for a single provider + {more} × {each} for children beyond the first"),
}
_AT_THE_LIMIT: Final = {
    True: N_("equal to it still entitles"),
    False: N_("equal to it no longer entitles"),
}


def explain(figures: Figures, parameters: Parameters, income_year: int, *, unmasked: bool = True) -> list[Step]:
    """One line for each figure that the rule read, the limit worked out, and the conclusion.

    Not `unmasked`, the household's limit and income are left out, and where the child lives.
    """
    ages = {"age": figures.age, "min_age": parameters.min_age, "max_age": parameters.max_age}
    age = Text(N_("Age: {age} years (the scheme is for {min_age} to {max_age})."), ages)
    steps = [Step(age, ("min_age", "max_age"))]
    if figures.award_ground in MADE_HERE:
        steps.append(Step(Text(N_("A case worker of the municipality has decided about this child."))))
    elif figures.award_percent is not None:
        award = {"ground": figures.award_ground, "percent": figures.award_percent}
        steps.append(Step(Text(N_("Award made elsewhere: {ground}, {percent} %."), award)))
    members = {"children": figures.children, "providers": figures.providers}
    one = N_("Household: {children} under 18 as child, {providers} provider.")
    several = N_("Household: {children} under 18 as child, {providers} providers.")
    steps.append(Step(Text(one if figures.providers == 1 else several, members)))
    if unmasked and figures.limit_ore is not None:
        steps.append(_limit(figures, parameters, figures.limit_ore))
    if unmasked:
        steps.append(_income(figures, income_year))
    steps.append(_conclusion(figures, parameters, income_year, unmasked))
    return steps


def _limit(figures: Figures, parameters: Parameters, limit_ore: int) -> Step:
    single, more = figures.providers == 1, max(figures.children - 1, 0)
    values = {
        "base": Amount(parameters.limit_ore),
        "single": Amount(parameters.single_addition_ore),
        "more": more,
        "each": Amount(parameters.child_addition_ore),
    }
    said = {
        "parts": Text(_LIMITS[single, more > 0], values),
        "limit": Amount(limit_ore),
        "equal": Text(_AT_THE_LIMIT[parameters.inclusive]),
    }
    used = ["limit_ore"] + ["single_addition_ore"] * single + ["child_addition_ore"] * (more > 0) + ["inclusive"]
    return Step(Text(N_("Limit: {parts} = {limit} ({equal})."), said), tuple(used))


def _income(figures: Figures, income_year: int) -> Step:
    known = Text(N_("not known")) if figures.income_ore is None else Amount(figures.income_ore)
    said = N_("Providers' income {year}, as far as it is known and plausible: {income}.")
    return Step(Text(said, {"year": income_year, "income": known}), ("bases",))


def _conclusion(figures: Figures, parameters: Parameters, income_year: int, unmasked: bool) -> Step:
    decided_here = figures.reason == "decision" and figures.award_ground in MADE_HERE
    template, used = _CONCLUSIONS["decided_here" if decided_here else figures.reason]
    values: dict[str, Any] = {
        "min_age": parameters.min_age,
        "max_age": parameters.max_age,
        "ground": figures.award_ground,
        "percent": figures.award_percent,
        "min_percent": parameters.min_percent,
        "area": (figures.district or figures.area) if unmasked else Text(N_("the area where the child lives")),
        "highest": Amount(HIGHEST_PLAUSIBLE_ORE),
        "relation": Text(N_("equal to") if figures.income_ore == figures.limit_ore else N_("over")),
        "year": income_year,
    }
    return Step(Text(template, values), used)
