"""Making a report: its figures, what of them is shown, and its files."""

import tempfile
import threading
from datetime import date
from pathlib import Path
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.eligibility import schemes
from service.errors import Invalid
from service.identity.actions import Municipality
from service.reporting.exports import write_csv, write_workbook
from service.reporting.picture import write_pictures
from service.reporting.queries import AgeGroup, Figures, age_groups, figures, state_of, threshold_of
from service.reporting.report import UNKNOWN, Report, group_name, lines_of, shown
from service.values import clock
from service.values.periods import period_of, previous
from service.values.remembered import Remembered

_FIGURES: Remembered[Figures | None] = Remembered()


def make_report(
    session: Session,
    municipality: Municipality,
    scheme: str,
    on: date,
    folder: Path,
    actor: Actor,
    *,
    threshold: int | None = None,
    name: str | None = None,
) -> Report:
    """Make the report of the scheme's period in which `on` lies, as it stands now, and write its four files.

    They are called `report-2017-03.csv`, `.xlsx`, `.svg` and `.png` by the month of `on` unless named otherwise, and
    take the place of those that stand there: made again they hold the same, or what has come in since. Without
    `threshold` the municipality's own counts. Refused where nothing has been determined in the period.
    """
    report = read_report(session, municipality, scheme, on, threshold)
    stem = folder / (name or f"report-{on:%Y-%m}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [write_csv(report, stem), write_workbook(report, stem), *write_pictures(report, stem)]
    except OSError as error:
        raise Invalid("{file} cannot be written: {reason}.", file=folder, reason=error.strerror) from error
    _note(session, municipality, report, actor)
    return msgspec.structs.replace(report, files=tuple(map(str, files)))


def show_report(session: Session, municipality: Municipality, scheme: str, on: date, actor: Actor) -> Report:
    """The report of the period in which `on` lies, by the municipality's own threshold; the trail notes it."""
    report = read_report(session, municipality, scheme, on)
    _note(session, municipality, report, actor)
    return report


def file_of(report: Report, ending: str) -> bytes:
    """The report as one of its files: `csv`, `xlsx`, `svg` or `png`."""
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        stem = Path(folder) / "report"
        if ending == "csv":
            return write_csv(report, stem).read_bytes()
        if ending == "xlsx":
            return write_workbook(report, stem).read_bytes()
        # What matplotlib is set to holds for the whole process.
        with _DRAWING:
            write_pictures(report, stem)
        return stem.with_suffix(f".{ending}").read_bytes()


_DRAWING = threading.Lock()


def _note(session: Session, municipality: Municipality, report: Report, actor: Actor) -> None:
    details = {
        "period": report.period.start.isoformat(),
        "threshold": report.threshold,
        "figures": len(report.lines),
        "suppressed": report.suppressed,
    }
    scheme_id = schemes.find_scheme(session, municipality, report.scheme)
    record(session, municipality.id, actor, "reporting.report", ("scheme", scheme_id), details=details)


def read_report(
    session: Session, municipality: Municipality, scheme: str, on: date, threshold: int | None = None
) -> Report:
    """The report of the period in which `on` lies, without files."""
    version = schemes.version_on(session, municipality, scheme, on)
    kind = version.parameters.period
    period = period_of(kind, on)
    before = previous(kind, period)
    groups = age_groups(version.parameters.min_age, version.parameters.max_age)
    now = _figures(session, municipality, version.scheme_id, period.start, groups)
    if now is None:
        raise Invalid(
            "Nothing has been determined for {scheme} from {start} to {end}, so there is nothing to "
            "report: run `medspiller eligibility refresh --municipality {municipality} --scheme {scheme} "
            "--on {on} --commit` first, or name a date of another period.",
            scheme=scheme,
            start=period.start,
            end=period.end,
            municipality=municipality.code,
            on=on.isoformat(),
        )
    earlier = _figures(session, municipality, version.scheme_id, before.start, groups)
    least = threshold if threshold is not None else threshold_of(session)
    districts = tuple(dict.fromkeys(sorted({*now.districts, *(earlier.districts if earlier else ())})))
    names = tuple(district or UNKNOWN for district in districts)
    ages = tuple(map(group_name, groups))
    return Report(
        municipality=municipality.name,
        scheme=scheme,
        period=period,
        before=before,
        threshold=least,
        made_at=clock.now(),
        districts=names,
        age_groups=ages,
        lines=lines_of(shown(now, groups, least), shown(earlier, groups, least), names, ages),
    )


def _figures(
    session: Session, municipality: Municipality, scheme_id: UUID, start: date, groups: tuple[AgeGroup, ...]
) -> Figures | None:
    """The figures, counted anew where something has changed: of a large municipality that takes seconds."""
    rests_on = (scheme_id, start, groups, *state_of(session, scheme_id, start))
    return _FIGURES.get(municipality.id, rests_on, lambda: figures(session, scheme_id, start, groups))


def set_threshold(session: Session, municipality: Municipality, threshold: int, actor: Actor) -> None:
    """Set under which count this municipality's reports show no figure."""
    session.execute(
        text(
            """INSERT INTO report_settings (tenant_id, threshold) VALUES (:tenant, :threshold)
            ON CONFLICT (tenant_id) DO UPDATE SET threshold = excluded.threshold"""
        ),
        {"tenant": municipality.id, "threshold": threshold},
    )
    details = {"threshold": threshold}
    record(session, municipality.id, actor, "reporting.settings", ("tenant", municipality.id), details=details)
