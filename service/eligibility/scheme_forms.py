"""The form of a scheme's parameters: amounts in kroner, everything else as people choose it."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from service.eligibility.parameters import Parameters, as_written
from service.eligibility.words import PARAMETERS
from service.errors import N_
from service.identity.form_keys import FormKey
from service.web.forms import Kroner

Basis = Literal["annual", "final", "advance", "month_x12"]
PeriodKind = Literal[
    "calendar_year",
    "school_year",
    "half_year",
    "months_1",
    "months_2",
    "months_3",
    "months_4",
    "months_6",
    "months_12",
]
_MOST_ORE = 10**15


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters by which children are judged, and what a pass is worth."""

    limit: Annotated[Kroner, Meta(title=PARAMETERS["limit_ore"], ge=0, lt=_MOST_ORE)]
    single_addition: Annotated[Kroner, Meta(title=PARAMETERS["single_addition_ore"], ge=0, lt=_MOST_ORE)] = 0
    child_addition: Annotated[Kroner, Meta(title=PARAMETERS["child_addition_ore"], ge=0, lt=_MOST_ORE)] = 0
    inclusive: Annotated[bool, Meta(title=PARAMETERS["inclusive"])] = False
    min_age: Annotated[int, Meta(title=PARAMETERS["min_age"], ge=0, le=17)]
    max_age: Annotated[int, Meta(title=PARAMETERS["max_age"], ge=0, le=18)]
    min_percent: Annotated[int, Meta(title=PARAMETERS["min_percent"], ge=0, le=100)]
    areas: Annotated[str | None, Meta(title=PARAMETERS["areas"], max_length=4000)] = None
    amount: Annotated[Kroner, Meta(title=PARAMETERS["amount_ore"], ge=0, lt=_MOST_ORE)]
    equipment: Annotated[Kroner, Meta(title=PARAMETERS["equipment_ore"], ge=0, lt=_MOST_ORE)] = 0

    def changes(self) -> dict[str, str]:
        """The same as `scheme set` takes it."""
        return as_written(self._values())

    def _values(self) -> dict[str, Any]:
        ore = ("limit", "single_addition", "child_addition", "amount", "equipment")
        values: dict[str, Any] = {f"{name}_ore": getattr(self, name) for name in ore}
        values |= {name: getattr(self, name) for name in ("inclusive", "min_age", "max_age", "min_percent")}
        return values | {"areas": [line.strip() for line in (self.areas or "").splitlines() if line.strip()]}


class VersionForm(Judged, frozen=True, kw_only=True):
    """A version of a scheme's parameters, from when it counts and where it is from."""

    scheme: Annotated[str, Meta(title=N_("Scheme"), max_length=40)]
    valid_from: Annotated[date, Meta(title=N_("First day"))]
    valid_to: Annotated[date | None, Meta(title=N_("Last day"))] = None
    source: Annotated[str, Meta(title=N_("Where the figures are from"), max_length=500)]
    basis_1: Annotated[Basis, Meta(title=N_("The income that counts"))] = "annual"
    basis_2: Annotated[Basis | None, Meta(title=N_("If there is none, then"))] = None
    basis_3: Annotated[Basis | None, Meta(title=N_("And if there is none of that"))] = None
    basis_4: Annotated[Basis | None, Meta(title=N_("And last"))] = None
    period: Annotated[PeriodKind, Meta(title=PARAMETERS["period"])] = "calendar_year"
    one_club: Annotated[bool, Meta(title=PARAMETERS["one_club"])] = False
    keep_when_lost: Annotated[bool, Meta(title=PARAMETERS["keep_when_lost"])] = False
    gate_percent: Annotated[int, Meta(title=PARAMETERS["gate_percent"], ge=1, le=100)]

    def _values(self) -> dict[str, Any]:
        bases = [basis for basis in (self.basis_1, self.basis_2, self.basis_3, self.basis_4) if basis]
        rest = {name: getattr(self, name) for name in ("period", "one_club", "keep_when_lost", "gate_percent")}
        return Judged._values(self) | rest | {"bases": list(dict.fromkeys(bases))}


class SavedForm(VersionForm, frozen=True, kw_only=True):
    """A version that was looked at once more; its key makes a double click one."""

    key: FormKey


def judged(parameters: Parameters) -> dict[str, Any]:
    """What stands in the fields of `Judged` for known parameters."""
    known = msgspec.structs.asdict(parameters)
    values = {name.removesuffix("_ore"): value for name, value in known.items()}
    return values | {"areas": "\n".join(parameters.areas)}


def version(parameters: Parameters) -> dict[str, Any]:
    """What stands in the fields of `VersionForm` for known parameters."""
    bases = {f"basis_{number}": basis for number, basis in enumerate(parameters.bases, start=1)}
    return judged(parameters) | bases
