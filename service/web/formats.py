"""How amounts, dates and numbers are written for a reader of a language; what is not there is a dash."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context

from service.errors import N_, Count
from service.values import clock
from service.values.money import format_kroner
from service.web.texts import translator

Length = Literal["short", "medium", "long"]

NOTHING: Final = "–"
_LOCALES: Final = {"da": "da_DK", "nb": "nb_NO", "en": "en_GB"}
_KRONER: Final = {"da": "kr.", "nb": "kr", "en": "kr"}
_NOW: Final = N_("just now")
_NO_BREAK: Final = "\u00a0"


class Amount(int):
    """An amount in øre inside a sentence."""

    __slots__ = ()

    def __str__(self) -> str:
        return format_kroner(self, "en")


def money(ore: int | None, language: str) -> str:
    """An amount in øre as kroner with two decimals: `1.000,00 kr.`"""
    if ore is None:
        return NOTHING
    amount = format_decimal(Decimal(ore) / 100, format="#,##0.00", locale=_LOCALES[language])
    return f"{amount}{_NO_BREAK}{_KRONER[language]}"


def number(value: int | float | Decimal | None, language: str) -> str:
    """A number with its thousands apart and at most three decimals."""
    return NOTHING if value is None else format_decimal(value, locale=_LOCALES[language])


def percent(share: float | Decimal | None, language: str, decimals: int = 0) -> str:
    """A share of one as percent: 0.125 is `13 %`, with one decimal `12,5 %`."""
    if share is None:
        return NOTHING
    rounded = (Decimal(str(share)) * 100).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    gap = "" if language == "en" else _NO_BREAK
    return f"{format_decimal(rounded, format=pattern, locale=_LOCALES[language])}{gap}%"


def day(value: date | None, language: str, length: Length = "medium") -> str:
    """A date with its month by name: `24. nov. 2026`, in full with `long`. In columns it is short and stays whole."""
    if value is None:
        return NOTHING
    written = format_date(value, length, locale=_LOCALES[language])
    return written if length == "long" else written.replace(" ", _NO_BREAK)


def instant(value: datetime | None, language: str, time_zone: str, length: Length = "medium") -> str:
    """A point in time as it was on the clocks of a time zone, to the minute: `24. nov. 2026 13.05`."""
    if value is None:
        return NOTHING
    local = value.astimezone(ZoneInfo(time_zone))
    time = format_datetime(local, "HH.mm" if language == "da" else "HH:mm", locale=_LOCALES[language])
    return f"{day(local.date(), language, length)} {time}"


def ago(value: datetime | None, language: str) -> str:
    """How long it is since, or until, a point in time: `for 3 minutter siden`, and `lige nu` within a minute of it."""
    if value is None:
        return NOTHING
    apart = value - clock.now()
    if abs(apart) < timedelta(minutes=1):
        return translator(language).gettext(_NOW)
    return format_timedelta(apart, add_direction=True, locale=_LOCALES[language])


def show(value: object, language: str, time_zone: str = "UTC") -> str:
    """A value inside a sentence; see `service.errors.Show`."""
    if isinstance(value, Count):
        return number(int(value), language)
    if isinstance(value, Amount):
        return format_kroner(value, language)
    if isinstance(value, datetime):
        return instant(value, language, time_zone)
    if isinstance(value, date):
        return day(value, language, "long")
    return str(value)


def filters(language: str) -> dict[str, Any]:
    """The formats as filters of templates in one language. `instant` takes the time zone of the page's place."""

    @pass_context
    def instant_here(context: Context, value: datetime | None, length: Length = "medium") -> str:
        return instant(value, language, context["time_zone"], length)

    return {
        "money": lambda ore: money(ore, language),
        "number": lambda value: number(value, language),
        "percent": lambda share, decimals=0: percent(share, language, decimals),
        "day": lambda value, length="medium": day(value, language, length),
        "ago": lambda value: ago(value, language),
        "instant": instant_here,
    }
