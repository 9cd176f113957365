"""Who read and who changed what of a household or a person, and of a whole family."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.queries import Condition
from service.errors import Conflict, FieldError, Invalid, NotFound
from service.passes.actions import find_pass
from service.register.persons import person_with
from service.values.secrecy import KeyRing

BY_SUBJECT = (
    "audit.family",
    "claims.approve",
    "claims.check",
    "claims.read",
    "claims.reject",
    "claims.reservation",
    "claims.reserve",
    "claims.submit",
    "claims.withdraw",
    "eligibility.approve",
    "eligibility.explain",
    "eligibility.refresh",
    "households",
    "letters",
    "passes.issue",
    "passes.on_the_spot",
    "passes.read",
    "passes.replace",
    "passes.revoke",
    "payments.sample",
    "referrals",
    "register",
    "review.choose",
    "review.invite",
    "review.leave",
    "review.take_back",
    "review.yes",
)
"""Actions, or their beginnings, whose subject tells whether they concerned a family: see `Family.own` and `shared`."""

LISTED = (
    "care.retention",
    "claims.list",
    "claims.reservations",
    "eligibility.determinations.read",
    "eligibility.export",
    "households.search",
    "passes.list",
    "referrals.hand_over",
    "referrals.list",
    "review.export",
    "review.read",
)
"""Actions on many at once that no subject tells of: `_ON_A_LIST` says when a family was among them."""

OF_NOBODY = (
    "account",
    "allocation",
    "audit.list",
    "care.keys",
    "care.retention.set",
    "claims.budget",
    "claims.habits",
    "claims.payment_date",
    "claims.terms",
    "clubs",
    "eligibility.parameters.set",
    "identity",
    "jobs",
    "offers",
    "payments",
    "payments.sample.draw",
    "reporting",
    "stays",
    "travel",
)
"""Actions that never concern a family: they read and change nothing of one."""


class Family(msgspec.Struct, frozen=True):
    """Whose reads and changes are asked for: a household, or a person who lives in none.

    `own` are the ids under which the trail knows the family: the household's, its members', and those of their
    determinations, passes and letters. `shared` are those of what also concerned others: the imports, refreshes,
    case workers' decisions and print batches they were in.
    """

    id: UUID
    kind: str
    persons: frozenset[UUID]
    own: frozenset[UUID]
    shared: frozenset[UUID]

    @property
    def entries(self) -> Condition:
        """What the trail says of the family: of it alone, of what it was in, and of lists and files that it was on.

        Of a page of a list the trail keeps the filters and not the rows: such a page counts where it may have held the
        family.
        """
        values = {"of_family": [*self.own, *self.shared], "persons": list(self.persons)}
        return Condition(f"(e.subject_id = ANY (:of_family) OR {_ON_A_LIST})", values)


_IN_FORCE = """EXISTS (SELECT FROM determination d JOIN refresh_run r ON r.id = d.run_id
        WHERE d.person_id = ANY (:persons) AND r.committed_at <= e.at"""
_ON_A_LIST = f"""(e.action = 'passes.list' AND EXISTS (SELECT FROM leisure_pass p
        WHERE p.person_id = ANY (:persons) AND p.issued_at <= e.at
            AND coalesce(e.details ->> 'person_key', p.person_id::text) = p.person_id::text))
    OR (e.action = 'eligibility.determinations.read' AND {_IN_FORCE}
            AND coalesce(e.subject_id, d.scheme_id) = d.scheme_id
            AND coalesce(e.details #>> '{{filters,run}}', d.run_id::text) = d.run_id::text))
    OR (e.action = 'eligibility.export' AND {_IN_FORCE} AND coalesce(d.ended_at, e.at) >= e.at
            AND (d.scheme_id, d.period_start) = (SELECT scheme_id, period_start FROM refresh_run
                WHERE id = e.subject_id)))
    OR (e.action IN ('review.export', 'review.read') AND {_IN_FORCE} AND coalesce(d.ended_at, e.at) >= e.at
            AND d.outcome = 'needs_review' AND d.scheme_id = e.subject_id))
    OR (e.action IN ('referrals.list', 'referrals.list.read', 'referrals.list.export', 'referrals.hand_over')
            AND EXISTS (SELECT FROM referral_traveller t JOIN referral f ON f.id = t.referral_id
                WHERE t.person_id = ANY (:persons) AND f.sent_at <= e.at AND e.subject_id IN (f.season_id,
                    (SELECT l.id FROM referral_list l WHERE l.id = e.subject_id AND l.season_id = f.season_id))))
    OR (e.action = 'households.search' AND EXISTS (SELECT FROM jsonb_array_elements_text(e.details -> 'shown') AS s (id)
            WHERE CAST(s.id AS uuid) = ANY (:persons)))
    OR (e.action = 'claims.list' AND EXISTS (SELECT FROM claim c WHERE c.person_id = ANY (:persons)
            AND c.submitted_at <= e.at AND (e.subject_kind <> 'organisation' OR c.club_id = e.subject_id)))
    OR (e.action = 'claims.reservations.list' AND EXISTS (SELECT FROM reservation v JOIN leisure_pass p
            ON p.id = v.pass_id WHERE p.person_id = ANY (:persons) AND v.made_at <= e.at AND v.club_id = e.subject_id))
    OR (e.action = 'care.retention' AND EXISTS (SELECT FROM person c
        WHERE c.id = ANY (:persons) AND c.learned_at <= e.at))"""

_OF_PERSONS = """
    SELECT id FROM determination WHERE person_id = ANY (:persons)
    UNION SELECT id FROM leisure_pass WHERE person_id = ANY (:persons)
    UNION SELECT c.letter_id FROM pass_letter c JOIN leisure_pass p ON p.id = c.pass_id
        WHERE p.person_id = ANY (:persons)
    UNION SELECT id FROM claim WHERE person_id = ANY (:persons)
    UNION SELECT s.id FROM sample_check s JOIN claim c ON c.id = s.claim_id WHERE c.person_id = ANY (:persons)
    UNION SELECT v.id FROM reservation v JOIN leisure_pass p ON p.id = v.pass_id WHERE p.person_id = ANY (:persons)
    UNION SELECT letter_id FROM ended_notice WHERE person_id = ANY (:persons)
    UNION SELECT letter_id FROM review_decision WHERE person_id = ANY (:persons) AND letter_id IS NOT NULL
    UNION SELECT id FROM letter WHERE child_id = ANY (:persons)
    UNION SELECT referral_id FROM referral_traveller WHERE person_id = ANY (:persons)
    UNION SELECT r.case_id FROM referral_traveller t JOIN referral r ON r.id = t.referral_id
        WHERE t.person_id = ANY (:persons) AND r.case_id IS NOT NULL
"""

# An import writes its rows before its own entry in the trail, and one of a municipality waits for the other: of what
# was learned at an instant the next entry tells the import.
_SHARED = """
    SELECT run_id FROM determination WHERE person_id = ANY (:persons)
    UNION SELECT ended_by_run_id FROM determination WHERE person_id = ANY (:persons) AND ended_by_run_id IS NOT NULL
    UNION SELECT act_id FROM review_decision WHERE person_id = ANY (:persons)
    UNION SELECT batch_id FROM letter WHERE id = ANY (:own) AND batch_id IS NOT NULL
    UNION SELECT import_id FROM person_past WHERE id = ANY (:persons)
    UNION SELECT import_id FROM household_member_past WHERE person_id = ANY (:persons)
    UNION SELECT (SELECT i.subject_id FROM audit_entry i
            WHERE i.action IN ('register.import', 'register.import.confirm') AND i.at >= known.since
            ORDER BY i.at, i.id LIMIT 1)
        FROM (SELECT learned_at AS since FROM person WHERE id = ANY (:persons)
            UNION SELECT learned_at FROM household_member WHERE person_id = ANY (:persons)
            UNION SELECT learned_at FROM household_member_past WHERE person_id = ANY (:persons)) AS known
"""

# Who lives there now; of a household that is no more, who did. Somebody who has moved out is another family's.
_MEMBERS = """
    SELECT person_id FROM household_member WHERE household_id = :household
    UNION SELECT person_id FROM household_member_past WHERE household_id = :household
        AND NOT EXISTS (SELECT FROM household_member WHERE household_id = :household)
"""


def find_family(
    session: Session,
    tenant_id: UUID,
    country: str,
    keys: KeyRing,
    *,
    identity_number: str | None = None,
    household: str | None = None,
    pass_number: str | None = None,
) -> Family:
    """The family that is named in exactly one of these ways; the household as the register names it."""
    named = {"identity_number": identity_number, "household": household, "pass_number": pass_number}
    if sum(one is not None for one in named.values()) != 1:
        wrong = [FieldError(name, "must be the only one of the three") for name in named]
        raise Invalid("Name the family in one way: by an identity number, a household or a pass number.", wrong)
    if household is not None:
        return family_of_household(session, _household(session, household))
    if pass_number is not None:
        return family_of_person(session, _holder(session, keys, pass_number))
    return family_of_person(session, person_with(session, country, keys.for_tenant(tenant_id), str(identity_number)))


def _household(session: Session, reference: str) -> UUID:
    found: UUID | None = session.execute(
        text("SELECT id FROM household WHERE reference = :reference"), {"reference": reference.strip()}
    ).scalar()
    if found is None:
        raise NotFound("There is no household {household} in the register.", household=reference)
    return found


def _holder(session: Session, keys: KeyRing, number: str) -> UUID:
    holder: UUID = session.execute(
        text("SELECT person_id FROM leisure_pass WHERE id = :id"), {"id": find_pass(session, keys, number)}
    ).scalar_one()
    return holder


def family_by_id(session: Session, family_id: UUID) -> Family:
    """The family of the household with this id or, where it is a person's, of that person."""
    if session.execute(text("SELECT 1 FROM household WHERE id = :id"), {"id": family_id}).scalar():
        return family_of_household(session, family_id)
    return family_of_person(session, family_id)


def family_of_household(session: Session, household: UUID) -> Family:
    """A household, whoever lives in it, and their cases."""
    members = session.execute(text(_MEMBERS), {"household": household}).scalars().all()
    letters = session.execute(text("SELECT id FROM letter WHERE household_id = :household"), {"household": household})
    return _family(session, household, "household", members, {household, *letters.scalars()})


def family_of_person(session: Session, person_key: UUID) -> Family:
    """The household in which a person lives; where the register knows none, the person alone.

    Refused where it knows several: each is a family of its own, and neither is told of the other.
    """
    if not session.execute(text("SELECT 1 FROM person WHERE id = :id"), {"id": person_key}).scalar():
        raise NotFound("There is no person {person} in the register.", person=person_key)
    homes = session.execute(
        text("SELECT household_id FROM household_member WHERE person_id = :person"), {"person": person_key}
    )
    households = homes.scalars().all()
    if len(households) > 1:
        raise Conflict(
            "This person stands in several households, each a family of its own. Name the family by its household or "
            "by the identity number of a parent."
        )
    if households:
        return family_of_household(session, households[0])
    return _family(session, person_key, "person", [person_key], set())


def subjects_of_household(session: Session, reference: str) -> set[UUID]:
    """The ids under which the trail knows a household: its own, its members' and those of their cases."""
    return set(family_of_household(session, _household(session, reference)).own)


def subjects_of_person(session: Session, person_key: UUID) -> set[UUID]:
    """The ids under which the trail knows a person: its own and those of its case."""
    if not session.execute(text("SELECT 1 FROM person WHERE id = :id"), {"id": person_key}).scalar():
        raise NotFound("There is no person {person} in the register.", person=person_key)
    return _of_persons(session, [person_key])


def _family(session: Session, id_: UUID, kind: str, members: Sequence[UUID], more: set[UUID]) -> Family:
    own = more | _of_persons(session, list(members))
    values = {"persons": list(members), "own": list(own)}
    shared = {one for one in session.execute(text(_SHARED), values).scalars() if one is not None}
    return Family(id_, kind, frozenset(members), frozenset(own), frozenset(shared))


def _of_persons(session: Session, persons: list[UUID]) -> set[UUID]:
    return {*persons, *session.execute(text(_OF_PERSONS), {"persons": persons}).scalars()}
