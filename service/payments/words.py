"""What stands on payments in words."""

from service.errors import N_

RUN_STATES = {
    "created": N_("To be approved"),
    "approved": N_("To be released"),
    "released": N_("Released"),
    "closed": N_("Done"),
    "cancelled": N_("Cancelled"),
}
RUN_COLORS = {"created": "info", "approved": "info", "released": "warning", "closed": "success", "cancelled": "neutral"}

PAYMENT_STATES = {
    "planned": N_("Planned"),
    "sent": N_("Under way"),
    "settled": N_("Settled"),
    "rejected": N_("Rejected"),
    "cancelled": N_("Cancelled"),
}
PAYMENT_COLORS = {"sent": "info", "settled": "success", "rejected": "danger"}

WAITING = {
    "no_account": N_("The club has no approved account yet."),
    "suspended": N_("The club is suspended: what it is owed is kept for it."),
    "account_to_mend": N_("The last payment came back: the account must be mended, or another try allowed."),
}

PAYEE_KINDS = {"account": N_("Account"), "nemkonto": N_("NemKonto"), "cost_centre": N_("Cost centre")}

OUTCOMES = {
    "settled": N_("settled"),
    "rejected": N_("rejected"),
    "pending": N_("not final yet"),
    "known": N_("known already"),
    "unknown": N_("unknown reference"),
    "differs": N_("another amount"),
    "conflict": N_("settled though it had been rejected"),
}

ODD = {
    "unknown": N_("No payment of yours has this reference. Ask the bank what it is."),
    "differs": N_("The bank tells another amount than was to be paid. Compare it with your statement."),
    "conflict": N_("It had been rejected and may have been paid anew: the club may have the money twice."),
}

SAMPLE_STATES = {
    "asked": N_("Waits for the club"),
    "answered": N_("The club has answered"),
    "accepted": N_("Accepted"),
    "failed": N_("Not accepted"),
}
