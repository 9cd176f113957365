"""The wording of the letters: one file per language, filled in with values that are never taken for markup."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from service.errors import Refused
from service.letters.glyphs import printable

TEMPLATES = Path(__file__).parent / "templates"
REFERENCE = "en"
"""The language whose file says which keys and placeholders every other one must have."""

PLACEHOLDER = re.compile(r"\{(\w+)\}")

Piece = str | dict[str, Any]
Filled = str | list[Piece]
"""A filled sentence: plain text, or where directions meet a list in which `{"v": value, "dir": …}` stands apart."""


class Wording(msgspec.Struct, frozen=True):
    """One language: `tables` holds its sections (`home`, `pass`, `grounds` …) by name and key."""

    language: str
    direction: str
    tables: dict[str, Any]

    def fill(self, section: str, key: str, **values: Filled) -> Filled:
        """The sentence `key` of `section` with its placeholders replaced."""
        return self._fill(self.tables[section][key], values)

    def plain(self, section: str, key: str, **values: str) -> str:
        """The same as one string, for what is read aloud and never laid out."""
        return str(fill(self.tables[section][key], values))

    def steps(self, section: str) -> list[str]:
        return [printable(step) for step in self.tables[section]["steps"]]

    def day(self, day: date) -> Filled:
        """A date with its month's name."""
        return self._fill(self.tables["date"].replace(" ", "\u00a0"), self._day(day))

    def birth(self, day: date, by_year: bool) -> Filled:
        """A birth date told in part, to tell two children of one name apart: day and month, or the year alone."""
        return self._fill(self.tables["birth_year" if by_year else "day_and_month"], self._day(day))

    def money(self, ore: int) -> Filled:
        """Kroner, with øre only where there are any."""
        kroner, rest = divmod(ore, 100)
        amount = f"{kroner:,}".replace(",", self.tables["thousands"])
        if rest:
            amount += f"{self.tables['decimal']}{rest:02}"
        return self._fill(self.tables["money"].replace(" ", "\u00a0"), {"amount": amount})

    def _day(self, day: date) -> dict[str, Filled]:
        return {"day": str(day.day), "month": self.tables["months"][day.month - 1], "year": str(day.year)}

    def _fill(self, pattern: str, values: Mapping[str, Filled]) -> Filled:
        return fill(pattern, values, isolate=self.direction == "rtl")


def fill(pattern: str, values: Mapping[str, Filled], isolate: bool = False) -> Filled:
    """`pattern` with `{name}` replaced by values; with `isolate` each stands apart with its own direction."""
    first, *parts = _parts(pattern)
    if not parts:
        return first
    pieces: list[Piece] = [first]
    for name, after in zip(parts[::2], parts[1::2], strict=True):
        value = values[name]
        if isolate:
            pieces.append(_isolated(value))
        elif isinstance(value, str):
            pieces.append(value)
        else:
            pieces.extend(value)
        pieces.append(after)
    plain = [piece for piece in pieces if isinstance(piece, str)]
    return "".join(plain) if len(plain) == len(pieces) else [piece for piece in pieces if piece]


@lru_cache(maxsize=1024)
def _parts(pattern: str) -> list[str]:
    """Text, name, text, name … text of a sentence with placeholders."""
    return PLACEHOLDER.split(printable(pattern))


def _isolated(value: Filled) -> Piece:
    if isinstance(value, str) and (value.isdigit() or value.isalpha()):
        return value
    return {"v": value, "dir": direction_of(value)}


def direction_of(value: Filled) -> str:
    """`rtl` where the first letter is of a right-to-left script; numbers and addresses read left to right."""
    text = value if isinstance(value, str) else "".join(str(p["v"]) if isinstance(p, dict) else p for p in value)
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"


class Texts(msgspec.Struct, frozen=True):
    """All wording of a templates folder."""

    wordings: dict[str, Wording]
    other_order: list[str]
    other_lines: dict[str, str]

    def wording(self, language: str) -> Wording:
        try:
            return self.wordings[language]
        except KeyError:
            raise Refused("There is no wording for letters in the language {language!r}.", language=language) from None


def text_file(name: str, templates: Path | None) -> Path:
    """A file of the wording: the municipality's own where its folder has one, otherwise ours."""
    own = templates / "texts" / name if templates else None
    return own if own and own.is_file() else TEMPLATES / "texts" / name


def languages(templates: Path | None) -> list[str]:
    """The codes of all languages that have wording, ours and those the folder adds."""
    folders = [TEMPLATES] + ([templates] if templates else [])
    names = {path.stem for folder in folders for path in (folder / "texts").glob("*.toml")}
    return sorted(names - {"other_languages"})


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Refused(
            "The wording file texts/{file} cannot be read: {reason}.", file=path.name, reason=str(error)
        ) from None


def load_texts(templates: Path | None) -> Texts:
    """Read all wording; refuses a file that is no TOML, with its name and line."""
    wordings = {}
    for language in languages(templates):
        tables = read_toml(text_file(f"{language}.toml", templates))
        wordings[language] = Wording(language, tables.get("direction", "ltr"), tables)
    others = read_toml(text_file("other_languages.toml", templates))
    return Texts(wordings, others["order"], others["lines"])
