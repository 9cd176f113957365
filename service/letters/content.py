"""What stands in a letter, as plain data: made by the slices that decide, printed by `rendering`.

A letter is one envelope: first the home sheet, which carries the address, the private code and what the
municipality used; then one pass sheet per child, which may be handed to a club and therefore says nothing
about the family.
"""

from datetime import date
from typing import Literal

import msgspec

Ground = Literal[
    "income_within_limit",
    "decision",
    "area",
    "referral",
    "application",
    "income_above_limit",
    "too_old",
    "too_young",
    "decision_ended",
    "area_left",
    "moved_away",
    "review",
    "income_missing",
    "income_implausible",
    "no_provider",
    "household_uncertain",
]
"""Why a child has, or no longer has, a pass, or what could not be seen of an invited one.

The wording files hold a sentence for each; figures never stand in it.
"""


class Window(msgspec.Struct, frozen=True):
    """The window of the print provider's envelope, in millimetres on the folded sheet.

    Address and letter number keep `tolerance` from every edge, because a sheet slides inside its envelope.
    """

    top: float
    left: float
    width: float
    height: float
    tolerance: float = 4.0


C5_WINDOW = Window(top=44, left=15, width=105, height=35)
C65_WINDOW = Window(top=39, left=15, width=100, height=35)


class Sender(msgspec.Struct, frozen=True):
    """The municipality as it signs its letters.

    `language` is the municipality's own: that of the pass sheets (a club reads them) and of letters to
    families that have not chosen one. `complaint` says how to complain under the country's law, already
    worded; `club_page` is where clubs check a pass.
    """

    municipality: str
    department: str
    street: str
    postcode_city: str
    phone: str
    email: str
    web: str
    language: str = "da"
    opening_hours: str = ""
    complaint: str = ""
    club_page: str = ""


class PassSheet(msgspec.Struct, frozen=True):
    """One child's pass. `number` is grouped for people, `bare_number` is all that the QR code holds.

    `birth_date` is shown only between children of the same name in one envelope, and then as little of it as
    tells them apart. Amounts are øre; `equipment_ore` comes on top of `amount_ore`. The pass is valid on both
    its days. `club_contact` is whom the club asks: a phone number or an e-mail address.
    """

    number: str
    bare_number: str
    child_name: str
    birth_date: date
    amount_ore: int
    valid_from: date
    valid_to: date
    club_contact: str
    equipment_ore: int | None = None


class EndedPass(msgspec.Struct, frozen=True):
    """A pass that is not given again: whose, and the last day on which it can be used."""

    child_name: str
    birth_date: date
    valid_to: date


class InvitedChild(msgspec.Struct, frozen=True):
    """A child for whom a family is invited to apply."""

    child_name: str
    birth_date: date


class Letter(msgspec.Struct, frozen=True):
    """One envelope to one family.

    `language` is what the family has chosen (a code such as `ar`), None when nobody has asked it. `number` is
    read through the window of returned mail and typed or scanned by staff. `grounds` are told in words, with
    `income_year` where an income was looked at; `rule` is the scheme's own name for its source. `page_url`
    and `private_code` open the family's own page. Protected letters never share a batch with others.
    """

    number: str
    kind: Literal["pass", "ended", "invitation"]
    language: str | None
    recipient: tuple[str, ...]
    sender: Sender
    window: Window
    date: date
    grounds: tuple[Ground, ...]
    private_code: str
    apply_url: str
    page_url: str
    passes: tuple[PassSheet, ...] = ()
    ended: tuple[EndedPass, ...] = ()
    invited: tuple[InvitedChild, ...] = ()
    income_year: int | None = None
    rule: str = ""
    protected: bool = False

    def __post_init__(self) -> None:
        carried = {"pass": self.passes, "ended": self.ended, "invitation": self.invited}
        if not carried.pop(self.kind) or any(carried.values()):
            raise ValueError("a letter carries what its kind says, and nothing else")
        if not self.recipient or not self.grounds:
            raise ValueError("a letter has a recipient and at least one ground")

    @property
    def children(self) -> tuple[PassSheet | EndedPass | InvitedChild, ...]:
        """Whom the letter is about."""
        return self.passes or self.ended or self.invited
