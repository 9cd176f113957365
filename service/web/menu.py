"""What the menu of every page leads to, for those who may go there."""

from typing import Final
from uuid import UUID

import msgspec

from service.errors import N_
from service.identity.access import Principal

START: Final = "/"
SIGN_IN: Final = "/sign-in"
SECOND_FACTOR: Final = "/sign-in/second-factor"
SIGN_OUT: Final = "/sign-out"
PROFILE: Final = "/profile"
PLACES: Final = "/places"
LANGUAGE: Final = "/language"


class Entry(msgspec.Struct, frozen=True):
    """A page of the menu: its label in English, and the permission without which it is not shown, if any."""

    path: str
    label: str
    permission: str | None


MENU: tuple[Entry, ...] = (
    Entry(START, N_("Today"), None),
    Entry("/persons", N_("Persons"), "determinations.read"),
    Entry("/eligibility", N_("Eligibility"), "eligibility.read"),
    Entry("/review", N_("Review queue"), "review.decide"),
    Entry("/on-the-spot", N_("Issue on the spot"), "passes.issue_on_the_spot"),
    Entry("/passes", N_("Passes"), "passes.read"),
    Entry("/letters", N_("Letters"), "letters.read"),
    Entry("/claims", N_("Claims"), "claims.cases"),
    Entry("/budget", N_("Budget"), "budget.read"),
    Entry("/clubs", N_("Clubs"), "clubs.read"),
    Entry("/club/claims", N_("Claims"), "claims.make"),
    Entry("/club/payments", N_("Payments to the club"), "payments.own"),
    Entry("/club", N_("Your club"), "club.own"),
    Entry("/register", N_("Register"), "register.read"),
    Entry("/schemes", N_("Schemes"), "schemes.read"),
    Entry("/payments", N_("Payments"), "payments.read"),
    Entry("/referrals", N_("Referrals"), "referrals.refer"),
    Entry("/referral-cases", N_("Free holidays"), "referrals.read"),
    Entry("/seasons", N_("Seasons"), "stays.read"),
    Entry("/received-lists", N_("Lists of families"), "lists.receive"),
    Entry("/holidays-report", N_("Report of holidays"), "holidays.report"),
    Entry("/reports", N_("Reports"), "reports.read"),
    Entry("/jobs", N_("Jobs"), "jobs.read"),
    Entry("/people", N_("Users"), "people.read"),
    Entry("/organisations", N_("Services"), "organisations.read"),
    Entry("/tokens", N_("Tokens"), "tokens.read"),
    Entry("/trail", N_("Audit trail"), "trail.read"),
)
"""In the order shown. Who adds a page adds its line: `Entry("/register", N_("Register"), "register.read")`."""


def menu_of(principal: Principal | None) -> list[Entry]:
    """The entries that somebody may see; none where nobody is signed in."""
    if principal is None or principal.owes_second_factor:
        return []
    return [entry for entry in MENU if entry.permission is None or principal.may(entry.permission)]


def where_in(entries: list[Entry], path: str) -> str | None:
    """The entry in whose part of the program a page lies: of several the one that names it closest."""
    around = [entry.path for entry in entries if path == entry.path or path.startswith(f"{entry.path}/")]
    return max(around, key=len, default=None)


def run_path(run_id: UUID) -> str:
    """The page of a run: its progress while it is under way, then what came of it with the way on.

    For whoever ordered it, and for those who may see the jobs.
    """
    return f"/jobs/runs/{run_id}"
