"""What a run would pay: claims, payments and recoveries as temporary tables, built set-based from what is payable now.

A claim is payable where it is approved, or came back and its club's account was mended since. A club's claims are one
payment, less what it was over-paid before as far as they go; what is left of that is taken from a later one.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.identity.actions import Municipality


class Waiting(msgspec.Struct, frozen=True):
    """A club whose claims are left out, and why: a code of `models.WAITING`. The amount is øre."""

    club_id: UUID
    club_name: str
    reason: str
    claims: int
    amount_ore: int


class Plan(msgspec.Struct, frozen=True):
    """What the temporary tables hold: `payments` that bring money, claims, øre in all, and a digest of everything."""

    payments: int
    claims: int
    total_ore: int
    content: str
    waiting: tuple[Waiting, ...]


def build_plan(
    session: Session,
    municipality: Municipality,
    until: date,
    pays_on: date,
    as_of: datetime,
    run_id: UUID | None = None,
) -> Plan:
    """Make `plan_claim`, `plan_payment` and `plan_recovery` for claims decided until a day.

    Those of `run_id`, which may be open, count as payable; those of other open or released runs do not.
    """
    values: dict[str, Any] = {
        "until": until,
        "zone": municipality.time_zone,
        "as_of": as_of,
        "on": pays_on,
        "run": run_id,
    }
    for table in ("plan_payable", "plan_claim", "plan_payment", "plan_recovery"):
        session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{table}"))
    for statement in _BUILD:
        session.execute(text(statement), values)
    row = session.execute(text(_SUMMARY)).one()
    waiting = [msgspec.convert(one, Waiting, from_attributes=True) for one in session.execute(text(_WAITING))]
    return Plan(row.payments, row.claims, row.total_ore, row.content, tuple(waiting))


_PAYABLE = """
    CREATE TEMP TABLE plan_payable ON COMMIT DROP AS
    SELECT c.id AS claim_id, c.club_id, c.covered_ore, CASE
        WHEN b.state = 'suspended' THEN 'suspended'
        WHEN payee.id IS NULL THEN 'no_account'
        WHEN c.state = 'returned' AND NOT (SELECT p.payee_id <> payee.id OR p.retry_at IS NOT NULL
            FROM payment_claim l JOIN payment p ON p.id = l.payment_id
            WHERE l.claim_id = c.id AND p.state = 'rejected' ORDER BY p.id DESC LIMIT 1) THEN 'account_to_mend'
        END AS waits, payee.id AS payee_id
    FROM claim c JOIN club b ON b.id = c.club_id
    LEFT JOIN (
        SELECT DISTINCT ON (club_id) id, club_id FROM club_payee
        WHERE state IN ('approved', 'replaced') AND usable_from <= :on
        ORDER BY club_id, usable_from DESC, decided_at DESC, id DESC
    ) AS payee ON payee.club_id = c.club_id
    WHERE c.state IN ('approved', 'returned') AND c.decided_at <= :as_of
        AND (c.decided_at AT TIME ZONE :zone)::date <= :until
        AND NOT EXISTS (SELECT FROM payment_claim l JOIN payment p ON p.id = l.payment_id
            WHERE l.claim_id = c.id AND l.live AND p.run_id IS DISTINCT FROM CAST(:run AS uuid))
"""

_RECOVERY = """
    CREATE TEMP TABLE plan_recovery ON COMMIT DROP AS
    WITH open AS (
        SELECT r.id, r.club_id, r.amount_ore - coalesce((SELECT sum(u.amount_ore) FROM recovery_use u
            JOIN payment p ON p.id = u.payment_id
            WHERE u.recovery_id = r.id AND u.live AND p.run_id IS DISTINCT FROM CAST(:run AS uuid)), 0) AS left_ore
        FROM recovery r WHERE r.made_at <= :as_of AND r.club_id IN (SELECT club_id FROM plan_claim)
    ), queued AS (
        SELECT id, club_id, left_ore,
            coalesce(sum(left_ore) OVER (PARTITION BY club_id ORDER BY id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before_ore
        FROM open WHERE left_ore > 0
    )
    SELECT q.club_id, q.id AS recovery_id, least(q.left_ore, gross.ore - q.before_ore)::bigint AS amount_ore
    FROM queued q
    JOIN (SELECT club_id, sum(covered_ore) AS ore FROM plan_claim GROUP BY club_id) AS gross USING (club_id)
    WHERE gross.ore > q.before_ore
"""

_PAYMENT = """
    CREATE TEMP TABLE plan_payment ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY b.name COLLATE "C", b.id)::int AS place, b.id AS club_id, b.name, b.number,
        payee.id AS payee_id, payee.kind, payee.account, payee.cost_centre, r.kind AS reference_kind, r.reference,
        r.creditor, gross.ore AS gross_ore, gross.claims, coalesce(back.ore, 0)::bigint AS recovered_ore
    FROM (SELECT club_id, payee_id, sum(covered_ore)::bigint AS ore, count(*) AS claims FROM plan_claim GROUP BY 1, 2)
        AS gross
    JOIN club b ON b.id = gross.club_id JOIN club_payee payee ON payee.id = gross.payee_id
    LEFT JOIN payee_reference r ON r.club_id = b.id
    LEFT JOIN (SELECT club_id, sum(amount_ore) AS ore FROM plan_recovery GROUP BY club_id) AS back
        ON back.club_id = b.id
"""

_BUILD = (
    _PAYABLE,
    """CREATE TEMP TABLE plan_claim ON COMMIT DROP AS
    SELECT claim_id, club_id, covered_ore, payee_id FROM plan_payable WHERE waits IS NULL""",
    _RECOVERY,
    _PAYMENT,
    "ANALYZE plan_claim",
    "ANALYZE plan_payment",
)

# Of what is paid to whom, for which claims, and what is taken back for what. Aggregates of sorted text.
_SUMMARY = """
    SELECT count(*) FILTER (WHERE gross_ore > recovered_ore) AS payments,
        coalesce(sum(claims), 0)::bigint AS claims, coalesce(sum(gross_ore - recovered_ore), 0)::bigint AS total_ore,
        encode(sha256(convert_to(concat_ws(E'\\n',
            (SELECT string_agg(concat_ws('|', club_id, payee_id, kind, account, cost_centre, reference_kind, reference,
                creditor, name, number, gross_ore, recovered_ore), E'\\n' ORDER BY club_id) FROM plan_payment),
            (SELECT string_agg(claim_id || '|' || covered_ore, E'\\n' ORDER BY claim_id) FROM plan_claim),
            (SELECT string_agg(recovery_id || '|' || amount_ore, E'\\n' ORDER BY recovery_id) FROM plan_recovery)
        ), 'UTF8')), 'hex') AS content
    FROM plan_payment
"""

_WAITING = """
    SELECT p.club_id, b.name AS club_name, p.waits AS reason, count(*) AS claims,
        sum(p.covered_ore)::bigint AS amount_ore
    FROM plan_payable p JOIN club b ON b.id = p.club_id WHERE p.waits IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY b.name COLLATE "C", 1
"""
