"""A season of the database as the problem that is allocated: the newest lists, the stays, and what is settled by hand.

Families without wishes take anything in the region of the district, which is every stay of its season.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.allocation.problem import Conditions, Family, Lock, Problem, Stay, Weights
from service.stays.families import ListedFamily, Traveller
from service.stays.queries import CentreRow, SeasonRow, StayRow, list_centres, stays_of
from service.values.periods import age_on
from service.values.secrecy import TenantSecrets


class FamilyId(msgspec.Struct, frozen=True, order=True):
    """Which family: its municipality, and the key of the municipality's list."""

    municipality_id: UUID
    key: str


class Placed(msgspec.Struct, frozen=True):
    """What is planned for a family: the stay, if any, what it holds there, and the revision of that.

    `offer` is the state of the offer that holds the place for it: open or accepted.
    """

    stay_id: UUID | None
    persons: int
    beds: int
    beds_needed: int | None
    locked: bool
    how: str
    revision: int
    changed_at: datetime
    changed_by: UUID | None
    offer: str | None = None

    @property
    def settled(self) -> bool:
        """Whether a run leaves it as it is."""
        return self.locked or self.offer is not None


class SeasonFamily(msgspec.Struct, frozen=True):
    """A family of a season's newest lists, or one that is on none any more but still holds a place (`listed` is None).

    `code` is what it draws with: the municipality's name and the key of its list.
    """

    id: FamilyId
    code: str
    municipality: str
    listed: ListedFamily | None
    placed: Placed | None

    @property
    def persons(self) -> int:
        """How many travel by the newest list."""
        return len(self.listed.travellers) if self.listed else 0

    @property
    def beds(self) -> int:
        """How many beds it needs: one for each, unless a volunteer has said otherwise."""
        said = self.placed.beds_needed if self.placed else None
        return self.persons if said is None else min(said, self.persons)

    @property
    def stay_id(self) -> UUID | None:
        return self.placed.stay_id if self.placed else None


class Group(msgspec.Struct, frozen=True):
    """Families that are to be kept `together` or `apart`."""

    id: UUID
    kind: str
    families: tuple[FamilyId, ...]


class Planned(msgspec.Struct, frozen=True):
    """All that a season's plan is made of. `stays` are those that are held, the earliest first."""

    season: SeasonRow
    stays: list[StayRow]
    centres: Mapping[UUID, CentreRow]
    families: list[SeasonFamily]
    groups: list[Group]

    def family(self, id_: FamilyId) -> SeasonFamily | None:
        return next((one for one in self.families if one.id == id_), None)

    def stay(self, stay_id: UUID) -> StayRow | None:
        return next((one for one in self.stays if one.id == stay_id), None)

    @property
    def codes(self) -> dict[UUID, str]:
        """The code of each stay that is held."""
        return {one.id: one.code for one in self.stays}


_FAMILIES: Final = """WITH listed AS (
        SELECT l.municipality_id, f.key, to_jsonb(f) || jsonb_build_object(
            'travellers', (SELECT jsonb_agg(jsonb_build_object('name', t.name, 'birth_date', t.birth_date)
                ORDER BY t.place) FROM received_traveller t WHERE t.family_id = f.id),
            'wishes', (SELECT coalesce(jsonb_agg(w.stay_id ORDER BY w.rank), '[]') FROM received_wish w
                WHERE w.family_id = f.id)) AS content
        FROM received_list l JOIN received_family f ON f.list_id = l.id
        WHERE l.season_id = :season AND NOT EXISTS (SELECT FROM received_list n
            WHERE (n.season_id, n.municipality_id) = (l.season_id, l.municipality_id) AND n.number > l.number)
    ), held AS (
        SELECT p.* FROM placement p WHERE p.season_id = :season
    )
    SELECT m.id AS municipality_id, m.name AS municipality, coalesce(l.key, p.family_key) AS key, l.content,
        p.stay_id, p.persons, p.beds, p.beds_needed, p.locked, p.how, p.revision, p.changed_at, p.changed_by,
        (SELECT o.state FROM offer o WHERE (o.season_id, o.municipality_id, o.family_key) =
            (p.season_id, p.municipality_id, p.family_key) AND o.state IN ('open', 'accepted')) AS offer
    FROM listed l FULL JOIN held p ON (p.municipality_id, p.family_key) = (l.municipality_id, l.key)
    JOIN district_municipality m ON m.id = coalesce(l.municipality_id, p.municipality_id)
    WHERE l.key IS NOT NULL OR p.stay_id IS NOT NULL
    ORDER BY m.name COLLATE "C", coalesce(l.key, p.family_key) COLLATE "C\""""


def read_families(session: Session, season_id: UUID) -> list[SeasonFamily]:
    """The families of the newest lists, and those that hold a place without being on one, by municipality and key."""
    rows = session.execute(text(_FAMILIES), {"season": season_id}).mappings().all()
    short = Counter((row["municipality_id"], _short(row["key"])) for row in rows)
    return [_family(row, whole=short[row["municipality_id"], _short(row["key"])] > 1) for row in rows]


def _short(key: str) -> str:
    """Of a key that a program has made, enough to tell families apart and to be read out."""
    return key[:8] if len(key) == 36 else key


