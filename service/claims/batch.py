"""Many claims at once: a result for every line, and the good ones stand though others fail.

All are one transaction. Each line is tried in a savepoint; the passes are locked beforehand in the order of their ids,
so that two batches never wait for each other.
"""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import msgspec
from sqlalchemy import text

from service.claims.actions import Made, NewClaim, submit_claim
from service.claims.desk import Desk, require_open
from service.errors import Invalid, Refused, Unreadable
from service.values import pass_numbers

MOST_LINES = 1000


class Line(msgspec.Struct, frozen=True):
    """A line as it was read: its number in the file, and the claim or why there is none."""

    number: int
    claim: NewClaim | Refused
    reference: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of a line: its claim, or the refusal."""

    line: Line
    made: Made | None = None
    refused: Refused | None = None


def claim_lines(desk: Desk, lines: Sequence[Line]) -> list[Outcome]:
    """Claim every line that can be claimed; outcomes in the order of the lines.

    Refused as a whole where there are none or too many, and for a club that may not claim now.
    """
    if not lines:
        raise Invalid("There is no claim in it.")
    if len(lines) > MOST_LINES:
        raise Invalid("At most {most} claims go at once. Divide the file.", most=MOST_LINES)
    require_open(desk)
    _lock(desk, [line.claim for line in lines if isinstance(line.claim, NewClaim)])
    # Year by year, since the years' budgets are counted in rows of their own.
    ordered = sorted(lines, key=_year)
    outcomes = {line.number: _claim(desk, line) for line in ordered}
    return [outcomes[line.number] for line in lines]


def _year(line: Line) -> int:
    return line.claim.season_start.year if isinstance(line.claim, NewClaim) else 0


def _claim(desk: Desk, line: Line) -> Outcome:
    if isinstance(line.claim, Refused):
        return Outcome(line, refused=line.claim)
    try:
        with desk.session.begin_nested():
            return Outcome(line, made=submit_claim(desk, line.claim))
    except Refused as refusal:
        return Outcome(line, refused=refusal)


def _lock(desk: Desk, claims: list[NewClaim]) -> None:
    hashes = []
    for claim in claims:
        with suppress(Unreadable):
            hashes.append(desk.keys.lookup_hash("pass", pass_numbers.parse(claim.pass_number)))
    held: list[UUID] = [claim.reservation for claim in claims if claim.reservation is not None]
    desk.session.execute(text(_LOCK), {"hashes": hashes, "held": held, "club": desk.club_id})


_LOCK = """
    SELECT 1 FROM leisure_pass p WHERE p.id IN (
        SELECT own.id FROM leisure_pass named JOIN leisure_pass own ON own.state = 'live'
            AND (own.person_id, own.scheme_id) = (named.person_id, named.scheme_id)
        WHERE named.number_hash = ANY (:hashes)
        UNION ALL SELECT r.pass_id FROM reservation r WHERE r.id = ANY (:held) AND r.club_id = :club
    ) ORDER BY p.id FOR UPDATE
"""
