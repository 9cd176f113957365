"""What a letter says: read from the register, the determinations and the passes when its batch is made."""

import secrets as randomness
from collections.abc import Iterator, Sequence
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.identity.actions import Municipality
from service.letters.content import EndedPass, Ground, InvitedChild, Letter, PassSheet
from service.letters.printing import Composed, HeldBack
from service.letters.settings import Signature
from service.register.models import MADE_HERE
from service.values import clock, pass_numbers
from service.values.secrecy import KeyRing, TenantSecrets

_GROUNDS = get_args(Ground)
_AND = {"da": "og", "nb": "og", "en": "and"}

_ENVELOPES = """
    SELECT l.id, l.number, l.kind, l.household_id, l.child_id, l.address,
        (SELECT jsonb_agg(jsonb_build_object('name', p.given_name || ' ' || p.family_name, 'relation', m.relation,
                'id', p.id, 'street', m.street, 'postcode', m.postcode, 'city', m.city, 'language', p.language,
                'protected', m.address_protected) ORDER BY p.birth_date, p.id)
            FROM household_member m JOIN person p ON p.id = m.person_id
            WHERE m.household_id = l.household_id) AS members
    FROM letter l WHERE l.id = ANY (:letters)
"""

_CHILDREN = """
    SELECT c.letter_id, p.person_id, p.number_cipher, p.valid_from, p.valid_to, p.amount_ore, p.equipment_ore,
        person.given_name, person.family_name, person.birth_date, r.income_year, v.source,
        CASE WHEN d.reason = 'decision' AND d.award_ground = ANY (:made_here) THEN 'review' ELSE d.reason END AS reason
    FROM (
        SELECT l.letter_id, l.pass_id, own.determination_id
        FROM pass_letter l JOIN leisure_pass own ON own.id = l.pass_id AND own.state = 'live'
        WHERE l.letter_id = ANY (:letters)
        UNION ALL SELECT n.letter_id, n.pass_id, n.determination_id FROM ended_notice n
        WHERE n.letter_id = ANY (:letters) AND NOT EXISTS (SELECT FROM leisure_pass got
            WHERE got.person_id = n.person_id AND got.scheme_id = n.scheme_id AND got.valid_from = n.period_start
                AND got.state = 'live')
    ) AS c
    JOIN leisure_pass p ON p.id = c.pass_id
    JOIN person ON person.id = p.person_id
    JOIN determination d ON d.id = c.determination_id
    JOIN refresh_run r ON r.id = d.run_id
    JOIN parameter_version v ON v.id = d.parameter_version_id
    ORDER BY person.birth_date, person.given_name, person.id
"""

# Whoever was decided about since, or left the register, is not invited any more.
_INVITED = """
    SELECT i.letter_id, i.person_id, person.given_name, person.family_name, person.birth_date, d.reason, r.income_year,
        v.source
    FROM review_decision i
    JOIN person ON person.id = i.person_id
    JOIN determination d ON d.scheme_id = i.scheme_id AND d.period_start = i.period_start
        AND d.person_id = i.person_id AND d.ended_at IS NULL AND d.outcome = 'needs_review'
    JOIN refresh_run r ON r.id = d.run_id
    JOIN parameter_version v ON v.id = d.parameter_version_id
    WHERE i.letter_id = ANY (:letters) AND i.ended_at IS NULL
    ORDER BY person.birth_date, person.given_name, person.id
"""

# Letters of one mailing may lie in several batches: each keeps its code, so only what was sent before ends.
_END_CODES = """
    UPDATE private_code SET ended_at = :at
    FROM letter old, letter new
    WHERE private_code.letter_id = old.id AND old.state <> 'batched' AND private_code.ended_at IS NULL
        AND new.id = ANY (:letters) AND old.household_id = new.household_id
        AND old.child_id IS NOT DISTINCT FROM new.child_id
"""

_KEEP_CODES = """
    INSERT INTO private_code (tenant_id, id, household_id, letter_id, code_hash, made_at)
    SELECT :tenant, k.id, k.household_id, k.letter_id, k.hash, :at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:households AS uuid[]), CAST(:letters AS uuid[]), CAST(:hashes AS bytea[]))
        AS k (id, household_id, letter_id, hash)
"""


def compose_letters(
    session: Session, municipality: Municipality, keys: KeyRing, signature: Signature, letters: Sequence[UUID]
) -> Iterator[Composed]:
    """Compose queued letters, in their order. Each comes with a new private code; that of the last letter sent ends.

    A letter that cannot reach its children is held back; one whose passes are all gone, or that tells of an end that is
    none any more, has nothing left to say (None).
    """
    secrets = keys.for_tenant(municipality.id)
    envelopes = {row.id: row for row in session.execute(text(_ENVELOPES), {"letters": list(letters)})}
    children: dict[UUID, list[Any]] = {}
    for query in (_CHILDREN, _INVITED):
        for child in session.execute(text(query), {"letters": list(letters), "made_here": list(MADE_HERE)}):
            children.setdefault(child.letter_id, []).append(child)
    codes: list[tuple[UUID, UUID, str]] = []
    for letter_id in letters:
        envelope = envelopes[letter_id]
        said: Letter | HeldBack | None = None
        if letter_id in children:
            code = _private_code()
            said = _letter(envelope, children[letter_id], municipality, signature, secrets, code)
            if isinstance(said, Letter):
                codes.append((letter_id, envelope.household_id, code))
        yield Composed(letter_id, said)
    _keep_codes(session, municipality, keys, codes)


