"""Persons of the register. An identity number is always masked, a protected address is never told without a reason."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Item = Literal["identity_number", "address", "incomes"]


class PersonSearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole identity number, with or without a hyphen or a space after the date."""

    identity_number: Annotated[str, msgspec.Meta(max_length=20, examples=["6105109996"])]


class PersonAddress(msgspec.Struct, frozen=True):
    """Where somebody lives, as the register says it."""

    street: str
    postcode: str
    city: str
    district: str


class HouseholdMemberSummary(msgspec.Struct, frozen=True):
    """Somebody in a household; `relation` is `provider`, `child` or `other`."""

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    relation: str


class PersonHome(msgspec.Struct, frozen=True):
    """A household in which the person stands, with everybody in it; `household_id` as the register names it.

    `address` is null where it is `protected`: somebody's in the household is.
    """

    household_id: str
    protected: bool
    address: PersonAddress | None
    members: list[HouseholdMemberSummary]


class PersonDetermination(msgspec.Struct, frozen=True):
    """What was determined for the person, never with incomes. Where `ended_at` is set it counts no more."""

    id: UUID
    scheme: str
    period_start: date
    period_end: date
    on: date
    outcome: str
    reason: str
    ended_at: datetime | None


class PersonPass(msgspec.Struct, frozen=True):
    """A pass of the person, in øre. `state` is `live`, `replaced`, `revoked` or `expired`."""

    id: UUID
    number_ending: str
    scheme: str
    valid_from: date
    valid_to: date
    amount_ore: int
    remaining_ore: int
    state: str


class PersonLetter(msgspec.Struct, frozen=True):
    """A letter about a pass of the person; `kind` is `pass` or `ended`."""

    id: UUID
    number: str
    kind: str
    state: str
    queued_at: datetime
    returned_at: datetime | None


class PersonDetail(msgspec.Struct, frozen=True):
    """A person with what the municipality holds of them, the newest first.

    `masked_number` ends in the last two digits. `ended_at`: when the register named the person no more. Of one who was
    anonymised (`anonymised_at`) names and number are empty and of the birth date the year is left. `passes` and
    `letters` are null for a system whose token has no scope for them.
    """

    person_key: UUID
    masked_number: str
    given_name: str
    family_name: str
    birth_date: date
    language: str
    ended_at: datetime | None
    anonymised_at: datetime | None
    homes: list[PersonHome]
    determinations: list[PersonDetermination]
    passes: list[PersonPass] | None
    letters: list[PersonLetter] | None


class PersonUnmask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be shown, and why it is needed; both are kept in the audit trail.

    The reason has at least 10 characters and names nobody: the trail outlives them.
    """

    item: Item
    reason: Annotated[str, msgspec.Meta(min_length=10, max_length=500, examples=["The family has complained."])]


class PersonIncomeLine(msgspec.Struct, frozen=True):
    """An income, in øre, of the person or of a provider they live with, for a whole year on one basis."""

    person_key: UUID
    given_name: str
    year: int
    basis: str
    amount_ore: int


class UnmaskedItem(msgspec.Struct, frozen=True):
    """What was asked for; what was not is null. `addresses` has one for each household."""

    item: Item
    identity_number: str | None = None
    addresses: list[PersonAddress] | None = None
    incomes: list[PersonIncomeLine] | None = None
