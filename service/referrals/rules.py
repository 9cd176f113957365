"""Who is one family, who may be, and whether a family fits a season: pure, with its reasons."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import msgspec

from service.errors import N_, Text
from service.stays.families import Traveller
from service.stays.rules import Criterion, age_on

NEED_GUIDANCE: Final = {
    5: N_("Little money for a long time, no holiday in years, and a strain on the children that a holiday would ease."),
    4: N_("Little money for a long time and no holiday in years."),
    3: N_("Little money for a long time; other holidays are rare."),
    2: N_("Little money at present."),
    1: N_("Would gain by it, but others need it more."),
}
"""What each need band means. Whoever approves ranks: services each see their own families alone."""

WAITS_YEARS: Final = 3
"""For so many years after taking part a family comes after all others."""


class Known(msgspec.Struct, frozen=True):
    """Somebody who travels, as people are known again: by the register, else by name and birth date."""

    name_key: str
    birth_date: date
    person_id: UUID | None = None


class Group(msgspec.Struct, frozen=True):
    """Who travels by one referral, and the household of the register that they are, if it is known."""

    people: tuple[Known, ...]
    household_id: UUID | None = None


class WishedStay(msgspec.Struct, frozen=True):
    """Of an offered stay what a family is judged against."""

    stay_id: UUID
    code: str
    starts_on: date
    min_child_age: int
    max_child_age: int
    cancelled: bool


class Finding(msgspec.Struct, frozen=True):
    """One thing that was checked: whether it holds, and why in a sentence. `code` is the criterion's, or
    `child_of_age`, `wishes` or `participation`.
    """

    code: str
    holds: bool
    because: Text


class Case(msgspec.Struct, frozen=True):
    """What of a family is judged."""

    travellers: tuple[Traveller, ...]
    wishes: tuple[UUID, ...]
    holds: tuple[str, ...]
    last_participation: int | None


def is_same(one: Known, other: Known) -> bool:
    """Whether two rows are surely the same person. Two whom the register knows apart are two."""
    if one.person_id is not None and other.person_id is not None:
        return one.person_id == other.person_id
    return bool(one.name_key) and (one.name_key, one.birth_date) == (other.name_key, other.birth_date)


def is_one_family(one: Group, other: Group, first_day: date) -> bool:
    """Whether two referrals are surely of one family: they share a child and an adult, and no register parts them.

    The same child with another parent, or in another household, is not: that is for a person to look at.
    """
    if None not in (one.household_id, other.household_id) and one.household_id != other.household_id:
        return False
    shared = [person for person in one.people if any(is_same(person, they) for they in other.people)]
    ages = [age_on(person.birth_date, first_day) for person in shared]
    return any(age < 18 for age in ages) and any(age >= 18 for age in ages)


def judge(case: Case, first_day: date, stays: Sequence[WishedStay], criteria: Sequence[Criterion]) -> list[Finding]:
    """Whether a family fits a season, point by point."""
    open_ = [stay for stay in stays if not stay.cancelled]
    wished = [stay for stay in open_ if stay.stay_id in case.wishes]
    found = [_child_of_age(case.travellers, wished or open_)]
    if case.wishes and not wished:
        said = Text(N_("Every stay that the family wishes is cancelled. Ask what it wishes instead."))
        found.append(Finding("wishes", False, said))
    for criterion in criteria:
        holds = criterion.code in case.holds
        values = {"criterion": criterion.statement}
        said = (
            Text(N_("It holds: {criterion}."), values) if holds else Text(N_("It does not hold: {criterion}."), values)
        )
        found.append(Finding(criterion.code, holds, said))
    found.append(Finding("participation", True, _participation(case.last_participation, first_day.year)))
    return found


def fits(findings: Sequence[Finding]) -> bool:
    """Whether nothing speaks against the family."""
    return all(one.holds for one in findings)


def _child_of_age(travellers: Sequence[Traveller], stays: Sequence[WishedStay]) -> Finding:
    for stay in stays:
        for one in travellers:
            age = age_on(one.birth_date, stay.starts_on)
            if stay.min_child_age <= age <= stay.max_child_age:
                values = {"child": one.name, "age": age, "stay": stay.code, "day": stay.starts_on}
                values |= {"youngest": stay.min_child_age, "oldest": stay.max_child_age}
                said = Text(
                    N_("{child} is {age} on {day}, when {stay} begins; the stay is for {youngest} to {oldest} years."),
                    values,
                )
                return Finding("child_of_age", True, said)
    if not stays:
        return Finding("child_of_age", False, Text(N_("There is no stay to judge the children's ages by.")))
    values = {
        "youngest": min(stay.min_child_age for stay in stays),
        "oldest": max(stay.max_child_age for stay in stays),
    }
    said_none = N_(
        "No child who travels is from {youngest} to {oldest} years when a stay begins that the family wishes."
    )
    return Finding("child_of_age", False, Text(said_none, values))


def _participation(year: int | None, season: int) -> Text:
    if year is None:
        return Text(N_("The family has never taken part."))
    if season - year <= WAITS_YEARS:
        return Text(
            N_("The family took part in {year}, so for {span} years it comes after all others."),
            {"year": year, "span": WAITS_YEARS},
        )
    return Text(N_("The family took part in {year}, which is long ago."), {"year": year})
