"""Who may do what: the one table that guards, menus, tokens, the consistency test and the documentation are made from.

A route or command that names none of these permissions, and is neither for everybody nor for everybody signed in, is
refused: see `access.guard` and `tests/test_consistency.py`.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from service.errors import N_
from service.identity.models import ROLES

_ADMIN: Final = ("administrator",)
_CASES: Final = ("administrator", "case_worker")
_MUNICIPAL: Final = (*_CASES, "finance_officer")
_FINANCE: Final = ("administrator", "finance_officer")
_TREASURER: Final = ("club_treasurer",)
_CLAIMS: Final = (*_MUNICIPAL, *_TREASURER)
_TOKENS: Final = ("administrator", "club_treasurer")
_TENANTS: Final = ("municipality", "organisation")
_SYSTEMS: Final = ("municipality", "club")
_HOLIDAYS: Final = ("coordinator", "volunteer")


class Permission(msgspec.Struct, frozen=True):
    """Something that may be done: in words, by which roles, and under which scope by a token (none: never).

    `places` are the kinds of place in which there is such a thing at all, for people and for systems: `municipality`,
    `service`, `club`, `organisation`.
    """

    name: str
    sentence: str
    roles: tuple[str, ...]
    scope: str | None = None
    places: tuple[str, ...] = ("municipality",)


_TABLE: Final = (
    Permission("register.read", N_("See the register's extracts and their rejected rows"), _CASES, "register"),
    Permission("register.import", N_("Import an extract"), _CASES, "register"),
    Permission("register.confirm", N_("Confirm an import that a gate holds"), _CASES),
    Permission("schemes.read", N_("See the schemes and their parameters"), (*_MUNICIPAL, "auditor"), "schemes"),
    Permission("schemes.change", N_("Set a scheme's parameters"), _ADMIN),
    Permission("eligibility.read", N_("See refreshes and their account"), _CASES, "eligibility"),
    Permission("eligibility.refresh", N_("Run a refresh, dry or to be kept"), _CASES, "eligibility"),
    Permission("eligibility.approve", N_("Approve a refresh that a gate holds"), _CASES),
    Permission("determinations.read", N_("See what was determined for a child"), _CASES, "eligibility"),
    Permission(
        "persons.unmask", N_("See identity numbers, protected addresses and incomes, with a reason"), ("case_worker",)
    ),
    Permission("households.change", N_("Write notes on a household and name who follows it"), ("case_worker",)),
    Permission(
        "review.decide",
        N_("Decide about children whom the rule leaves to a person, and invite families"),
        ("case_worker",),
    ),
    Permission("passes.issue_on_the_spot", N_("Issue a pass on the spot"), ("case_worker",)),
    Permission("passes.read", N_("See passes and their ledgers"), _CASES, "passes"),
    Permission("passes.change", N_("Replace and revoke passes"), _CASES, "passes"),
    Permission("letters.read", N_("See letters and print batches"), _CASES, "letters"),
    Permission("letters.send", N_("Make, render and hand over print batches; note returned mail"), _CASES, "letters"),
    Permission("claims.make", N_("Check passes, reserve and claim for a club"), _TREASURER, "claims", ("club",)),
    Permission("claims.read", N_("See claims: a club its own, the municipality all"), _CLAIMS, "claims", _SYSTEMS),
    Permission("claims.cases", N_("See the queue of claims and what is known of each"), _MUNICIPAL),
    Permission("claims.decide", N_("Approve and reject clubs' claims"), _CASES),
    Permission("claims.terms", N_("Set the terms for claims, payment dates and how claims are paid"), _ADMIN),
    Permission("budget.read", N_("See the budgets of the years"), (*_MUNICIPAL, "auditor"), "budget"),
    Permission("budget.change", N_("Set a year's budget and lift its stop"), ("administrator", "finance_officer")),
    Permission(
        "payments.read",
        N_("See payment runs, payments and what the bank says of them"),
        ("administrator", "finance_officer", "auditor"),
        "payments",
    ),
    Permission(
        "payments.own",
        N_("See the club's own payments, and answer what it is asked about claims"),
        ("club_treasurer",),
        "claims",
        places=("club",),
    ),
    Permission("payments.create", N_("Make, renew and cancel payment runs"), _FINANCE),
    Permission("payments.approve", N_("Approve payment runs of somebody else"), _FINANCE),
    Permission("payments.release", N_("Release payment runs that two others made and approved"), _FINANCE),
    Permission("payments.status", N_("Read the bank's files, and note what became of a payment"), _FINANCE),
    Permission("payments.correct", N_("Take back what a club was paid too much, and check by sample"), _FINANCE),
    Permission("payments.settings", N_("Set from which account the municipality pays"), _ADMIN),
    Permission("jobs.read", N_("See the timetable and the jobs' runs"), _MUNICIPAL, "jobs"),
    Permission("jobs.change", N_("Run, pause and move jobs"), _ADMIN, "jobs"),
    Permission("reports.read", N_("See and make reports"), (*_MUNICIPAL, "auditor"), "reports"),
    Permission("reports.change", N_("Set under which count reports hide a figure"), _ADMIN),
    Permission("retention.change", N_("Erase what is over its retention period, and set those periods"), _ADMIN),
    Permission(
        "referrals.refer",
        N_("Refer families to free holidays, for one's own service"),
        ("referrer",),
        places=("service",),
    ),
    Permission(
        "referrals.read", N_("See the families that services have referred, and the lists"), _CASES, "referrals"
    ),
    Permission(
        "referrals.decide",
        N_("Rank and approve referred families, and hand the list over"),
        ("case_worker",),
    ),
    Permission("stays.read", N_("See seasons, stays and who volunteers"), _HOLIDAYS, places=("organisation",)),
    Permission(
        "stays.change",
        N_("Plan seasons, stays, centres and volunteers, and publish them"),
        ("coordinator",),
        places=("organisation",),
    ),
    Permission(
        "lists.receive",
        N_("See and confirm the lists of families that municipalities hand over"),
        ("coordinator",),
        places=("organisation",),
    ),
    Permission(
        "offers.make",
        N_("Offer places to families, note their answers, and run the waiting list"),
        _HOLIDAYS,
        places=("organisation",),
    ),
    Permission(
        "account.close",
        N_("See and close the account of a season, and set how long its names are kept"),
        ("coordinator",),
        places=("organisation",),
    ),
    Permission(
        "holidays.report",
        N_("See the report of a year's holidays"),
        ("coordinator",),
        places=("organisation",),
    ),
    Permission(
        "places.allocate",
        N_("See the families of a season, and plan who goes where"),
        _HOLIDAYS,
        places=("organisation",),
    ),
    Permission(
        "places.settle",
        N_("Publish a season's points, commit to its draw, and make a run its plan"),
        ("coordinator",),
        places=("organisation",),
    ),
    Permission(
        "travel.read",
        N_("See who travels to a stay and from where, and say how a stay was"),
        _HOLIDAYS,
        places=("organisation",),
    ),
    Permission(
        "travel.change",
        N_("Plan departures, note what municipalities pay for them, and print packing letters"),
        ("coordinator",),
        places=("organisation",),
    ),
    Permission("attendance.note", N_("Note who came to a stay"), _HOLIDAYS, places=("organisation",)),
    Permission("trail.read", N_("Search the audit trail"), ("auditor",), places=_TENANTS),
    Permission("trail.family", N_("List who read and who changed what about one family"), ("auditor",)),
    Permission("clubs.read", N_("See clubs, their applications and what they offer"), _MUNICIPAL, "clubs"),
    Permission("clubs.change", N_("Add, change, suspend and end clubs, and decide about their applications"), _CASES),
    Permission(
        "clubs.approve_account",
        N_("Approve where a club's money goes"),
        ("administrator", "finance_officer"),
    ),
    Permission("clubs.settings", N_("Set what clubs agree to, and how long a new account waits"), _ADMIN),
    Permission("club.own", N_("See the club's own page"), ("club_treasurer",), places=("club",)),
    Permission(
        "club.change",
        N_("Change the club's data and what it offers, propose an account, invite treasurers"),
        ("club_treasurer",),
        places=("club",),
    ),
    Permission("people.read", N_("See the organisation's people and their roles"), _ADMIN, places=_TENANTS),
    Permission("people.change", N_("Invite people, end memberships and review access"), _ADMIN, places=_TENANTS),
    Permission("organisations.read", N_("See the municipality's services"), _ADMIN),
    Permission("organisations.change", N_("Add and end services"), _ADMIN),
    Permission("tokens.read", N_("See the tokens of the organisation's systems"), _TOKENS, places=_SYSTEMS),
    Permission("tokens.change", N_("Make and revoke tokens"), _TOKENS, places=_SYSTEMS),
)

PERMISSIONS: Final = {permission.name: permission for permission in _TABLE}


def _scopes_in(kind: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.scope for one in _TABLE if one.scope and kind in one.places))


MUNICIPAL_SCOPES: Final = _scopes_in("municipality")
"""What a token of the municipality's own systems may be made for."""