def _private_code() -> str:
    """Sixteen digits: it must not look like a pass number, which is for the club."""
    digits = f"{randomness.randbelow(10**16):016}"
    return " ".join(digits[at : at + 4] for at in range(0, 16, 4))


def _keep_codes(
    session: Session, municipality: Municipality, keys: KeyRing, codes: list[tuple[UUID, UUID, str]]
) -> None:
    if not codes:
        return
    ids = session.execute(text("SELECT uuidv7() FROM generate_series(1, :n)"), {"n": len(codes)}).scalars().all()
    hashes = [keys.lookup_hash("family", code.replace(" ", "")) for _, _, code in codes]
    values = {
        "tenant": municipality.id,
        "at": clock.now(),
        "ids": list(ids),
        "households": [household_id for _, household_id, _ in codes],
        "letters": [letter_id for letter_id, _, _ in codes],
        "hashes": hashes,
    }
    session.execute(text(_END_CODES), values)
    session.execute(text(_KEEP_CODES), values)
    session.execute(
        text("SELECT directory.keep_secrets('family', CAST(:hashes AS bytea[]), CAST(:ids AS uuid[]))"), values
    )


def _letter(
    envelope: Any,
    children: list[Any],
    municipality: Municipality,
    signature: Signature,
    secrets: TenantSecrets,
    code: str,
) -> Letter | HeldBack:
    members: list[dict[str, Any]] = envelope.members or []
    addressed = _addressed(envelope, members, children)
    if isinstance(addressed, HeldBack):
        return addressed
    if wordless := [child.reason for child in children if child.reason not in _GROUNDS]:
        return HeldBack(f"There are no words for the reason {wordless[0]}.")
    first = children[0]
    adults = [member for member in members if member["relation"] == "provider"]
    language = next((member["language"] for member in adults or members if member["language"]), None)
    return Letter(
        number=envelope.number,
        kind=envelope.kind,
        language=language,
        recipient=_names(municipality, adults, children) + addressed,
        sender=signature.sender(municipality),
        window=signature.envelope(),
        date=clock.today(municipality.time_zone),
        grounds=tuple(dict.fromkeys(child.reason for child in children)),
        private_code=code,
        apply_url=signature.apply,
        page_url=signature.page,
        passes=tuple(_sheet(child, signature, secrets) for child in children if envelope.kind == "pass"),
        ended=tuple(
            EndedPass(_name(child), child.birth_date, child.valid_to) for child in children if envelope.kind == "ended"
        ),
        invited=tuple(
            InvitedChild(_name(child), child.birth_date) for child in children if envelope.kind == "invitation"
        ),
        income_year=first.income_year if any(child.reason.startswith("income") for child in children) else None,
        rule=first.source,
        protected=any(member["protected"] for member in members),
    )


def _addressed(envelope: Any, members: list[dict[str, Any]], children: list[Any]) -> tuple[str, ...] | HeldBack:
    """The lines of the address, or why there is none to write to. The child's own register address decides."""
    living = {UUID(member["id"]): member for member in members}
    if any(child.person_id not in living for child in children):
        return HeldBack("A child has left the household. To send its pass to where it lives, replace the pass.")
    where = envelope.address or living[children[0].person_id]
    if not (where["street"] and where["postcode"] and where["city"]):
        return HeldBack("The register has no full address.")
    if not all(_name(child) for child in children):
        return HeldBack("The register has no name for the child.")
    return (where["street"], f"{where['postcode']} {where['city']}")


def _names(municipality: Municipality, adults: list[dict[str, Any]], children: list[Any]) -> tuple[str, ...]:
    """To whom: the providers or, where the register names none, the child."""
    names = [adult["name"].strip() for adult in adults[:2] if adult["name"].strip()]
    if not names:
        names = [_name(children[0])]
    joined = f" {_AND[municipality.language]} ".join(names)
    return (joined,) if len(joined) <= 45 else tuple(names)


def _name(child: Any) -> str:
    return f"{child.given_name} {child.family_name}".strip()


def _sheet(child: Any, signature: Signature, secrets: TenantSecrets) -> PassSheet:
    number = secrets.decrypt(child.number_cipher)
    return PassSheet(
        number=pass_numbers.grouped(number),
        bare_number=number,
        child_name=_name(child),
        birth_date=child.birth_date,
        amount_ore=child.amount_ore,
        valid_from=child.valid_from,
        valid_to=child.valid_to,
        club_contact=signature.phone or signature.email,
        equipment_ore=child.equipment_ore or None,
    )
