"""How a municipality signs its letters and which envelope its print provider uses."""

from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import text
from sqlmodel import Session

from service.errors import FieldError, Invalid
from service.identity.actions import Municipality
from service.letters.content import C5_WINDOW, C65_WINDOW, Sender, Window

_WINDOWS = {"c5": C5_WINDOW, "c65": C65_WINDOW}
_COMPLAINTS = {
    "da": "Du kan klage over afgørelsen. Skriv eller ring til os inden fire uger efter, at du fik brevet.",
    "nb": "Du kan klage på vedtaket. Skriv eller ring til oss innen tre uker etter at du fikk brevet.",
}


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A municipality's own part of every letter. `window` is `c5`, `c65` or `top,left,width,height` in millimetres.

    `templates` names a folder whose files take the place of ours, one by one. `page` is where a family opens its own
    page with the private code, `apply` where it applies.
    """

    department: str = ""
    street: str = ""
    postcode_city: str = ""
    phone: str = ""
    email: str = ""
    web: str = ""
    opening_hours: str = ""
    complaint: str = ""
    club_page: str = ""
    page: str = ""
    apply: str = ""
    window: str = "c5"
    templates: str = ""

    def sender(self, municipality: Municipality) -> Sender:
        """The municipality as it signs."""
        return Sender(
            municipality=municipality.name,
            department=self.department,
            street=self.street,
            postcode_city=self.postcode_city,
            phone=self.phone,
            email=self.email,
            web=self.web,
            language=municipality.language,
            opening_hours=self.opening_hours,
            complaint=self.complaint or _COMPLAINTS.get(municipality.language, ""),
            club_page=self.club_page,
        )

    def envelope(self) -> Window:
        """The window of the envelope; refuses one that is neither known nor four measures."""
        if self.window in _WINDOWS:
            return _WINDOWS[self.window]
        try:
            top, left, width, height = (float(part) for part in self.window.split(","))
        except ValueError:
            wrong = FieldError(
                "window", "is neither c5 nor c65 nor four measures in millimetres: top,left,width,height"
            )
            raise Invalid("Some settings are wrong.", errors=[wrong]) from None
        return Window(top=top, left=left, width=width, height=height)

    def folder(self) -> Path | None:
        """The folder of the municipality's own templates, where it has some."""
        return Path(self.templates) if self.templates else None


def signature(session: Session) -> Signature:
    """How the tenant of this transaction signs."""
    row = session.execute(text("SELECT settings FROM letter_settings")).scalar()
    return msgspec.convert(row or {}, Signature)


def set_signature(session: Session, municipality: Municipality, written: dict[str, str]) -> Signature:
    """Change the named settings and keep the others."""
    known = Signature.__struct_fields__
    wrong = [
        FieldError(key, "is no setting; known are {known}", {"known": ", ".join(known)})
        for key in written
        if key not in known
    ]
    if wrong:
        raise Invalid("Some settings are wrong.", errors=wrong)
    changed: dict[str, Any] = {key: value.strip() for key, value in written.items()}
    new = msgspec.structs.replace(signature(session), **changed)
    new.envelope()
    if new.templates and not Path(new.templates).is_dir():
        raise Invalid("Some settings are wrong.", errors=[FieldError("templates", "is no folder")])
    session.execute(
        text(
            """INSERT INTO letter_settings (tenant_id, settings) VALUES (:tenant, :settings)
            ON CONFLICT (tenant_id) DO UPDATE SET settings = excluded.settings"""
        ),
        {"tenant": municipality.id, "settings": msgspec.json.encode(new).decode()},
    )
    return new
