"""The states and kinds of clubs in words."""

from typing import Final

from service.errors import N_

CLUB_STATES: Final = {"approved": N_("Approved"), "suspended": N_("Suspended"), "ended": N_("Ended")}

APPLICATION_STATES: Final = {"waiting": N_("Waiting"), "approved": N_("Approved"), "rejected": N_("Rejected")}

PAYEE_KINDS: Final = {"account": N_("Bank account"), "nemkonto": N_("NemKonto"), "cost_centre": N_("Cost centre")}

PAYEE_STATES: Final = {
    "proposed": N_("Waiting for approval"),
    "approved": N_("Approved"),
    "rejected": N_("Rejected"),
    "replaced": N_("Replaced"),
    "stopped": N_("Stopped before its day"),
    "withdrawn": N_("Withdrawn"),
}

ACTIVITIES: Final = {
    "athletics": N_("Athletics"),
    "badminton": N_("Badminton"),
    "basketball": N_("Basketball"),
    "boxing": N_("Boxing"),
    "chess": N_("Chess"),
    "climbing": N_("Climbing"),
    "cycling": N_("Cycling"),
    "dance": N_("Dance"),
    "e_sport": N_("E-sport"),
    "fitness": N_("Fitness"),
    "football": N_("Football"),
    "golf": N_("Golf"),
    "gymnastics": N_("Gymnastics"),
    "handball": N_("Handball"),
    "ice_hockey": N_("Ice hockey"),
    "martial_arts": N_("Martial arts"),
    "music": N_("Music"),
    "riding": N_("Riding"),
    "rowing": N_("Rowing"),
    "sailing": N_("Sailing"),
    "scouts": N_("Scouts"),
    "shooting": N_("Shooting"),
    "skating": N_("Skating"),
    "skiing": N_("Skiing"),
    "swimming": N_("Swimming"),
    "table_tennis": N_("Table tennis"),
    "tennis": N_("Tennis"),
    "theatre": N_("Theatre"),
    "volleyball": N_("Volleyball"),
    "other": N_("Something else"),
}

REGISTERS: Final = {
    "enhetsregisteret": N_("Enhetsregisteret"),
    "frivillighetsregisteret": N_("Frivillighetsregisteret"),
    "cvr": N_("CVR"),
}

OUTCOMES: Final = {
    "found": N_("Found"),
    "unknown": N_("Does not know the number"),
    "deleted": N_("Deleted"),
    "failed": N_("Not looked up: the register did not answer"),
    "not_asked": N_("Not looked up"),
}
