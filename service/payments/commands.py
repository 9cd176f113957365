"""`medspiller payments`: the three steps of a run, what the bank says, and from which account is paid."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service import console
from service.audit.actions import COMMAND, Actor
from service.database.tenancy import act_for
from service.errors import Conflict, Forbidden, NotFound, Refused
from service.identity.actions import Municipality, act_where, find_approver, find_municipality, municipality_by_id
from service.identity.permissions import roles_that_may
from service.payments import runs, statuses
from service.payments.bank_file import BankFile, write_bank_file
from service.payments.runs import Run
from service.payments.settings import set_settings, settings_of

_RUN = click.argument("run_id", metavar="RUN", type=console.AN_ID)
_OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="F.xml")


class _At(msgspec.Struct, frozen=True):
    """A transaction for a municipality, and the person who acts."""

    session: Session
    municipality: Municipality
    actor: Actor


@click.group()
def payments() -> None:
    """Payment runs: made by one person, approved by another, released by a third."""


@contextmanager
def _in(code: str, email: str, permission: str) -> Iterator[_At]:
    """Act for a municipality as somebody who may do this there."""
    with console.database() as database, database.transaction() as session:
        approver = find_approver(session, email, roles_that_may(permission))
        municipality = find_municipality(session, code)
        if municipality.id not in approver.tenants:
            raise Forbidden("{email} may not do this in {name}.", email=email, name=municipality.name)
        act_for(session, municipality.id)
        yield _At(session, municipality, Actor(door="command", account_id=approver.account_id))


@contextmanager
def _at(run_id: UUID, email: str, permission: str) -> Iterator[_At]:
    """Act for the municipality of a run as somebody who may do this there."""
    with console.database() as database, database.transaction() as session:
        approver = find_approver(session, email, roles_that_may(permission))
        tenant_id = act_where(session, approver, "payment_run", run_id)
        if tenant_id is None:
            raise NotFound("There is no payment run {id} that {email} may work on.", id=run_id, email=email)
        municipality = municipality_by_id(session, tenant_id)
        yield _At(session, municipality, Actor(door="command", account_id=approver.account_id))


@payments.command("run")
@console.MUNICIPALITY
@click.option("--until", required=True, type=console.DAY, help="Claims approved on this day or before are paid.")
@click.option("--pays-on", type=console.DAY, help="The day of payment; by default the municipality's next one.")
@console.BY
@console.command
def run_(code: str, until: date, pays_on: date | None, email: str) -> Any:
    """Collect approved claims into a run. Another person approves it then."""
    with _in(code, email, "payments.create") as at:
        made = runs.create_run(at.session, at.municipality, until, at.actor, pays_on)
    return made, [*_lines(made), f"Another person approves it: medspiller payments approve {made.run} --by EMAIL"]


@payments.command()
@_RUN
@console.BY
@console.command
def renew(run_id: UUID, email: str) -> Any:
    """Build an open run anew from what is payable now; an approval is void then."""
    with _at(run_id, email, "payments.create") as at:
        made = runs.renew_run(at.session, at.municipality, run_id, at.actor)
    return made, _lines(made)


@payments.command()
@_RUN
@console.BY
@console.command
def approve(run_id: UUID, email: str) -> Any:
    """Approve a run that somebody else, or the timetable, made."""
    with _at(run_id, email, "payments.approve") as at:
        made = runs.approve_run(at.session, at.municipality, run_id, at.actor)
    said = f"A third person releases it: medspiller payments release {made.run} --by EMAIL --out F.xml"
    return made, [*_lines(made), said]


@payments.command()
@_RUN
@console.BY
@_OUT
@console.command
def release(run_id: UUID, email: str, out: Path) -> Any:
    """Release an approved run and write its file for the bank, with the other files of the run beside it."""
    with _at(run_id, email, "payments.release") as at:
        released = runs.release_run(at.session, at.municipality, run_id, at.actor)
    # The approval's end is kept; only then it is told.
    if released.file is None:
        raise Conflict(
            "Claims or accounts have changed since the approval, which is void now. Renew the run, then have it "
            "approved again: medspiller payments renew {run} --by EMAIL",
            run=run_id,
        )
    written = _write(out, released.file)
    return _with_files(released.run, released.file, written), [*_lines(released.run), *written.values()]


@payments.command("file")
@_RUN
@console.BY
@_OUT
@console.command
def file_(run_id: UUID, email: str, out: Path) -> Any:
    """Write the files of a released run once more; they are the same to the byte."""
    with _at(run_id, email, "payments.release") as at:
        found, made = runs.run_of(at.session, run_id), write_bank_file(at.session, run_id)
    written = _write(out, made)
    return _with_files(found, made, written), list(written.values())


@payments.command()
@_RUN
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="F.xml")
@console.command
def status(run_id: UUID, file: Path) -> Any:
    """Read what the bank says: a payment status report (pain.002) or a notification (camt.054). Twice does nothing."""
    with console.database() as database, database.transaction() as session:
        municipality = _municipality_of(session, run_id)
        applied = statuses.read_statuses(session, municipality, file.read_bytes(), COMMAND)
        found = runs.run_of(session, run_id)
    said = "The file had been read before." if applied.repeated else f"{applied.kind}: {_counted(applied.outcomes)}."
    result = msgspec.to_builtins(found) | {"repeated": applied.repeated, "outcomes": applied.outcomes}
    return result, [said, *_lines(found)]


def _municipality_of(session: Session, run_id: UUID) -> Municipality:
    """The municipality whose run it is, for which the session acts from now on."""
    for tenant_id in session.execute(text("SELECT id FROM directory.list_tenants()")).scalars().all():
        act_for(session, tenant_id)
        if session.execute(text("SELECT 1 FROM payment_run WHERE id = :id"), {"id": run_id}).one_or_none():
            return municipality_by_id(session, tenant_id)
    raise NotFound("There is no payment run {id}.", id=run_id)


@payments.command()
@_RUN
@console.BY
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
@console.command
def cancel(run_id: UUID, email: str, reason: str) -> Any:
    """Take an open run back: its claims are payable again."""
    with _at(run_id, email, "payments.create") as at:
        made = runs.cancel_run(at.session, at.municipality, run_id, reason, at.actor)
    return made, _lines(made)


@payments.command("settings")
@console.MUNICIPALITY
@click.argument("values", nargs=-1, metavar="KEY=VALUE ...")
@console.command
def settings_(code: str, values: tuple[str, ...]) -> Any:
    """Show or set who pays from which account: name, account, bic, organisation_number, file_format,
    domestic_accounts, expense_account, bank_account, sample_percent, sample_days."""
    written: dict[str, Any] = {}
    for value in values:
        key, equals, said = value.partition("=")
        if not equals:
            raise click.UsageError(f"{value!r} is not of the form KEY=VALUE.")
        written[key] = int(said) if key.startswith("sample_") and said.isdigit() else said
    if "domestic_accounts" in written:
        written["domestic_accounts"] = written["domestic_accounts"].lower() in ("yes", "true", "1")
    with console.desk(code) as desk:
        found = (
            set_settings(desk.session, desk.municipality, written, COMMAND) if written else settings_of(desk.session)
        )
    return found, [f"{name}: {value}" for name, value in msgspec.structs.asdict(found).items()]


def _write(out: Path, made: BankFile) -> dict[str, str]:
    """Write the files, each whole or not at all; gives their paths by kind."""
    parts = {"xml": (out, made.xml), "nemkonto": (out.with_suffix(".nemkonto.csv"), made.nemkonto)}
    parts["postings"] = (out.with_suffix(".postings.csv"), made.postings)
    written = {}
    for kind, (path, content) in parts.items():
        if content is None:
            continue
        part = path.with_name(f".{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            raise Refused(
                "The run is released, but {path} cannot be written: {reason}. Write it with medspiller payments file.",
                path=path,
                reason=error.strerror,
            ) from error
        written[kind] = str(path)
    return written


def _with_files(run: Run, made: BankFile, written: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(run)
    return found | {"files": written, "sha256": made.sha256}


def _lines(run: Run) -> list[str]:
    lines = [
        f"Payment run {run.number} ({run.state}): {run.payments:,} payments for {run.claims:,} claims, "
        f"{run.total_ore / 100:,.2f} kr, on {run.pays_on}."
    ]
    if run.waiting:
        lines.append(f"Left out: {_counted(run.waiting)}.")
    return lines


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items()) or "nothing"
