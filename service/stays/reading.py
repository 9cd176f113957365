"""A spreadsheet of families: every line checked, and what is wrong told by its line and column."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec

from service.errors import FieldError
from service.stays.families import ListedFamily, Traveller
from service.stays.importing import read_table
from service.stays.rules import age_on
from service.stays.sheets import COLUMNS, as_table, day_of

_YES: Final = ("yes", "ja", "1", "x", "true")
_NO: Final = ("", "no", "nei", "nej", "0", "false")
_OF_FAMILY: Final = COLUMNS[3:]
MOST_TRAVELLERS: Final = 12


class StayAges(msgspec.Struct, frozen=True):
    """Of a stay what a list is checked against."""

    id: str
    code: str
    starts_on: date
    min_child_age: int
    max_child_age: int
    cancelled: bool


class WrongLine(msgspec.Struct, frozen=True):
    """A line that was not taken over, and why; never what stood in it."""

    line: int
    error: FieldError

    def kept(self) -> dict[str, Any]:
        """The same to be kept with the list."""
        values = {name: str(value) for name, value in self.error.values.items()}
        return {"line": self.line, "field": self.error.field, "template": self.error.template, "values": values}


class Read(msgspec.Struct, frozen=True):
    """What a spreadsheet holds: its good families, its wrong lines, and the keys of families that had one."""

    families: list[ListedFamily]
    wrong: list[WrongLine]
    spoiled: set[str]


def read_families(content: bytes, stays: list[StayAges], first_day: date, today: date) -> Read:
    """The families of a spreadsheet, workbook or CSV. A family with a wrong line is not taken over at all."""
    lines = read_table(as_table(content), (*COLUMNS[:3], "need"), COLUMNS)
    grouped: dict[str, list[tuple[int, dict[str, str]]]] = {}
    wrong: list[WrongLine] = []
    for number, line in lines:
        key = line["family"]
        if 0 < len(key) <= 40:
            grouped.setdefault(key, []).append((number, line))
        else:
            wrong.append(WrongLine(number, FieldError("family", "must be the family's own number or code")))
    good, spoiled = [], set()
    for key, own in grouped.items():
        family, found = _family(key, own, stays, first_day, today)
        wrong += found
        if family is None:
            spoiled.add(key)
        else:
            good.append(family)
    return Read(good, sorted(wrong, key=lambda one: one.line), spoiled)


def _family(
    key: str, lines: list[tuple[int, dict[str, str]]], stays: list[StayAges], first_day: date, today: date
) -> tuple[ListedFamily | None, list[WrongLine]]:
    first, head = lines[0]
    wrong: list[WrongLine] = []
    travellers = [person for number, line in lines if (person := _traveller(number, line, today, wrong))]
    for number, line in lines[1:]:
        for name in _OF_FAMILY:
            if line.get(name) and line[name] != head.get(name):
                wrong.append(WrongLine(number, FieldError(name, "differs from the family's first line")))
    if len(lines) > MOST_TRAVELLERS:
        said = FieldError("family", "has more than {most} persons", {"most": MOST_TRAVELLERS})
        wrong.append(WrongLine(first, said))
    wishes = _wishes(first, head.get("wishes", ""), stays, wrong)
    values = _own(first, head, first_day, wrong)
    if not wrong and not of_age(travellers, [one for one in stays if one.id in wishes] or stays):
        wrong.append(WrongLine(first, FieldError("family", "has no child of the age that the stays are for")))
    if wrong:
        return None, wrong
    adults = [one for one in travellers if age_on(one.birth_date, first_day) >= 18]
    contact = (adults or travellers)[0].name
    made = ListedFamily(
        key=key, contact_name=contact, late=False, travellers=tuple(travellers), wishes=tuple(wishes), **values
    )
    return made, []


def of_age(travellers: list[Traveller], stays: list[StayAges]) -> bool:
    """Whether somebody who travels is of the age of a stay on its first day."""
    return any(
        stay.min_child_age <= age_on(one.birth_date, stay.starts_on) <= stay.max_child_age
        for stay in stays
        if not stay.cancelled
        for one in travellers
    )


def _traveller(number: int, line: Mapping[str, str], today: date, wrong: list[WrongLine]) -> Traveller | None:
    name, born = " ".join(line["name"].split()), day_of(line["birth_date"])
    if not 0 < len(name) <= 200:
        wrong.append(WrongLine(number, FieldError("name", "is missing or too long")))
    if born is None or not date(1900, 1, 1) <= born <= today:
        wrong.append(WrongLine(number, FieldError("birth_date", "must be a date of birth such as 2014-06-21")))
        return None
    return Traveller(name, born)


def _wishes(number: int, written: str, stays: list[StayAges], wrong: list[WrongLine]) -> list[str]:
    known = {one.code.lower(): one for one in stays}
    found: list[str] = []
    for code in (one.strip() for one in written.split("|") if one.strip()):
        stay = known.get(code.lower())
        if stay is None or stay.cancelled or stay.id in found:
            said = FieldError(
                "wishes", "names a stay that the season does not have, has cancelled, or that comes twice"
            )
            wrong.append(WrongLine(number, said))
            break
        found.append(stay.id)
    return found


def _own(number: int, line: Mapping[str, str], first_day: date, wrong: list[WrongLine]) -> dict[str, Any]:
    """What is the family's own."""
    need, year, wanted = line["need"], line.get("last_participation", ""), line.get("interpreter", "").lower()
    if need not in ("1", "2", "3", "4", "5"):
        wrong.append(WrongLine(number, FieldError("need", "must be 1 to 5")))
    if year and not (year.isascii() and year.isdigit() and 1990 <= int(year[:5]) <= first_day.year):
        wrong.append(WrongLine(number, FieldError("last_participation", "must be a year, or empty")))
    if wanted not in _YES + _NO:
        wrong.append(WrongLine(number, FieldError("interpreter", "must be yes or no")))
    for name, most in (("phone", 40), ("language", 60)):
        if len(line.get(name, "")) > most:
            wrong.append(WrongLine(number, FieldError(name, "is longer than {most} characters", {"most": most})))
    if wrong:
        return {}
    return {
        "need": int(need),
        "phone": line.get("phone", ""),
        "language": line.get("language", ""),
        "interpreter": wanted in _YES,
        "last_participation": int(year) if year else None,
    }
