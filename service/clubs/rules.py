"""What a club may offer and be: the words of it, and what follows from them alone."""

ACTIVITY_KINDS = (
    "athletics",
    "badminton",
    "basketball",
    "boxing",
    "chess",
    "climbing",
    "cycling",
    "dance",
    "e_sport",
    "fitness",
    "football",
    "golf",
    "gymnastics",
    "handball",
    "ice_hockey",
    "martial_arts",
    "music",
    "riding",
    "rowing",
    "sailing",
    "scouts",
    "shooting",
    "skating",
    "skiing",
    "swimming",
    "table_tennis",
    "tennis",
    "theatre",
    "volleyball",
    "other",
)
"""What kinds of activity there are: a scheme may leave some of them out."""

CLUB_STATES = ("approved", "suspended", "ended")

PAYEE_KINDS = ("account", "nemkonto", "cost_centre")

PAYEE_STATES = ("proposed", "approved", "rejected", "replaced", "stopped", "withdrawn")
"""`replaced` had money sent to it until the next one's day; `stopped` was approved, but its day never came."""

APPLICATION_STATES = ("waiting", "approved", "rejected")

SOURCES = ("enhetsregisteret", "frivillighetsregisteret", "cvr")

LOOK_UP_OUTCOMES = ("found", "unknown", "deleted", "failed")
"""What a register said. `failed`: it gave no answer that could be used, so nothing is known."""