def _family(row: Mapping[Any, Any], *, whole: bool) -> SeasonFamily:
    placed = None
    if row["revision"] is not None:
        placed = msgspec.convert({name: row[name] for name in Placed.__struct_fields__}, Placed)
    listed = None if row["content"] is None else msgspec.convert(row["content"], ListedFamily)
    id_ = msgspec.convert({"municipality_id": row["municipality_id"], "key": row["key"]}, FamilyId)
    code = f"{row['municipality']}/{id_.key if whole else _short(id_.key)}"
    return SeasonFamily(id_, code, row["municipality"], listed, placed)


def read_groups(session: Session, season_id: UUID) -> list[Group]:
    """What volunteers have said of families: together, or apart."""
    rows = session.execute(
        text(
            """SELECT g.id, g.kind, jsonb_agg(jsonb_build_object('municipality_id', m.municipality_id,
                'key', m.family_key) ORDER BY m.municipality_id, m.family_key) AS families
            FROM family_group g JOIN family_group_member m ON m.group_id = g.id
            WHERE g.season_id = :season GROUP BY g.id, g.kind ORDER BY g.id"""
        ),
        {"season": season_id},
    )
    return [msgspec.convert(dict(row), Group) for row in rows.mappings()]


def read_plan(session: Session, season: SeasonRow) -> Planned:
    """Everything that a season's plan is made of, as it is now."""
    return Planned(
        season,
        [one for one in stays_of(session, season.id) if one.state == "planned"],
        {one.id: one for one in list_centres(session)},
        read_families(session, season.id),
        read_groups(session, season.id),
    )


def weights_of(session: Session, season_id: UUID) -> Weights:
    """The points that were published last for a season; the usual ones where none were."""
    columns = ", ".join(Weights.__struct_fields__)
    row = session.execute(
        text(f"SELECT {columns} FROM season_weights WHERE season_id = :season ORDER BY id DESC LIMIT 1"),
        {"season": season_id},
    ).one_or_none()
    return Weights() if row is None else msgspec.convert(row._asdict(), Weights)


def child_hash(secrets: TenantSecrets, traveller: Traveller) -> bytes:
    """By what a child is known again in another season: keyed, of its birth date and the first word of its name."""
    plain = unicodedata.normalize("NFKD", traveller.name.casefold())
    words = re.findall(r"[^\W_]+", "".join(one for one in plain if not unicodedata.combining(one)))
    return secrets.hash(f"refused child {traveller.birth_date.isoformat()} {words[0] if words else ''}")


def children_of(family: ListedFamily, on: date) -> list[Traveller]:
    """Those who travel and are under age on a day."""
    return [one for one in family.travellers if age_on(one.birth_date, on) < 18]


def refusals_of(session: Session, secrets: TenantSecrets, planned: Planned) -> dict[FamilyId, int]:
    """In how many earlier seasons each family was refused for lack of places; a child's credit is its family's."""
    hashes: dict[bytes, list[FamilyId]] = {}
    for family in planned.families:
        for child in children_of(family.listed, planned.season.first_day) if family.listed else ():
            hashes.setdefault(child_hash(secrets, child), []).append(family.id)
    rows = session.execute(
        text(
            """SELECT r.child, r.season_id FROM refusal_credit r JOIN season s ON s.id = r.season_id
            WHERE r.child = ANY (:children) AND s.first_day < :first_day"""
        ),
        {"children": list(hashes), "first_day": planned.season.first_day},
    )
    seasons: dict[FamilyId, set[UUID]] = {}
    for child, season_id in rows:
        for id_ in hashes[bytes(child)]:
            seasons.setdefault(id_, set()).add(season_id)
    return {id_: len(found) for id_, found in seasons.items()}


def stay_of(row: StayRow, centres: Mapping[UUID, CentreRow], region: str) -> Stay:
    """A stay as it is allocated; with its centre's family rooms, where those are known."""
    rooms = tuple(room.beds for room in centres[row.centre_id].rooms)
    return Stay(
        row.code,
        region,
        row.starts_on,
        row.ends_on,
        row.family_places,
        row.person_places,
        row.volunteers,
        row.min_child_age,
        row.max_child_age,
        row.min_families,
        rooms or None,
    )


def problem_of(
    planned: Planned,
    seed: str,
    weights: Weights,
    refusals: Mapping[FamilyId, int],
    *,
    late: bool = True,
    only_locked: bool = True,
) -> Problem:
    """A season as a problem. Without `late`, families that were referred after the deadline are left out.

    Placements that are locked or offered are places by hand; with `only_locked` false every placement is.
    """
    region, stays = planned.season.district, planned.codes
    families, locks, known = [], [], {}
    for one in planned.families:
        held = one.stay_id in stays and one.placed is not None and (one.placed.settled or not only_locked)
        if one.listed is None or (one.listed.late and not late and not held):
            continue
        known[one.id] = one.code
        if held and one.stay_id is not None:
            locks.append(Lock(one.code, stays[one.stay_id]))
        families.append(
            Family(
                one.code,
                tuple(person.birth_date for person in one.listed.travellers),
                tuple(stays[UUID(wish)] for wish in one.listed.wishes if UUID(wish) in stays),
                one.listed.need,
                one.listed.last_participation,
                refusals.get(one.id, 0),
                one.beds,
                "" if one.listed.wishes else region,
                one.municipality,
            )
        )
    grouped = {
        kind: tuple(
            codes
            for group in planned.groups
            if group.kind == kind and len(codes := tuple(known[id_] for id_ in group.families if id_ in known)) > 1
        )
        for kind in ("together", "apart")
    }
    rows = tuple(stay_of(one, planned.centres, region) for one in planned.stays)
    return Problem(rows, tuple(families), seed, Conditions(**grouped, locked=tuple(locks)), weights)
