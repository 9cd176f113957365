"""Households: found by what somebody writes, read with their timeline, noted on, and followed by somebody.

An identity number is always masked, a protected address never told without a reason.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from schemas.page import Page
from schemas.person import PersonAddress, PersonIncomeLine

TimelineKind = Literal["determination", "pass", "letter", "note"]


class FamilySearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is searched for: words of a name in any order, of which the beginnings are enough, or exactly a household
    as the register names it, a pass number or an identity number.

    `after` is the `next` of the page before.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=200, examples=["soren niel"])]
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    after: str | None = None


class FamilyMember(msgspec.Struct, frozen=True):
    """Somebody of a household; `relation` is `provider`, `child` or `other`."""

    person_key: UUID
    given_name: str
    family_name: str
    relation: str


class FamilyHome(msgspec.Struct, frozen=True):
    """A household in which the person stands, with everybody in it; `household_id` as the register names it."""

    household: UUID
    household_id: str
    members: list[FamilyMember]


class FamilyHit(msgspec.Struct, frozen=True):
    """Somebody who was found. `district` is null where an address of theirs is `protected`, or none is known.

    `has_pass`: a pass in force today; null for a system whose token has no scope for passes.
    """

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    protected: bool
    district: str | None
    has_pass: bool | None
    homes: list[FamilyHome]


class FamilyHits(msgspec.Struct, frozen=True):
    """A page of those who were found, and how the text was understood: `by` is `name`, `household`, `pass_number` or
    `identity_number`. `household` is the one that an exact search leads to, else null.
    """

    by: str
    household: UUID | None
    items: list[FamilyHit]
    next: str | None


class HouseholdResident(msgspec.Struct, frozen=True):
    """Somebody of the household. `age` in whole years, null of one who was anonymised, whose names and number are empty
    as well. `masked_number` ends in the last two digits.
    """

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    age: int | None
    relation: str
    masked_number: str
    has_pass: bool | None
    anonymised_at: datetime | None


class HouseholdContactDetail(msgspec.Struct, frozen=True):
    """Who in the municipality follows the household; `until` is the last day, if there is one."""

    name: str
    phone: str
    email: str
    until: date | None
    set_at: datetime


class TimelineEvent(msgspec.Struct, frozen=True):
    """Something that happened; `id` is that of the determination, pass, letter or note.

    `what` is `determined`; `issued`, `replaced` or `revoked`; `queued`, `sent` or `returned`; `noted` or `corrected`.
    `about` is the scheme, or of a letter its kind. `says` is why, or what a note says; `corrects` the note that is
    corrected. `ended_at`: when a determination ceased to count.
    """

    at: datetime
    id: UUID
    kind: TimelineKind
    what: str
    about: str | None
    person_key: UUID | None
    given_name: str | None
    outcome: str | None
    reason: str | None
    period_start: date | None
    ended_at: datetime | None
    number: str | None
    says: str | None
    corrects: UUID | None


class HouseholdDetail(msgspec.Struct, frozen=True):
    """A household with its timeline, the newest first.

    `addresses` are empty where one is `protected`: of anybody in it, or of another home of theirs. `residents` of a
    household that has `ended_at` are those who lived there last. A system sees passes and letters as far as its token's
    scopes go, and neither notes nor the contact.
    """

    id: UUID
    household_id: str
    uncertain: bool
    ended_at: datetime | None
    anonymised_at: datetime | None
    protected: bool
    addresses: list[PersonAddress]
    residents: list[HouseholdResident]
    contact: HouseholdContactDetail | None
    timeline: Page[TimelineEvent]


class NewHouseholdNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note, which stands for good; `corrects` an earlier note of the household, which stands as well."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4000, pattern=r"\S", examples=["Mother called."])]
    corrects: UUID | None = None


class HouseholdNoteMade(msgspec.Struct, frozen=True):
    """The note that was made."""

    id: UUID


class NewHouseholdContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who follows the household, and at least one way to reach them; `until` is the last day, if there is one."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S", examples=["Anna"])]
    phone: Annotated[str, msgspec.Meta(max_length=40, examples=["89 40 20 00"])] = ""
    email: Annotated[str, msgspec.Meta(max_length=254, examples=["anna@by.example"])] = ""
    until: date | None = None


class HouseholdUnmask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be shown, and why it is needed; both are kept in the audit trail.

    The reason has at least 10 characters and names nobody: the trail outlives them.
    """

    item: Literal["address", "figures"]
    reason: Annotated[str, msgspec.Meta(min_length=10, max_length=500, examples=["The family has complained."])]


class DeterminedFigures(msgspec.Struct, frozen=True):
    """The income of the household and its limit in a determination, in øre; null where none was known or is left."""

    given_name: str
    scheme: str
    period_start: date
    outcome: str
    income_ore: int | None
    limit_ore: int | None
    ended_at: datetime | None


class UnmaskedHousehold(msgspec.Struct, frozen=True):
    """What was asked for; what was not is null. `incomes` are those of the providers in the register."""

    item: Literal["address", "figures"]
    addresses: list[PersonAddress] | None = None
    figures: list[DeterminedFigures] | None = None
    incomes: list[PersonIncomeLine] | None = None
