"""Reporting every month what the passes achieve."""

from sqlalchemy import text
from sqlmodel import Session

from service.jobs.work import JOB, Told, Work
from service.reporting.actions import make_report


def report(session: Session, work: Work) -> Told:
    """Make the report of every scheme for the period of the planned day, under HOME/reports/CODE/SCHEME."""
    schemes = session.execute(text(_DETERMINED), {"on": work.on}).scalars().all()
    folder = work.settings.home / "reports" / work.municipality.code
    for scheme in schemes:
        make_report(session, work.municipality, scheme, work.on, folder / scheme, JOB)
    said = f"Reported {', '.join(schemes)}: {folder}."
    if not schemes:
        said = f"Nothing has been determined for a period with {work.on} in it; there is nothing to report."
    return Told(said, {"reports": len(schemes)})


_DETERMINED = """SELECT s.name FROM scheme s WHERE EXISTS (SELECT FROM refresh_run r
        WHERE r.scheme_id = s.id AND r.state = 'committed' AND :on BETWEEN r.period_start AND r.period_end)
    ORDER BY s.name"""
