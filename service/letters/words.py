"""What people call the states and kinds of letters, and what they do about one that is held back."""

from typing import Final

import msgspec

from service.errors import N_

LETTER_STATES: Final = {
    "queued": N_("waiting for a print batch"),
    "held_back": N_("held back"),
    "batched": N_("in a print batch"),
    "handed_over": N_("handed over"),
    "returned": N_("returned"),
    "cancelled": N_("cancelled"),
}
LETTER_KINDS: Final = {
    "pass": N_("with a pass"),
    "ended": N_("that there is no pass any more"),
    "invitation": N_("an invitation to apply"),
}
RETURN_REASONS: Final = {
    "moved": N_("Moved"),
    "unknown": N_("Unknown at the address"),
    "not_collected": N_("Not collected"),
    "refused": N_("Refused"),
    "incomplete": N_("The address is incomplete"),
}
"""What the post writes on a letter that it brings back."""


class Held(msgspec.Struct, frozen=True):
    """Why a letter is held back, and what somebody does about it."""

    because: str
    do: str


_HELD: Final = (
    Held(
        N_("The register has no full address."),
        N_("Write the address into the letter, or wait for an extract that has it."),
    ),
    Held(
        N_("A child has left the household. To send its pass to where it lives, replace the pass."),
        N_("Open the letter, then the child's pass, and replace it: the new letter goes to where the child lives now."),
    ),
    Held(
        N_("The register has no name for the child."),
        N_("Import an extract that has the name. The letter is tried again with the next print batches."),
    ),
)


def held_words(because: str) -> Held:
    """What to do about a letter that is held back for this reason, which is told as it was kept where it is new."""
    unheard = Held(because, N_("Tell the operator: the letter templates need a wording for this."))
    return next((held for held in _HELD if held.because == because), unheard)
