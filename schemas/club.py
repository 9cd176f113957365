"""Clubs, their applications, what they offer and where their money goes. Amounts are øre, instants UTC."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

ActivityKind = Literal[
    "athletics",
    "badminton",
    "basketball",
    "boxing",
    "chess",
    "climbing",
    "cycling",
    "dance",
    "e_sport",
    "fitness",
    "football",
    "golf",
    "gymnastics",
    "handball",
    "ice_hockey",
    "martial_arts",
    "music",
    "riding",
    "rowing",
    "sailing",
    "scouts",
    "shooting",
    "skating",
    "skiing",
    "swimming",
    "table_tennis",
    "tennis",
    "theatre",
    "volleyball",
    "other",
]
PayeeKind = Literal["account", "nemkonto", "cost_centre"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Number = Annotated[str, msgspec.Meta(max_length=20)]
Contact = Annotated[str, msgspec.Meta(max_length=100)]
Email = Annotated[str, msgspec.Meta(max_length=254)]
Phone = Annotated[str, msgspec.Meta(max_length=30)]
Account = Annotated[str, msgspec.Meta(max_length=50)]
Members = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Age = Annotated[int, msgspec.Meta(ge=0, le=120)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ClubSummary(msgspec.Struct, frozen=True):
    """A club: `state` is `approved`, `suspended` or `ended`; `account_waiting`: an account waits for approval."""

    id: UUID
    number: str
    name: str
    state: str
    members: int | None
    activities: int
    account_waiting: bool
    without_payee: bool
    approved_at: datetime
    changed_at: datetime
    ended_at: datetime | None


class ClubActivity(msgspec.Struct, frozen=True):
    """Something a club offers children from `min_age` to `max_age`, both included, in a season, for the full fee."""

    id: UUID
    name: str
    kind: str
    min_age: int
    max_age: int
    season_start: date
    season_end: date
    fee_ore: int


class NewClubActivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a club offers from now on."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    kind: ActivityKind
    min_age: Age
    max_age: Age
    season_start: date
    season_end: date
    fee_ore: Annotated[int, msgspec.Meta(ge=0, le=10_000_000_00)]


class ClubPayee(msgspec.Struct, frozen=True):
    """Where a club's money goes, or should or did: `account` is an IBAN, and masked for those who need not know it.

    `state` is `proposed`, `approved`, `rejected`, `replaced` (by the next one), `stopped` (before its day came) or
    `withdrawn`. Money goes there from `usable_from` on, until the next one's day comes.
    """

    id: UUID
    kind: str
    account: str | None
    cost_centre: str | None
    state: str
    proposed_at: datetime
    decided_at: datetime | None
    decided_because: str | None
    usable_from: date | None
    ended_at: datetime | None
    paid_today: bool


class NewClubPayee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a club's money shall go: an account (an IBAN, or as it is written in the country) or NemKonto.

    A cost centre is the municipality's own to give.
    """

    kind: PayeeKind
    account: Account | None = None
    cost_centre: Annotated[str, msgspec.Meta(max_length=50)] | None = None


class ClubDetail(ClubSummary, frozen=True):
    """A club with its contact, what it offers, and its payees of all times, the newest first.

    `agreement_current`: whether it accepted the agreement as it is now.
    """

    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    suspended_because: str | None
    agreement_version: int | None
    agreement_accepted_at: datetime | None
    agreement_current: bool
    offers: list[ClubActivity]
    payees: list[ClubPayee]


class NewClub(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A club to be approved at once; its account waits for somebody else's approval."""

    number: Number
    name: Name
    contact_name: Contact | None = None
    contact_email: Email | None = None
    contact_phone: Phone | None = None
    members: Members | None = None
    payee: NewClubPayee | None = None


class ClubChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a club tells of itself; what is not named stays, and null takes it off."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    contact_name: Contact | msgspec.UnsetType | None = msgspec.UNSET
    contact_email: Email | msgspec.UnsetType | None = msgspec.UNSET
    contact_phone: Phone | msgspec.UnsetType | None = msgspec.UNSET
    members: Members | msgspec.UnsetType | None = msgspec.UNSET


class ClubReason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; the club is told."""

    reason: Reason


class AcceptedAgreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The version of the agreement that was read."""

    version: int


class ClubAgreement(msgspec.Struct, frozen=True):
    """What clubs agree to now; `made_at` is empty while the municipality has no words of its own."""

    version: int
    text: str
    made_at: datetime | None


class RegisterSaying(msgspec.Struct, frozen=True):
    """What a public register says of a number. `outcome` is `found`, `unknown`, `deleted`, `failed` or `not_asked`."""

    register: str
    outcome: str
    name: str | None
    form: str | None
    municipality: str | None
    ended_on: str | None
    bankrupt: bool
    winding_up: bool
    account: str | None
    status: str | None
    categories: list[str]
    looked_up_at: datetime | None


class ClubApplicationSummary(msgspec.Struct, frozen=True):
    """An application of a club: `state` is `waiting`, `approved` or `rejected`."""

    id: UUID
    number: str
    name: str
    state: str
    applied_at: datetime
    decided_at: datetime | None
    club_id: UUID | None


class ClubApplicationDetail(ClubApplicationSummary, frozen=True):
    """An application, and beside it what the registers say of its number.

    `same_name` and `same_account` compare both, and are null where there is nothing to compare. `stands_already`: the
    municipality has a club with this number.
    """

    contact_name: str | None
    contact_email: str | None
    contact_phone: str | None
    members: int | None
    kinds: list[str]
    payee_kind: str
    account: str | None
    agreement_version: int | None
    decided_because: str | None
    registers: list[RegisterSaying]
    same_name: bool | None
    same_account: bool | None
    stands_already: bool


class NewClubApplication(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A club that applies to a municipality, by the municipality's code. `agreement` is the version that was read."""

    municipality: Annotated[str, msgspec.Meta(max_length=20)]
    number: Number
    name: Name
    contact_name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    contact_email: Email
    kinds: Annotated[list[ActivityKind], msgspec.Meta(min_length=1, max_length=30)]
    payee: NewClubPayee
    agreement: int
    contact_phone: Phone | None = None
    members: Members | None = None


class ClubApplicationReceived(msgspec.Struct, frozen=True):
    """That an application has come in; the same answer whether there is such a club or not."""

    received: bool


class ClubSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the municipality deals with clubs.

    `account_wait_days`: how long a new account waits after its approval; `cache_days`: how long a register's answer
    counts.
    """

    applications_open: bool
    account_wait_days: Annotated[int, msgspec.Meta(ge=0, le=90)]
    cache_days: Annotated[int, msgspec.Meta(ge=1, le=365)]


class NewClubAgreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Other words of the agreement; every club is asked to accept them."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=20_000)]


class NewTreasurer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody to be invited as a treasurer of the club."""

    email: Email
    name: Annotated[str, msgspec.Meta(max_length=100)]
