"""What a case worker sees and decides: the families of a season, how much each needs it, and who may be one family."""

from collections import Counter
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.database.locks import one_at_a_time
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.identity.organisations import list_organisations
from service.referrals.actions import LONGEST_SAID
from service.referrals.mails import tell_of_question
from service.referrals.models import ReferralCase
from service.referrals.queries import (
    OfferedSeasonRow,
    Outcome,
    ReferralRow,
    find_season,
    judged,
    list_seasons,
    read_rows,
)
from service.referrals.rules import Finding, fits
from service.referrals.sharing import SharedCase, find_case, shared_cases
from service.values import clock
from service.values.secrecy import KeyRing

Verdict = Literal["approve", "reject", "reopen"]


class CaseRow(msgspec.Struct, frozen=True):
    """A family's case as the list of a season shows it, from its leading referral.

    `unseen`: how many referrals have come or changed since somebody looked. `shared`: with how many other cases it
    shares somebody, undecided. `listed`: the version of the list it stands on, if it does. `outcome`: what the
    organisation offered the family.
    """

    id: UUID
    season_id: UUID
    state: str
    need: int | None
    said: str
    late: bool
    opened_at: datetime
    decided_at: datetime | None
    family_key: UUID
    services: list[UUID]
    leading: ReferralRow
    findings: list[Finding]
    unseen: int
    shared: int
    listed: int | None
    outcome: Outcome | None

    @property
    def fits(self) -> bool:
        return fits(self.findings)


class CaseDetail(msgspec.Struct, frozen=True):
    """A case with every service's part of it, and the cases that it shares somebody with."""

    row: CaseRow
    season: OfferedSeasonRow
    referrals: list[ReferralRow]
    shared: list[SharedCase]


class Spread(msgspec.Struct, frozen=True):
    """How the families of one service spread over the need bands; `unranked` have none yet."""

    service_id: UUID
    name: str
    bands: dict[int, int]
    unranked: int
    approved: int


class Counts(msgspec.Struct, frozen=True):
    """How many families of a season stand in each state, how many persons are approved, and the quota."""

    states: dict[str, int]
    approved: int
    persons: int
    quota: int | None


class Decision(msgspec.Struct, frozen=True):
    """What is decided about a case; `need` where it is approved, `said` where it is rejected."""

    case_id: UUID
    verdict: Verdict
    need: int | None = None
    said: str = ""


_CASES: Final = """SELECT c.*,
        (SELECT array_agg(DISTINCT r.service_id) FROM referral r WHERE r.case_id = c.id) AS services,
        (SELECT count(*) FROM referral r WHERE r.case_id = c.id AND r.seen_at IS NULL AND r.state <> 'withdrawn')
            AS unseen,
        (SELECT l.number FROM referral_list l JOIN referral_list_entry e ON e.list_id = l.id AND e.case_id = c.id
            WHERE l.season_id = c.season_id AND NOT EXISTS (SELECT FROM referral_list n
                WHERE n.season_id = l.season_id AND n.number > l.number)) AS listed,
        (SELECT to_jsonb(f) FROM family_outcome f WHERE f.season_id = c.season_id AND f.family_key = c.family_key)
            AS outcome
    FROM referral_case c"""


def _rows(session: Session, season: OfferedSeasonRow, where: str, **values: object) -> list[CaseRow]:
    found = [dict(row) for row in session.execute(text(f"{_CASES} WHERE {where}"), values).mappings()]
    leading = {
        one.id: one
        for one in read_rows(
            session, "r.id = ANY (:ids)", ids=[row["leading_id"] for row in found if row["leading_id"]]
        )
    }
    shared = Counter(id_ for pair in shared_cases(session, season.season_id) for id_ in (pair.first_id, pair.second_id))
    return [
        msgspec.convert(
            row
            | {"leading": leading[row["leading_id"]], "shared": shared[row["id"]]}
            | {"findings": judged(season, leading[row["leading_id"]].case)},
            CaseRow,
            from_attributes=True,
        )
        for row in found
        if row["leading_id"] in leading
    ]


