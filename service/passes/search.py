"""Finding families: by the words of a name, and exactly by a household, a pass number or an identity number.

Names are compared by the words of `name_token`, as ranges that its index answers with a million households. What was
searched for is written nowhere: the trail has the kind of the search, how many were found and who was shown.
"""

from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import FieldError, Invalid, Unreadable
from service.identity.actions import Municipality
from service.values import clock, identity_numbers, pass_numbers
from service.values.identity_numbers import Country
from service.values.secrecy import KeyRing

By = Literal["identity_number", "pass_number", "household", "name"]
"""How what was written was understood."""

LONGEST: Final = 200
"""The characters of a search at most."""

_END = "\U0010ffff"


class Relative(msgspec.Struct, frozen=True):
    """Somebody of a household; `relation` is `provider`, `child` or `other`."""

    person_key: UUID
    given_name: str
    family_name: str
    relation: str


class FoundHome(msgspec.Struct, frozen=True):
    """A household in which somebody who was found stands, with everybody in it."""

    household: UUID
    household_id: str
    members: list[Relative]


class FoundPerson(msgspec.Struct, frozen=True):
    """Somebody who was found. `district` is None where an address of theirs is `protected`, or none is known.

    `has_pass`: a pass in force today; None where whoever asks may not see passes.
    """

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    protected: bool
    district: str | None
    has_pass: bool | None
    homes: list[FoundHome]


class Found(msgspec.Struct, frozen=True):
    """A page of those who were found. `household`: the one household that an exact search leads to.

    `more`: there are others after the last of `persons`.
    """

    by: By
    persons: list[FoundPerson]
    household: UUID | None
    more: bool


def search(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    written: str,
    limit: int,
    after: UUID | None,
    actor: Actor,
    *,
    with_passes: bool = True,
) -> Found:
    """Who is meant by what somebody wrote, at most `limit` of them after the person `after`; noted in the trail.

    What is the identity number, the pass number or the household of somebody here means exactly that. Anything else is
    words of a name, in any order, of which the beginnings are enough; a single letter alone means a whole name.
    """
    if not written.strip() or len(written) > LONGEST:
        wrong = FieldError("text", "must have 1 to {most} characters", {"most": LONGEST})
        raise Invalid("Write a name, a household, a pass number or a whole identity number.", [wrong])
    by, ids, household = _exactly(session, municipality, keys, written)
    if by is None:
        by, ids = "name", _named(session, written, limit + 1, after)
    shown = ids[:limit] if by == "name" else ids
    persons = _shown(session, municipality, shown, with_passes=with_passes)
    if by in ("identity_number", "pass_number"):
        homes = {home.household for person in persons for home in person.homes}
        household = homes.pop() if len(homes) == 1 else None
    details: dict[str, Any] = {"by": by, "found": len(shown), "shown": [str(one) for one in shown]}
    record(session, municipality.id, actor, "households.search", ("household", None), details=details)
    return Found(by, persons, household, more=len(ids) > len(shown))


def is_exact(session: Session, municipality: Municipality, keys: KeyRing, written: str) -> bool:
    """Whether it is the identity number, the pass number or the household of somebody here."""
    return len(written) <= LONGEST and _exactly(session, municipality, keys, written)[0] is not None


def require_words(session: Session, written: str) -> list[str]:
    """The words of a name as names are compared. Refused where there are none."""
    words: list[str] = session.execute(text("SELECT name_tokens(:written)"), {"written": written}).scalar_one()
    if not words:
        wrong = FieldError("text", "must have a letter or a digit")
        raise Invalid("Write a name, a household, a pass number or a whole identity number.", [wrong])
    return words


def _exactly(
    session: Session, municipality: Municipality, keys: KeyRing, written: str
) -> tuple[By | None, list[UUID], UUID | None]:
    """Those who are meant exactly: how they were named, who they are and, where that was named, the household."""
    if number := _identity_number(written, municipality):
        of = {"hash": keys.for_tenant(municipality.id).hash(number)}
        if found := _ids(session, "SELECT id FROM person WHERE identity_hash = :hash", of):
            return "identity_number", found, None
    if number := _pass_number(written):
        of = {"hash": keys.lookup_hash("pass", number)}
        if found := _ids(session, "SELECT person_id FROM leisure_pass WHERE number_hash = :hash", of):
            return "pass_number", found, None
    of_reference = {"reference": written.strip()}
    if found := _ids(session, "SELECT id FROM household WHERE reference = :reference", of_reference):
        members = "SELECT person_id FROM household_member WHERE household_id = :household"
        return "household", _ids(session, members, {"household": found[0]}), found[0]
    return None, [], None


def _identity_number(written: str, municipality: Municipality) -> str | None:
    try:
        return identity_numbers.parse(written, Country(municipality.country)).number
    except ValueError:
        return None


def _pass_number(written: str) -> str | None:
    try:
        return pass_numbers.parse(written)
    except Unreadable:
        return None


def _ids(session: Session, query: str, values: dict[str, Any]) -> list[UUID]:
    return list(session.execute(text(query), values).scalars())


