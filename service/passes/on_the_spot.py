"""A pass at the counter or on a home visit: found, decided, issued, and read out or printed, in one go."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import review, schemes
from service.eligibility.actions import one_at_a_time
from service.eligibility.review import Grounds, Round
from service.errors import Conflict, Invalid, NotFound
from service.identity.actions import Municipality
from service.letters.counter import print_at_counter
from service.passes.compose import compose_letters
from service.passes.review import issue_after_review
from service.register.persons import person_with
from service.values import clock, pass_numbers
from service.values.periods import period_of
from service.values.secrecy import KeyRing

MOST_FOUND = 20
DOUBLE_CLICK = timedelta(seconds=5)


class Sought(msgspec.Struct, frozen=True):
    """Whom to find: by the whole identity number, by the register's household, or by birth date and part of a name."""

    identity_number: str | None = None
    household_id: str | None = None
    birth_date: date | None = None
    name: str | None = None


class Candidate(msgspec.Struct, frozen=True):
    """A child in the register, with what is determined for the period and the pass of it, if there is any."""

    person_key: UUID
    given_name: str
    family_name: str
    birth_date: date
    household_id: str
    outcome: str | None
    reason: str | None
    pass_id: UUID | None
    pass_state: str | None


class OnTheSpot(msgspec.Struct, frozen=True):
    """A pass issued on the spot. `number` is grouped for reading out, None when it was shown already; øre."""

    act: UUID
    person_key: UUID
    given_name: str
    family_name: str
    pass_id: UUID
    number: str | None
    number_ending: str
    amount_ore: int
    valid_from: date
    valid_to: date
    letter_state: str


def spot_round(session: Session, municipality: Municipality, scheme: str | None = None) -> Round:
    """The period of a scheme in which today lies; the scheme that comes first by name where none is named."""
    names = session.execute(text('SELECT name FROM scheme ORDER BY name COLLATE "C"')).scalars().all()
    if not names:
        raise NotFound("There is no scheme yet. An administrator sets one.")
    name, today = scheme or names[0], clock.today(municipality.time_zone)
    version = schemes.version_on(session, municipality, name, today)
    period = period_of(version.parameters.period, today)
    for one in review.rounds(session, municipality):
        if (one.scheme_id, one.period_start) == (version.scheme_id, period.start):
            return one
    return Round(version.scheme_id, name, period.start, period.end, today, today.year)


_CHILD = """
    SELECT p.id AS person_key, p.given_name, p.family_name, p.birth_date, min(h.reference) AS household_id, d.outcome,
        d.reason, s.id AS pass_id, s.state AS pass_state
    FROM person p JOIN household_member m ON m.person_id = p.id AND m.relation = 'child'
    JOIN household h ON h.id = m.household_id
    LEFT JOIN determination d ON d.person_id = p.id AND d.scheme_id = :scheme AND d.period_start = :start
        AND d.ended_at IS NULL
    LEFT JOIN LATERAL (SELECT id, state FROM leisure_pass WHERE person_id = p.id AND scheme_id = :scheme
        AND valid_from = :start ORDER BY state = 'live' DESC, id DESC LIMIT 1) AS s ON true
    WHERE p.birth_date > CAST(CAST(:today AS date) - interval '18 years' AS date) AND {found}
    GROUP BY p.id, p.given_name, p.family_name, p.birth_date, d.outcome, d.reason, s.id, s.state
    ORDER BY p.birth_date, p.given_name, p.id LIMIT :limit
"""


def find_children(
    session: Session, municipality: Municipality, keys: KeyRing, round_: Round, sought: Sought, actor: Actor
) -> list[Candidate]:
    """The children of the register that are sought, one more than `MOST_FOUND` where there are too many; logged."""
    if sought.identity_number:
        person = person_with(session, municipality.country, keys.for_tenant(municipality.id), sought.identity_number)
        found = _children(session, municipality, round_, "p.id = :person", person=person)
    elif sought.household_id:
        found = _children(session, municipality, round_, _IN_HOUSEHOLD, household=sought.household_id)
    elif sought.birth_date and sought.name:
        # The birth date finds the rows; names compare letter by letter only among these few.
        born = _children(session, municipality, round_, "p.birth_date = :born", born=sought.birth_date)
        parts = sought.name.casefold().split()
        found = [one for one in born if all(_named(one, part) for part in parts)]
    else:
        raise Invalid("Write the identity number, the household, or the birth date with a name.")
    by = "identity_number" if sought.identity_number else "household" if sought.household_id else "name"
    shown = found[: MOST_FOUND + 1]
    details = {"by": by, "rows": len(shown)}
    seen: list[UUID | None] = [one.person_key for one in shown]
    for person_key in seen or [None]:
        record(session, municipality.id, actor, "passes.on_the_spot.find", ("person", person_key), details=details)
    return shown


_IN_HOUSEHOLD = "m.household_id IN (SELECT id FROM household WHERE reference = :household)"
_AT_MOST_BORN_ON_A_DAY = 2_000


def _children(
    session: Session, municipality: Municipality, round_: Round, found: str, **values: object
) -> list[Candidate]:
    today = clock.today(municipality.time_zone)
    of = {"scheme": round_.scheme_id, "start": round_.period_start, "today": today, "limit": _AT_MOST_BORN_ON_A_DAY}
    rows = session.execute(text(_CHILD.format(found=found)), of | values)
    return [msgspec.convert(row, Candidate, from_attributes=True) for row in rows]


