"""From what a person wrote into one field of a form to its value, or to what is wrong with it."""

import enum
import re
import types
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from litestar.datastructures import UploadFile
from msgspec import Meta

from service.errors import N_
from service.values.money import parse_kroner
from service.web.formats import Amount

_DAY: Final = re.compile(r"(\d{1,2})[./ -]{1,2}(\d{1,2})[./ -]{1,2}(\d{4})")
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}")
_UNWANTED: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNREADABLE: Final = N_("This cannot be read. Write it again.")


class Field(msgspec.Struct, frozen=True):
    """A field of a form's Struct: the type of one value, and what stands around it."""

    name: str
    attribute: str
    kind: Any
    metas: tuple[Meta, ...]
    optional: bool
    several: bool
    required: bool

    @property
    def money(self) -> bool:
        """Whether it is written in kroner and held in øre."""
        return any((meta.extra or {}).get("unit") == "kroner" for meta in self.metas)

    @property
    def label(self) -> str:
        """Its title in the Struct, in English."""
        return next((meta.title for meta in reversed(self.metas) if meta.title), self.name)


class Wrong(Exception):
    """What is wrong with an answer: a text of the catalogues and its values."""

    def __init__(self, template: str, **values: object) -> None:
        self.template, self.values = template, values


DEFAULT: Final = object()
"""No answer: the field's default stands."""


def given_in(data: Mapping[str, Any], name: str) -> list[Any]:
    """What was sent under a name, stripped; none, one or several."""
    found = data.get(name, [])
    return [_stripped(one) for one in (found if isinstance(found, list | tuple) else [found])]


def _stripped(given: Any) -> Any:
    return given.replace("\r\n", "\n").strip() if isinstance(given, str) else given


def answer(field: Field, given: list[Any]) -> Any:
    """The value that was answered, None, or DEFAULT. Raises Wrong."""
    present = [one for one in given if one != "" and not (isinstance(one, UploadFile) and not one.filename)]
    if field.several:
        if field.required and not present:
            raise Wrong(N_("Choose at least one."))
        return [_read(field, one) for one in present]
    if field.kind is bool:
        return bool(present) and present[-1] not in ("off", "false", "0")
    if present:
        return _read(field, present[-1])
    if field.required and not field.optional:
        raise Wrong(N_("Fill this in."))
    return None if field.optional else DEFAULT


def _read(field: Field, given: Any) -> Any:
    if field.kind is UploadFile:
        if not isinstance(given, UploadFile):
            raise Wrong(N_("Choose a file."))
        return given
    if not isinstance(given, str) or _UNWANTED.search(given):
        raise Wrong(_UNREADABLE)
    value = _of_text(field, given)
    for meta in field.metas:
        _require(field, meta, value)
    return value


def _of_text(field: Field, given: str) -> Any:
    kind = field.kind
    if field.money:
        return _money(given)
    if kind is str:
        return given
    if kind is int:
        return _whole(given)
    if kind is date:
        return _day(given)
    if kind is Decimal:
        return _decimal(given)
    if get_origin(kind) is Literal or (isinstance(kind, type) and issubclass(kind, enum.Enum | UUID)):
        return _choice(kind, given)
    raise TypeError(f"A form cannot ask for {kind}.")


def _money(given: str) -> int:
    try:
        return parse_kroner(given)
    except ValueError as error:
        raise Wrong(N_("Write an amount in kroner, such as 1250 or 1250,50.")) from error


def _whole(given: str) -> int:
    if not (given.isascii() and _WHOLE.fullmatch(given)):
        raise Wrong(N_("Write a whole number in digits."))
    return int(given)


def _decimal(given: str) -> Decimal:
    try:
        value = Decimal(given.replace(",", "."))
    except InvalidOperation as error:
        raise Wrong(N_("Write a number, such as 12 or 12,5.")) from error
    if not value.is_finite():
        raise Wrong(N_("Write a number, such as 12 or 12,5."))
    return value


def _day(given: str) -> date:
    """A date as browsers send it, or as people here write it: the day first."""
    match = _DAY.fullmatch(given)
    try:
        return date(int(match[3]), int(match[2]), int(match[1])) if match else date.fromisoformat(given)
    except ValueError as error:
        raise Wrong(N_("Write a date as day, month and year, such as 31.12.2026.")) from error


def _choice(kind: Any, given: str) -> Any:
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Wrong(N_("Choose one of the possibilities.")) from error


def _require(field: Field, meta: Meta, value: Any) -> None:
    """What the Struct's annotations ask of a value, in words."""
    shown: Callable[[Any], object] = Amount if field.money else lambda bound: bound
    if meta.ge is not None and value < meta.ge:
        raise Wrong(N_("It must be at least {least}."), least=shown(meta.ge))
    if meta.gt is not None and value <= meta.gt:
        raise Wrong(N_("It must be more than {bound}."), bound=shown(meta.gt))
    if meta.le is not None and value > meta.le:
        raise Wrong(N_("It must be at most {most}."), most=shown(meta.le))
    if meta.lt is not None and value >= meta.lt:
        raise Wrong(N_("It must be less than {bound}."), bound=shown(meta.lt))
    if meta.min_length is not None and len(value) < meta.min_length:
        raise Wrong(N_("Write at least {least} characters."), least=meta.min_length)
    if meta.max_length is not None and len(value) > meta.max_length:
        raise Wrong(N_("Write at most {most} characters."), most=meta.max_length)
    if meta.pattern is not None and not re.search(meta.pattern, value):
        raise Wrong(meta.description or _UNREADABLE)


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a form."""
    hints = get_type_hints(struct, include_extras=True)
    return tuple(_field(one, hints[one.name]) for one in msgspec.structs.fields(struct))


def _field(field: msgspec.structs.FieldInfo, hint: Any) -> Field:
    kind, metas, optional = _unwrapped(hint)
    several = get_origin(kind) is list
    if several:
        kind, inner, _ = _unwrapped(get_args(kind)[0])
        metas += inner
    return Field(field.encode_name, field.name, kind, metas, optional, several, field.required)


def _unwrapped(hint: Any) -> tuple[Any, tuple[Meta, ...], bool]:
    """A type without what stands around it: its annotations, and that it may be None."""
    metas: tuple[Meta, ...] = ()
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *found = get_args(hint)
            metas += tuple(one for one in found if isinstance(one, Meta))
        elif get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint):
            hint = Union[tuple(one for one in get_args(hint) if one is not type(None))]  # noqa: UP007
            optional = True
        else:
            return hint, metas, optional
