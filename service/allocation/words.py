"""The outcomes and reasons of an allocation in words; the codes stand in P.csv."""

from typing import Final

from service.errors import N_

OUTCOMES: Final = {
    "placed": N_("placed"),
    "waiting": N_("on the waiting list"),
    "ineligible": N_("not eligible"),
}

REASONS: Final = {
    # placed
    "priority": N_("Placed in priority order."),
    "better_wish": N_("Placed in priority order; the re-pack gave it a better wish."),
    "worse_wish": N_("Placed in priority order; the re-pack gave it a worse wish, which was allowed."),
    "within_region": N_(
        "Placed in priority order; the re-pack moved it to a later stay of its region, which was allowed."
    ),
    "entered": N_("The re-pack made room for it."),
    "locked": N_("Placed by hand."),
    # waiting
    "family_places": N_("All family places are taken."),
    "beds": N_("There are not enough beds left for the whole family."),
    "family_places_and_beds": N_("There are no family places and not enough beds left."),
    "rooms": N_("No family room is left that is large enough."),
    "apart": N_("Somebody is there whom the family must not meet."),
    "too_large": N_("The family is too large for every stay that it wishes for."),
    # ineligible
    "no_child_of_age": N_("No child is of the age for a stay that the family wishes for."),
    "no_wishes": N_("The family names neither a stay nor a region."),
    "no_stay_in_region": N_("There is no stay in the region."),
}
