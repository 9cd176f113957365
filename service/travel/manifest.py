"""Who comes, to be looked at and ticked off: on a phone, on paper, and for a file."""

from typing import Final, Protocol
from uuid import UUID

from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import N_, Text
from service.stays.queries import StayRow
from service.travel.printing import as_pdf
from service.travel.queries import Family, Point, departures_of, families_of, points_of
from service.travel.words import ATTENDANCE
from service.web.formats import day, show
from service.web.texts import translator

COLUMNS: Final = ("offer_id", "place", "assembly_point", "family", "name", "age", "phone", "municipality", "attendance")
"""The columns of a manifest as a file."""


class Said(Protocol):
    """Says a text of the catalogues in the reader's language."""

    def __call__(self, template: str, /, **values: object) -> str: ...


def read_manifest(session: Session, tenant_id: UUID, stay: StayRow, point: str | None, actor: Actor) -> list[Family]:
    """Who comes to a stay, or from one assembly point; the read is noted in the trail."""
    families = families_of(session, stay, point)
    note_read(session, tenant_id, stay, len(families), actor)
    return families


def note_read(session: Session, tenant_id: UUID, stay: StayRow, families: int, actor: Actor) -> None:
    """Note in the trail that somebody saw so many of the families that come, by name."""
    record(session, tenant_id, actor, "travel.manifest.read", ("stay", stay.id), details={"families": families})


def rows_of(families: list[Family]) -> list[tuple[str, ...]]:
    """A line for each person, by `COLUMNS`."""
    return [
        (
            str(family.offer_id),
            str(one.place),
            family.assembly_point or "",
            family.name,
            one.name,
            str(one.age),
            family.phone or "",
            family.municipality,
            one.state or "",
        )
        for family in families
        for one in family.travellers
    ]


def print_manifest(
    session: Session, tenant_id: UUID, stay: StayRow, point: str | None, language: str, actor: Actor
) -> bytes:
    """The same on A4, by assembly points, with a box to tick before each name."""
    families = read_manifest(session, tenant_id, stay, point, actor)
    translate = translator(language).gettext

    def said(template: str, /, **values: object) -> str:
        return Text(template, values).said(translate, lambda value: show(value, language))

    points = [one for one in points_of(stay, departures_of(session, stay.id), families) if point in (None, one.name)]
    parts = [_part(one, [f for f in families if f.assembly_point == one.name], said) for one in points]
    nowhere = [one for one in families if one.assembly_point is None]
    if nowhere and point is None:
        parts.append({"title": said(N_("Without an assembly point")), "lead": "", "rows": _lines(nowhere, said)})
    persons = sum(len(one.travellers) for one in families)
    view = {
        "language": language,
        "title": said(N_("Who comes to {code} at {centre}"), code=stay.code, centre=stay.centre),
        "facts": [
            (said(N_("Days")), f"{day(stay.starts_on, language)} – {day(stay.ends_on, language)}"),
            (said(N_("Families")), str(len(families))),
            (said(N_("Persons")), str(persons)),
        ],
        "columns": ["", *(said(name) for name in (N_("Name"), N_("Age"), N_("Family"), N_("Phone")))],
        "points": parts,
        "nobody": said(N_("Nobody yet.")),
    }
    return as_pdf("manifest.typ", view, stay.starts_on)


def _part(point: Point, families: list[Family], said: Said) -> dict[str, object]:
    departure, lead = point.departure, ""
    if departure:
        leaves = said(N_("{day} at {time}"), day=departure.leaves_on, time=departure.clock)
        lead = " · ".join(filter(None, (leaves, departure.place, departure.carrier, departure.note)))
    return {"title": point.name, "lead": lead, "rows": _lines(families, said)}


def _lines(families: list[Family], said: Said) -> list[list[str]]:
    marks = {"came": "×", "not_come": "–"}
    return [
        [
            marks.get(one.state or "", ""),
            one.name + (f" ({said(ATTENDANCE[one.state])})" if one.state == "not_come" else ""),
            str(one.age),
            f"{family.name}, {family.municipality}" if not number else "",
            (family.phone or "") if not number else "",
        ]
        for family in families
        for number, one in enumerate(family.travellers)
    ]
