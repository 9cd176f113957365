"""What a pass pays of a fee: pure rules over what is known of pass, club and claim.

The same rules answer a coverage check, a reservation and a claim. They decide most claims at once; what they cannot
judge is left to a case worker, with the reasons.
"""

from datetime import date, timedelta
from uuid import UUID

import msgspec

from service.claims.calendar import Habits, PaymentDate

REJECTED = (
    "no_pass_for_season",
    "too_late",
    "no_equipment",
    "nothing_left",
    "other_club",
    "kind_excluded",
    "too_few_sessions",
)
"""Why the rules reject a claim, in their order of precedence."""

LEFT = (
    "name_differs",
    "duplicate_suspected",
    "sessions_unknown",
    "activity_unknown",
    "many_members",
    "budget_stopped",
)
"""Why the rules leave a claim to a case worker; all that apply are told."""

BY_HAND = ("wrong_child", "not_a_member", "left_early", "not_covered", "double", "other")
"""Why a case worker rejects a claim, beside the reasons of the rules."""


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Under which terms a scheme pays claims for seasons that begin from a day on.

    `claim_days`: how many days after the last day of a pass claims for its seasons are taken. `reservation_days`: how
    long a reservation holds. `min_sessions`: the least sessions of a season, 0 for none. `most_pass_percent`: the
    highest share of a club's members, in percent, whom passes pay for; above it a person looks. `excluded_kinds`:
    kinds of activity that passes do not pay for.
    """

    claim_days: int = 60
    reservation_days: int = 14
    min_sessions: int = 0
    most_pass_percent: int = 100
    excluded_kinds: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """What a club asks for, on `today` in the municipality's time zone; amounts in øre.

    `fund` is the part of the pass that pays: `membership` or `equipment`. `sessions` is None where they were not told.
    """

    fund: str
    fee_ore: int
    season_start: date
    season_end: date
    sessions: int | None
    today: date


class Reserved(msgspec.Struct, frozen=True):
    """A reservation that the club names, and whether it is for the child of the pass."""

    id: UUID
    pass_id: UUID
    fund: str
    state: str
    until: date
    reserved_ore: int
    same_child: bool


class Facts(msgspec.Struct, frozen=True):
    """What the database knows of a claim before it is made; see `read_for_claim` in the migrations.

    `named_pass_id` is None where no pass has the number, `pass_id` where the child has no pass for the season. Names
    are words as the register compares them. `worth_ore` and `remaining_ore` are those of the fund that is asked.
    `children`: how many children passes would pay for at this club in the year, this one included. `budget_left_ore`
    is None where no hard stop is in force. `misses`: how often the club has just named a pass that is none, or a name
    that is not the child's. `habits` and `dates`: when the municipality pays.
    """

    agreed: bool
    misses: int
    club_state: str | None = None
    members: int | None = None
    activity_kind: str | None = None
    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    named_pass_id: UUID | None = None
    scheme_id: UUID | None = None
    person_id: UUID | None = None
    terms: Terms | None = None
    pass_id: UUID | None = None
    state: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    worth_ore: int = 0
    remaining_ore: int = 0
    reservation: Reserved | None = None
    one_club: bool = False
    other_club: bool = False
    duplicate_of: UUID | None = None
    same_reference: UUID | None = None
    children: int = 0
    budget_left_ore: int | None = None
    habits: Habits | None = None
    dates: tuple[PaymentDate, ...] | None = None

    @property
    def known(self) -> bool:
        """Whether there is a pass with this number that can be used."""
        return self.named_pass_id is not None

    @property
    def name_matches(self) -> bool:
        """Whether the name is the child's: one given name is enough, accents and hyphens do not matter."""
        written = set(self.written)
        return bool(written & set(self.given)) and written <= {*self.given, *self.family}

    @property
    def reserved_ore(self) -> int:
        """What the named reservation holds of this pass's money."""
        return self.reservation.reserved_ore if self.reservation else 0

    @property
    def available_ore(self) -> int:
        """What a claim could draw: what remains, and what was reserved for it."""
        return self.remaining_ore + self.reserved_ore


class Decision(msgspec.Struct, frozen=True):
    """`approved`, `rejected` or, for a case worker, `submitted`; what the pass pays, in øre; and why."""

    state: str
    covered_ore: int
    reasons: tuple[str, ...]


def decide(facts: Facts, asked: Asked) -> Decision:
    """Decide a claim. The pass must be known: a number that leads nowhere is no claim."""
    terms = facts.terms or Terms()
    rejected = _rejected(facts, asked, terms)
    if rejected is not None:
        return Decision("rejected", 0, (rejected,))
    covered = min(asked.fee_ore, facts.available_ore)
    left = _left(facts, asked, terms, covered)
    return Decision("submitted" if left else "approved", covered, left)


def _rejected(facts: Facts, asked: Asked, terms: Terms) -> str | None:
    if facts.pass_id is None or facts.valid_to is None:
        return "no_pass_for_season"
    if asked.today > last_claim_day(facts.valid_to, terms):
        return "too_late"
    if asked.fund == "equipment" and facts.worth_ore == 0:
        return "no_equipment"
    if facts.available_ore == 0:
        return "nothing_left"
    if facts.one_club and facts.other_club:
        return "other_club"
    if facts.activity_kind in terms.excluded_kinds:
        return "kind_excluded"
    if asked.sessions is not None and asked.sessions < terms.min_sessions:
        return "too_few_sessions"
    return None


def _left(facts: Facts, asked: Asked, terms: Terms, covered: int) -> tuple[str, ...]:
    limit = facts.budget_left_ore
    share = 100 * facts.children > terms.most_pass_percent * facts.members if facts.members else False
    holds = {
        "name_differs": not facts.name_matches,
        "duplicate_suspected": facts.duplicate_of is not None,
        "sessions_unknown": terms.min_sessions > 0 and asked.sessions is None and asked.fund == "membership",
        "activity_unknown": bool(terms.excluded_kinds) and facts.activity_kind is None,
        "many_members": share,
        # What was reserved is counted already.
        "budget_stopped": limit is not None and covered - facts.reserved_ore > max(limit, 0),
    }
    return tuple(reason for reason in LEFT if holds[reason])


def last_claim_day(valid_to: date, terms: Terms) -> date:
    """The last day on which claims are taken for the seasons of a pass."""
    return valid_to + timedelta(days=terms.claim_days)


class Coverage(msgspec.Struct, frozen=True):
    """What a pass would pay of a fee, in øre; nothing where it is not valid or the name is not the child's."""

    valid: bool
    name_matches: bool
    remaining_ore: int
    covered_ore: int
    family_share_ore: int
    valid_to: date | None


def coverage(facts: Facts, asked: Asked) -> Coverage:
    """What a club is told before it claims: alike for a number that is unknown, mistyped, dead or out of its days."""
    terms = facts.terms or Terms()
    rejected = _rejected(facts, asked, terms) if facts.known else "no_pass_for_season"
    if rejected in ("no_pass_for_season", "too_late"):
        return Coverage(False, False, 0, 0, asked.fee_ore, None)
    if not facts.name_matches:
        # Somebody who only found the number learns no more than that it is one.
        return Coverage(True, False, 0, 0, asked.fee_ore, None)
    remaining = 0 if rejected else facts.remaining_ore
    covered = min(asked.fee_ore, remaining)
    return Coverage(True, True, remaining, covered, asked.fee_ore - covered, facts.valid_to)
