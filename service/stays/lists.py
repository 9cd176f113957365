"""The lists of families that municipalities have handed over: read, taken over from spreadsheets, and confirmed."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, FieldError, Invalid, NotFound, Text
from service.stays.families import ListedFamily
from service.stays.models import SameChild
from service.stays.queries import find_season, places_of_season, stays_of
from service.stays.reading import Read, StayAges, read_families
from service.values import clock


class VersionRow(msgspec.Struct, frozen=True):
    """A version of a municipality's list. `rejected` are lines of a spreadsheet; see `WrongLine`."""

    id: UUID
    season_id: UUID
    season: str
    municipality_id: UUID
    municipality: str
    number: int
    newest: bool
    source: str
    families: int
    persons: int
    withdrawn: int
    added: list[str]
    changed: list[str]
    removed: int
    rejected: list[dict[str, Any]]
    received_at: datetime
    confirmed_at: datetime | None


class FamilyRow(msgspec.Struct, frozen=True):
    """A family of a version; `change` is `added` or `changed` where it is so, beside the version before."""

    id: UUID
    place: int
    family: ListedFamily
    change: str | None


class Double(msgspec.Struct, frozen=True):
    """Two families of a season's newest lists that seem to have the same child: `child` as each list names it.

    `verdict` is what a person has said: `same`, `different`, or nothing yet.
    """

    season_id: UUID
    season: str
    birth_date: date
    first_municipality_id: UUID
    first_municipality: str
    first_key: str
    first_contact: str
    first_child: str
    second_municipality_id: UUID
    second_municipality: str
    second_key: str
    second_contact: str
    second_child: str
    verdict: str | None
    since: datetime


_VERSIONS: Final = """SELECT l.id, l.season_id, s.name AS season, l.municipality_id, m.name AS municipality, l.number,
        l.source, l.families, l.persons, l.withdrawn, l.rejected, l.received_at, l.confirmed_at,
        l.changes -> 'added' AS added, l.changes -> 'changed' AS changed,
        CAST(l.changes ->> 'removed' AS integer) AS removed,
        NOT EXISTS (SELECT FROM received_list n WHERE (n.season_id, n.municipality_id) = (l.season_id,
            l.municipality_id) AND n.number > l.number) AS newest
    FROM received_list l JOIN season s ON s.id = l.season_id JOIN district_municipality m ON m.id = l.municipality_id"""


def list_versions(session: Session, season_id: UUID | None = None) -> list[VersionRow]:
    """Every version of every list, of a season or of all, the newest first."""
    where = "WHERE l.season_id = :season" if season_id else ""
    rows = session.execute(
        text(f"{_VERSIONS} {where} ORDER BY l.received_at DESC, l.id DESC"), {"season": season_id} if season_id else {}
    )
    return [msgspec.convert(dict(row), VersionRow) for row in rows.mappings()]


def find_version(session: Session, list_id: UUID) -> VersionRow:
    """A version of a list."""
    row = session.execute(text(f"{_VERSIONS} WHERE l.id = :id"), {"id": list_id}).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such list.")
    return msgspec.convert(dict(row), VersionRow)


def read_version(session: Session, tenant_id: UUID, list_id: UUID, actor: Actor) -> tuple[VersionRow, list[FamilyRow]]:
    """A version with its families in its order; that somebody saw them is noted in the trail."""
    version = find_version(session, list_id)
    changed = dict.fromkeys(version.added, "added") | dict.fromkeys(version.changed, "changed")
    families = [FamilyRow(id_, place, one, changed.get(one.key)) for id_, place, one in _families(session, list_id)]
    record(session, tenant_id, actor, "stays.list.read", ("received_list", list_id))
    return version, families


def families_of(session: Session, list_id: UUID) -> list[ListedFamily]:
    """The families of a version as they were handed over."""
    return [one for _, _, one in _families(session, list_id)]


_FAMILIES: Final = """SELECT f.*,
        (SELECT jsonb_agg(jsonb_build_object('name', t.name, 'birth_date', t.birth_date) ORDER BY t.place)
            FROM received_traveller t WHERE t.family_id = f.id) AS travellers,
        (SELECT coalesce(jsonb_agg(w.stay_id ORDER BY w.rank), '[]') FROM received_wish w WHERE w.family_id = f.id)
            AS wishes
    FROM received_family f WHERE f.list_id = :list ORDER BY f.place"""