CLUB_SCOPES: Final = _scopes_in("club")
"""What a token of a club's systems is made for."""

COMMANDS: Final = {
    "register confirm": "register.confirm",
    "eligibility approve": "eligibility.approve",
    "retention run": "retention.change",
    "payments run": "payments.create",
    "payments renew": "payments.create",
    "payments approve": "payments.approve",
    "payments release": "payments.release",
    "payments file": "payments.release",
    "payments cancel": "payments.create",
    "club approve": "clubs.change",
    "club approve-account": "clubs.approve_account",
}
"""Commands that somebody does in person (`--by`). All others are the operator's, who has the machine."""

PUBLIC: Final[dict[str, Any]] = {"permission": "public"}
"""`opt=PUBLIC`: for everybody, signed in or not."""

SIGNED_IN: Final[dict[str, Any]] = {"permission": "signed in"}
"""`opt=SIGNED_IN`: for every person who is signed in, whatever their role."""


KNOWN: Final[dict[str, Any]] = {"permission": "known"}
"""`opt=KNOWN`: for every person who is signed in and every system with a token; the handler decides by what it is."""

HALFWAY: Final[dict[str, Any]] = {"permission": "halfway"}
"""`opt=HALFWAY`: for a person who may still owe the second factor: showing it, and signing out."""


