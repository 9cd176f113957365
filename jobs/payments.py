"""Paying: a run is made for each payment date, clubs are told of what was released, the bank's files are read."""

from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from service.claims.calendar import usual_dates
from service.claims.terms import habits, payment_dates
from service.errors import Conflict, Refused
from service.jobs.work import JOB, Told, Work
from service.payments.remittance import send_advices
from service.payments.runs import create_run
from service.payments.samples import draw_samples
from service.payments.statuses import read_statuses

_LOCAL_URL: Final = "http://127.0.0.1:8000"


def make_run(session: Session, work: Work) -> Told:
    """Make the run of a payment date on the day after its cutoff; it is nobody's, and waits to be approved."""
    municipality, on = work.municipality, work.on
    own = payment_dates(session, on)
    dates = own or usual_dates(habits(session), municipality.country, on)
    due = [one for one in dates if one.cutoff < on <= one.pays_on]
    if not due:
        return Told("No payment date's cutoff was yesterday.", {"runs": 0})
    date = min(due, key=lambda one: one.pays_on)
    made_before = session.execute(
        text("SELECT number FROM payment_run WHERE pays_on = :on AND state <> 'cancelled'"), {"on": date.pays_on}
    ).scalar()
    if made_before is not None:
        return Told(f"Payment run {made_before} for {date.pays_on} stands already.", {"runs": 0})
    try:
        made = create_run(session, municipality, date.cutoff, JOB, date.pays_on)
    except Conflict as refusal:
        return Told(f"No run was made: {refusal.message}", {"runs": 0})
    said = f"Payment run {made.number}: {made.payments:,} payments for {made.claims:,} claims wait for approval."
    return Told(said, {"runs": 1, "payments": made.payments, "claims": made.claims})


def tell(session: Session, work: Work) -> Told:
    """Send the remittance advices of runs that were released, and draw the claims to be checked by lot; each once."""
    runs = session.execute(text(_RELEASED)).scalars().all()
    url, told, drawn = work.settings.public_url or _LOCAL_URL, 0, 0
    for run_id in runs:
        told += send_advices(session, work.municipality, work.keys(), run_id, url)
        drawn += draw_samples(session, work.municipality, run_id, JOB)
        session.execute(text("UPDATE payment_run SET told = true WHERE id = :id"), {"id": run_id})
    said = f"{told:,} clubs told of payments, {drawn:,} claims drawn for checks."
    return Told(said, {"clubs": told, "drawn": drawn})


def read_bank(work: Work) -> Told:
    """Read the files in HOME/inbox/bank/CODE, each in a transaction of its own; what was read is moved to `read`.

    A file that cannot be read goes to `refused` with the reason beside it. Killed in between, a file is found again and
    changes nothing.
    """
    folder = work.settings.home / "inbox" / "bank" / work.municipality.code
    read, refused = 0, []
    for path in sorted(folder.glob("*.xml")) if folder.is_dir() else []:
        try:
            with work.database.transaction(work.municipality.id) as session:
                read_statuses(session, work.municipality, path.read_bytes(), JOB)
        except Refused as refusal:
            refused.append(path.name)
            _move(path, folder / "refused").with_suffix(".txt").write_text(refusal.message, encoding="utf-8")
            continue
        _move(path, folder / "read")
        read += 1
    said = f"{read:,} files of the bank read."
    if refused:
        raise Conflict(
            "{read} {refused} files could not be read: {names}.",
            read=said,
            refused=len(refused),
            names=", ".join(refused),
        )
    return Told(said, {"files": read})


def _move(path: Path, to: Path) -> Path:
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path.replace(to / path.name)


_RELEASED = "SELECT id FROM payment_run WHERE released_at IS NOT NULL AND NOT told ORDER BY number FOR UPDATE"
