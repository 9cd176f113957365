"""The parameters of a scheme, how people write them, and the published figures that come with a country.

Money is written in kroner and kept in øre. Parameters are data: a municipality's own variation of the scheme is a set
of values here, not code.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from service.errors import N_, FieldError, Invalid, Unreadable
from service.register.models import BASES
from service.values.money import parse_kroner
from service.values.periods import period_of


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a scheme says from a day on.

    `limit_ore` is the household income that still entitles with one child and two providers (`inclusive`: equal to it
    entitles); `single_addition_ore` comes on top with exactly one provider, `child_addition_ore` for each child beyond
    the first. `amount_ore` and `equipment_ore` are what a pass is worth a period. `min_percent`: the least percent of
    an award made elsewhere that entitles. `areas`: districts or postcodes that are covered whole. `bases`: which
    incomes count, the first that a provider has. `one_club`: the whole pass at one club. `keep_when_lost`: this
    period's pass stays though the entitlement is lost. `gate_percent`: the share of new
    or lost children that holds a commit.
    """

    limit_ore: int
    amount_ore: int
    min_age: int
    max_age: int
    single_addition_ore: int = 0
    child_addition_ore: int = 0
    equipment_ore: int = 0
    inclusive: bool = True
    period: str = "calendar_year"
    min_percent: int = 90
    areas: tuple[str, ...] = ()
    bases: tuple[str, ...] = ("annual", "final")
    one_club: bool = False
    keep_when_lost: bool = True
    gate_percent: int = 20


def _kroner(text: str) -> int:
    if (ore := parse_kroner(text)) < 0:
        raise Unreadable(N_("must not be negative"))
    return ore


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and lowest <= int(text[:9]) <= highest):
            raise Unreadable(N_("must be a whole number from {lowest} to {highest}"), lowest=lowest, highest=highest)
        return int(text)

    return read


def _yes_no(text: str) -> bool:
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in known:
        raise Unreadable(N_("must be yes or no"))
    return known[text.lower()]


def _period(text: str) -> str:
    period_of(text, date(2017, 1, 1))
    return text


def _list(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.replace("|", ",").split(",") if part.strip()))


def _bases(text: str) -> tuple[str, ...]:
    chosen = _list(text)
    if not chosen or set(chosen) - set(BASES):
        raise Unreadable(N_("must be a list of {known}"), known=", ".join(BASES))
    return chosen


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "limit": ("limit_ore", _kroner),
    "single_addition": ("single_addition_ore", _kroner),
    "child_addition": ("child_addition_ore", _kroner),
    "amount": ("amount_ore", _kroner),
    "equipment": ("equipment_ore", _kroner),
    "min_age": ("min_age", _whole(0, 17)),
    "max_age": ("max_age", _whole(0, 18)),
    "inclusive": ("inclusive", _yes_no),
    "period": ("period", _period),
    "min_percent": ("min_percent", _whole(0, 100)),
    "areas": ("areas", _list),
    "bases": ("bases", _bases),
    "one_club": ("one_club", _yes_no),
    "keep_when_lost": ("keep_when_lost", _yes_no),
    "gate_percent": ("gate_percent", _whole(1, 100)),
}
KEYS = {name: key for key, (name, _) in _READERS.items()}
"""How people call a parameter, by its name in `Parameters`."""

_NEEDED = ("limit", "amount", "min_age", "max_age")


def read_parameters(written: dict[str, str], last: Parameters | None) -> Parameters:
    """Parameters as people write them; a key that is not named goes on from the `last` version.

    Refuses with every key that is unknown, wrong or, where there is no last version, missing.
    """
    errors: list[FieldError] = []
    values: dict[str, Any] = {}
    for key, text in written.items():
        if key not in _READERS:
            errors.append(FieldError(key, "is no parameter; known are {known}", {"known": ", ".join(_READERS)}))
            continue
        name, read = _READERS[key]
        try:
            values[name] = read(text.strip())
        except Unreadable as error:
            errors.append(FieldError(key, "{reason}", {"reason": error.text}))
    if last is None:
        missing = [key for key in _NEEDED if key not in written]
        errors += [FieldError(key, "is needed: the scheme has no earlier version") for key in missing]
    if errors:
        raise Invalid("Some parameters are wrong.", errors=errors)
    parameters = msgspec.structs.replace(last, **values) if last else Parameters(**values)
    if parameters.min_age > parameters.max_age:
        raise Invalid("Some parameters are wrong.", errors=[FieldError("min_age", "is higher than max_age")])
    return parameters


def as_written(values: dict[str, Any]) -> dict[str, str]:
    """Parameters by their names in `Parameters`, amounts in øre, as people write them: for `read_parameters`."""
    return {KEYS[name]: _as_written(name, value) for name, value in values.items()}


def _as_written(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_ore"):
        return f"{value // 100}.{value % 100:02}"
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


class Preset(msgspec.Struct, frozen=True):
    """A published set of figures: valid for one calendar year, since the next year's are not known from it."""

    year: int
    limit: str
    single_addition: str
    source: str


SCHEME = "fritidspas"
_AARHUS = "Aarhus Kommune: grænsen for 90 % økonomisk friplads, {year}"
_PUBLISHED = "Grænsen for 90 % økonomisk friplads, {year}"

PRESETS: dict[str, tuple[Preset, ...]] = {
    "dk": (
        Preset(2016, "188528", "58211", _AARHUS),
        Preset(2017, "192714", "59492", _AARHUS),
        Preset(2019, "201228", "62139", _PUBLISHED),
        Preset(2022, "212896", "65747", _PUBLISHED),
    ),
    "no": (),
}
"""The published years alone. A year between them whose limit can only be computed is for the municipality to add."""


def preset_parameters(preset: Preset) -> Parameters:
    """Aarhus's leisure pass with one year's limits: 3 to 17 years, 1,000 kr, 7,000 kr a further child, inclusive."""
    written = {"limit": preset.limit, "single_addition": preset.single_addition, "child_addition": "7000"}
    return read_parameters(written | {"amount": "1000", "min_age": "3", "max_age": "17"}, None)
