"""Claims as files for spreadsheets."""

import csv
from io import StringIO
from typing import Final
from uuid import UUID

from sqlmodel import Session

from service.audit.actions import Actor
from service.claims import queries
from service.claims.batch import Outcome
from service.claims.queries import OwnClaim, Wanted
from service.claims.words import KINDS, REASONS, SHARE_PAID_BY, STATES, WHAT_TO_DO
from service.errors import N_, Show, Translate
from service.identity.actions import Municipality
from service.values.money import format_kroner
from service.values.spreadsheets import as_text

MOST_ROWS: Final = 20_000
_COLUMNS: Final = (
    N_("Claimed on"),
    N_("State"),
    N_("Child's given name"),
    N_("Your reference"),
    N_("What the fee is for"),
    N_("Activity"),
    N_("First day of the season"),
    N_("Last day of the season"),
    N_("Full fee"),
    N_("The pass pays"),
    N_("The family's share"),
    N_("Who pays the family's share"),
    N_("Reasons"),
    N_("From the municipality"),
    N_("Decided on"),
    N_("Days to decision"),
    N_("Expected payment"),
    N_("Paid on"),
)
_RESULTS: Final = (
    N_("Line"),
    N_("Result"),
    N_("Your reference"),
    N_("The pass pays"),
    N_("The family's share"),
    N_("Expected payment"),
    N_("What to do"),
)


def own_claims_as_csv(
    session: Session, municipality: Municipality, club_id: UUID, wanted: Wanted, actor: Actor, translate: Translate
) -> str:
    """A club's claims, the newest first, at most 20,000. That they were taken is in the trail, as a list."""
    found = queries.own_claims(session, municipality, club_id, wanted, MOST_ROWS, None, actor)[:MOST_ROWS]
    return _table([translate(name) for name in _COLUMNS], [_cells(one, translate) for one in found])


def _cells(one: OwnClaim, translate: Translate) -> list[object]:
    return [
        one.submitted_at.date(),
        translate(STATES[one.state]),
        one.given_name,
        one.reference,
        translate(KINDS[one.kind]),
        one.activity,
        one.season_start,
        one.season_end,
        _kroner(one.fee_ore),
        _kroner(one.covered_ore),
        _kroner(one.family_share_ore),
        translate(SHARE_PAID_BY[one.family_share_paid_by]),
        " ".join(translate(REASONS.get(code, code)) for code in one.reasons),
        one.note,
        one.decided_at.date() if one.decided_at else None,
        one.days_to_decision,
        one.expected_payment_date,
        one.paid_at.date() if one.paid_at else None,
    ]


def _kroner(ore: int) -> str:
    return format_kroner(ore, "da").removesuffix(" kr").replace(".", "")


def outcomes_as_csv(outcomes: list[Outcome], translate: Translate, show: Show) -> str:
    """What came of each line of a file."""
    return _table([translate(name) for name in _RESULTS], [_result(one, translate, show) for one in outcomes])


def _result(one: Outcome, translate: Translate, show: Show) -> list[object]:
    made = one.made
    if made is None:
        refusal = one.refused
        assert refusal is not None
        fields = "; ".join(f"{error.field}: {error.said(translate, show)}" for error in refusal.errors)
        result = translate(N_("Not claimed"))
        return [one.line.number, result, one.line.reference, None, None, None, fields or refusal.said(translate, show)]
    said = " ".join(translate(WHAT_TO_DO.get(code) or REASONS.get(code, code)) for code in made.reasons)
    shares = [_kroner(made.covered_ore), _kroner(made.family_share_ore)]
    state = translate(STATES[made.state])
    return [one.line.number, state, one.line.reference, *shares, made.expected_payment_date, said]


def _table(head: list[str], rows: list[list[object]]) -> str:
    written = StringIO()
    # Semicolons, as the spreadsheets of these countries expect beside a decimal comma.
    writer = csv.writer(written, delimiter=";")
    writer.writerow(head)
    writer.writerows([as_text("" if cell is None else str(cell)) for cell in row] for row in rows)
    return written.getvalue()