# The person's own words say which of several that fit is the first, so that nobody is listed twice. OFFSET keeps the
# names from being taken apart before those that come first are found: of a million people few are shown.
_NAMED = """
    SELECT t.person_id FROM name_token t CROSS JOIN LATERAL (
        SELECT p.given_name, p.family_name, (
            SELECT min(token COLLATE "C") FROM unnest(name_tokens(p.given_name || ' ' || p.family_name)) AS token
            WHERE token COLLATE "C" >= :start AND token COLLATE "C" < :stop) AS first
        FROM person p WHERE p.id = t.person_id OFFSET 0) AS p
    WHERE t.token >= :start AND t.token < :stop AND (t.token, t.person_id) > (:from_token, :from_person)
        AND t.token = p.first {others}
    ORDER BY t.token, t.person_id LIMIT :limit
"""
# Where several words must fit, all that fit are gathered before the first can be shown: no name is taken apart for it.
_NAMED_BY_SEVERAL = """
    SELECT t.person_id FROM (
        SELECT min(token) AS token, person_id FROM name_token AS t WHERE token >= :start AND token < :stop {others}
        GROUP BY person_id) AS t
    {initials} (t.token, t.person_id) > (:from_token, :from_person)
    ORDER BY t.token, t.person_id LIMIT :limit
"""
_OTHER = """WITH w AS MATERIALIZED (SELECT person_id FROM name_token WHERE token >= :start{n} AND token < :stop{n})
    SELECT person_id FROM w"""
# So many begin with one letter that it is looked for among those whom the other words leave.
_INITIAL = """EXISTS (SELECT FROM unnest(name_tokens(p.given_name || ' ' || p.family_name)) AS token
    WHERE starts_with(token, :start{n}))"""


def _named(session: Session, written: str, limit: int, after: UUID | None) -> list[UUID]:
    """The persons of whose names every word is a beginning, in the order of the longest word's names."""
    words = sorted(require_words(session, written), key=len)
    start, others = words[-1], words[:-1]
    values: dict[str, Any] = {"start": start, "limit": limit}
    values["stop"] = start + ("\x01" if len(start) == 1 else _END)
    values["from_token"], values["from_person"] = _place(session, values, after)
    conditions, initials = [], []
    for n, other in enumerate(others):
        if len(other) == 1:
            initials.append(_INITIAL.format(n=n))
        else:
            conditions.append(f"t.person_id IN ({_OTHER.format(n=n)})")
            values[f"stop{n}"] = other + _END
        values[f"start{n}"] = other
    if not conditions:
        return _ids(session, _NAMED.format(others="".join(f" AND {one}" for one in initials)), values)
    joined = "JOIN person p ON p.id = t.person_id WHERE " if initials else "WHERE "
    query = _NAMED_BY_SEVERAL.format(
        others="".join(f" AND {one}" for one in conditions),
        initials=joined + "".join(f"{one} AND " for one in initials),
    )
    return _ids(session, query, values)


def _place(session: Session, values: dict[str, Any], after: UUID | None) -> tuple[str, UUID]:
    """Where the list goes on: a cursor is a person alone, since it may stand in a log and the name must not."""
    first = values["start"], UUID(int=0)
    if after is None:
        return first
    token = session.execute(
        text(
            """SELECT min(token COLLATE "C") FROM person p, unnest(name_tokens(p.given_name || ' ' || p.family_name))
                AS token
            WHERE p.id = :after AND token COLLATE "C" >= :start AND token COLLATE "C" < :stop"""
        ),
        {"after": after, "start": values["start"], "stop": values["stop"]},
    ).scalar()
    if token is None:
        wrong = FieldError("after", "is no cursor of this list")
        raise Invalid("The page cannot be found. Ask for the first one again, without `after`.", [wrong])
    return token, after


# Where one of somebody's homes is protected, another may lead there, and so does the district.
_PERSONS = """
    SELECT p.id AS person_key, p.given_name, p.family_name, p.birth_date,
        EXISTS (SELECT FROM household_member own JOIN household_member o USING (household_id)
            WHERE own.person_id = p.id AND o.address_protected) AS protected,
        (SELECT min(m.district) FROM household_member m WHERE m.person_id = p.id) AS district,
        EXISTS (SELECT FROM leisure_pass l
            WHERE l.person_id = p.id AND l.state = 'live' AND l.valid_to >= :today) AS has_pass
    FROM person p WHERE p.id = ANY (:ids)
"""
_HOMES = """
    SELECT own.person_id AS whose, own.household_id AS household, h.reference AS household_id, p.id AS person_key,
        p.given_name, p.family_name, m.relation
    FROM household_member own JOIN household h ON h.id = own.household_id
    JOIN household_member m ON m.household_id = own.household_id JOIN person p ON p.id = m.person_id
    WHERE own.person_id = ANY (:ids) ORDER BY h.reference COLLATE "C", p.birth_date, p.id
"""


def _shown(session: Session, municipality: Municipality, ids: list[UUID], *, with_passes: bool) -> list[FoundPerson]:
    """The persons with these ids, in their order."""
    homes: dict[UUID, dict[UUID, FoundHome]] = {one: {} for one in ids}
    for row in session.execute(text(_HOMES), {"ids": ids}):
        home = homes[row.whose].setdefault(row.household, FoundHome(row.household, row.household_id, []))
        home.members.append(msgspec.convert(row, Relative, from_attributes=True))
    values = {"ids": ids, "today": clock.today(municipality.time_zone)}
    known = {row.person_key: row for row in session.execute(text(_PERSONS), values)}
    return [
        FoundPerson(
            person_key=one,
            given_name=known[one].given_name,
            family_name=known[one].family_name,
            birth_date=known[one].birth_date,
            protected=known[one].protected,
            district=None if known[one].protected else known[one].district,
            has_pass=known[one].has_pass if with_passes else None,
            homes=list(homes[one].values()),
        )
        for one in ids
    ]
