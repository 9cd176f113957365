"""Erasing and anonymising what has been kept long enough."""

from service.account.closing import close_due
from service.care.retention import apply_retention
from service.identity.actions import list_organisations
from service.jobs.work import JOB, Told, Work


def retain(work: Work) -> Told:
    """Apply the municipality's retention rules; a run that was killed is brought to its end first."""
    made = apply_retention(work.database, work.municipality, work.on, True, JOB, work.progress, once=True)
    said = f"{made.total:,} rows erased or anonymised. Certificate: {made.certificate}"
    return Told(said, {"rows": made.total})


def retain_holidays(work: Work) -> Told:
    """Close what accounts of seasons are due, then apply the retention rules of each volunteer organisation."""
    with work.database.transaction() as session:
        organisations = list_organisations(session)
    closed = rows = 0
    for one in organisations:
        closed += len(close_due(work.database, work.keys(), one, work.on, JOB))
        rows += apply_retention(work.database, one, work.on, True, JOB, work.progress, once=True).total
    return Told(f"{closed} accounts of seasons closed, {rows:,} rows erased.", {"accounts": closed, "rows": rows})
