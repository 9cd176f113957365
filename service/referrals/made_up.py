"""Made-up families that two services of the demo refer: some approved and handed over, some still to be decided."""

from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlmodel import Session

from service.audit.actions import Actor
from service.identity.actions import Municipality
from service.referrals import actions, cases, lists
from service.referrals.actions import Content, Desk
from service.referrals.cases import Decision
from service.referrals.queries import find_own
from service.stays.families import Traveller
from service.values import clock
from service.values.secrecy import KeyRing

People = tuple[tuple[str, int], ...]
Approved = tuple[People, tuple[str, ...], str, int]

# Who travels with their ages in the year of the season, what they wish, their language, and the need where it is known.
_APPROVED: Final = (
    ((("Mette Prøvesen", 38), ("Ida Prøvesen", 11), ("Ole Prøvesen", 8)), ("A1", "B1"), "Dansk", 4),
    ((("Amina Testali", 36), ("Yusuf Testali", 12), ("Sara Testali", 3)), (), "Somali", 5),
)
_BEFORE: Final = (
    ((("Karin Skitse", 41), ("Jonas Skitse", 12)), ("A1",), "Dansk", 5),
    ((("Fatima Udkast", 34), ("Leyla Udkast", 10), ("Deniz Udkast", 7)), ("B1", "A2"), "Tyrkisk", 5),
    ((("Bent Attrup", 47), ("Maja Attrup", 13)), (), "Dansk", 1),
    ((("Tina Mønster", 39), ("Viktor Mønster", 8), ("Alma Mønster", 6)), ("C1",), "Dansk", 4),
)
"""Those of the season before."""
_OPEN: Final[tuple[tuple[People, tuple[str, ...], str], ...]] = (
    ((("Lars Demosen", 44), ("Emil Demosen", 7)), ("C1",), "Dansk"),
    ((("Olga Eksempel", 33), ("Ivan Eksempel", 9), ("Anna Eksempel", 6)), ("B2", "A2"), "Ukrainsk"),
)
_WHY: Final = "Familien har haft få penge længe og ingen ferie i flere år."


class Services(msgspec.Struct, frozen=True):
    """The two services that refer."""

    first: UUID
    second: UUID


def refer_families(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    services: Services,
    season_id: UUID,
    stays: dict[str, UUID],
    actor: Actor,
) -> None:
    """Refer families of every kind for a season: approved and handed over, open, asked about, shared, and a draft."""
    desk = Desk(municipality, services.first, keys, actor)
    other = Desk(municipality, services.second, keys, actor)
    _hand_over(session, desk, season_id, stays, _APPROVED)
    for people, wishes, language in _OPEN:
        asked = _send(session, desk, season_id, people, wishes, language, stays)
    cases.send_back(session, municipality, keys, asked, "Rejser bedstemor med?", actor)
    # The same child as another service refers with the father: a person has to look.
    father = (("Peter Eksempel", 35), ("Ivan Eksempel", 9))
    _send(session, other, season_id, father, (), "Dansk", stays)
    draft = actions.start_draft(session, desk, season_id)
    actions.keep_draft(session, desk, draft, _content((("Nora Kladde", 31),), (), "Dansk", stays))


def refer_families_of_before(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    services: Services,
    season_id: UUID,
    stays: dict[str, UUID],
    actor: Actor,
) -> None:
    """Refer the families of the season before, all of them approved and handed over."""
    _hand_over(session, Desk(municipality, services.first, keys, actor), season_id, stays, _BEFORE)


def _hand_over(
    session: Session, desk: Desk, season_id: UUID, stays: dict[str, UUID], families: tuple[Approved, ...]
) -> None:
    for people, wishes, language, need in families:
        made = _send(session, desk, season_id, people, wishes, language, stays)
        case_id = find_own(session, desk.service_id, made).case_id
        assert case_id is not None
        cases.decide(session, desk.municipality, [Decision(case_id, "approve", need)], desk.actor)
    lists.hand_over(session, desk.municipality, desk.keys, season_id, desk.actor)


def _send(session: Session, desk: Desk, season_id: UUID, *content: Any) -> UUID:
    made = actions.start_draft(session, desk, season_id)
    actions.send(session, desk, made, _content(*content))
    return made


def _content(people: People, wishes: tuple[str, ...], language: str, stays: dict[str, UUID]) -> Content:
    today = clock.today("Europe/Copenhagen")
    return Content(
        travellers=tuple(Traveller(name, date(today.year - age, 3, 1 + at)) for at, (name, age) in enumerate(people)),
        phone="89 00 00 10",
        language=language,
        interpreter=language != "Dansk",
        wishes=tuple(stays[code] for code in wishes),
        why=_WHY,
        holds=("c1",),
        consent_on=today,
        consent_how="spoken",
    )
