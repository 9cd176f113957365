"""The words for what stays are made of."""

from typing import Final

from service.errors import N_

SEASON_STATES: Final = {"draft": N_("Draft"), "published": N_("Published"), "closed": N_("Closed")}
SEASON_COLORS: Final = {"draft": "neutral", "published": "success", "closed": "info"}
ROLES: Final = {
    "leader": N_("Leader"),
    "deputy": N_("Deputy leader"),
    "cook": N_("Cook"),
    "activities": N_("Activities"),
    "first_aid": N_("First aid"),
    "transport": N_("Transport"),
    "helper": N_("Helper"),
}
ROLE_STATES: Final = {"needed": N_("Needed"), "asked": N_("Asked"), "confirmed": N_("Confirmed")}
ROLE_COLORS: Final = {"needed": "warning", "asked": "info", "confirmed": "success"}
FALLBACKS: Final = {"day_trip": N_("Day trip"), "children_alone": N_("Stay for children alone")}
SOURCES: Final = {"handed_over": N_("From its Medspiller"), "spreadsheet": N_("As a spreadsheet")}
CHANGES: Final = {"added": N_("New"), "changed": N_("Changed")}
VERDICTS: Final = {"same": N_("The same child"), "different": N_("Different children")}
