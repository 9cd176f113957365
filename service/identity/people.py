"""The list of a place's people as administrators look it over: narrowed down, sorted, and as a file."""

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from service.errors import N_, Translate
from service.identity.access import Place
from service.identity.mails import ROLE_NAMES
from service.identity.members import Member
from service.identity.permissions import PERMISSIONS, allowed_to_roles

REVIEWED_EVERY: Final = timedelta(days=365)
ORIGINS: Final = {
    "command": N_("set up on the command line"),
    "invitation": N_("by invitation"),
    "claims": N_("from the sign-in provider"),
}
KINDS: Final = {"service": N_("service"), "club": N_("club")}
HERE: Final = "here"
"""The place itself, where a service or a club could be named."""

_ROLES_OF: Final = {
    "municipality": ("administrator", "case_worker", "finance_officer", "auditor", "referrer", "club_treasurer"),
    "organisation": ("administrator", "coordinator", "volunteer", "auditor"),
}
_WITHIN: Final = {"referrer": "service", "club_treasurer": "club"}
_COLUMNS: Final = (
    N_("Name"),
    N_("E-mail"),
    N_("Role"),
    N_("Place"),
    N_("How it came about"),
    N_("Since"),
    N_("Last sign-in"),
    N_("Second factor"),
    N_("Last review"),
    N_("Reviewed by"),
)
_YES, _NO = N_("yes"), N_("no")
# A spreadsheet takes what begins with one of these for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")

Order = Literal["name", "signed_in", "reviewed"]


class Wanted(msgspec.Struct, frozen=True):
    """Which of the people are wanted, and in which order: `q` is part of a name or an address."""

    q: Annotated[str | None, Meta(title=N_("Name or e-mail"), max_length=200)] = None
    role: Annotated[str, Meta(title=N_("Role"), max_length=50)] = "all"
    place: Annotated[str, Meta(title=N_("Place"), max_length=50)] = "all"
    sort: Annotated[Order, Meta(title=N_("Sort by"))] = "name"
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1


def roles_of(place: Place) -> tuple[str, ...]:
    """The roles there are in a municipality with its services and clubs, or in a volunteer organisation."""
    return _ROLES_OF[place.kind]


def what_a_role_may(role: str, place: Place) -> list[str]:
    """What the table allows a role here, in sentences; nothing where it may only sign in so far.

    A referrer's place is a service, a club treasurer's a club, wherever the list is read.
    """
    kind = _WITHIN.get(role, place.kind)
    return [PERMISSIONS[name].sentence for name in PERMISSIONS if name in allowed_to_roles((role,), kind)]


def narrow_down(members: list[Member], wanted: Wanted) -> list[Member]:
    """Those of the members that are wanted, sorted; who never signed in, or was never reviewed, comes first."""
    sought = (wanted.q or "").casefold()
    found = [
        member
        for member in members
        if (sought in member.name.casefold() or sought in member.email)
        and wanted.role in ("all", member.role)
        and wanted.place in ("all", str(member.organisation_id or HERE))
    ]
    if wanted.sort == "name":
        return found
    oldest_first: Callable[[Member], tuple[bool, datetime]] = (
        (lambda member: (member.signed_in_at is not None, member.signed_in_at or member.created_at))
        if wanted.sort == "signed_in"
        else _review
    )
    return sorted(found, key=oldest_first)


def by_review(members: list[Member]) -> list[Member]:
    """The members for the access review: never reviewed first, then the oldest review."""
    return sorted(members, key=_review)


def _review(member: Member) -> tuple[bool, datetime]:
    return (member.reviewed_at is not None, member.reviewed_at or member.created_at)


def is_overdue(member: Member, now: datetime) -> bool:
    """Whether nobody has judged the role for over a year: neither who gave it nor a review since."""
    return (member.reviewed_at or member.created_at) < now - REVIEWED_EVERY


def reviewed_in_year_of(members: list[Member], now: datetime, time_zone: str) -> int:
    """How many of the members were reviewed in this calendar year."""
    zone = ZoneInfo(time_zone)
    year = now.astimezone(zone).year
    return sum(m.reviewed_at is not None and m.reviewed_at.astimezone(zone).year == year for m in members)


def access_review_csv(members: list[Member], kinds: dict[UUID, str], place: Place, translate: Translate) -> bytes:
    """The whole list for a spreadsheet, in the reader's language; dates are those of the place.

    `kinds` are those of the services and clubs by id. The byte order mark tells spreadsheets that it is UTF-8, and the
    semicolon is what they expect where the comma stands in numbers.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(translate(column) for column in _COLUMNS)
    zone = ZoneInfo(place.time_zone)

    def day(at: datetime | None) -> date | None:
        return at and at.astimezone(zone).date()

    for member in members:
        where = place.name
        if member.organisation_id is not None:
            where = f"{member.organisation_name} ({translate(KINDS[kinds[member.organisation_id]])})"
        row = (
            member.name,
            member.email,
            translate(ROLE_NAMES[member.role]),
            where,
            translate(ORIGINS[member.origin]),
            day(member.created_at),
            day(member.signed_in_at),
            translate(_YES if member.second_factor else _NO),
            day(member.reviewed_at),
            member.reviewed_by,
        )
        writer.writerow(_as_text(str(cell or "")) for cell in row)
    return file.getvalue().encode("utf-8-sig")


def _as_text(cell: str) -> str:
    """A cell so that a spreadsheet does not take it for a formula."""
    return f"'{cell}" if cell.lstrip(" ")[:1] in _FORMULA and cell else cell