def list_cases(
    session: Session, municipality: Municipality, season: OfferedSeasonRow, state: str | None, actor: Actor
) -> list[CaseRow]:
    """The families of a season, those first that nobody has decided about, then by need; noted in the trail."""
    found = _rows(
        session,
        season,
        """c.season_id = :of AND c.state NOT IN ('withdrawn', 'merged')
            AND (CAST(:state AS text) IS NULL OR c.state = :state)
            ORDER BY array_position(ARRAY['open', 'sent_back', 'approved', 'rejected'], c.state::text),
                c.need DESC NULLS LAST, c.late, c.opened_at, c.id""",
        of=season.season_id,
        state=state,
    )
    details: dict[str, Any] = {"found": len(found), "state": state}
    record(session, municipality.id, actor, "referrals.list", ("season", season.season_id), details=details)
    return found


def cases_to_list(session: Session, season: OfferedSeasonRow) -> list[CaseRow]:
    """The approved families of a season in the order of the list: by need, those in time first, then as they came."""
    where = "c.season_id = :of AND c.state = 'approved' ORDER BY c.need DESC, c.late, c.opened_at, c.id"
    return _rows(session, season, where, of=season.season_id)


def read_case(session: Session, municipality: Municipality, case_id: UUID, actor: Actor) -> CaseDetail:
    """A case whole; that somebody saw it is noted in the trail."""
    case = find_case(session, municipality, case_id)
    season = find_season(session, case.season_id)
    found = _rows(session, season, "c.id = :id", id=case_id)
    if not found:
        raise NotFound("Of this case nothing is left: the consent was withdrawn, or it was joined to another case.")
    record(session, municipality.id, actor, "referrals.read", ("referral_case", case_id))
    shared = [one for one in shared_cases(session, case.season_id) if case_id in (one.first_id, one.second_id)]
    parts = read_rows(session, "r.case_id = :case ORDER BY r.sent_at, r.id", case=case_id)
    return CaseDetail(found[0], season, parts, shared)


def counts_of(session: Session, season: OfferedSeasonRow) -> Counts:
    """How the families of a season stand; a withdrawn one is no more than counted."""
    rows = session.execute(
        text("SELECT state, count(*) AS n FROM referral_case WHERE season_id = :season GROUP BY state"),
        {"season": season.season_id},
    )
    states = {row.state: row.n for row in rows if row.state != "merged"}
    persons: int = session.execute(
        text(
            """SELECT count(*) FROM referral_case c JOIN referral_traveller t ON t.referral_id = c.leading_id
            WHERE c.season_id = :season AND c.state = 'approved'"""
        ),
        {"season": season.season_id},
    ).scalar_one()
    return Counts(states, states.get("approved", 0), persons, season.quota)


def spread_over_services(session: Session, season_id: UUID) -> list[Spread]:
    """How the families of each service spread over the need bands."""
    names = {one.id: one.name for one in list_organisations(session)}
    rows = session.execute(
        text(
            """SELECT r.service_id, c.need, c.state, count(DISTINCT c.id) AS n FROM referral_case c
            JOIN referral r ON r.case_id = c.id
            WHERE c.season_id = :season AND c.state IN ('open', 'sent_back', 'approved', 'rejected')
            GROUP BY r.service_id, c.need, c.state"""
        ),
        {"season": season_id},
    ).all()
    found = []
    for service in sorted({row.service_id for row in rows}, key=lambda one: names.get(one, "")):
        own = [row for row in rows if row.service_id == service]
        bands = {band: sum(row.n for row in own if row.need == band) for band in range(5, 0, -1)}
        unranked = sum(row.n for row in own if row.need is None)
        approved = sum(row.n for row in own if row.state == "approved")
        found.append(Spread(service, names.get(service, ""), bands, unranked, approved))
    return found


def decide(session: Session, municipality: Municipality, decisions: list[Decision], actor: Actor) -> None:
    """Decide about several families at once: all of them or none. Each approved one gets its need band.

    A family that does not fit the season, or that may be another's as well, is not approved.
    """
    if not decisions:
        raise Invalid("Choose at least one family.", [FieldError("chosen", "is missing")])
    one_at_a_time(session, "referral case", municipality.id)
    for one in decisions:
        case = find_case(session, municipality, one.case_id)
        if case.state in ("withdrawn", "merged"):
            raise Conflict("Of one of these cases nothing is left any more. Load the page again.")
        if one.verdict == "approve":
            _approve(session, case, one.need)
        elif one.verdict == "reject":
            _reject(case, one.said)
        else:
            if case.state not in ("approved", "rejected"):
                raise Conflict("The case is not decided.")
            case.state, case.said = "open", ""
        case.decided_at, case.decided_by = clock.now(), actor.account_id
        session.flush()
        _follow(session, case)
        action = "referrals.approve" if one.verdict == "approve" else "referrals.decide"
        details = {"state": case.state}
        record(session, municipality.id, actor, action, ("referral_case", case.id), details=details)