def _families(session: Session, list_id: UUID) -> list[tuple[UUID, int, ListedFamily]]:
    rows = session.execute(text(_FAMILIES), {"list": list_id}).mappings()
    return [(row["id"], row["place"], msgspec.convert(dict(row), ListedFamily)) for row in rows]


def codes_of(session: Session, season_id: UUID) -> dict[str, str]:
    """The codes of a season's stays by their id."""
    return {str(one.id): one.code for one in stays_of(session, season_id)}


def take_over(
    session: Session,
    tenant_id: UUID,
    season_id: UUID,
    municipality_id: UUID,
    content: bytes,
    today: date,
    actor: Actor,
) -> VersionRow:
    """Take over the spreadsheet of a municipality without Medspiller: it becomes the next version of its list.

    Good families stand though others have wrong lines, which the version lists. Of a family with a wrong line what
    stood before goes on standing. Who is in the list before and not in this file is gone from the list.
    """
    season = find_season(session, season_id)
    place = next((one for one in places_of_season(session, season_id) if one.municipality_id == municipality_id), None)
    if place is None:
        raise NotFound("The municipality has no part in this season.")
    if place.code is not None:
        raise Conflict("{name} has its own Medspiller and hands its list over there.", name=place.name)
    stays = [
        StayAges(str(one.id), one.code, one.starts_on, one.min_child_age, one.max_child_age, one.state == "cancelled")
        for one in stays_of(session, season_id)
    ]
    read = read_families(content, stays, season.first_day, today)
    if not read.families and not read.wrong:
        raise Invalid("The file names no family.", [FieldError("file", "has no line below its heading")])
    if not read.families and not place.list_id:
        # Nothing good and nothing before it: said, and no version made.
        raise Invalid("No line of the file could be taken over.", [_by_line(one.line, one.error) for one in read.wrong])
    before = families_of(session, place.list_id) if place.list_id else []
    return _keep(session, tenant_id, season_id, municipality_id, _with_carried(read, before), read, [], actor)


def _by_line(line: int, error: FieldError) -> FieldError:
    return FieldError(
        f"line {line}: {error.field}",
        "line {line}, {column}: {wrong}",
        {"line": line, "column": error.field, "wrong": Text(error.template, error.values)},
    )


def _with_carried(read: Read, before: list[ListedFamily]) -> list[ListedFamily]:
    return read.families + [one for one in before if one.key in read.spoiled]


def withdraw_family(session: Session, tenant_id: UUID, list_id: UUID, key: str, actor: Actor) -> VersionRow:
    """A family of a municipality without Medspiller has withdrawn its consent: the next version is without it.

    It goes from the versions before as well; a count is what is left.
    """
    version = find_version(session, list_id)
    if version.source != "spreadsheet":
        raise Conflict("The municipality takes the family out itself, in its own Medspiller.")
    if not version.newest:
        raise Conflict("There is a newer version of this list. Open that one.")
    families = families_of(session, list_id)
    if key not in {one.key for one in families}:
        raise NotFound("The list has no such family.")
    nothing = Read([], [], set())
    rest = [one for one in families if one.key != key]
    return _keep(session, tenant_id, version.season_id, version.municipality_id, rest, nothing, [key], actor)


def _keep(
    session: Session,
    tenant_id: UUID,
    season_id: UUID,
    municipality_id: UUID,
    families: list[ListedFamily],
    read: Read,
    withdrawn: list[str],
    actor: Actor,
) -> VersionRow:
    made: UUID | None = session.execute(
        text(
            """SELECT directory.take_over_list(:season, :municipality, CAST(:families AS jsonb),
                CAST(:wrong AS jsonb), CAST(:withdrawn AS text[]), :at)"""
        ),
        {"season": season_id, "municipality": municipality_id, "withdrawn": withdrawn, "at": clock.now()}
        | {"families": msgspec.json.encode(families).decode()}
        | {"wrong": msgspec.json.encode([one.kept() for one in read.wrong]).decode()},
    ).scalar_one()
    if made is None:
        raise NotFound("The municipality has no part in this season.")
    version = find_version(session, made)
    counts = {"families": version.families, "rejected": len(read.wrong), "withdrawn": version.withdrawn}
    record(session, tenant_id, actor, "stays.list.take_over", ("received_list", made), details={"counts": counts})
    return version


