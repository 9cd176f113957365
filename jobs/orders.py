"""What people order through pages and the API, done as the commands do it."""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.eligibility import actions as eligibility
from service.eligibility.commands import flat
from service.errors import Conflict, Forbidden, OneOf
from service.identity.actions import Approver
from service.identity.permissions import roles_that_may
from service.jobs import uploads
from service.jobs.orders import (
    ApproveOrder,
    ConfirmOrder,
    HandOverOrder,
    ImportOrder,
    RefreshOrder,
    RenderOrder,
    ReportOrder,
)
from service.jobs.work import Kind, Steps, Told, Whole, Work
from service.letters import printing
from service.letters.outbox import Outbox
from service.passes.actions import issue_after
from service.passes.compose import compose_letters
from service.register import actions as register
from service.reporting.actions import make_report
from service.reporting.report import IN_ORDER


def import_files(session: Session, work: Work) -> Told:
    """Import the uploaded files of the order; they are removed when it has ended."""
    folder, names = uploads.folder_of(work.settings.home, work.ordered.id), work.ordered.read(ImportOrder).files
    files = {name: folder / f"{name}.csv" for name in names}
    if not all(path.exists() for path in files.values()):
        raise Conflict("The uploaded files are not there any more. Upload them again.")
    made = register.import_extract(
        session,
        work.municipality,
        work.keys().for_tenant(work.municipality.id),
        files,
        work.settings.home / "imports",
        work.ordered.actor,
        work.progress,
    )
    return _imported(made)


def confirm_import(session: Session, work: Work) -> Told:
    """Merge an import that the gate held; whoever ordered it confirms it."""
    approver = _approver(session, work, "register.confirm")
    import_id = work.ordered.read(ConfirmOrder).import_id
    folder = work.settings.home / "imports"
    return _imported(register.confirm_import(session, approver, import_id, work.municipality.id, folder, work.progress))


def refresh(session: Session, work: Work) -> Told:
    """Refresh a scheme, dry or to be kept; what is committed issues its passes in the same transaction."""
    asked = work.ordered.read(RefreshOrder)
    made = eligibility.refresh(
        session,
        work.municipality,
        asked.scheme,
        asked.on,
        asked.income_year,
        work.ordered.actor,
        work.progress,
        commit=asked.commit,
    )
    return _refreshed(session, work, made)


def approve(session: Session, work: Work) -> Told:
    """Commit a refresh that the gate held, and issue its passes; whoever ordered it approves it."""
    approver = _approver(session, work, "eligibility.approve")
    run = work.ordered.read(ApproveOrder).run
    made = eligibility.approve(session, approver, run, work.municipality, work.progress)
    return _refreshed(session, work, made)


def render(work: Work) -> Told:
    """Make print batches of what waits, and render those not handed over yet, or one.

    The files lie where the hand-over renders them and takes them away: none is left behind.
    """
    batch, keys = work.ordered.read(RenderOrder).batch, work.keys()
    out = printing.print_folder(work.settings.home, work.municipality)
    if batch is None:
        printing.make_batches(work.database, work.municipality, keys, compose_letters, work.progress)
    made = printing.render(work.database, work.municipality, keys, out, batch, work.ordered.actor, work.progress)
    said = f"{made.letters:,} letters on {made.pages:,} pages in {made.batches:,} print batches."
    if made.held_back:
        said += f" {made.held_back:,} letters are held back."
    return Told(said, _named(made))


def hand_over(work: Work) -> Told:
    """Give a print batch to the print provider; without one it goes to the outbox."""
    home, municipality = work.settings.home, work.municipality
    batch = work.ordered.read(HandOverOrder).batch
    folder = printing.print_folder(home, municipality)
    outbox = Outbox(home / "outbox" / "print" / municipality.code)
    try:
        sent = printing.hand_over(
            work.database, municipality, work.keys(), outbox, folder, batch, work.ordered.actor, work.progress
        )
    except Conflict as already:
        # Nobody could order it once it was handed over, so an attempt before this one or the timetable did it.
        return Told(already.message, {"batch": batch, "letters": 0})
    return Told(f"{sent:,} letters of batch {batch} handed over.", {"batch": batch, "letters": sent})


