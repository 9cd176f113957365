"""What the municipality's staff see of claims: the queue, a case with all that it takes to decide it, and the days."""

import csv
from collections.abc import Sequence
from datetime import date, timedelta
from io import StringIO
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.claims import budget
from service.claims.budget import Standing
from service.claims.queries import StaffClaim, Wanted, staff_claims
from service.clubs.queries import Activity, activities_of
from service.errors import NotFound
from service.identity.actions import Municipality
from service.values import clock
from service.values.periods import age_on
from service.values.spreadsheets import as_text

MOST_OTHERS = 50


class Case(StaffClaim, frozen=True):
    """Everything a case worker needs to decide a claim, on one page. The reason for the pass is not part of it.

    `child_name` is the register's, beside `written_name`; both None where they were not asked for, or made anonymous.
    `age` is the child's on the first day of the season. `club_children`: for how many children passes pay at the club
    in the year, this one included. `other_claims` are those of the child in the same period, the newest first.
    """

    written_name: str | None
    child_name: str | None
    person_id: UUID
    age: int
    pass_id: UUID
    scheme: str
    valid_from: date
    valid_to: date
    pass_state: str
    amount_ore: int
    remaining_ore: int
    equipment_ore: int
    equipment_remaining_ore: int
    activity_kind: str | None
    members: int | None
    club_children: int
    club_state: str
    year: int
    other_claims: tuple[StaffClaim, ...]
    activities: tuple[Activity, ...]
    budget: Standing

    @property
    def club_percent(self) -> int | None:
        """The share of the club's members for whom passes pay, in whole percent; None where it told no members."""
        return 100 * self.club_children // self.members if self.members else None

    @property
    def same_activity(self) -> bool:
        """Whether the club claims this very activity of the child in another claim."""
        ours = (self.club_id, self.activity.casefold(), self.kind)
        return any((one.club_id, one.activity.casefold(), one.kind) == ours for one in self.other_claims)


def case(session: Session, municipality: Municipality, claim_id: UUID, actor: Actor, *, names: bool) -> Case:
    """A claim with what is known of it; without `names` neither the child's nor what the club wrote.

    The read is in the trail.
    """
    rows = staff_claims(session, municipality, Wanted(ids=(claim_id,)), 1, None, oldest=True)
    values = {"id": claim_id, "today": clock.today(municipality.time_zone)}
    more = session.execute(text(_CASE), values).one_or_none()
    if not rows or more is None:
        raise NotFound("There is no such claim.")
    record(session, municipality.id, actor, "claims.read", ("claim", claim_id))
    claim, known = rows[0], dict(more._mapping)
    known["age"] = age_on(known.pop("birth_date"), claim.season_start)
    if not names:
        known |= {"written_name": None, "child_name": None}
    others = tuple(session.execute(text(_OTHERS), {"id": claim_id, "most": MOST_OTHERS}).scalars())
    return Case(
        **msgspec.structs.asdict(claim),
        **known,
        other_claims=tuple(staff_claims(session, municipality, Wanted(ids=others), MOST_OTHERS, None, oldest=False)),
        activities=tuple(activities_of(session, claim.club_id)),
        budget=budget.standing(session, municipality, known["scheme"], known["year"]),
    )


def state_of(session: Session, claim_id: UUID) -> str:
    """The state in which a claim is now."""
    state: str | None = session.execute(text("SELECT state FROM claim WHERE id = :id"), {"id": claim_id}).scalar()
    if state is None:
        raise NotFound("There is no such claim.")
    return state


def queue(
    session: Session, municipality: Municipality, wanted: Wanted, limit: int, after: UUID | None, actor: Actor
) -> Sequence[StaffClaim]:
    """The claims that are wanted, without names: those that wait the oldest first, all others the newest first.

    One more than `limit` where there are more. The read is in the trail.
    """
    found = staff_claims(session, municipality, wanted, limit, after, oldest=wanted.state == "submitted")
    details = {"rows": min(len(found), limit)}
    record(session, municipality.id, actor, "claims.list", ("tenant", municipality.id), details=details)
    return found


def next_waiting(session: Session, municipality: Municipality, wanted: Wanted, after: UUID | None) -> UUID | None:
    """The claim that waits longest of those that are wanted, after one of them; then from the beginning again."""
    waiting = msgspec.structs.replace(wanted, state="submitted")
    for place in (after, None):
        found = staff_claims(session, municipality, waiting, 0, place, oldest=True)
        if found:
            return found[0].id
    return None


def counts(session: Session) -> dict[str, int]:
    """How many claims there are in each state."""
    rows = session.execute(text("SELECT state, count(*) AS claims FROM claim GROUP BY state"))
    return {row.state: row.claims for row in rows}


def reasons_waiting(session: Session) -> dict[str, int]:
    """How many claims wait for each reason; one may wait for several."""
    rows = session.execute(
        text(
            """SELECT reason, count(*) AS claims FROM claim c, unnest(c.reasons) AS reason WHERE c.state = 'submitted'
            GROUP BY reason"""
        )
    )
    return {row.reason: row.claims for row in rows}


