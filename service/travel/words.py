"""The words for travel, attendance and opinions."""

from typing import Final

from service.errors import N_

ATTENDANCE: Final = {"came": N_("Came"), "not_come": N_("Not come")}
ATTENDANCE_COLORS: Final = {"came": "success", "not_come": "danger"}
CHARGES: Final = {"to_invoice": N_("To be invoiced"), "invoiced": N_("Invoiced"), "paid": N_("Payment received")}
CHARGE_COLORS: Final = {"to_invoice": "warning", "invoiced": "info", "paid": "success"}
LANGUAGES: Final = {"da": "Dansk", "nb": "Norsk bokmål", "en": "English"}
AUDIENCES: Final = {"family": N_("Families"), "volunteer": N_("Volunteers")}
AGAIN: Final = {"yes": N_("Yes"), "perhaps": N_("Perhaps"), "no": N_("No")}
MARKS: Final = {"1": N_("1 – bad"), "2": "2", "3": "3", "4": "4", "5": N_("5 – very good")}
QUESTIONS: Final = {
    "overall": N_("How was the stay?"),
    "children": N_("How did the children like it?"),
    "travel": N_("How was the journey?"),
}
ASKED_AGAIN: Final = N_("Would you come again?")
WORDS: Final = N_("Is there anything that you want to say?")
