"""Cases that share somebody, and what a person says they are: one family or two."""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import NotFound
from service.identity.actions import Municipality
from service.referrals.actions import forget_outcome
from service.referrals.models import CaseVerdict, ReferralCase
from service.values import clock


class SharedCase(msgspec.Struct, frozen=True):
    """Two cases that share somebody, as each names the person; nobody is merged but by a person."""

    season_id: UUID
    season: str
    first_id: UUID
    first_name: str
    first_contact: str
    second_id: UUID
    second_name: str
    second_contact: str
    birth_year: int
    since: datetime


# People are the same by the register, or seem so by the birth date and a word of the name: parents may write a child's
# family name each in their own way, and only a person can tell.
_SHARED: Final = """WITH people AS (
        SELECT c.id, c.season_id, c.opened_at, t.name, t.birth_date, t.person_id,
            string_to_array(t.name_key, ' ') AS words, (SELECT w.name FROM referral_traveller w
                WHERE w.referral_id = r.id ORDER BY w.birth_date LIMIT 1) AS contact
        FROM referral_case c JOIN referral r ON r.case_id = c.id
        JOIN referral_traveller t ON t.referral_id = r.id
        WHERE c.state IN ('open', 'sent_back', 'approved') AND (CAST(:season AS uuid) IS NULL OR c.season_id = :season)
    )
    SELECT DISTINCT ON (a.id, b.id) a.season_id, s.name AS season, a.id AS first_id, a.name AS first_name,
        a.contact AS first_contact, b.id AS second_id, b.name AS second_name, b.contact AS second_contact,
        CAST(extract(year FROM a.birth_date) AS integer) AS birth_year, greatest(a.opened_at, b.opened_at) AS since
    FROM people a JOIN people b ON a.season_id = b.season_id AND a.birth_date = b.birth_date AND a.id < b.id
        AND (a.person_id = b.person_id OR (a.words && b.words AND (a.person_id IS NULL OR b.person_id IS NULL)))
    JOIN offered_season s ON s.season_id = a.season_id
    WHERE NOT EXISTS (SELECT FROM case_verdict v WHERE (v.first_id, v.second_id) = (a.id, b.id))
    ORDER BY a.id, b.id, a.birth_date DESC"""


def shared_cases(session: Session, season_id: UUID | None = None) -> list[SharedCase]:
    """Pairs of cases that share somebody and of which nobody has said yet what they are."""
    rows = session.execute(text(_SHARED), {"season": season_id}).mappings()
    return [msgspec.convert(dict(row), SharedCase) for row in rows]


def join_cases(session: Session, municipality: Municipality, first_id: UUID, second_id: UUID, actor: Actor) -> UUID:
    """A person says that two cases are one family: the second becomes part of the first, which is open again."""
    one_at_a_time(session, "referral case", municipality.id)
    first, second = _pair(session, municipality, first_id, second_id)
    session.execute(
        text("UPDATE referral SET case_id = :first WHERE case_id = :second"), {"first": first.id, "second": second.id}
    )
    session.execute(text("DELETE FROM case_verdict WHERE :id IN (first_id, second_id)"), {"id": second.id})
    forget_outcome(session, second)
    session.expire_all()
    second.state, second.merged_into, second.leading_id = "merged", first.id, None
    if first.state != "open":
        first.state, first.said = "open", ""
    session.flush()
    record(session, municipality.id, actor, "referrals.join", ("referral_case", first.id))
    return first.id


def keep_apart(session: Session, municipality: Municipality, first_id: UUID, second_id: UUID, actor: Actor) -> None:
    """A person says that two cases are two families, which only look as if they shared somebody."""
    first, second = sorted(_pair(session, municipality, first_id, second_id), key=lambda one: one.id)
    session.add(
        CaseVerdict(
            tenant_id=municipality.id,
            first_id=first.id,
            second_id=second.id,
            decided_at=clock.now(),
            decided_by=actor.account_id,
        )
    )
    session.flush()
    record(session, municipality.id, actor, "referrals.keep_apart", ("referral_case", first.id))


def _pair(
    session: Session, municipality: Municipality, first_id: UUID, second_id: UUID
) -> tuple[ReferralCase, ReferralCase]:
    wanted = {first_id, second_id}
    if not any({one.first_id, one.second_id} == wanted for one in shared_cases(session)):
        raise NotFound("These cases share nobody any more, or somebody has decided about them. Load the page again.")
    return find_case(session, municipality, first_id), find_case(session, municipality, second_id)


def find_case(session: Session, municipality: Municipality, case_id: UUID) -> ReferralCase:
    """The row of a case."""
    case = session.get(ReferralCase, (municipality.id, case_id), populate_existing=True)
    if case is None:
        raise NotFound("There is no such case.")
    return case
