"""Ordering long work: asked for through a page or the API, done by a worker.

An order is a run that stands in no timetable. It is carried, claimed and tried again like every other; what a body does
for a kind stands in `jobs/orders.py`. A refusal is final, and for the person who ordered to see: it is no alarm.
"""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import Conflict, Invalid
from service.jobs import carrier
from service.values import clock

_LONGEST_KEY = 200


class ImportOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Import the files that were uploaded for this order: `population`, `income`, `decisions`."""

    files: list[str]


class ConfirmOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Merge an import that the gate held; whoever orders it confirms it."""

    import_id: UUID


class RefreshOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Refresh a scheme for a date; without `commit` a dry run. The income year is the date's unless named."""

    scheme: str
    on: date
    income_year: int | None = None
    commit: bool = False


class ApproveOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Commit a refresh that the gate held; whoever orders it approves it."""

    run: UUID


class RenderOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Render a print batch; without its number put what waits into batches and render all not handed over yet."""

    batch: Annotated[int, msgspec.Meta(ge=1)] | None = None


class HandOverOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hand a print batch over to the print provider."""

    batch: Annotated[int, msgspec.Meta(ge=1)]


class ReportOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Report the scheme's period in which `period_of` lies; counts under `threshold` are hidden."""

    scheme: str
    period_of: date
    threshold: Annotated[int, msgspec.Meta(ge=2, le=100)] | None = None


ARGUMENTS: dict[str, type[msgspec.Struct]] = {
    "register.import": ImportOrder,
    "register.confirm": ConfirmOrder,
    "eligibility.refresh": RefreshOrder,
    "eligibility.approve": ApproveOrder,
    "letters.render": RenderOrder,
    "letters.hand-over": HandOverOrder,
    "report.make": ReportOrder,
}
"""What can be ordered, and what is said with it. Ids, dates and flags: the run log outlives the people's data."""


def order(
    session: Session,
    tenant_id: UUID,
    kind: str,
    arguments: dict[str, Any],
    actor: Actor,
    once_key: str | None = None,
) -> UUID:
    """Order work for a municipality in this transaction: a worker has it if and only if this commits. Gives its id.

    `arguments` are those of the kind in `ARGUMENTS`. The same `once_key`, kind and person give the order that stands
    already, so that a double click orders one; refused where it was used for something else.
    """
    if once_key is not None and not 0 < len(once_key) <= _LONGEST_KEY:
        raise Invalid("The key of an order has 1 to {longest} characters.", longest=_LONGEST_KEY)
    try:
        known = msgspec.to_builtins(msgspec.convert(arguments, ARGUMENTS[kind]))
    except msgspec.ValidationError as error:
        raise Invalid("The order cannot be read: {because}.", because=str(error)) from None
    values = {
        "tenant": tenant_id,
        "job": kind,
        "at": clock.now(),
        "arguments": msgspec.json.encode(known).decode(),
        "account": actor.account_id,
        "token": actor.token_id,
        "door": actor.door,
        "key": once_key,
    }
    made: UUID | None = session.execute(text(_ADD), values).scalar()
    if made is None:
        return _standing(session, values)
    carrier.carry(session, tenant_id, kind, str(made))
    record(session, tenant_id, actor, "jobs.order", ("job_run", made), details={"job": kind})
    return made


def _standing(session: Session, values: dict[str, Any]) -> UUID:
    """The order that has the key, where it is the same person's and asks for the same."""
    found = session.execute(text(_STANDING), values).one()
    if not found.same:
        raise Conflict("This key was used for another order. Take a new key for a new order.")
    made: UUID = found.id
    return made


_ADD = """INSERT INTO job_run (tenant_id, id, job, period, due_at, state, attempts, arguments, ordered_by,
        ordered_with, door, once_key)
    SELECT :tenant, new.id, :job, new.id::text, :at, 'queued', 0, CAST(:arguments AS jsonb), :account, :token, :door,
        :key
    FROM (SELECT uuidv7() AS id) AS new
    ON CONFLICT (tenant_id, job, once_key) DO NOTHING RETURNING id"""
_STANDING = """SELECT id, arguments = CAST(:arguments AS jsonb)
        AND ordered_by IS NOT DISTINCT FROM CAST(:account AS uuid)
        AND ordered_with IS NOT DISTINCT FROM CAST(:token AS uuid) AS same
    FROM job_run WHERE job = :job AND once_key = :key"""
