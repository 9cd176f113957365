"""Issuing passes to the entitled children, and queueing the letters that bring them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import psycopg
from sqlalchemy import text
from sqlmodel import Session

from service.database.locks import one_at_a_time
from service.eligibility.parameters import Parameters
from service.identity.actions import Municipality
from service.letters.numbers import LAST_RUNNING_NUMBER, NEXT_LETTER_NUMBER
from service.values import clock, pass_numbers
from service.values.periods import Period, previous
from service.values.progress import Progress
from service.values.secrecy import KeyRing


class Issued(msgspec.Struct, frozen=True):
    """What an issue made: passes, letters with passes in them, and letters that tell a pass is not given again."""

    passes_issued: int
    passes_revoked: int
    letters_queued: int
    ended_letters: int


def issue_passes(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    scheme_id: UUID,
    period: Period,
    parameters: Parameters,
    progress: Progress,
) -> Issued:
    """Give every entitled child of a period its pass and queue one letter a household.

    A child that had a pass of the period, whatever became of it, gets no other: a family's no stands. Children who
    had one in the period before and are not entitled now are told so, once; who gave it up is not. Without a provider
    in the household each child has an envelope of its own, for they need not belong together.
    """
    values: dict[str, Any] = {
        "tenant": municipality.id,
        "scheme": scheme_id,
        "start": period.start,
        "end": period.end,
        "before": previous(parameters.period, period).start,
        "amount": parameters.amount_ore,
        "equipment": parameters.equipment_ore,
        "at": clock.now(),
        "lost": _LOST,
    }
    # Letter numbers run on, so issues of one municipality wait for each other.
    one_at_a_time(session, "letters", municipality.id)
    revoked = 0 if parameters.keep_when_lost else _revoke_lost(session, values)
    due, passes = _issue_due(session, municipality, keys, values, _DUE, progress)
    session.execute(text(_TO_TELL), values)
    ended = queue_letters(session, values, "to_tell", "ended")
    session.execute(text("DROP TABLE to_tell"))
    for table in ("leisure_pass", "pass_entry", "letter", "pass_letter", "ended_notice"):
        session.execute(text(f"ANALYZE {table}"))
    return Issued(passes_issued=due, passes_revoked=revoked, letters_queued=passes + ended, ended_letters=ended)


def issue_to(
    session: Session,
    municipality: Municipality,
    keys: KeyRing,
    scheme_id: UUID,
    period: Period,
    parameters: Parameters,
    persons: Sequence[UUID],
) -> Issued:
    """Give these children, as far as they are entitled, their pass of a period, as `issue_passes` does."""
    values: dict[str, Any] = {
        "tenant": municipality.id,
        "scheme": scheme_id,
        "start": period.start,
        "end": period.end,
        "amount": parameters.amount_ore,
        "equipment": parameters.equipment_ore,
        "at": clock.now(),
        "persons": list(persons),
    }
    one_at_a_time(session, "letters", municipality.id)
    theirs = f"{_DUE} AND d.person_id = ANY (:persons)"
    due, letters = _issue_due(session, municipality, keys, values, theirs, Progress())
    return Issued(passes_issued=due, passes_revoked=0, letters_queued=letters, ended_letters=0)


def _issue_due(
    session: Session, municipality: Municipality, keys: KeyRing, values: dict[str, Any], found: str, progress: Progress
) -> tuple[int, int]:
    """Make the passes that are found to be due and queue their letters; returns how many of both."""
    due: int = session.execute(text(found), values).rowcount  # type: ignore[attr-defined]
    progress.step(f"Issuing {due:,} passes")
    if due:
        _number(session, municipality, keys, due, progress)
        for statement in _ISSUE:
            session.execute(text(statement), values)
    letters = queue_letters(session, values, "due_pass", "pass")
    session.execute(text("DROP TABLE due_pass"))
    return due, letters


# In the order of the households, so that a letter's passes lie together.
_DUE = """
    CREATE TEMP TABLE due_pass ON COMMIT DROP AS
    SELECT row_number() OVER (ORDER BY d.household_id, d.person_id) AS place, uuidv7() AS id, d.id AS determination_id,
        d.person_id, d.household_id, CASE WHEN d.providers = 0 THEN d.person_id END AS child_id
    FROM determination d
    WHERE d.scheme_id = :scheme AND d.period_start = :start AND d.ended_at IS NULL AND d.outcome = 'entitled'
        AND NOT EXISTS (SELECT FROM leisure_pass p
            WHERE p.scheme_id = :scheme AND p.valid_from = :start AND p.person_id = d.person_id)
