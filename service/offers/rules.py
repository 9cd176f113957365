"""Pure rules of offers: until when a family may answer, how it is reached, and who must come."""

import re
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from service.errors import FieldError, Unreadable
from service.stays.families import ListedFamily, Traveller
from service.values import pass_numbers
from service.values.periods import age_on

GROWN_UP: Final = 18
_LAST_SECOND: Final = time(23, 59, 59)
_MOBILE: Final = re.compile(r"(?:\+|00)?(?:45|47)?([2-9]\d{7})")
_LANGUAGES: Final = {
    "da": ("da", "dansk", "danish", "svensk", "swedish"),
    "nb": ("nb", "nn", "no", "norsk", "bokmål", "nynorsk", "norwegian"),
    "en": ("en", "english", "engelsk"),
}


class Settings(msgspec.Struct, frozen=True):
    """How a season's offers go out; see `models.OfferSettings`."""

    answer_days: int = 14
    remind_days: int = 3
    by_itself: bool = False


class Needs(msgspec.Struct, frozen=True):
    """What a family that comes needs, in its own words."""

    diet: str = ""
    health: str = ""
    access: str = ""
    emergency_name: str = ""
    emergency_phone: str = ""

    def __bool__(self) -> bool:
        return any(msgspec.structs.astuple(self))


class Contact(msgspec.Struct, frozen=True):
    """How a family is reached: the secret of its link, the code of its letter, and an address where one is known."""

    secret: str
    code: str
    email: str = ""
    street: str = ""
    postcode_city: str = ""


def last_moment(zone: str, on: date) -> datetime:
    """The last second of a date by the clock on the wall."""
    return datetime.combine(on, _LAST_SECOND, ZoneInfo(zone))


def deadline_of(today: date, days: int, starts_on: date, zone: str) -> datetime | None:
    """Until when an answer counts: for so many days, at the latest on the day before the stay; None where that is past.

    Who is offered a place on the last day before may still answer on it.
    """
    if starts_on <= today:
        return None
    return last_moment(zone, min(today + timedelta(days=days), starts_on - timedelta(days=1)))


def mobile(phone: str) -> str | None:
    """The number to which a text can be sent, with its country if it names one; None where it is no Danish or
    Norwegian number."""
    digits = re.sub(r"[\s().-]", "", phone)
    found = _MOBILE.fullmatch(digits)
    return None if found is None else digits


def language_of(said: str, country: str) -> str:
    """In which language we write to a family: its own if we have it, else that of the country."""
    first = (re.findall(r"[^\W\d_]+", said.lower()) or [""])[0]
    known = next((code for code, names in _LANGUAGES.items() if first in names), None)
    return known or ("da" if country == "dk" else "nb")


def read_code(text: str) -> str | None:
    """The code of a letter as it was drawn, from what somebody typed; None where it can be none."""
    try:
        return pass_numbers.parse(text)
    except Unreadable:
        return None


def wrong_party(
    travellers: Sequence[Traveller], comes: Collection[int], starts_on: date, ages: tuple[int, int]
) -> list[FieldError]:
    """What is wrong with those who come: a place is for a child of the stay's ages, and a grown-up if the family
    named one. `comes` are the places of the travellers, counted from 0."""
    if not set(comes) <= set(range(len(travellers))):
        return [FieldError("comes", "names somebody who is not on the list")]
    party = [travellers[place] for place in sorted(set(comes))]
    if not party:
        return [FieldError("comes", "must name who comes")]
    wrong = []
    youngest, oldest = ages
    if not any(youngest <= age_on(one.birth_date, starts_on) <= oldest for one in party):
        wrong.append(
            FieldError(
                "comes",
                "must name a child of {youngest} to {oldest} years",
                {"youngest": youngest, "oldest": oldest},
            )
        )
    elif any(_grown_up(one, starts_on) for one in travellers) and not any(_grown_up(one, starts_on) for one in party):
        wrong.append(FieldError("comes", "must name a grown-up"))
    return wrong


def _grown_up(one: Traveller, on: date) -> bool:
    return age_on(one.birth_date, on) >= GROWN_UP


def best_way(family: ListedFamily) -> str:
    """How a family is reached where nobody says: by text where it has such a phone, else by letter."""
    return "text" if mobile(family.phone) else "letter"