def may(name: str) -> dict[str, Any]:
    """`opt=may("register.read")`: for those whom the table allows it."""
    return {"permission": PERMISSIONS[name].name}


def allowed_to_roles(roles: Iterable[str], kind: str) -> frozenset[str]:
    """What somebody with these roles may do in a place of this kind."""
    held = set(roles)
    return frozenset(name for name, one in PERMISSIONS.items() if kind in one.places and held & set(one.roles))


def allowed_to_scopes(scopes: Iterable[str], kind: str) -> frozenset[str]:
    """What a system may do whose token has these scopes and is of a place of this kind, whatever it was made for."""
    held = set(scopes)
    return frozenset(name for name, one in PERMISSIONS.items() if kind in one.places and one.scope in held)


def roles_that_may(name: str) -> tuple[str, ...]:
    """The roles to which the table allows it."""
    return PERMISSIONS[name].roles


def as_page() -> str:
    """The table as `docs/who-may-what.md` shows it; `python -m service.identity.permissions` prints it."""
    head = "| | " + " | ".join(role.replace("_", " ") for role in ROLES) + " | token with scope | only in a |"
    rule = "|---|" + "---|" * (len(ROLES) + 2)
    rows = [
        f"| {permission.sentence} | "
        + " | ".join("yes" if role in permission.roles else "" for role in ROLES)
        + f" | {permission.scope or ''} | {', '.join(_KINDS[kind] for kind in permission.places)} |"
        for permission in _TABLE
    ]
    return "\n".join([_PAGE_HEAD, head, rule, *rows, ""])


_KINDS: Final = {
    "municipality": "municipality",
    "service": "service",
    "club": "club",
    "organisation": "volunteer organisation",
}
_PAGE_HEAD: Final = """# Who may do what

Made from the table in `service/identity/permissions.py`, from which the guards and the menus are made as well: change
it there, then run `make docs`. What stands in no row nobody may do. A role counts in the place where somebody has it,
and a token in the place it was made for: a municipality, a service or club of it, or a volunteer organisation. The
last column tells in which of these there is such a thing at all. Each sees the rows of its own tenant alone.
"""

if __name__ == "__main__":
    print(as_page(), end="")
