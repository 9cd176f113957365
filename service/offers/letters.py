"""The letters of offers: a sheet for each family with its code, in its language, in one file to print.

The organisation posts them, or hands those of a municipality to it, so that whoever referred the family does.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import typst
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import record
from service.errors import N_, Conflict, Refused, Text, Translate
from service.letters.glyphs import font_folders, printable
from service.offers.desk import Desk
from service.offers.queries import OfferRow, contact_of, find_offer, offers_of, shown_of, travellers_of
from service.values import clock, pass_numbers
from service.web.formats import show
from service.web.texts import translator

MOST: Final = 500
"""So many letters one file has at most."""

_TEMPLATES: Final = Path(__file__).parent / "templates"
_TITLE: Final = N_("A free holiday for your family")
_HELLO: Final = N_("Dear {name}")
_OFFER: Final = N_(
    "{organisation} offers your family a place on a free holiday. It is kept for you until {deadline}. Please say yes "
    "or no before then: if you say no, the place goes to another family."
)
_HOW: Final = N_("How to answer")
_STEPS: Final = (
    N_("Open {page} on a phone or a computer. You need no account."),
    N_("Type your code: {code}"),
    N_("Say who comes along, and what we should know, such as food that you do not eat."),
)
_CALL: Final = N_("You can also call: {name}, {phone}")
_LABELS: Final = {
    "where": N_("Where"),
    "when": N_("When"),
    "included": N_("What is included"),
    "access": N_("Accessibility"),
    "from": N_("The journey starts from"),
    "who": N_("For"),
}
_CODE: Final = N_("Your code")


class Sheet(msgspec.Struct, frozen=True):
    """What stands on a sheet, worded already."""

    lang: str
    title: str
    sender: str
    address: list[str]
    date: str
    hello: str
    offer: str
    facts: list[tuple[str, str]]
    how: str
    steps: list[str]
    code_label: str
    code: str
    call: str
    reference: str


def print_letters(
    session: Session,
    desk: Desk,
    season_id: UUID,
    *,
    municipality_id: UUID | None = None,
    offer_id: UUID | None = None,
    again: bool = False,
) -> bytes:
    """The letters of a season as a PDF: of offers that wait for an answer and go by letter or through a municipality.

    Those that were printed already only `again`; with `offer_id` that one alone, whatever its way. It is noted when
    each was first printed.
    """
    now = clock.now()
    if offer_id is not None:
        chosen = [find_offer(session, offer_id)]
    else:
        chosen = [
            one
            for one in offers_of(session, season_id)
            if one.via in ("letter", "referrer")
            and municipality_id in (None, one.municipality_id)
            and (again or one.sent_at is None)
        ]
    chosen = [one for one in chosen if one.state == "open" and one.deadline >= now and one.listed]
    if not chosen:
        raise Conflict("No letter is to be printed.")
    chosen.sort(key=lambda one: (one.municipality, one.family_key))
    sheets = [sheet for one in chosen[:MOST] if (sheet := _sheet(session, desk, one))]
    session.execute(
        text("UPDATE offer SET sent_at = :now WHERE id = ANY (:ids) AND sent_at IS NULL"),
        {"now": now, "ids": [one.id for one in chosen[:MOST]]},
    )
    details = {"letters": len(sheets)}
    record(session, desk.tenant.id, desk.actor, "offers.letters", ("season", season_id), details=details)
    return as_pdf(sheets, now)


def _sheet(session: Session, desk: Desk, row: OfferRow) -> Sheet | None:
    contact = contact_of(session, desk.secrets, row.id)
    if contact is None:
        return None
    translate: Translate = translator(row.language).gettext
    stay, people = shown_of(session, row.stay_id), travellers_of(session, row.id)
    zone = ZoneInfo(desk.tenant.time_zone)
    name, code = row.contact_name or "", pass_numbers.grouped(contact.code)
    values = {
        "organisation": desk.tenant.name,
        "deadline": show(row.deadline.astimezone(zone).date(), row.language),
        "page": f"{desk.public_url.partition('://')[2]}/answer",
        "code": code,
        "name": name,
    }

    def say(template: str, **more: object) -> str:
        return printable(Text(template, values | more).said(translate))

    days = f"{show(row.starts_on, row.language)} – {show(row.ends_on, row.language)}"
    facts = {
        "who": ", ".join(one.name for one in people),
        "where": ", ".join(filter(None, (stay.centre, stay.address))),
        "when": days,
        "included": stay.included,
        "access": stay.accessibility,
        "from": ", ".join(stay.assembly_points),
    }
    called = ", ".join(filter(None, (stay.contact_phone, stay.contact_email)))
    return Sheet(
        lang=row.language,
        title=say(_TITLE),
        sender=printable(desk.tenant.name),
        address=[printable(line) for line in (name, contact.street, contact.postcode_city) if line],
        date=show(clock.today(desk.tenant.time_zone), row.language),
        hello=say(_HELLO),
        offer=say(_OFFER),
        facts=[(say(_LABELS[key]), printable(value)) for key, value in facts.items() if value],
        how=say(_HOW),
        steps=[say(one) for one in _STEPS],
        code_label=say(_CODE),
        code=code,
        call=say(_CALL, name=stay.contact_name, phone=called) if called else "",
        reference=f"{row.municipality} · {row.family_key}",
    )


def as_pdf(sheets: Sequence[Sheet], at: datetime) -> bytes:
    """The sheets as one PDF/UA, the same bytes for the same sheets and instant."""
    data: dict[str, Any] = {"sheets": msgspec.to_builtins(sheets), "title": sheets[0].title, "lang": sheets[0].lang}
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(one) for one in font_folders()]
    )
    try:
        machine = typst.Compiler(
            _TEMPLATES / "offer.typ",
            root=_TEMPLATES,
            font_paths=fonts,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data)},
        )
        pdf = machine.compile(format="pdf", pdf_standards=["ua-1"], timestamp=at.astimezone(UTC))
    except typst.TypstError as error:
        raise Refused("The letters could not be rendered: {reason}.", reason=error.message) from None
    assert isinstance(pdf, bytes)
    return pdf
