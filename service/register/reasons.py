"""Why a row was rejected or warned of, in the reader's language.

A reason is kept as the English phrase that the reading of a file gave (`rules.py`, `extracts.py`, `merge.py`): millions
of rows are read, and hardly any has one. Here the phrases are known again by their patterns.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from service.errors import N_, Count, Text
from service.register.rules import DECISIONS, INCOME, INCOME_OPTIONAL, POPULATION

_WARNING: Final = "warning: "
_BETWEEN: Final = "; "

_NAMES: Final = {
    "the CPR number": Text(N_("the CPR number")),
    "the Norwegian identity number": Text(N_("the Norwegian identity number")),
}
_FIELDS: Final = "|".join(sorted({*POPULATION, *INCOME, *INCOME_OPTIONAL, *DECISIONS}))
_PARTS: Final = {
    "field": _FIELDS,
    "known": r"[a-z0-9_]+(?:, [a-z0-9_]+)*",
    "name": "|".join(_NAMES),
}
_NUMBER: Final = "[0-9,]+"

_TEMPLATES: Final = (
    # of a line
    N_("the line holds no values"),
    N_("the line holds bytes that are not UTF-8"),
    N_("the line is longer than {longest} characters"),
    N_("the line holds a NUL character"),
    N_("the line holds a carriage return"),
    N_("the quotation marks of the line do not match"),
    N_("the line has {found} field where the header has {expected}"),
    N_("the line has {found} fields where the header has {expected}"),
    # of a field
    N_("{field} is empty"),
    N_("{field} is none of {known}"),
    N_("{field} is no date of the form YYYY-MM-DD"),
    N_("{field} is no date of the calendar"),
    N_("{field} lies before 1890"),
    N_("{field} lies in the future"),
    N_("{field} lies before valid_from"),
    N_("{field} is neither 0 nor 1"),
    N_("{field} is longer than {longest} characters"),
    N_("{field} holds control characters"),
    N_("{field} is no year from {first_year} to {last_year}"),
    N_("{field} is no whole number from 0 to 100"),
    N_("{field} is kept for what case workers decide in this program"),
    N_("an amount is digits with at most two decimals, without separators between thousands: 1234,50"),
    N_("{name} is missing"),
    N_("{name} holds only digits, and at most a hyphen or a space after the sixth"),
    N_("{name} has {expected} digits and this has {found}: a leading zero may be lost"),
    N_("{name} has {expected} digits and this has {found}"),
    N_("{name} does not begin with a date"),
    N_("the check digits of {name} are wrong"),
    # of rows that do not go together
    N_("the person stands in this household already"),
    N_("there are two rows with the same person, year and basis"),
    N_("there are two rows with the same person, ground and valid_from"),
    # accepted though odd
    N_("{name} does not follow modulus 11; numbers issued since 2007 need not"),
    N_("the identity number says another birth date"),
    N_("{field} is no language code; taken as unknown"),
    N_("the person has no name"),
    # of the gate
    N_("The file has {found} persons where the last one had {last}."),
    N_("The file has {found} awards where the last one had {last}."),
)

_ADVICE: Final = {
    "the line holds bytes that are not UTF-8": N_(
        "The file was not saved as UTF-8. Save it as “CSV UTF-8” and upload it again."
    ),
    "{name} has {expected} digits and this has {found}: a leading zero may be lost": N_(
        "A spreadsheet has dropped the leading zeros. Format the column as text before the file is saved."
    ),
    "{field} is no date of the form YYYY-MM-DD": N_(
        "A spreadsheet may have rewritten the dates. Write them as year, month and day: 2017-01-31."
    ),
    "the line has {found} fields where the header has {expected}": N_(
        "A text with a comma or semicolon in it must stand in quotation marks."
    ),
}


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    written = [
        f"(?P<{part}>{_PARTS.get(part, _NUMBER)})" if place % 2 else re.escape(part) for place, part in enumerate(parts)
    ]
    return re.compile("".join(written))


_PATTERNS: Final = {template: _pattern(template) for template in _TEMPLATES}


class Phrase(msgspec.Struct, frozen=True):
    """A part of a reason. One that no pattern knows is its own template."""

    template: str
    values: dict[str, object]

    @property
    def text(self) -> Text:
        """The phrase, to be said in another language."""
        return Text(self.template, self.values)


class Said(msgspec.Struct, frozen=True):
    """A reason: its phrases, and what helps against it."""

    phrases: list[Phrase]
    advice: str | None

    @property
    def known(self) -> bool:
        """Whether it can be said in every language."""
        return all(phrase.template in _PATTERNS for phrase in self.phrases)


def read_reason(reason: str) -> Said:
    """Find the texts of the catalogues behind a reason as it is kept."""
    phrases = list(_phrases(reason.removeprefix(_WARNING)))
    advice = next((_ADVICE[phrase.template] for phrase in phrases if phrase.template in _ADVICE), None)
    return Said(phrases, advice)


def _phrases(reason: str) -> Iterator[Phrase]:
    """The phrases of a reason. Some hold a semicolon themselves, so the longest that is known is taken first."""
    parts = reason.split(_BETWEEN)
    while parts:
        for size in range(len(parts), 0, -1):
            if (found := _known(_BETWEEN.join(parts[:size]))) is not None:
                yield found
                parts = parts[size:]
                break
        else:
            yield Phrase(parts.pop(0), {})


def _known(phrase: str) -> Phrase | None:
    phrase = re.sub("^[aA] (?=CPR|Norwegian)", "the ", phrase)
    for template, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(phrase):
            return Phrase(template, {name: _value(name, value) for name, value in match.groupdict().items()})
    return None


def _value(name: str, value: str) -> object:
    if name == "name":
        return _NAMES[value]
    if name in _PARTS:
        return value
    number = int(value.replace(",", ""))
    return number if name.endswith("_year") else Count(number)
