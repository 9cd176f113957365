"""Remittance advice: what a payment to a club is for, by the club's own references, to book from."""

import csv
import io
import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import typst
from sqlalchemy import text
from sqlmodel import Session

from service.errors import N_, NotFound, Text
from service.identity.actions import Municipality
from service.identity.messages import send_email
from service.letters.glyphs import font_folders
from service.payments import queries
from service.payments.queries import PaidClaim, PaymentLine, Recovered
from service.values.accounts import mask_account
from service.values.secrecy import KeyRing
from service.values.spreadsheets import as_text
from service.web.formats import day, money, show
from service.web.texts import translator

_TEMPLATES: Final = Path(__file__).parent / "templates"
_RELEASED: Final = ("sent", "settled", "rejected")


class Advice(msgspec.Struct, frozen=True):
    """A payment that was released, with the claims in it and what was taken back."""

    payment: PaymentLine
    claims: list[PaidClaim]
    recovered: list[Recovered]


def advice_of(session: Session, club_id: UUID, payment_id: UUID) -> Advice:
    """The advice of one of a club's payments; one that was not released yet is none."""
    found = queries.show_payment(session, payment_id)
    if found.club_id != club_id or found.state not in _RELEASED:
        raise NotFound("The club has no such payment.")
    return Advice(found, queries.claims_of(session, payment_id), queries.recovered_in(session, payment_id))


def as_csv(advice: Advice) -> bytes:
    """The claims of a payment for a spreadsheet, then what was taken back; amounts in kroner."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=";")
    writer.writerow(("claim", "reference", "activity", "season_start", "season_end", "fee", "paid"))
    for claim in advice.claims:
        season = (claim.season_start.isoformat(), claim.season_end.isoformat())
        row = (str(claim.claim_id), claim.reference or "", claim.activity, *season)
        writer.writerow([as_text(cell) for cell in row] + [_decimal(claim.fee_ore), _decimal(claim.amount_ore)])
    for part in advice.recovered:
        writer.writerow(["", "", as_text(part.reason), "", "", "", _decimal(-part.amount_ore)])
    return file.getvalue().encode("utf-8-sig")


def as_pdf(advice: Advice, municipality: Municipality, language: str) -> bytes:
    """The same as a page to print and file: PDF/UA, the same bytes for the same payment."""
    written = datetime.combine(advice.payment.pays_on, time(12), UTC)
    made = typst.Compiler(
        _TEMPLATES / "remittance.typ",
        root=_TEMPLATES,
        font_paths=typst.Fonts(
            include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(f) for f in font_folders()]
        ),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(_view(advice, municipality, language))},
    ).compile(format="pdf", pdf_standards=["ua-1"], timestamp=written)
    assert isinstance(made, bytes)
    return made


def _view(advice: Advice, municipality: Municipality, language: str) -> dict[str, Any]:
    said, payment = translator(language).gettext, advice.payment
    account = mask_account(payment.account) if payment.account else payment.reference or payment.cost_centre or "–"
    facts = (
        (N_("Paid by"), municipality.name),
        (N_("To"), f"{payment.club_name} ({payment.club_number})"),
        (N_("Account"), account),
        (N_("Paid on"), day(payment.pays_on, language, "long")),
        (N_("Reference"), payment.reference or payment.end_to_end_id),
    )
    columns = (N_("Your reference"), N_("Activity"), N_("Season"), N_("Fee"), N_("Paid"))
    rows = [
        (
            claim.reference or str(claim.claim_id)[:8],
            claim.activity,
            f"{day(claim.season_start, language)} – {day(claim.season_end, language)}",
            money(claim.fee_ore, language),
            money(claim.amount_ore, language),
        )
        for claim in advice.claims
    ]
    back = [("", part.reason, "", "", money(-part.amount_ore, language)) for part in advice.recovered]
    return {
        "language": language,
        "title": said(N_("Remittance advice")),
        "facts": [(said(label), value) for label, value in facts],
        "columns": [said(label) for label in columns],
        "rows": [*rows, *back],
        "total": [said(N_("Paid in all")), money(payment.amount_ore, language)],
    }


_SUBJECT: Final = N_("{municipality} pays {club}")
_TEXT: Final = N_(
    """Hello

{municipality} pays {club} {amount} for {claims} claims, on {day}.

What it is for, by your own references, stands here, to be downloaded for your accounts as well:

{url}
"""
)


def send_advices(session: Session, municipality: Municipality, keys: KeyRing, run_id: UUID, public_url: str) -> int:
    """Write to the contact of every club that a released run pays; returns how many. No child is named in it."""
    rows = session.execute(text(_TO_TELL), {"run": run_id}).all()
    language = municipality.language
    translate = translator(language).gettext
    for row in rows:
        values = {"municipality": municipality.name, "club": row.club_name, "claims": row.claims, "day": row.pays_on}
        values |= {"amount": money(row.amount_ore, language), "url": f"{public_url}/club/payments/{row.id}"}
        subject = " ".join(Text(_SUBJECT, values).said(translate).split())[:200]
        body = Text(_TEXT, values).said(translate, lambda value: show(value, language))
        send_email(session, keys, row.contact_email, subject, body)
    return len(rows)


def _decimal(ore: int) -> str:
    sign, ore = ("-", -ore) if ore < 0 else ("", ore)
    return f"{sign}{ore // 100}.{ore % 100:02}"


_TO_TELL = """
    SELECT p.id, p.club_name, b.contact_email, r.pays_on, p.amount_ore,
        (SELECT count(*) FROM payment_claim l WHERE l.payment_id = p.id) AS claims
    FROM payment p JOIN payment_run r ON r.id = p.run_id JOIN club b ON b.id = p.club_id
    WHERE p.run_id = :run AND r.released_at IS NOT NULL AND b.contact_email IS NOT NULL ORDER BY p.place
"""
