"""Reading page by page: schemes, refresh runs and determinations."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.eligibility.account import Account
from service.eligibility.schemes import Version
from service.errors import FieldError, Invalid, NotFound
from service.identity.actions import Municipality
from service.values import clock


class StoredVersion(Version, frozen=True):
    """A parameter version, when it was added and by whom."""

    created_at: datetime
    created_by: UUID | None


class Scheme(msgspec.Struct, frozen=True):
    """A scheme with every version of its parameters, the newest first, and the number of the one that counts today."""

    name: str
    created_at: datetime
    versions: list[StoredVersion]
    current: int | None


class Run(msgspec.Struct, frozen=True):
    """A refresh that was to be kept, with the account that was shown; `review`: of the children of a decision alone."""

    id: UUID
    scheme: str
    kind: str
    on: date
    income_year: int
    period_start: date
    period_end: date
    parameter_version: int
    state: str
    held_because: str | None
    created_at: datetime
    created_by: UUID | None
    committed_at: datetime | None
    approved_by: UUID | None
    counts: Account


class Determined(msgspec.Struct, frozen=True):
    """What was determined for a child; `household_id` is the household as the register names it."""

    id: UUID
    scheme: str
    period_start: date
    person_key: UUID
    household_id: str
    given_name: str
    birth_date: date
    outcome: str
    reason: str
    children: int
    providers: int
    parameter_version: int
    run: UUID
    ended_at: datetime | None


class Wanted(msgspec.Struct, frozen=True):
    """Which determinations are wanted; what is left out is not asked. `run` is the one that made them.

    `district` finds nobody whose address is protected, or someone's in their household.
    """

    scheme: str | None = None
    period_start: date | None = None
    outcome: str | None = None
    reason: str | None = None
    district: str | None = None
    run: UUID | None = None
    in_force: bool = True


def page_of_schemes(session: Session, municipality: Municipality, limit: int, after: str | None) -> list[Scheme]:
    """The schemes by name after the one named `after`, and one more than `limit`."""
    names = session.execute(
        text(
            """SELECT name FROM scheme WHERE CAST(:after AS text) IS NULL OR name COLLATE "C" > :after
            ORDER BY name COLLATE "C" LIMIT :limit"""
        ),
        {"after": after, "limit": limit + 1},
    ).scalars()
    return [scheme_named(session, municipality, name) for name in names]


def scheme_named(session: Session, municipality: Municipality, name: str) -> Scheme:
    """A scheme of the tenant that is acted for."""
    scheme_id = schemes.find_scheme(session, municipality, name)
    rows = session.execute(
        text("SELECT * FROM parameter_version WHERE scheme_id = :scheme ORDER BY valid_from DESC, number DESC"),
        {"scheme": scheme_id},
    )
    created_at = session.execute(text("SELECT created_at FROM scheme WHERE id = :id"), {"id": scheme_id}).scalar_one()
    try:
        current = schemes.version_on(session, municipality, name, clock.today(municipality.time_zone)).number
    except Invalid:
        current = None
    return Scheme(
        name, created_at, [msgspec.convert(row, StoredVersion, from_attributes=True) for row in rows], current
    )


_RUN = """SELECT r.id, s.name AS scheme, r.kind, r.on_date AS on, r.income_year, r.period_start, r.period_end,
        v.number AS parameter_version, r.state, r.held_because, r.created_at, r.created_by, r.committed_at,
        r.approved_by, r.counts
    FROM refresh_run r JOIN scheme s ON s.id = r.scheme_id JOIN parameter_version v ON v.id = r.parameter_version_id"""


def page_of_refreshes(
    session: Session,
    municipality: Municipality,
    limit: int,
    after: UUID | None,
    scheme: str | None = None,
    state: str | None = None,
) -> list[Run]:
    """The newest refresh runs before the run `after`, and one more than `limit`."""
    values = {"after": after, "scheme": scheme_asked(session, municipality, scheme), "state": state}
    rows = session.execute(
        text(
            f"""{_RUN} WHERE r.kind = 'refresh' AND (CAST(:after AS uuid) IS NULL OR r.id < :after)
            AND (CAST(:scheme AS uuid) IS NULL OR r.scheme_id = :scheme)
            AND (CAST(:state AS text) IS NULL OR r.state = :state) ORDER BY r.id DESC LIMIT :limit"""
        ),
        values | {"limit": limit + 1},
    )
    return [msgspec.convert(row, Run, from_attributes=True) for row in rows]


def refresh_by_id(session: Session, run_id: UUID) -> Run:
    """A refresh run of the tenant that is acted for."""
    row = session.execute(text(f"{_RUN} WHERE r.id = :id"), {"id": run_id}).one_or_none()
    if row is None:
        raise NotFound("There is no run {run}.", run=run_id)
    return msgspec.convert(row, Run, from_attributes=True)


_DETERMINED = """SELECT d.id, s.name AS scheme, d.period_start, d.person_id AS person_key, h.reference AS household_id,
        p.given_name, p.birth_date, d.outcome, d.reason, d.children, d.providers, v.number AS parameter_version,
        d.run_id AS run, d.ended_at
    FROM {of} AS d JOIN scheme s ON s.id = d.scheme_id JOIN person p ON p.id = d.person_id
    JOIN household h ON h.id = d.household_id JOIN parameter_version v ON v.id = d.parameter_version_id"""
BY_DISTRICT = """d.district = :district AND NOT EXISTS (
        SELECT FROM household_member own JOIN household_member other USING (household_id)
        WHERE own.person_id = d.person_id AND other.address_protected
    ) AND NOT EXISTS (
        SELECT FROM household_member_past past WHERE past.person_id = d.person_id AND past.address_protected
    )"""
"""The condition that a determination `d` is of `:district`. To be found by district is to be told where one lives."""
_CONDITIONS = {
    "scheme": "d.scheme_id = :scheme",
    "period_start": "d.period_start = :period_start",
    "outcome": "d.outcome = :outcome",
    "reason": "d.reason = :reason",
    "district": BY_DISTRICT,
    "run": "d.run_id = :run",
    "after": "d.id < :after",
}


def read_determinations(
    session: Session, municipality: Municipality, wanted: Wanted, limit: int, after: UUID | None, actor: Actor
) -> list[Determined]:
    """The newest determinations that are wanted, before `after`, and one more than `limit`. The read is logged."""
    values: dict[str, Any] = msgspec.structs.asdict(wanted)
    values |= {"scheme": scheme_asked(session, municipality, wanted.scheme), "after": after, "limit": limit + 1}
    conditions = [condition for name, condition in _CONDITIONS.items() if values[name] is not None]
    conditions += ["d.ended_at IS NULL"] if wanted.in_force else []
    # Those that are shown are taken first: of a whole year's nobody looks up who they all are.
    of = f"(SELECT * FROM determination d WHERE {' AND '.join(conditions) or 'true'} ORDER BY d.id DESC LIMIT :limit)"
    rows = session.execute(text(f"{_DETERMINED.format(of=of)} ORDER BY d.id DESC"), values)
    found = [msgspec.convert(row, Determined, from_attributes=True) for row in rows]
    asked = {name: value for name, value in msgspec.to_builtins(wanted).items() if value is not None}
    if wanted.district is not None:
        # Whatever somebody typed: the trail outlives the people.
        asked["district"] = True
    details = {"rows": min(len(found), limit), "filters": asked}
    subject = ("scheme", values["scheme"])
    record(session, municipality.id, actor, "eligibility.determinations.read", subject, details=details)
    return found


def determination_by_id(session: Session, determination: UUID) -> Determined:
    """A determination of the tenant that is acted for; whoever calls logs the read."""
    row = session.execute(
        text(f"{_DETERMINED.format(of='determination')} WHERE d.id = :id"), {"id": determination}
    ).one_or_none()
    if row is None:
        raise NotFound("There is no determination {determination}.", determination=determination)
    return msgspec.convert(row, Determined, from_attributes=True)


def scheme_asked(session: Session, municipality: Municipality, name: str | None) -> UUID | None:
    """The id of the scheme that a list is asked for; one that there is not is a wrong field."""
    try:
        return None if name is None else schemes.find_scheme(session, municipality, name)
    except NotFound as refusal:
        wrong = FieldError("scheme", "{reason}", {"reason": refusal.text})
        raise Invalid("Some fields of the request are wrong.", [wrong]) from None
