"""What of the letters waits for somebody."""

from service.errors import N_
from service.web.today import Waiting, counted

WAITING = (
    Waiting(
        "letters.send",
        N_("Letters held back"),
        counted("SELECT count(*), min(queued_at) FROM letter WHERE state = 'held_back'"),
        path="/letters/held",
    ),
    Waiting(
        "letters.send",
        N_("Print batches, to be handed over"),
        counted("SELECT count(*), min(created_at) FROM print_batch WHERE pages IS NOT NULL AND handed_over_at IS NULL"),
        path="/letters/batches",
    ),
)
