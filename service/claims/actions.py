"""What a club does with a pass: check it, claim, withdraw.

A claim is read and decided with a lock on its pass, and written in one statement: of claims on one pass at the same
moment, and of a claim and a revocation, the later one sees what the earlier one left.
"""

from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import text

from service.audit.actions import record
from service.claims import ledger, rules
from service.claims.calendar import Habits, promised
from service.claims.desk import TOLD, TRAIL, Desk, act, count_miss, read, require_pass
from service.claims.ledger import Entry
from service.claims.rules import Asked, Coverage, Facts
from service.database.direct import array_of, fetch_one
from service.errors import N_, Conflict, FieldError, Invalid, NotFound
from service.values import clock

HIGHEST_FEE_ORE = 100_000_000
LONGEST = 100
"""How many characters a name, an activity or a reference may have."""


class NewClaim(msgspec.Struct, frozen=True):
    """A claim as a club writes it; amounts in øre. `kind` is the part of the pass that is to pay."""

    pass_number: str
    given_name: str
    fee_ore: int
    activity: str
    season_start: date
    season_end: date
    kind: str = "membership"
    sessions: int | None = None
    reservation: UUID | None = None
    reference: str | None = None
    family_share_paid_by: str = "family"


class Made(msgspec.Struct, frozen=True):
    """A claim as it was decided at once; amounts in øre."""

    id: UUID
    state: str
    fee_ore: int
    covered_ore: int
    family_share_ore: int
    reasons: tuple[str, ...]
    expected_payment_date: date | None


def check_coverage(
    desk: Desk,
    pass_number: str,
    given_name: str,
    fee_ore: int,
    fund: str = "membership",
    season_start: date | None = None,
) -> Coverage:
    """What a pass would pay of a fee for a season that begins on a day, today unless named. Keeps nothing.

    A miss is counted; after too many of them a club waits.
    """
    asked = Asked(fund, fee_ore, season_start or desk.today, season_start or desk.today, None, desk.today)
    facts = read(desk, asked, pass_number, given_name, lock=False)
    found = rules.coverage(facts, asked)
    if not found.name_matches:
        count_miss(desk)
    seen = facts.pass_id if found.valid else None
    record(desk.session, desk.municipality.id, desk.actor, "claims.check", ("leisure_pass", seen))
    return found


def submit_claim(desk: Desk, new: NewClaim) -> Made:
    """Claim a fee. The rules approve or reject it at once or leave it to a case worker, its amount held meanwhile.

    Refused, and counted as a miss, where no pass has the number; refused where the same reference was claimed already.
    """
    require_sound(new)
    asked = Asked(new.kind, new.fee_ore, new.season_start, new.season_end, new.sessions, desk.today)
    facts = require_pass(
        desk,
        read(desk, asked, new.pass_number, new.given_name, new.activity, new.reservation, new.reference),
    )
    _require_reservation(facts, new, desk.today)
    if facts.same_reference is not None:
        raise Conflict("This was claimed before under the reference {reference}.", reference=new.reference)
    if not facts.name_matches:
        count_miss(desk)
    decision = rules.decide(facts, asked)
    own, country = facts.dates or (), desk.municipality.country
    expected = promised(decision.state, desk.today, own, facts.habits or Habits(), country)
    at = clock.now()
    held = decision.covered_ore if decision.state != "rejected" else 0
    values = {
        "club": desk.club_id,
        "pass": facts.pass_id or facts.named_pass_id,
        "person": facts.person_id,
        "scheme": facts.scheme_id,
        "name": new.given_name,
        "activity": new.activity,
        "activity_kind": facts.activity_kind,
        "start": new.season_start,
        "end": new.season_end,
        "sessions": new.sessions,
        "fee": new.fee_ore,
        "covered": decision.covered_ore,
        "paid_by": new.family_share_paid_by,
        "reference": new.reference,
        "reservation": new.reservation if held else None,
        "state": decision.state,
        "reasons": array_of(decision.reasons),
        "decided": None if decision.state == "submitted" else at,
        "ended": at if decision.state == "rejected" else None,
        "expected": expected,
        **act(desk, {"state": decision.state, "reasons": list(decision.reasons)}),
        **ledger.values_of(desk.municipality.id, new.kind, _entries(facts, decision.state, held), at),
    }
    [made] = fetch_one(desk.session, _SUBMIT, values)
    return Made(
        made,
        decision.state,
        new.fee_ore,
        decision.covered_ore,
        new.fee_ore - decision.covered_ore,
        decision.reasons,
        expected,
    )


