"""The words of offers."""

from typing import Final

from service.errors import N_

STATES: Final = {
    "open": N_("Waits for an answer"),
    "accepted": N_("Accepted"),
    "declined": N_("Declined"),
    "expired": N_("No answer in time"),
    "cancelled": N_("Cancelled by the family"),
    "withdrawn": N_("Withdrawn"),
    "stay_cancelled": N_("The stay is cancelled"),
}
COLORS: Final = {
    "open": "info",
    "accepted": "success",
    "declined": "neutral",
    "expired": "warning",
    "cancelled": "warning",
    "withdrawn": "neutral",
    "stay_cancelled": "danger",
}
VIA: Final = {
    "letter": N_("Letter"),
    "email": N_("E-mail"),
    "text": N_("Text message"),
    "referrer": N_("Through who referred the family"),
}
WAYS: Final = {"auto": N_("Text message where there is a mobile number, else letter"), **VIA}
HOW: Final = {"link": N_("by the link"), "code": N_("by the code"), "coordinator": N_("noted by a coordinator")}
BECAUSE: Final = {
    "time": N_("We cannot come at that time"),
    "place": N_("The place does not suit us"),
    "travel": N_("The journey is too difficult"),
    "other_plans": N_("We have other plans"),
    "illness": N_("Somebody is ill"),
    "other": N_("Something else"),
}
