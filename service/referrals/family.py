"""Who travels: found in the register by an exact number, or typed in; nobody is browsed for.

What is taken from the register are names and birth dates. Nothing of an income or an address comes along.
"""

import re
from datetime import date
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import FieldError, NotFound
from service.identity.actions import Municipality
from service.register.persons import Member, Person, person_by_id, person_with
from service.stays.families import Traveller
from service.values.secrecy import KeyRing, TenantSecrets

MOST_TRAVELLERS: Final = 12
_LINE: Final = re.compile(
    r"(.+?)[\s,;:(]+(\d{1,2})[./ -](\d{1,2})[./ -](\d{4})\)?\.?|(.+?)[\s,;:(]+(\d{4}-\d\d-\d\d)\)?"
)


class Found(msgspec.Struct, frozen=True):
    """Whoever has the number, and who lives with them: those who may travel.

    Where an address is protected, or the person has several homes, it is the person alone: who lives there is not told.
    """

    person_id: UUID
    household_id: UUID | None
    travellers: tuple[Traveller, ...]


def look_up(session: Session, municipality: Municipality, keys: KeyRing, number: str, actor: Actor) -> Found:
    """Find a family by the exact identity number of somebody in it; that it was looked up is noted in the trail."""
    secrets = keys.for_tenant(municipality.id)
    person_id = person_with(session, municipality.country, secrets, number)
    person = person_by_id(session, secrets, person_id)
    if person.anonymised_at is not None:
        raise NotFound("Nobody in the register has this identity number.")
    record(session, municipality.id, actor, "referrals.look_up", ("person", person_id))
    members = _members(person)
    travellers = tuple(Traveller(f"{one.given_name} {one.family_name}".strip(), one.birth_date) for one in members)
    own = (Traveller(f"{person.given_name} {person.family_name}".strip(), person.birth_date),)
    return Found(person_id, _household(person), travellers or own)


def _household(person: Person) -> UUID | None:
    return person.homes[0].household if len(person.homes) == 1 else None


def _members(person: Person) -> list[Member]:
    if len(person.homes) != 1 or person.homes[0].protected:
        return []
    return sorted(person.homes[0].members, key=lambda one: one.birth_date)


def known_members(session: Session, secrets: TenantSecrets, person_id: UUID) -> dict[tuple[str, date], UUID]:
    """Whom the register knows of a family, by name as searches compare it and birth date."""
    person = person_by_id(session, secrets, person_id)
    known = [(f"{one.given_name} {one.family_name}", one.birth_date, one.person_key) for one in _members(person)]
    known.append((f"{person.given_name} {person.family_name}", person.birth_date, person_id))
    keys = name_keys(session, [name for name, _, _ in known])
    return {(key, born): id_ for key, (_, born, id_) in zip(keys, known, strict=True)}


def name_keys(session: Session, names: list[str]) -> list[str]:
    """The words of each name as searches compare them, in one text."""
    rows = session.execute(
        text(
            """SELECT array_to_string(name_tokens(name), ' ')
            FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS n (name, place) ORDER BY place"""
        ),
        {"names": names},
    )
    return list(rows.scalars())


def read_travellers(written: str, today: date) -> tuple[tuple[Traveller, ...], list[FieldError]]:
    """Who travels, as somebody typed it: on each line a name and a birth date. With it what is wrong, line by line."""
    found: list[Traveller] = []
    wrong: list[FieldError] = []
    for number, line in enumerate((one for one in written.splitlines() if one.strip()), start=1):
        match = _LINE.fullmatch(line.strip())
        born = _day(match) if match else None
        name = " ".join((match[1] or match[5] or "").split()).rstrip(",;:(") if match else ""
        if born is None or not name:
            wrong.append(FieldError("travellers", "line {line}: write a name and a birth date", {"line": number}))
        elif not date(1900, 1, 1) <= born <= today:
            wrong.append(FieldError("travellers", "line {line}: this is no birth date", {"line": number}))
        elif len(name) > 200:
            wrong.append(FieldError("travellers", "line {line}: the name is too long", {"line": number}))
        else:
            found.append(Traveller(name, born))
    return tuple(found), wrong


def _day(match: re.Match[str]) -> date | None:
    try:
        if match[6]:
            return date.fromisoformat(match[6])
        return date(int(match[4]), int(match[3]), int(match[2]))
    except ValueError:
        return None


def written(travellers: tuple[Traveller, ...]) -> str:
    """Who travels, as it is typed."""
    return "\n".join(f"{one.name}, {one.birth_date:%d.%m.%Y}" for one in travellers)
