"""The forms of a club's claims: one child, several children, a file, and what the list shows."""

from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Literal, cast, get_args
from uuid import UUID

import msgspec
from litestar.datastructures import UploadFile
from msgspec import Meta

from service.claims.actions import HIGHEST_FEE_ORE, NewClaim
from service.errors import N_, FieldError, Invalid
from service.identity.form_keys import FormKey
from service.web.forms import Kroner

PassNumber = Annotated[str, Meta(title=N_("Pass number"), max_length=40)]
GivenName = Annotated[str, Meta(title=N_("Child's given name"), max_length=100)]
Fee = Annotated[Kroner, Meta(title=N_("Full fee"), gt=0, le=HIGHEST_FEE_ORE)]
Activity = Annotated[str, Meta(title=N_("Activity"), max_length=100)]
FirstDay = Annotated[date, Meta(title=N_("First day of the season"))]
LastDay = Annotated[date, Meta(title=N_("Last day of the season"))]
Kind = Annotated[Literal["membership", "equipment"], Meta(title=N_("What the fee is for"))]
Sessions = Annotated[int | None, Meta(title=N_("Number of sessions"), ge=0, le=1000)]
Reference = Annotated[str | None, Meta(title=N_("Your reference"), max_length=100)]
PaidBy = Annotated[Literal["family", "club", "fund"], Meta(title=N_("Who pays the family's share"))]
_Hidden = Annotated[UUID | None, Meta(title=N_("Reservation"))]


class ShareForm(msgspec.Struct, frozen=True):
    """What the shares are reckoned from."""

    pass_number: PassNumber
    given_name: GivenName
    fee: Fee
    kind: Kind = "membership"
    season_start: Annotated[date | None, Meta(title=N_("First day of the season"))] = None


class ReserveForm(msgspec.Struct, frozen=True):
    """What a reservation needs."""

    key: FormKey
    pass_number: PassNumber
    given_name: GivenName
    fee: Fee
    activity: Activity


class ClaimForm(msgspec.Struct, frozen=True):
    """A claim for one child."""

    key: FormKey
    pass_number: PassNumber
    given_name: GivenName
    fee: Fee
    activity: Activity
    season_start: FirstDay
    season_end: LastDay
    kind: Kind = "membership"
    sessions: Sessions = None
    reference: Reference = None
    family_share_paid_by: PaidBy = "family"
    reservation: _Hidden = None

    @property
    def claim(self) -> NewClaim:
        """The same as it is claimed."""
        values = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("key", "fee")}
        return NewClaim(fee_ore=self.fee, **values)


class SeveralForm(msgspec.Struct, frozen=True):
    """What the claims for several children have in common; `rows` are as many as the page shows."""

    key: FormKey
    rows: Annotated[int, Meta(title=N_("Rows"), ge=1, le=30)]
    activity: Activity
    season_start: FirstDay
    season_end: LastDay
    kind: Kind = "membership"
    sessions: Sessions = None
    family_share_paid_by: PaidBy = "family"


def _or_empty(field: Any) -> Any:
    kind, *facts = get_args(field)
    return Annotated[kind | None, *facts]


ROWS: Final = 3
"""How many rows the form begins with."""
MOST_ROWS: Final = 30
_IN_A_ROW: Final[dict[str, Any]] = {
    "pass_number": _or_empty(PassNumber),
    "given_name": _or_empty(GivenName),
    "fee": _or_empty(Fee),
    "reference": Reference,
}
_COMMON: Final = tuple(name for name in SeveralForm.__struct_fields__ if name not in ("key", "rows"))
_NEEDED: Final = ("pass_number", "given_name", "fee")


@cache
def several_form(rows: int) -> type[SeveralForm]:
    """The form with so many rows: fields `pass_number_1` and so on, a row of which may stay empty."""
    fields = [(f"{name}_{row}", kind, None) for row in range(1, rows + 1) for name, kind in _IN_A_ROW.items()]
    made: Any = msgspec.defstruct("Several", fields, bases=(SeveralForm,), frozen=True)
    return cast("type[SeveralForm]", made)


def claims_of(form: SeveralForm) -> dict[int, NewClaim]:
    """The claim of each row in which something stands. Refuses rows that are begun only, and a form without any."""
    claims, wrong = {}, []
    for row in range(1, form.rows + 1):
        said = {name: getattr(form, f"{name}_{row}") for name in _IN_A_ROW}
        if not any(value is not None for value in said.values()):
            continue
        lacking = [name for name in _NEEDED if said[name] is None]
        wrong += [FieldError(f"{name}_{row}", N_("Fill this in.")) for name in lacking]
        if not lacking:
            common = {name: getattr(form, name) for name in _COMMON}
            claims[row] = NewClaim(fee_ore=said.pop("fee"), **said, **common)
    if not claims and not wrong:
        wrong = [FieldError("pass_number_1", N_("Fill this in."))]
    if wrong:
        raise Invalid("Some fields are wrong. Put them right and send the form again.", wrong)
    return claims


class FileForm(msgspec.Struct, frozen=True):
    """A file of claims."""

    key: FormKey
    file: Annotated[UploadFile, Meta(title=N_("CSV file"))]


class ListForm(msgspec.Struct, frozen=True):
    """Which claims are shown."""

    state: Annotated[
        Literal["submitted", "approved", "rejected", "in_payment", "paid", "returned", "withdrawn"] | None,
        Meta(title=N_("State")),
    ] = None
    reference: Annotated[str | None, Meta(title=N_("Your reference"), max_length=100)] = None
    since: Annotated[date | None, Meta(title=N_("Claimed from"))] = None
    until: Annotated[date | None, Meta(title=N_("Claimed until"))] = None
