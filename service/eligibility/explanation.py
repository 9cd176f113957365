"""The calculation of a determination in words, line by line. Pure."""

from service.eligibility.parameters import Parameters
from service.eligibility.rules import HIGHEST_PLAUSIBLE_ORE, Figures
from service.values.money import format_kroner

_CONCLUSIONS = {
    "too_young": "Not entitled: the scheme begins at {min_age} years.",
    "too_old": "Not entitled: the scheme ends with {max_age} years.",
    "decision": "Entitled by an award made elsewhere ({ground}, {percent} %; at least {min_percent} % is needed).",
    "area": "Entitled: the scheme covers the whole of {area}.",
    "household_uncertain": "For a person to decide: a row of the household was rejected, or a member stands in two"
    " households.",
    "no_provider": "For a person to decide: the register names no provider.",
    "income_implausible": "For a person to decide: an income is negative or over {highest}.",
    "income_above_limit": "Not entitled: the known income is {relation} the limit.",
    "income_missing": "For a person to decide: a provider has no income for {year}.",
    "income_within_limit": "Entitled: the income is within the limit.",
}


def explain(figures: Figures, parameters: Parameters, income_year: int, *, unmasked: bool = True) -> list[str]:
    """One line for each figure that the rule read, the limit worked out, and the conclusion.

    Not `unmasked`, the household's limit and income are left out, and where the child lives.
    """
    lines = [f"Age: {figures.age} years (the scheme is for {parameters.min_age} to {parameters.max_age})."]
    if figures.award_percent is not None:
        lines.append(f"Award made elsewhere: {figures.award_ground}, {figures.award_percent} %.")
    providers = f"{figures.providers} provider{'' if figures.providers == 1 else 's'}"
    lines.append(f"Household: {figures.children} under 18 as child, {providers}.")
    if unmasked and figures.limit_ore is not None:
        lines += _limit(figures, parameters, figures.limit_ore)
    if unmasked:
        income = "not known" if figures.income_ore is None else format_kroner(figures.income_ore, "en")
        lines.append(f"Providers' income {income_year}, as far as it is known and plausible: {income}.")
    lines.append(_conclusion(figures, parameters, income_year, unmasked))
    return lines


def _limit(figures: Figures, parameters: Parameters, limit_ore: int) -> list[str]:
    parts = [format_kroner(parameters.limit_ore, "en")]
    if figures.providers == 1:
        parts.append(f"{format_kroner(parameters.single_addition_ore, 'en')} for a single provider")
    if figures.children > 1:
        more = figures.children - 1
        added = format_kroner(parameters.child_addition_ore, "en")
        parts.append(f"{more} × {added} for children beyond the first")
    equal = "equal to it still entitles" if parameters.inclusive else "equal to it no longer entitles"
    return [f"Limit: {' + '.join(parts)} = {format_kroner(limit_ore, 'en')} ({equal})."]


def _conclusion(figures: Figures, parameters: Parameters, income_year: int, unmasked: bool) -> str:
    return _CONCLUSIONS[figures.reason].format(
        min_age=parameters.min_age,
        max_age=parameters.max_age,
        ground=figures.award_ground,
        percent=figures.award_percent,
        min_percent=parameters.min_percent,
        area=(figures.district or figures.area) if unmasked else "the area where the child lives",
        highest=format_kroner(HIGHEST_PLAUSIBLE_ORE, "en"),
        relation="equal to" if figures.income_ore == figures.limit_ore else "over",
        year=income_year,
    )
