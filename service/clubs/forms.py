"""What the forms about clubs ask for."""

from datetime import date
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.club import ActivityKind
from service.clubs.actions import ClubData, NewActivity
from service.clubs.applications import Applied
from service.clubs.payees import NewPayee
from service.errors import N_
from service.identity.form_keys import FormKey
from service.web.forms import Kroner

_EMAIL: Final = Meta(title=N_("The contact's e-mail"), max_length=254)
_PHONE: Final = Meta(title=N_("The contact's telephone"), max_length=30)
_MEMBERS: Final = Meta(title=N_("Members in all"), ge=0, le=10_000_000)
_ACCOUNT: Final = Meta(title=N_("Account number"), max_length=50)


class DataForm(msgspec.Struct, frozen=True):
    """What a club tells of itself."""

    name: Annotated[str, Meta(title=N_("The club's name"), max_length=200)]
    contact_name: Annotated[str, Meta(title=N_("Contact"), max_length=100)]
    contact_email: Annotated[str, _EMAIL]
    contact_phone: Annotated[str | None, _PHONE] = None
    members: Annotated[int | None, _MEMBERS] = None

    @property
    def data(self) -> ClubData:
        """The same as the actions take it."""
        return ClubData(self.name, self.contact_name, self.contact_email, self.contact_phone, self.members)


class NewClubForm(msgspec.Struct, frozen=True):
    """A club that staff add: it may be known by its number, name and account alone."""

    key: FormKey
    number: Annotated[str, Meta(title=N_("Organisation number"), max_length=20)]
    name: Annotated[str, Meta(title=N_("The club's name"), max_length=200)]
    contact_name: Annotated[str | None, Meta(title=N_("Contact"), max_length=100)] = None
    contact_email: Annotated[str | None, _EMAIL] = None
    contact_phone: Annotated[str | None, _PHONE] = None
    members: Annotated[int | None, _MEMBERS] = None
    kind: Annotated[Literal["none", "account", "nemkonto", "cost_centre"], Meta(title=N_("Where the money goes"))] = (
        "none"
    )
    account: Annotated[str | None, _ACCOUNT] = None
    cost_centre: Annotated[str | None, Meta(title=N_("Cost centre"), max_length=50)] = None

    @property
    def data(self) -> ClubData:
        """The same as the actions take it."""
        return ClubData(self.name, self.contact_name, self.contact_email, self.contact_phone, self.members)

    @property
    def payee(self) -> NewPayee | None:
        """Where its money shall go, if that is said."""
        return None if self.kind == "none" else NewPayee(self.kind, self.account, self.cost_centre)


class PayeeForm(msgspec.Struct, frozen=True):
    """Where a club's money shall go."""

    key: FormKey
    kind: Annotated[Literal["account", "nemkonto", "cost_centre"], Meta(title=N_("Where the money goes"))]
    account: Annotated[str | None, _ACCOUNT] = None
    cost_centre: Annotated[str | None, Meta(title=N_("Cost centre"), max_length=50)] = None

    @property
    def payee(self) -> NewPayee:
        """The same as the actions take it."""
        return NewPayee(self.kind, self.account, self.cost_centre)


class ReasonForm(msgspec.Struct, frozen=True):
    """Why; the club is told."""

    reason: Annotated[str, Meta(title=N_("Reason"), max_length=500)]


class ActivityForm(msgspec.Struct, frozen=True):
    """Something that a club offers."""

    key: FormKey
    name: Annotated[str, Meta(title=N_("Name of the activity"), max_length=100)]
    kind: Annotated[ActivityKind, Meta(title=N_("Kind"))]
    min_age: Annotated[int, Meta(title=N_("From age"), ge=0, le=120)]
    max_age: Annotated[int, Meta(title=N_("To age, included"), ge=0, le=120)]
    season_start: Annotated[date, Meta(title=N_("First day of the season"))]
    season_end: Annotated[date, Meta(title=N_("Last day of the season"))]
    fee_ore: Annotated[Kroner, Meta(title=N_("Full fee for the season"), ge=0, le=10_000_000_00)]

    @property
    def activity(self) -> NewActivity:
        """The same as the actions take it."""
        return NewActivity(
            self.name,
            self.kind,
            self.min_age,
            self.max_age,
            self.season_start,
            self.season_end,
            self.fee_ore,
        )


class ApplicationForm(msgspec.Struct, frozen=True):
    """A club that applies. `agreement` is the version that stands on the page, where its box is ticked."""

    key: FormKey
    number: Annotated[str, Meta(title=N_("Organisation number"), max_length=20)]
    name: Annotated[str, Meta(title=N_("The club's name"), max_length=200)]
    contact_name: Annotated[str, Meta(title=N_("Contact"), max_length=100)]
    contact_email: Annotated[str, _EMAIL]
    kinds: Annotated[list[ActivityKind], Meta(title=N_("What the club offers"))]
    payee: Annotated[Literal["account", "nemkonto"], Meta(title=N_("Where the money goes"))]
    contact_phone: Annotated[str | None, _PHONE] = None
    members: Annotated[int | None, _MEMBERS] = None
    account: Annotated[str | None, _ACCOUNT] = None
    agreement: Annotated[int | None, Meta(title=N_("Agreement"))] = None

    def applied(self, language: str) -> Applied:
        """The same as the actions take it."""
        data = ClubData(self.name, self.contact_name, self.contact_email, self.contact_phone, self.members)
        payee = NewPayee(self.payee, self.account)
        return Applied(self.number, data, list(self.kinds), payee, self.agreement, language)


class SettingsForm(msgspec.Struct, frozen=True):
    """How the municipality deals with clubs."""

    account_wait_days: Annotated[int, Meta(title=N_("Days that a new account waits"), ge=0, le=90)]
    cache_days: Annotated[int, Meta(title=N_("Days that a register's answer counts"), ge=1, le=365)]
    agreement: Annotated[str, Meta(title=N_("What clubs agree to"), max_length=20_000)]
    applications_open: Annotated[bool, Meta(title=N_("Clubs may apply on the public page"))] = False


class TreasurerForm(msgspec.Struct, frozen=True):
    """Somebody to be invited as treasurer."""

    key: FormKey
    email: Annotated[str, Meta(title=N_("E-mail"), max_length=254)]
    name: Annotated[str, Meta(title=N_("Name"), max_length=100)]