def confirm_receipt(session: Session, tenant_id: UUID, list_id: UUID, actor: Actor) -> None:
    """Confirm that a version has come; the municipality that handed it over sees it. Twice is the same."""
    find_version(session, list_id)
    confirmed = session.execute(
        text("SELECT directory.confirm_list(:id, :by, :at)"),
        {"id": list_id, "by": actor.account_id, "at": clock.now()},
    ).scalar_one()
    if confirmed:
        record(session, tenant_id, actor, "stays.list.confirm", ("received_list", list_id))


# Of the newest version of each list. A child is known again by the birth date and a word of the name, since parents may
# write the family name each in their own way.
_DOUBLES: Final = """WITH listed AS (
        SELECT l.season_id, l.municipality_id, l.received_at, f.key, f.contact_name, t.name, t.birth_date, s.first_day,
            s.name AS season, m.name AS municipality, name_tokens(t.name) AS words
        FROM received_list l JOIN received_family f ON f.list_id = l.id
        JOIN received_traveller t ON t.family_id = f.id
        JOIN season s ON s.id = l.season_id JOIN district_municipality m ON m.id = l.municipality_id
        WHERE s.last_day >= (CAST(:now AS timestamptz) AT TIME ZONE 'UTC')::date
            AND t.birth_date > s.first_day - interval '18 years' AND NOT EXISTS (SELECT FROM received_list n
            WHERE (n.season_id, n.municipality_id) = (l.season_id, l.municipality_id) AND n.number > l.number)
    )
    SELECT a.season_id, a.season, a.birth_date,
        a.municipality_id AS first_municipality_id, a.municipality AS first_municipality, a.key AS first_key,
        a.contact_name AS first_contact, a.name AS first_child,
        b.municipality_id AS second_municipality_id, b.municipality AS second_municipality, b.key AS second_key,
        b.contact_name AS second_contact, b.name AS second_child,
        v.verdict, greatest(a.received_at, b.received_at) AS since
    FROM listed a JOIN listed b ON a.season_id = b.season_id AND a.birth_date = b.birth_date AND a.words && b.words
        AND (a.municipality_id::text, a.key) < (b.municipality_id::text, b.key)
    LEFT JOIN same_child v ON (v.season_id, v.first_municipality_id, v.first_key, v.second_municipality_id,
        v.second_key) = (a.season_id, a.municipality_id, a.key, b.municipality_id, b.key)
    ORDER BY v.verdict NULLS FIRST, since, a.key, b.key"""


def doubles(session: Session) -> list[Double]:
    """Families that seem to have the same child, of seasons that are not over, those that nobody has decided about
    first. Nothing is merged."""
    rows = session.execute(text(_DOUBLES), {"now": clock.now()}).mappings()
    found: dict[tuple[UUID, UUID, str, UUID, str], Double] = {}
    for row in rows:
        one = msgspec.convert(dict(row), Double)
        pair = (one.season_id, one.first_municipality_id, one.first_key, one.second_municipality_id, one.second_key)
        found.setdefault(pair, one)
    return list(found.values())


def decide_double(
    session: Session,
    tenant_id: UUID,
    season_id: UUID,
    first: tuple[UUID, str],
    second: tuple[UUID, str],
    verdict: str,
    actor: Actor,
) -> None:
    """Say whether two families have the same child. What follows is agreed with the municipalities; no list changes."""
    wanted = (season_id, *first, *second)
    known = [
        one
        for one in doubles(session)
        if (one.season_id, one.first_municipality_id, one.first_key, one.second_municipality_id, one.second_key)
        == wanted
    ]
    if not known or verdict not in ("same", "different"):
        raise NotFound("These families do not seem to have the same child any more. Load the page again.")
    row = session.get(SameChild, (tenant_id, *wanted)) or SameChild(
        tenant_id=tenant_id,
        season_id=season_id,
        first_municipality_id=first[0],
        first_key=first[1],
        second_municipality_id=second[0],
        second_key=second[1],
        verdict=verdict,
    )
    row.verdict, row.decided_at, row.decided_by = verdict, clock.now(), actor.account_id
    session.add(row)
    record(session, tenant_id, actor, "stays.double", ("season", season_id))
