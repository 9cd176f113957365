"""Erasing and anonymising what has been kept long enough."""

from service.care.retention import apply_retention
from service.jobs.work import JOB, Told, Work


def retain(work: Work) -> Told:
    """Apply the municipality's retention rules; a run that was killed is brought to its end first."""
    made = apply_retention(work.database, work.municipality, work.on, True, JOB, work.progress, once=True)
    said = f"{made.total:,} rows erased or anonymised. Certificate: {made.certificate}"
    return Told(said, {"rows": made.total})