def clubs_and_years(session: Session) -> tuple[list[tuple[UUID, str]], list[int]]:
    """The clubs that have claimed, by name, and the years of the seasons, the latest first."""
    clubs = session.execute(
        text("SELECT b.id, b.name FROM club b WHERE EXISTS (SELECT FROM claim c WHERE c.club_id = b.id)")
    )
    years = session.execute(text("SELECT DISTINCT year FROM claim ORDER BY year DESC")).scalars()
    return sorted(((one.id, one.name) for one in clubs), key=lambda one: one[1].casefold()), list(years)


class Days(msgspec.Struct, frozen=True):
    """How long claims of a club, or with `club` None of all, waited for their decision; `by_hand` by a case worker."""

    club: UUID | None
    name: str | None
    claims: int
    days: float
    by_hand: int
    days_by_hand: float | None
    longest: float


def days_to_decision(session: Session) -> list[Days]:
    """The days from claim to decision of the last year's claims, over all first and then by club, the slowest first."""
    rows = session.execute(text(_DAYS), {"since": clock.now() - timedelta(days=365)})
    return [msgspec.convert(row, Days, from_attributes=True) for row in rows]


def claims_as_csv(session: Session, municipality: Municipality, wanted: Wanted, actor: Actor) -> str:
    """The claims that are wanted as a file for a spreadsheet, amounts in kroner, without names. It is in the trail."""
    rows = staff_claims(session, municipality, wanted, _MOST_ROWS, None, oldest=wanted.state == "submitted")
    details = {"rows": len(rows), "file": "csv"}
    record(session, municipality.id, actor, "claims.list", ("tenant", municipality.id), details=details)
    written = StringIO()
    writer = csv.writer(written)
    writer.writerow(EXPORTED)
    for one in rows:
        kroner = {name: f"{getattr(one, f'{name}_ore') / 100:.2f}" for name in ("fee", "covered", "family_share")}
        cells = msgspec.to_builtins(one) | kroner | {"reasons": " ".join(one.reasons)}
        writer.writerow("" if cells[name] is None else as_text(str(cells[name])) for name in EXPORTED)
    return written.getvalue()


EXPORTED = (
    "id",
    "club_number",
    "club_name",
    "reference",
    "kind",
    "activity",
    "season_start",
    "season_end",
    "sessions",
    "fee",
    "covered",
    "family_share",
    "state",
    "reasons",
    "submitted_at",
    "decided_at",
    "days_to_decision",
    "expected_payment_date",
    "paid_at",
)
"""The columns of the claims as a file."""
_MOST_ROWS = 1_000_000

_CASE = """
    SELECT nullif(c.given_name, '') AS written_name,
        nullif(concat_ws(' ', nullif(p.given_name, ''), nullif(p.family_name, '')), '') AS child_name,
        c.person_id, p.birth_date, c.pass_id, s.name AS scheme, l.valid_from, l.valid_to,
        CASE WHEN l.state = 'live' AND l.valid_to < :today THEN 'expired' ELSE l.state END AS pass_state,
        l.amount_ore, l.remaining_ore, l.equipment_ore, l.equipment_remaining_ore, c.activity_kind, b.members,
        (SELECT count(DISTINCT o.person_id) FROM claim o WHERE o.club_id = c.club_id AND o.year = c.year
            AND (o.held_ore > 0 OR o.id = c.id)) AS club_children,
        b.state AS club_state, c.year
    FROM claim c JOIN person p ON p.id = c.person_id JOIN leisure_pass l ON l.id = c.pass_id
    JOIN scheme s ON s.id = c.scheme_id JOIN club b ON b.id = c.club_id WHERE c.id = :id
"""

_OTHERS = """
    SELECT o.id FROM claim c JOIN leisure_pass l ON l.id = c.pass_id
    JOIN leisure_pass p ON (p.person_id, p.scheme_id, p.valid_from) = (l.person_id, l.scheme_id, l.valid_from)
    JOIN claim o ON o.pass_id = p.id AND o.id <> c.id WHERE c.id = :id ORDER BY o.id DESC LIMIT :most
"""

# What the rules decided was decided when it was claimed.
_DAYS = """
    SELECT c.club_id AS club, min(b.name) AS name, count(*) AS claims, avg(c.days)::float8 AS days,
        count(*) FILTER (WHERE c.days > 0) AS by_hand,
        (avg(c.days) FILTER (WHERE c.days > 0))::float8 AS days_by_hand, max(c.days)::float8 AS longest
    FROM (SELECT club_id, extract(epoch FROM decided_at - submitted_at) / 86400 AS days FROM claim
        WHERE decided_at IS NOT NULL AND submitted_at > :since) AS c
    JOIN club b ON b.id = c.club_id
    GROUP BY GROUPING SETS ((), (c.club_id))
    HAVING count(*) > 0
    ORDER BY c.club_id IS NOT NULL, avg(c.days) DESC, min(b.name)
"""