def _approve(session: Session, case: ReferralCase, need: int | None) -> None:
    if need is None or not 1 <= need <= 5:
        raise Invalid("Say how much the family needs it: 1 to 5.", [FieldError("need", "must be 1 to 5")])
    season = find_season(session, case.season_id)
    [row] = _rows(session, season, "c.id = :id", id=case.id)
    name = row.leading.contact
    if not row.fits:
        raise Conflict("The family of {name} does not fit the season. Its page says why.", name=name)
    if row.shared:
        raise Conflict("Say first whether the family of {name} is the same as another one.", name=name)
    case.state, case.need, case.said = "approved", need, ""


def _reject(case: ReferralCase, said: str) -> None:
    if not 0 < len(said.strip()) <= LONGEST_SAID:
        wrong = FieldError("said", "must have 1 to {most} characters", {"most": LONGEST_SAID})
        raise Invalid("Say why the family is rejected; whoever referred it reads it.", [wrong])
    case.state, case.said = "rejected", said.strip()


_OUTCOMES: Final = {"open": "sent", "approved": "approved", "rejected": "rejected"}


def _follow(session: Session, case: ReferralCase) -> None:
    """Let what services have referred follow the case: it was looked at."""
    session.execute(
        text(
            """UPDATE referral SET state = :state, seen_at = :at, question = :question
            WHERE case_id = :case AND state <> 'withdrawn'"""
        ),
        {"state": _OUTCOMES[case.state], "at": clock.now(), "case": case.id, "question": ""},
    )
    session.expire_all()


def look_at(session: Session, municipality: Municipality, case_id: UUID, actor: Actor) -> None:
    """What has come or changed was looked at, and the decision stands: each service is told it of its own referral."""
    case = find_case(session, municipality, case_id)
    if case.state not in ("approved", "rejected"):
        raise Conflict("The case is not decided yet. Decide about it.")
    _follow(session, case)
    record(session, municipality.id, actor, "referrals.look", ("referral_case", case_id))


def send_back(
    session: Session, municipality: Municipality, keys: KeyRing, referral_id: UUID, question: str, actor: Actor
) -> UUID:
    """Send one service's referral back with a question; no other service hears of it. Gives the case."""
    found = read_rows(session, "r.id = :id AND r.case_id IS NOT NULL", id=referral_id)
    if not found or found[0].case_id is None:
        raise NotFound("There is no such referral.")
    if not 0 < len(question.strip()) <= LONGEST_SAID:
        wrong = FieldError("question", "must have 1 to {most} characters", {"most": LONGEST_SAID})
        raise Invalid("Write the question.", [wrong])
    case = find_case(session, municipality, found[0].case_id)
    if case.state in ("withdrawn", "merged"):
        raise Conflict("Of this case nothing is left any more.")
    case.state, case.said = "sent_back", question.strip()
    case.decided_at, case.decided_by = clock.now(), actor.account_id
    session.flush()
    session.execute(
        text(
            """UPDATE referral SET state = 'sent_back', question = :question, answer = '', seen_at = :at
            WHERE id = :id"""
        ),
        {"id": referral_id, "question": question.strip(), "at": clock.now()},
    )
    session.expire_all()
    record(session, municipality.id, actor, "referrals.send_back", ("referral", referral_id))
    tell_of_question(session, keys, municipality, referral_id)
    return case.id


def lead(session: Session, municipality: Municipality, referral_id: UUID, actor: Actor) -> UUID:
    """Let the list be made from this service's referral of the family. Gives the case."""
    found = read_rows(session, "r.id = :id AND r.case_id IS NOT NULL AND r.state <> 'withdrawn'", id=referral_id)
    if not found or found[0].case_id is None:
        raise NotFound("There is no such referral.")
    case = find_case(session, municipality, found[0].case_id)
    case.leading_id = referral_id
    session.flush()
    record(session, municipality.id, actor, "referrals.lead", ("referral", referral_id))
    return case.id


def newest_season(session: Session, season_id: UUID | None = None) -> OfferedSeasonRow | None:
    """The season that is named, else the newest that is offered, if there is one."""
    return find_season(session, season_id) if season_id else next(iter(list_seasons(session)), None)
