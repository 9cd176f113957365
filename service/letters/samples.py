"""Made-up letters, to look at templates before they are used."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from service.errors import Refused
from service.letters.content import (
    C5_WINDOW,
    C65_WINDOW,
    EndedPass,
    Ground,
    InvitedChild,
    Letter,
    PassSheet,
    Sender,
    Window,
)

KINDS: tuple[Literal["pass", "ended", "invitation"], ...] = ("pass", "ended", "invitation")
_GROUNDS: dict[str, Ground] = {
    "pass": "income_within_limit",
    "ended": "income_above_limit",
    "invitation": "income_missing",
}

_CHILDREN = (
    "Amira Solberg",
    "Noor Solberg",
    "Yusuf Solberg",
    "Maja Sofie Solberg",
    "Elias Solberg",
    "Ida Solberg",
)


def sample_letter(
    kind: str, language: str | None, own_language: str = "da", children: int = 2, window: Window | None = None
) -> Letter:
    """A letter to people who do not exist; `language` as in `Letter`, `own_language` that of the municipality."""
    found = next((known for known in KINDS if known == kind), None)
    if found is None:
        raise Refused("There is no letter of the kind {kind!r}; there are: {known}.", kind=kind, known=", ".join(KINDS))
    names = _CHILDREN[:children]
    return Letter(
        number="7K4M-29",
        kind=found,
        language=language,
        recipient=("Fatima Solberg", "Prøvevej 12, 3. th.", "8999 Prøveby"),
        sender=_sender(own_language),
        window=window or (C65_WINDOW if own_language == "nb" else C5_WINDOW),
        date=date(2017, 1, 15),
        grounds=(_GROUNDS[found],),
        private_code="RTKM-4821",
        apply_url="fritid.example/ansoeg",
        page_url="fritid.example/min-side",
        passes=_passes(names) if kind == "pass" else (),
        ended=tuple(EndedPass(name, date(2010, 3, 4), date(2017, 12, 31)) for name in names if kind == "ended"),
        invited=tuple(InvitedChild(name, date(2010, 3, 4)) for name in names if kind == "invitation"),
        income_year=2016,
        rule="Prøveby Kommunes regler for fritidspas, § 2",
    )


def _passes(names: Sequence[str]) -> tuple[PassSheet, ...]:
    return tuple(
        PassSheet(
            number=f"ABCD-EFG-HJK{at}",
            bare_number=f"ABCDEFGHJK{at}",
            child_name=name,
            birth_date=date(2010, 3, at),
            amount_ore=100_000,
            equipment_ore=50_000,
            valid_from=date(2017, 1, 1),
            valid_to=date(2017, 12, 31),
            club_contact="fritid@proeveby.example",
        )
        for at, name in enumerate(names, start=2)
    )


def _sender(language: str) -> Sender:
    return Sender(
        municipality="Prøveby Kommune",
        department="Kultur og Fritid",
        street="Rådhuspladsen 2",
        postcode_city="8999 Prøveby",
        phone="89 40 20 00",
        email="fritid@proeveby.example",
        web="proeveby.example",
        language=language,
        opening_hours="9–14",
        complaint="Du kan klage til Prøveby Kommune inden 4 uger. Skriv eller ring til os.",
        club_page="fritid.example/klub",
    )
