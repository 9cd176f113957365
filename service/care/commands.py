"""`medspiller retention`, `medspiller keys`, `medspiller audit list` and `medspiller database trial-restore`."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import click
import msgspec
from sqlmodel import Session

from service import console
from service.account.closing import close_due
from service.audit.actions import COMMAND, Actor, record
from service.audit.commands import audit
from service.audit.queries import ENTRIES_PER_PAGE, Entry, Wanted, search
from service.care import queries, retention, rotation, rules, trial
from service.database.checks import Check
from service.errors import Conflict, Forbidden, OneOf
from service.identity.actions import Municipality, find_approver, find_tenant
from service.identity.permissions import roles_that_may
from service.values import clock

KEEPERS = roles_that_may("retention.change")
_OLD_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("retention")
def retention_group() -> None:
    """How long data are kept, and erasing what is due."""


@retention_group.command()
@console.MUNICIPALITY
@console.command
def show(code: str) -> Any:
    """The rules: what, from when, how long, and erased or anonymised."""
    with console.desk(code) as desk:
        found = rules.rules_of(desk.session)
    return {"rules": found}, [_rule_line(rule) for rule in found]


@retention_group.command("set")
@console.MUNICIPALITY
@click.argument("what")
@click.option("--months", type=int, help="For how many months.")
@click.option("--for-good", is_flag=True, help="Keep it for good.")
@click.option(
    "--from", "counted_from", metavar="EVENT", help="From when it counts; `show` tells from when it does now."
)
@console.command
def set_(code: str, what: str, months: int | None, for_good: bool, counted_from: str | None) -> Any:
    """Set how long a kind of data (WHAT, as in `show`) is kept."""
    if (months is None) != for_good:
        raise click.UsageError("Name either --months or --for-good.")
    with console.desk(code) as desk:
        rule = rules.set_rule(desk.session, desk.municipality, what, months, counted_from, COMMAND)
    return rule, [_rule_line(rule)]


@retention_group.command()
@console.MUNICIPALITY
@click.option("--on", type=console.DAY, help="As of this date; by default today.")
@click.option("--commit", is_flag=True, help="Erase it; without it this is a dry run.")
@click.option(
    "--by", "email", metavar="EMAIL", help="Who has it done, for the certificate: an administrator's account."
)
@console.command
def run(code: str, on: date | None, commit: bool, email: str | None) -> Any:
    """Erase or anonymise what is due, and certify it."""
    with console.office(code) as office:
        day = on or clock.today(office.municipality.time_zone)
        if day > clock.today(office.municipality.time_zone) and commit:
            raise Conflict("What will be due on a later date cannot be erased yet; without --commit it is counted.")
        actor = COMMAND
        if email:
            with office.database.transaction() as session:
                actor = _keeper(session, office.municipality, email)
        done = retention.apply_retention(office.database, office.municipality, day, commit, actor, console.progress())
    return _with_totals(done), _retention_lines(done)


@retention_group.command()
@click.option("--organisation", "code", required=True, metavar="CODE", help="The volunteer organisation's code.")
@click.option("--on", type=console.DAY, help="As of this date; by default today.")
@click.option("--commit", is_flag=True, help="Erase it; without it this is a dry run.")
@console.command
def holidays(code: str, on: date | None, commit: bool) -> Any:
    """Close accounts of seasons whose names are to go, then erase what a volunteer organisation kept long enough."""
    with console.database() as database:
        with database.transaction() as session:
            organisation = find_tenant(session, "organisation", code)
        today = clock.today(organisation.time_zone)
        day = on or today
        if day > today and commit:
            raise Conflict("What will be due on a later date cannot be erased yet; without --commit it is counted.")
        closed = close_due(database, console.keys(database), organisation, day, COMMAND) if commit else []
        done = retention.apply_retention(database, organisation, day, commit, COMMAND, console.progress())
    lines = [f"The account of {one.season} is closed; {one.credits} children get a credit." for one in closed]
    return _with_totals(done) | {"closed": closed}, [*lines, *_retention_lines(done)]


def _with_totals(done: retention.Retention) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(done)
    return told | {"rules": [msgspec.to_builtins(rule) | {"total": rule.total} for rule in done.rules]}


def _keeper(session: Session, municipality: Municipality, email: str) -> Actor:
    approver = find_approver(session, email, KEEPERS)
    if municipality.id not in approver.tenants:
        raise Forbidden(
            "{email} may not do this in {municipality}; it takes the role {roles}.",
            email=email,
            municipality=municipality.name,
            roles=OneOf(KEEPERS),
        )
    return Actor(door="command", account_id=approver.account_id)


def _rule_line(rule: rules.Rule) -> str:
    kept = "for good" if rule.months is None else f"{rule.months} months from {rule.counted_from}, then {rule.way}d"
    return f"{rule.what}: {kept}{' (preset)' if rule.preset else ''}. {rule.meaning}."


def _retention_lines(done: retention.Retention) -> list[str]:
    lines = [
        f"{rule.what}: {rule.total:,} " + ", ".join(f"{table} {rows:,}" for table, rows in rule.rows.items())
        for rule in done.rules
        if rule.total
    ]
    if done.state == "dry_run":
        return [*lines, f"{done.total:,} rows are due on {done.on}. Nothing has changed; add --commit to erase them."]
    again = [f"The run {run_id}, which had been broken off, is finished and certified too." for run_id in done.resumed]
    return [*again, *lines, f"{done.total:,} rows erased or anonymised. Certificate: {done.certificate}"]


@click.group()
def keys() -> None:
    """The keys that encrypt identity numbers, pass numbers and letters."""


@keys.command()
@console.command
def status() -> Any:
    """How many rows stand under which key."""
    with console.database() as database:
        used = rotation.key_use(database, console.keys(database))
    return {"keys": used}, [_key_line(use) for use in used]


def _key_line(use: rotation.KeyUse) -> str:
    mark = " (current)" if use.current else "" if use.known else " (not in the key file!)"
    told = ", ".join(f"{table} {rows:,}" for table, rows in use.rows.items())
    return f"Key {use.key}{mark}: {told or 'nothing'}"


@keys.command()
@console.command
def rotate() -> Any:
    """Add a new key. Everything is encrypted with it from now on; what older keys encrypted stays readable."""
    with console.database() as database:
        key_id = rotation.rotate(database, console.keys(database), COMMAND)
    return {"current": key_id}, [
        f"Key {key_id} is the current one. Keep a copy of the key file, then run `medspiller keys reencrypt`."
    ]


@keys.command()
@click.option("--municipality", "code", metavar="CODE", help="Of this municipality only; by default of all tenants.")
@console.command
def reencrypt(code: str | None) -> Any:
    """Encrypt with the current key what stands under others. Stopped, it goes on where it was."""
    with console.database() as database:
        ring, progress = console.keys(database), console.progress()
        if code is None:
            chosen = rotation.holders(database)
        else:
            with console.office(code) as office:
                chosen = [office.municipality.id]
        done = [rotation.reencrypt(database, ring, tenant_id, COMMAND, progress) for tenant_id in chosen]
        current = ring.current[0][0]
    rows = {of.table: sum(one.rows[of.table] for one in done) for of in rotation.ENCRYPTED}
    left = sum(one.left for one in done)
    told = f"{sum(rows.values()):,} rows are now under key {current}."
    lines = [told, f"{left:,} were being changed by somebody; run it again."] if left else [told]
    return {"key": current, "rows": rows, "left": left}, lines


@keys.command()
@click.argument("key_id", metavar="ID", type=int)
@console.command
def retire(key_id: int) -> Any:
    """Take a key out of the key file for good; refused while anything stands under it."""
    with console.database() as database:
        ring = console.keys(database)
        rotation.retire(database, ring, key_id, COMMAND)
        left = ring.key_ids
    return {"retired": key_id, "keys": left}, [f"Key {key_id} is gone. A backup made before may still need it."]


@audit.command("list")
@console.MUNICIPALITY
@click.option("--subject", type=console.AN_ID, help="Of the subject with this id.")
@click.option("--household", metavar="HOUSEHOLD_ID", help="Of a household, its members and their cases.")
@click.option("--person", metavar="PERSON_KEY", type=console.AN_ID, help="Of a person and their case.")
@click.option("--account", type=console.AN_ID, help="By the account with this id.")
@click.option("--action", help="Of this action, or of all that begin with it: `register` finds `register.import`.")
@click.option("--from", "start", type=console.DAY, help="From this day.")
@click.option("--to", "end", type=console.DAY, help="Up to and including this day.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=ENTRIES_PER_PAGE, show_default=True)
@click.option("--after", type=console.AN_ID, help="Go on after the page whose `next` this is.")
@console.command
def list_(
    code: str,
    subject: UUID | None,
    household: str | None,
    person: UUID | None,
    account: UUID | None,
    action: str | None,
    start: date | None,
    end: date | None,
    limit: int,
    after: UUID | None,
) -> Any:
    """Search the trail, the newest entries first; the search is logged too."""
    if sum(one is not None for one in (subject, household, person)) > 1:
        raise click.UsageError("Name one of --subject, --household and --person.")
    with console.desk(code) as desk:
        subjects = _subjects(desk.session, subject, household, person)
        wanted = Wanted(account_id=account, action=action, subjects=subjects, start=start, end=end)
        page = search(desk.session, desk.municipality.time_zone, wanted, after, limit)
        details = {"entries": len(page.entries), "action": action}
        record(desk.session, desk.municipality.id, COMMAND, "audit.list", ("audit_entry", subject), details=details)
    lines = [_entry_line(entry) for entry in page.entries]
    return page, [*lines, f"More: add --after {page.next}"] if page.next else lines


def _subjects(session: Session, subject: UUID | None, household: str | None, person: UUID | None) -> set[UUID] | None:
    if household is not None:
        return queries.subjects_of_household(session, household)
    if person is not None:
        return queries.subjects_of_person(session, person)
    return None if subject is None else {subject}


def _entry_line(entry: Entry) -> str:
    who = f"account {entry.account_id}" if entry.account_id else entry.door
    subject = f"{entry.subject_kind} {entry.subject_id or ''}".strip()
    because = f" because: {entry.reason}" if entry.reason else ""
    return f"{entry.at:%Y-%m-%d %H:%M:%S} UTC  {who}  {entry.action}  {subject}{because}"


def trial_restore_command(checks: Sequence[Check], unsealed: Callable[[Session], int]) -> click.Command:
    """The command that proves a backup, with what the slices check."""

    @click.command("trial-restore")
    @click.argument("file", type=_OLD_FILE)
    @console.command
    def trial_restore(file: Path) -> Any:
        """Restore FILE into a database of its own, check it there and drop it: the live one is not touched."""
        with console.database() as database:
            shown = trial.trial_restore(database, file, checks, unsealed)
        if shown.faults:
            raise Conflict("{findings}", findings="\n".join(shown.faults))
        lines = [f"{one.table}: {one.backup:,} (live: {one.live:,})" for one in shown.tables if one.backup or one.live]
        return shown, [*lines, f"{shown.file} can be restored; {len(shown.checks)} checks passed."]

    return trial_restore
