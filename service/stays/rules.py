"""What a season's dates, stays and lists must be, without a database."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from service.errors import FieldError

MOST_CRITERIA: Final = 6
_LONGEST_CRITERION: Final = 200
_ROOM: Final = re.compile(r"(.+?)[\s,:;]+(\d{1,2})")


class Criterion(msgspec.Struct, frozen=True):
    """A statement that must hold of a family, such as "One parent speaks Norwegian"."""

    code: str
    statement: str


class Room(msgspec.Struct, frozen=True):
    """A family room of a centre."""

    name: str
    beds: int


class SeasonDates(msgspec.Struct, frozen=True):
    """The dates of a season; see `Season`."""

    first_day: date
    last_day: date
    referral_deadline: date
    list_deadline: date
    planned_on: date


class StayFigures(msgspec.Struct, frozen=True):
    """A stay as it is planned; see `Stay`."""

    code: str
    region: str
    starts_on: date
    ends_on: date
    family_places: int
    person_places: int
    volunteers: int
    min_child_age: int
    max_child_age: int
    min_families: int
    assembly_points: tuple[str, ...] = ()
    included: str = ""
    accessibility: str = ""


def age_on(birth_date: date, day: date) -> int:
    """Whole years on a day. Somebody born on 29 February has the birthday on 1 March in a common year."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def wrong_dates(dates: SeasonDates) -> list[FieldError]:
    """What is wrong with the order of a season's dates."""
    found = []
    if dates.last_day < dates.first_day:
        found.append(FieldError("last_day", "must not be before the first day"))
    if dates.list_deadline < dates.referral_deadline:
        found.append(FieldError("list_deadline", "must not be before the deadline for referrals"))
    if dates.planned_on < dates.list_deadline:
        found.append(FieldError("planned_on", "must not be before the deadline for lists"))
    if dates.first_day < dates.planned_on:
        found.append(FieldError("first_day", "must not be before the places are allocated"))
    return found


def wrong_stay(stay: StayFigures, season: SeasonDates) -> list[FieldError]:
    """What is wrong with a stay of a season."""
    found = []
    if not re.fullmatch(r"[0-9A-Za-zÆØÅæøå._-]{1,20}", stay.code):
        found.append(FieldError("code", "must be 1 to 20 letters, digits, dots or hyphens"))
    if stay.ends_on <= stay.starts_on:
        found.append(FieldError("ends_on", "must be after the first day"))
    if stay.starts_on < season.first_day or stay.ends_on > season.last_day:
        found.append(FieldError("starts_on", "must lie in the season, which has other days"))
    if not 1 <= stay.family_places <= 200:
        found.append(FieldError("family_places", "must be 1 to 200"))
    if stay.volunteers < 0:
        found.append(FieldError("volunteers", "must not be below nothing"))
    if not stay.volunteers < stay.person_places <= 2000:
        found.append(FieldError("person_places", "must be more than the volunteers, who are counted in"))
    if not 0 <= stay.min_child_age <= stay.max_child_age <= 17:
        found.append(FieldError("max_child_age", "must be at most 17 and not under the youngest age"))
    if not 0 <= stay.min_families <= stay.family_places:
        found.append(FieldError("min_families", "must not be more than the family places"))
    return found


def read_criteria(lines: str, known: Sequence[Criterion] = ()) -> list[Criterion]:
    """The criteria of a district, a statement on each line. One that stood before keeps its code. Raises ValueError."""
    statements = list(dict.fromkeys(" ".join(line.split()) for line in lines.splitlines() if line.strip()))
    if len(statements) > MOST_CRITERIA or any(len(one) > _LONGEST_CRITERION for one in statements):
        raise ValueError("too many or too long")
    codes = {one.statement: one.code for one in known}
    free = (code for number in range(1, 1000) if (code := f"c{number}") not in codes.values())
    return [Criterion(codes.get(one) or next(free), one) for one in statements]


def read_rooms(lines: str) -> list[Room]:
    """The rooms of a centre, on each line a name and how many beds. Raises ValueError with the line's number."""
    found: list[Room] = []
    for number, line in enumerate(lines.splitlines(), start=1):
        if not line.strip():
            continue
        match = _ROOM.fullmatch(line.strip())
        if match is None or not 1 <= int(match[2]) <= 20 or any(one.name == match[1] for one in found):
            raise ValueError(str(number))
        found.append(Room(match[1], int(match[2])))
    return found


def moved(day: date, years: int) -> date:
    """The same weekday of the same week so many years later."""
    return day + timedelta(weeks=round(365.25 * years / 7))
