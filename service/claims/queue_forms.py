"""Which claims the staff's pages show: it goes along from the queue to a case, and on to the next one."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from msgspec import Meta

from service.claims.queries import Wanted
from service.claims.words import BUDGET_LEVELS, KINDS, REASONS, SHARE_PAID_BY, STATES
from service.clubs.words import ACTIVITIES, CLUB_STATES
from service.errors import N_
from service.identity.permissions import may
from service.passes.persons_web import PASS_STATES

CLAIMS: Final = "/claims"
READ: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("claims.cases")}
DECIDE: Final[dict[str, Any]] = {"sync_to_thread": True, "include_in_schema": False, "opt": may("claims.decide")}
WORDS: Final[dict[str, Any]] = {
    "states": STATES,
    "reasons": REASONS,
    "kinds": KINDS,
    "paid_by": SHARE_PAID_BY,
    "activity_kinds": ACTIVITIES,
    "club_states": CLUB_STATES,
    "pass_states": PASS_STATES,
    "levels": BUDGET_LEVELS,
}
DONE: Final = N_("That form was sent already; it has its effect once.")
_State = Literal["submitted", "approved", "rejected", "in_payment", "paid", "returned", "withdrawn", "all"]


class QueueForm(msgspec.Struct, frozen=True):
    """Which claims are shown; `because` is a reason code."""

    state: Annotated[_State, Meta(title=N_("State"))] = "submitted"
    club: Annotated[UUID | None, Meta(title=N_("Club"))] = None
    because: Annotated[str | None, Meta(title=N_("Reason"), max_length=40)] = None
    year: Annotated[int | None, Meta(title=N_("Year of the season"), ge=1990, le=2100)] = None
    reference: Annotated[str | None, Meta(title=N_("Reference"), max_length=100)] = None
    pass_id: Annotated[UUID | None, Meta(title=N_("Pass"))] = None

    @property
    def wanted(self) -> Wanted:
        """The same as the list takes it."""
        state = None if self.state == "all" else self.state
        return Wanted(state, self.reference, self.club, self.pass_id, reason=self.because, year=self.year)

    @property
    def asked(self) -> dict[str, str]:
        """What is asked, as it stands in an address and in the hidden fields of a form."""
        values = msgspec.structs.asdict(self)
        return {name: str(value) for name, value in values.items() if value is not None and value != "submitted"}

    def at(self, path: str = CLAIMS, **more: str) -> str:
        """An address with what is asked."""
        query = urlencode(self.asked | more)
        return f"{path}?{query}" if query else path