def report(session: Session, work: Work) -> Told:
    """Report a period, into HOME/reports/CODE/orders/ORDER; made again it takes the place of what stands there."""
    asked = work.ordered.read(ReportOrder)
    folder = work.settings.home / "reports" / work.municipality.code / "orders" / str(work.ordered.id)
    made = make_report(
        session,
        work.municipality,
        asked.scheme,
        asked.period_of,
        folder,
        work.ordered.actor,
        threshold=asked.threshold,
        name="report",
    )
    totals = {measure: made.line(measure) for measure in IN_ORDER}
    outcome = {
        "scheme": made.scheme,
        "period": made.period,
        "period_before": made.before,
        "threshold": made.threshold,
        "totals": {measure: line.value for measure, line in totals.items()},
        "totals_before": {measure: line.before for measure, line in totals.items()},
        "figures": len(made.lines),
        "suppressed": made.suppressed,
        "files": [Path(file).name for file in made.files],
    }
    said = f"{made.scheme}, {made.period.start} to {made.period.end}: "
    said += f"{made.suppressed:,} of {len(made.lines):,} figures are hidden."
    return Told(said, msgspec.to_builtins(outcome))


def _approver(session: Session, work: Work, permission: str) -> Approver:
    """Who ordered it, where they still have a role that may do it; a system never has."""
    account, tenant = work.ordered.actor.account_id, work.municipality.id
    allowed = roles_that_may(permission)
    held = session.execute(
        text(
            """SELECT role FROM directory.places_of(:account)
            WHERE tenant_id = :tenant AND organisation_id IS NULL AND role = ANY(:allowed)"""
        ),
        {"account": account, "tenant": tenant, "allowed": list(allowed)},
    ).all()
    if account is None or not held:
        raise Forbidden("A person with the role {roles} must do this.", roles=OneOf(allowed))
    return Approver(account_id=account, email="", tenants=(tenant,), door=work.ordered.actor.door)


def _imported(made: register.ImportResult) -> Told:
    said = f"{made.persons:,} persons in {made.households:,} households, {made.incomes:,} incomes, "
    said += f"{made.decisions:,} awards accepted; {made.rejected:,} rows rejected, {made.unchanged:,} said nothing new."
    if made.state == "held":
        said = f"Held. {made.held_because} Nothing has changed yet. {said}"
    outcome = msgspec.to_builtins(made)
    # A path of the server is nobody's business: the list is asked for by the import's id.
    del outcome["rejected_file"]
    return Told(said, outcome)


def _refreshed(session: Session, work: Work, made: eligibility.Refresh) -> Told:
    account = made.account
    said = f"{account.entitled:,} of {account.children:,} children entitled on {made.on}, {account.new:,} new, "
    said += f"{account.lost:,} lost"
    issued: dict[str, Any] = {"passes_issued": 0, "passes_revoked": 0, "letters_queued": 0, "ended_letters": 0}
    if made.state == "committed" and made.run is not None:
        done = issue_after(session, work.municipality, work.keys(), made.run, work.ordered.actor, work.progress)
        issued = msgspec.to_builtins(done)
        said += f"; {done.passes_issued:,} passes issued, {done.letters_queued:,} letters queued."
    elif made.state == "held":
        said = f"Held. {made.held_because} Nothing has changed yet. {said}."
    else:
        said += ". A dry run: nothing has changed."
    return Told(said, msgspec.to_builtins(flat(made)) | issued)


def _named(made: printing.Rendered) -> dict[str, Any]:
    outcome: dict[str, Any] = msgspec.to_builtins(made)
    return outcome | {"files": [Path(file).name for file in made.files]}


ORDERS = (
    Kind("register.import", "Import an extract", Whole(import_files)),
    Kind("register.confirm", "Merge an import that was held", Whole(confirm_import)),
    Kind("eligibility.refresh", "Decide for every child", Whole(refresh)),
    Kind("eligibility.approve", "Commit a refresh that was held", Whole(approve)),
    Kind("letters.render", "Render print batches", Steps(render)),
    Kind("letters.hand-over", "Hand a print batch over", Steps(hand_over)),
    Kind("report.make", "Report what the passes achieve", Whole(report)),
)
"""What can be ordered; `service/jobs/orders.py` has the arguments of each."""
