"""Deciding anew for every child; a result far off the last one waits for a second person."""

from sqlalchemy import text
from sqlmodel import Session

from service.eligibility.actions import refresh
from service.errors import Invalid
from service.jobs.work import JOB, Work
from service.passes.actions import issue_after


def decide(session: Session, work: Work) -> str:
    """Refresh every scheme that has parameters on the planned day, and issue the passes of what is committed.

    The incomes that count are those of the day's year or, where no provider has any yet, the latest before it.
    """
    schemes = session.execute(text(_SCHEMES), {"on": work.on}).all()
    if not schemes:
        return "There is no scheme."
    running = [row.name for row in schemes if row.runs]
    if not running:
        raise Invalid(
            "No scheme has parameters for {on}. Add them with `medspiller scheme set`, then run the job again.",
            on=work.on,
        )
    return " ".join(_decide(session, work, scheme) for scheme in running)


def _decide(session: Session, work: Work, scheme: str) -> str:
    year: int | None = session.execute(text(_INCOME_YEAR), {"year": work.on.year}).scalar()
    made = refresh(session, work.municipality, scheme, work.on, year, JOB, work.progress, commit=True)
    account = made.account
    said = f"{scheme} with the incomes of {made.income_year}: {account.entitled:,} of {account.children:,} children "
    said += f"entitled, {account.new:,} new, {account.lost:,} lost"
    if made.state != "committed" or made.run is None:
        return f"{said}. Held: {made.held_because} A second person approves: medspiller eligibility approve {made.run}"
    issued = issue_after(session, work.municipality, work.keys(), made.run, JOB, work.progress)
    return f"{said}; {issued.passes_issued:,} passes issued, {issued.letters_queued:,} letters queued."


_SCHEMES = """SELECT s.name, EXISTS (SELECT FROM parameter_version v
        WHERE v.scheme_id = s.id AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to >= :on)) AS runs
    FROM scheme s ORDER BY s.name"""
_INCOME_YEAR = """SELECT max(i.year) FROM income i JOIN person p USING (identity_hash)
    JOIN household_member m ON m.person_id = p.id AND m.relation = 'provider' WHERE i.year <= :year"""
