"""The e-mail that tells a club what case workers have decided about its claims: one a day, not one for each decision.

A case worker may decide forty claims of a club in a morning. What the rules decide at once the club sees as it claims,
and no e-mail tells it. No child is named in it: e-mails are read by many, and on their way.
"""

from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.claims.words import STATES
from service.errors import N_, Invalid, Text
from service.identity.actions import Municipality
from service.identity.members import list_members
from service.identity.messages import send_email
from service.values.secrecy import KeyRing
from service.web.formats import show
from service.web.texts import translator

PAGE: Final = "/club/claims"
"""Where a club sees its claims."""

_SUBJECT: Final = N_("{municipality} has decided about claims of {club}")
_TEXT: Final = N_(
    """Hello

{municipality} has decided about these claims of {club}:

{lines}

The reasons, and what you can do, stand on your page:

{url}
"""
)
_APPROVED: Final = N_("{name}: approved, expected to be paid on {day}")
_OTHER: Final = N_("{name}: {state}")
_UNNAMED: Final = N_("Claim {id}")
_MOST_LINES: Final = 100
_MORE: Final = N_("… and {count} more")


def tell_decisions(session: Session, municipality: Municipality, keys: KeyRing, public_url: str) -> int:
    """Queue an e-mail to every club with decisions that it has not been told of; returns how many clubs are told.

    It goes to the club's contact or, where it named none, to its treasurers. In one transaction with the note that it
    was told, so that a club is told once.
    """
    rows = session.execute(text(_TO_TELL)).all()
    session.execute(text("UPDATE claim SET to_tell = false WHERE id = ANY (:ids)"), {"ids": [row.id for row in rows]})
    treasurers: dict[UUID, list[str]] = {}
    for member in list_members(session) if rows else []:
        if member.organisation_id is not None:
            treasurers.setdefault(member.organisation_id, []).append(member.email)
    told = 0
    for club_id, of_club in groupby(rows, key=lambda row: row.club_id):
        # One that was withdrawn meanwhile the club took back itself.
        decided = [row for row in of_club if row.state != "withdrawn"]
        if decided:
            to = [decided[0].contact_email] if decided[0].contact_email else treasurers.get(club_id, [])
            told += _write(session, municipality, keys, to, decided, f"{public_url}{PAGE}")
    return told


def _write(
    session: Session, municipality: Municipality, keys: KeyRing, to: Sequence[str], decided: Sequence[Any], url: str
) -> bool:
    """Write to a club; whether somebody of it could be written to."""
    translate = translator(municipality.language).gettext
    lines = [f"- {_line(row, municipality.language)}" for row in decided[:_MOST_LINES]]
    if len(decided) > _MOST_LINES:
        lines.append(Text(_MORE, {"count": len(decided) - _MOST_LINES}).said(translate))
    values = {"municipality": municipality.name, "club": decided[0].club_name}
    # A subject is one line, and a club's name may be as long as one.
    subject = " ".join(Text(_SUBJECT, values).said(translate).split())[:200]
    body = Text(_TEXT, values | {"lines": "\n".join(lines), "url": url}).said(translate)
    written = False
    for address in to:
        # An address that nothing can be sent to keeps no other club from being told.
        with suppress(Invalid):
            send_email(session, keys, address, subject, body)
            written = True
    return written


def _line(row: Any, language: str) -> str:
    translate = translator(language).gettext
    name = row.reference or Text(_UNNAMED, {"id": row.id}).said(translate)
    if row.state == "approved" and row.expected_payment_date:
        said = Text(_APPROVED, {"name": name, "day": row.expected_payment_date})
    else:
        said = Text(_OTHER, {"name": name, "state": Text(STATES[row.state])})
    return said.said(translate, lambda value: show(value, language))


# Whoever is in the middle of deciding is told of the next day.
_TO_TELL = """
    SELECT c.id, c.club_id, b.name AS club_name, b.contact_email, c.reference, c.state, c.expected_payment_date
    FROM claim c JOIN club b ON b.id = c.club_id WHERE c.to_tell ORDER BY c.club_id, c.id FOR UPDATE OF c SKIP LOCKED
"""