def _named(child: Candidate, part: str) -> bool:
    names = f"{child.given_name} {child.family_name}".casefold().replace("-", " ").split()
    return any(name.startswith(part) for name in names)


def child_to_issue(session: Session, municipality: Municipality, round_: Round, person_key: UUID) -> Candidate:
    """The child who is to get a pass; refused where it stands in no household as a child, or has or had a pass."""
    found = _children(session, municipality, round_, "p.id = :person", person=person_key)
    if not found:
        raise NotFound("The register has no such child. Only children in the register get a pass here.")
    child = found[0]
    if child.pass_state == "live":
        raise Conflict("{name} has a pass already. If it is lost or misused, replace it.", name=child.given_name)
    if child.pass_state is not None:
        raise Conflict(
            "{name} had a pass in this period that was revoked; there is no other until {end}.",
            name=child.given_name,
            end=round_.period_end,
        )
    return child


def note_seen(session: Session, municipality: Municipality, person_key: UUID, actor: Actor) -> None:
    """Keep in the trail that a child was shown to somebody who may issue it a pass."""
    record(session, municipality.id, actor, "passes.on_the_spot.read", ("person", person_key))


def issue_on_the_spot(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    round_: Round,
    person_key: UUID,
    grounds: Grounds,
    actor: Actor,
) -> OnTheSpot:
    """Decide that a child of the register is entitled, whatever the rule said of it, and issue the pass.

    The number is in the answer, this once; a letter with it is queued. Refused outside of the scheme's ages.
    """
    one_at_a_time(session, round_.scheme_id)
    child_to_issue(session, municipality, round_, person_key)
    today = clock.today(municipality.time_zone)
    before = session.execute(
        text(
            """SELECT id FROM determination WHERE scheme_id = :scheme AND period_start = :start AND person_id = :person
            AND ended_at IS NULL"""
        ),
        {"scheme": round_.scheme_id, "start": round_.period_start, "person": person_key},
    ).scalar()
    run = review.determine(session, municipality, round_, "on_the_spot", [person_key], today, actor)
    act = review.add_act(session, municipality, round_, "on_the_spot", 1, actor, grounds, run=run)
    review.end_decisions(session, round_, [person_key])
    review.add_decisions(session, municipality, round_, act, {person_key: before})
    issue_after_review(session, municipality, keys, run, [person_key], actor)
    details = {"evidence": grounds.evidence, "scheme": round_.scheme}
    subject = ("review_act", act)
    record(session, municipality.id, actor, "passes.on_the_spot", subject, reason=grounds.reason, details=details)
    return _issued(session, municipality, keys, act, with_number=True)


def issued_on_the_spot(session: Session, municipality: Municipality, keys: KeyRing, act: UUID) -> OnTheSpot:
    """What was issued on the spot, without the number."""
    return _issued(session, municipality, keys, act, with_number=False)


_ISSUED = """
    SELECT a.id AS act, p.id AS person_key, p.given_name, p.family_name, s.id AS pass_id, s.number_cipher, s.amount_ore,
        s.valid_from, s.valid_to, l.id AS letter_id, l.state AS letter_state
    FROM review_act a JOIN review_decision d ON d.act_id = a.id JOIN person p ON p.id = d.person_id
    JOIN leisure_pass s ON s.person_id = p.id AND s.scheme_id = a.scheme_id AND s.valid_from = a.period_start
    JOIN pass_letter c ON c.pass_id = s.id JOIN letter l ON l.id = c.letter_id
    WHERE a.id = :act AND a.kind = 'on_the_spot' ORDER BY s.id, l.id LIMIT 1
"""


def _issued(session: Session, municipality: Municipality, keys: KeyRing, act: UUID, *, with_number: bool) -> OnTheSpot:
    row = session.execute(text(_ISSUED), {"act": act}).one_or_none()
    if row is None:
        raise NotFound("Nothing was issued on the spot here.")
    number = keys.for_tenant(municipality.id).decrypt(bytes(row.number_cipher))
    shown = {"number": pass_numbers.grouped(number) if with_number else None, "number_ending": number[-4:]}
    return msgspec.convert({**row._mapping, **shown}, OnTheSpot)


def sent_again(
    session: Session, municipality: Municipality, keys: KeyRing, person_key: UUID, actor: Actor
) -> OnTheSpot | None:
    """What a child got by the form that has now been sent once more, if it did.

    With the number where the same person sent it a moment before: of a double click only the second answer is seen.
    """
    last = session.execute(
        text(
            """SELECT a.id, a.made_at, a.made_by FROM review_act a JOIN review_decision d ON d.act_id = a.id
            WHERE a.kind = 'on_the_spot' AND d.person_id = :person ORDER BY a.id DESC LIMIT 1"""
        ),
        {"person": person_key},
    ).one_or_none()
    if last is None:
        return None
    clicked_twice = last.made_by == actor.account_id and clock.now() - last.made_at < DOUBLE_CLICK
    return _issued(session, municipality, keys, last.id, with_number=clicked_twice)


def print_on_the_spot(session: Session, municipality: Municipality, keys: KeyRing, act: UUID, actor: Actor) -> bytes:
    """The PDF of the letter that brings a pass issued on the spot, to be given to the family; it is not posted then."""
    row = session.execute(text(_ISSUED), {"act": act}).one_or_none()
    if row is None:
        raise NotFound("Nothing was issued on the spot here.")
    return print_at_counter(session, municipality, keys, compose_letters, row.letter_id, actor)
