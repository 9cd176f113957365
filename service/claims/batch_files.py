"""Reading claims from a file: JSON lines as systems send them, or CSV as a spreadsheet saves it."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from schemas.claim import ClaimSubmission
from service.claims.actions import HIGHEST_FEE_ORE, NewClaim
from service.claims.batch import Line
from service.errors import N_, FieldError, Invalid, Refused
from service.web.fields import wrong_fields
from service.web.forms import Kroner, read_form


class ClaimRow(msgspec.Struct, frozen=True):
    """A row of a CSV file of claims: amounts in kroner, dates as people write them."""

    pass_number: Annotated[str, Meta(title=N_("Pass number"), max_length=40)]
    given_name: Annotated[str, Meta(title=N_("Child's given name"), max_length=100)]
    fee: Annotated[Kroner, Meta(title=N_("Full fee"), gt=0, le=HIGHEST_FEE_ORE)]
    activity: Annotated[str, Meta(title=N_("Activity"), max_length=100)]
    season_start: Annotated[date, Meta(title=N_("First day of the season"))]
    season_end: Annotated[date, Meta(title=N_("Last day of the season"))]
    kind: Annotated[Literal["membership", "equipment"], Meta(title=N_("What the fee is for"))] = "membership"
    sessions: Annotated[int | None, Meta(title=N_("Number of sessions"), ge=0, le=1000)] = None
    reservation: Annotated[UUID | None, Meta(title=N_("Reservation"))] = None
    reference: Annotated[str | None, Meta(title=N_("Your reference"), max_length=100)] = None
    family_share_paid_by: Annotated[
        Literal["family", "club", "fund"], Meta(title=N_("Who pays the family's share"))
    ] = "family"

    @property
    def claim(self) -> NewClaim:
        """The same as it is claimed."""
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name != "fee"}
        return NewClaim(fee_ore=self.fee, **values)


class _OreRow(ClaimRow, frozen=True, kw_only=True):
    """The same with the fee in øre, as the API writes it."""

    fee: Annotated[int, Meta(gt=0, le=HIGHEST_FEE_ORE)] = msgspec.field(name="fee_ore")


COLUMNS: Final = ClaimRow.__struct_fields__
"""The columns of a CSV file, in the order of the template. `fee_ore` may stand in place of `fee`."""
_NEEDED: Final = tuple(field.name for field in msgspec.structs.fields(ClaimRow) if field.required)


def read_json_lines(content: bytes) -> list[Line]:
    """A claim in each line, as `POST /claims` takes it; empty lines are passed over."""
    return [
        _json_line(number, line)
        for number, line in enumerate(content.removeprefix(_BOM).split(b"\n"), 1)
        if line.strip()
    ]


_BOM: Final = b"\xef\xbb\xbf"


def _json_line(number: int, line: bytes) -> Line:
    try:
        body = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Line(number, Invalid("This line is no JSON."))
    said = body.get("reference") if isinstance(body, dict) else None
    reference = said if isinstance(said, str) else None
    wrong = wrong_fields(ClaimSubmission, body)
    if wrong:
        return Line(number, Invalid("Some fields are wrong.", wrong), reference)
    asked = msgspec.convert(body, ClaimSubmission, strict=False)
    return Line(number, NewClaim(**msgspec.structs.asdict(asked)), reference)


def read_csv(content: bytes) -> list[Line]:
    """A claim in each row below the names of the columns; comma or semicolon, with or without a BOM.

    Refuses a file without the columns that are needed, and one with columns that are not known.
    """
    head, _, _ = content.removeprefix(_BOM).partition(b"\n")
    delimiter = ";" if head.count(b";") > head.count(b",") else ","
    # A byte that is no UTF-8 spoils its own row alone.
    written = content.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    rows = csv.reader(io.StringIO(written, newline=""), delimiter=delimiter)
    try:
        columns = [name.strip().lower() for name in next(rows, [])]
        _require_columns(columns)
        return list(_rows(rows, columns))
    except csv.Error as error:
        raise Invalid("The file is no CSV: {reason}.", reason=str(error)) from None


def _require_columns(columns: list[str]) -> None:
    known = {*COLUMNS, "fee_ore"}
    lacking = [name for name in _NEEDED if name not in columns and not (name == "fee" and "fee_ore" in columns)]
    wrong = [FieldError(name, "is missing among the columns") for name in lacking]
    wrong += [FieldError(name, "is no column of this file") for name in columns if name not in known]
    wrong += [FieldError(name, "stands twice among the columns") for name in {*columns} if columns.count(name) > 1]
    if {"fee", "fee_ore"} <= {*columns}:
        wrong.append(FieldError("fee_ore", "is the fee once more: keep one of the two columns"))
    if wrong:
        raise Invalid("The file does not have the columns of the template.", wrong)


def _rows(rows: Iterator[list[str]], columns: list[str]) -> Iterator[Line]:
    struct = _OreRow if "fee_ore" in columns else ClaimRow
    for values in rows:
        if not any(value.strip() for value in values):
            continue
        # A quoted field may go over several lines; the last one is told.
        yield _row(rows.line_num, struct, columns, values)  # type: ignore[attr-defined]


def _row(number: int, struct: type[ClaimRow], columns: list[str], values: list[str]) -> Line:
    named = dict(zip(columns, values, strict=False))
    reference = named.get("reference", "").strip() or None
    refusal: Refused
    if len(values) != len(columns):
        refusal = Invalid("This row has {found} fields and the head {wanted}.", found=len(values), wanted=len(columns))
        return Line(number, refusal)
    unreadable = [name for name, value in named.items() if not value.isascii() and not _is_unicode(value)]
    if unreadable:
        wrong_fields = [
            FieldError(name, N_("holds characters that are not UTF-8: save the file as CSV UTF-8"))
            for name in unreadable
        ]
        return Line(number, Invalid("Some fields are wrong.", wrong_fields))
    try:
        return Line(number, read_form(named, struct).claim, reference)
    except Invalid as wrong:
        return Line(number, Invalid("Some fields are wrong.", wrong.errors), reference)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