"""

_ISSUE = (
    "ANALYZE due_pass",
    "ANALYZE due_number",
    """INSERT INTO leisure_pass (tenant_id, id, number_hash, number_cipher, person_id, scheme_id, determination_id,
            valid_from, valid_to, amount_ore, equipment_ore, state, issued_at, issued_because)
        SELECT :tenant, due.id, number.hash, number.cipher, due.person_id, :scheme, due.determination_id, :start, :end,
            :amount, :equipment, 'live', :at, 'refresh'
        FROM due_pass due JOIN due_number number USING (place)""",
    """SELECT directory.keep_secrets('pass', array_agg(number.hash), array_agg(due.id))
        FROM due_pass due JOIN due_number number USING (place)""",
    """INSERT INTO pass_entry (tenant_id, pass_id, kind, fund, amount_ore, entered_at)
        SELECT :tenant, due.id, 'grant', fund.name, fund.ore, :at
        FROM due_pass due CROSS JOIN (VALUES
            ('membership', CAST(:amount AS bigint)), ('equipment', CAST(:equipment AS bigint))) AS fund (name, ore)
        WHERE fund.ore > 0""",
    "DROP TABLE due_number",
)

_TO_TELL = """
    CREATE TEMP TABLE to_tell ON COMMIT DROP AS
    SELECT p.id, d.id AS determination_id, d.person_id, d.household_id,
        CASE WHEN d.providers = 0 THEN d.person_id END AS child_id
    FROM determination d JOIN leisure_pass p ON p.scheme_id = d.scheme_id AND p.person_id = d.person_id
        AND p.valid_from = :before AND (p.state = 'live' OR p.ended_because = :lost)
    WHERE d.scheme_id = :scheme AND d.period_start = :start AND d.ended_at IS NULL AND d.outcome = 'not_entitled'
        AND NOT EXISTS (SELECT FROM ended_notice n
            WHERE n.scheme_id = :scheme AND n.period_start = :start AND n.person_id = d.person_id)
"""

_LOST = "entitlement lost"

# Also of those who have left the register; not of those whose case a person has to look at.
_REVOKE_LOST = """
    UPDATE leisure_pass p SET state = 'revoked', ended_at = :at, ended_because = :lost
    WHERE p.scheme_id = :scheme AND p.valid_from = :start AND p.state = 'live'
        AND NOT EXISTS (SELECT FROM determination d
            WHERE d.scheme_id = :scheme AND d.period_start = :start AND d.ended_at IS NULL
                AND d.person_id = p.person_id AND d.outcome <> 'not_entitled')
"""


def _revoke_lost(session: Session, values: dict[str, Any]) -> int:
    return int(session.execute(text(_REVOKE_LOST), values).rowcount)  # type: ignore[attr-defined]


def _number(session: Session, municipality: Municipality, keys: KeyRing, due: int, progress: Progress) -> None:
    """Draw a number for each pass to come, as hash and ciphertext."""
    secrets = keys.for_tenant(municipality.id)
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE due_number (place bigint, hash bytea, cipher bytea) ON COMMIT DROP")
        with cursor.copy("COPY due_number FROM STDIN") as copy:
            for place in range(1, due + 1):
                number = pass_numbers.generate()
                copy.write_row((place, keys.lookup_hash("pass", number), secrets.encrypt(number)))
                progress.at("Numbering passes", place, due)


def queue_letters(session: Session, values: dict[str, Any], source: str, kind: str) -> int:
    """Queue a letter for each envelope of `source`, and note what it carries; returns the letters.

    `source` is a temporary table with `household_id`, `child_id` (null where all of a household share an envelope) and
    what `_CARRIED` takes for the kind.
    """
    last = session.execute(text(LAST_RUNNING_NUMBER)).scalar_one()
    letters = session.execute(
        text(
            f"""CREATE TEMP TABLE envelope ON COMMIT DROP AS
            SELECT uuidv7() AS id, household_id, child_id,
                CAST(:last AS bigint) + row_number() OVER (ORDER BY household_id, child_id) AS number
            FROM {source} GROUP BY household_id, child_id"""
        ),
        {"last": last},
    ).rowcount  # type: ignore[attr-defined]
    session.execute(
        text(
            f"""INSERT INTO letter (tenant_id, id, number, kind, state, household_id, child_id, queued_at)
            SELECT :tenant, n.id, {NEXT_LETTER_NUMBER}, :kind, 'queued', n.household_id, n.child_id, :at
            FROM envelope n"""
        ),
        values | {"kind": kind},
    )
    session.execute(
        text(
            f"""{_CARRIED[kind]} FROM {source} s JOIN envelope
            ON envelope.household_id = s.household_id AND envelope.child_id IS NOT DISTINCT FROM s.child_id"""
        ),
        values,
    )
    session.execute(text("DROP TABLE envelope"))
    return int(letters)


_CARRIED = {
    "pass": "INSERT INTO pass_letter (tenant_id, letter_id, pass_id) SELECT :tenant, envelope.id, s.id",
    "ended": """INSERT INTO ended_notice
            (tenant_id, scheme_id, period_start, person_id, pass_id, determination_id, letter_id)
        SELECT :tenant, :scheme, :start, s.person_id, s.id, s.determination_id, envelope.id""",
    "invitation": """INSERT INTO review_decision
            (tenant_id, act_id, scheme_id, period_start, person_id, determination_id, letter_id)
        SELECT :tenant, :act, :scheme, :start, s.person_id, s.determination_id, envelope.id""",
}
"""What a letter of each kind carries."""
