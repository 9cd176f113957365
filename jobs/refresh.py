"""Deciding anew for every child; a result far off the last one waits for a second person."""

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.eligibility.actions import refresh
from service.errors import Invalid
from service.jobs.work import JOB, Told, Work
from service.passes.actions import issue_after


def decide(session: Session, work: Work) -> Told:
    """Refresh every scheme that has parameters on the planned day, and issue the passes of what is committed.

    The incomes that count are those of the day's year or, where no provider has any yet, the latest before it.
    """
    schemes = session.execute(text(_SCHEMES), {"on": work.on}).all()
    if not schemes:
        return Told("There is no scheme.", None)
    running = [row.name for row in schemes if row.runs]
    if not running:
        raise Invalid(
            "No scheme has parameters for {on}. Add them with `medspiller scheme set`, then run the job again.",
            on=work.on,
        )
    decided = [_decide(session, work, scheme) for scheme in running]
    counts = {name: sum(one.counts[name] for one in decided) for name in decided[0].counts}
    state = "held" if any(one.held for one in decided) else "committed"
    return Told(" ".join(one.said for one in decided), counts | {"state": state})


class _Decided(msgspec.Struct, frozen=True):
    said: str
    held: bool
    counts: dict[str, int]


def _decide(session: Session, work: Work, scheme: str) -> _Decided:
    year: int | None = session.execute(text(_INCOME_YEAR), {"year": work.on.year}).scalar()
    made = refresh(session, work.municipality, scheme, work.on, year, JOB, work.progress, commit=True)
    account = made.account
    said = f"{scheme} with the incomes of {made.income_year}: {account.entitled:,} of {account.children:,} children "
    said += f"entitled, {account.new:,} new, {account.lost:,} lost"
    counts = {name: getattr(account, name) for name in ("children", "entitled", "new", "lost")}
    if made.state != "committed" or made.run is None:
        said += f". Held: {made.held_because} A second person approves: medspiller eligibility approve {made.run}"
        return _Decided(said, True, counts | {"passes_issued": 0, "letters_queued": 0})
    issued = issue_after(session, work.municipality, work.keys(), made.run, JOB, work.progress)
    said += f"; {issued.passes_issued:,} passes issued, {issued.letters_queued:,} letters queued."
    passes = {"passes_issued": issued.passes_issued, "letters_queued": issued.letters_queued}
    return _Decided(said, False, counts | passes)


_SCHEMES = """SELECT s.name, EXISTS (SELECT FROM parameter_version v
        WHERE v.scheme_id = s.id AND v.valid_from <= :on AND (v.valid_to IS NULL OR v.valid_to >= :on)) AS runs
    FROM scheme s ORDER BY s.name"""
_INCOME_YEAR = """SELECT max(i.year) FROM income i JOIN person p USING (identity_hash)
    JOIN household_member m ON m.person_id = p.id AND m.relation = 'provider' WHERE i.year <= :year"""
