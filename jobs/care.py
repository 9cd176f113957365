"""Erasing and anonymising what has been kept long enough."""

from service.care.retention import apply_retention
from service.identity.actions import Municipality, Tenant
from service.jobs.work import JOB, Told, Work


def retain(work: Work) -> Told:
    """Apply the rules of a municipality or organisation; a run that was killed is brought to its end first."""
    of = work.place.municipality or _like(work.organisation)
    made = apply_retention(work.database, of, work.on, True, JOB, work.progress, once=True)
    said = f"{made.total:,} rows erased or anonymised. Certificate: {made.certificate}"
    return Told(said, {"rows": made.total})


def _like(organisation: Tenant) -> Municipality:
    """An organisation for the rules, which ask of a municipality for no more than its code, name and clock."""
    return Municipality(**{name: getattr(organisation, name) for name in Municipality.__struct_fields__})
