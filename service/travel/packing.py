"""Packing letters: when, where, what to bring and whom to ask, to each family in its language."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.audit.actions import Actor, record
from service.errors import N_, Conflict, FieldError, Invalid, Text
from service.identity.access import Place
from service.identity.actions import Tenant
from service.stays.actions import flush_or
from service.stays.queries import CentreRow, DistrictRow, StayRow, find_centre, find_district, find_season, find_stay
from service.travel.models import LANGUAGES, PackingText
from service.travel.opinions import draw_codes
from service.travel.printing import as_pdf
from service.travel.queries import DepartureRow, Family, departures_of, families_of
from service.travel.rules import grouped, language_of
from service.values import clock
from service.values.secrecy import KeyRing
from service.web.formats import day, show
from service.web.texts import translator

MOST_CHARACTERS: Final = 3000


class Letter(msgspec.Struct, frozen=True):
    """A family's packing letter as it is printed."""

    language: str
    sender: str
    title: str
    greeting: str
    opening: str
    facts: list[tuple[str, str]]
    bring_title: str
    bring: list[str]
    contact_title: str
    contact: str
    opinion_title: str
    opinion: str
    code: str


class _Sender(msgspec.Struct, frozen=True):
    """What is the same in all letters of a stay."""

    name: str
    stay: StayRow
    centre: CentreRow
    district: DistrictRow
    departures: dict[str, DepartureRow]
    bring: dict[str, str]
    url: str


def texts_of(session: Session, stay: StayRow) -> dict[str, str]:
    """What families of the season are told to bring to the stay's centre, by language."""
    sql = "SELECT language, bring FROM packing_text WHERE season_id = :season AND centre_id = :centre"
    found = session.execute(text(sql), {"season": stay.season_id, "centre": stay.centre_id})
    return {row.language: row.bring for row in found}


def keep_texts(session: Session, tenant_id: UUID, stay_id: UUID, texts: Mapping[str, str], actor: Actor) -> None:
    """Keep what families of the season bring to the stay's centre, a thing on each line; empty in a language: none."""
    stay = find_stay(session, stay_id)
    long = [name for name, written in texts.items() if len(written) > MOST_CHARACTERS]
    if long or not set(texts) <= set(LANGUAGES):
        wrong = [FieldError(name, "must be at most {most} characters", {"most": MOST_CHARACTERS}) for name in long]
        raise Invalid("The texts cannot be kept like this.", wrong)
    for language, written in texts.items():
        key = (tenant_id, stay.season_id, stay.centre_id, language)
        row = session.get(PackingText, key, with_for_update=True)
        if row is not None and not written.strip():
            session.delete(row)
        elif written.strip():
            row = row or PackingText(
                tenant_id=tenant_id, season_id=stay.season_id, centre_id=stay.centre_id, language=language, bring=""
            )
            row.bring = written.strip()
            session.add(row)
    flush_or(session, Conflict("Somebody else has changed the texts meanwhile. Look again."))
    record(session, tenant_id, actor, "travel.packing_text", ("season", stay.season_id))


def print_letters(
    session: Session,
    organisation: Place | Tenant,
    tenant_id: UUID,
    keys: KeyRing,
    stay: StayRow,
    public_url: str,
    actor: Actor,
) -> bytes:
    """One file with a letter for each family that comes to a stay, in the order of the manifest."""
    today = clock.today(organisation.time_zone)
    if today > stay.ends_on:
        raise Conflict("The stay is over: there is nothing to pack any more.")
    families = families_of(session, stay)
    if not families:
        raise Conflict("No family has accepted a place at this stay yet.")
    codes = draw_codes(session, tenant_id, keys, stay.id, [one.offer_id for one in families])
    sender = _Sender(
        name=organisation.name,
        stay=stay,
        centre=find_centre(session, stay.centre_id),
        district=find_district(session, find_season(session, stay.season_id).district_id),
        departures={one.assembly_point: one for one in departures_of(session, stay.id)},
        bring=texts_of(session, stay),
        url=public_url.rstrip("/") + "/opinion",
    )
    letters = [
        compose(sender, one, language_of(one.language, organisation.language), codes[one.offer_id]) for one in families
    ]
    record(session, tenant_id, actor, "travel.packing_letters", ("stay", stay.id), details={"letters": len(letters)})
    title = translator(organisation.language).gettext(N_("Packing letters"))
    view = {"title": f"{title} {stay.code}", "language": organisation.language}
    return as_pdf("packing.typ", view | {"letters": [msgspec.to_builtins(one) for one in letters]}, stay.starts_on)


def compose(sender: _Sender, family: Family, language: str, code: str) -> Letter:
    """What the letter to a family says."""
    translate, stay = translator(language).gettext, sender.stay

    def said(template: str, **values: object) -> str:
        return Text(template, values).said(translate, lambda value: show(value, language))

    departure = sender.departures.get(family.assembly_point or "")
    facts = [
        (N_("Days"), f"{day(stay.starts_on, language, 'long')} – {day(stay.ends_on, language, 'long')}"),
        (N_("Where"), ", ".join(part for part in (sender.centre.name, sender.centre.address) if part)),
        (N_("You meet at"), _where(family, departure)),
    ]
    if departure:
        leaves = said(N_("{day} at {time}"), day=departure.leaves_on, time=departure.clock)
        facts += [(N_("The coach leaves"), leaves), (N_("Carrier"), departure.carrier), (N_("Note"), departure.note)]
    facts.append((N_("Who comes"), ", ".join(one.name for one in family.travellers)))
    district = sender.district
    contact = " · ".join(filter(None, (district.contact_name, district.contact_phone, district.contact_email)))
    return Letter(
        language=language,
        sender=sender.name,
        title=said(N_("Your holiday at {centre}"), centre=sender.centre.name),
        greeting=said(N_("Dear {name}"), name=family.name),
        opening=said(N_("It is soon time. Here is what you need to know before you leave.")),
        facts=[
            (said(label), value or said(N_("You are told later.")))
            for label, value in facts
            if value or departure is None
        ],
        bring_title=said(N_("What you bring")),
        bring=_lines(sender.bring, language),
        contact_title=said(N_("If something comes up")),
        contact=contact or sender.name,
        opinion_title=said(N_("How was it?")),
        opinion=said(
            N_(
                "From the last day on you can tell us on {url} how the stay was, with this code. It can be used once. "
                "Nobody sees who has answered."
            ),
            url=sender.url,
        ),
        code=grouped(code),
    )


def _where(family: Family, departure: DepartureRow | None) -> str:
    point = family.assembly_point or ""
    return f"{point}, {departure.place}" if departure and departure.place else point


def _lines(texts: dict[str, str], language: str) -> list[str]:
    """What to bring in a language, else in another one that is known: better than nothing."""
    found = next((texts[one] for one in (language, *LANGUAGES) if one in texts), "")
    return [line.strip(" -•") for line in found.splitlines() if line.strip(" -•")]


class PackingFigures(msgspec.Struct, frozen=True):
    """How many letters there would be, by language, and how many families have no assembly point yet."""

    by_language: dict[str, int]
    without_point: int


def figures_of(families: list[Family], otherwise: str) -> PackingFigures:
    """What would be printed for these families; `otherwise` is the country's language."""
    languages = [language_of(one.language, otherwise) for one in families]
    counts: dict[str, Any] = {code: languages.count(code) for code in LANGUAGES if code in languages}
    return PackingFigures(counts, sum(one.assembly_point is None for one in families))
