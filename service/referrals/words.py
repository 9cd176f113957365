"""The words for referrals and cases."""

from typing import Final

from service.errors import N_

REFERRAL_STATES: Final = {
    "draft": N_("Draft"),
    "sent": N_("With the municipality"),
    "sent_back": N_("A question to you"),
    "approved": N_("On the municipality's list"),
    "rejected": N_("Not on the list"),
    "withdrawn": N_("Consent withdrawn"),
}
REFERRAL_COLORS: Final = {
    "draft": "neutral",
    "sent": "info",
    "sent_back": "warning",
    "approved": "success",
    "rejected": "danger",
    "withdrawn": "neutral",
}
CASE_STATES: Final = {
    "open": N_("To be decided"),
    "sent_back": N_("Sent back with a question"),
    "approved": N_("Approved"),
    "rejected": N_("Rejected"),
    "withdrawn": N_("Consent withdrawn"),
}
CASE_COLORS: Final = {"open": "warning", "sent_back": "info", "approved": "success", "rejected": "danger"}
OUTCOMES: Final = {
    "open": N_("Has an offer"),
    "accepted": N_("Comes"),
    "declined": N_("Has said no"),
    "expired": N_("Has not answered in time"),
    "cancelled": N_("Had said yes, and cannot come"),
    "withdrawn": N_("The offer was taken back"),
    "stay_cancelled": N_("The stay is cancelled; another place is looked for"),
}
OUTCOME_COLORS: Final = {"open": "warning", "accepted": "success"}
CONSENTS: Final = {
    "spoken": N_("In a conversation"),
    "written": N_("In writing"),
    "through_interpreter": N_("In a conversation through an interpreter"),
}
INTERPRETER: Final = "interpreter"
"""Among what holds of a family on the form, that it needs an interpreter."""