def require_sound(new: NewClaim) -> None:
    """Refuse what no claim can say, whatever the pass is; names every wrong field."""
    wrong = check_texts({"given_name": new.given_name, "activity": new.activity, "reference": new.reference})
    if not 0 < new.fee_ore <= HIGHEST_FEE_ORE:
        wrong.append(
            FieldError("fee_ore", "must be more than 0 and at most {most} kr", {"most": HIGHEST_FEE_ORE // 100})
        )
    if new.season_end < new.season_start:
        wrong.append(FieldError("season_end", "must not be before the season begins"))
    if wrong:
        raise Invalid("Some fields are wrong.", wrong)


def check_texts(texts: dict[str, str | None]) -> list[FieldError]:
    """What is wrong with texts that a club writes."""
    return [
        FieldError(name, N_("must be 1 to {most} readable characters"), {"most": LONGEST})
        for name, said in texts.items()
        if said is not None and (not said.strip() or len(said) > LONGEST or not said.isprintable())
    ]


def _entries(facts: Facts, state: str, held: int) -> list[Entry]:
    """What the claim does to the ledger: a reservation goes into it, whatever part of it is needed."""
    if not held or facts.pass_id is None:
        return []
    entries, to_pass = [], facts.pass_id
    if facts.reservation is not None:
        from_pass, ore = facts.reservation.pass_id, facts.reservation.reserved_ore
        entries.append(Entry(from_pass, "release", ore, "reservation"))
        if from_pass != to_pass:
            entries += [Entry(from_pass, "transfer", -ore), Entry(to_pass, "transfer", ore)]
    kind = "settle" if state == "approved" else "reserve"
    return [*entries, Entry(to_pass, kind, -held, "claim")]


def _require_reservation(facts: Facts, new: NewClaim, today: date) -> None:
    if new.reservation is None or facts.pass_id is None:
        return
    held = facts.reservation
    wrong = None
    if held is None or not held.same_child or held.fund != new.kind:
        wrong = FieldError("reservation", "is no reservation of the club for this child")
    elif held.state != "held" or held.until < today:
        wrong = FieldError("reservation", "has ended: claim without it")
    if wrong:
        raise Invalid("Some fields are wrong.", [wrong])


def withdraw_claim(desk: Desk, claim_id: UUID) -> None:
    """Take a claim back that is not being paid; its amount is the child's again."""
    row = desk.session.execute(text(_OWN), {"id": claim_id, "club": desk.club_id}).one_or_none()
    if row is None:
        raise NotFound("The club has no such claim.")
    kind = "release" if row.state == "submitted" else "reverse"
    entries = ledger.given_back(desk.session, row.pass_id, kind, row.covered_ore, "claim")
    at = clock.now()
    withdrawn = desk.session.execute(text(_WITHDRAW), {"id": claim_id, "state": row.state, "at": at}).scalar()
    if withdrawn is None:
        raise Conflict("The claim is not as it was: look at it again. One that is being paid cannot be withdrawn.")
    ledger.enter(desk.session, desk.municipality.id, row.kind, entries, at, claim_id=claim_id)
    record(desk.session, desk.municipality.id, desk.actor, "claims.withdraw", ("claim", claim_id))


_SUBMIT = f"""
    WITH made AS (
        INSERT INTO claim (tenant_id, club_id, pass_id, person_id, scheme_id, kind, given_name, activity, activity_kind,
            season_start, season_end, sessions, fee_ore, covered_ore, family_share_paid_by, reference, reservation_id,
            state, reasons, door, submitted_at, submitted_by, decided_at, ended_at, expected_payment_date)
        VALUES (%(tenant)s, %(club)s, %(pass)s, %(person)s, %(scheme)s, %(fund)s, %(name)s, %(activity)s,
            %(activity_kind)s, %(start)s, %(end)s, %(sessions)s, %(fee)s, %(covered)s, %(paid_by)s, %(reference)s,
            %(reservation)s::uuid, %(state)s, %(reasons)s, %(door)s, %(at)s, %(account)s, %(decided)s, %(ended)s,
            %(expected)s)
        RETURNING id
    ), taken AS (
        UPDATE reservation SET state = 'claimed', ended_at = %(at)s WHERE id = %(reservation)s::uuid
    ), entered AS ({ledger.ENTERED.format(claim="(SELECT id FROM made)", reservation="%(reservation)s::uuid")}),
    told AS (INSERT INTO audit_entry {TRAIL} SELECT {TOLD}, 'claims.submit', 'claim' FROM made)
    SELECT id FROM made
"""

_OWN = "SELECT pass_id, kind, state, covered_ore FROM claim WHERE id = :id AND club_id = :club"
_WITHDRAW = """UPDATE claim SET state = 'withdrawn', ended_at = :at, expected_payment_date = NULL
    WHERE id = :id AND state = :state AND state IN ('submitted', 'approved', 'returned') RETURNING id"""
